//! The programs that follow a pack: their output, state file and exit status.
#![allow(missing_docs)]
// With `rustls` and no `ring`, no client is built without a configuration of the caller's.
#![cfg(any(feature = "ring", not(feature = "rustls")))]

mod support;

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::Duration;
use support::{Fault, Server};

const MS: Duration = Duration::from_millis(1);

/// `cargo test` builds the examples beside the tests.
fn program(server: &Server, name: &str, arguments: &[&str]) -> Command {
    let test = std::env::current_exe().expect("this test");
    let path = test
        .parent()
        .and_then(Path::parent)
        .expect("target/debug")
        .join("examples")
        .join(name);
    let mut command = Command::new(path);
    command
        .env_clear()
        .env("CONNECTEAM_API_KEY", "key")
        .env("CONNECTEAM_BASE_URL", server.base_url());
    command
        .args(["--pack", "1001"])
        .args(arguments)
        .stdin(Stdio::null());
    command
}

/// A folder of one test's own, empty.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("follow")
        .join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

/// `follow`, looking every 5 ms.
fn follow(server: &Server, state: &Path, more: &[&str]) -> Command {
    let mut command = program(
        server,
        "follow",
        &["--interval-ms", "5", "--json", "--state", text(state)],
    );
    command
        .args(more)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn run(mut command: Command) -> (i32, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().expect("the example is built");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (status.code().expect("an exit"), text(stdout), text(stderr))
}

fn put(server: &Server, user: u64, status: &str, waiting: bool) {
    server.with(|world| {
        if !world.packs[&1001].iter().any(|row| row.user == user) {
            world.put(1001, user);
        }
        let rows = world.packs.get_mut(&1001).expect("a pack");
        for row in rows.iter_mut().filter(|row| row.user == user) {
            (row.status, row.waiting) = (status.to_owned(), waiting);
        }
        world.list = None;
    });
}

/// Waits until the program has looked so often.
fn until_gets(server: &Server, gets: usize) {
    while server.gets() < gets {
        std::thread::sleep(MS);
    }
}

fn lines(child: &mut Child) -> std::io::Lines<BufReader<ChildStdout>> {
    BufReader::new(child.stdout.take().expect("piped")).lines()
}

#[test]
fn each_change_is_one_object_and_the_first_look_prints_nothing() {
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
            r#"{"change":"submitted","userId":7,"assignmentId":501}"#,
        ),
        (
            "in_progress",
            false,
            r#"{"change":"reopened","userId":7,"assignmentId":501}"#,
        ),
        (
            "on \"hold\"",
            false,
            r#"{"change":"other","userId":7,"assignmentId":501,"status":"on \"hold\""}"#,
        ),
        (
            "completed",
            false,
            r#"{"change":"completed","userId":7,"assignmentId":501}"#,
        ),
    ] {
        put(&server, 7, status, waiting);
        assert_eq!(lines.next().expect("a line").expect("text"), expected);
    }
    assert!(lines.next().is_none());
    assert!(child.wait().expect("ends").success());

    // What happens between two runs is the first thing found.
    put(&server, 8, "completed", false);
    server.with(|world| {
        world
            .packs
            .get_mut(&1001)
            .expect("a pack")
            .retain(|row| row.user == 8);
        world.list = None;
    });
    let (exit, printed, _) = run(follow(&server, &state, &["--until-complete"]));
    let expected = "{\"change\":\"removed\",\"userId\":7,\"assignmentId\":501}\n\
                    {\"change\":\"assigned\",\"userId\":8,\"assignmentId\":502}\n";
    assert_eq!((exit, printed.as_str()), (0, expected));
    assert_eq!(
        run(follow(&server, &state, &["--until-complete"])).1,
        "",
        "once"
    );
}

