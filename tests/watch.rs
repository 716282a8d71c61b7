//! Following a pack, against a server that shares nothing with the crate.
#![allow(missing_docs)]
// With `rustls` and no `ring`, no client is built without a configuration of the caller's.
#![cfg(any(feature = "ring", not(feature = "rustls")))]

mod support;

use connecteam_onboarding::{
    Change, ChangeKind, Client, Clock, ErrorKind, Pack, PackId, RetryPolicy, Sleep, Snapshot,
    Update, UserId, Watch,
};
use futures_util::{FutureExt, Stream, StreamExt};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use support::world::Row;
use support::{Fault, Server, Window};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// A clock on which every wait is over at once, and noted.
#[derive(Clone, Debug, Default)]
struct Quick(Arc<Mutex<(Duration, Vec<Duration>)>>);

impl Quick {
    /// The waits since the last call.
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
        // Once around the executor: a watch that finds nothing must not keep the thread.
        Box::pin(tokio::task::yield_now())
    }
}

fn client(server: &Server, clock: &Quick) -> Client {
    let builder = Client::builder()
        .api_key("key")
        .base_url(server.base_url())
        .clock(clock.clone());
    builder
        .retry(RetryPolicy::never())
        .build()
        .expect("a client")
}

fn pack(server: &Server, clock: &Quick) -> Pack {
    client(server, clock).pack(PackId::try_from(1001).expect("an id"))
}

fn users(numbers: impl IntoIterator<Item = u64>) -> impl Iterator<Item = UserId> {
    numbers
        .into_iter()
        .map(|number| number.try_into().expect("an id"))
}

