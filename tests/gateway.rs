//! Tests that the client obeys the rate limits of API gateways. The tests use simulated time.
#![allow(missing_docs)]
#![cfg(any(feature = "ring", not(feature = "rustls")))]

mod support;

use connecteam_onboarding::{
    Client, ClientBuilder, Clock, ErrorKind, Pack, PackId, RetryPolicy, Waiting,
};
use serde_json::json;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};
use support::world::http_date;
use support::{Answer, Log, Scripted, SkippingClock};
use tracing::Level;

const SECOND: Duration = Duration::from_secs(1);

fn pack(
    server: &Scripted,
    clock: &SkippingClock,
    change: impl FnOnce(ClientBuilder) -> ClientBuilder,
) -> Pack {
    let builder = Client::builder().api_key("key").base_url(server.base_url());
    let client = change(builder.clock(clock.clone())).build();
    client
        .expect("a client")
        .pack(PackId::try_from(1001).expect("an id"))
}

fn success() -> Answer {
    Answer::json(200, &json!({"data": {"assignments": []}}))
}

fn refusal() -> Answer {
    Answer::json(429, &json!({"detail": "Too many requests"}))
}

/// The number of requests that the server permits per minute.
const LIMIT: u64 = 5;

/// The server time at the start of a test, in seconds since the Unix epoch. The first rate-limit window ends 20 seconds
/// after `START`.
const START: u64 = 1_767_225_640;

struct Report {
    remaining: u64,
    now: u64,
    reset: u64,
}

impl Report {
    /// Formats a number in one of the forms that gateways use for rate-limit headers.
    fn counts(value: u64, form: &str) -> Vec<String> {
        match form {
            "float" => vec![format!("{value}.0")],
            "twice" => vec![format!("{value}, {value}")],
            "two lines" => vec![format!("{}", value + 100), value.to_string()],
            "policy" => vec![format!("{value};w=60")],
            "policies" => vec![format!("{};w=3600, {value};w=60", value + 500)],
            "quotes" => vec![format!("\"{value}\"")],
            _ => vec![value.to_string()],
        }
    }

    fn reset(&self, form: &str) -> Vec<String> {
        let Self { now, reset, .. } = self;
        match form {
            "milliseconds" => vec![format!("{reset}000")],
            "float" => vec![format!("{reset}.000")],
            "seconds to go" => vec![(reset - now).to_string()],
            "float to go" => vec![format!("{}.5", reset - now - 1)],
            "iso" | "iso without zone" | "iso with fraction" => {
                // The Unix time 1767225600 is 2026-01-01T00:00:00Z. Each test ends within the first hour of 2026, so
                // only the minutes of `2026-01-01T00:00:00Z` must be replaced.
                let minute = (reset - 1_767_225_600) / 60;
                let zone = match form {
                    "iso" => "Z",
                    "iso with fraction" => ".000+00:00",
                    _ => "",
                };
                vec![format!("2026-01-01T00:{minute:02}:00{zone}")]
            }
            "date" => vec![http_date(i64::try_from(*reset).expect("small"))],
            "two lines" => vec![now.to_string(), reset.to_string()],
            _ => vec![reset.to_string()],
        }
    }
}

/// Sends 23 requests to a server that permits 5 requests per minute. Returns the number of refused requests, and the
/// simulated time that the requests took.
async fn account(
    count_form: &'static str,
    reset_form: &'static str,
    dated: bool,
) -> (u64, Duration) {
    let clock = SkippingClock::default();
    let refused = Arc::<AtomicU64>::default();
    let (server_clock, counted) = (clock.clone(), Arc::clone(&refused));
    let mut window = (0, 0);
    let server = Scripted::start(move |_| {
        let now = START + server_clock.now().as_secs();
        if window.0 != now / 60 {
            window = (now / 60, 0);
        }
        let fits = window.1 < LIMIT;
        window.1 += u64::from(fits);
        counted.fetch_add(u64::from(!fits), Ordering::SeqCst);
        let report = Report {
            remaining: LIMIT - window.1,
            now,
            reset: (now / 60 + 1) * 60,
        };
        let mut answer = if fits { success() } else { refusal() };
        if dated {
            answer = answer.with("date", http_date(i64::try_from(now).expect("small")));
        }
        for (name, lines) in [
            ("limit", Report::counts(LIMIT, count_form)),
            ("remaining", Report::counts(report.remaining, count_form)),
            ("reset", report.reset(reset_form)),
        ] {
            for line in lines {
                answer = answer.with(&format!("x-ratelimit-minute-{name}"), line);
            }
        }
        answer
    });
    let pack = pack(&server, &clock, |builder| builder);
    // A wait for the rate limit advances the simulated clock at once. Requests are sent one at a time, so that no
    // request is in flight when the clock advances.
    for _ in 0..23 {
        let list = pack.assignments().await;
        list.unwrap_or_else(|error| panic!("{count_form:?} {reset_form:?}: {error}"));
    }
    (refused.load(Ordering::SeqCst), clock.now())
}

