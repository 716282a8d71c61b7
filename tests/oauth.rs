//! Tests OAuth 2.0 client credentials over real sockets.
#![allow(missing_docs)]
#![cfg(any(feature = "ring", not(feature = "rustls")))]

mod support;

use connecteam_onboarding::{Client, ClientBuilder, ErrorKind, Executed, PackId, RetryPolicy};
use futures_util::future::join_all;
use std::time::Duration;
use support::{Fault, Server};

const MS: Duration = Duration::from_millis(1);

fn server() -> Server {
    let server = Server::start();
    server.users(1..=600).with(|world| {
        world
            .clients
            .insert("id".to_owned(), "s3cret-s3cret".to_owned())
    });
    server
}

fn builder(server: &Server) -> ClientBuilder {
    let retry = RetryPolicy::default().initial_backoff(MS).max_attempts(3);
    Client::builder()
        .base_url(server.base_url())
        .retry(retry)
        .read_timeout(MS * 500)
}

fn pack(server: &Server) -> connecteam_onboarding::Pack {
    let client = builder(server)
        .client_credentials("id", "s3cret-s3cret")
        .build()
        .expect("a client");
    client.pack(PackId::try_from(1001).expect("an id"))
}

#[tokio::test]
async fn one_token_serves_a_run() {
    let server = server();
    let report = pack(&server).assign(1..=600_u64).await.expect("all");
    assert_eq!((server.tokens(), server.gets(), server.posts()), (1, 1, 2));
    assert_eq!(report.requests(), 4, "tokens count");
    let log = server.log();
    let body = String::from_utf8(log[0].request.body.clone()).expect("a form");
    assert_eq!(body, "grant_type=client_credentials");
    assert!(
        log[1]
            .request
            .header("authorization")
            .expect("signed")
            .starts_with("Bearer token-1")
    );
}

#[tokio::test]
async fn a_hundred_callers_request_one_token() {
    let server = server();
    let pack = pack(&server);
    let lists = join_all((0..100).map(|_| pack.assignments())).await;
    assert!(
        lists.iter().all(Result::is_ok),
        "{:?}",
        lists.iter().find(|list| list.is_err())
    );
    assert_eq!((server.tokens(), server.gets()), (1, 100));
}

#[tokio::test]
async fn a_hundred_callers_share_a_failure() {
    let server = server();
    server.with(|world| world.clients.clear());
    let pack = pack(&server);
    let lists = join_all((0..100).map(|_| pack.assignments())).await;
    assert!(lists.iter().all(|list| {
        list.as_ref()
            .is_err_and(|e| e.kind() == ErrorKind::Unauthorized)
    }));
    assert!(server.tokens() <= 2, "{} tokens", server.tokens());
    assert_eq!(server.gets(), 0);
}

#[tokio::test]
async fn a_401_renews_the_token_once_and_retries_the_request() {
    let server = server();
    let pack = pack(&server);
    pack.assignments().await.expect("a list");
    server.with(|world| world.tokens.clear());
    let report = pack.assign(1..=600_u64).await.expect("renewed");
    assert_eq!(report.assigned().count(), 600);
    assert_eq!(server.tokens(), 2);
    assert_eq!(server.assigned(1001).len(), 600);

    // If the server refuses every token, the client renews the token only once.
    for _ in 0..4 {
        server.fault(
            "GET",
            Fault::Status(401, "application/json", "{}".to_owned()),
        );
    }
    let error = pack.assignments().await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert_eq!(server.tokens(), 3);
}

#[tokio::test]
async fn a_token_is_renewed_before_it_expires() {
    let server = server();
    let token = r#"{"access_token":"short","token_type":"Bearer","expires_in":0}"#;
    server.with(|world| world.tokens.insert("short".to_owned()));
    server.fault_when(
        |request| request.path.contains("oauth"),
        Fault::Status(200, "application/json", token.to_owned()),
    );
    let pack = pack(&server);
    pack.assignments().await.expect("the short one");
    pack.assignments().await.expect("the next");
    assert_eq!(server.tokens(), 2);
}

