//! The request limits of the simulated API. The account has two rate-limit windows. An optional gateway refuses bursts
//! of requests.
//!
//! Times are in milliseconds since the Unix epoch.

use crate::api::{RATE_LIMIT_HEADERS, WindowHeaders};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

pub(crate) const MINUTE: u64 = 60_000;
pub(crate) const DAY: u64 = 24 * 60 * MINUTE;

/// When a rate-limit window begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opening {
    /// Minute windows begin at each full minute, and day windows begin at midnight UTC.
    Fixed,
    /// A window begins with the first request after the previous window has ended.
    FirstUse,
}

/// The account's rate limits, and how response headers report these limits.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// The number of requests per minute that the account permits.
    pub(crate) minute: u64,
    /// The number of requests per day that the account permits.
    pub(crate) day: u64,
    pub(crate) opening: Opening,
    /// If true, reset times are rounded up to a full second. Otherwise, they are rounded down.
    pub(crate) round_up: bool,
}

impl Limits {
    pub(crate) fn new(minute: u64, day: u64) -> Self {
        Self {
            minute,
            day,
            opening: Opening::Fixed,
            round_up: false,
        }
    }
}

/// A gateway that refuses bursts of requests. The error responses of the gateway have no rate-limit headers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gateway {
    /// The minimum average time between accepted requests, in milliseconds.
    pub(crate) interval: u64,
    /// The number of additional requests that the gateway accepts in a burst.
    pub(crate) burst: u64,
    /// Whether the error responses of the gateway have a `Retry-After` header.
    pub(crate) retry_after: bool,
}

#[derive(Debug, Default)]
struct Window {
    used: u64,
    ends: u64,
}

impl Window {
    fn roll(&mut self, now: u64, length: u64, opening: Opening) {
        if now >= self.ends {
            self.used = 0;
            self.ends = match opening {
                Opening::Fixed => (now / length + 1) * length,
                Opening::FirstUse => now + length,
            };
        }
    }

    fn write_headers(&self, headers: &mut HeaderMap, names: &WindowHeaders, limit: u64, up: bool) {
        let reset = if up {
            self.ends.div_ceil(1_000)
        } else {
            self.ends / 1_000
        };
        for (name, value) in [
            (names.limit, limit),
            (names.remaining, limit - self.used),
            (names.reset, reset),
        ] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
        }
    }
}

/// Statistics about client requests that the gateway refused.
#[derive(Debug, Default)]
pub(crate) struct GatewayRefusals {
    pub(crate) number: u64,
    /// The time of the first refusal, and the number of client requests that were accepted before this refusal.
    pub(crate) first: Option<(u64, u64)>,
    /// The total time that `Retry-After` headers told the client to wait, in milliseconds.
    pub(crate) held: u64,
    held_until: u64,
}

/// The request counters of the account and the gateway.
#[derive(Debug, Default)]
pub(crate) struct Account {
    minute: Window,
    day: Window,
    /// The earliest time at which the gateway does not count the next request as part of a burst.
    gateway_free_at: u64,
    /// Whether a response has reported the limits to the client.
    reported: bool,
    /// The number of client requests that the account accepted.
    pub(crate) accepted: u64,
    /// The number of client requests that the account refused in each minute. The count starts when a response has
    /// reported the limits to the client.
    pub(crate) refused: BTreeMap<u64, u64>,
    pub(crate) gateway: GatewayRefusals,
    /// The number of accepted requests from other programs in each minute.
    pub(crate) others: BTreeMap<u64, u64>,
}

impl Account {
    /// Counts a request from the client. Returns whether the account accepts the request, and the rate-limit headers
    /// for the response.
    pub(crate) fn request(&mut self, now: u64, limits: &Limits) -> (bool, HeaderMap) {
        let accepted = self.count(now, limits);
        if accepted {
            self.accepted += 1;
        } else if self.reported {
            *self.refused.entry(now / MINUTE).or_default() += 1;
        }
        (accepted, self.headers(limits))
    }

    /// Counts a request from another program.
    pub(crate) fn other(&mut self, now: u64, limits: &Limits) {
        let accepted = self.count(now, limits);
        *self.others.entry(now / MINUTE).or_default() += u64::from(accepted);
    }

    fn count(&mut self, now: u64, limits: &Limits) -> bool {
        self.minute.roll(now, MINUTE, limits.opening);
        self.day.roll(now, DAY, limits.opening);
        let fits = self.minute.used < limits.minute && self.day.used < limits.day;
        self.minute.used += u64::from(fits);
        self.day.used += u64::from(fits);
        fits
    }

    /// Checks whether the gateway accepts a request. Returns the headers of the error response if the gateway refuses
    /// the request.
    pub(crate) fn gateway(&mut self, now: u64, gateway: Gateway) -> Result<(), HeaderMap> {
        let accepts_from = self
            .gateway_free_at
            .saturating_sub(gateway.burst * gateway.interval);
        if now >= accepts_from {
            self.gateway_free_at = self.gateway_free_at.max(now) + gateway.interval;
            return Ok(());
        }
        let refusals = &mut self.gateway;
        refusals.number += 1;
        refusals.first.get_or_insert((now, self.accepted));
        let mut headers = HeaderMap::new();
        if gateway.retry_after {
            let seconds = (accepts_from - now).div_ceil(1_000);
            let until = now + seconds * 1_000;
            refusals.held += until.saturating_sub(refusals.held_until.max(now));
            refusals.held_until = refusals.held_until.max(until);
            headers.insert(http::header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        Err(headers)
    }

    fn headers(&self, limits: &Limits) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let names = &RATE_LIMIT_HEADERS;
        let mut write = |window: &Window, names, limit| {
            window.write_headers(&mut headers, names, limit, limits.round_up);
        };
        write(&self.minute, &names.minute, limits.minute);
        write(&self.day, &names.day, limits.day);
        headers
    }

    /// Records whether a response has reported the rate limits to the client.
    pub(super) fn learn_reported(&mut self, headers: &HeaderMap) {
        self.reported |= headers.contains_key(RATE_LIMIT_HEADERS.minute.limit);
    }

    /// Returns the number of requests left in the current day window.
    pub(crate) fn left_today(&self, limits: &Limits) -> u64 {
        limits.day - self.day.used
    }
}

/// Formats a time as the value of a `Date` header.
pub(super) fn date(now: u64) -> HeaderValue {
    let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(now));
    HeaderValue::try_from(date).expect("a date")
}
