//! Tests that the fake API server enforces the rules of the API. Each response body must match the schemas in the spec.
#![allow(missing_docs)]
#![cfg(all(feature = "mock", feature = "ring", feature = "schemars"))]

mod oauth;
mod rules;
mod server;

use connecteam_onboarding::api::types::{AssignUsersResponse, ErrorBody, PackAssignmentsResponse};
use connecteam_onboarding::mock::{FakeOnboarding, Fault};
use connecteam_onboarding::{
    AssignmentStatus, Clock, ErrorKind, MAX_USERS_PER_REQUEST, PackId, RetryPolicy, UserId,
};
use futures_util::{FutureExt, StreamExt};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant, SystemTime};

const PATH: &str = "/onboarding/v1/packs/1001/assignments";
const TOKEN_PATH: &str = "/oauth/v1/token";
const JSON: &str = "content-type: application/json";
const MAX: u64 = MAX_USERS_PER_REQUEST as u64;

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

struct Response {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Response {
    fn header(&self, name: &str) -> Vec<&str> {
        let found = self.headers.iter().filter(|(found, _)| found == name);
        found.map(|(_, value)| value.as_str()).collect()
    }

    fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), ["application/json"]);
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.body))
    }

    fn message(&self) -> String {
        let body = self.json();
        let detail = &body["detail"];
        detail[0]["msg"]
            .as_str()
            .or(detail.as_str())
            .unwrap_or_default()
            .to_owned()
    }
}

fn send(fake: &FakeOnboarding, method: &str, path: &str, headers: &[&str], body: &str) -> Response {
    exchange(&fake.base_url(), method, path, headers, body)
}

/// Uses a TCP socket, because an HTTP client would need TLS settings.
fn exchange(base_url: &str, method: &str, path: &str, headers: &[&str], body: &str) -> Response {
    let address = base_url.trim_start_matches("http://");
    let mut socket = TcpStream::connect(address).expect("the fake listens");
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    for header in headers {
        head += &format!("{header}\r\n");
    }
    write!(socket, "{head}content-length: {}\r\n\r\n{body}", body.len()).expect("sent");
    let mut text = String::new();
    socket.read_to_string(&mut text).expect("a response");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let header = |line: &str| {
        let (name, value) = line.split_once(": ").expect("a header");
        (name.to_ascii_lowercase(), value.to_owned())
    };
    Response {
        status: status
            .and_then(|status| status.parse().ok())
            .expect("a status"),
        headers: lines.map(header).collect(),
        body: body.to_owned(),
    }
}

/// Sends a request for the pack, and checks the response body against the schema in the spec.
fn call(fake: &FakeOnboarding, method: &str, key: &str, body: &str) -> Response {
    let key = format!("x-api-key: {key}");
    let headers: &[&str] = if method == "POST" {
        &[&key, JSON]
    } else {
        &[&key]
    };
    validated(method, send(fake, method, PATH, headers, body))
}

fn validated(method: &str, response: Response) -> Response {
    let schema = match (response.status, method) {
        (200, "GET") => schemars::schema_for!(PackAssignmentsResponse),
        (200, _) => schemars::schema_for!(AssignUsersResponse),
        _ => schemars::schema_for!(ErrorBody),
    };
    let validator = jsonschema::validator_for(schema.as_value()).expect("a schema");
    let errors: Vec<_> = validator
        .iter_errors(&response.json())
        .map(|e| e.to_string())
        .collect();
    assert!(
        errors.is_empty(),
        "{method}: {errors:?} in {}",
        response.body
    );
    response
}

fn assign(fake: &FakeOnboarding, body: &str) -> Response {
    call(fake, "POST", fake.api_key(), body)
}

fn users(ids: impl IntoIterator<Item = u64>) -> String {
    json!({"userIds": ids.into_iter().collect::<Vec<_>>()}).to_string()
}

#[tokio::test]
async fn assigns_each_user_of_a_messy_list_once() {
    let fake = FakeOnboarding::start_async().await;
    fake.add_pack(pack())
        .add_users(1..=1003)
        .put_on_pack(pack(), [5]);
    let ids = (1..=1003).chain(1..=200);
    let report = fake
        .client()
        .pack(pack())
        .assign(ids)
        .await
        .expect("all users");
    assert_eq!(report.assigned().count(), 1002);
    assert_eq!(report.already_assigned().count(), 1);
    assert_eq!(report.duplicates(), 200);
    assert_eq!((fake.reads(), fake.writes()), (1, 3));
    assert_eq!(fake.largest_request(), MAX_USERS_PER_REQUEST);
    let assignments = fake.assignments(pack());
    let on_pack: BTreeSet<_> = assignments.iter().map(|row| row.user_id).collect();
    assert_eq!(
        (assignments.len(), on_pack.len()),
        (1003, 1003),
        "each once"
    );
}

