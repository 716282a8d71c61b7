//! Tests how the client handles lists that are incomplete, cached or unexpectedly empty.
#![allow(missing_docs)]
#![cfg(any(feature = "ring", not(feature = "rustls")))]

mod support;

use connecteam_onboarding::{
    Change, ChangeKind, Client, Error, ErrorKind, Outcome, Pack, PackId, RetryPolicy, Snapshot,
    UserId,
};
use futures_util::StreamExt;
use serde_json::{Value, json};
use std::time::Duration;
use support::{Answer, Fault, Reassign, Server, SkippingClock};

const MINUTE: Duration = Duration::from_secs(60);

/// Starts a server that creates a duplicate assignment if it receives the same user twice.
fn server() -> Server {
    let server = Server::start();
    server.users(1..=9).already(1001, [1]);
    server.with(|world| world.reassign = Reassign::SecondAssignment);
    server
}

fn pack(server: &Server) -> Pack {
    let builder = Client::builder().api_key("key").base_url(server.base_url());
    let builder = builder.clock(SkippingClock::default());
    let client = builder.retry(RetryPolicy::default()).build();
    client
        .expect("a client")
        .pack(PackId::new(1001).expect("an id"))
}

fn user(id: u64) -> UserId {
    UserId::new(id).expect("an id")
}

fn row(user: u64) -> Value {
    json!({"id": 500 + user, "userId": user, "status": "in_progress", "isWaitingApproval": false})
}

/// The users in the list may differ from the users on the pack.
fn list(users: &[u64]) -> Answer {
    let rows: Vec<_> = users.iter().copied().map(row).collect();
    Answer::json(200, &json!({"data": {"assignments": rows}}))
}

fn cached(users: &[u64], age: &str) -> Fault {
    Fault::Response(list(users).with("age", age))
}

/// Calls each method that reads the list of a pack.
async fn read_in_every_way(server: &Server, response: &Answer) -> Vec<(&'static str, Error)> {
    let mut errors = Vec::new();
    let snapshot = pack(server).snapshot().await.expect("a list");
    for way in [
        "assign",
        "plan",
        "watch",
        "snapshot",
        "snapshot_after",
        "list",
        "api",
    ] {
        // Only one request receives the faulty list, so a retry would succeed.
        server.fault("GET", Fault::Response(response.clone()));
        let pack = pack(server);
        let error = match way {
            "assign" => {
                let error = pack.assign([1_u64, 2]).await.expect_err(way);
                assert_eq!(error.report().not_assigned().count(), 2);
                error.cause().clone()
            }
            "plan" => pack.assign([1_u64, 2]).plan().await.expect_err(way),
            "watch" => {
                let mut watch = pack.watch(MINUTE).since(snapshot.clone());
                let error = watch.next().await.expect("an item").expect_err(way);
                assert!(watch.next().await.is_none(), "the watch has ended");
                error
            }
            "snapshot" => pack.snapshot().await.expect_err(way),
            "snapshot_after" => pack.snapshot_after(&snapshot).await.expect_err(way),
            "list" => pack.assignments().await.expect_err(way),
            _ => {
                let id = pack.id();
                let response = pack.client().api().get_pack_assignments(&id).await;
                response.expect_err(way).into()
            }
        };
        errors.push((way, error));
    }
    errors
}

