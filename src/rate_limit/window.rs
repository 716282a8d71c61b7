//! One window of the account's rate limit: what is left in it, and when it ends.

use super::clock::ServerClock;
use super::headers::Reported;
use std::time::Duration;

/// Added to a reset, because it is in whole seconds and may be rounded down.
pub(super) const MARGIN: Duration = Duration::from_secs(1);

/// The server counts a lost request within this time, or never.
const SETTLE: Duration = Duration::from_secs(3);

/// A request lost this shortly before a window ends may be counted in the next one.
const CARRY: Duration = Duration::from_secs(10);

/// When a request was sent, and when its response arrived.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    /// The number of the event in which the request was sent.
    pub(super) sent: u64,
    /// The number of the event in which the response arrived.
    pub(super) event: u64,
    /// Local time of sending.
    pub(super) sent_at: Duration,
    /// Local time of the response.
    pub(super) now: Duration,
}

impl Arrival {
    /// Returns the time from sending to the response.
    pub(super) fn round_trip(&self) -> Duration {
        self.now.saturating_sub(self.sent_at)
    }
}

/// What a response changed in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Update {
    /// It reported the present window.
    Applied,
    /// It reported a window that has ended.
    Stale,
    /// It reported nothing, or too little.
    Missing,
    /// It reported that nothing is left until a time in the past.
    Contradictory,
}

/// One window, from the first response that reported it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    length: Duration,
    limit: u64,
    /// The least number of requests that the server reported as left; the limit in a window that it has not reported.
    remaining: u64,
    /// Requests that the server may have counted and that `remaining` may not show.
    charged: u64,
    charged_at: Duration,
    /// The event that set `remaining`. A request sent after it has a newer response.
    since: u64,
    /// Local time of the last change.
    touched: Duration,
    /// The present window's reset as first reported, which identifies it, and as last reported.
    reset: Option<(u64, u64)>,
    /// The reset of the last window that ended.
    ended: Option<u64>,
}

impl Window {
    fn new(length: Duration, limit: u64, now: Duration) -> Self {
        Self {
            length,
            limit,
            remaining: limit,
            charged: 0,
            charged_at: Duration::ZERO,
            since: 0,
            touched: now,
            reset: None,
            ended: None,
        }
    }

    /// Returns how many requests a window permits.
    pub(super) fn limit(&self) -> u64 {
        self.limit
    }

    /// Returns the least number that the server reported as left, ignoring requests in flight.
    pub(super) fn remaining(&self) -> u64 {
        self.remaining
    }

    /// Returns what is certainly left while `in_flight` requests may be counted at any moment.
    pub(super) fn available(&self, in_flight: u64) -> u64 {
        self.remaining
            .saturating_sub(self.charged)
            .saturating_sub(in_flight)
    }

    /// Returns the reset that the server reported for the present window.
    pub(super) fn reset(&self) -> Option<Duration> {
        self.reset.map(|(_, until)| Duration::from_secs(until))
    }

    /// Returns how long to wait at `now` until the window has certainly ended.
    ///
    /// Without a reset, the window is assumed to have begun with its last change.
    pub(super) fn ends_in(&self, now: Duration, clock: &ServerClock) -> Duration {
        match self.reset() {
            Some(reset) => clock.wait_until(reset.saturating_add(MARGIN), now),
            None => self
                .touched
                .saturating_add(self.length)
                .saturating_add(MARGIN)
                .saturating_sub(now),
        }
    }

    /// Starts a new window if the present one has certainly ended.
    pub(super) fn roll(&mut self, now: Duration, event: u64, clock: &ServerClock) {
        if self.ends_in(now, clock).is_zero() {
            if let Some((_, until)) = self.reset.take() {
                self.ended = Some(until);
            }
            self.remaining = self.limit;
            self.since = event;
            self.touched = now;
            self.drop_old_charges(now);
        }
    }

    /// Charges a request that the server may have counted.
    pub(super) fn charge(&mut self, now: Duration) {
        self.charged = self.charged.saturating_add(1);
        self.charged_at = now;
        self.touched = now;
    }

    /// Forgets when windows end, because the server's clock was wrong.
    pub(super) fn forget_reset(&mut self, now: Duration) {
        self.reset = None;
        self.ended = None;
        self.touched = now;
    }

    /// Learns from one response. The first one that reports this window fills `slot`.
    pub(super) fn learn(
        slot: &mut Option<Self>,
        length: Duration,
        reported: Reported,
        arrival: Arrival,
        clock: &ServerClock,
    ) -> Update {
        let limit = reported.limit.filter(|&limit| limit > 0);
        let Some(size) = limit.or(reported.remaining) else {
            if let Some(window) = slot {
                window.charge(arrival.now);
            }
            return Update::Missing;
        };
        let window = slot.get_or_insert_with(|| Self::new(length, size.max(1), arrival.now));
        window.roll(arrival.now, arrival.event, clock);
        window.apply(Reported { limit, ..reported }, arrival, clock)
    }

    fn apply(&mut self, reported: Reported, arrival: Arrival, clock: &ServerClock) -> Update {
        // Sent after everything that is known had arrived, so it is the newest, whatever its reset is.
        let newest = arrival.sent > self.since;
        let server = clock.at_least(arrival.now).unwrap_or_default();
        let earliest = server
            .saturating_sub(arrival.round_trip())
            .saturating_sub(MARGIN * 2);
        let latest = server
            .saturating_add(self.length)
            .saturating_add(MARGIN * 2);
        let mut past = false;
        let mut reset = None;
        if let Some(told) = reported.reset {
            let over = self.reset.is_none()
                && self
                    .ended
                    .is_some_and(|ended| told <= ended.saturating_add(1));
            let older = self
                .reset
                .is_some_and(|(first, _)| told.saturating_add(1) < first);
            let time = Duration::from_secs(told);
            past = time < earliest || (over && newest);
            if !past && (over || older) && !newest {
                return Update::Stale;
            }
            // A reset too far away is ignored: the length of the window bounds the wait.
            reset = (!past && time <= latest).then_some(told);
        }

        let contradictory = past && reported.remaining == Some(0);
        let remaining = reported.remaining.filter(|_| !contradictory);
        self.limit = reported
            .limit
            .unwrap_or_else(|| self.limit.max(remaining.unwrap_or(0)));
        let same = match (self.reset, reset) {
            (Some((first, _)), Some(told)) => told.abs_diff(first) <= 1,
            (Some(_), None) => true,
            (None, _) => !newest,
        };
        if let Some(told) = reset {
            let (first, until) = self.reset.filter(|_| same).unwrap_or((told, told));
            self.reset = Some((first, until.max(told)));
        }
        if !same {
            self.drop_old_charges(arrival.sent_at);
            self.remaining = self.limit;
            self.since = arrival.event;
        }
        self.touched = arrival.now;
        let Some(remaining) = remaining else {
            self.charge(arrival.now);
            return if contradictory {
                Update::Contradictory
            } else {
                Update::Missing
            };
        };
        if remaining < self.remaining {
            self.remaining = remaining;
            self.since = arrival.event;
        }
        if arrival.sent_at >= self.charged_at.saturating_add(SETTLE) {
            self.charged = 0;
        }
        Update::Applied
    }

    fn drop_old_charges(&mut self, now: Duration) {
        if now >= self.charged_at.saturating_add(CARRY) {
            self.charged = 0;
        }
    }
}
