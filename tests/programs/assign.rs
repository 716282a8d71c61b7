//! Tests the user list that `assign` reads and the JSON object that `assign` prints.

use crate::command::{MS, assign, command, end, file, list, object, one_object, program, run};
use crate::support::{Fault, Naming, Server, Window};
use serde_json::json;
use std::io::Write as _;
use std::process::{Command, Stdio};

#[test]
fn assigns_a_messy_file() {
    let server = Server::start();
    server
        .users(1..=1003)
        .already(1001, [2])
        .with(|world| world.naming = Naming::Index);
    let messy = format!(
        "\u{feff}# new hires\r\n\n  7 \r\n7 # again\n{}9999\n",
        list([1, 2, 3])
    );
    let (exit, object) = object(assign(&server, &file("messy.txt", messy), &[]));
    assert_eq!(exit, 2);
    assert_eq!(
        object,
        json!({"assigned": [7, 1, 3], "already_assigned": [2], "rejected": [{"userId": 9999, "reason": "no such user"}],
               "not_assigned": [], "unknown": [], "duplicates": 1, "requests": 4, "error": null})
    );
}

#[test]
fn skips_users_on_the_pack_and_sends_nothing_for_an_empty_list() {
    let server = Server::start();
    server.users([1, 7]).already(1001, [1, 7]);
    let (exit, on_pack) = object(assign(&server, &file("clean.txt", "7\n1\n"), &[]));
    assert_eq!((exit, &on_pack["already_assigned"]), (0, &json!([7, 1])));
    for (name, content) in [("empty.txt", ""), ("comment.txt", "# no users\n")] {
        let (exit, empty) = object(assign(&server, &file(name, content), &[]));
        assert_eq!(
            (exit, &empty["requests"], &empty["error"]),
            (0, &json!(0), &json!(null))
        );
    }
}

#[test]
fn reads_standard_input() {
    let server = Server::start();
    server.users([5]);
    let mut child = assign(&server, "-", &[])
        .stdin(Stdio::piped())
        .spawn()
        .expect("runs");
    let mut input = child.stdin.take().expect("piped");
    input.write_all(b"5\n").expect("written");
    drop(input);
    assert_eq!(end(child).0, 0);
    assert_eq!(server.assigned(1001), [5]);
}

#[test]
fn prints_a_plan_and_sends_no_write() {
    let server = Server::start();
    server
        .users(1..=1003)
        .already(1001, [1])
        .with(|world| world.day = Some(Window::new(100, 9_000.0)));
    let messy = file("plan.txt", list((1..=1003).chain(1..=200)));
    let (exit, plan) = object(assign(&server, &messy, &["--plan"]));
    assert_eq!(exit, 0);
    for (field, value) in [
        ("unique", json!(1003)),
        ("duplicates", json!(200)),
        ("already_assigned", json!(1)),
        ("to_assign", json!(1002)),
        ("requests", json!(4)),
        ("requests_if_rejected", json!(98)),
        ("max_requests", json!(262)),
        ("fits_today", json!(true)),
        ("error", json!(null)),
    ] {
        assert_eq!(plan[field], value, "{field}");
    }
    assert_eq!(server.posts(), 0);
}

#[test]
fn a_failed_plan_has_the_fields_of_a_plan() {
    let server = Server::start();
    server.users([7]);
    let users = file("failed-plan.txt", "7\n");
    let fields = |value: serde_json::Value| {
        let object = value.as_object().expect("an object");
        object.keys().cloned().collect::<Vec<_>>()
    };
    let (_, plan) = object(assign(&server, &users, &["--plan"]));
    server.fault("GET", Fault::Status(404, "text/plain", String::new()));
    let (exit, failed) = object(assign(&server, &users, &["--plan"]));
    assert_eq!((exit, &failed["error"]["kind"]), (1, &json!("not_found")));
    assert_eq!(
        (&failed["requests"], &failed["fits_today"]),
        (&json!(0), &json!(null))
    );
    assert_eq!(fields(failed), fields(plan));
}

#[test]
fn reads_back_after_a_cut_response() {
    let server = Server::start();
    server
        .users(1..=600)
        .fault("POST", Fault::CloseAfterExecute)
        .fault("POST", Fault::HeadersThenSilence);
    let many = file("cut.txt", list(1..=600));
    let fast = ["--timeout-ms", "300", "--settle-ms", "100"];
    let (exit, object) = object(assign(&server, &many, &fast));
    assert_eq!(
        (exit, object["assigned"].as_array().map(Vec::len)),
        (0, Some(600)),
        "{object}"
    );
    assert_eq!((server.posts(), server.assigned(1001).len()), (2, 600));
    assert_eq!(object["requests"], json!(server.requests()));
}

