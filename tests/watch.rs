//! Tests `Pack::watch` through the public API, against an independent test server.
#![allow(missing_docs)]
#![cfg(any(feature = "ring", not(feature = "rustls")))]

mod support;

use connecteam_onboarding::{
    Change, ChangeKind, Clock, ErrorKind, Pack, RetryPolicy, Sleep, Snapshot, Update, UserId, Watch,
};
use futures_util::{FutureExt, Stream, StreamExt};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use support::world::Row;
use support::{Fault, Server, Window, pack_id};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// A clock that ends every wait at once, and records the length of the wait.
#[derive(Clone, Debug, Default)]
struct Quick(Arc<Mutex<(Duration, Vec<Duration>)>>);

impl Quick {
    /// Returns the lengths of all waits since the previous call.
    fn waits(&self) -> Vec<Duration> {
        std::mem::take(&mut self.0.lock().expect("no panic").1)
    }
}

impl Clock for Quick {
    fn now(&self) -> Duration {
        self.0.lock().expect("no panic").0
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + MINUTE + self.now()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        let mut state = self.0.lock().expect("no panic");
        state.0 += duration;
        state.1.push(duration);
        // Lets other tasks run. Without this yield, a watch that finds no changes would poll in a loop and block the
        // thread.
        Box::pin(tokio::task::yield_now())
    }
}

fn pack(server: &Server, clock: &Quick) -> Pack {
    let builder = support::builder(server).clock(clock.clone());
    let client = builder.retry(RetryPolicy::never()).build();
    client.expect("a client").pack(pack_id())
}

fn users(numbers: impl IntoIterator<Item = u64>) -> impl Iterator<Item = UserId> {
    numbers
        .into_iter()
        .map(|number| number.try_into().expect("an id"))
}

/// If the user is not on the pack, this function assigns the user.
fn set_state(server: &Server, user: u64, status: &str, waiting: bool) {
    server.with(|world| {
        if !world.packs[&1001].iter().any(|row| row.user == user) {
            world.put(1001, user);
        }
        change_rows(
            world.packs.get_mut(&1001).expect("a pack"),
            user,
            status,
            waiting,
        );
        world.list = None;
    });
}

fn change_rows(rows: &mut [Row], user: u64, status: &str, waiting: bool) {
    for row in rows.iter_mut().filter(|row| row.user == user) {
        (row.status, row.waiting) = (status.to_owned(), waiting);
    }
}

fn leave(server: &Server, user: u64) {
    server.with(|world| {
        world
            .packs
            .get_mut(&1001)
            .expect("a pack")
            .retain(|row| row.user != user);
        world.list = None;
    });
}

fn seen(changes: &[Change]) -> Vec<(ChangeKind, u64)> {
    changes
        .iter()
        .map(|change| (change.kind(), change.user_id.get()))
        .collect()
}

async fn poll(watch: &mut Watch) -> Update {
    watch.next().await.expect("an item").expect("no failure")
}

