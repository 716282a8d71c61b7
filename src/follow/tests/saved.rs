//! Tests that loading a saved snapshot either restores all data or fails.

use crate::Snapshot;
use std::time::SystemTime;

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

const ROW: &str = r#"{"id":501,"userId":7,"status":"paused","isWaitingApproval":true,"since":100}"#;

fn read(text: &str) -> Result<Snapshot, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

#[test]
fn a_file_of_this_version_is_read_back() {
    let text = format!(r#"{{"version":1,"pack":9,"takenAt":160,"assignments":[{ROW}]}}"#);
    let snapshot = read(&text).unwrap();
    assert_eq!(serde_json::to_string(&snapshot).unwrap(), text);
    assert_eq!(
        (
            seconds(snapshot.taken_at()),
            seconds(snapshot.entries[0].since())
        ),
        (160, 100)
    );

    // A snapshot may contain unknown fields and may list its fields in any order.
    let row = ROW.replace('{', r#"{"note":[1],"#);
    let other = read(&format!(
        r#"{{"note":9,"assignments":[{row}],"pack":9,"takenAt":160,"version":1}}"#
    ));
    assert_eq!(other.unwrap(), snapshot);
}

#[test]
fn a_file_that_is_not_a_snapshot_is_refused_with_the_reason() {
    let file =
        |rows: &str| format!(r#"{{"version":1,"pack":9,"takenAt":160,"assignments":[{rows}]}}"#);
    let without = |field: &str| file(&ROW.replace(field, r#""x":"#));
    for (text, why) in [
        (String::new(), "EOF"),
        ("null".into(), "invalid type: null"),
        ("[]".into(), "invalid length 0"),
        ("{}".into(), "missing field `version`"),
        (
            r#"{"version":2,"entries":{}}"#.into(),
            "a snapshot of version 2: this release reads version 1",
        ),
        (
            r#"{"version":0,"pack":9,"takenAt":1,"assignments":[]}"#.into(),
            "a snapshot of version 0",
        ),
        (
            r#"{"version":"1","pack":9,"takenAt":1,"assignments":[]}"#.into(),
            "invalid type: string",
        ),
        (
            r#"{"version":1,"takenAt":1,"assignments":[]}"#.into(),
            "missing field `pack`",
        ),
        (
            r#"{"version":1,"pack":9,"assignments":[]}"#.into(),
            "missing field `takenAt`",
        ),
        (
            r#"{"version":1,"pack":9,"takenAt":1}"#.into(),
            "missing field `assignments`",
        ),
        (
            r#"{"version":1,"pack":9,"takenAt":1,"assignments":null}"#.into(),
            "invalid type: null",
        ),
        (
            r#"{"version":1,"pack":9,"takenAt":-1,"assignments":[]}"#.into(),
            "invalid value: integer `-1`",
        ),
        (
            r#"{"version":1,"pack":9,"takenAt":1e30,"assignments":[]}"#.into(),
            "invalid type: floating point",
        ),
        (
            r#"{"version":1,"pack":9,"takenAt":253402300800,"assignments":[]}"#.into(),
            "not a time before the year 10000",
        ),
        (without(r#""id":"#), "missing field `id`"),
        (without(r#""userId":"#), "missing field `userId`"),
        (without(r#""status":"#), "missing field `status`"),
        (
            without(r#""isWaitingApproval":"#),
            "missing field `isWaitingApproval`",
        ),
        (without(r#""since":"#), "missing field `since`"),
        (file(&ROW.replace("501", "0")), "0"),
        (
            file(&format!(
                "{ROW},{}",
                ROW.replace("userId\":7", "userId\":8")
            )),
            "assignment 501 is listed twice",
        ),
        (
            file(&format!("{ROW},{},{ROW}", ROW.replace("501", "3"))),
            "assignment 501 is listed twice",
        ),
        (file(ROW) + "}", "trailing characters"),
    ] {
        let error = read(&text).expect_err(&text);
        assert!(error.contains(why), "{text}\n{error}");
    }
}

#[test]
fn a_truncated_file_is_refused() {
    let text = format!(r#"{{"version":1,"pack":9,"takenAt":160,"assignments":[{ROW}]}}"#);
    for end in 0..text.len() {
        assert!(read(&text[..end]).is_err(), "{}", &text[..end]);
    }
}
