//! Following a pack through the public API, on real sockets.
#![allow(missing_docs)]

mod support;

use connecteam_onboarding::{
    ChangeKind, Client, ErrorKind, Look, Pack, PackId, RetryPolicy, Snapshot, UserId, Watch,
};
use futures_util::StreamExt;
use std::time::Duration;
use support::{Fault, Server, Window};

const MS: Duration = Duration::from_millis(1);

fn pack(server: &Server) -> Pack {
    let builder = Client::builder().api_key("key").base_url(server.base_url()).retry(RetryPolicy::never());
    builder.build().expect("a client").pack(PackId::try_from(1001).expect("an id"))
}

fn user(id: u64) -> UserId {
    UserId::try_from(id).expect("an id")
}

fn set(server: &Server, user: u64, status: &str, waiting: bool) {
    server.with(|world| {
        let row = world.packs.get_mut(&1001).and_then(|rows| rows.iter_mut().find(|row| row.user == user));
        let row = row.expect("on the pack");
        (row.status, row.waiting) = (status.to_owned(), waiting);
        world.list = None;
    });
}

fn remove(server: &Server, user: u64) {
    server.with(|world| {
        world.packs.get_mut(&1001).expect("known").retain(|row| row.user != user);
        world.list = None;
    });
}

async fn looks(server: &Server, more: usize) {
    let seen = server.gets();
    while server.gets() < seen + more {
        tokio::time::sleep(MS).await;
    }
}

async fn next(watch: &mut Watch) -> Look {
    watch.next().await.expect("goes on").expect("no failure")
}

fn kinds(look: &Look) -> Vec<(ChangeKind, u64)> {
    look.changes.iter().map(|change| (change.kind(), change.user_id.get())).collect()
}

#[tokio::test]
async fn changes_only_each_once_and_in_order() {
    let server = Server::start();
    server.already(1001, 1..=5);
    let mut watch = pack(&server).watch(MS);
    // The first look is what later ones are compared with.
    assert!(tokio::time::timeout(MS * 80, watch.next()).await.is_err());
    assert!(server.gets() > 1);
    set(&server, 1, "in_progress", true);
    assert_eq!(kinds(&next(&mut watch).await), [(ChangeKind::Submitted, 1)]);
    server.with(|world| {
        let rows = world.packs.get_mut(&1001).expect("known");
        rows[0].status = "completed".to_owned();
        rows[0].waiting = false;
        rows[2].status = "paused".to_owned();
        rows.remove(1);
        world.put(1001, 9);
    });
    let look = next(&mut watch).await;
    assert_eq!(
        kinds(&look),
        [
            (ChangeKind::Completed, 1),
            (ChangeKind::Removed, 2),
            (ChangeKind::Other, 3),
            (ChangeKind::Assigned, 9)
        ]
    );
    assert_eq!(look.snapshot.len(), 5);
    set(&server, 1, "in_progress", false);
    assert_eq!(kinds(&next(&mut watch).await), [(ChangeKind::Reopened, 1)]);
}

#[tokio::test]
async fn a_restart_from_a_saved_snapshot_misses_nothing() {
    let server = Server::start();
    server.already(1001, 1..=3);
    let snapshot = pack(&server).snapshot().await.expect("a snapshot");
    let saved = serde_json::to_string(&snapshot).expect("plain data");
    set(&server, 2, "completed", false);
    let restored: Snapshot = serde_json::from_str(&saved).expect("what was saved");
    let mut watch = pack(&server).watch(MS).since(restored);
    assert_eq!(kinds(&next(&mut watch).await), [(ChangeKind::Completed, 2)]);
}

