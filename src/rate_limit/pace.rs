//! A minimum interval between sends, learned from refusals that the account's windows do not explain.
//!
//! A gateway in front of the API may limit bursts without a header that says so. Its interval is found by doubling
//! from a first guess until a request is accepted. Then it is shortened step by step, and a step that fails is undone.

use std::time::Duration;

/// The interval after the first refusal.
const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(60);
/// A shorter interval is no limit at all.
const SHORTEST: Duration = Duration::from_millis(10);
/// A shorter interval is tried after this many accepted requests, so that few are refused in vain.
const STEADY: u32 = 10;

/// The learned interval. Zero until the first refusal.
#[derive(Debug, Default)]
pub(super) struct Pace {
    interval: Duration,
    /// The time from which the interval counts.
    from: Duration,
    /// When the last accepted request was sent.
    accepted_at: Option<Duration>,
    /// The shortest interval that is known to pass.
    good: Option<Duration>,
    /// Requests accepted at this interval.
    accepted: u32,
    /// The event of the last change. Responses to requests sent earlier say nothing about the present interval.
    since: u64,
    /// Nothing is known but that the first guess passed, so the interval is halved.
    halving: bool,
    /// Nothing is sent before this time, because a response said so.
    held_until: Duration,
}

impl Pace {
    /// Returns how long the next request must wait.
    pub(super) fn wait(&self, now: Duration) -> Duration {
        let next = match self.interval {
            Duration::ZERO => Duration::ZERO,
            interval => self.from.saturating_add(interval),
        };
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

    /// Learns at `event` that the request of the event `sent`, sent at `sent_at`, was accepted.
    pub(super) fn accepted(&mut self, sent: u64, sent_at: Duration, event: u64) {
        self.accepted_at = self.accepted_at.max(Some(sent_at));
        if self.interval.is_zero() || sent < self.since {
            return;
        }
        self.good = Some(self.interval);
        self.accepted += 1;
        let shorter = if self.halving {
            self.interval / 2
        } else if self.accepted >= STEADY {
            self.interval * 4 / 5
        } else {
            return;
        };
        if shorter < SHORTEST {
            self.good = None;
            self.set(Duration::ZERO, event);
        } else {
            self.set(shorter, event);
        }
    }

    /// Learns at `event` that the request of the event `sent` was refused, and that no window explains it.
    pub(super) fn refused(&mut self, sent: u64, event: u64, now: Duration) {
        // Requests that were sent together are refused together; they count once.
        if sent < self.since {
            return;
        }
        self.halving = self.interval.is_zero();
        let longer = match self.good.take() {
            _ if self.interval.is_zero() => FIRST,
            Some(good) if good > self.interval => good,
            _ => (self.interval * 2).min(LONGEST),
        };
        self.set(longer, event);
        // A limiter counts from the last request that it accepted. If that was long ago, others used up the limit.
        let latest = now.saturating_sub(self.interval / 2);
        self.from = self.accepted_at.map_or(now, |at| at.max(latest));
    }

    fn set(&mut self, interval: Duration, event: u64) {
        self.interval = interval;
        self.accepted = 0;
        self.since = event;
    }
}
