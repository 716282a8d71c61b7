//! Tests that `http` requests use no proxy, and that the error of an `https` request names the proxy that failed.
#![allow(missing_docs)]
#![cfg(any(feature = "ring", feature = "native-tls"))]

mod command;
mod support;

use connecteam_onboarding::{
    Client, ClientBuilder, Error, ErrorKind, Executed, Pack, PackId, RetryPolicy,
};
use std::net::TcpListener;
use std::time::Duration;
use support::child::{child, output};
use support::tls::{TlsServer, certificate_file, trusting};
use support::{Log, Proxy, Reply, Server, SkippingClock};
use tracing::Level;

/// The environment variables that can configure a proxy.
const VARIABLES: [&str; 6] = [
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
];

fn server() -> Server {
    let server = Server::start();
    server.users(1..=9);
    server
}

/// Returns the URL of a port on which no server listens.
fn dead() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    format!("http://{}", listener.local_addr().expect("bound"))
}

fn builder(base: &str) -> ClientBuilder {
    Client::builder()
        .api_key("key")
        .base_url(base)
        .clock(SkippingClock::default())
}

fn through(url: &str, builder: ClientBuilder) -> ClientBuilder {
    let proxy = reqwest::Proxy::all(url).expect("a URL");
    builder.http_client(|http| http.proxy(proxy))
}

fn pack(builder: ClientBuilder) -> Pack {
    let client = builder.build().expect("a client");
    client.pack(PackId::try_from(1001).expect("an id"))
}

#[tokio::test]
async fn a_request_over_http_never_reaches_a_proxy_of_the_http_settings() {
    let (server, proxy) = (server(), Proxy::start(Reply::Status(200)));
    for kind in [reqwest::Proxy::all, reqwest::Proxy::http] {
        let setting = kind(proxy.url()).expect("a URL");
        let builder = builder(&server.base_url()).http_client(|http| http.proxy(setting));
        pack(builder).assignments().await.expect("a list");
    }
    assert_eq!((proxy.seen().len(), server.gets()), (0, 2));
}

#[test]
fn a_request_over_http_never_reaches_a_proxy_of_the_environment() {
    let users = command::file("users", "1\n2\n");
    for variable in VARIABLES {
        let (server, proxy) = (server(), Proxy::start(Reply::Status(200)));
        let mut program = command::assign(&server, &users, &[]);
        program.env(variable, proxy.url());
        output(program);
        assert_eq!(server.assigned(1001), [1, 2], "{variable}");
        assert_eq!(proxy.seen().len(), 0, "{variable}");
    }
}

#[cfg(feature = "mock")]
#[test]
fn quickstart_runs_without_a_working_proxy_and_without_certificates() {
    let mut program = std::process::Command::new(command::program("quickstart"));
    let variables = VARIABLES.map(|variable| (variable, dead()));
    program
        .env_clear()
        .env("SSL_CERT_FILE", "/nonexistent/file")
        .env("SSL_CERT_DIR", "/nonexistent/folder")
        .envs(variables);
    output(program);
}

#[tokio::test]
async fn https_uses_the_proxy_of_the_http_settings() {
    let (server, proxy) = (server(), Proxy::start(Reply::Tunnel));
    let tls = TlsServer::start(&server, "here");
    let builder = trusting(builder(&tls.base_url()));
    let report = pack(through(&proxy.url(), builder)).assign([1_u64]).await;
    assert_eq!(report.expect("assigned").requests(), 2);
    let seen = proxy.seen();
    assert_eq!(seen.len(), 2);
    assert!(
        seen.iter()
            .all(|request| request.method == "CONNECT" && request.header("x-api-key").is_none())
    );
}

async fn failure(proxy: &str) -> Error {
    let (server, policy) = (server(), RetryPolicy::default().max_attempts(2));
    let tls = TlsServer::start(&server, "here");
    let builder = trusting(builder(&tls.base_url())).retry(policy);
    let pack = pack(through(
        proxy,
        builder.connect_timeout(Duration::from_millis(200)),
    ));
    let run = pack.assign([1_u64]).await.expect_err("no proxy");
    assert_eq!(
        (run.report().requests(), tls.connections()),
        (0, 0),
        "{run}"
    );
    run.cause().clone()
}

