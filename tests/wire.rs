//! Tests network faults over real sockets. Each fault must cause the correct error. No user may be lost or assigned
//! twice.
#![allow(missing_docs)]
#![cfg(any(feature = "ring", not(feature = "rustls")))]

mod support;

use connecteam_onboarding::{
    Client, Error, ErrorKind, Executed, Outcome, Pack, PackId, RetryPolicy, UserId,
};
use std::time::Duration;
use support::{Fault, MOST, Server, Trap};

const MS: Duration = Duration::from_millis(1);

fn pack_of(
    server: &Server,
    change: impl FnOnce(connecteam_onboarding::ClientBuilder) -> connecteam_onboarding::ClientBuilder,
) -> Pack {
    let builder = Client::builder()
        .api_key("key")
        .base_url(server.base_url())
        .read_timeout(MS * 300)
        .retry(RetryPolicy::default().initial_backoff(MS));
    let client = change(builder).build().expect("a client");
    client.pack(PackId::try_from(1001).expect("an id"))
}

fn pack(server: &Server) -> Pack {
    pack_of(server, |builder| builder)
}

fn once(server: &Server) -> Pack {
    pack_of(server, |builder| {
        builder
            .retry(RetryPolicy::never())
            .max_body_bytes(1 << 20)
            .total_timeout(MS * 1_000)
    })
}

async fn read_error(fault: Fault) -> (Error, Server) {
    let server = Server::start();
    server.fault("GET", fault);
    let error = once(&server).assignments().await.expect_err("a fault");
    (error, server)
}

fn status(status: u16, body: &str) -> Fault {
    Fault::Status(status, "application/json", body.to_owned())
}

