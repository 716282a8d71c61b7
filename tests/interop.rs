//! Tests that types can move between threads, and that values are unchanged after a round trip through JSON.
#![allow(missing_docs)]
#![cfg(any(feature = "ring", not(feature = "rustls")))]

mod support;

use connecteam_onboarding::{
    Assign, AssignError, AssignProgress, Assignment, Change, Client, ClientBuilder, Error,
    InvalidId, Pack, PackId, Plan, Progress, Quota, Region, Rejection, Report, RetryPolicy,
    Snapshot, Update, UserId, Watch,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::time::Duration;
use support::Server;

fn shared<T: Send + Sync + 'static>() {}
fn sent<T: Send + 'static>(value: T) -> T {
    value
}
fn error<T: std::error::Error + Send + Sync + Clone + 'static>() {}
fn data<T: Serialize + DeserializeOwned>() {}

#[test]
fn types_cross_threads() {
    shared::<Client>();
    shared::<Pack>();
    shared::<(
        Report,
        Plan,
        Snapshot,
        Change,
        Update,
        Progress,
        Assignment,
        Rejection,
        Quota,
        Region,
    )>();
    shared::<(RetryPolicy, AssignProgress)>();
    sent(Option::<(Assign, Watch, ClientBuilder)>::None);
    error::<Error>();
    error::<AssignError>();
    error::<InvalidId>();
    data::<(Report, Plan, Snapshot, Change, Progress, Assignment, UserId)>();
    // An error is as small as a `usize`, which keeps `Result` small and successful calls fast.
    assert_eq!(
        [size_of::<Error>(), size_of::<AssignError>()],
        [size_of::<usize>(); 2]
    );
}

#[test]
fn every_future_may_move_to_another_thread() {
    // The base URL is an `http` URL with a loopback address, because `https` fails if the enabled features include no
    // TLS.
    let builder = Client::builder()
        .api_key("key")
        .base_url("http://127.0.0.1:9");
    let client = builder.build().expect("a client");
    let pack = client.pack(PackId::try_from(1001).expect("an id"));
    drop(sent({
        let pack = pack.clone();
        async move { pack.assignments().await }
    }));
    drop(sent({
        let pack = pack.clone();
        async move { pack.snapshot().await }
    }));
    drop(sent(pack.assign([1]).plan()));
    drop(sent(pack.assign([1]).into_future()));
    drop(sent(async move {
        client
            .api()
            .get_pack_assignments(&pack.id())
            .await
            .map(drop)
    }));
}

#[tokio::test]
async fn one_client_serves_many_tasks() {
    let server = Server::start();
    server.users(1..=160);
    let client = Client::builder()
        .api_key("key")
        .base_url(server.base_url())
        .build()
        .expect("a client");
    let tasks = (0..16_u64).map(|task| {
        let pack = client.pack(PackId::try_from(1001).expect("an id"));
        tokio::spawn(async move { pack.assign(task * 10 + 1..=task * 10 + 10).await })
    });
    for task in tasks.collect::<Vec<_>>() {
        let report = task
            .await
            .expect("no panic")
            .expect("all users are assigned");
        assert_eq!((report.assigned().count(), report.requests()), (10, 2));
    }
    let mut assigned = server.assigned(1001);
    assigned.sort_unstable();
    assert_eq!(assigned, (1..=160).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_report_is_read_back_as_it_was_written() {
    let server = Server::start();
    server.users([1, 2, 3]).already(1001, [2]);
    let client = Client::builder()
        .api_key("key")
        .base_url(server.base_url())
        .build()
        .expect("a client");
    let pack = client.pack(PackId::try_from(1001).expect("an id"));
    let report = pack
        .assign([3, 9, 1, 2, 3])
        .settle(Duration::ZERO)
        .await
        .expect("every user has an outcome");
    let lent: Vec<UserId> = report.on_pack().collect();
    assert_eq!(
        pack.assign(&lent)
            .await
            .expect("every user has an outcome")
            .already_assigned()
            .count(),
        lent.len()
    );
    let written = serde_json::to_value(&report).expect("plain data");
    let read: Report = serde_json::from_value(written.clone()).expect("the same");
    assert_eq!(serde_json::to_value(&read).expect("plain data"), written);
    assert_eq!(read.to_string(), report.to_string());
    assert_eq!(
        report.on_pack().map(u64::from).collect::<Vec<_>>(),
        [3, 1, 2],
        "in input order"
    );
    assert_ne!(read, report, "the order of the list is not written");
    assert_eq!(
        serde_json::from_value::<Report>(written).expect("the same"),
        read
    );
    for (user, outcome) in report.outcomes() {
        assert_eq!(read.outcome(user), Some(outcome), "{user}");
    }
}

#[test]
fn a_report_that_contradicts_itself_is_refused() {
    let report = |change: &dyn Fn(&mut Value)| {
        let mut value = json!({"assigned": [1], "already_assigned": [2], "rejected": [], "not_assigned": [],
            "unknown": [], "duplicates": 0, "requests": 2});
        change(&mut value);
        serde_json::from_value::<Report>(value)
            .map(|report| report.to_string())
            .map_err(|e| e.to_string())
    };
    assert!(report(&|_| {}).is_ok());
    let twice = report(&|value| value["unknown"] = json!([1]));
    assert_eq!(twice.unwrap_err(), "a user has more than one outcome");
    for no_user in [json!([0]), json!([-1]), json!(["1"])] {
        report(&|value| value["assigned"] = no_user.clone()).unwrap_err();
    }
    let missing =
        report(&|value| drop(value.as_object_mut().map(|fields| fields.remove("unknown"))));
    assert!(missing.unwrap_err().contains("missing field `unknown`"));
}
