//! The fake keeps the API's rules, and every answer of it keeps the spec's schemas.
#![allow(missing_docs)]
#![cfg(all(feature = "mock", feature = "ring", feature = "schemars"))]

use connecteam_onboarding::api::types::{AssignUsersResponse, ErrorBody, PackAssignmentsResponse};
use connecteam_onboarding::mock::{FakeOnboarding, Fault, Reassignment, RefusalStyle};
use connecteam_onboarding::{
    AssignmentStatus, Client, Clock, ErrorKind, MAX_USERS_PER_REQUEST, PackId, RetryPolicy, UserId,
};
use futures_util::{FutureExt, StreamExt};
use serde_json::{Value, json};
use std::time::Duration;

fn pack() -> PackId {
    PackId::try_from(1001).expect("an id")
}

fn user(id: u64) -> UserId {
    UserId::try_from(id).expect("an id")
}

fn fake() -> FakeOnboarding {
    let fake = FakeOnboarding::start();
    fake.add_pack(pack())
        .add_users(1..=700)
        .put_on_pack(pack(), [1, 2]);
    fake
}

/// A raw request, and its answer held against the spec.
async fn ask(
    fake: &FakeOnboarding,
    method: &str,
    pack: &str,
    key: Option<&str>,
    body: Option<&str>,
) -> (u16, Value) {
    let url = format!("{}/onboarding/v1/packs/{pack}/assignments", fake.base_url());
    let mut request = http().request(method.parse().expect("a method"), url);
    if let Some(key) = key {
        request = request.header("X-API-KEY", key);
    }
    if let Some(body) = body {
        request = request
            .header("content-type", "application/json")
            .body(body.to_owned());
    }
    let response = request.send().await.expect("an answer");
    let (status, text) = (
        response.status().as_u16(),
        response.text().await.expect("a body"),
    );
    let schema = match (status, method) {
        (200, "GET") => schemars::schema_for!(PackAssignmentsResponse),
        (200, _) => schemars::schema_for!(AssignUsersResponse),
        _ => schemars::schema_for!(ErrorBody),
    };
    if status == 404 && text.is_empty() {
        return (status, Value::Null);
    }
    let body: Value =
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{status} {text}: {e}"));
    let validator = jsonschema::validator_for(schema.as_value()).expect("a schema");
    let problems: Vec<_> = validator
        .iter_errors(&body)
        .map(|problem| problem.to_string())
        .collect();
    assert!(
        problems.is_empty(),
        "{method} {status}: {problems:?} in {body}"
    );
    (status, body)
}

/// reqwest wants a TLS set-up, though none is used here.
fn http() -> reqwest::Client {
    let roots = rustls::RootCertStore::empty();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(config)
        .build()
        .expect("a client")
}

fn users(ids: impl IntoIterator<Item = u64>) -> String {
    json!({"userIds": ids.into_iter().collect::<Vec<_>>()}).to_string()
}

#[tokio::test]
async fn the_rules_are_the_apis_own() {
    let fake = fake();
    fake.add_read_only_key("reader")
        .add_key_without_access("poor");
    let key = Some(fake.api_key());
    let most = MAX_USERS_PER_REQUEST as u64;

    let (status, body) = ask(&fake, "GET", "1001", key, None).await;
    assert_eq!(
        (status, body["data"]["assignments"].as_array().map(Vec::len)),
        (200, Some(2))
    );
    for (key, read, write) in [
        (None, 401, 401),
        (Some("nobody's"), 401, 401),
        (Some("reader"), 200, 403),
        (Some("poor"), 403, 403),
    ] {
        assert_eq!(
            ask(&fake, "GET", "1001", key, None).await.0,
            read,
            "{key:?}"
        );
        assert_eq!(
            ask(&fake, "POST", "1001", key, Some(&users([3]))).await.0,
            write,
            "{key:?}"
        );
    }
    assert_eq!(ask(&fake, "GET", "9", key, None).await, (404, Value::Null));
    assert_eq!(ask(&fake, "GET", "nine", key, None).await.0, 422);
    assert_eq!(ask(&fake, "DELETE", "1001", key, None).await.0, 405);

    let refused = [
        users([]),
        users([3, 4, 3]),
        users(1..=most + 1),
        users([3, 0]),
        users([3, 701]),
        r#"{"userIds":[3,-4]}"#.to_owned(),
        r#"{"userIds":[3,"4"]}"#.to_owned(),
        r#"{"userIds":3}"#.to_owned(),
        "{}".to_owned(),
        "userIds".to_owned(),
    ];
    for body in refused {
        assert_eq!(
            ask(&fake, "POST", "1001", key, Some(&body)).await.0,
            422,
            "{body}"
        );
    }
    assert_eq!(fake.assignments(pack()).len(), 2, "all or nothing");
    assert_eq!(
        ask(&fake, "POST", "1001", key, Some(&users(1..=most)))
            .await
            .0,
        200
    );
    assert_eq!(fake.assignments(pack()).len(), MAX_USERS_PER_REQUEST);
    assert_eq!(fake.largest_request(), MAX_USERS_PER_REQUEST + 1);
}

