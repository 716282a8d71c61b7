//! Tests that a snapshot can be used only with its own pack, and that a new snapshot keeps the times of unchanged
//! assignments.
#![allow(missing_docs)]
#![cfg(any(feature = "ring", not(feature = "rustls")))]

mod support;

use connecteam_onboarding::{Client, ErrorKind, Pack, PackId, Snapshot, UserId};
use futures_util::StreamExt;
use std::time::{Duration, UNIX_EPOCH};
use support::Server;

const HOUR: Duration = Duration::from_secs(3_600);

fn id(id: u64) -> PackId {
    PackId::new(id).expect("an id")
}

fn pack(server: &Server) -> Pack {
    let builder = Client::builder().api_key("key").base_url(server.base_url());
    builder.build().expect("a client").pack(id(1001))
}

#[tokio::test]
async fn a_snapshot_of_another_pack_is_refused_before_anything_is_sent() {
    let server = Server::start();
    server.already(1001, [7]);
    let other = Snapshot::new(id(1002), UNIX_EPOCH, Vec::new());

    let mut watch = pack(&server).watch(HOUR).since(other.clone());
    let error = watch.next().await.expect("an item").expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("1002"), "{error}");
    assert!(watch.next().await.is_none(), "it ends");

    let error = pack(&server).snapshot_after(&other).await;
    assert_eq!(error.expect_err("refused").kind(), ErrorKind::InvalidInput);
    assert_eq!(server.requests(), 0);

    let ours = pack(&server).snapshot().await.expect("a snapshot");
    let error = ours.changes_since(&other).expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn a_later_snapshot_keeps_the_times_of_unchanged_entries() {
    let server = Server::start();
    server.already(1001, [7, 8]);
    server.with(|world| world.packs.get_mut(&1001).expect("known")[1].waiting = true);
    let read = pack(&server).assignments().await.expect("a list");
    let saved = Snapshot::new(id(1001), UNIX_EPOCH + HOUR, read);

    server.already(1001, [9]);
    let later = pack(&server)
        .snapshot_after(&saved)
        .await
        .expect("a snapshot");
    let users =
        |users: &mut dyn Iterator<Item = UserId>| users.map(UserId::get).collect::<Vec<_>>();
    assert_eq!(users(&mut later.in_progress()), [7, 9]);
    assert_eq!(users(&mut later.in_progress_since(UNIX_EPOCH + HOUR)), [7]);
    assert_eq!(users(&mut later.waiting_since(UNIX_EPOCH + HOUR)), [8]);
    assert_eq!(users(&mut later.waiting_since(UNIX_EPOCH)), [0_u64; 0]);
    let changes = later.changes_since(&saved).expect("the same pack");
    assert_eq!(changes.len(), 1);
}
