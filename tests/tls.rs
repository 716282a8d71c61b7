//! Tests certificates and TLS handshakes, against a TLS server.
#![allow(missing_docs)]
#![cfg(any(feature = "ring", feature = "native-tls"))]

mod support;

use connecteam_onboarding::{
    Client, ClientBuilder, Error, ErrorKind, Executed, Pack, PackId, RetryPolicy,
};
use futures_util::StreamExt;
use std::time::Duration;
use support::child::{child, output};
use support::tls::{TlsServer, trusting};
use support::{Server, SkippingClock};

fn server() -> Server {
    let server = Server::start();
    server.users(1..=9);
    server
}

/// Returns a builder that ignores the proxy environment variables.
fn builder(base: &str) -> ClientBuilder {
    let builder = Client::builder().api_key("key").base_url(base);
    let builder = builder.clock(SkippingClock::default());
    builder.http_client(reqwest::ClientBuilder::no_proxy)
}

fn pack(builder: ClientBuilder) -> Pack {
    let client = builder.build().expect("a client");
    client.pack(PackId::try_from(1001).expect("an id"))
}

#[tokio::test]
async fn a_trusted_server_is_used() {
    let server = server();
    let tls = TlsServer::start(&server, "here");
    let report = pack(trusting(builder(&tls.base_url())))
        .assign([1_u64, 2])
        .await;
    assert_eq!(report.expect("assigned").requests(), 2);
    assert_eq!(server.assigned(1001), [1, 2]);
}

/// The server certificates that the client must reject. Each row contains the name of a certificate, whether the client
/// trusts the test certificate authority, and a part of the error message.
const REJECTED: [(&str, bool, &str); 5] = [
    ("here", false, "SSL_CERT_FILE"),
    ("self-signed", true, "SSL_CERT_FILE"),
    ("expired", true, "check the clock of this machine"),
    ("future", true, "check the clock of this machine"),
    ("elsewhere", true, "check the base URL"),
];

#[tokio::test]
async fn a_certificate_failure_is_permanent_and_attempted_once() {
    for (name, trusts, advice) in REJECTED {
        let server = server();
        let tls = TlsServer::start(&server, name);
        let builder = builder(&tls.base_url());
        let pack = pack(if trusts { trusting(builder) } else { builder });
        let error = pack.assignments().await.expect_err(name);
        assert_eq!(error.kind(), ErrorKind::Certificate, "{name}: {error}");
        assert!(error.is_permanent() && error.attempts() == 1, "{name}");
        assert_eq!(error.executed(), Executed::No, "{name}");
        let text = error.to_string();
        assert!(
            text.contains(advice) && text.contains("certificate"),
            "{name}: {text}"
        );
        assert_eq!(tls.connections(), 1, "{name}");

        let run = pack.assign([1_u64]).await.expect_err(name);
        assert_eq!(run.cause().kind(), ErrorKind::Certificate, "{name}");
        assert_eq!(
            (run.report().requests(), tls.connections()),
            (0, 2),
            "{name}"
        );
        assert_eq!(server.requests(), 0, "{name}");
    }
}

#[tokio::test]
async fn a_watch_ends_on_a_certificate_failure() {
    let tls = TlsServer::start(&server(), "expired");
    let mut watch = pack(trusting(builder(&tls.base_url()))).watch(Duration::from_secs(60));
    let error = watch.next().await.expect("an item").expect_err("expired");
    assert_eq!(error.kind(), ErrorKind::Certificate);
    assert!(watch.next().await.is_none(), "the watch has ended");
    assert_eq!(tls.connections(), 1);
}

#[tokio::test]
async fn a_server_that_requires_a_certificate_is_permanent() {
    let server = server();
    let tls = TlsServer::that_requires_a_certificate(&server);
    let error = pack(trusting(builder(&tls.base_url()))).assignments().await;
    let error = error.expect_err("no certificate");
    assert_eq!(error.kind(), ErrorKind::Certificate, "{error}");
    assert_eq!((error.attempts(), tls.connections()), (1, 1));
    assert!(
        error.to_string().contains("check the client certificate"),
        "{error}"
    );
}

