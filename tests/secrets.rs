//! A canary runs through everything that can be printed, and is found nowhere.
#![allow(missing_docs)]
// With `rustls` and no `ring`, no client is built without a configuration of the caller's.
#![cfg(any(feature = "ring", not(feature = "rustls")))]

mod support;

use connecteam_onboarding::{Client, ClientBuilder, PackId, RetryPolicy};
use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::{Fault, Server};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

const CANARY: &str = "canary-7f3e9a";

/// Keeps every field of every span and event, of this crate and of those below it.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Visit for Log {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = writeln!(
            self.0.lock().expect("no panic"),
            "{}={value:?}",
            field.name()
        );
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let _ = writeln!(
            self.0.lock().expect("no panic"),
            "span {}",
            span.metadata().name()
        );
        span.record(&mut self.clone());
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut self.clone());
    }
    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

fn print(text: &mut String, error: &(dyn std::error::Error + 'static)) {
    let mut next = Some(error);
    while let Some(error) = next {
        let _ = writeln!(text, "{error}\n{error:?}\n{error:#?}");
        next = error.source();
    }
}

#[tokio::test]
async fn no_secret_is_ever_shown() {
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
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
            assert!(server.requests() > 2, "the canary travelled");
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
    let logged = log.0.lock().expect("no panic").clone();
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
        let place = text.find(CANARY);
        assert!(
            place.is_none(),
            "{what} shows it: …{}",
            &text[place.unwrap_or(0).saturating_sub(200)..][..260]
        );
    }
}
