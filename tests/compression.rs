//! Tests how the client handles compressed responses.
#![allow(missing_docs)]
#![cfg(any(feature = "ring", not(feature = "rustls")))]

mod support;

use connecteam_onboarding::{Client, ClientBuilder, Error, ErrorKind, Pack, PackId, RetryPolicy};
use serde_json::json;
use support::{Answer, Fault, Server};

fn pack(server: &Server) -> Pack {
    pack_of(server, |builder| builder)
}

fn pack_of(server: &Server, change: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Pack {
    let builder = Client::builder().api_key("key").base_url(server.base_url());
    let client = change(builder.retry(RetryPolicy::never())).build();
    client
        .expect("a client")
        .pack(PackId::try_from(1001).expect("an id"))
}

fn list(rows: u64) -> Vec<u8> {
    let row = |user: u64| json!({"id": 500 + user, "userId": user, "status": "in_progress", "isWaitingApproval": false});
    let rows: Vec<_> = (1..=rows).map(row).collect();
    json!({"data": {"assignments": rows}})
        .to_string()
        .into_bytes()
}

fn encoded(body: Vec<u8>, encoding: &str) -> Fault {
    let answer = Answer::new(200, "application/json", body);
    Fault::Response(answer.with("content-encoding", encoding))
}

async fn error(fault: Fault) -> Error {
    let server = Server::start();
    server.fault("GET", fault);
    let pack = pack_of(&server, |builder| builder.max_body_bytes(1 << 20));
    pack.assignments().await.expect_err("no list")
}

#[cfg(feature = "gzip")]
mod gzip {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    fn compress(body: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(body).expect("memory");
        encoder.finish().expect("memory")
    }

    #[tokio::test]
    async fn a_compressed_list_is_read() {
        let body = list(2_000);
        let server = Server::start();
        server.fault("GET", encoded(compress(&body), "gzip"));
        let list = pack(&server).assignments().await.expect("a list");
        assert_eq!(list.len(), 2_000);
        let log = server.log();
        assert_eq!(log[0].request.header("accept-encoding"), Some("gzip"));
    }

    #[tokio::test]
    async fn a_broken_stream_is_unreadable() {
        let good = compress(&list(2_000));
        let mut corrupt = good.clone();
        let middle = corrupt.len() / 2;
        corrupt[middle..middle + 20].fill(0xff);
        let mut checksum = good.clone();
        let end = checksum.len() - 6;
        checksum[end] ^= 1;
        for (name, body) in [
            ("not compressed", list(1)),
            ("one byte", vec![0x1f]),
            ("header only", good[..10].to_vec()),
            ("truncated", good[..good.len() / 2].to_vec()),
            ("without its end", good[..good.len() - 1].to_vec()),
            ("corrupt", corrupt),
            ("wrong checksum", checksum),
        ] {
            let error = error(encoded(body, "gzip")).await;
            assert_eq!(error.kind(), ErrorKind::Unreadable, "{name}: {error}");
            assert!(
                error.to_string().contains("cannot be decompressed"),
                "{name}: {error}"
            );
            assert_eq!(error.status(), Some(200), "{name}");
        }
    }

    #[tokio::test]
    async fn a_connection_cut_in_a_compressed_body_is_interrupted() {
        let good = compress(&list(2_000));
        let answer = Answer::new(200, "application/json", "").with("content-encoding", "gzip");
        let mut bytes = answer.head(good.len() as u64);
        bytes.extend_from_slice(&good[..good.len() / 2]);
        let error = error(Fault::Raw(bytes)).await;
        assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}");
    }

    #[tokio::test]
    async fn a_compressed_refusal_is_read() {
        let body = br#"{"detail":"user 7 does not exist"}"#;
        for status in [400, 422, 500] {
            let answer = Answer::new(status, "application/json", compress(body));
            let error = error(Fault::Response(answer.with("content-encoding", "gzip"))).await;
            assert_eq!(error.status(), Some(status));
            assert_eq!(error.detail(), Some("user 7 does not exist"));
        }
    }

    #[tokio::test]
    async fn an_empty_body_is_not_decompressed() {
        let answer = Answer::empty(404).with("content-encoding", "gzip");
        let error = error(Fault::Response(answer)).await;
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    }

    fn bomb() -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        let spaces = vec![b' '; 1 << 20];
        for _ in 0..64 {
            encoder.write_all(&spaces).expect("memory");
        }
        encoder.finish().expect("memory")
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_bomb_takes_no_more_memory_than_the_cap() {
        support::child::output(support::child::child("gzip::reads_a_bomb"));
    }

    /// Returns the peak memory of this process, in bytes.
    #[cfg(target_os = "linux")]
    fn most_memory() -> usize {
        let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kibibytes = line.and_then(|line| line.split_whitespace().next());
        kibibytes
            .and_then(|number| number.parse::<usize>().ok())
            .expect("a number")
            * 1_024
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    #[ignore = "needs a process of its own, started by `a_bomb_takes_no_more_memory_than_the_cap`"]
    async fn reads_a_bomb() {
        const CAP: usize = 16 << 20;
        let server = Server::start();
        let pack = pack_of(&server, |builder| builder.max_body_bytes(CAP));
        // The first read is not measured, because it allocates memory that later reads reuse.
        pack.assignments().await.expect("a list");
        for status in [200, 500] {
            let answer = Answer::new(status, "application/json", bomb());
            server.fault(
                "GET",
                Fault::Response(answer.with("content-encoding", "gzip")),
            );
            let before = most_memory();
            let error = pack.assignments().await.expect_err("too large");
            let kind = if status == 200 {
                ErrorKind::TooLarge
            } else {
                ErrorKind::Server
            };
            assert_eq!(error.kind(), kind, "{error}");
            let more = most_memory() - before;
            assert!(more < CAP + (4 << 20), "{status}: {more} bytes more");
        }
    }
}

#[cfg(not(feature = "gzip"))]
#[tokio::test]
async fn without_the_feature_the_error_names_the_encoding() {
    let text = error(encoded(list(1), "gzip")).await.to_string();
    assert!(
        text.contains("`gzip`") && text.contains("turn on the feature `gzip`"),
        "{text}"
    );
    let server = Server::start();
    pack(&server).assignments().await.expect("a list");
    assert_eq!(server.log()[0].request.header("accept-encoding"), None);
}

#[tokio::test]
async fn the_error_names_an_unsupported_encoding() {
    for encoding in [
        "br",
        "deflate",
        "zstd",
        "compress",
        "x-unknown",
        "gzip, br",
        "br, gzip",
        "b\u{e9}",
    ] {
        let answer =
            Answer::new(200, "application/json", list(1)).with("content-encoding", encoding);
        let error = error(Fault::Response(answer)).await;
        assert_eq!(error.kind(), ErrorKind::Unreadable, "{encoding}: {error}");
        let text = error.to_string();
        let name = if encoding.is_ascii() {
            encoding
        } else {
            "content encoding"
        };
        assert!(
            text.contains(name) && text.contains("content encoding"),
            "{text}"
        );
        assert_eq!(error.body(), None, "compressed bytes are not text");
    }
    for status in [404, 422, 503] {
        let answer =
            Answer::new(status, "application/json", list(1)).with("content-encoding", "br");
        let error = error(Fault::Response(answer)).await;
        assert_eq!(error.status(), Some(status), "{error}");
        assert!(!error.to_string().contains("assignments"), "{error}");
    }
}

#[tokio::test]
async fn a_response_without_compression_passes() {
    for encoding in ["identity", "IDENTITY", ""] {
        let server = Server::start();
        server.fault("GET", encoded(list(3), encoding));
        let list = pack(&server).assignments().await.expect("a list");
        assert_eq!(list.len(), 3, "{encoding:?}");
    }
}
