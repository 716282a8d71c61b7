//! Tests the program `reminders`, which lists users that wait for approval or make no progress.

use super::pack::put;
use crate::command::{command, folder, run, text};
use crate::support::Server;
use serde_json::json;
use std::path::Path;

fn remind(server: &Server, state: &Path) -> (i32, String, String) {
    let mut command = command(server, "reminders");
    command.args(["--pack", "1001", "--days", "30", "--state", text(state)]);
    run(command)
}

#[test]
fn lists_the_users_that_wait_and_the_users_that_are_stuck() {
    let (server, state) = (Server::start(), folder("reminders").join("state.json"));
    for (user, status, waiting) in [
        (1, "in_progress", false),
        (2, "in_progress", true),
        (3, "completed", false),
        (4, "in_progress", true),
        (5, "in_progress", false),
    ] {
        put(&server, user, status, waiting);
    }
    // In the saved state, all assignments last changed in 2020. After 2020, the state of user 4 changed and user 5 was
    // added.
    let entry = |user: u64, status: &str, waiting| json!({"id": 500 + user, "userId": user, "status": status, "isWaitingApproval": waiting, "since": 1_577_836_800_u64});
    let saved = json!({"version": 1, "pack": 1001, "takenAt": 1_577_836_800_u64, "assignments": [
        entry(1, "in_progress", false), entry(2, "in_progress", true), entry(3, "completed", false),
        entry(4, "in_progress", false),
    ]});
    std::fs::write(&state, saved.to_string()).expect("a file");
    let (exit, printed, error) = remind(&server, &state);
    assert_eq!(exit, 0, "{error}");
    let lines: Vec<_> = printed.lines().collect();
    assert_eq!(lines.len(), 3, "{printed}");
    assert_eq!(
        lines[0],
        "5 assignments: 1 completed (20%), 2 waiting for approval, 2 in progress"
    );
    assert!(
        lines[1].starts_with("user 1 has been stuck for ")
            && lines[2].starts_with("user 2 has been waiting for approval for "),
        "{printed}"
    );
}

#[test]
fn needs_a_state_and_only_reads_it() {
    let (server, folder) = (Server::start(), folder("no-state"));
    let empty = folder.join("empty.json");
    std::fs::write(&empty, "").expect("a file");
    for state in [&empty, &folder.join("none.json")] {
        let (exit, _, error) = remind(&server, state);
        assert!(
            exit == 1 && error.contains("there is no state; run `follow --state` first"),
            "{error}"
        );
    }
    assert_eq!(server.requests(), 0);
    assert_eq!(std::fs::read_dir(&folder).expect("a folder").count(), 1);
}
