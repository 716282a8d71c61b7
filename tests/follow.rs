//! The follow example, killed at any moment: every change is printed at least once, none is invented.
#![allow(missing_docs)]
#![cfg(unix)]

mod support;

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;
use support::{Fault, Server};

const MS: Duration = Duration::from_millis(1);

fn follow(server: &Server, more: &[&str]) -> Command {
    let test = std::env::current_exe().expect("this test");
    let program = test.parent().and_then(Path::parent).expect("target/debug").join("examples/follow");
    let mut command = Command::new(program);
    command.env_clear().env("CONNECTEAM_API_KEY", "key").env("CONNECTEAM_BASE_URL", server.base_url());
    command.args(["--pack", "1001", "--interval-ms", "5", "--json"]).args(more);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn state(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("follow").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder.join("state.json")
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args([name, &child.id().to_string()]).status().expect("kill");
    assert!(status.success());
}

fn wait_for(what: impl Fn() -> bool) {
    for _ in 0..20_000 {
        if what() {
            return;
        }
        std::thread::sleep(MS);
    }
    panic!("it did not happen");
}

fn lines(output: &Output) -> Vec<Value> {
    // A line cut by a kill was not printed.
    let text = String::from_utf8_lossy(&output.stdout);
    text.split_inclusive('\n')
        .filter(|line| line.ends_with('\n'))
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

fn set(server: &Server, index: usize, status: &str, waiting: bool) {
    server.with(|world| {
        let row = &mut world.packs.get_mut(&1001).expect("known")[index];
        (row.status, row.waiting) = (status.to_owned(), waiting);
        world.list = None;
    });
}

/// How often it is killed; the closing note's figure is for 50.
fn kills() -> usize {
    std::env::var("FOLLOW_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(8)
}

#[test]
fn killed_at_any_moment_it_misses_no_change_and_invents_none() {
    let server = Server::start();
    server.already(1001, 1..=10);
    let state = state("killed");
    let arguments = ["--state", state.to_str().expect("text")];
    let mut printed: BTreeMap<String, usize> = BTreeMap::new();
    let mut happened: Vec<Value> = Vec::new();
    let mut count = |output: &Output| {
        for line in lines(output) {
            *printed.entry(line.to_string()).or_default() += 1;
        }
    };
    // The baseline is saved before anything happens.
    let child = follow(&server, &arguments).spawn().expect("the example, which `cargo test` builds");
    wait_for(|| state.exists());
    signal(&child, "-KILL");
    count(&child.wait_with_output().expect("ends"));
    for round in 0..kills() {
        let child = follow(&server, &arguments).spawn().expect("the example, which `cargo test` builds");
        // People move along, each change once in its life, whatever the program is doing.
        let index = round % 10;
        let (status, waiting, change) = match round / 10 % 3 {
            0 => ("in_progress", true, "submitted"),
            1 => ("completed", false, "completed"),
            _ => ("in_progress", false, "reopened"),
        };
        std::thread::sleep(MS * u32::try_from(round * 7 % 40).expect("small"));
        set(&server, index, status, waiting);
        let row = &server.rows(1001)[index];
        happened.push(json!({"change": change, "userId": row.user, "assignmentId": row.id}));
        std::thread::sleep(MS * u32::try_from(round * 13 % 30).expect("small"));
        signal(&child, "-KILL");
        count(&child.wait_with_output().expect("ends"));
        let text = std::fs::read(&state).expect("the old one or the new one");
        serde_json::from_slice::<connecteam_onboarding::Snapshot>(&text).expect("never half of one");
    }
    let child = follow(&server, &arguments).spawn().expect("the example, which `cargo test` builds");
    let seen = server.gets();
    wait_for(|| server.gets() > seen + 2);
    signal(&child, "-INT");
    let output = child.wait_with_output().expect("ends");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    count(&output);
    let mut expected: BTreeMap<String, usize> = BTreeMap::new();
    happened.iter().for_each(|change| *expected.entry(change.to_string()).or_default() += 1);
    let (missed, invented): (Vec<_>, Vec<_>) = (
        expected
            .iter()
            .filter(|(change, times)| printed.get(*change).is_none_or(|printed| printed < *times))
            .collect(),
        printed.keys().filter(|change| !expected.contains_key(*change)).collect(),
    );
    assert!(missed.is_empty() && invented.is_empty(), "missed {missed:?}, invented {invented:?}");
    let (total, twice) = (printed.values().sum::<usize>(), printed.values().sum::<usize>() - happened.len());
    println!("{} kills: {} changes, {total} lines, {twice} printed twice", kills(), happened.len());
}

#[test]
fn it_ends_when_those_it_follows_are_done() {
    let server = Server::start();
    server.already(1001, [7, 8]);
    let users = state("done").with_file_name("users.txt");
    std::fs::write(&users, "# one of two\n7\n").expect("a file");
    let child = follow(&server, &["--users-file", users.to_str().expect("text"), "--until-complete"])
        .spawn()
        .expect("the example, which `cargo test` builds");
    wait_for(|| server.gets() > 1);
    set(&server, 1, "completed", false);
    set(&server, 0, "paused", false);
    let seen = server.gets();
    wait_for(|| server.gets() > seen + 1);
    set(&server, 0, "completed", false);
    let output = child.wait_with_output().expect("ends");
    let id = server.rows(1001)[0].id;
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        lines(&output),
        [
            json!({"change": "other", "userId": 7, "assignmentId": id, "status": "paused"}),
            json!({"change": "completed", "userId": 7, "assignmentId": id})
        ]
    );
}

#[test]
fn passing_failures_go_to_standard_error_and_lasting_ones_exit_1() {
    let server = Server::start();
    server
        .already(1001, [7])
        .fault("GET", Fault::Raw(b"HTTP/1.1 503 X\r\ncontent-length: 0\r\n\r\n".to_vec()));
    let child = follow(&server, &[]).spawn().expect("the example, which `cargo test` builds");
    wait_for(|| server.gets() > 2);
    server.with(|world| world.keys.clear());
    let output = child.wait_with_output().expect("ends");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{errors}");
    assert!(errors.contains("401"), "{errors}");
}

#[test]
fn a_state_that_cannot_be_read_is_an_error_and_stays() {
    let server = Server::start();
    server.already(1001, [7]);
    let state = state("unreadable");
    for text in ["", "{", "[]", "null", r#"{"version":99,"takenAt":0,"assignments":[]}"#] {
        std::fs::write(&state, text).expect("a file");
        let output = follow(&server, &["--state", state.to_str().expect("text")])
            .output()
            .expect("the example, which `cargo test` builds");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{text}: {errors}");
        assert!(errors.contains("state.json") && errors.contains("no saved snapshot"), "{text}: {errors}");
        assert_eq!(std::fs::read_to_string(&state).expect("still there"), text);
    }
    assert_eq!(server.requests(), 0);
}
