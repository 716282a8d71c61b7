//! Tests the rate limit with simulated times and response headers.

mod day;
mod hostile;
mod in_flight;
mod refusals;
mod time;

use super::*;
use http::HeaderName;

/// The server time at local time 0, in seconds since the Unix epoch. This time is 20 seconds after a full minute.
const START: u64 = 1_750_032_020;
const RESET: u64 = START + 40;
const MIDNIGHT: u64 = 1_750_032_000 + 86_400;

fn response(headers: &HeaderMap, wall: SystemTime, refused: bool) -> Received<'_> {
    let status = if refused {
        StatusCode::TOO_MANY_REQUESTS
    } else {
        StatusCode::OK
    };
    Received {
        status,
        headers,
        refused,
        wall,
    }
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn epoch(seconds: u64) -> SystemTime {
    UNIX_EPOCH + secs(seconds)
}

fn header_map(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let pair = |&(name, value): &(&'static str, &str)| {
        (HeaderName::from_static(name), value.parse().unwrap())
    };
    pairs.iter().map(pair).collect()
}

/// Returns headers for the minute window, with the given `Date`, remaining requests and reset. The limit is 100
/// requests.
fn minute(date: u64, remaining: &str, reset: u64) -> HeaderMap {
    header_map(&[
        ("date", &httpdate::fmt_http_date(epoch(date))),
        (headers::MINUTE.limit, "100"),
        (headers::MINUTE.remaining, remaining),
        (headers::MINUTE.reset, &reset.to_string()),
    ])
}

/// Returns headers for the day window, with the given `Date`, remaining requests and reset. The limit is 10,000
/// requests.
fn day(date: u64, remaining: &str, reset: &str) -> HeaderMap {
    header_map(&[
        ("date", &httpdate::fmt_http_date(epoch(date))),
        (headers::DAY.limit, "10000"),
        (headers::DAY.remaining, remaining),
        (headers::DAY.reset, reset),
    ])
}

fn go(limit: &mut RateLimit, now: Duration) -> Ticket {
    match limit.ask(now, Share::default()) {
        Decision::Go(ticket) => ticket,
        other => panic!("{other:?} at {now:?}"),
    }
}

fn wait(limit: &mut RateLimit, now: Duration) -> Duration {
    match limit.ask(now, Share::default()) {
        Decision::Wait(wait) => wait,
        other => panic!("{other:?} at {now:?}"),
    }
}

fn receive(limit: &mut RateLimit, ticket: Ticket, now: Duration, headers: &HeaderMap) {
    limit.received(ticket, now, response(headers, epoch(START) + now, false));
}

fn refuse(limit: &mut RateLimit, ticket: Ticket, now: Duration, headers: &HeaderMap) {
    limit.received(ticket, now, response(headers, epoch(START) + now, true));
}

fn left(limit: &RateLimit, now: Duration) -> u64 {
    limit.quota(now).unwrap().minute.unwrap().remaining
}

/// Returns a rate limit that received one response with the headers `first` at local time 0.1 s.
fn after(first: &HeaderMap) -> RateLimit {
    let mut limit = RateLimit::default();
    let ticket = go(&mut limit, Duration::ZERO);
    receive(&mut limit, ticket, Duration::from_millis(100), first);
    limit
}