#[tokio::test]
async fn every_common_form_of_the_headers_is_read() {
    for (counts, reset, dated) in [
        ("", "", true),
        ("float", "", true),
        ("twice", "", true),
        ("two lines", "", true),
        ("policy", "", true),
        ("policies", "", true),
        ("quotes", "", true),
        ("", "milliseconds", true),
        ("", "float", true),
        ("", "iso", true),
        ("", "iso without zone", true),
        ("", "iso with fraction", true),
        ("", "date", true),
        ("", "seconds to go", true),
        ("", "seconds to go", false),
        ("", "float to go", true),
        ("", "two lines", true),
        ("float", "seconds to go", true),
        ("two lines", "milliseconds", true),
    ] {
        let (refused, took) = account(counts, reset, dated).await;
        let name = format!("{counts:?} {reset:?} dated: {dated}");
        assert!(refused <= 1, "{name}: {refused} refused");
        // The first window ends after 20 seconds. The last three of the 23 requests fit into the fifth window, which
        // starts after 200 seconds. The test permits 215 seconds, which includes a margin of 15 seconds.
        assert!(took <= SECOND * 215, "{name}: {took:?}");
    }
}

/// `number` selects the refused request, where 1 is the first request.
fn refuses(number: u64, status: u16, headers: &[(&'static str, &str)]) -> Scripted {
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()))
        .collect();
    let mut requests = 0;
    Scripted::start(move |request| {
        requests += 1;
        if requests != number {
            return success();
        }
        let mut answer = refusal();
        answer.status = status;
        for (name, value) in &headers {
            answer = answer.with(name, value);
        }
        assert!(request.header("x-api-key").is_some());
        answer
    })
}

const DATE: (&str, &str) = ("date", "Thu, 01 Jan 2026 00:00:40 GMT");

#[tokio::test]
async fn retry_after_is_obeyed_in_every_form() {
    for (status, headers, seconds) in [
        (429, &[("retry-after", "30")][..], 30),
        (429, &[("retry-after", "2.5")], 2),
        (
            429,
            &[DATE, ("retry-after", "Thu, 01 Jan 2026 00:01:10 GMT")],
            30,
        ),
        (429, &[("retry-after", "5"), ("retry-after", "30")], 30),
        (503, &[("retry-after", "30")], 30),
        (
            503,
            &[DATE, ("retry-after", "Thu, 01 Jan 2026 00:01:10 GMT")],
            30,
        ),
        (200, &[("retry-after", "30")], 30),
        (429, &[("retry-after", "0")], 0),
        (429, &[("retry-after", "soon")], 0),
        (
            429,
            &[DATE, ("retry-after", "Thu, 01 Jan 1970 00:01:10 GMT")],
            0,
        ),
        (429, &[], 0),
    ] {
        let (server, clock) = (refuses(2, status, headers), SkippingClock::default());
        let pack = pack(&server, &clock, |builder| builder);
        for _ in 0..3 {
            pack.assignments().await.expect("a list");
        }
        assert_eq!(server.log().len(), 4, "{status} {headers:?}");
        let waited = clock.now().as_secs();
        assert!(
            (seconds..seconds + 2).contains(&waited),
            "{status} {headers:?}: {waited} s"
        );
    }
}

