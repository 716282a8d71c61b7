//! Changes the assignments of pack 1001, and runs `follow` on this pack.

use crate::command::{command, text, until};
use crate::support::Server;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command};

pub fn follow(server: &Server, state: &Path, more: &[&str]) -> Command {
    let mut command = command(server, "follow");
    command
        .args(["--pack", "1001", "--interval-ms", "5", "--json"])
        .args(["--state", text(state)])
        .args(more);
    command
}

/// If the user is not on the pack, this function assigns the user.
pub fn put(server: &Server, user: u64, status: &str, waiting: bool) {
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

pub fn remove(server: &Server, user: u64) {
    server.with(|world| {
        let rows = world.packs.get_mut(&1001).expect("a pack");
        rows.retain(|row| row.user != user);
        world.list = None;
    });
}

pub fn until_gets(server: &Server, gets: usize) {
    until(|| server.gets() >= gets);
}

pub fn lines(child: &mut Child) -> std::io::Lines<BufReader<ChildStdout>> {
    BufReader::new(child.stdout.take().expect("piped")).lines()
}