/// Brings a user into a state; assigns them first if need be.
fn become_(server: &Server, user: u64, status: &str, waiting: bool) {
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

async fn look(watch: &mut Watch) -> Update {
    watch.next().await.expect("goes on").expect("no failure")
}

/// Polls until the server has been asked so often: a look that finds nothing yields nothing.
async fn until_gets(server: &Server, watch: &mut Watch, gets: usize) {
    while server.gets() < gets {
        assert!(watch.next().now_or_never().is_none(), "nothing to tell");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn it_yields_what_changed_and_nothing_else() {
    let (server, clock) = (Server::start(), Quick::default());
    become_(&server, 1, "in_progress", false);
    become_(&server, 2, "completed", false);
    let mut watch = pack(&server, &clock).watch(MINUTE);
    assert_eq!(server.requests(), 0, "nothing is sent before it is polled");
    until_gets(&server, &mut watch, 3).await;
    become_(&server, 1, "in_progress", true);
    become_(&server, 3, "in_progress", false);
    let found = look(&mut watch).await;
    let mut all = found.changes;
    // The server may have been asked between the two.
    if all.len() < 2 {
        all.extend(look(&mut watch).await.changes);
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
        become_(&server, 1, status, waiting);
        assert_eq!(seen(&look(&mut watch).await.changes), [(kind, 1)]);
    }
    leave(&server, 2);
    let last = look(&mut watch).await;
    assert_eq!(seen(&last.changes), [(ChangeKind::Removed, 2)]);
    assert_eq!(last.snapshot.len(), 2);
    assert!(
        clock.waits().iter().all(|wait| *wait == MINUTE),
        "the interval, and no limit was told"
    );
}

#[tokio::test]
async fn nothing_is_missed_between_two_watches() {
    let (server, clock) = (Server::start(), Quick::default());
    become_(&server, 1, "in_progress", false);
    become_(&server, 2, "in_progress", false);
    let mut first = pack(&server, &clock).watch(MINUTE).with_baseline();
    let baseline = look(&mut first).await;
    assert!(baseline.changes.is_empty());
    drop(first);
    let saved = serde_json::to_string(&*baseline.snapshot).expect("plain data");

    become_(&server, 1, "completed", false);
    leave(&server, 2);
    become_(&server, 3, "in_progress", true);
    let restored: Snapshot = serde_json::from_str(&saved).expect("just saved");
    let mut second = pack(&server, &clock)
        .watch(MINUTE)
        .since(restored)
        .with_baseline();
    let found = look(&mut second).await;
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
async fn report_to_watch_is_one_line() {
    let (server, clock) = (Server::start(), Quick::default());
    server.users(1..=9);
    become_(&server, 9, "in_progress", false);
    let pack = pack(&server, &clock);
    let report = pack.assign([1_u64, 2, 9]).await.expect("assigned");
    let mut watch = pack.watch(MINUTE).only(report.assigned()).until_complete();
    until_gets(&server, &mut watch, 3).await;

    become_(&server, 9, "completed", false);
    until_gets(&server, &mut watch, 6).await;
    become_(&server, 2, "completed", false);
    assert_eq!(
        seen(&look(&mut watch).await.changes),
        [(ChangeKind::Completed, 2)]
    );
    become_(&server, 1, "completed", false);
    let last = look(&mut watch).await;
    assert_eq!(seen(&last.changes), [(ChangeKind::Completed, 1)]);
    assert_eq!(last.snapshot.len(), 3, "the snapshot holds everybody");
    assert!(watch.next().await.is_none());
    assert!(watch.next().await.is_none(), "and stays so");
}

/// Whether a watch ends after one look.
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
async fn it_ends_when_everybody_followed_is_done() {
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
            become_(&server, *user, status, *waiting);
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
async fn one_of_several_assignments_is_not_done_yet() {
    let (server, clock) = (Server::start(), Quick::default());
    become_(&server, 1, "completed", false);
    server.with(|world| world.put(1001, 1));
    let watch = pack(&server, &clock)
        .watch(MINUTE)
        .only(users([1]))
        .until_complete();
    assert!(!ends_at_once(watch, &server).await);
}

#[tokio::test]
async fn it_goes_on_through_a_passing_failure_and_ends_on_a_lasting_one() {
    let (server, clock) = (Server::start(), Quick::default());
    become_(&server, 1, "in_progress", false);
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
                .expect("goes on")
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
    become_(&server, 1, "completed", false);
    assert_eq!(
        seen(&look(&mut watch).await.changes),
        [(ChangeKind::Completed, 1)],
        "compared with before"
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
        let error = watch
            .next()
            .await
            .expect("it is told")
            .expect_err("a fault");
        assert_eq!((error.status(), error.is_permanent()), (Some(status), true));
        assert!(watch.next().await.is_none());
    }
}

#[tokio::test]
async fn dropping_a_pending_next_loses_nothing_and_asks_nothing_twice() {
    let (server, clock) = (Server::start(), Quick::default());
    become_(&server, 1, "in_progress", false);
    let saved = pack(&server, &clock).snapshot().await.expect("a look");
    become_(&server, 1, "completed", false);
    let mut watch = pack(&server, &clock).watch(MINUTE).since(saved);
    let mut polls = 0;
    let found = loop {
        polls += 1;
        // A new `next()` each time, dropped while it is pending.
        if let Some(item) = watch.next().now_or_never() {
            break item.expect("goes on").expect("no failure");
        }
        tokio::task::yield_now().await;
    };
    assert!(polls > 1);
    assert_eq!(seen(&found.changes), [(ChangeKind::Completed, 1)]);
    assert_eq!(
        server.gets(),
        2,
        "one for the saved snapshot, one for the look"
    );
}

#[tokio::test]
async fn a_spent_day_is_waited_for() {
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
        .expect("goes on")
        .expect_err("the last one is for others");
    assert_eq!((error.kind(), server.gets()), (ErrorKind::QuotaSpent, 3));
    assert!(watch.next().now_or_never().is_none(), "it waits");
    let waits = clock.waits();
    assert!(
        matches!(&waits[..], [wait] if (SECOND * 4_900..SECOND * 5_100).contains(wait)),
        "{waits:?}"
    );
}

#[tokio::test]
async fn the_interval_is_stretched_once_half_the_day_is_gone() {
    let (server, clock) = (Server::start(), Quick::default());
    server.with(|world| world.day = Some(Window::new(20, 10_000.0)));
    let mut watch = pack(&server, &clock).watch(SECOND).with_baseline();
    look(&mut watch).await;
    until_gets(&server, &mut watch, 9).await;
    assert!(clock.waits().iter().all(|wait| *wait == SECOND));
    until_gets(&server, &mut watch, 11).await;
    let longest = clock.waits().into_iter().max().expect("waits");
    assert!(
        (SECOND * 1_500..SECOND * 2_500).contains(&longest),
        "10,000 s for 5 looks: {longest:?}"
    );
}

#[test]
fn it_can_go_wherever_a_stream_can() {
    fn sendable<
        T: Stream<Item = Result<Update, connecteam_onboarding::Error>> + Send + Unpin + 'static,
    >() {
    }
    sendable::<Watch>();
}