#[tokio::test]
async fn a_failing_proxy_is_named() {
    for (reply, words) in [
        (Reply::Status(403), "the proxy refuses"),
        (Reply::Status(502), "the proxy refuses"),
        (Reply::Status(407), "407"),
        (Reply::Close, "the proxy failed"),
    ] {
        let proxy = Proxy::start(reply);
        let error = failure(&proxy.url()).await;
        assert_eq!(error.kind(), ErrorKind::Proxy, "{reply:?}: {error}");
        assert_eq!(
            (error.executed(), error.is_permanent()),
            (Executed::No, false)
        );
        assert_eq!((error.attempts(), proxy.seen().len()), (2, 2), "{reply:?}");
        assert!(error.to_string().contains(words), "{reply:?}: {error}");
    }
    let with_password = dead().replace("http://", "http://secret-user:secret-word@");
    for url in [dead(), with_password, "http://proxy.invalid:1".to_owned()] {
        let error = failure(&url).await;
        assert_eq!(
            (error.kind(), error.attempts()),
            (ErrorKind::Proxy, 2),
            "{error}"
        );
        let text = format!("{error} {error:?}");
        assert!(
            text.contains("no connection to the proxy") && !text.contains("secret"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_proxy_of_the_http_settings_that_hangs_is_mentioned() {
    let error = failure(&Proxy::start(Reply::Silence).url()).await;
    assert_eq!(
        (error.kind(), error.attempts()),
        (ErrorKind::Connect, 2),
        "{error}"
    );
    assert!(error.to_string().contains("proxy"), "{error}");
}

/// Runs a test in a separate process, with these environment variables and the test certificate authority.
fn in_environment(test: &str, variables: &[(&str, &str)]) -> String {
    let mut command = child(test);
    command
        .env("SSL_CERT_FILE", certificate_file("ca"))
        .envs(variables.iter().copied());
    output(command)
}

#[test]
fn a_proxy_of_the_environment_that_hangs_is_named() {
    let proxy = Proxy::start(Reply::Silence);
    for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        in_environment("with_a_proxy_that_hangs", &[(variable, &proxy.url())]);
    }
}

#[tokio::test]
#[ignore = "needs the environment of `a_proxy_of_the_environment_that_hangs_is_named`"]
async fn with_a_proxy_that_hangs() {
    let tls = TlsServer::start(&server(), "here");
    let builder = builder(&tls.base_url()).retry(RetryPolicy::never());
    let pack = pack(builder.connect_timeout(Duration::from_millis(100)));
    let run = pack.assign([1_u64]).await.expect_err("no proxy");
    assert_eq!(run.cause().kind(), ErrorKind::Proxy, "{run}");
    assert_eq!((run.report().requests(), tls.connections()), (0, 0));
}

#[test]
fn https_uses_the_proxy_of_the_environment() {
    for (variable, through) in [
        ("HTTPS_PROXY", 1),
        ("https_proxy", 1),
        ("ALL_PROXY", 1),
        ("all_proxy", 1),
        ("HTTP_PROXY", 0),
    ] {
        let proxy = Proxy::start(Reply::Tunnel);
        let url = proxy.url();
        in_environment("with_a_proxy", &[(variable, &url)]);
        assert_eq!(proxy.seen().len(), through, "{variable}");
        in_environment(
            "with_a_proxy",
            &[(variable, &url), ("NO_PROXY", "127.0.0.1")],
        );
        assert_eq!(proxy.seen().len(), through, "{variable} and NO_PROXY");
    }
}

#[tokio::test]
#[ignore = "needs the environment of `https_uses_the_proxy_of_the_environment`"]
async fn with_a_proxy() {
    let (log, _guard) = Log::start();
    let tls = TlsServer::start(&server(), "here");
    pack(builder(&tls.base_url()))
        .assignments()
        .await
        .expect("a list");
    assert_eq!(log.lines(Level::WARN), [""; 0]);
}

#[test]
fn an_unusable_proxy_variable_causes_one_warning() {
    for value in [
        "not a url",
        "ftp://secret-user:secret-word@proxy.example",
        "http://",
        "/secret",
        "http://secret host",
    ] {
        for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
            let text = in_environment(
                "with_an_unusable_variable",
                &[(variable, value), ("EXPECTED", variable)],
            );
            assert!(!text.contains("secret"), "{text}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_proxy_variable_that_is_not_text_causes_a_warning() {
    use std::os::unix::ffi::OsStrExt;
    let mut command = child("with_an_unusable_variable");
    let value = std::ffi::OsStr::from_bytes(b"http://\xff");
    command
        .env("HTTPS_PROXY", value)
        .env("EXPECTED", "HTTPS_PROXY")
        .env("SSL_CERT_FILE", certificate_file("ca"));
    output(command);
}

#[tokio::test]
#[ignore = "needs the environment of `an_unusable_proxy_variable_causes_one_warning`"]
async fn with_an_unusable_variable() {
    let name = std::env::var("EXPECTED").expect("a variable");
    let (log, _guard) = Log::start();
    let (server, log_of) = (server(), |base: &str| {
        let _pack = pack(builder(base));
        log.lines(Level::WARN)
    });
    assert_eq!(log_of(&server.base_url()), [""; 0], "http uses no proxy");
    let tls = TlsServer::start(&server, "here");
    let warnings = log_of(&tls.base_url());
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains(&name), "{warnings:?}");
    let all = log.text();
    assert!(
        !all.contains("secret") && !all.contains("not a url"),
        "{all}"
    );
    pack(builder(&tls.base_url()))
        .assignments()
        .await
        .expect("without a proxy");
}
