//! Tests the changes that the program `follow` prints.

use super::pack::{follow, lines, put, remove, until_gets};
use crate::command::{command, folder, run, text};
use crate::support::Server;
use connecteam_onboarding::Change;
use serde_json::{Value, json};

#[test]
fn prints_each_change_as_one_object_and_nothing_for_the_first_poll() {
    let (server, state) = (Server::start(), folder("objects").join("state.json"));
    put(&server, 7, "in_progress", false);
    let mut child = follow(&server, &state, &["--until-complete"])
        .spawn()
        .expect("runs");
    let mut lines = lines(&mut child);
    until_gets(&server, 2);
    assert!(state.exists(), "the baseline is saved");
    for (status, waiting, expected) in [
        (
            "in_progress",
            true,
            r#"{"change":"submitted","userId":7,"assignmentId":501,"status":"in_progress","isWaitingApproval":true,"before":{"status":"in_progress","isWaitingApproval":false}}"#,
        ),
        (
            "in_progress",
            false,
            r#"{"change":"reopened","userId":7,"assignmentId":501,"status":"in_progress","isWaitingApproval":false,"before":{"status":"in_progress","isWaitingApproval":true}}"#,
        ),
        (
            "on \"hold\"",
            false,
            r#"{"change":"other","userId":7,"assignmentId":501,"status":"on \"hold\"","isWaitingApproval":false,"before":{"status":"in_progress","isWaitingApproval":false}}"#,
        ),
        (
            "completed",
            false,
            r#"{"change":"completed","userId":7,"assignmentId":501,"status":"completed","isWaitingApproval":false,"before":{"status":"on \"hold\"","isWaitingApproval":false}}"#,
        ),
    ] {
        put(&server, 7, status, waiting);
        let line = lines.next().expect("a line").expect("text");
        assert_eq!(line, expected);
        let change: Change = serde_json::from_str(&line).expect("a change");
        assert_eq!(serde_json::to_string(&change).expect("JSON"), line);
    }
    assert!(lines.next().is_none());
    assert!(child.wait().expect("ends").success());
}

#[test]
fn prints_first_the_changes_since_the_last_run() {
    let (server, state) = (Server::start(), folder("between").join("state.json"));
    put(&server, 7, "completed", false);
    assert_eq!(run(follow(&server, &state, &["--until-complete"])).0, 0);
    put(&server, 8, "completed", false);
    remove(&server, 7);
    let (exit, printed, _) = run(follow(&server, &state, &["--until-complete"]));
    let expected = [
        r#"{"change":"removed","userId":7,"assignmentId":501,"status":null,"isWaitingApproval":null,"before":{"status":"completed","isWaitingApproval":false}}"#,
        r#"{"change":"assigned","userId":8,"assignmentId":502,"status":"completed","isWaitingApproval":false,"before":null}"#,
    ];
    assert_eq!(
        (exit, printed.lines().collect::<Vec<_>>()),
        (0, expected.to_vec())
    );
    let (exit, printed, _) = run(follow(&server, &state, &["--until-complete"]));
    assert_eq!((exit, printed.as_str()), (0, ""), "once");
}

#[test]
fn the_text_shows_that_a_new_user_has_completed() {
    let (server, state) = (Server::start(), folder("text").join("state.json"));
    std::fs::write(
        &state,
        r#"{"version":1,"pack":1001,"takenAt":1577836800,"assignments":[]}"#,
    )
    .expect("a file");
    put(&server, 7, "completed", false);
    let mut command = command(&server, "follow");
    command.args([
        "--pack",
        "1001",
        "--until-complete",
        "--state",
        text(&state),
    ]);
    let (exit, printed, _) = run(command);
    assert_eq!(
        (exit, printed.as_str()),
        (0, "assigned: user 7, assignment 501 (completed)\n")
    );
}

#[test]
fn follows_only_the_users_of_a_file() {
    let (server, folder) = (Server::start(), folder("users"));
    let users = folder.join("users.txt");
    std::fs::write(&users, "7 # new\r\r").expect("a file");
    put(&server, 8, "in_progress", false);
    let arguments = ["--until-complete", "--users-file", text(&users)];
    let mut child = follow(&server, &folder.join("state.json"), &arguments)
        .spawn()
        .expect("runs");
    let mut lines = lines(&mut child);
    until_gets(&server, 3);
    put(&server, 8, "in_progress", true);
    put(&server, 7, "completed", false);
    let line = lines.next().expect("a line").expect("text");
    let line: Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(
        (&line["change"], &line["userId"]),
        (&json!("assigned"), &json!(7))
    );
    // `follow` ignores user 8, because the users file does not contain this user.
    for line in lines {
        assert!(line.expect("text").contains(r#""userId":7"#));
    }
    assert!(child.wait().expect("ends").success());
}
