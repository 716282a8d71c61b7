//! Finds a minimum interval between requests if a gateway refuses requests although no rate-limit window is exhausted.
//!
//! A gateway in front of the API may limit bursts without reporting the limit in a header. This module performs a
//! binary search for the shortest interval that the gateway permits. The lower end of the search range is an interval
//! that was refused, and the upper end is an interval that was accepted.
//!
//! A gateway with a token bucket accepts short intervals until the bucket is empty, so the search also considers how
//! many requests were accepted between two refusals.

use super::window::Arrival;
use std::time::Duration;

/// The interval between requests after the first refusal.
const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(60);
/// The minimum interval between requests after a refusal. With an interval near zero, the client would send all waiting
/// requests at once, and the gateway would refuse them.
const SHORTEST: Duration = Duration::from_millis(20);
/// The interval is shortened when the number of accepted requests reaches the number of refusals or `PATIENCE`,
/// whichever is smaller.
const PATIENCE: u32 = 12;

/// The current interval between requests, and the state of the binary search for the shortest interval. The interval is
/// zero until the first refusal.
#[derive(Debug, Default)]
pub(super) struct Pace {
    interval: Duration,
    /// The start of the interval to the next request, on the local clock.
    from: Duration,
    /// The event number at which `interval` last changed. Responses to requests that were sent before this event do not
    /// change the interval.
    since: u64,
    /// The number of requests that were accepted at the current interval.
    accepted: u32,
    /// The local time at which the last accepted request was sent.
    accepted_at: Option<Duration>,
    /// The number of refusals so far. Requests that are refused together are counted as one refusal.
    refusals: u32,
    /// The local time at which the last refused request was sent.
    refused_at: Option<Duration>,
    /// The number of requests that were accepted since the last refusal.
    accepted_since: u32,
    /// The last interval that the gateway accepted, or `None` after a refusal.
    passed: Option<Duration>,
    /// The last interval that the gateway refused, or zero if no such interval is known.
    too_short: Duration,
    /// No request may be sent before this time on the local clock, for example because of a `Retry-After` header.
    held_until: Duration,
}

impl Pace {
    /// Returns how long the next request must wait, measured from `now`.
    pub(super) fn wait(&self, now: Duration) -> Duration {
        let next = self.from + self.interval;
        next.max(self.held_until).saturating_sub(now)
    }

    /// Records that a request is sent at `now`.
    pub(super) fn sent(&mut self, now: Duration) {
        self.from = now;
    }

    /// Blocks all requests until the local time `until`.
    pub(super) fn hold(&mut self, until: Duration) {
        self.held_until = self.held_until.max(until);
    }

    /// Updates the interval after an accepted request.
    pub(super) fn accepted(&mut self, arrival: Arrival) {
        let sent_at = arrival.sent_at;
        let last = self.accepted_at;
        self.accepted_at = last.max(Some(sent_at));
        if self.refused_at.is_some_and(|at| sent_at >= at) {
            self.accepted_since += 1;
        }
        // A request after a long pause is ignored, because the gateway accepts such a request whatever the interval is.
        let is_paced = last.is_some_and(|last| sent_at.saturating_sub(last) < self.interval * 2);
        if arrival.sent < self.since || !is_paced {
            return;
        }
        self.passed = Some(self.interval);
        self.accepted += 1;
        if self.accepted >= self.refusals.min(PATIENCE) {
            self.shorten(arrival.event);
        }
    }

    fn shorten(&mut self, event: u64) {
        if self.interval < self.too_short {
            // The gateway now accepts an interval that it refused earlier. Either the gateway's limit has changed, or
            // other programs had used up the limit before the earlier refusal.
            self.too_short = self.interval / 2;
        }
        let gap = self.interval.saturating_sub(self.too_short);
        let shorter = if gap < self.too_short / 4 {
            self.interval * 7 / 8
        } else {
            self.too_short + gap / 2
        };
        self.set(shorter.max(SHORTEST), event);
    }

    /// Updates the interval after a refusal that was not caused by an exhausted rate-limit window.
    pub(super) fn refused(&mut self, arrival: Arrival) {
        let sent_at = arrival.sent_at;
        // Requests that were sent together are refused together, so only the first refusal is counted.
        if arrival.sent < self.since {
            return;
        }
        let interval = self.interval;
        let longer = match self.passed.take() {
            _ if interval.is_zero() => FIRST,
            Some(passed) if passed > interval => passed,
            _ => interval * 3,
        };
        let between = self.between_refusals(sent_at);
        let longer = between.map_or(longer, |between| between.clamp(interval, longer));
        // The interval `FIRST` is only a guess and may be much too long, so all shorter intervals stay in the search
        // range.
        self.too_short = match self.refused_at {
            None => Duration::ZERO,
            Some(_) => interval.max(SHORTEST),
        };
        self.refusals += 1;
        self.refused_at = Some(sent_at);
        self.accepted_since = 0;
        self.set(longer.min(LONGEST), arrival.event);
        // The interval starts at the last accepted request, because the gateway measures the interval from there. If
        // the last accepted request was long ago, other programs must have used up the limit. In this case, the next
        // request waits for half the interval, measured from the arrival of the refusal.
        let latest = arrival.now.saturating_sub(self.interval / 2);
        self.from = self.accepted_at.map_or(arrival.now, |at| at.max(latest));
    }

    /// Returns the mean interval between the requests that were accepted since the last refusal. A token bucket has no
    /// whole token left at each refusal, so the mean interval shows how fast the bucket is refilled.
    fn between_refusals(&self, sent_at: Duration) -> Option<Duration> {
        let accepted = self.accepted_since;
        let elapsed = sent_at.saturating_sub(self.refused_at?);
        let interval = elapsed.checked_div(accepted)?;
        // The bucket may contain a fraction of a token at the first of the two refusals. The time to refill one token
        // can therefore be a little longer than the mean interval.
        Some(interval + interval / accepted)
    }

    fn set(&mut self, interval: Duration, event: u64) {
        self.interval = interval;
        self.accepted = 0;
        self.since = event;
    }
}

#[cfg(test)]
mod tests {
    use crate::rate_limit::{Decision, RateLimit, Received, Share};
    use http::{HeaderMap, StatusCode};
    use std::time::{Duration, SystemTime};

    #[test]
    fn requests_after_long_pauses_do_not_shorten_the_interval() {
        let mut limit = RateLimit::default();
        let mut respond = |now: u64, refused: bool| {
            let now = Duration::from_secs(now);
            let Decision::Go(ticket) = limit.ask(now, Share::default()) else {
                panic!("not sent at {now:?}");
            };
            let received = Received {
                status: StatusCode::OK,
                headers: &HeaderMap::new(),
                refused,
                wall: SystemTime::UNIX_EPOCH,
            };
            limit.received(ticket, now, received);
            match limit.ask(now, Share::default()) {
                Decision::Wait(wait) => wait,
                decision => panic!("{decision:?}"),
            }
        };
        let wait = respond(10, true);
        for poll in 1..20 {
            assert_eq!(respond(10 + poll * 60, false), wait, "poll {poll}");
        }
    }
}