#[tokio::test]
async fn each_failure_has_its_kind_and_message() {
    use ErrorKind as K;
    use Executed::{Maybe, No};
    let html = "<html><body>Bad gateway</body></html>";
    let cases = [
        (
            status(401, r#"{"detail":"bad key"}"#),
            K::Unauthorized,
            No,
            Some(401),
            "bad key",
        ),
        (
            status(
                403,
                r#"{"error":"FORBIDDEN: no scope","path":"/x","request_id":"r-1"}"#,
            ),
            K::Forbidden,
            No,
            Some(403),
            "no scope",
        ),
        (
            Fault::Status(404, "text/plain", String::new()),
            K::NotFound,
            No,
            Some(404),
            "no such pack",
        ),
        (
            status(
                422,
                r#"{"detail":[{"loc":["body"],"msg":"odd","type":"t"}]}"#,
            ),
            K::Validation,
            No,
            Some(422),
            "odd",
        ),
        (status(400, "null"), K::Client, No, Some(400), "400"),
        (
            status(408, "{}"),
            K::RequestTimeout,
            Maybe,
            Some(408),
            "408",
        ),
        (
            status(499, "[]"),
            K::RequestTimeout,
            Maybe,
            Some(499),
            "499",
        ),
        (
            status(500, r#"{"detail":{"deep":1}}"#),
            K::Server,
            Maybe,
            Some(500),
            "deep",
        ),
        (
            Fault::Status(502, "text/html", html.to_owned()),
            K::Server,
            Maybe,
            Some(502),
            "Bad gateway",
        ),
        (
            Fault::Redirect(302, "https://example.com/".to_owned()),
            K::Redirect,
            Maybe,
            Some(302),
            "302",
        ),
        (
            status(201, r#"{"data":{}}"#),
            K::Unexpected,
            Maybe,
            Some(201),
            "201",
        ),
        (status(204, ""), K::Unexpected, Maybe, Some(204), "204"),
        (
            status(200, ""),
            K::Unreadable,
            Maybe,
            Some(200),
            "not what the API documents",
        ),
        (status(200, "null"), K::Unreadable, Maybe, Some(200), "null"),
        (status(200, "[]"), K::Unreadable, Maybe, Some(200), "[]"),
        (
            status(200, r#"{"data":{"assignments":[{"id":1,"#),
            K::Unreadable,
            Maybe,
            Some(200),
            "assignments",
        ),
        (
            status(200, r#"{"detail":"odd"}"#),
            K::Unreadable,
            Maybe,
            Some(200),
            "odd",
        ),
        (
            Fault::CloseBeforeRead,
            K::Interrupted,
            Maybe,
            None,
            "connection",
        ),
        (
            Fault::CloseAfterExecute,
            K::Interrupted,
            Maybe,
            None,
            "connection",
        ),
        (
            Fault::CutAnswer(10),
            K::Interrupted,
            Maybe,
            Some(200),
            "connection",
        ),
        (
            Fault::HeadersThenSilence,
            K::Timeout,
            Maybe,
            Some(200),
            "in time",
        ),
        (Fault::Silence, K::Timeout, Maybe, None, "in time"),
        (
            Fault::SlowBody(MS * 50),
            K::Timeout,
            Maybe,
            Some(200),
            "in time",
        ),
        (
            Fault::Spaces {
                bytes: 512 << 20,
                chunked: false,
            },
            K::TooLarge,
            Maybe,
            Some(200),
            "longer than 1048576 bytes",
        ),
        (
            Fault::Spaces {
                bytes: 512 << 20,
                chunked: true,
            },
            K::TooLarge,
            Maybe,
            Some(200),
            "longer than 1048576 bytes",
        ),
        (
            Fault::Raw(b"220 ready\r\n".to_vec()),
            K::Interrupted,
            Maybe,
            None,
            "connection",
        ),
    ];
    for (fault, kind, executed, status, words) in cases {
        let name = format!("{fault:?}");
        let (error, server) = read_error(fault).await;
        assert_eq!(
            (error.kind(), error.executed(), error.status()),
            (kind, executed, status),
            "{name}: {error:?}"
        );
        assert!(error.to_string().contains(words), "{name}: {error}");
        assert!(
            server.spaces_sent() < 32 << 20,
            "{name}: read on after the cap"
        );
        assert_eq!(server.requests(), 1, "{name}");
    }
}

#[tokio::test]
async fn keeps_the_reason_and_the_start_of_a_response() {
    let (error, _server) = read_error(status(
        403,
        r#"{"error":"FORBIDDEN: no scope","path":"/x","request_id":"r-1","more":7}"#,
    ))
    .await;
    assert_eq!(error.request_id(), Some("r-1"));
    assert_eq!(error.detail(), Some("FORBIDDEN: no scope"));
    assert!(
        error.body().expect("a body").contains(r#""more":7"#),
        "{:?}",
        error.body()
    );
    let (error, _server) =
        read_error(Fault::Status(503, "text/html", "<html>".repeat(1_000))).await;
    assert_eq!(
        error
            .body()
            .map(|body| body.starts_with("<html>") || body.contains("<html>")),
        Some(true)
    );
    assert!(error.to_string().len() < 1_000, "{error}");
}

#[tokio::test]
async fn a_refused_connection_is_not_executed() {
    let server = Server::start();
    let pack = once(&server);
    drop(server);
    let error = loop {
        // The server's socket may still be open for a short time after `drop`, so the first connection attempts may
        // still succeed.
        let error = pack.assignments().await.expect_err("no server listens");
        if error.kind() == ErrorKind::Connect {
            break error;
        }
    };
    assert_eq!((error.executed(), error.status()), (Executed::No, None));
    assert!(error.to_string().contains("refused"), "{error}");
    assert!(
        std::error::Error::source(&error).is_none(),
        "the message has each cause once"
    );
}

#[tokio::test]
async fn waits_for_the_rate_limit_after_each_form_of_refusal() {
    for fault in [
        status(429, r#"{"detail":"Too many requests"}"#),
        Fault::Status(429, "text/html", "<html>slow down</html>".to_owned()),
        Fault::Status(429, "text/plain", String::new()),
        status(200, r#"{"detail":"Too many requests"}"#),
    ] {
        let server = Server::start();
        server.users([7]).fault("POST", fault);
        let report = pack(&server)
            .assign([7])
            .await
            .expect("waits, then goes on");
        assert_eq!(report.assigned().count(), 1);
        assert_eq!((server.posts(), server.gets()), (2, 1));
    }
}

#[tokio::test]
async fn a_200_with_data_is_a_success_whatever_else_it_holds() {
    let server = Server::start();
    let body = r#"{"detail":"Too many requests","requestId":null,"data":{"new":1},"error":"x"}"#;
    server.users([7]).fault("POST", status(200, body));
    assert_eq!(
        pack(&server)
            .assign([7])
            .await
            .expect("a success")
            .assigned()
            .count(),
        1
    );
    assert_eq!(server.posts(), 1);
}

#[tokio::test]
async fn reads_back_a_post_that_may_have_been_executed() {
    const TWO_REQUESTS: u64 = 2 * MOST - 100;
    let cases = [
        (Fault::CloseBeforeRead, false),
        (Fault::CloseAfterExecute, true),
        (Fault::CutAnswer(5), true),
        (Fault::HeadersThenSilence, true),
        (Fault::Silence, false),
        (status(500, "{}"), false),
        (
            Fault::StatusAfterExecute(502, "text/html", "<html>".to_owned()),
            true,
        ),
        (
            Fault::StatusAfterExecute(200, "application/json", String::new()),
            true,
        ),
        (
            Fault::StatusAfterExecute(200, "application/json", "null".to_owned()),
            true,
        ),
        (
            Fault::StatusAfterExecute(200, "application/json", r#"{"data""#.to_owned()),
            true,
        ),
        (
            Fault::StatusAfterExecute(201, "application/json", r#"{"data":{}}"#.to_owned()),
            true,
        ),
        (
            Fault::StatusAfterExecute(408, "application/json", "{}".to_owned()),
            true,
        ),
        (
            Fault::Redirect(307, "https://example.com/".to_owned()),
            false,
        ),
        (Fault::ExecuteLater(MS * 50), true),
        (
            Fault::Spaces {
                bytes: 512 << 20,
                chunked: true,
            },
            true,
        ),
    ];
    for (fault, executed) in cases {
        let name = format!("{fault:?}");
        let server = Server::start();
        server
            .users(1..=TWO_REQUESTS)
            .already(1001, [3])
            .fault("POST", fault);
        let pack = pack_of(&server, |builder| builder.max_body_bytes(1 << 20));
        let report = pack
            .assign(1..=TWO_REQUESTS)
            .settle(MS * 150)
            .await
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(
            report.assigned().count() as u64,
            TWO_REQUESTS - 1,
            "{name}: {report}"
        );
        assert_eq!(
            server.assigned(1001),
            (1..=TWO_REQUESTS).collect::<Vec<_>>(),
            "{name}"
        );
        assert_eq!(server.posts(), if executed { 2 } else { 3 }, "{name}");
        assert_eq!(report.requests(), server.requests() as u64, "{name}");
    }
}

#[tokio::test]
async fn gives_up_a_chunk_that_always_fails_and_sends_the_others() {
    let server = Server::start();
    server.users(1..=5 * MOST);
    for _ in 0..9 {
        let poisoned = |request: &support::wire::Request| {
            request.method == "POST"
                && String::from_utf8_lossy(&request.body).contains(&format!("[{},", MOST + 1))
        };
        server.fault_when(poisoned, status(500, "{}"));
    }
    let error = pack(&server)
        .assign(1..=5 * MOST)
        .settle(MS * 5)
        .await
        .expect_err("one chunk is left");
    assert_eq!(error.cause().kind(), ErrorKind::Server);
    assert_eq!(error.report().assigned().count() as u64, 4 * MOST);
    let open: Vec<u64> = error.report().not_assigned().map(UserId::get).collect();
    assert_eq!(open, (MOST + 1..=2 * MOST).collect::<Vec<_>>());
    assert_eq!(server.posts(), 4 + 5, "four chunks, and five attempts");
}

#[tokio::test]
async fn without_resending_the_users_stay_unknown() {
    let server = Server::start();
    server.users(1..=3).fault("POST", Fault::CloseBeforeRead);
    let error = pack(&server)
        .assign([1, 2, 3])
        .settle(MS * 5)
        .resend_in_doubt(false)
        .await
        .expect_err("ambiguous");
    assert_eq!(error.cause().kind(), ErrorKind::Ambiguous);
    assert_eq!(error.report().unknown().count(), 3);
    assert_eq!(server.posts(), 1);
    let again = pack(&server)
        .assign(error.report().retry_ids())
        .await
        .expect("the faults are over");
    assert_eq!(again.assigned().count(), 3);
}

#[tokio::test]
async fn a_list_with_some_users_of_a_request_proves_nothing() {
    let server = Server::start();
    server.users(1..=3).fault("POST", Fault::CloseBeforeRead);
    let other = [1_u64];
    // Another program assigns user 1 while the request of this run is ambiguous.
    server.already(1001, []);
    let run = tokio::spawn(
        pack(&server)
            .assign([1, 2, 3])
            .settle(MS * 60)
            .into_future(),
    );
    while server.posts() == 0 {
        tokio::time::sleep(MS).await;
    }
    server.already(1001, other);
    let error = run.await.expect("no panic").expect_err("no list proves it");
    let report = error.report();
    let id = |n: u64| UserId::try_from(n).expect("an id");
    assert_eq!(
        report.outcome(id(1)),
        Some(&Outcome::Assigned),
        "it is on the pack"
    );
    assert_eq!(report.unknown().collect::<Vec<_>>(), [id(2), id(3)]);
    assert_eq!(server.posts(), 1);
}

#[tokio::test]
async fn never_follows_a_redirect_to_another_host() {
    for code in [301, 302, 303, 307, 308] {
        let (server, trap) = (Server::start(), Trap::set());
        server.users([7]);
        for method in ["GET", "POST"] {
            server.fault(method, Fault::Redirect(code, trap.url()));
        }
        let error = pack(&server)
            .assignments()
            .await
            .expect_err("never followed");
        assert_eq!(error.kind(), ErrorKind::Redirect);
        let report = pack(&server)
            .assign([7])
            .settle(MS)
            .await
            .expect("read back, then sent again");
        assert_eq!(report.assigned().count(), 1);
        assert!(!trap.heard(), "{code}");
    }
}

#[tokio::test]
async fn sends_the_user_agent_without_the_version_header_of_the_generator() {
    let server = Server::start();
    pack_of(&server, |builder| builder.user_agent_suffix("hr-sync/2.1"))
        .assignments()
        .await
        .expect("a list");
    let request = &server.log()[0].request;
    assert_eq!(request.header("api-version"), None);
    assert_eq!(request.header("x-api-key"), Some("key"));
    let agent = request.header("user-agent").expect("a user agent");
    assert!(
        agent.starts_with("connecteam-onboarding/") && agent.ends_with(" hr-sync/2.1"),
        "{agent}"
    );
}