#[tokio::test]
async fn dropping_a_pending_next_loses_nothing() {
    let server = Server::start();
    server.already(1001, 1..=3).delay(MS * 7);
    let mut watch = pack(&server).watch(MS).with_baseline();
    let mut found = Vec::new();
    let mut moved = 0;
    while found.len() < 3 {
        if let Ok(Some(look)) = tokio::time::timeout(MS * 2, watch.next()).await {
            let look = look.expect("no failure");
            found.extend(kinds(&look));
            if moved < 3 {
                moved += 1;
                set(&server, moved, "completed", false);
            }
        }
    }
    assert_eq!(found, [(ChangeKind::Completed, 1), (ChangeKind::Completed, 2), (ChangeKind::Completed, 3)]);
}

#[tokio::test]
async fn from_report_to_done_is_one_line() {
    let server = Server::start();
    server.users(1..=3).already(1001, [7]);
    let pack = pack(&server);
    let report = pack.assign([1, 2]).await.expect("assigned");
    let watch = pack.watch(MS).only(report.assigned()).until_complete();
    let run = tokio::spawn(watch.map(|look| kinds(&look.expect("no failure"))).collect::<Vec<_>>());
    looks(&server, 2).await;
    set(&server, 7, "completed", false);
    set(&server, 1, "completed", false);
    looks(&server, 2).await;
    // Absent is not done, not even if everybody else is.
    remove(&server, 2);
    looks(&server, 2).await;
    server.already(1001, [2]);
    looks(&server, 2).await;
    set(&server, 2, "completed", false);
    let found: Vec<_> = run.await.expect("no panic").concat();
    let expected = [
        (ChangeKind::Completed, 1),
        (ChangeKind::Removed, 2),
        (ChangeKind::Assigned, 2),
        (ChangeKind::Completed, 2),
    ];
    assert_eq!(found, expected);
}

#[tokio::test]
async fn until_complete_is_right_for_nobody_and_for_somebody_absent() {
    let server = Server::start();
    assert!(pack(&server).watch(MS).until_complete().next().await.is_none(), "an empty pack is done");
    assert!(pack(&server).watch(MS).only([]).until_complete().next().await.is_none(), "so is nobody");
    let mut watch = pack(&server).watch(MS).only([user(7)]).until_complete();
    assert!(tokio::time::timeout(MS * 50, watch.next()).await.is_err(), "an absent user is not done");
    server.already(1001, [7]);
    assert_eq!(kinds(&next(&mut watch).await), [(ChangeKind::Assigned, 7)]);
    set(&server, 7, "completed", false);
    assert_eq!(kinds(&next(&mut watch).await), [(ChangeKind::Completed, 7)]);
    assert!(watch.next().await.is_none());
    assert!(watch.next().await.is_none(), "and stays ended");
}

#[tokio::test]
async fn passing_failures_are_yielded_and_it_goes_on() {
    let server = Server::start();
    server.already(1001, [1]);
    let mut watch = pack(&server).watch(MS).with_baseline();
    next(&mut watch).await;
    server.fault("GET", Fault::Status(503, "text/html", "<html>".to_owned()));
    assert_eq!(watch.next().await.expect("goes on").expect_err("down").kind(), ErrorKind::Server);
    set(&server, 1, "completed", false);
    assert_eq!(kinds(&next(&mut watch).await), [(ChangeKind::Completed, 1)]);
}

#[tokio::test]
async fn lasting_failures_are_yielded_and_end_it() {
    for (status, kind) in
        [(401, ErrorKind::Unauthorized), (403, ErrorKind::Forbidden), (404, ErrorKind::NotFound)]
    {
        let server = Server::start();
        server.fault("GET", Fault::Status(status, "application/json", "{}".to_owned()));
        let mut watch = pack(&server).watch(MS);
        assert_eq!(watch.next().await.expect("yielded").expect_err("lasting").kind(), kind);
        assert!(watch.next().await.is_none());
    }
}

#[tokio::test]
async fn a_watch_does_not_eat_the_day() {
    let server = Server::start();
    server.already(1001, [1]).with(|world| world.day = Some(Window::new(20, 80_000.0)));
    let mut watch = pack(&server).watch(MS);
    assert!(tokio::time::timeout(MS * 100, watch.next()).await.is_err());
    assert_eq!(server.requests(), 1, "the next look is hours away");
}
