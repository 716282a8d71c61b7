//! The limits in front of the simulated API: the account's two windows, and a gateway that sends no rate-limit headers.
//!
//! All times are milliseconds since the Unix epoch.

use crate::api::{RATE_LIMIT_HEADERS, WindowHeaders};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

pub(crate) const MINUTE: u64 = 60_000;
pub(crate) const DAY: u64 = 24 * 60 * MINUTE;

/// When a window begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opening {
    /// A window begins at each full minute or day.
    Fixed,
    /// A window begins with the first request after the previous window has ended.
    FirstUse,
}

/// The account's windows, and how responses describe them.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// The number of requests per minute that the account permits.
    pub(crate) minute: u64,
    /// The number of requests per day that the account permits.
    pub(crate) day: u64,
    pub(crate) opening: Opening,
    /// Reset times are rounded up to a full second, instead of down.
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

/// A gateway that refuses bursts. Its refusals do not have the rate-limit headers of the account.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gateway {
    /// The gateway accepts one request per interval, in milliseconds.
    pub(crate) interval: u64,
    /// The number of requests that the gateway accepts before their interval.
    pub(crate) burst: u64,
    /// Whether refusals have the header `Retry-After`.
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

/// The requests of the client that the gateway refused.
#[derive(Debug, Default)]
pub(crate) struct GatewayRefusals {
    pub(crate) number: u64,
    /// The time of the first refusal, and the number of requests that the account had accepted before.
    pub(crate) first: Option<(u64, u64)>,
    /// The total time during which `Retry-After` permitted no request.
    pub(crate) held: u64,
    held_until: u64,
}

/// The counts of the account and the gateway.
#[derive(Debug, Default)]
pub(crate) struct Account {
    minute: Window,
    day: Window,
    /// The time from which the next request keeps the gateway's interval.
    gateway_free_at: u64,
    /// Whether a response has reported the limits to the client.
    reported: bool,
    /// The number of accepted requests of the client.
    pub(crate) accepted: u64,
    /// Number of refused client requests per minute. Counting starts when a response has reported the limits.
    pub(crate) refused: BTreeMap<u64, u64>,
    /// The requests that the gateway refused.
    pub(crate) gateway: GatewayRefusals,
    /// The number of accepted requests of other programs, per minute.
    pub(crate) others: BTreeMap<u64, u64>,
}

impl Account {
    /// Counts a request of the client. Returns whether it is accepted, and the headers that describe both windows.
    pub(crate) fn request(&mut self, now: u64, limits: &Limits) -> (bool, HeaderMap) {
        let accepted = self.count(now, limits);
        if accepted {
            self.accepted += 1;
        } else if self.reported {
            *self.refused.entry(now / MINUTE).or_default() += 1;
        }
        (accepted, self.headers(limits))
    }

    /// Counts a request of another program.
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

    /// Passes a request through the gateway. If the gateway refuses the request, returns the headers of the refusal.
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

    /// Records that the client received a response with these headers.
    pub(super) fn learn_reported(&mut self, headers: &HeaderMap) {
        self.reported |= headers.contains_key(RATE_LIMIT_HEADERS.minute.limit);
    }

    /// Returns the number of requests that are left for the day.
    pub(crate) fn left_today(&self, limits: &Limits) -> u64 {
        limits.day - self.day.used
    }
}

/// Formats a time for the header `Date`.
pub(super) fn date(now: u64) -> HeaderValue {
    let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(now));
    HeaderValue::try_from(date).expect("a date")
}