#[tokio::test]
async fn a_handshake_that_is_cut_is_retried() {
    let server = server();
    let tls = TlsServer::start(&server, "here");
    let pack = pack(trusting(builder(&tls.base_url())));
    tls.cut(2);
    let report = pack.assign([1_u64]).await.expect("the third one passes");
    assert_eq!((report.requests(), tls.connections()), (2, 4));

    tls.cut(usize::MAX);
    let error = pack.assignments().await.expect_err("always cut");
    assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
    assert_eq!(
        (error.executed(), error.is_permanent()),
        (Executed::No, false)
    );
    assert_eq!((error.attempts(), tls.connections()), (5, 9));
    assert!(error.to_string().contains("5 attempts in"), "{error}");
    let run = pack.assign([2_u64]).await.expect_err("always cut");
    assert_eq!(run.report().requests(), 0, "nothing was sent");
}

#[tokio::test]
async fn a_handshake_that_hangs_is_a_connect_error_with_each_time_out() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let base = format!("https://{}", silent.local_addr().expect("bound"));
    let short = Duration::from_millis(100);
    for builder in [
        builder(&base).connect_timeout(short),
        builder(&base).read_timeout(short),
        builder(&base).total_timeout(short),
    ] {
        let pack = pack(builder.retry(RetryPolicy::never()));
        let run = pack.assign([1_u64]).await.expect_err("no handshake");
        assert_eq!(run.cause().kind(), ErrorKind::Connect, "{run}");
        assert_eq!(run.cause().executed(), Executed::No);
        assert_eq!(run.report().requests(), 0);
        assert!(run.to_string().contains("in time"), "{run}");
    }
}

#[tokio::test]
async fn a_server_without_tls_is_a_connect_error() {
    let server = server();
    let base = server.base_url().replace("http:", "https:");
    let policy = RetryPolicy::default().max_attempts(2);
    let error = pack(builder(&base).retry(policy)).assignments().await;
    let error = error.expect_err("no TLS");
    assert_eq!(
        (error.kind(), error.attempts()),
        (ErrorKind::Connect, 2),
        "{error}"
    );
}

#[cfg(feature = "ring")]
#[test]
fn each_invalid_root_certificate_is_named_by_its_number() {
    let good = || support::tls::certificate("ca").to_vec();
    let pem = std::fs::read(support::tls::certificate_file("ca")).expect("a file");
    let cut = good()[..100].to_vec();
    for (roots, name) in [
        (vec![Vec::new()], "certificate 1 of 1"),
        (vec![good(), b"nonsense".to_vec()], "certificate 2 of 2"),
        (vec![good(), pem, good()], "certificate 2 of 3"),
        (vec![good(), good(), cut], "certificate 3 of 3"),
    ] {
        for base in ["https://api.example", "http://127.0.0.1:9"] {
            let builder = roots
                .iter()
                .cloned()
                .fold(builder(base), ClientBuilder::root_certificate);
            let error = builder.build().expect_err(name);
            assert_eq!(error.kind(), ErrorKind::Configuration);
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}

fn without_certificates(test: &str) -> std::process::Command {
    let mut command = child(test);
    command
        .env("SSL_CERT_FILE", "/nonexistent/file")
        .env("SSL_CERT_DIR", "/nonexistent/folder");
    command
}

#[test]
fn a_machine_without_certificates_gets_advice() {
    output(without_certificates("in_a_machine_without_certificates"));
}

#[tokio::test]
#[ignore = "needs the environment of `a_machine_without_certificates_gets_advice`"]
async fn in_a_machine_without_certificates() {
    let server = server();
    let list = pack(builder(&server.base_url())).assignments().await;
    list.expect("http needs no certificates");

    let tls = TlsServer::start(&server, "here");
    let fails = |error: &Error| {
        let text = error.to_string();
        assert!(error.is_permanent(), "{text}");
        assert!(
            text.contains("`ca-certificates`") && text.contains("SSL_CERT_FILE"),
            "{text}"
        );
        assert!(!text.contains("DER"), "{text}");
    };
    match builder(&tls.base_url()).build() {
        Err(error) => fails(&error),
        // OpenSSL reports missing CA certificates when the client connects, not when the client is built.
        Ok(_) => fails(
            &pack(builder(&tls.base_url()))
                .assignments()
                .await
                .expect_err("untrusted"),
        ),
    }
    let list = pack(trusting(builder(&tls.base_url()))).assignments().await;
    list.expect("the certificate of the caller is enough");
}