#[tokio::test]
async fn a_retry_after_that_is_too_long_is_an_error_with_its_time() {
    for (value, seconds) in [
        ("601", 601),
        ("3600", 3_600),
        // The client waits at most one day (86,400 seconds), so that a wrong header cannot stop the client forever.
        ("99999999", 86_400),
        ("18446744073709551615", 86_400),
        ("1e18", 86_400),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400),
    ] {
        let headers = [DATE, ("retry-after", value)];
        let (server, clock) = (refuses(1, 429, &headers), SkippingClock::default());
        let pack = pack(&server, &clock, |builder| builder);
        let error = pack.assignments().await.expect_err(value);
        assert_eq!(error.kind(), ErrorKind::RateLimited, "{value}: {error}");
        let after = error.retry_after().expect("a time").as_secs();
        assert!(
            (seconds - 1..=seconds).contains(&after),
            "{value}: {after} s"
        );
        let at = error.retry_at().expect("a time").duration_since(UNIX_EPOCH);
        let now = UNIX_EPOCH + Duration::from_secs(1_767_225_640);
        let ahead = at.expect("after 1970") - now.duration_since(UNIX_EPOCH).expect("after 1970");
        assert!(
            (seconds - 2..=seconds + 2).contains(&ahead.as_secs()),
            "{value}: {ahead:?}"
        );
        assert_eq!(
            (server.log().len(), clock.now()),
            (1, Duration::ZERO),
            "{value}"
        );

        let run = pack.assign([1_u64]).await.expect_err("held");
        assert_eq!(run.cause().kind(), ErrorKind::RateLimited);
        assert_eq!(
            (run.report().requests(), run.report().not_assigned().count()),
            (0, 1)
        );
    }
}

#[tokio::test]
async fn an_error_says_how_often_and_how_long_it_was_attempted() {
    let server = Scripted::start(|_| Answer::json(500, &json!({})));
    let clock = SkippingClock::default();
    let policy = RetryPolicy::default()
        .max_attempts(4)
        .initial_backoff(SECOND * 10);
    let error = pack(&server, &clock, |builder| builder.retry(policy))
        .assignments()
        .await;
    let error = error.expect_err("always 500");
    assert_eq!((error.attempts(), error.elapsed()), (4, clock.now()));
    let text = format!("(4 attempts in {:.1} s)", clock.now().as_secs_f64());
    assert!(error.to_string().ends_with(&text), "{error}");
    let json = serde_json::to_value(&error).expect("plain data");
    assert_eq!(json["attempts"], 4);

    let never = pack(&server, &clock, |builder| {
        builder.retry(RetryPolicy::never())
    });
    let error = never.assignments().await.expect_err("always 500");
    assert_eq!((error.attempts(), error.elapsed()), (1, Duration::ZERO));
    assert!(!error.to_string().contains("attempt"), "{error}");
}

#[tokio::test]
async fn a_wait_is_visible_in_progress_and_in_the_log() {
    let (log, _guard) = Log::start();
    let (server, clock) = (
        refuses(2, 429, &[("retry-after", "30")]),
        SkippingClock::default(),
    );
    let seen = Arc::<Mutex<Vec<Option<Waiting>>>>::default();
    let progress = Arc::clone(&seen);
    let pack = pack(&server, &clock, |builder| builder);
    let start = clock.wall();
    let run = pack.assign([1_u64]);
    let run = run.on_progress(move |now| progress.lock().expect("no panic").push(now.waiting));
    run.await.expect("assigned");
    let seen = seen.lock().expect("no panic");
    let until = seen.iter().find_map(|waiting| match waiting {
        Some(Waiting::RateLimit { until }) => Some(*until),
        _ => None,
    });
    let ahead = until.expect("a wait").duration_since(start).expect("ahead");
    assert!((SECOND * 28..SECOND * 33).contains(&ahead), "{ahead:?}");
    assert_eq!(seen.last(), Some(&None), "the wait has ended");
    let waits: Vec<_> = log
        .lines(Level::INFO)
        .into_iter()
        .filter(|line| line.contains("waiting"))
        .collect();
    assert_eq!(waits.len(), 1, "{waits:?}");
    assert!(
        waits[0].contains("seconds=30") || waits[0].contains("seconds=29.9"),
        "{waits:?}"
    );
}

#[tokio::test]
async fn a_short_wait_is_logged_for_debugging_only() {
    let (log, _guard) = Log::start();
    let (server, clock) = (refuses(2, 429, &[]), SkippingClock::default());
    let pack = pack(&server, &clock, |builder| builder);
    for _ in 0..2 {
        pack.assignments().await.expect("a list");
    }
    let waits = |level| {
        log.lines(level)
            .iter()
            .filter(|line| line.contains("waiting"))
            .count()
    };
    assert_eq!((waits(Level::INFO), waits(Level::DEBUG)), (0, 1));
}
