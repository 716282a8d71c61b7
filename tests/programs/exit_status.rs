//! Tests the exit statuses. For the same result, `assign` and `new_hires` must exit with the same status.

use crate::command::{Ended, assign, command, file, list, object, one_object, run};
use crate::support::{Fault, Server, Window};
use serde_json::{Value, json};
use std::time::Duration;

fn status(status: u16) -> Fault {
    Fault::Status(status, "application/json", "{}".to_owned())
}

/// Runs `new_hires` on a CSV file that contains the ids of a list file.
fn hire(server: &Server, list: &str, more: &[&str]) -> Ended {
    let users = std::fs::read_to_string(list).expect("a list");
    let table = file("hires.csv", format!("id\n{users}"));
    let mut command = command(server, "new_hires");
    command
        .args(["--pack", "1001", "--column", "id", "--csv", &table])
        .args(more);
    run(command)
}

/// Runs `assign` and `new_hires` against separate servers, and checks that both programs exit with the same status.
/// Returns the exit status, and the JSON object that `assign` prints.
fn both(prepare: impl Fn(&Server), list: &str, more: &[&str]) -> (i32, Value) {
    let servers = [Server::start(), Server::start()];
    servers.iter().for_each(prepare);
    let (hired, text, error) = hire(&servers[0], list, more);
    let assigned = run(assign(&servers[1], list, more));
    assert_eq!(hired, assigned.0, "{text}{error}{assigned:?}");
    one_object(assigned)
}

fn on(server: &Server, users: &[u64]) {
    server.users(users.iter().copied());
}

#[test]
fn success_is_0_and_a_rejected_user_is_2() {
    let users = file("two.txt", list([1, 2]));
    let (exit, object) = both(|server| on(server, &[1, 2]), &users, &[]);
    assert_eq!((exit, &object["assigned"]), (0, &json!([1, 2])));
    let (exit, object) = both(|server| on(server, &[1]), &users, &[]);
    assert_eq!((exit, &object["rejected"][0]["userId"]), (2, &json!(2)));
    let (exit, object) = both(|_| {}, &users, &[]);
    assert_eq!(
        (exit, object["rejected"].as_array().map(Vec::len)),
        (2, Some(2))
    );
}

#[test]
fn a_permanent_cause_is_1() {
    let many = file("many.txt", list(1..=600));
    for (code, kind) in [
        (401, "unauthorized"),
        (403, "forbidden"),
        (404, "not_found"),
    ] {
        let fault = move |server: &Server| {
            server.fault("GET", status(code));
        };
        let (exit, object) = both(fault, &many, &[]);
        assert_eq!((exit, &object["error"]["kind"]), (1, &json!(kind)));
        assert_eq!(object["not_assigned"].as_array().map(Vec::len), Some(600));
        let (exit, object) = both(fault, &many, &["--plan"]);
        assert_eq!((exit, &object["error"]["kind"]), (1, &json!(kind)));
    }
}

#[test]
fn a_transient_cause_is_3() {
    let many = file("many.txt", list(1..=600));
    let quota = |server: &Server| {
        server
            .users(1..=600)
            .with(|world| world.day = Some(Window::new(3, 9_000.0)));
    };
    let (exit, object) = both(quota, &many, &[]);
    assert_eq!((exit, &object["error"]["kind"]), (3, &json!("quota_spent")));
    assert!(
        object["error"]["retry_at"]
            .as_u64()
            .is_some_and(|at| at > 1_700_000_000),
        "{object}"
    );
    let spent = |server: &Server| server.with(|world| world.day = Some(Window::new(0, 9_000.0)));
    let (exit, object) = both(spent, &many, &["--plan"]);
    assert_eq!((exit, &object["error"]["retry_at"].is_u64()), (3, &true));
}

#[test]
fn an_unknown_outcome_is_4() {
    let many = file("many.txt", list(1..=600));
    let server = Server::start();
    server.users(1..=600);
    for _ in 0..9 {
        server.fault("POST", Fault::CloseBeforeRead);
    }
    server.fault_when(
        |request| request.method == "GET",
        Fault::Delay(Duration::ZERO),
    );
    for _ in 0..40 {
        server.fault("GET", status(403));
    }
    let fast = ["--settle-ms", "5", "--timeout-ms", "500"];
    let (exit, object) = object(assign(&server, &many, &fast));
    assert_eq!(
        (exit, object["unknown"].as_array().map(Vec::len)),
        (4, Some(600)),
        "{object}"
    );
}

#[test]
fn all_or_nothing_is_2_if_rejected_and_1_if_too_long() {
    let server = Server::start();
    server.users(1..=400);
    let many = file("many.txt", list(1..=600));
    let (exit, too_long) = object(assign(&server, &many, &["--all-or-nothing"]));
    assert_eq!(
        (exit, &too_long["error"]["kind"], server.requests()),
        (1, &json!("too_many_users"), 0)
    );
    let few = file("few.txt", list(399..=402));
    let (exit, rejected) = object(assign(&server, &few, &["--all-or-nothing"]));
    assert_eq!(
        (exit, &rejected["error"]["kind"]),
        (2, &json!("validation"))
    );
    assert_eq!(server.assigned(1001), [0_u64; 0]);
}

#[test]
fn a_reached_request_limit_is_3() {
    let server = Server::start();
    server.users(1..=400);
    let many = file("many.txt", list(1..=600));
    let (exit, object) = object(assign(&server, &many, &["--max-requests", "5"]));
    assert_eq!(
        (exit, &object["error"]["kind"], &object["requests"]),
        (3, &json!("run_limit"), &json!(server.requests()))
    );
}

#[test]
fn reminders_exit_with_1_or_3() {
    let server = Server::start();
    let saved = r#"{"version":1,"pack":1001,"takenAt":1577836800,"assignments":[]}"#;
    let state = file("reminders-state.json", saved);
    let remind = || {
        let mut command = command(&server, "reminders");
        command.args(["--pack", "1001", "--days", "1", "--state", &state]);
        run(command)
    };
    assert_eq!(remind().0, 0);
    server.fault("GET", status(404));
    assert_eq!(remind().0, 1);
    server.with(|world| world.day = Some(Window::new(0, 9_000.0)));
    assert_eq!(remind().0, 3);
}