/// Panics if the watch yields an item.
async fn until_gets(server: &Server, watch: &mut Watch, gets: usize) {
    while server.gets() < gets {
        assert!(watch.next().now_or_never().is_none(), "no change");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn yields_changes_and_nothing_else() {
    let (server, clock) = (Server::start(), Quick::default());
    set_state(&server, 1, "in_progress", false);
    set_state(&server, 2, "completed", false);
    let mut watch = pack(&server, &clock).watch(MINUTE);
    assert_eq!(server.requests(), 0, "nothing is sent before it is polled");
    until_gets(&server, &mut watch, 3).await;
    set_state(&server, 1, "in_progress", true);
    set_state(&server, 3, "in_progress", false);
    let found = poll(&mut watch).await;
    let mut all = found.changes;
    // If the watch reads the pack between the two changes, it yields two updates.
    if all.len() < 2 {
        all.extend(poll(&mut watch).await.changes);
    }
    assert_eq!(
        seen(&all),
        [(ChangeKind::Submitted, 1), (ChangeKind::Assigned, 3)]
    );
    for (status, waiting, kind) in [
        ("completed", false, ChangeKind::Completed),
        ("in_progress", false, ChangeKind::Reopened),
        ("on_hold", false, ChangeKind::Other),
    ] {
        set_state(&server, 1, status, waiting);
        assert_eq!(seen(&poll(&mut watch).await.changes), [(kind, 1)]);
    }
    leave(&server, 2);
    let last = poll(&mut watch).await;
    assert_eq!(seen(&last.changes), [(ChangeKind::Removed, 2)]);
    assert_eq!(last.snapshot.len(), 2);
    assert!(
        clock.waits().iter().all(|wait| *wait == MINUTE),
        "each wait is the interval"
    );
}

#[tokio::test]
async fn reports_changes_between_two_watches() {
    let (server, clock) = (Server::start(), Quick::default());
    set_state(&server, 1, "in_progress", false);
    set_state(&server, 2, "in_progress", false);
    let mut first = pack(&server, &clock).watch(MINUTE).with_baseline();
    let baseline = poll(&mut first).await;
    assert!(baseline.changes.is_empty());
    drop(first);
    let saved = serde_json::to_string(&*baseline.snapshot).expect("plain data");

    set_state(&server, 1, "completed", false);
    leave(&server, 2);
    set_state(&server, 3, "in_progress", true);
    let restored: Snapshot = serde_json::from_str(&saved).expect("just saved");
    let mut second = pack(&server, &clock)
        .watch(MINUTE)
        .since(restored)
        .with_baseline();
    let found = poll(&mut second).await;
    assert_eq!(
        seen(&found.changes),
        [
            (ChangeKind::Completed, 1),
            (ChangeKind::Removed, 2),
            (ChangeKind::Assigned, 3)
        ]
    );
}

#[tokio::test]
async fn watches_the_assigned_users_of_a_report() {
    let (server, clock) = (Server::start(), Quick::default());
    server.users(1..=9);
    set_state(&server, 9, "in_progress", false);
    let pack = pack(&server, &clock);
    let report = pack.assign([1_u64, 2, 9]).await.expect("assigned");
    let mut watch = pack.watch(MINUTE).only(report.assigned()).until_complete();
    until_gets(&server, &mut watch, 3).await;

    set_state(&server, 9, "completed", false);
    until_gets(&server, &mut watch, 6).await;
    set_state(&server, 2, "completed", false);
    assert_eq!(
        seen(&poll(&mut watch).await.changes),
        [(ChangeKind::Completed, 2)]
    );
    set_state(&server, 1, "completed", false);
    let last = poll(&mut watch).await;
    assert_eq!(seen(&last.changes), [(ChangeKind::Completed, 1)]);
    assert_eq!(last.snapshot.len(), 3, "the snapshot holds all users");
    assert!(watch.next().await.is_none());
    assert!(watch.next().await.is_none(), "it stays ended");
}

/// Returns `true` if the watch ends after its first read of the pack.
async fn ends_at_once(watch: Watch, server: &Server) -> bool {
    let mut watch = watch;
    loop {
        match watch.next().now_or_never() {
            Some(None) => return server.gets() == 1,
            Some(Some(item)) => panic!("nothing changed: {item:?}"),
            None if server.gets() > 2 => return false,
            None => tokio::task::yield_now().await,
        }
    }
}

#[tokio::test]
async fn ends_when_all_followed_users_have_completed() {
    type Case = (
        &'static [(u64, &'static str, bool)],
        Option<&'static [u64]>,
        bool,
    );
    let cases: [Case; 12] = [
        (&[], None, true),
        (&[], Some(&[]), true),
        (&[], Some(&[1]), false),
        (&[(1, "completed", false)], None, true),
        (&[(1, "completed", true)], None, true),
        (
            &[(1, "completed", false), (2, "in_progress", true)],
            None,
            false,
        ),
        (
            &[(1, "completed", false), (2, "archived", false)],
            None,
            false,
        ),
        (
            &[(1, "completed", false), (2, "in_progress", false)],
            Some(&[1]),
            true,
        ),
        (
            &[(1, "completed", false), (2, "in_progress", false)],
            Some(&[1, 2]),
            false,
        ),
        (&[(1, "completed", false)], Some(&[1, 2]), false),
        (&[(2, "in_progress", false)], Some(&[]), true),
        (
            &[(1, "completed", false), (2, "completed", false)],
            Some(&[1, 1, 2]),
            true,
        ),
    ];
    for (rows, only, ends) in cases {
        let (server, clock) = (Server::start(), Quick::default());
        for (user, status, waiting) in rows {
            set_state(&server, *user, status, *waiting);
        }
        let mut watch = pack(&server, &clock).watch(MINUTE).until_complete();
        if let Some(only) = only {
            watch = watch.only(users(only.iter().copied()));
        }
        assert_eq!(
            ends_at_once(watch, &server).await,
            ends,
            "{rows:?} {only:?}"
        );
    }
}

#[tokio::test]
async fn goes_on_until_each_assignment_of_a_user_is_completed() {
    let (server, clock) = (Server::start(), Quick::default());
    set_state(&server, 1, "completed", false);
    server.with(|world| world.put(1001, 1));
    let watch = pack(&server, &clock)
        .watch(MINUTE)
        .only(users([1]))
        .until_complete();
    assert!(!ends_at_once(watch, &server).await);
}

