//! Tests that two runs on the same pack wait for each other if their clients are clones.
#![allow(missing_docs)]
#![cfg(any(feature = "ring", not(feature = "rustls")))]

mod support;

use connecteam_onboarding::{Client, ErrorKind, Pack, PackId, Waiting};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::{Fault, Reassign, Server};

const MS: Duration = Duration::from_millis(1);

/// Starts a server that creates a duplicate assignment if it receives the same user twice.
fn server() -> Server {
    let server = Server::start();
    server.users(1..=1_000).with(|world| {
        world.packs.insert(1002, Vec::new());
        world.reassign = Reassign::SecondAssignment;
    });
    server
}

fn client(server: &Server) -> Client {
    let builder = Client::builder().api_key("key").base_url(server.base_url());
    builder.build().expect("a client")
}

fn pack(client: &Client, id: u64) -> Pack {
    client.pack(PackId::new(id).expect("an id"))
}

async fn until_reads(server: &Server, reads: usize) {
    while server.gets() < reads {
        tokio::time::sleep(MS).await;
    }
}

#[tokio::test]
async fn concurrent_runs_on_one_pack_assign_each_user_once() {
    let server = server();
    let client = client(&server);
    let runs = (0..5).map(|_| tokio::spawn(pack(&client, 1001).assign(1..=100_u64).into_future()));
    let mut assigned = 0;
    for run in runs.collect::<Vec<_>>() {
        let report = run.await.expect("no panic").expect("all users");
        assigned += report.assigned().count();
    }
    assert_eq!((assigned, server.assigned(1001).len()), (100, 100));
    assert_eq!((server.gets(), server.posts()), (5, 1));
}

#[tokio::test]
async fn runs_take_turns_in_the_order_of_their_start() {
    let server = server();
    server.fault("GET", Fault::Delay(MS * 50));
    let client = client(&server);
    let finished = Arc::new(Mutex::new(Vec::new()));
    let mut runs = Vec::new();
    for user in 1..=4_u64 {
        let (pack, finished) = (pack(&client, 1001), Arc::clone(&finished));
        runs.push(tokio::spawn(async move {
            pack.assign([user]).await.expect("assigned");
            finished.lock().expect("no panic").push(user);
        }));
        // The loop starts the next run only when this run has sent a read request or is waiting for an earlier run.
        tokio::task::yield_now().await;
        until_reads(&server, 1).await;
    }
    for run in runs {
        run.await.expect("no panic");
    }
    assert_eq!(*finished.lock().expect("no panic"), [1, 2, 3, 4]);
}

#[tokio::test]
async fn a_waiting_run_shows_it_and_can_be_stopped_or_dropped() {
    let server = server();
    server.fault("GET", Fault::Silence);
    let client = client(&server);
    let first = tokio::spawn(pack(&client, 1001).assign([1]).into_future());
    until_reads(&server, 1).await;

    let shown = Arc::new(Mutex::new(None));
    let (progress, stopped) = (Arc::clone(&shown), Arc::clone(&shown));
    let error = pack(&client, 1001)
        .assign([2])
        .on_progress(move |step| *progress.lock().expect("no panic") = step.waiting)
        .stop_when(async move {
            while stopped.lock().expect("no panic").is_none() {
                tokio::time::sleep(MS).await;
            }
        })
        .await
        .expect_err("stopped");
    assert_eq!(error.cause().kind(), ErrorKind::Stopped);
    assert_eq!(error.report().not_assigned().count(), 1);
    assert_eq!(*shown.lock().expect("no panic"), Some(Waiting::OtherRun));

    let dropped = pack(&client, 1001).assign([3]).into_future();
    assert!(tokio::time::timeout(MS * 20, dropped).await.is_err());
    assert_eq!(server.requests(), 1, "neither sent a request");

    // `abort` drops the first run, so that the next run on the same pack can start.
    first.abort();
    let report = pack(&client, 1001).assign([4]).await.expect("assigned");
    assert_eq!(report.assigned().count(), 1);
}

#[tokio::test]
async fn another_pack_and_a_plan_do_not_wait() {
    let server = server();
    let client = client(&server);
    // A client sends only one request at a time until it receives its first response.
    pack(&client, 1002).assignments().await.expect("a list");
    server.fault("GET", Fault::Silence);
    let first = tokio::spawn(pack(&client, 1001).assign([1]).into_future());
    until_reads(&server, 2).await;
    let plan = pack(&client, 1001).assign([2]).plan().await;
    assert_eq!(plan.expect("a plan").to_assign, 1);
    let report = pack(&client, 1002).assign([2]).await.expect("assigned");
    assert_eq!(report.assigned().count(), 1);
    first.abort();
}
