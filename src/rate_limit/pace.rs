//! Learns a minimum interval between requests from refusals that no rate-limit window explains.
//!
//! A gateway in front of the API may limit bursts without reporting the limit in a header. This module searches for
//! the shortest interval that the gateway permits. This interval is longer than an interval that was refused, and not
//! longer than an interval that was accepted. Each step of the search halves this range.
//!
//! A gateway may use a token bucket, and then it accepts short intervals until the bucket is empty. So the search
//! also uses the number of requests that the gateway accepted between two refusals.

use super::window::Arrival;
use std::time::Duration;

/// The interval between requests after the first refusal.
const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(60);
/// The shortest interval after a refusal. Without this bound, the client could send all requests at once again, and
/// the gateway would refuse all of them.
const SHORTEST: Duration = Duration::from_millis(20);
/// The maximum number of accepted requests before a shorter interval is tried. If the number of refusals so far is
/// smaller, that number is used instead.
const PATIENCE: u32 = 12;

/// The state of the search for the interval. `interval` is zero until the first refusal.
#[derive(Debug, Default)]
pub(super) struct Pace {
    interval: Duration,
    /// The local time at which the current interval begins.
    from: Duration,
    /// The event number of the last change of the interval. A response to an earlier request does not apply to the
    /// current interval.
    since: u64,
    /// The number of requests that were accepted at the current interval.
    accepted: u32,
    /// The local time at which the last accepted request was sent.
    accepted_at: Option<Duration>,
    /// The number of refusals so far. If several requests were refused together, they count as one refusal.
    refusals: u32,
    /// The local time at which the last refused request was sent.
    refused_at: Option<Duration>,
    /// The number of requests that were accepted since the last refusal.
    accepted_since: u32,
    /// The last interval that was accepted. This value is removed at the next refusal.
    passed: Option<Duration>,
    /// The last interval that was refused. Zero if no such interval is known.
    too_short: Duration,
    /// No request is sent before this local time, because a response required a pause.
    held_until: Duration,
}

impl Pace {
    /// Returns the time that the next request must wait.
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

    /// Updates the interval after a request was accepted.
    pub(super) fn accepted(&mut self, arrival: Arrival) {
        let sent_at = arrival.sent_at;
        let last = self.accepted_at;
        self.accepted_at = last.max(Some(sent_at));
        if self.refused_at.is_some_and(|at| sent_at >= at) {
            self.accepted_since += 1;
        }
        // A request after a long pause is ignored, because the gateway would accept it at any interval.
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
            // An interval that was refused before is now accepted. Either the limit has changed, or other programs
            // had used up the limit before.
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

    /// Updates the interval after a refusal that no rate-limit window explains.
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
        // The interval after the first refusal is a guess and may be much too long. So the search may try all shorter
        // intervals.
        self.too_short = match self.refused_at {
            None => Duration::ZERO,
            Some(_) => interval.max(SHORTEST),
        };
        self.refusals += 1;
        self.refused_at = Some(sent_at);
        self.accepted_since = 0;
        self.set(longer.min(LONGEST), arrival.event);
        // A gateway measures the interval from the last accepted request. If that request was long ago, other
        // programs have used up the limit.
        let latest = arrival.now.saturating_sub(self.interval / 2);
        self.from = self.accepted_at.map_or(arrival.now, |at| at.max(latest));
    }

    /// Returns the mean interval of the requests that were accepted since the last refusal. A token bucket is empty
    /// at each refusal, so this mean interval is the rate of the bucket.
    fn between_refusals(&self, sent_at: Duration) -> Option<Duration> {
        let accepted = self.accepted_since;
        let elapsed = sent_at.saturating_sub(self.refused_at?);
        let interval = elapsed.checked_div(accepted)?;
        // The last accepted request may have used a part of the next interval, so the result is a little longer.
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
