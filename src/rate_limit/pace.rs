//! A minimum interval between sends, learned from refusals that the account's windows do not explain.
//!
//! A gateway in front of the API may limit bursts without a header that says so. The interval that it permits lies
//! between one that was too short and one that passed. Each step halves this gap. A gateway with a bucket for bursts
//! lets a shorter interval pass until the bucket is full. So what it accepted between two refusals counts, too.

use super::window::Arrival;
use std::time::Duration;

/// The interval after the first refusal.
const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(60);
/// Without a bound, all requests would be sent together again, and refused together.
const SHORTEST: Duration = Duration::from_millis(20);
/// A shorter interval is tried after as many accepted requests as there were refusals, and after this many at most.
const PATIENCE: u32 = 12;

/// The learned interval. Zero until the first refusal.
#[derive(Debug, Default)]
pub(super) struct Pace {
    interval: Duration,
    /// The time from which the interval counts.
    from: Duration,
    /// The event of the last change. Responses to requests sent earlier say nothing about the present interval.
    since: u64,
    /// Requests accepted at this interval.
    accepted: u32,
    /// When the last accepted request was sent.
    accepted_at: Option<Duration>,
    /// Refusals so far. Requests that were refused together count once.
    refusals: u32,
    /// When the last refused request was sent.
    refused_at: Option<Duration>,
    /// Requests accepted since then.
    accepted_since: u32,
    /// The last interval that passed, until the next refusal.
    passed: Option<Duration>,
    /// An interval that was refused; zero if none is known.
    too_short: Duration,
    /// Nothing is sent before this time, because a response said so.
    held_until: Duration,
}

impl Pace {
    /// Returns how long the next request must wait.
    pub(super) fn wait(&self, now: Duration) -> Duration {
        let next = self.from + self.interval;
        next.max(self.held_until).saturating_sub(now)
    }

    /// Learns that a request is sent at `now`.
    pub(super) fn sent(&mut self, now: Duration) {
        self.from = now;
    }

    /// Sends nothing before `until`.
    pub(super) fn hold(&mut self, until: Duration) {
        self.held_until = self.held_until.max(until);
    }

    /// Learns that a request was accepted.
    pub(super) fn accepted(&mut self, arrival: Arrival) {
        let sent_at = arrival.sent_at;
        let last = self.accepted_at;
        self.accepted_at = last.max(Some(sent_at));
        if self.refused_at.is_some_and(|at| sent_at >= at) {
            self.accepted_since += 1;
        }
        // A request after a long pause passes at any interval.
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
            // The limit has changed, or others used it up when this interval was refused.
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

    /// Learns that a request was refused, and that no window explains it.
    pub(super) fn refused(&mut self, arrival: Arrival) {
        let sent_at = arrival.sent_at;
        // Requests that were sent together are refused together; they count once.
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
        // The first guess may be far too long, so all shorter ones are tried.
        self.too_short = match self.refused_at {
            None => Duration::ZERO,
            Some(_) => interval.max(SHORTEST),
        };
        self.refusals += 1;
        self.refused_at = Some(sent_at);
        self.accepted_since = 0;
        self.set(longer.min(LONGEST), arrival.event);
        // A limiter counts from the last request that it accepted. If that was long ago, others used up the limit.
        let latest = arrival.now.saturating_sub(self.interval / 2);
        self.from = self.accepted_at.map_or(arrival.now, |at| at.max(latest));
    }

    /// Returns the mean interval of the requests accepted since the last refusal. A bucket that was full then and is
    /// full now has let through what its rate permits.
    fn between_refusals(&self, sent_at: Duration) -> Option<Duration> {
        let accepted = self.accepted_since;
        let elapsed = sent_at.saturating_sub(self.refused_at?);
        let interval = elapsed.checked_div(accepted)?;
        // The last of them may have used a part of the next interval.
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
