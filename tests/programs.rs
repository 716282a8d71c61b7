//! The programs that others drive: their output, exit status and errors.
#![allow(missing_docs)]
// With `rustls` and no `ring`, no client is built without a configuration of the caller's.
#![cfg(any(feature = "ring", not(feature = "rustls")))]

mod support;

use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;
use support::{Fault, Naming, Server, Window};

const MS: Duration = Duration::from_millis(1);

/// `cargo test` builds the examples beside the tests.
fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("this test");
    test.parent()
        .and_then(Path::parent)
        .expect("target/debug")
        .join("examples")
        .join(name)
}

fn file(name: &str, content: impl AsRef<[u8]>) -> String {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("programs");
    std::fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join(name);
    std::fs::write(&path, content).expect("a file");
    path.to_str().expect("text").to_owned()
}

fn command(server: &Server, name: &str) -> Command {
    let mut command = Command::new(program(name));
    command
        .env_clear()
        .env("CONNECTEAM_API_KEY", "key")
        .env("CONNECTEAM_BASE_URL", server.base_url());
    command
}

fn assign(server: &Server, users: &str, more: &[&str]) -> Command {
    let mut command = command(server, "assign");
    command
        .args(["--pack", "1001", "--users-file", users, "--json"])
        .args(more);
    command
}

fn run(mut command: Command) -> (i32, Value, Output) {
    let output = command
        .stdin(Stdio::null())
        .output()
        .expect("the example is built");
    let text = String::from_utf8(output.stdout.clone()).expect("text");
    assert_eq!(
        text.lines().count(),
        1,
        "one object: {text} {}",
        String::from_utf8_lossy(&output.stderr)
    );
    (
        output.status.code().expect("an exit"),
        serde_json::from_str(&text).expect("JSON"),
        output,
    )
}

/// Ctrl-C.
#[cfg(unix)]
fn interrupt(child: &std::process::Child) {
    let sent = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .expect("kill");
    assert!(sent.success());
}

fn list(users: impl IntoIterator<Item = u64>) -> String {
    users.into_iter().map(|user| format!("{user}\n")).collect()
}

#[test]
fn a_messy_file_becomes_assignments() {
    let server = Server::start();
    server
        .users(1..=1003)
        .already(1001, [2])
        .with(|world| world.naming = Naming::Index);
    let messy = format!(
        "\u{feff}# new hires\r\n\n  7 \r\n7 # again\n{}9999\n",
        list([1, 2, 3])
    );
    let (exit, object, _) = run(assign(&server, &file("messy.txt", messy), &[]));
    assert_eq!(exit, 2);
    assert_eq!(
        object,
        json!({"assigned": [7, 1, 3], "already_assigned": [2], "rejected": [{"userId": 9999, "reason": "no such user"}],
               "not_assigned": [], "unknown": [], "duplicates": 1, "requests": 4, "error": null})
    );
    let (exit, object, _) = run(assign(&server, &file("clean.txt", "7\n1\n"), &[]));
    assert_eq!((exit, &object["already_assigned"]), (0, &json!([7, 1])));
    let (exit, object, _) = run(assign(&server, &file("empty.txt", "# nobody\n"), &[]));
    assert_eq!(
        (exit, &object["requests"], &object["error"]),
        (0, &json!(0), &json!(null))
    );
}

#[test]
fn standard_input_is_a_file_too() {
    let server = Server::start();
    server.users([5]);
    let mut child = assign(&server, "-", &[])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("runs");
    child
        .stdin
        .take()
        .expect("piped")
        .write_all(b"5\n")
        .expect("written");
    let output = child.wait_with_output().expect("ends");
    assert!(output.status.success());
    assert_eq!(server.assigned(1001), [5]);
}

