//! Tests how the client handles slow or unreadable responses, and servers that close connections.
#![allow(missing_docs)]
#![cfg(any(feature = "ring", not(feature = "rustls")))]

mod support;

use connecteam_onboarding::{
    Client, ClientBuilder, Error, ErrorKind, Executed, Pack, PackId, RetryPolicy,
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use support::{Answer, Fault, Server, SkippingClock};

const MS: Duration = Duration::from_millis(1);

fn pack(server: &Server, change: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Pack {
    let builder = Client::builder().api_key("key").base_url(server.base_url());
    let client = change(builder.retry(RetryPolicy::never())).build();
    client
        .expect("a client")
        .pack(PackId::try_from(1001).expect("an id"))
}

fn row(user: u64) -> Value {
    json!({"id": 500 + user, "userId": user, "status": "in_progress", "isWaitingApproval": false})
}

async fn unreadable(content_type: &str, body: &str) -> Error {
    let server = Server::start();
    let answer = Answer::new(200, content_type, body.to_owned());
    server.fault("GET", Fault::Response(answer));
    let error = pack(&server, |builder| builder).assignments().await;
    let error = error.expect_err("unreadable");
    assert_eq!(
        (error.kind(), error.status()),
        (ErrorKind::Unreadable, Some(200)),
        "{error}"
    );
    assert_eq!(error.executed(), Executed::Maybe);
    error
}

#[tokio::test]
async fn an_unreadable_list_names_the_place() {
    let change = |index: usize, field: &str, value: Value| {
        let mut rows: Vec<_> = (1..=300).map(row).collect();
        if value == "missing" {
            rows[index].as_object_mut().expect("a row").remove(field);
        } else {
            rows[index][field] = value;
        }
        json!({"data": {"assignments": rows}}).to_string()
    };
    for (body, expected) in [
        (
            change(299, "isWaitingApproval", Value::Null),
            "data.assignments[299].isWaitingApproval: invalid type: null, expected a boolean",
        ),
        (
            change(0, "isWaitingApproval", json!("no")),
            "data.assignments[0].isWaitingApproval: invalid type: string",
        ),
        (
            change(7, "userId", json!("x")),
            "data.assignments[7].userId: invalid type: string",
        ),
        (
            change(7, "userId", json!(-1)),
            "data.assignments[7].userId: ",
        ),
        (
            change(7, "id", json!(1.5)),
            "data.assignments[7].id: invalid type: floating point",
        ),
        (
            change(299, "status", Value::Null),
            "data.assignments[299].status: invalid type: null, expected a string",
        ),
        (
            change(299, "status", json!("missing")),
            "data.assignments[299]: missing field `status`",
        ),
        (
            r#"{"data":{}}"#.to_owned(),
            "data: missing field `assignments`",
        ),
        (
            r#"{"data":{"assignments":null}}"#.to_owned(),
            "data.assignments: invalid type: null, expected a sequence",
        ),
        (
            r#"{"data":{"assignments":{}}}"#.to_owned(),
            "data.assignments: invalid type: map, expected a sequence",
        ),
        (
            r#"{"data":{"assignments":[7]}}"#.to_owned(),
            "data.assignments[0]: invalid type: integer `7`",
        ),
        (r#"{"data":null}"#.to_owned(), "data: invalid type: null"),
        (r#"{"data":[]}"#.to_owned(), "data"),
        ("{}".to_owned(), "missing field `data`"),
        (r#"{"requestId":"a"}"#.to_owned(), "missing field `data`"),
        ("[]".to_owned(), "the body starts with `[]`"),
        ("null".to_owned(), "invalid type: null"),
        ("7".to_owned(), "invalid type: integer `7`"),
        ("not JSON".to_owned(), "the body starts with `not JSON`"),
        (
            r#"{"data":{"assignments":[{"id":1"#.to_owned(),
            "data.assignments[0]",
        ),
        (
            "{\"a\\nb\\u001bc\":[\"\u{1}".to_owned(),
            r"a\nb\u{1b}c: control character",
        ),
        (
            format!("{{\"{}\":[\u{1}", "long".repeat(500)),
            "longlonglong",
        ),
    ] {
        let text = unreadable("application/json", &body).await.to_string();
        assert!(text.contains(expected), "{expected}: {text}");
        assert!(!text.contains(char::is_control), "{text:?}");
        assert!(text.len() < 400, "{} bytes: {text}", text.len());
    }
}

#[tokio::test]
async fn an_html_page_points_to_the_base_url() {
    for body in [
        "<!DOCTYPE html><html></html>",
        "\n  <html><body>Connecteam</body></html>",
        "\u{feff}<html>",
    ] {
        let text = unreadable("text/html", body).await.to_string();
        assert!(
            text.contains("an HTML page: check the base URL"),
            "{body:?}: {text}"
        );
        assert!(!text.contains("<html"), "{text}");
    }
}

#[tokio::test]
async fn an_error_response_without_a_body_has_no_body_in_the_error() {
    for (body, shown) in [("", None), ("{\"code\":7}", Some("{\"code\":7}"))] {
        let server = Server::start();
        let answer = Answer::new(404, "text/plain", body.to_owned());
        server.fault("GET", Fault::Response(answer));
        let error = pack(&server, |builder| builder).assignments().await;
        let error = error.expect_err("404");
        assert_eq!((error.kind(), error.body()), (ErrorKind::NotFound, shown));
        let names_body = error.to_string().contains("the body starts with");
        assert_eq!(names_body, shown.is_some(), "{error}");
    }
}

#[tokio::test]
async fn an_unreadable_response_to_a_write_names_the_place() {
    let server = Server::start();
    let answer = Answer::json(200, &json!({"data": 7}));
    server.fault("POST", Fault::Response(answer));
    let client = pack(&server, |builder| builder);
    let request = connecteam_onboarding::api::types::AssignUsersRequest::new(vec![
        7_u64.try_into().expect("an id"),
    ]);
    let response = client
        .client()
        .api()
        .assign_users_to_pack(&client.id(), &request)
        .await;
    let text = Error::from(response.expect_err("unreadable")).to_string();
    assert!(text.contains("data: invalid type: integer `7`"), "{text}");
}

fn slow(pause: Duration) -> Server {
    let server = Server::start();
    server.fault("GET", Fault::SlowBody(pause));
    server
}

#[tokio::test]
async fn a_slow_body_is_read_as_long_as_bytes_arrive() {
    // With a pause of 6 ms after each byte, the whole response takes longer than the read time-out of 400 ms.
    let server = slow(MS * 6);
    let start = Instant::now();
    let list = pack(&server, |builder| builder.read_timeout(MS * 400))
        .assignments()
        .await;
    assert!(list.expect("a list").is_empty());
    assert!(
        start.elapsed() > MS * 400,
        "the whole read takes longer than the time-out"
    );
}

#[tokio::test]
async fn a_pause_that_is_longer_than_the_read_timeout_is_an_error() {
    for fault in [Fault::Silence, Fault::HeadersThenSilence] {
        let server = Server::start();
        server.fault("GET", fault);
        let error = pack(&server, |builder| builder.read_timeout(MS * 50))
            .assignments()
            .await;
        assert_eq!(error.expect_err("a pause").kind(), ErrorKind::Timeout);
    }
}

#[tokio::test]
async fn the_total_timeout_bounds_a_slow_body() {
    let server = slow(MS * 10);
    let start = Instant::now();
    let pack = pack(&server, |builder| {
        builder.read_timeout(MS * 5_000).total_timeout(MS * 100)
    });
    let error = pack.assignments().await.expect_err("too slow");
    assert_eq!(
        (error.kind(), error.status()),
        (ErrorKind::Timeout, Some(200)),
        "{error}"
    );
    assert!(start.elapsed() < MS * 3_000, "{:?}", start.elapsed());
}

#[cfg(feature = "gzip")]
#[tokio::test]
async fn a_slow_compressed_body_is_read_as_long_as_bytes_arrive() {
    use std::io::Write;
    let rows: Vec<_> = (1..=500)
        .map(|user| row(user * user * 7_919 % 1_000_003))
        .collect();
    let body = json!({"data": {"assignments": rows}}).to_string();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(body.as_bytes()).expect("memory");
    let body = encoder.finish().expect("memory");
    let server = Server::start();
    let answer = Answer::new(200, "application/json", body).with("content-encoding", "gzip");
    server.fault("GET", Fault::SlowResponse(answer, 20, MS * 30));
    let list = pack(&server, |builder| builder.read_timeout(MS * 400))
        .assignments()
        .await;
    assert_eq!(list.expect("a list").len(), 500);
}

#[tokio::test]
async fn a_server_that_closes_each_connection_makes_no_write_ambiguous() {
    let server = Server::start();
    server.users(1..=100).close_after_each_response();
    let pack = pack(&server, |builder| builder.clock(SkippingClock::default()));
    for user in 1..=100_u64 {
        let report = pack.assign([user]).await.expect("assigned");
        assert_eq!(report.requests(), 2, "a read and a write");
    }
    assert_eq!((server.gets(), server.posts()), (100, 100));
    assert_eq!(server.connections(), 200);
}
