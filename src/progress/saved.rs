//! A snapshot as it is written to a file: versioned, and read back whole or not at all.

use super::snapshot::{is_ascending, sort};
use super::{Moment, Snapshot, SnapshotEntry, State};
use crate::{AssignmentId, AssignmentStatus, UserId};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The version that this release writes, and the only one so far.
const VERSION: u64 = 1;

/// The fields of the file. `version` is first, so that a file of a later version is refused for being
/// one, and not for whatever has changed in it. No field has a default: a file without the list is not a
/// file with an empty list.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct Saved<List> {
    /// The version of the format.
    #[serde(deserialize_with = "known_version")]
    #[cfg_attr(feature = "schemars", schemars(range(min = 1, max = 1)))]
    version: u64,
    /// When the snapshot was taken, in seconds since the Unix epoch (UTC).
    taken_at: Moment,
    /// Every assignment, each id once.
    assignments: List,
}

/// One assignment, with the API's names.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(super) struct Row {
    /// The assignment.
    id: AssignmentId,
    /// The user who is on the pack.
    user_id: UserId,
    /// How far the user is.
    status: AssignmentStatus,
    /// Whether an admin's approval is pending.
    is_waiting_approval: bool,
    /// Since when it is so, in seconds since the Unix epoch (UTC).
    since: Moment,
}

impl From<Row> for SnapshotEntry {
    fn from(row: Row) -> Self {
        let Row {
            id,
            user_id,
            status,
            is_waiting_approval,
            since,
        } = row;
        Self {
            id,
            user_id,
            state: State::new(status, is_waiting_approval),
            since,
        }
    }
}

impl From<SnapshotEntry> for Row {
    fn from(entry: SnapshotEntry) -> Self {
        let SnapshotEntry {
            id,
            user_id,
            state,
            since,
        } = entry;
        let is_waiting_approval = state.is_waiting_approval();
        Self {
            id,
            user_id,
            status: state.status().clone(),
            is_waiting_approval,
            since,
        }
    }
}

fn known_version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    match u64::deserialize(deserializer)? {
        VERSION => Ok(VERSION),
        other => Err(D::Error::custom(format_args!(
            "a snapshot of version {other}: this release reads version {VERSION}"
        ))),
    }
}

impl Serialize for Snapshot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Saved {
            version: VERSION,
            taken_at: self.taken_at,
            assignments: self.entries.as_slice(),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Snapshot {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Saved {
            taken_at,
            assignments: mut entries,
            ..
        } = Saved::<Vec<SnapshotEntry>>::deserialize(deserializer)?;
        if !is_ascending(&entries) {
            sort(&mut entries);
            if let Some(twice) = entries.windows(2).find(|pair| pair[0].id == pair[1].id) {
                return Err(D::Error::custom(format_args!(
                    "assignment {} is listed twice",
                    twice[0].id
                )));
            }
        }
        entries.shrink_to_fit();
        Ok(Self { taken_at, entries })
    }
}

#[cfg(feature = "schemars")]
impl schemars::JsonSchema for Snapshot {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Snapshot".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Saved::<Vec<SnapshotEntry>>::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &str =
        r#"{"id":501,"userId":7,"status":"paused","isWaitingApproval":true,"since":100}"#;

    fn read(text: &str) -> Result<Snapshot, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_of_today_is_read_by_every_later_release() {
        let text = format!(r#"{{"version":1,"takenAt":160,"assignments":[{ROW}]}}"#);
        let snapshot = read(&text).unwrap();
        assert_eq!(serde_json::to_string(&snapshot).unwrap(), text);
        assert_eq!(
            (
                snapshot.taken_at.seconds(),
                snapshot.entries[0].since.seconds()
            ),
            (160, 100)
        );

        // Fields that came later, and another order, do no harm.
        let row = ROW.replace('{', r#"{"note":[1],"#);
        let other = read(&format!(
            r#"{{"pack":9,"assignments":[{row}],"takenAt":160,"version":1}}"#
        ));
        assert_eq!(other.unwrap(), snapshot);
    }

    #[test]
    fn what_is_no_snapshot_is_an_error_that_says_why() {
        let file = |rows: &str| format!(r#"{{"version":1,"takenAt":160,"assignments":[{rows}]}}"#);
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
                r#"{"version":0,"takenAt":1,"assignments":[]}"#.into(),
                "a snapshot of version 0",
            ),
            (
                r#"{"version":"1","takenAt":1,"assignments":[]}"#.into(),
                "invalid type: string",
            ),
            (
                r#"{"version":1,"assignments":[]}"#.into(),
                "missing field `takenAt`",
            ),
            (
                r#"{"version":1,"takenAt":1}"#.into(),
                "missing field `assignments`",
            ),
            (
                r#"{"version":1,"takenAt":1,"assignments":null}"#.into(),
                "invalid type: null",
            ),
            (
                r#"{"version":1,"takenAt":-1,"assignments":[]}"#.into(),
                "invalid value: integer `-1`",
            ),
            (
                r#"{"version":1,"takenAt":1e30,"assignments":[]}"#.into(),
                "invalid type: floating point",
            ),
            (
                r#"{"version":1,"takenAt":253402300800,"assignments":[]}"#.into(),
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
    fn a_file_that_was_cut_anywhere_is_an_error() {
        let text = format!(r#"{{"version":1,"takenAt":160,"assignments":[{ROW}]}}"#);
        for end in 0..text.len() {
            assert!(read(&text[..end]).is_err(), "{}", &text[..end]);
        }
    }
}