#[tokio::test]
async fn goes_on_after_a_transient_error_and_ends_on_a_permanent_one() {
    let (server, clock) = (Server::start(), Quick::default());
    set_state(&server, 1, "in_progress", false);
    let mut watch = pack(&server, &clock).watch(SECOND * 2);
    until_gets(&server, &mut watch, 2).await;
    clock.waits();
    let failed = |status| Fault::Status(status, "text/html", "<html>".to_owned());
    server
        .fault("GET", failed(502))
        .fault("GET", Fault::CutAnswer(9))
        .fault("GET", failed(422));
    let mut kinds = Vec::new();
    for _ in 0..3 {
        kinds.push(
            watch
                .next()
                .await
                .expect("an item")
                .expect_err("a fault")
                .kind(),
        );
    }
    assert_eq!(
        kinds,
        [
            ErrorKind::Server,
            ErrorKind::Interrupted,
            ErrorKind::Validation
        ]
    );
    set_state(&server, 1, "completed", false);
    assert_eq!(
        seen(&poll(&mut watch).await.changes),
        [(ChangeKind::Completed, 1)],
        "compared with the last snapshot"
    );
    assert!(watch.next().now_or_never().is_none(), "it waits");
    let waits = clock.waits();
    assert!(
        waits.ends_with(&[SECOND * 2, SECOND * 4, SECOND * 8, SECOND * 2]),
        "{waits:?}"
    );

    for status in [401, 403, 404] {
        let mut watch = pack(&server, &clock).watch(MINUTE);
        server.fault("GET", failed(status));
        let error = watch.next().await.expect("an item").expect_err("a fault");
        assert_eq!((error.status(), error.is_permanent()), (Some(status), true));
        assert!(watch.next().await.is_none());
    }
}

#[tokio::test]
async fn dropping_a_pending_next_loses_no_change_and_repeats_no_read() {
    let (server, clock) = (Server::start(), Quick::default());
    set_state(&server, 1, "in_progress", false);
    let saved = pack(&server, &clock).snapshot().await.expect("a snapshot");
    set_state(&server, 1, "completed", false);
    let mut watch = pack(&server, &clock).watch(MINUTE).since(saved);
    let mut polls = 0;
    let found = loop {
        polls += 1;
        // Each iteration of the loop creates a `next()` future, and drops the future while it is pending.
        if let Some(item) = watch.next().now_or_never() {
            break item.expect("an item").expect("no failure");
        }
        tokio::task::yield_now().await;
    };
    assert!(polls > 1);
    assert_eq!(seen(&found.changes), [(ChangeKind::Completed, 1)]);
    assert_eq!(
        server.gets(),
        2,
        "one read for the saved snapshot, one for the watch"
    );
}

#[tokio::test]
async fn waits_for_the_end_of_a_spent_day() {
    let (server, clock) = (Server::start(), Quick::default());
    server.with(|world| world.day = Some(Window::new(4, 5_000.0)));
    let pack = pack(&server, &clock);
    for _ in 0..3 {
        pack.assignments().await.expect("within the quota");
    }
    clock.waits();
    let mut watch = pack.watch(SECOND);
    let error = watch
        .next()
        .await
        .expect("an item")
        .expect_err("the last request is for others");
    assert_eq!((error.kind(), server.gets()), (ErrorKind::QuotaSpent, 3));
    assert!(watch.next().now_or_never().is_none(), "it waits");
    let waits = clock.waits();
    assert!(
        matches!(&waits[..], [wait] if (SECOND * 4_900..SECOND * 5_100).contains(wait)),
        "{waits:?}"
    );
}

#[tokio::test]
async fn lengthens_the_interval_after_half_of_the_day_quota() {
    let (server, clock) = (Server::start(), Quick::default());
    server.with(|world| world.day = Some(Window::new(20, 10_000.0)));
    let mut watch = pack(&server, &clock).watch(SECOND).with_baseline();
    poll(&mut watch).await;
    until_gets(&server, &mut watch, 9).await;
    assert!(clock.waits().iter().all(|wait| *wait == SECOND));
    until_gets(&server, &mut watch, 11).await;
    let longest = clock.waits().into_iter().max().expect("waits");
    assert!(
        (SECOND * 1_500..SECOND * 2_500).contains(&longest),
        "10,000 s for 5 polls: {longest:?}"
    );
}

#[test]
fn a_watch_is_a_sendable_stream() {
    fn sendable<
        T: Stream<Item = Result<Update, connecteam_onboarding::Error>> + Send + Unpin + 'static,
    >() {
    }
    sendable::<Watch>();
}