#[tokio::test]
async fn fails_before_or_after_execution() {
    let fake = fake();
    fake.fail_next(Fault::before(503, r#"{"detail":"down"}"#))
        .fail_next(Fault::after(500, "{}"));
    assert_eq!(assign(&fake, &users([3])).status, 503);
    assert_eq!(fake.assignments(pack()).len(), 2);
    assert_eq!(assign(&fake, &users([3])).status, 500);
    assert_eq!(fake.assignments(pack()).len(), 3);
    fake.fail_next(Fault::too_many_requests_as_200());
    let assign = fake.client().pack(pack()).assign([4]);
    let report = assign.await.expect("waits, then continues");
    assert_eq!(report.assigned().count(), 1);
    assert_eq!((fake.reads(), fake.writes()), (2, 3));
}

#[test]
fn adds_headers_to_a_response() {
    let fake = fake();
    fake.limits(100, 100)
        .fail_next(Fault::before(429, "").header("Retry-After", "2"))
        .fail_next(Fault::after(502, "<html>").header("content-type", "text/plain"))
        .fail_next(Fault::pass().header("age", "30").header("date", "now"))
        .fail_next(
            Fault::pass()
                .header("x-ratelimit-minute-remaining", "5")
                .header("x-ratelimit-minute-remaining", "3"),
        );
    let get = || {
        send(
            &fake,
            "GET",
            PATH,
            &[&format!("x-api-key: {}", fake.api_key())],
            "",
        )
    };
    let [refused, bad, old, twice] = std::array::from_fn(|_| get());
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (429, vec!["2"])
    );
    assert_eq!(
        (bad.status, bad.header("content-type")),
        (502, vec!["text/plain"])
    );
    assert_eq!(
        (old.header("age"), old.header("date")),
        (vec!["30"], vec!["now"])
    );
    assert_eq!(validated("GET", old).status, 200);
    assert_eq!(twice.header("x-ratelimit-minute-remaining"), ["5", "3"]);
    assert_eq!(twice.header("x-ratelimit-day-remaining"), ["96"]);
}

#[test]
fn keeps_a_fault_after_execution_for_a_request_within_the_limit() {
    let fake = fake();
    let busy = r#"{"detail":"busy"}"#;
    fake.limits(1, 100)
        .fail_next(Fault::before(503, busy))
        .fail_next(Fault::after(502, busy));
    let body = users([7]);
    assert_eq!(
        assign(&fake, &body).status,
        503,
        "the only request of this minute"
    );
    assert_eq!(assign(&fake, &body).status, 429);
    assert_eq!(fake.assignments(pack()).len(), 2, "no request was executed");
    fake.clock().advance(Duration::from_secs(60));
    assert_eq!(assign(&fake, &body).status, 502);
    assert_eq!(fake.assignments(pack()).len(), 3);
}

#[tokio::test]
async fn delays_responses() {
    let fake = fake();
    let builder = fake.client_builder().api_key(fake.api_key());
    let builder = builder.read_timeout(Duration::from_millis(40));
    let client = builder
        .retry(RetryPolicy::never())
        .build()
        .expect("a client");
    fake.delay_responses(Duration::from_secs(2));
    let late = client.pack(pack()).assignments().await;
    assert_eq!(late.expect_err("too late").kind(), ErrorKind::Timeout);
    fake.delay_responses(Duration::ZERO);
    let list = client.pack(pack()).assignments().await;
    assert_eq!(list.expect("a list").len(), 2, "the state is kept");
}

#[tokio::test]
async fn simulates_windows_without_waiting() {
    let fake = FakeOnboarding::start();
    fake.add_pack(pack()).add_users(1..=20_000).limits(5, 200);
    let (start, pack) = (fake.clock().now(), fake.client().pack(pack()));
    let report = pack.assign(1..=10_000).await.expect("all, in five windows");
    assert_eq!(
        (report.assigned().count(), fake.rate_limited()),
        (10_000, 0)
    );
    let took = fake.clock().now() - start;
    assert!(took.as_secs() >= 240, "21 requests, 5 per minute: {took:?}");
    fake.limits(1_000, 10);
    let error = pack
        .assign(1..=20_000)
        .await
        .expect_err("the day's quota is spent");
    assert_eq!(error.cause().kind(), ErrorKind::QuotaSpent);
    fake.clock().advance(Duration::from_secs(86_400));
    fake.limits(1_000, 1_000);
    assert!(pack.assign(error.report().retry_ids()).await.is_ok());
}

#[tokio::test]
async fn has_quota_again_at_retry_at() {
    for late in [0, 1, 5, 60].map(Duration::from_secs) {
        let fake = fake();
        fake.limits(100, 2);
        let pack = fake.client().pack(pack());
        pack.assignments().await.expect("the first of the day");
        pack.assignments().await.expect("the last of the day");
        let error = pack
            .assignments()
            .await
            .expect_err("the day's quota is spent");
        let wait = error
            .retry_at()
            .expect("a time")
            .duration_since(fake.clock().wall());
        assert_eq!(error.retry_after(), wait.clone().ok());
        fake.clock().advance(wait.expect("in the future") + late);
        let again = pack.assignments().await;
        again.unwrap_or_else(|error| panic!("{late:?} later: {error}"));
        assert_eq!((fake.requests(), fake.rate_limited()), (3, 0));
    }
}

#[tokio::test]
async fn reserves_a_tenth_of_each_window_in_a_watch() {
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
        let (mut errors, mut spent) = (0, 0);
        while fake.clock().now() < evening || fake.reads() == spent {
            match watch.next().now_or_never() {
                Some(Some(Err(error))) if error.kind() == ErrorKind::QuotaSpent => errors += 1,
                Some(other) => panic!("{other:?}"),
                None => tokio::task::yield_now().await,
            }
            if fake.clock().now() < evening {
                spent = fake.reads();
            }
        }
        let remaining = day - spent;
        assert!(
            left.contains(&remaining),
            "{minute} and {day}: {remaining} left"
        );
        assert!(errors <= 1, "{errors} errors");
        assert_eq!(fake.rate_limited(), 0);
    }
}

