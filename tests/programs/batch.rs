//! Tests the program `batch` and its type `Batcher`, which collects user ids for a run.

use crate::command::examples::batcher::Batcher;
use crate::command::{MS, command};
use crate::support::{Naming, Server, Window};
use connecteam_onboarding::{Client, ErrorKind, Outcome, PackId, UserId};
use std::io::Write as _;
use std::process::Stdio;

fn pack(id: u64) -> PackId {
    PackId::new(id).expect("an id")
}

fn user(id: u64) -> UserId {
    UserId::new(id).expect("an id")
}

fn server() -> Server {
    let server = Server::start();
    server.users(1..=20).with(|world| {
        world.packs.insert(1002, Vec::new());
        world.naming = Naming::Index;
    });
    server
}

fn client(server: &Server) -> Client {
    let builder = Client::builder().api_key("key").base_url(server.base_url());
    builder.build().expect("a client")
}

#[tokio::test]
async fn users_that_arrive_together_share_one_run_per_pack() {
    let server = server();
    let (batcher, task) = Batcher::start(client(&server), MS * 50);
    let submit = |pack_id, id| {
        let batcher = batcher.clone();
        tokio::spawn(async move { batcher.assign(pack(pack_id), user(id)).await })
    };
    let replies = [
        submit(1001, 1),
        submit(1001, 2),
        submit(1001, 2),
        submit(1001, 99),
        submit(1002, 1),
    ];
    drop(batcher);
    let mut outcomes = Vec::new();
    for reply in replies {
        let (outcome, cause) = reply.await.expect("no panic").expect("a reply");
        assert!(cause.is_none());
        outcomes.push(outcome);
    }
    task.await.expect("it ends after the last batch");
    assert_eq!(
        outcomes[..3],
        [Outcome::Assigned, Outcome::Assigned, Outcome::Assigned]
    );
    assert!(matches!(outcomes[3], Outcome::Rejected(_)));
    assert_eq!(outcomes[4], Outcome::Assigned);
    assert_eq!(
        (server.assigned(1001), server.assigned(1002)),
        (vec![1, 2], vec![1])
    );
    assert_eq!(server.posts(), 3, "two on pack 1001, one on pack 1002");
}

#[tokio::test]
async fn dropping_a_pending_assign_does_not_withdraw_the_user() {
    let server = server();
    let (batcher, task) = Batcher::start(client(&server), MS * 20);
    let gone = batcher.assign(pack(1001), user(5));
    assert!(tokio::time::timeout(MS, gone).await.is_err());
    drop(batcher);
    task.await.expect("it ends after the last batch");
    assert_eq!(server.assigned(1001), [5]);
}

#[tokio::test]
async fn a_failed_run_gives_each_caller_the_cause() {
    let server = server();
    let (batcher, _task) = Batcher::start(client(&server), MS);
    let reply = batcher.assign(pack(404), user(5)).await;
    let (outcome, cause) = reply.expect("a reply");
    assert_eq!(outcome, Outcome::NotAssigned);
    assert_eq!(cause.expect("a cause").kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_stop_sends_the_current_batch_immediately() {
    let server = server();
    let (batcher, task) = Batcher::start(client(&server), MS * 3_600_000);
    let submitted = batcher.assign(pack(1001), user(5));
    let stopped = async { batcher.stop(MS * 3_600_000) };
    let (reply, ()) = tokio::join!(submitted, stopped);
    assert_eq!(reply.expect("a reply").0, Outcome::Assigned);
    drop(batcher);
    task.await.expect("it ends after the last batch");
}

#[tokio::test]
async fn a_stop_ends_a_run_that_takes_longer_than_the_grace_period() {
    let server = server();
    server.with(|world| world.minute = Some(Window::new(1, 3_600.0)));
    let (batcher, task) = Batcher::start(client(&server), MS);
    let submitted = batcher.assign(pack(1001), user(5));
    let stopped = async {
        // The rate-limit window permits one request. The run uses this request to read the pack, so the write must
        // wait.
        while server.gets() == 0 {
            tokio::time::sleep(MS).await;
        }
        batcher.stop(MS * 10);
    };
    let (reply, ()) = tokio::join!(submitted, stopped);
    let (outcome, cause) = reply.expect("a reply");
    assert_eq!(outcome, Outcome::NotAssigned);
    assert_eq!(cause.expect("a cause").kind(), ErrorKind::Stopped);
    drop(batcher);
    task.await.expect("it ends after the run");
}

/// Returns the exit status and the sorted lines of the output.
fn run(server: &Server, lines: &str) -> (Option<i32>, Vec<String>) {
    let mut batch = command(server, "batch");
    batch.args(["--interval-ms", "20"]);
    let mut child = batch
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the example is built");
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(lines.as_bytes()).expect("it reads");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    let text = String::from_utf8_lossy(&output.stdout);
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    lines.sort_unstable();
    (output.status.code(), lines)
}

#[test]
fn the_exit_status_is_1_if_the_cause_is_permanent() {
    let (exit, lines) = run(&server(), "404 1\n1001 99\n");
    assert_eq!((exit, lines.len()), (Some(1), 2), "{lines:?}");
}

#[test]
fn the_program_prints_each_outcome_and_ends_with_its_input() {
    let server = server();
    let (exit, lines) = run(&server, "1001 1\n1001 2\n1002 99\n");
    assert_eq!(exit, Some(2));
    assert_eq!(
        lines,
        [
            "pack 1001, user 1: assigned",
            "pack 1001, user 2: assigned",
            "pack 1002, user 99: rejected: no such user"
        ]
    );
}