#[test]
fn bad_input_names_itself_sends_nothing_and_exits_1() {
    let server = Server::start();
    let good = file("good.txt", "7\n");
    let words = |text: &str, name: &str| file(name, text);
    let cases: Vec<(Vec<String>, &str)> = vec![
        (
            vec!["--users-file".into(), words("7\nabc\n", "word.txt")],
            "line 2: `abc`",
        ),
        (
            vec!["--users-file".into(), words("0\n", "zero.txt")],
            "line 1: `0`",
        ),
        (
            vec!["--users-file".into(), words("1\n\n-3\n", "negative.txt")],
            "line 3: `-3`",
        ),
        (
            vec!["--users-file".into(), file("bytes.txt", b"7\n\xff\xfe\n")],
            "line 2: this is not text",
        ),
        (
            vec!["--users-file".into(), "no-such-file.txt".into()],
            "no-such-file.txt",
        ),
        (
            vec!["--users-file".into(), good.clone(), "--frobnicate".into()],
            "--frobnicate",
        ),
        (
            vec![
                "--users-file".into(),
                good.clone(),
                "--timeout-ms".into(),
                "soon".into(),
            ],
            "--timeout-ms: `soon`",
        ),
        (
            vec!["--users-file".into(), good.clone(), "--timeout-ms".into()],
            "--timeout-ms",
        ),
        (
            vec![
                "--users-file".into(),
                good.clone(),
                "--pack".into(),
                "x".into(),
            ],
            "--pack: `x`",
        ),
        (
            vec!["--users-file".into(), good.clone(), "extra".into()],
            "extra",
        ),
        (vec![], "--users-file is missing"),
    ];
    for (arguments, words) in cases {
        let mut command = command(&server, "assign");
        command.args(["--pack", "1001", "--json"]).args(&arguments);
        let (exit, object, _) = run(command);
        assert_eq!(exit, 1, "{arguments:?}");
        assert!(
            object["error"]["message"]
                .as_str()
                .expect("a message")
                .contains(words),
            "{arguments:?}: {object}"
        );
        assert_eq!(object["assigned"], json!([]));
        let mut plain = self::command(&server, "assign");
        let output = plain
            .args(["--pack", "1001"])
            .args(&arguments)
            .output()
            .expect("runs");
        assert_eq!(output.status.code(), Some(1));
        assert!(
            String::from_utf8_lossy(&output.stderr).contains(words),
            "{arguments:?}"
        );
    }
    let mut no_pack = command(&server, "assign");
    no_pack.args(["--users-file", &good, "--json"]);
    assert!(
        run(no_pack).1["error"]["message"]
            .as_str()
            .expect("a message")
            .contains("--pack is missing")
    );
    for (variable, value, words) in [
        ("CONNECTEAM_API_KEY", "", "CONNECTEAM_API_KEY"),
        ("CONNECTEAM_API_KEY", "two words", "API key"),
        ("CONNECTEAM_BASE_URL", "http://example.com", "not https"),
        ("CONNECTEAM_BASE_URL", "nonsense", "CONNECTEAM_BASE_URL"),
    ] {
        let mut command = assign(&server, &good, &[]);
        command.env(variable, value);
        let (exit, object, _) = run(command);
        assert_eq!(
            (exit, &object["error"]["kind"]),
            (1, &json!("configuration")),
            "{variable}={value}"
        );
        assert!(
            object["error"]["message"]
                .as_str()
                .expect("a message")
                .contains(words),
            "{object}"
        );
    }
    assert_eq!(server.requests(), 0);
}

#[test]
fn the_exit_status_tells_what_to_do() {
    let many = file("many.txt", list(1..=600));
    let status = |status, text: &str| Fault::Status(status, "application/json", text.to_owned());
    for (code, kind) in [
        (401, "unauthorized"),
        (403, "forbidden"),
        (404, "not_found"),
    ] {
        let server = Server::start();
        server.fault("GET", status(code, "{}"));
        let (exit, object, _) = run(assign(&server, &many, &[]));
        assert_eq!((exit, &object["error"]["kind"]), (1, &json!(kind)));
        assert_eq!(object["not_assigned"].as_array().map(Vec::len), Some(600));
    }
    // The day's quota: run it again.
    let server = Server::start();
    server
        .users(1..=600)
        .with(|world| world.day = Some(Window::new(3, 9_000.0)));
    let (exit, object, _) = run(assign(&server, &many, &[]));
    assert_eq!((exit, &object["error"]["kind"]), (3, &json!("quota_spent")));
    assert!(
        object["error"]["retry_at"]
            .as_u64()
            .is_some_and(|at| at > 1_700_000_000),
        "{object}"
    );
    // In doubt for good.
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
        server.fault("GET", status(403, "{}"));
    }
    let (exit, object, _) = run(assign(
        &server,
        &many,
        &["--settle-ms", "5", "--timeout-ms", "500"],
    ));
    assert_eq!(
        (exit, object["unknown"].as_array().map(Vec::len)),
        (4, Some(600)),
        "{object}"
    );
    // All or nothing.
    let server = Server::start();
    server.users(1..=400);
    let (exit, object, _) = run(assign(&server, &many, &["--all-or-nothing"]));
    assert_eq!(
        (exit, &object["error"]["kind"], server.requests()),
        (1, &json!("too_many_users"), 0)
    );
    let few = file("few.txt", list(399..=402));
    let (exit, object, _) = run(assign(&server, &few, &["--all-or-nothing"]));
    assert_eq!((exit, &object["error"]["kind"]), (2, &json!("validation")));
    assert_eq!(server.assigned(1001), [0_u64; 0]);
    // Out of requests.
    let (exit, object, _) = run(assign(&server, &many, &["--max-requests", "5"]));
    assert_eq!(
        (exit, &object["error"]["kind"], &object["requests"]),
        (3, &json!("run_limit"), &json!(server.requests() - 2))
    );
}