#[tokio::test]
async fn follows_the_clock_of_the_machine_in_real_time() {
    let fake = fake();
    fake.real_time().limits(5, 100);
    let close = |time: SystemTime| {
        let now = SystemTime::now();
        let difference = now
            .duration_since(time)
            .or_else(|_| time.duration_since(now));
        difference.is_ok_and(|difference| difference < Duration::from_secs(60))
    };
    assert!(close(fake.clock().wall()));
    let response = call(&fake, "GET", fake.api_key(), "");
    assert!(close(
        httpdate::parse_http_date(response.header("date")[0]).expect("a date")
    ));

    let (start, before) = (Instant::now(), fake.clock().now());
    fake.clock().sleep(Duration::from_millis(30)).await;
    assert!(start.elapsed() >= Duration::from_millis(30));
    assert!(fake.clock().now() - before >= Duration::from_millis(30));
    fake.clock().advance(Duration::from_secs(86_400));
    assert!(!close(fake.clock().wall()), "a test can still skip a day");
}

#[tokio::test]
async fn changes_the_progress_of_users() {
    let fake = fake();
    let row = || fake.assignments(pack())[0].clone();
    fake.finish_steps(pack(), user(1));
    assert!(row().is_waiting_approval);
    fake.approve(pack(), user(1));
    assert_eq!(
        (row().status, row().is_waiting_approval),
        (AssignmentStatus::Completed, false)
    );
    fake.reopen(pack(), user(1));
    assert_eq!(row().status, AssignmentStatus::InProgress);
    fake.set_status(pack(), user(1), "paused".into());
    let list = fake
        .client()
        .pack(pack())
        .assignments()
        .await
        .expect("a list");
    assert_eq!(list[0].status.as_str(), "paused");
    fake.remove(pack(), user(1));
    assert_eq!(fake.assignments(pack()).len(), 1);
}

#[test]
#[should_panic(expected = "user 5 is not on pack 1001")]
fn panics_for_a_user_who_is_not_on_the_pack() {
    fake().approve(pack(), user(5));
}
