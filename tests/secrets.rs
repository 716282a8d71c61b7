//! Tests that errors, reports and logs never contain a secret, even if the server sends the secret back.
#![allow(missing_docs)]
#![cfg(any(feature = "ring", not(feature = "rustls")))]

mod support;

use connecteam_onboarding::{Client, ClientBuilder, Error, Executed, PackId, RetryPolicy};
use std::fmt::Write as _;
use std::sync::Mutex;
use std::time::Duration;
use support::{Answer, Fault, Log, Server};

const CANARY: &str = "canary-7f3e9a";

fn print(text: &mut String, error: &(dyn std::error::Error + 'static)) {
    let mut next = Some(error);
    while let Some(error) = next {
        let _ = writeln!(text, "{error}\n{error:?}\n{error:#?}");
        next = error.source();
    }
}

#[tokio::test]
async fn no_secret_is_ever_shown() {
    let (log, _guard) = Log::start();
    let mut text = String::new();
    let echo = format!(r#"{{"detail":"you sent {CANARY}","x":"Bearer {CANARY}"}}"#);
    let page = format!("<html>{CANARY}</html>");
    let token =
        format!(r#"{{"access_token":"{CANARY}","token_type":"Bearer","expires_in":86400}}"#);
    let faults = [
        Fault::Status(401, "application/json", echo.clone()),
        Fault::Status(422, "application/json", echo.clone()),
        Fault::Status(500, "text/html", page.clone()),
        Fault::Status(200, "application/json", echo),
        Fault::Status(200, "text/html", page.clone()),
        Fault::Redirect(302, format!("https://example.com/?key={CANARY}")),
        Fault::CloseBeforeRead,
        Fault::HeadersThenSilence,
        Fault::CutAnswer(5),
    ];
    for fault in faults {
        for credential in 0..3 {
            let server = Server::start();
            server.users([7]).with(|world| {
                world.keys.insert(CANARY.to_owned(), true);
                world.tokens.insert(CANARY.to_owned());
                world.clients.insert("id".to_owned(), CANARY.to_owned());
            });
            server.fault_when(
                |request| request.path.contains("oauth"),
                Fault::Status(200, "application/json", token.clone()),
            );
            for method in ["GET", "GET", "POST", "POST"] {
                server.fault(method, fault.clone());
            }
            let sign = |builder: ClientBuilder| match credential {
                0 => builder.api_key(CANARY),
                1 => builder.access_token(CANARY),
                _ => builder.client_credentials("id", CANARY),
            };
            let builder = sign(Client::builder().base_url(server.base_url()))
                .retry(RetryPolicy::never())
                .read_timeout(Duration::from_millis(60));
            let _ = writeln!(text, "{builder:?}");
            let client = builder.build().expect("a client");
            let pack = client.pack(PackId::try_from(1001).expect("an id"));
            let assign = pack.assign([7]).settle(Duration::ZERO);
            let _ = writeln!(
                text,
                "{client:?} {:?} {pack:?} {assign:?} {:?}",
                client.api(),
                client.quota()
            );
            for _ in 0..2 {
                let id = pack.id();
                if let Err(error) = client.api().get_pack_assignments(&id).await {
                    let _ = writeln!(text, "{error} {error:?}");
                }
            }
            if let Err(error) = assign.await {
                print(&mut text, &error);
                let _ = writeln!(
                    text,
                    "{}",
                    serde_json::to_string(error.report()).expect("plain data")
                );
            }
            if let Err(error) = pack.assignments().await {
                print(&mut text, &error);
            }
            assert!(server.requests() > 2, "the secret was sent");
        }
    }
    for wrong in [format!("{CANARY}\n"), format!("{CANARY} x")] {
        print(
            &mut text,
            &Client::builder()
                .api_key(wrong.clone())
                .build()
                .expect_err("no header"),
        );
        print(
            &mut text,
            &Client::builder()
                .access_token(wrong)
                .build()
                .expect_err("no header"),
        );
    }
    let url = format!("https://user:{CANARY}@example.com/");
    print(
        &mut text,
        &Client::builder()
            .api_key("k")
            .base_url(url)
            .build()
            .expect_err("a password"),
    );
    let logged = log.text();
    for expected in [
        "span assign",
        "span assignments",
        "span http_request",
        "http.request.method=GET",
        "http.response.status_code=401",
        "error.type=",
    ] {
        assert!(logged.contains(expected), "{expected} is not logged");
    }
    for (what, text) in [("a log", logged), ("a text", text)] {
        assert_hidden(CANARY, what, &text);
    }
}

fn assert_hidden(secret: &str, what: &str, text: &str) {
    let Some(place) = text.find(secret) else {
        return;
    };
    let start = place.saturating_sub(300);
    let shown = String::from_utf8_lossy(&text.as_bytes()[start..place + secret.len()]);
    panic!("{what} shows a secret: …{shown}");
}

fn everything(error: &Error) -> String {
    let mut text = String::new();
    print(&mut text, error);
    let json = serde_json::to_string(error).expect("plain data");
    let parts = [error.body(), error.detail(), error.request_id()];
    let _ = writeln!(text, "{json}\n{parts:?}");
    text
}

/// Returns a response that claims to be compressed with gzip but has an invalid body.
fn broken_gzip(body: &str) -> Answer {
    let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    bytes.extend_from_slice(body.as_bytes());
    Answer::new(200, "application/json", bytes).with("content-encoding", "gzip")
}

/// Each response contains a token that the client has not received before.
fn token_responses(token: &str) -> Vec<(&'static str, Fault)> {
    let json = |status, body: String| Fault::Status(status, "application/json", body);
    let good = format!(r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":86400}}"#);
    let cut = {
        let head = Answer::new(200, "application/json", "").head(500);
        let head = String::from_utf8(head).expect("text");
        Fault::Raw(format!("{head}{good}").into_bytes())
    };
    let response = |answer: Answer| Fault::Response(answer);
    vec![
        ("204", json(204, good.clone())),
        (
            "302",
            response(
                Answer::new(302, "application/json", good.clone())
                    .with("location", format!("https://example.com/#{token}")),
            ),
        ),
        ("400", json(400, good.clone())),
        (
            "400 with an error",
            json(
                400,
                format!(r#"{{"error":"invalid_request","error_uri":"{token}","body":{good}}}"#),
            ),
        ),
        (
            "400 with an object as error",
            json(400, format!(r#"{{"error":{good},"detail":[{good}]}}"#)),
        ),
        ("401", json(401, good.clone())),
        ("403", json(403, good.clone())),
        (
            "404",
            Fault::Status(404, "text/html", format!("<p>{token}</p>")),
        ),
        (
            "422",
            json(
                422,
                format!(r#"{{"detail":[{{"loc":["{token}"],"msg":"{token}"}}]}}"#),
            ),
        ),
        ("500", json(500, good.clone())),
        ("503", Fault::Status(503, "text/plain", good.clone())),
        ("200 cut short", cut),
        (
            "200 without its end",
            json(200, good[..good.len() - 1].to_owned()),
        ),
        (
            "200 with a token that no header can carry",
            json(200, good.replace(token, &format!("{token}\\n"))),
        ),
        (
            "200 with a token that is no text",
            json(200, format!(r#"{{"access_token":["{token}"]}}"#)),
        ),
        (
            "200 with another name",
            json(200, good.replace("access_token", "accessToken")),
        ),
        (
            "200 with a refusal",
            json(
                200,
                format!(r#"{{"error":"invalid_client","token":"{token}"}}"#),
            ),
        ),
        (
            "200 with too many requests",
            json(
                200,
                format!(r#"{{"detail":"Too many requests","token":"{token}"}}"#),
            ),
        ),
        ("429", json(429, good.clone())),
        (
            "HTML",
            Fault::Status(200, "text/html", format!("<html>{token}</html>")),
        ),
        ("broken gzip", response(broken_gzip(&good))),
        (
            "another encoding",
            response(
                Answer::new(200, "application/json", good.clone()).with("content-encoding", "br"),
            ),
        ),
        (
            "an encoding that holds it",
            response(Answer::new(500, "application/json", good).with("content-encoding", "zstd")),
        ),
    ]
}

#[tokio::test]
async fn no_error_shows_any_part_of_a_token_response() {
    const TOKEN: &str = "eyJ-another-canary";
    for (name, fault) in token_responses(TOKEN) {
        let (log, _guard) = Log::start();
        let server = Server::start();
        let is_token = |request: &support::wire::Request| request.path.contains("oauth");
        server.fault_when(is_token, fault.clone());
        server.fault_when(is_token, fault);
        let builder = Client::builder()
            .base_url(server.base_url())
            .client_credentials("id", "secret-of-the-app")
            .retry(RetryPolicy::never())
            .max_rate_limit_wait(Duration::ZERO);
        let client = builder.build().expect("a client");
        let pack = client.pack(PackId::try_from(1001).expect("an id"));
        let error = pack.assignments().await.expect_err(name);
        assert_eq!(error.executed(), Executed::No, "{name}");
        let run = pack.assign([7_u64]).await.expect_err(name);
        let mut shown = everything(&error);
        shown.push_str(&everything(run.cause()));
        shown.push_str(&serde_json::to_string(run.report()).expect("plain data"));
        assert_hidden("canary", name, &shown);
        assert_hidden("canary", name, &log.text());
        assert!(error.body().is_none(), "{name}: {error:?}");
        assert_eq!((server.gets(), server.posts()), (0, 0), "{name}");
    }
}

#[tokio::test]
async fn a_list_that_holds_the_key_does_not_show_it() {
    let rows = |count: usize, row: &str| vec![row; count].join(",");
    let bad =
        format!(r#"{{"id":"{CANARY}","userId":1,"status":"{CANARY}","isWaitingApproval":1}}"#);
    for body in [
        format!(r#"{{"data":"{CANARY}"}}"#),
        format!(r#"{{"data":{{"assignments":[{bad}]}}}}"#),
        format!(
            r#"{{"x":"{CANARY}","data":{{"assignments":[{}]}}}}"#,
            rows(2_000, &bad)
        ),
        format!(r#"{{"data":"{CANARY}","x":"{}"#, "-".repeat(100_000)),
    ] {
        let server = Server::start();
        server.fault("GET", Fault::Status(200, "application/json", body));
        let client = Client::builder()
            .base_url(server.base_url())
            .api_key(CANARY);
        let client = client
            .retry(RetryPolicy::never())
            .build()
            .expect("a client");
        let pack = client.pack(PackId::try_from(1001).expect("an id"));
        let error = pack.assignments().await.expect_err("not a list");
        assert_hidden(CANARY, "the error", &everything(&error));
    }
}

/// Stores all messages that are logged through the `log` crate.
struct Lines(Mutex<String>);

impl log::Log for Lines {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let _ = writeln!(self.0.lock().expect("no panic"), "{}", record.args());
    }

    fn flush(&self) {}
}

#[tokio::test]
async fn the_http_client_logs_no_bytes_of_a_connection() {
    static LINES: Lines = Lines(Mutex::new(String::new()));
    log::set_logger(&LINES).expect("the only logger");
    log::set_max_level(log::LevelFilter::Trace);
    let server = Server::start();
    server.with(|world| world.keys.insert(CANARY.to_owned(), true));
    let builder = Client::builder()
        .base_url(server.base_url())
        .api_key(CANARY);
    let client = builder
        .http_client(|http| http.connection_verbose(true))
        .build();
    let pack = client
        .expect("a client")
        .pack(PackId::try_from(1001).expect("an id"));
    pack.assignments().await.expect("a list");
    let lines = LINES.0.lock().expect("no panic").clone();
    assert!(lines.contains("starting new connection"), "{lines}");
    assert_hidden(CANARY, "a log", &lines);
}
