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
    /// It reported the present window, as far as it could be read.
    Applied,
    /// It reported a window that has ended.
    Stale,
    /// It reported that nothing is left until a time in the past.
    Contradictory,
}

/// One window, from the first response that reported it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Window {
    length: Duration,
    /// Requests that the window permits.
    pub(super) limit: u64,
    /// The least number of requests that the server reported as left, ignoring requests in flight. The limit in a window
    /// that the server has not reported.
    pub(super) remaining: u64,
    /// Requests that the server may have counted and that `remaining` may not show.
    charged: u64,
    charged_at: Duration,
    /// The event that set `remaining`. A request sent after it has a newer response.
    since: u64,
    /// Local time of the last change.
    touched: Duration,
    /// The present window's reset as first reported, which identifies it, and as last reported.
    reset: Option<(Duration, Duration)>,
    /// The reset of the last window that ended.
    ended: Option<Duration>,
}

impl Window {
    /// Returns what is certainly left while `in_flight` requests may be counted at any moment.
    pub(super) fn available(&self, in_flight: u64) -> u64 {
        self.remaining
            .saturating_sub(self.charged)
            .saturating_sub(in_flight)
    }

    /// Returns the reset that the server reported for the present window.
    pub(super) fn reset(&self) -> Option<Duration> {
        self.reset.map(|(_, until)| until)
    }

    /// Returns how long to wait at `now` until the window has certainly ended.
    ///
    /// Without a reset, the window is assumed to have begun with its last change.
    pub(super) fn ends_in(&self, now: Duration, clock: &ServerClock) -> Duration {
        match self.reset() {
            Some(reset) => clock.wait_until(reset + MARGIN, now),
            None => (self.touched + self.length + MARGIN).saturating_sub(now),
        }
    }

    /// Starts a new window if the present one has certainly ended.
    pub(super) fn roll(&mut self, now: Duration, event: u64, clock: &ServerClock) {
        if self.ends_in(now, clock).is_zero() {
            self.begin(now, event);
            self.touched = now;
        }
    }

    /// Starts a new window at an `event`. Requests that were lost well before `now` are not counted in it.
    fn begin(&mut self, now: Duration, event: u64) {
        if now >= self.charged_at + CARRY {
            self.charged = 0;
        }
        self.ended = self.reset().or(self.ended);
        self.reset = None;
        self.remaining = self.limit;
        self.since = event;
    }

    /// Charges a request that the server may have counted.
    pub(super) fn charge(&mut self, now: Duration) {
        self.charged += 1;
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
        let Some(size) = reported.limit.or(reported.remaining) else {
            if let Some(window) = slot {
                window.charge(arrival.now);
            }
            return Update::Applied;
        };
        let window = slot.get_or_insert_with(|| Self {
            length,
            limit: size.max(1),
            remaining: size.max(1),
            touched: arrival.now,
            ..Self::default()
        });
        window.roll(arrival.now, arrival.event, clock);
        window.apply(reported, arrival, clock)
    }

    fn apply(&mut self, reported: Reported, arrival: Arrival, clock: &ServerClock) -> Update {
        // Sent after everything that is known had arrived, so it is the newest, whatever its reset is.
        let newest = arrival.sent > self.since;
        let ended = reported.reset.is_some_and(|reset| self.has_ended(reset));
        if ended && !newest {
            return Update::Stale;
        }
        let server = clock.at_least(arrival.now).unwrap_or_default();
        let earliest = server.saturating_sub(arrival.round_trip() + MARGIN * 2);
        let latest = server + self.length + MARGIN * 2;
        let past = reported
            .reset
            .is_some_and(|reset| reset < earliest || (ended && self.reset.is_none()));
        // A reset too far away is ignored: the length of the window bounds the wait.
        let reset = reported.reset.filter(|reset| !past && *reset <= latest);

        let least = self.limit.max(reported.remaining.unwrap_or(0));
        self.limit = reported.limit.unwrap_or(least);
        self.enter(reset, newest, arrival);
        self.touched = arrival.now;
        match reported.remaining {
            Some(0) if past => {
                self.charge(arrival.now);
                return Update::Contradictory;
            }
            Some(remaining) => self.count(remaining, arrival),
            None => self.charge(arrival.now),
        }
        Update::Applied
    }

    /// Starts a new window if a reset is not that of the present one. Without a known reset, the newest response does.
    fn enter(&mut self, reset: Option<Duration>, newest: bool, arrival: Arrival) {
        let same = match (self.reset, reset) {
            (Some((first, _)), Some(reset)) => reset.abs_diff(first) <= MARGIN,
            (Some(_), None) => true,
            (None, _) => !newest,
        };
        if !same {
            self.begin(arrival.sent_at, arrival.event);
        }
        if let Some(reset) = reset {
            let (first, until) = self.reset.unwrap_or((reset, reset));
            self.reset = Some((first, until.max(reset)));
        }
    }

    /// Returns whether a reset is that of an earlier window.
    fn has_ended(&self, reset: Duration) -> bool {
        match (self.reset, self.ended) {
            (Some((first, _)), _) => reset + MARGIN < first,
            (None, Some(ended)) => reset <= ended + MARGIN,
            (None, None) => false,
        }
    }

    /// Learns how many requests are left. If the request was sent `SETTLE` after the last charge, `remaining` shows all
    /// charges.
    fn count(&mut self, remaining: u64, arrival: Arrival) {
        if remaining < self.remaining {
            self.remaining = remaining;
            self.since = arrival.event;
        }
        if arrival.sent_at >= self.charged_at + SETTLE {
            self.charged = 0;
        }
    }
}