#[test]
fn the_state_of_another_pack_is_refused() {
    let (server, state) = (Server::start(), folder("packs").join("state.json"));
    put(&server, 7, "completed", false);
    assert_eq!(run(follow(&server, &state, &["--until-complete"])).0, 0);
    let saved = std::fs::read_to_string(&state).expect("saved");
    serde_json::from_str::<connecteam_onboarding::Snapshot>(&saved)
        .expect("a snapshot like any other");
    std::fs::write(&state, saved.replace(r#""pack":1001"#, r#""pack":7"#)).expect("a file");
    let (exit, printed, error) = run(follow(&server, &state, &["--until-complete"]));
    assert_eq!((exit, printed.as_str()), (1, ""));
    assert!(
        error.contains("the state of pack 7, not of pack 1001"),
        "{error}"
    );
}

#[cfg(unix)]
#[test]
fn a_link_to_the_state_stays_a_link() {
    let (server, folder) = (Server::start(), folder("links"));
    put(&server, 7, "completed", false);
    let (state, link) = (folder.join("real.json"), folder.join("link.json"));
    let _ = std::fs::remove_file(&link);
    std::fs::write(
        &state,
        serde_json::to_string(&connecteam_onboarding::Snapshot::new(
            connecteam_onboarding::PackId::try_from(1001).expect("an id"),
            std::time::UNIX_EPOCH,
            vec![],
        ))
        .expect("text"),
    )
    .expect("a file");
    std::os::unix::fs::symlink(&state, &link).expect("a link");
    let (exit, printed, _) = run(follow(&server, &link, &["--until-complete"]));
    assert_eq!((exit, printed.lines().count()), (0, 1));
    assert!(link.symlink_metadata().expect("there").is_symlink());
    assert!(
        std::fs::read_to_string(&state)
            .expect("there")
            .contains(r#""userId":7"#)
    );
}

#[test]
fn only_those_of_the_file_are_followed() {
    let (server, folder) = (Server::start(), folder("users"));
    let users = folder.join("users.txt");
    std::fs::write(&users, "7 # new\n\n").expect("a file");
    put(&server, 8, "in_progress", false);
    let arguments = ["--until-complete", "--users-file", text(&users)];
    let mut child = follow(&server, &folder.join("state.json"), &arguments)
        .spawn()
        .expect("runs");
    let mut lines = lines(&mut child);
    until_gets(&server, 3);
    put(&server, 8, "in_progress", true);
    put(&server, 7, "completed", false);
    let line: Value =
        serde_json::from_str(&lines.next().expect("a line").expect("text")).expect("JSON");
    assert_eq!(
        (&line["change"], &line["userId"]),
        (&json!("assigned"), &json!(7))
    );
    // Absent, then there in two steps: completed is not always the first state seen.
    for line in lines {
        assert!(line.expect("text").contains(r#""userId":7"#));
    }
    assert!(child.wait().expect("ends").success());
}

#[test]
fn a_state_that_cannot_be_read_is_an_error_and_stays_as_it_is() {
    let (server, state) = (Server::start(), folder("unreadable").join("state.json"));
    for bad in [
        "",
        "{}",
        "{\"version\":2}",
        "not JSON",
        "{\"version\":1,\"takenAt\":1,\"assignments\":[{}]}",
    ] {
        std::fs::write(&state, bad).expect("a file");
        let (exit, printed, error) = run(follow(&server, &state, &[]));
        assert_eq!((exit, printed.as_str()), (1, ""));
        assert!(
            error.contains("state.json: not the state of an earlier run"),
            "{bad}: {error}"
        );
        assert_eq!(std::fs::read_to_string(&state).expect("still there"), bad);
    }
    let nowhere = state.with_file_name("no-such-folder").join("state.json");
    assert_eq!(server.requests(), 0);
    let (exit, _, error) = run(follow(&server, &nowhere, &[]));
    assert!(exit == 1 && error.contains("cannot be written"), "{error}");
}

#[test]
fn passing_failures_are_told_and_a_lasting_one_exits_1() {
    let (server, state) = (Server::start(), folder("failures").join("state.json"));
    server.fault(
        "GET",
        Fault::Status(
            422,
            "application/json",
            r#"{"detail":"not today"}"#.to_owned(),
        ),
    );
    let (exit, _, error) = run(follow(&server, &state, &["--until-complete"]));
    assert!(exit == 0 && error.contains("not today"), "{exit} {error}");
    for status in [401, 403, 404] {
        server.fault(
            "GET",
            Fault::Status(status, "application/json", "{}".to_owned()),
        );
        let (exit, printed, error) = run(follow(&server, &state, &[]));
        assert_eq!((exit, printed.as_str()), (1, ""));
        assert!(error.contains(&status.to_string()), "{error}");
    }
    for (arguments, words) in [
        (vec!["--interval-ms", "0"], "expected at least 1"),
        (vec!["--pack", "x"], "--pack: `x`"),
        (vec!["--users-file", "no-such-file"], "no-such-file"),
        (vec!["--frobnicate"], "--frobnicate"),
    ] {
        let (exit, _, error) = run(follow(&server, &state, &arguments));
        assert!(exit == 1 && error.contains(words), "{arguments:?}: {error}");
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_it_well() {
    let (server, state) = (Server::start(), folder("ctrl-c").join("state.json"));
    put(&server, 7, "in_progress", false);
    let mut child = follow(&server, &state, &[]).spawn().expect("runs");
    until_gets(&server, 2);
    let killed = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .expect("kill");
    assert!(killed.success());
    assert_eq!(child.wait().expect("ends").code(), Some(0));
}

/// Killed at fifty moments while people move along: nothing missed, nothing invented.
#[test]
fn a_kill_at_any_moment_loses_no_change() {
    const KILLS: u64 = 50;
    let (server, state) = (Server::start(), folder("kills").join("state.json"));
    (1..=KILLS * 4).for_each(|user| put(&server, user, "in_progress", false));
    // The baseline.
    let mut child = follow(&server, &state, &[]).spawn().expect("runs");
    until_gets(&server, 2);
    child.kill().expect("killed");
    let _ = child.wait();
    let mut printed = String::new();
    for round in 0..KILLS {
        let mut child = follow(&server, &state, &[]).spawn().expect("runs");
        // Mostly just around a look and its save, sometimes before the first.
        let gets = server.gets();
        for step in 1..=4 {
            put(&server, round * 4 + step, "completed", false);
            let until = std::time::Instant::now() + MS * 40;
            while server.gets() < gets + usize::try_from(round % 4).expect("small")
                && std::time::Instant::now() < until
            {
                std::thread::yield_now();
            }
            std::thread::sleep(MS / 10 * fastrand::u32(0..20));
        }
        child.kill().expect("killed");
        let output = child.wait_with_output().expect("ended");
        assert_eq!(output.stderr, b"", "round {round}: the state was readable");
        printed += &String::from_utf8(output.stdout).expect("text");
    }
    let (exit, rest, _) = run(follow(&server, &state, &["--until-complete"]));
    assert_eq!(exit, 0);
    printed += &rest;
    let mut times = BTreeMap::new();
    for line in printed.lines() {
        let change: Value = serde_json::from_str(line).expect("whole lines");
        assert_eq!(change["change"], "completed");
        *times
            .entry(change["userId"].as_u64().expect("a user"))
            .or_insert(0_u64) += 1;
    }
    assert_eq!(
        times.keys().copied().collect::<Vec<_>>(),
        (1..=KILLS * 4).collect::<Vec<_>>()
    );
    let twice = times.values().filter(|times| **times > 1).count();
    println!(
        "{KILLS} kills, {} changes, {twice} printed more than once",
        times.len()
    );
}

#[test]
fn new_hires_come_from_the_column_of_that_name() {
    let (server, folder) = (Server::start(), folder("new_hires"));
    server.users([7, 8]);
    let export = folder.join("export.csv");
    let export_text =
        "\u{feff}User ID;Name\r\n7;\"Li; Wei\"\r\n;Ann\r\n 8 ;\"two\nlines\"\r\n9;Max\r\n";
    std::fs::write(&export, export_text).expect("a file");
    let hire = |column| {
        let arguments = [
            "--csv",
            text(&export),
            "--delimiter",
            ";",
            "--column",
            column,
        ];
        run(program(&server, "new_hires", &arguments))
    };
    let (exit, printed, error) = hire("Name");
    assert!(
        exit == 1 && error.contains("line 2: `Li; Wei` is not a user id"),
        "{printed}{error}"
    );
    assert!(
        hire("Id")
            .2
            .contains("no column `Id`; there are: User ID, Name")
    );
    assert_eq!(server.requests(), 0);
    let (exit, printed, error) = hire("User ID");
    assert!(
        exit == 0 && error.contains("1 rows have no id") && printed.contains("rejected 9"),
        "{printed}{error}"
    );
    assert_eq!(server.assigned(1001), [7, 8]);

    // Lines are told as an editor counts them, and what is in other columns is nobody's business.
    for (content, expected) in [
        (
            &b"User ID;Name\n7;M\xfcller\n\n\n8;\"two\nlines\"\nx;b\n"[..],
            "line 7: `x` is not a user id",
        ),
        (
            b"User ID;Name\r\n\r\nx;b\r\n",
            "line 3: `x` is not a user id",
        ),
        (b"\nUser ID;Name\n\xff;b\n", "line 3: this is not text"),
    ] {
        std::fs::write(&export, content).expect("a file");
        let (exit, _, error) = hire("User ID");
        assert!(exit == 1 && error.contains(expected), "{error}");
    }
}

#[test]
fn reminders_name_who_waits_and_who_is_stuck() {
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
    // All of them were so in 2020, but user 4, who moved since, and user 5, who is new.
    let entry = |user: u64, status: &str, waiting| json!({"id": 500 + user, "userId": user, "status": status, "isWaitingApproval": waiting, "since": 1_577_836_800_u64});
    let saved = json!({"version": 1, "pack": 1001, "takenAt": 1_577_836_800_u64, "assignments": [
        entry(1, "in_progress", false), entry(2, "in_progress", true), entry(3, "completed", false),
        entry(4, "in_progress", false),
    ]});
    std::fs::write(&state, saved.to_string()).expect("a file");
    let (exit, printed, error) = run(program(
        &server,
        "reminders",
        &["--days", "30", "--state", text(&state)],
    ));
    assert_eq!(exit, 0, "{error}");
    let lines: Vec<_> = printed.lines().collect();
    assert_eq!(lines.len(), 3, "{printed}");
    assert_eq!(
        lines[0],
        "5 assignments: 1 completed (20%), 2 waiting for approval, 2 in progress"
    );
    assert!(
        lines[1].starts_with("user 1 is stuck since ")
            && lines[2].starts_with("user 2 waits for approval since ")
    );
}