#[cfg(feature = "mock")]
#[test]
fn the_quickstart_needs_no_environment() {
    let output = Command::new(program("quickstart"))
        .env_clear()
        .output()
        .expect("the example is built");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        text.contains("997 assigned, 3 already assigned, 2 rejected; 200 duplicates"),
        "{text}"
    );
}

#[cfg(unix)]
#[test]
fn a_closed_output_does_not_change_the_exit_status() {
    let server = Server::start();
    server.users([7]);
    for (json, closed_error) in [(true, false), (false, false), (true, true), (false, true)] {
        let closed = || {
            let (reader, writer) = std::io::pipe().expect("a pipe");
            drop(reader);
            writer
        };
        let mut command = command(&server, "assign");
        let users = file("pipe.txt", "7\n8\n");
        command
            .args(["--pack", "1001", "--users-file", &users])
            .args(json.then_some("--json"))
            .stdout(closed());
        if closed_error {
            command.stderr(closed());
        }
        let (exit, _, error) = run(command);
        assert_eq!(exit, 2, "one user is rejected: {error}");
        assert_eq!(error.contains("cannot print"), !closed_error, "{error}");
    }
    assert_eq!(server.assigned(1001), [7]);
}

#[test]
fn the_object_has_its_fields_in_the_documented_order() {
    let server = Server::start();
    server.users([7]);
    let users = file("order.txt", "7\n");
    let fields = |more: &[&str]| {
        let (_, text, _) = run(assign(&server, &users, more));
        let names = text.split('"').skip(1).step_by(2).map(str::to_owned);
        names
            .filter(|name| text.contains(&format!("\"{name}\":")))
            .collect::<Vec<_>>()
    };
    let report = [
        "assigned",
        "already_assigned",
        "rejected",
        "not_assigned",
        "unknown",
        "duplicates",
        "requests",
    ];
    let error = ["error", "kind", "message", "retry_at"];
    assert_eq!(fields(&[]), [&report[..], &error[..1]].concat());
    assert_eq!(fields(&["--pack", "0"]), [&report[..], &error].concat());
    let plan = fields(&["--plan"]);
    let documented = [
        "unique",
        "duplicates",
        "already_assigned",
        "to_assign",
        "requests",
        "requests_if_rejected",
        "max_requests",
        "fits_today",
        "error",
    ];
    assert_eq!(plan, documented);
    let failed = fields(&["--plan", "--pack", "0"]);
    let (same, more) = failed.split_at(plan.len());
    assert_eq!((same, more), (&plan[..], &error.map(str::to_owned)[1..]));
}

#[test]
fn text_of_the_server_stays_on_one_line() {
    let server = Server::start();
    let refusal = r#"{"detail":"bad \n\u001b[2J isn't there"}"#.to_owned();
    for _ in 0..2 {
        server.fault(
            "POST",
            Fault::Status(422, "application/json", refusal.clone()),
        );
    }
    let mut plain = command(&server, "assign");
    plain.args(["--pack", "1001", "--users-file", &file("escape.txt", "7\n")]);
    let (_, text, _) = run(plain);
    assert_eq!(
        text.lines().nth(1),
        Some(r"rejected 7: bad \n\u{1b}[2J isn't there"),
        "{text}"
    );
}

#[test]
fn names_the_limit_on_requests_that_ended_the_search() {
    let server = Server::start();
    server.users([1, 2]);
    let users = file("limit.txt", "1\n2\n99999\n");
    let (exit, object) = object(assign(&server, &users, &["--max-requests", "4"]));
    let message = object["error"]["message"].as_str().expect("a message");
    assert_eq!((exit, &object["error"]["kind"]), (3, &json!("run_limit")));
    assert!(
        message.contains(
            "the run may send 4 requests, and the last one is kept to read the pack back"
        ),
        "{message}"
    );
}

/// The JSON object does not fit into the pipe buffer, so `assign` must wait for the reader.
#[test]
fn a_slow_reader_gets_the_whole_object() {
    let server = Server::start();
    server.users(1..=20_000);
    let users = file("slow.txt", list(1..=20_000));
    let child = assign(&server, &users, &[]).spawn().expect("runs");
    while server.assigned(1001).len() < 20_000 {
        std::thread::sleep(MS);
    }
    std::thread::sleep(MS * 50);
    let (exit, object) = one_object(end(child));
    assert_eq!(
        (exit, object["assigned"].as_array().map(Vec::len)),
        (0, Some(20_000))
    );
}
