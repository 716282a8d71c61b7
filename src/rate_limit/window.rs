//! Tracks the remaining requests and the end of one rate-limit window.

use super::clock::ServerClock;
use super::headers::Reported;
use std::time::Duration;

/// This margin is added to each reset, because the server may round a reset down to whole seconds.
pub(super) const MARGIN: Duration = Duration::from_secs(1);

/// The maximum delay until the server counts a lost request.
const SETTLE: Duration = Duration::from_secs(3);

/// If a request is lost within this time before the end of a window, the server may count it in the next window.
const CARRY: Duration = Duration::from_secs(10);

/// The times and the event numbers of a request and its response.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    /// The event number of the request.
    pub(super) sent: u64,
    /// The event number of the response.
    pub(super) event: u64,
    /// The local time at which the request was sent.
    pub(super) sent_at: Duration,
    /// The local time at which the response arrived.
    pub(super) now: Duration,
}

impl Arrival {
    pub(super) fn round_trip(&self) -> Duration {
        self.now.saturating_sub(self.sent_at)
    }
}

/// The result of updating a window with a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Update {
    /// The response described the current window, or contained no valid values.
    Applied,
    /// The response described a window that has already ended.
    Stale,
    /// The response reported no remaining requests and a reset in the past.
    Contradictory,
}

/// The state of the per-minute or per-day window. The state is created when a response first reports the window.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Window {
    length: Duration,
    pub(super) limit: u64,
    /// The smallest number of remaining requests that the server reported for this window. At the start of a window,
    /// `remaining` equals `limit`. Requests in flight are not subtracted from `remaining`.
    pub(super) remaining: u64,
    /// The number of requests that the server may have counted, but that are not yet subtracted from `remaining`.
    charged: u64,
    charged_at: Duration,
    /// The event number at which `remaining` was set. The response to a request that was sent after this event is newer
    /// than `remaining`.
    since: u64,
    /// The local time at which this window was last updated.
    touched: Duration,
    /// The first and the latest reset that the server reported for the current window. The first reset identifies the
    /// window.
    reset: Option<(Duration, Duration)>,
    /// The reset of the most recently ended window.
    ended: Option<Duration>,
}

impl Window {
    /// Returns a lower bound of the remaining requests. Requests in flight are subtracted, because the server may count
    /// them at any moment.
    pub(super) fn available(&self, in_flight: u64) -> u64 {
        self.remaining
            .saturating_sub(self.charged)
            .saturating_sub(in_flight)
    }

    /// Returns the latest reset that the server reported for the current window.
    pub(super) fn reset(&self) -> Option<Duration> {
        self.reset.map(|(_, until)| until)
    }

    /// Returns how long to wait, measured from `now`, until the window has certainly ended.
    ///
    /// If no reset is known, the window is assumed to have started at its last update.
    pub(super) fn ends_in(&self, now: Duration, clock: &ServerClock) -> Duration {
        match self.reset() {
            Some(reset) => clock.wait_until(reset + MARGIN, now),
            None => (self.touched + self.length + MARGIN).saturating_sub(now),
        }
    }

    /// Starts a new window if the current window has certainly ended.
    pub(super) fn roll(&mut self, now: Duration, event: u64, clock: &ServerClock) {
        if self.ends_in(now, clock).is_zero() {
            self.begin(now, event);
            self.touched = now;
        }
    }

    /// Starts a new window. `charged` keeps its value if the time since the last call to `charge` is shorter than
    /// `CARRY`.
    fn begin(&mut self, now: Duration, event: u64) {
        if now >= self.charged_at + CARRY {
            self.charged = 0;
        }
        self.ended = self.reset().or(self.ended);
        self.reset = None;
        self.remaining = self.limit;
        self.since = event;
    }

    /// Records that the server may have counted one more request.
    pub(super) fn charge(&mut self, now: Duration) {
        self.charged += 1;
        self.charged_at = now;
        self.touched = now;
    }

    /// Discards the known resets, because the server computed them with a wrong clock.
    pub(super) fn forget_reset(&mut self, now: Duration) {
        self.reset = None;
        self.ended = None;
        self.touched = now;
    }

    /// Updates the window in `slot` with a response. Creates the window if `slot` is empty and the response reports the
    /// window.
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
        // If the request was sent after `remaining` was set, its response is newer than `remaining`, regardless of the
        // reported reset.
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
        // A reset in the far future is ignored, because a wait must not be longer than the window.
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

    /// Starts a new window if the reported reset does not belong to the current window. If the current window has no
    /// known reset, a response that is newer than `remaining` starts a new window.
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

    /// Returns whether a reset belongs to an earlier window.
    fn has_ended(&self, reset: Duration) -> bool {
        match (self.reset, self.ended) {
            (Some((first, _)), _) => reset + MARGIN < first,
            (None, Some(ended)) => reset <= ended + MARGIN,
            (None, None) => false,
        }
    }

    /// Updates the number of remaining requests. If the time from the last call to `charge` to the sending of the
    /// request is at least `SETTLE`, the server has already subtracted all charged requests.
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
