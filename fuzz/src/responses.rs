//! Fuzzes a client with raw bytes as responses of the API and of the token endpoint.
#![no_main]

use connecteam_onboarding::{Client, Clock, ErrorKind, PackId, RetryPolicy, Sleep, UserId};
use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

const SECRET: &str = "canary-7f3e9a51c2";

/// All fuzz runs share one port. If each run used a new port, the ports could run out, because a closed connection
/// keeps its port busy for a minute.
static SERVER: LazyLock<(Runtime, TcpListener)> = LazyLock::new(|| {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"));
    (runtime, listener.expect("a port"))
});

/// A clock whose time never advances and whose waits end immediately.
#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn wall(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_764_000_000)
    }

    fn sleep(&self, _: Duration) -> Sleep {
        Box::pin(std::future::ready(()))
    }
}

async fn serve(listener: &TcpListener, response: &[u8]) {
    loop {
        let Ok((mut stream, _)) = listener.accept().await else {
            continue;
        };
        let mut request = Vec::new();
        let mut buffer = [0; 4096];
        while !request.windows(4).any(|end| end == b"\r\n\r\n") {
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => break,
                Ok(read) => request.extend_from_slice(&buffer[..read]),
            }
        }
        let _ = stream.write_all(response).await;
        let _ = stream.shutdown().await;
        // Reads the body of the request, because closing a socket with unread data resets the connection.
        while matches!(stream.read(&mut buffer).await, Ok(1..)) {}
    }
}

async fn exchange(listener: &TcpListener, purpose: u8, response: &[u8]) {
    let address = listener.local_addr().expect("an address");
    let builder = Client::builder()
        .base_url(format!("http://{address}"))
        .clock(Still)
        .retry(RetryPolicy::never())
        .max_rate_limit_wait(Duration::ZERO)
        .max_body_bytes(4096);
    let builder = match purpose {
        0 => builder.client_credentials("id", SECRET),
        _ => builder.api_key(SECRET),
    };
    let client = builder.build().expect("a client");
    let pack = client.pack(PackId::new(1).expect("an id"));
    let calls = async {
        if purpose == 2 {
            let users = [UserId::new(1).expect("an id")];
            let failure = pack.assign(users).await.err();
            failure.map(|failure| (failure.cause().clone(), format!("{failure} {failure:?}")))
        } else {
            let failure = pack.assignments().await.err();
            failure.map(|failure| (failure.clone(), format!("{failure} {failure:?}")))
        }
    };
    let failure = tokio::select! {
        failure = calls => failure,
        () = serve(listener, response) => return,
    };
    if let Some((error, text)) = failure {
        assert!(!text.contains(SECRET), "{text}");
        assert!(!text.chars().any(|c| c.is_control()), "{text:?}");
        // The server always sends a response, so the client must not report a time-out.
        assert_ne!(error.kind(), ErrorKind::Timeout, "{text}");
    }
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let [purpose, response @ ..] = data {
        let (runtime, listener) = &*SERVER;
        runtime.block_on(exchange(listener, purpose % 3, response));
    }
});