/// 1,203 ids of which 200 are repeated, counted by the fake itself.
#[tokio::test]
async fn a_messy_list_becomes_assignments() {
    let fake = FakeOnboarding::start_async().await;
    fake.add_pack(pack())
        .add_users(1..=1003)
        .put_on_pack(pack(), [5]);
    let report = fake
        .client()
        .pack(pack())
        .assign((1..=1003).chain(1..=200))
        .await
        .expect("everybody");
    assert_eq!(
        (
            report.assigned().count(),
            report.already_assigned().count(),
            report.duplicates()
        ),
        (1002, 1, 200)
    );
    assert_eq!(
        (fake.reads(), fake.writes(), fake.largest_request()),
        (1, 3, MAX_USERS_PER_REQUEST)
    );
    let on_pack: std::collections::BTreeSet<_> = fake
        .assignments(pack())
        .iter()
        .map(|row| row.user_id)
        .collect();
    assert_eq!(
        (fake.assignments(pack()).len(), on_pack.len()),
        (1003, 1003),
        "each once"
    );
}

#[tokio::test]
async fn what_the_vendor_leaves_open_can_be_set() {
    let fake = fake();
    let key = Some(fake.api_key());
    for style in [
        RefusalStyle::Silent,
        RefusalStyle::Indices,
        RefusalStyle::FirstIndex,
        RefusalStyle::Text,
        RefusalStyle::Echo,
    ] {
        fake.refusals(style);
        let (status, body) = ask(&fake, "POST", "1001", key, Some(&users([3, 801, 4, 802]))).await;
        let detail = body["detail"].to_string();
        let expected = match style {
            RefusalStyle::Indices => (true, true, false),
            RefusalStyle::FirstIndex => (true, false, false),
            RefusalStyle::Text | RefusalStyle::Echo => (false, false, true),
            _ => (false, false, false),
        };
        let found = (
            detail.contains(r#""userIds",1]"#),
            detail.contains(r#""userIds",3]"#),
            detail.contains("801"),
        );
        assert_eq!((status, found), (422, expected), "{style:?}: {detail}");
    }
    for (reassignment, status, rows) in [
        (Reassignment::Ignore, 200, 2),
        (Reassignment::Refuse, 422, 2),
        (Reassignment::AssignAgain, 200, 3),
    ] {
        fake.reassignment(reassignment);
        assert_eq!(
            ask(&fake, "POST", "1001", key, Some(&users([1]))).await.0,
            status
        );
        assert_eq!(fake.assignments(pack()).len(), rows);
    }
}

#[tokio::test]
async fn faults_come_before_or_after_execution() {
    let fake = fake();
    fake.fail_next(Fault::before(503, r#"{"detail":"down"}"#))
        .fail_next(Fault::after(500, "{}"));
    let body = users([3]);
    assert_eq!(
        ask(&fake, "POST", "1001", Some(fake.api_key()), Some(&body))
            .await
            .0,
        503
    );
    assert_eq!(fake.assignments(pack()).len(), 2);
    assert_eq!(
        ask(&fake, "POST", "1001", Some(fake.api_key()), Some(&body))
            .await
            .0,
        500
    );
    assert_eq!(fake.assignments(pack()).len(), 3);
    fake.fail_next(Fault::too_many_requests_as_200());
    let report = fake
        .client()
        .pack(pack())
        .assign([4])
        .await
        .expect("waits, then goes on");
    assert_eq!(
        (report.assigned().count(), fake.reads(), fake.writes()),
        (1, 2, 3)
    );
}

#[tokio::test]
async fn a_fault_after_execution_waits_for_a_request_within_the_limit() {
    let fake = fake();
    let busy = r#"{"detail":"busy"}"#;
    fake.limits(1, 100)
        .fail_next(Fault::before(503, busy))
        .fail_next(Fault::after(502, busy));
    let key = Some(fake.api_key());
    let users = Some(r#"{"userIds":[7]}"#);
    assert_eq!(
        ask(&fake, "POST", "1001", key, users).await.0,
        503,
        "the one request of the minute"
    );
    assert_eq!(ask(&fake, "POST", "1001", key, users).await.0, 429);
    assert_eq!(fake.assignments(pack()).len(), 2, "neither was executed");
    fake.clock().advance(Duration::from_secs(60));
    assert_eq!(ask(&fake, "POST", "1001", key, users).await.0, 502);
    assert_eq!(fake.assignments(pack()).len(), 3);
}

#[tokio::test]
async fn a_late_answer_is_a_time_out() {
    let fake = fake();
    let builder = fake
        .client_builder()
        .api_key(fake.api_key())
        .read_timeout(Duration::from_millis(40));
    let client = builder
        .retry(RetryPolicy::never())
        .build()
        .expect("a client");
    fake.answer_after(Duration::from_secs(2));
    let error = client
        .pack(pack())
        .assignments()
        .await
        .expect_err("too late");
    assert_eq!(error.kind(), ErrorKind::Timeout);
    fake.answer_after(Duration::ZERO);
    assert_eq!(
        client
            .pack(pack())
            .assignments()
            .await
            .map(|list| list.len())
            .ok(),
        Some(2),
        "the same fake"
    );
}

#[tokio::test]
async fn windows_and_their_end_take_no_time() {
    let fake = FakeOnboarding::start();
    fake.add_pack(pack()).add_users(1..=20_000).limits(5, 200);
    let (start, client) = (fake.clock().now(), fake.client());
    let report = client
        .pack(pack())
        .assign(1..=10_000)
        .await
        .expect("all, in five windows");
    assert_eq!(
        (report.assigned().count(), fake.refused_for_limit()),
        (10_000, 0)
    );
    let took = fake.clock().now() - start;
    assert!(took.as_secs() >= 240, "21 requests, 5 a minute: {took:?}");
    fake.limits(1_000, 10);
    let error = client
        .pack(pack())
        .assign(1..=20_000)
        .await
        .expect_err("the day is spent");
    assert_eq!(error.cause().kind(), ErrorKind::QuotaSpent);
    fake.clock().advance(Duration::from_secs(86_400));
    fake.limits(1_000, 1_000);
    assert!(
        client
            .pack(pack())
            .assign(error.report().retry_ids())
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn at_retry_at_the_day_has_come_back() {
    for late in [0, 1, 5, 60] {
        let (fake, clock) = (fake(), Duration::from_secs(late));
        fake.limits(100, 2);
        let fakes = fake.client().pack(pack());
        fakes.assignments().await.expect("the first of the day");
        fakes.assignments().await.expect("the last of the day");
        let error = fakes.assignments().await.expect_err("the day is spent");
        let at = error.retry_at().expect("told");
        assert_eq!(
            error.retry_after(),
            at.duration_since(fake.clock().wall()).ok()
        );
        fake.clock()
            .advance(at.duration_since(fake.clock().wall()).expect("ahead") + clock);
        fakes
            .assignments()
            .await
            .unwrap_or_else(|again| panic!("{late} s later: {again}"));
        assert_eq!((fake.requests(), fake.refused_for_limit()), (3, 0));
    }
}

#[tokio::test]
async fn a_watch_leaves_a_tenth_of_each_window_to_others() {
    let evening = Duration::from_secs(86_000);
    for (minute, day, left) in [
        (100, 50, 5..=5),
        (100, 5, 1..=3),
        (1_000, 1, 0..=0),
        (10, 100, 10..=10),
    ] {
        let fake = fake();
        fake.limits(minute, day);
        let mut watch = fake.client().pack(pack()).watch(Duration::from_millis(1));
        let (mut told, mut spent) = (0, 0);
        while fake.clock().now() < evening || fake.reads() == spent {
            match watch.next().now_or_never() {
                Some(Some(Err(error))) if error.kind() == ErrorKind::QuotaSpent => told += 1,
                Some(other) => panic!("{other:?}"),
                None => tokio::task::yield_now().await,
            }
            if fake.clock().now() < evening {
                spent = fake.reads();
            }
        }
        assert!(
            left.contains(&(day - spent)),
            "{minute} a minute, {day} a day: {spent} spent"
        );
        assert!(told <= 1, "told {told} times");
        assert_eq!(fake.refused_for_limit(), 0);
    }
}

#[tokio::test]
async fn tokens_end_and_can_be_revoked() {
    let fake = fake();
    fake.add_oauth_client("id", "secret")
        .token_life(Duration::from_secs(600));
    let client = fake
        .client_builder()
        .client_credentials("id", "secret")
        .build()
        .expect("a client");
    for (expected, change) in [(1, 0), (2, 700), (3, 0)] {
        fake.clock().advance(Duration::from_secs(change));
        if expected == 3 {
            fake.revoke_tokens();
        }
        client.pack(pack()).assignments().await.expect("a list");
        assert_eq!(fake.tokens(), expected);
    }
    let wrong: Client = fake
        .client_builder()
        .client_credentials("id", "wrong")
        .build()
        .expect("a client");
    assert_eq!(
        wrong
            .pack(pack())
            .assignments()
            .await
            .expect_err("refused")
            .kind(),
        ErrorKind::Unauthorized
    );
}

#[tokio::test]
async fn people_move_along() {
    let fake = fake();
    let row = |fake: &FakeOnboarding| fake.assignments(pack())[0].clone();
    fake.finish_steps(pack(), user(1));
    assert!(row(&fake).is_waiting_approval);
    fake.approve(pack(), user(1));
    assert_eq!(
        (row(&fake).status, row(&fake).is_waiting_approval),
        (AssignmentStatus::Completed, false)
    );
    fake.reopen(pack(), user(1));
    assert_eq!(row(&fake).status, AssignmentStatus::InProgress);
    fake.set_status(pack(), user(1), "paused".into());
    assert_eq!(
        fake.client()
            .pack(pack())
            .assignments()
            .await
            .expect("a list")[0]
            .status
            .as_str(),
        "paused"
    );
    fake.remove(pack(), user(1));
    assert_eq!(fake.assignments(pack()).len(), 1);
}

#[test]
#[should_panic(expected = "user 5 is not on pack 1001")]
fn moving_a_stranger_along_is_the_tests_mistake() {
    fake().approve(pack(), user(5));
}