#[tokio::test]
async fn a_list_with_further_pages_is_an_error_before_any_write() {
    let with = |change: fn(&mut Value)| {
        let mut body = json!({"data": {"assignments": [row(1)]}});
        change(&mut body);
        Answer::json(200, &body)
    };
    let responses = [
        with(|body| body["paging"] = json!({"offset": 100})),
        with(|body| body["data"]["hasMore"] = json!(true)),
        list(&[1]).with("link", r#"<https://api.example/?offset=1,2>; rel="next""#),
    ];
    for response in responses {
        let server = server();
        for (way, error) in read_in_every_way(&server, &response).await {
            assert_eq!(error.kind(), ErrorKind::IncompleteList, "{way}: {error}");
            assert!(error.is_permanent() && error.attempts() == 1, "{way}");
            assert_eq!(error.status(), Some(200), "{way}");
            let text = error.to_string();
            assert!(
                text.contains("further pages") && text.contains("assigned twice"),
                "{text}"
            );
        }
        assert_eq!((server.gets(), server.posts()), (8, 0));
    }
}

#[tokio::test]
async fn a_list_that_becomes_incomplete_during_a_run_proves_nothing() {
    let server = server();
    server.fault("POST", Fault::CloseAfterExecute);
    let more = list(&[]).with("link", "</next>; rel=next");
    let reads = std::sync::atomic::AtomicUsize::new(0);
    let is_second = move |request: &support::wire::Request| {
        request.method == "GET" && reads.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 1
    };
    server.fault_when(is_second, Fault::Response(more));
    let error = pack(&server)
        .assign([2_u64, 3])
        .await
        .expect_err("no proof");
    assert_eq!(error.cause().kind(), ErrorKind::IncompleteList);
    assert_eq!(error.report().unknown().count(), 2);
    assert_eq!(server.posts(), 1);
}

#[tokio::test]
async fn every_read_asks_caches_for_a_new_list() {
    let server = server();
    let pack = pack(&server);
    pack.assign([2_u64, 99]).await.expect("a report");
    let plan = pack.assign([3_u64]).plan();
    plan.await.expect("a plan");
    let snapshot = pack.snapshot().await.expect("a list");
    pack.snapshot_after(&snapshot).await.expect("a list");
    server.already(1001, [4]);
    let mut watch = pack.watch(MINUTE).since(snapshot);
    watch.next().await.expect("an item").expect("a change");
    let log = server.log();
    let gets = log.iter().filter(|seen| seen.request.method == "GET");
    let headers: Vec<_> = gets
        .map(|seen| seen.request.header("cache-control"))
        .collect();
    assert!(headers.len() >= 6, "{headers:?}");
    assert!(headers.iter().all(|header| *header == Some("no-cache")));
}

#[tokio::test]
async fn a_cached_list_after_a_lost_write_is_no_proof() {
    for executed in [true, false] {
        let server = server();
        server.fault(
            "POST",
            if executed {
                Fault::CloseAfterExecute
            } else {
                Fault::CloseBeforeRead
            },
        );
        // The first read request receives a current list. The next three read requests receive cached lists.
        server.fault("GET", Fault::Headers(Vec::new()));
        for age in ["30", "31", "86400"] {
            server.fault("GET", cached(&[1], age));
        }
        let report = pack(&server).assign([2_u64, 3]).await.expect("read back");
        assert_eq!(report.assigned().count(), 2, "executed: {executed}");
        assert_eq!(server.assigned(1001), [1, 2, 3], "executed: {executed}");
        assert_eq!(server.posts(), if executed { 1 } else { 2 });
        assert!(server.gets() >= 5, "{} reads", server.gets());
    }
}

#[tokio::test]
async fn users_stay_unknown_if_every_list_is_cached() {
    let server = server();
    server.fault("POST", Fault::CloseAfterExecute);
    server.fault("GET", Fault::Headers(Vec::new()));
    for _ in 0..20 {
        server.fault("GET", cached(&[1], "600"));
    }
    let error = pack(&server)
        .assign([2_u64, 3])
        .await
        .expect_err("no proof");
    assert_eq!(error.cause().kind(), ErrorKind::Ambiguous);
    assert_eq!(error.report().unknown().count(), 2);
    assert_eq!(server.posts(), 1);
}

#[tokio::test]
async fn the_first_list_of_a_run_is_read_again_if_it_is_cached() {
    // The run reads the list twice. Only the `Age` header of the second list response decides whether the run
    // continues.
    for (ages, passes) in [
        (["2", "2"], true),
        (["500", "2"], true),
        (["500", "0"], true),
        (["2", "3"], false),
        (["500", "500"], false),
        (["500", "1, 500"], false),
        (["500", "99999999999999999999"], false),
    ] {
        let server = server();
        for age in ages {
            server.fault("GET", cached(&[1], age));
        }
        let pack = pack(&server);
        let result = pack.assign([1_u64, 2]).await;
        assert_eq!(server.gets(), 2, "{ages:?}");
        if passes {
            assert_eq!(
                result.expect("recent enough").assigned().count(),
                1,
                "{ages:?}"
            );
            continue;
        }
        let error = result.expect_err("too old");
        assert_eq!(error.cause().kind(), ErrorKind::StaleList, "{ages:?}");
        assert!(
            error.cause().to_string().contains("a cache returned"),
            "{error}"
        );
        assert_eq!(
            (server.posts(), error.report().not_assigned().count()),
            (0, 2)
        );

        for age in ages {
            server.fault("GET", cached(&[1], age));
        }
        let error = pack.assign([1_u64, 2]).plan().await.expect_err("too old");
        assert_eq!(error.kind(), ErrorKind::StaleList, "{ages:?}");
    }
}

#[tokio::test]
async fn a_cached_list_that_is_followed_by_a_current_one_costs_one_request() {
    let server = server();
    server.fault("GET", cached(&[], "500"));
    let report = pack(&server).assign([1_u64, 2]).await.expect("a report");
    assert_eq!(report.outcome(user(1)), Some(&Outcome::AlreadyAssigned));
    assert_eq!((server.gets(), server.posts()), (2, 1));
    assert_eq!(server.assigned(1001), [1, 2]);
}

#[tokio::test]
async fn a_cached_closing_list_makes_no_rejection_final() {
    for (ages, kind) in [
        (vec!["1", "2"], None),
        (vec!["500"], None),
        (vec!["500", "500"], Some(ErrorKind::StaleList)),
    ] {
        let server = server();
        server.fault("GET", Fault::Headers(Vec::new()));
        for age in &ages {
            server.fault("GET", cached(&[1], age));
        }
        match (pack(&server).assign([2_u64, 99]).await, kind) {
            (Ok(report), None) => assert_eq!(report.rejected().count(), 1, "{ages:?}"),
            (Err(error), Some(kind)) => {
                assert_eq!(error.cause().kind(), kind);
                assert_eq!(error.report().rejected().count(), 0);
                assert_eq!(error.report().unknown().collect::<Vec<_>>(), [user(99)]);
                assert_eq!(error.report().assigned().count(), 1);
            }
            (result, _) => panic!("{ages:?}: {result:?}"),
        }
    }
}

#[tokio::test]
async fn a_watch_accepts_a_list_of_any_age() {
    let server = server();
    let pack = pack(&server);
    let snapshot = pack.snapshot().await.expect("a list");
    server.fault("GET", cached(&[1, 2], "86400"));
    let mut watch = pack.watch(MINUTE).since(snapshot);
    let update = watch.next().await.expect("an item").expect("a change");
    assert_eq!(update.changes[0].kind(), ChangeKind::Assigned);
    assert_eq!(server.gets(), 2, "read once");
}

fn kinds(update: &connecteam_onboarding::Update) -> Vec<ChangeKind> {
    update.changes.iter().map(Change::kind).collect()
}

#[tokio::test]
async fn a_watch_confirms_a_list_that_is_suddenly_empty() {
    let server = server();
    let pack = pack(&server);
    let snapshot = pack.snapshot().await.expect("a list");
    server.fault("GET", Fault::Response(list(&[])));
    // The first read returns an empty list by mistake. The second read returns the real list, which contains the new
    // user 2.
    server.already(1001, [2]);
    let mut watch = pack.watch(MINUTE).since(snapshot);
    let update = watch.next().await.expect("an item").expect("a change");
    assert_eq!(kinds(&update), [ChangeKind::Assigned]);
    assert_eq!(server.gets(), 3);
}

#[tokio::test]
async fn a_watch_reports_a_pack_that_stays_empty() {
    let server = server();
    let pack = pack(&server);
    let snapshot = pack.snapshot().await.expect("a list");
    server.with(|world| {
        world.packs.insert(1001, Vec::new());
        world.list = None;
    });
    let mut watch = pack.watch(MINUTE).since(snapshot);
    let update = watch.next().await.expect("an item").expect("a change");
    assert_eq!(kinds(&update), [ChangeKind::Removed]);
    assert_eq!(server.gets(), 3);
}

#[tokio::test]
async fn a_snapshot_after_another_reads_a_list_twice_that_is_suddenly_empty() {
    let server = server();
    let pack = pack(&server);
    let earlier = pack.snapshot().await.expect("a list");
    server.fault("GET", Fault::Response(list(&[])));
    let later = pack.snapshot_after(&earlier).await.expect("a list");
    assert_eq!((later.len(), server.gets()), (1, 3));

    // `Pack::snapshot` has no earlier snapshot to compare with, so it returns an empty list without a second read.
    server.fault("GET", Fault::Response(list(&[])));
    assert!(pack.snapshot().await.expect("a list").is_empty());
    assert_eq!(server.gets(), 4);
    let empty: Snapshot = pack.snapshot_after(&later).await.expect("a list");
    assert_eq!(
        (empty.len(), server.gets()),
        (1, 5),
        "not empty, so read once"
    );
}
