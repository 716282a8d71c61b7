//! Tests that no change is lost if the system kills `follow`.

use super::pack::{follow, put, until_gets};
use crate::command::{MS, folder, run};
use crate::support::Server;
use serde_json::Value;
use std::collections::BTreeMap;

/// Kills `follow` fifty times while users complete the pack. `follow` must print each change at least once, and nothing
/// else.
#[test]
fn a_kill_at_any_moment_loses_no_change() {
    const KILLS: u64 = 50;
    let folder = folder("kills");
    let (server, state) = (Server::start(), folder.join("state.json"));
    (1..=KILLS * 4).for_each(|user| put(&server, user, "in_progress", false));
    // The first run saves the initial state file.
    let mut child = follow(&server, &state, &[]).spawn().expect("runs");
    until_gets(&server, 2);
    child.kill().expect("killed");
    let _ = child.wait();
    let mut printed = String::new();
    for round in 0..KILLS {
        let mut child = follow(&server, &state, &[]).spawn().expect("runs");
        // Most kills interrupt a poll, or interrupt `follow` while it saves the state file. Some kills happen before
        // the first poll.
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
    let mut names: Vec<_> = std::fs::read_dir(&folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["state.json", "state.json.lock"]);
}