#[test]
fn a_plan_is_one_object_and_sends_no_write() {
    let server = Server::start();
    server
        .users(1..=1003)
        .already(1001, [1])
        .with(|world| world.day = Some(Window::new(100, 9_000.0)));
    let messy = file("plan.txt", list((1..=1003).chain(1..=200)));
    let (exit, object, _) = run(assign(&server, &messy, &["--plan"]));
    let expected = json!({"unique": 1003, "duplicates": 200, "already_assigned": 1, "to_assign": 1002, "requests": 4, "max_requests": 262,
                          "fits_today": true, "error": null});
    assert_eq!((exit, object), (0, expected));
    assert_eq!(server.posts(), 0);
    server.fault("GET", Fault::Status(404, "text/plain", String::new()));
    let (exit, object, _) = run(assign(&server, &messy, &["--plan"]));
    assert_eq!(
        (exit, &object["error"]["kind"], &object["fits_today"]),
        (1, &json!("not_found"), &json!(null))
    );
}

#[test]
fn a_cut_answer_is_read_back() {
    let server = Server::start();
    server
        .users(1..=600)
        .fault("POST", Fault::CloseAfterExecute)
        .fault("POST", Fault::HeadersThenSilence);
    let many = file("cut.txt", list(1..=600));
    let (exit, object, _) = run(assign(
        &server,
        &many,
        &["--timeout-ms", "300", "--settle-ms", "100"],
    ));
    assert_eq!(
        (exit, object["assigned"].as_array().map(Vec::len)),
        (0, Some(600)),
        "{object}"
    );
    assert_eq!((server.posts(), server.assigned(1001).len()), (2, 600));
    assert_eq!(object["requests"], json!(server.requests()));
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_with_a_report() {
    let server = Server::start();
    server.users(1..=20_000).delay(MS * 60);
    let many = file("stop.txt", list(1..=20_000));
    let child = assign(&server, &many, &[])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("runs");
    while server.posts() < 6 {
        std::thread::sleep(MS);
    }
    interrupt(&child);
    let output = child.wait_with_output().expect("ends");
    let object: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(
        (output.status.code(), &object["error"]["kind"]),
        (Some(3), &json!("stopped"))
    );
    let assigned = object["assigned"].as_array().map_or(0, Vec::len);
    assert_eq!(server.assigned(1001).len(), assigned);
    assert!((1..20_000).contains(&assigned), "{assigned}");
}

/// Neither the wait for the limit nor a server that is down keeps it from stopping.
#[cfg(unix)]
#[test]
fn ctrl_c_ends_a_wait_at_once() {
    let many = file("wait.txt", list(1..=5_000));
    for waits_for_the_limit in [true, false] {
        let server = Server::start();
        server.users(1..=5_000);
        if waits_for_the_limit {
            server.with(|world| world.minute = Some(Window::new(3, 50.0)));
        } else {
            for _ in 0..9 {
                server.fault("GET", Fault::CloseBeforeRead);
            }
        }
        let child = assign(&server, &many, &[])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("runs");
        while server.requests() < 3 {
            std::thread::sleep(MS);
        }
        std::thread::sleep(MS * 50);
        interrupt(&child);
        let output = child.wait_with_output().expect("ends");
        let object: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(
            (output.status.code(), &object["error"]["kind"]),
            (Some(3), &json!("stopped")),
            "{object}"
        );
        assert_eq!(
            server.assigned(1001).len(),
            object["assigned"].as_array().map_or(0, Vec::len)
        );
    }
}

#[cfg(feature = "mock")]
#[test]
fn the_quickstart_needs_nothing() {
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

#[test]
fn help_is_no_failure() {
    for name in ["assign", "follow", "reminders", "new_hires", "drift"] {
        let output = Command::new(program(name))
            .arg("--help")
            .output()
            .expect("the example is built");
        let text = String::from_utf8(output.stdout).expect("text");
        assert!(
            output.status.success() && text.starts_with(&format!("usage: {name} ")),
            "{name}: {text}"
        );
        assert_eq!(output.stderr, b"");
    }
}

#[test]
fn a_comment_in_another_encoding_is_a_comment() {
    let server = Server::start();
    server.users([7]);
    let (exit, object, _) = run(assign(
        &server,
        &file("latin1.txt", b"7 # M\xfcller\n"),
        &[],
    ));
    assert_eq!((exit, &object["assigned"]), (0, &json!([7])));
}

#[cfg(unix)]
#[test]
fn a_reader_who_left_changes_no_exit_status() {
    let server = Server::start();
    server.users([7]);
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let output = assign(&server, &file("pipe.txt", "7\n8\n"), &[])
        .stdout(writer)
        .stderr(Stdio::piped())
        .output()
        .expect("runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "one is rejected: {error}");
    assert!(error.contains("cannot print"), "{error}");
    assert_eq!(server.assigned(1001), [7]);
}

#[test]
fn the_object_has_its_fields_in_the_documented_order() {
    let server = Server::start();
    server.users([7]);
    let users = file("order.txt", "7\n");
    let fields = |more: &[&str]| {
        let output = assign(&server, &users, more).output().expect("runs");
        let text = String::from_utf8(output.stdout).expect("text");
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
    let plan = [
        "unique",
        "duplicates",
        "already_assigned",
        "to_assign",
        "requests",
        "max_requests",
        "fits_today",
    ];
    let error = ["error", "kind", "message", "retry_at"];
    assert_eq!(fields(&[]), [&report[..], &error[..1]].concat());
    assert_eq!(fields(&["--plan"]), [&plan[..], &error[..1]].concat());
    assert_eq!(fields(&["--pack", "0"]), [&report[..], &error].concat());
    assert_eq!(
        fields(&["--plan", "--pack", "0"]),
        [&plan[..], &error].concat()
    );
}

#[test]
fn what_the_server_writes_stays_on_its_line() {
    let server = Server::start();
    let refusal = r#"{"detail":"bad \n\u001b[2J isn't there"}"#.to_owned();
    server.fault(
        "POST",
        Fault::Status(422, "application/json", refusal.clone()),
    );
    server.fault("POST", Fault::Status(422, "application/json", refusal));
    let mut plain = command(&server, "assign");
    plain.args(["--pack", "1001", "--users-file", &file("escape.txt", "7\n")]);
    let output = plain.output().expect("runs");
    let text = String::from_utf8(output.stdout).expect("text");
    assert_eq!(
        text.lines().nth(1),
        Some(r"rejected 7: bad \n\u{1b}[2J isn't there"),
        "{text}"
    );
}

#[test]
fn a_limit_on_requests_is_named_when_it_ends_the_search() {
    let server = Server::start();
    server.users([1, 2]);
    let (exit, object, _) = run(assign(
        &server,
        &file("limit.txt", "1\n2\n99999\n"),
        &["--max-requests", "4"],
    ));
    let message = object["error"]["message"].as_str().expect("a message");
    assert_eq!((exit, &object["error"]["kind"]), (3, &json!("run_limit")));
    assert!(
        message.contains(
            "the run may send 4 requests, and the last one is kept to read the pack back"
        ),
        "{message}"
    );
}

/// Whether a process listens for Ctrl-C, as Linux tells it.
#[cfg(target_os = "linux")]
fn listens(child: &std::process::Child) -> bool {
    let status =
        std::fs::read_to_string(format!("/proc/{}/status", child.id())).expect("a process");
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigCgt:"))
        .expect("its signals");
    u64::from_str_radix(mask.trim(), 16).expect("a number") & 0b10 != 0
}

#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_while_the_list_is_read_ends_with_an_object() {
    let server = Server::start();
    let mut child = assign(&server, "-", &[])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("runs");
    while !listens(&child) {
        std::thread::sleep(MS);
    }
    interrupt(&child);
    // Open all the while: the list has no end.
    let input = child.stdin.take();
    let output = child.wait_with_output().expect("ends");
    drop(input);
    let object: Value = serde_json::from_slice(&output.stdout).expect("one object");
    assert_eq!(
        (output.status.code(), &object["error"]["kind"]),
        (Some(3), &json!("stopped"))
    );
    assert_eq!(server.requests(), 0);
}

#[cfg(unix)]
#[test]
fn a_plan_can_be_stopped() {
    let server = Server::start();
    server.users([7]).fault("GET", Fault::Silence);
    let child = assign(&server, &file("plan.txt", "7\n"), &["--plan"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("runs");
    while server.gets() == 0 {
        std::thread::sleep(MS);
    }
    interrupt(&child);
    let output = child.wait_with_output().expect("ends");
    let object: Value = serde_json::from_slice(&output.stdout).expect("one object");
    assert_eq!(
        (output.status.code(), &object["error"]["kind"]),
        (Some(3), &json!("stopped"))
    );
}
