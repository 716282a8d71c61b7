//! Fuzzes the rate limiter with the headers of many responses. No header may cause a panic, or stop the client
//! permanently.
#![no_main]

// The crate does not export the module `rate_limit`, so this file includes the source. The source uses `crate::api`, so
// this file imports the module `api`.
#[path = "../../src/rate_limit/mod.rs"]
#[allow(dead_code)]
mod rate_limit;

use connecteam_onboarding::api;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use rate_limit::{Decision, RateLimit, Received, Reserve, Share};
use std::time::{Duration, UNIX_EPOCH};

const HEADERS: [&str; 8] = [
    "date",
    "retry-after",
    "x-ratelimit-minute-limit",
    "x-ratelimit-minute-remaining",
    "x-ratelimit-minute-reset",
    "x-ratelimit-day-limit",
    "x-ratelimit-day-remaining",
    "x-ratelimit-day-reset",
];

libfuzzer_sys::fuzz_target!(|data: &[u8]| check(data));

/// Updates the rate limit with each line of the fuzz data. The first byte of a line selects the options of a new
/// request, and how an earlier request ends. The second byte is the simulated time since the previous line, in units of
/// 250 ms. The other bytes are the header values in the order of `HEADERS`, separated by `|`.
fn check(data: &[u8]) {
    let mut limit = RateLimit::default();
    let (mut now, mut in_flight) = (Duration::ZERO, Vec::new());
    for line in data.split(|byte| *byte == b'\n').take(200) {
        let [kind, pause, rest @ ..] = line else {
            continue;
        };
        now += Duration::from_millis(u64::from(*pause) * 250);
        let share = Share {
            reserve: Reserve::Requests(u64::from(kind & 1)),
            keep_back: u64::from(kind >> 1 & 1),
        };
        match limit.ask(now, share) {
            Decision::Go(ticket) => in_flight.push(ticket),
            Decision::Wait(wait) => assert!(!wait.is_zero(), "a wait of no time never ends"),
            Decision::AwaitResponse => assert!(!in_flight.is_empty(), "waits for no response"),
            Decision::DaySpent { retry_at } => assert!(retry_at >= UNIX_EPOCH),
        }
        if kind & 4 == 0 || in_flight.is_empty() {
            continue;
        }
        let ticket = in_flight.remove(0);
        match kind >> 3 & 3 {
            0 => limit.lost(ticket, now),
            1 => limit.never_sent(ticket),
            refused => {
                let headers = headers(rest);
                let refused = refused == 3;
                let status = if refused { 429 } else { 200 };
                let received = Received {
                    status: StatusCode::from_u16(status).unwrap_or_default(),
                    headers: &headers,
                    refused,
                    wall: UNIX_EPOCH + Duration::from_secs(1_764_000_000) + now,
                };
                limit.received(ticket, now, received);
            }
        }
        let _ = limit.quota(now);
    }
    for ticket in in_flight {
        limit.never_sent(ticket);
    }
    permits_another_request(limit, now);
}

fn headers(values: &[u8]) -> HeaderMap {
    let values = values.split(|byte| *byte == b'|');
    let pair = |(&name, value): (&&'static str, &[u8])| {
        let value = HeaderValue::from_bytes(value).ok()?;
        Some((HeaderName::from_static(name), value))
    };
    HEADERS.iter().zip(values).filter_map(pair).collect()
}

/// When no request is in flight, the rate limit must permit the next request after a bounded wait.
fn permits_another_request(mut limit: RateLimit, mut now: Duration) {
    for _ in 0..100 {
        match limit.ask(now, Share::default()) {
            Decision::Go(_) => return,
            Decision::Wait(wait) => now += wait,
            Decision::AwaitResponse => panic!("waits for no response"),
            Decision::DaySpent { retry_at } => {
                let server = limit.server_time(now).unwrap_or(UNIX_EPOCH);
                now +=
                    retry_at.duration_since(server).unwrap_or_default() + Duration::from_secs(10);
            }
        }
    }
    panic!("never permits another request");
}