#[tokio::test]
async fn reports_each_failure_of_the_token_endpoint() {
    let json = |status, body: &str| Fault::Status(status, "application/json", body.to_owned());
    let cases = [
        (
            json(401, r#"{"error":"invalid_client"}"#),
            ErrorKind::Unauthorized,
        ),
        (json(400, r#"{"error":"invalid_scope"}"#), ErrorKind::Client),
        (
            json(200, r#"{"token_type":"Bearer"}"#),
            ErrorKind::Unreadable,
        ),
        (json(200, r#"{"access_token":""}"#), ErrorKind::Unreadable),
        (
            json(200, r#"{"access_token":"line\nbreak"}"#),
            ErrorKind::Unreadable,
        ),
        (json(200, "null"), ErrorKind::Unreadable),
        (json(500, "{}"), ErrorKind::Server),
        (
            Fault::Redirect(302, "https://example.com/".to_owned()),
            ErrorKind::Redirect,
        ),
        (Fault::CloseBeforeRead, ErrorKind::Interrupted),
        (Fault::Silence, ErrorKind::Timeout),
        (
            Fault::Spaces {
                bytes: 512 << 20,
                chunked: true,
            },
            ErrorKind::TooLarge,
        ),
    ];
    for (fault, kind) in cases {
        let server = server();
        let name = format!("{fault:?}");
        for _ in 0..3 {
            server.fault_when(|request| request.path.contains("oauth"), fault.clone());
        }
        let client = builder(&server)
            .client_credentials("id", "s3cret-s3cret")
            .max_body_bytes(1 << 20)
            .build()
            .expect("a client");
        let pack = client.pack(PackId::try_from(1001).expect("an id"));
        let error = pack.assignments().await.expect_err(&name);
        assert_eq!(
            (error.kind(), error.executed()),
            (kind, Executed::No),
            "{name}: {error:?}"
        );
        assert!(
            error.to_string().starts_with("no access token: "),
            "{name}: {error}"
        );
        assert!(!format!("{error:?} {error}").contains("s3cret"), "{name}");
        assert_eq!(server.gets(), 0, "{name}");
        // No write request was sent, so no user is `Unknown` and the run does not read the pack back.
        let error = pack
            .assign([1])
            .max_requests(1)
            .await
            .expect_err("one request is not enough");
        assert_eq!(error.report().not_assigned().count(), 1, "{name}");
    }
}

#[tokio::test]
async fn waits_if_the_token_endpoint_is_over_its_rate_limit() {
    for body in [(429, "{}"), (200, r#"{"detail":"Too many requests"}"#)] {
        let server = server();
        let fault = Fault::Status(body.0, "application/json", body.1.to_owned());
        server.fault_when(|request| request.path.contains("oauth"), fault);
        pack(&server)
            .assignments()
            .await
            .expect("waits, then goes on");
        assert_eq!((server.tokens(), server.gets()), (2, 1));
    }
}

#[tokio::test]
async fn an_access_token_of_the_caller_is_never_renewed() {
    let server = server();
    server.with(|world| world.tokens.insert("ready".to_owned()));
    let client = builder(&server)
        .access_token("ready")
        .build()
        .expect("a client");
    let pack = client.pack(PackId::try_from(1001).expect("an id"));
    pack.assignments().await.expect("a list");
    server.with(|world| world.tokens.clear());
    assert_eq!(
        pack.assignments().await.expect_err("ended").kind(),
        ErrorKind::Unauthorized
    );
    assert_eq!((server.tokens(), server.gets()), (0, 2));
}

/// Sets the response to the next token request. Makes the server accept the access token `given`.
fn respond(server: &Server, status: u16, body: &str) {
    server.with(|world| world.tokens.insert("given".to_owned()));
    let fault = Fault::Status(status, "application/json", body.to_owned());
    server.fault_when(|request| request.path.contains("oauth"), fault);
}

#[tokio::test]
async fn accepts_each_success_that_holds_a_token() {
    for (status, body) in [
        (200, r#"{"access_token":"given"}"#),
        (201, r#"{"access_token":"given","token_type":"bearer"}"#),
        (202, r#"{"access_token":"given","error":null}"#),
        (203, r#"{"access_token":"given","expires_in":60,"x":[]}"#),
        (200, "\u{20}\n{\"access_token\":\"given\"}\n"),
    ] {
        let server = server();
        respond(&server, status, body);
        pack(&server).assignments().await.expect(body);
        assert_eq!((server.tokens(), server.gets()), (1, 1), "{status} {body}");
    }
}

#[tokio::test]
async fn a_token_is_used_whatever_its_lifetime_is() {
    for lifetime in [
        "86400",
        r#""86400""#,
        "86400.5",
        r#""86400.0""#,
        r#""""#,
        "null",
        "-1",
        r#""-1""#,
        "1e400",
        "1e300",
        "99999999999999999999999999",
        r#""a day""#,
        "[]",
        "{}",
        "true",
    ] {
        let server = server();
        let body = format!(r#"{{"access_token":"given","expires_in":{lifetime}}}"#);
        respond(&server, 200, &body);
        let pack = pack(&server);
        for _ in 0..2 {
            pack.assignments().await.expect(lifetime);
        }
        assert_eq!((server.tokens(), server.gets()), (1, 2), "{lifetime}");
    }
}

#[tokio::test]
async fn a_refusal_with_status_200_is_permanent() {
    for body in [
        r#"{"error":"invalid_client"}"#,
        r#"{"error":"invalid_client","error_description":"the app was deleted","access_token":null}"#,
        r#"{"error":"unknown","detail":"the app was deleted"}"#,
    ] {
        let server = server();
        respond(&server, 200, body);
        let error = pack(&server).assignments().await.expect_err(body);
        assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
        assert!(error.is_permanent() && error.executed() == Executed::No);
        assert_eq!(server.requests(), 1, "{body}");
        let reason = if body.contains("deleted") {
            "the app was deleted"
        } else {
            "invalid_client"
        };
        assert!(
            error.detail().expect("a reason").contains(reason),
            "{error}"
        );
    }
}

#[tokio::test]
async fn the_texts_of_a_refusal_are_shown_and_shortened() {
    let server = server();
    let long = "x".repeat(5_000);
    let body =
        format!(r#"{{"error":"invalid_scope","error_description":"{long}","detail":"D\nE"}}"#);
    respond(&server, 400, &body);
    let error = pack(&server).assignments().await.expect_err("refused");
    let text = error.to_string();
    assert!(
        text.contains("invalid_scope: xxx") && text.contains(r"D\nE"),
        "{text}"
    );
    assert!(text.len() < 600, "{} bytes", text.len());
}

#[tokio::test]
async fn scopes_are_sent_only_if_they_are_set() {
    for (scopes, sent) in [
        (&[][..], None),
        (&["onboarding.read"], Some("onboarding.read")),
        (
            &["onboarding.read", "a+b&c=d"],
            Some("onboarding.read+a%2Bb%26c%3Dd"),
        ),
    ] {
        let server = server();
        let builder = builder(&server).client_credentials("id", "s3cret-s3cret");
        let client = builder.scopes(scopes.to_vec()).build().expect("a client");
        let pack = client.pack(PackId::try_from(1001).expect("an id"));
        pack.assignments().await.expect("a list");
        let body = String::from_utf8(server.log()[0].request.body.clone()).expect("a form");
        let scope = sent.map_or(String::new(), |scope| format!("&scope={scope}"));
        assert_eq!(body, format!("grant_type=client_credentials{scope}"));
    }
}

#[test]
fn scopes_need_client_credentials_and_one_word_each() {
    let configuration = |builder: ClientBuilder| {
        let error = builder.build().expect_err("not built");
        assert_eq!(error.kind(), ErrorKind::Configuration);
        error.to_string()
    };
    let scopes = ["onboarding.read".to_owned()];
    for builder in [
        Client::builder().api_key("key").scopes(scopes.clone()),
        Client::builder()
            .scopes(scopes.clone())
            .access_token("token"),
    ] {
        assert!(configuration(builder).contains("`client_credentials`"));
    }
    assert!(configuration(Client::builder().scopes(scopes)).contains("no credentials"));
    for scope in ["", "two words", "a\nb", "\"", "\\", "é"] {
        let builder = Client::builder().client_credentials("id", "secret");
        let text = configuration(builder.scopes(["fine", scope]));
        assert!(text.contains("scopes: each scope"), "{scope:?}: {text}");
    }
}
