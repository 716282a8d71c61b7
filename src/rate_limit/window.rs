//! One window of the account's limit: what is left in it, and when it ends.

use std::time::Duration;

use super::clock::ServerClock;

/// Waited beyond a reset, because it comes in whole seconds and may be rounded down.
pub(super) const MARGIN: Duration = Duration::from_secs(1);

/// A lost request is counted by the server within this time of its loss, or never.
const SETTLE: Duration = Duration::from_secs(3);

/// A request lost this shortly before we see a window end may have been counted in the next one.
const CARRY: Duration = Duration::from_secs(10);

/// What one answer's headers say of one window, each part as far as it could be read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Headers {
    /// Requests that the window allows.
    pub(super) limit: Option<u64>,
    /// Requests that it still allows.
    pub(super) remaining: Option<u64>,
    /// When it ends, in seconds since the Unix epoch.
    pub(super) reset: Option<u64>,
}

/// When an answer's request was sent, and when it came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    /// Number of the event in which the request was sent.
    pub(super) sent: u64,
    /// Number of the event in which the answer came.
    pub(super) event: u64,
    /// Local time of sending.
    pub(super) sent_at: Duration,
    /// Local time of the answer.
    pub(super) now: Duration,
}

impl Arrival {
    /// Time from sending to the answer.
    pub(super) fn round_trip(&self) -> Duration {
        self.now.saturating_sub(self.sent_at)
    }
}

/// What a window made of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lesson {
    /// It told of the present window.
    Learned,
    /// It told of a window that was over before.
    Late,
    /// It told nothing, or too little.
    Silent,
    /// It said that nothing is left until a time in the past.
    Absurd,
}

/// One window, from the first answer that told of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    length: Duration,
    limit: u64,
    /// The least that the server said is left; the whole limit in a window it has not told of.
    remaining: u64,
    /// Requests that the server may have counted and that `remaining` may not show.
    charged: u64,
    charged_at: Duration,
    /// Event since which `remaining` is so: the answer to a request sent after it knows better.
    since: u64,
    /// Local time of the last change.
    touched: Duration,
    /// The present window's reset as first told (its identity) and as latest told.
    reset: Option<(u64, u64)>,
    /// Reset of the last window that ended.
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

    /// Requests that a window allows.
    pub(super) fn limit(&self) -> u64 {
        self.limit
    }

    /// The least that the server said is left, whatever is in flight.
    pub(super) fn remaining(&self) -> u64 {
        self.remaining
    }

    /// What is surely left while `in_flight` requests may be counted any moment.
    pub(super) fn available(&self, in_flight: u64) -> u64 {
        self.remaining
            .saturating_sub(self.charged)
            .saturating_sub(in_flight)
    }

    /// The reset that the server told for the present window.
    pub(super) fn reset(&self) -> Option<Duration> {
        self.reset.map(|(_, until)| Duration::from_secs(until))
    }

    /// How long to wait at `now` until the window has surely ended.
    ///
    /// Without a reset it is taken to have begun with the last thing that we know of it.
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

    /// Starts a fresh window if the present one has surely ended.
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

    /// Charges a request that may or may not have been counted.
    pub(super) fn charge(&mut self, now: Duration) {
        self.charged = self.charged.saturating_add(1);
        self.charged_at = now;
        self.touched = now;
    }

    /// A request was refused: nothing is left until the reset, whatever the headers say. Where no reset is
    /// known there is nothing to wait for, and nothing changes.
    pub(super) fn exhaust(&mut self) {
        if self.reset.is_some() {
            self.remaining = 0;
        }
    }

    /// Forgets when windows end, because the server's clock was wrong.
    pub(super) fn forget_reset(&mut self, now: Duration) {
        self.reset = None;
        self.ended = None;
        self.touched = now;
    }

    /// Learns from one answer. `slot` is filled by the first that tells of this window.
    pub(super) fn learn(
        slot: &mut Option<Self>,
        length: Duration,
        told: Headers,
        arrival: Arrival,
        clock: &ServerClock,
    ) -> Lesson {
        let limit = told.limit.filter(|&limit| limit > 0);
        let Some(size) = limit.or(told.remaining) else {
            if let Some(window) = slot {
                window.charge(arrival.now);
            }
            return Lesson::Silent;
        };
        let window = slot.get_or_insert_with(|| Self::new(length, size.max(1), arrival.now));
        window.roll(arrival.now, arrival.event, clock);
        window.hear(Headers { limit, ..told }, arrival, clock)
    }

    fn hear(&mut self, told: Headers, arrival: Arrival, clock: &ServerClock) -> Lesson {
        // Sent after we had heard all that we know: then it is the newest, whatever its reset says.
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
        if let Some(told) = told.reset {
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
                return Lesson::Late;
            }
            // A reset too far away is as good as none: the window's length bounds the wait.
            reset = (!past && time <= latest).then_some(told);
        }

        let absurd = past && told.remaining == Some(0);
        let remaining = told.remaining.filter(|_| !absurd);
        self.limit = told
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
            return if absurd {
                Lesson::Absurd
            } else {
                Lesson::Silent
            };
        };
        if remaining < self.remaining {
            self.remaining = remaining;
            self.since = arrival.event;
        }
        if arrival.sent_at >= self.charged_at.saturating_add(SETTLE) {
            self.charged = 0;
        }
        Lesson::Learned
    }

    fn drop_old_charges(&mut self, now: Duration) {
        if now >= self.charged_at.saturating_add(CARRY) {
            self.charged = 0;
        }
    }
}
