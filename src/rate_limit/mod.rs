//! Decides when the next request may be sent: the account's minute and day windows, as far as responses report them,
//! and the interval that a gateway's refusals suggest.
//!
//! A state machine without I/O, lock or sleep. The caller holds it in a mutex, passes the time in, and waits.
//!
//! Two rules keep an account that has no other user from ever being refused. A request in flight counts as not yet
//! included in what the server reports as left, so [`RateLimit::ask`] never overdraws, whatever the order of the
//! responses. And we keep a lower bound of the server's time, so a window never ends early on our side. What other
//! programs spend between two responses cannot be seen. After a refusal, one request at a time is sent until one is
//! accepted: after the reset of the window that explains the refusal, else after a growing interval.

mod clock;
mod headers;
mod pace;
mod window;

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

use clock::ServerClock;
use headers::Reported;
use http::{HeaderMap, StatusCode};
use pace::Pace;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use window::{Arrival, Update, Window};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

/// A day that ends within this time is waited for, and not reported as spent. The margins of the wait do not count:
/// a caller that comes back at the reported time must not be refused again.
const DAY_NEARLY_OVER: Duration = Duration::from_secs(3);

/// The pause after a response that contradicts itself: nothing is left, until a time in the past.
const CONTRADICTION_PAUSE: Duration = Duration::from_secs(1);

/// A window that ends sooner does not explain a refusal.
const EXPLAINS: Duration = Duration::from_secs(1);

/// What a request must leave to others and to what follows it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Share {
    /// Requests of each window that are left to other users of the account. At least one per minute stays ours.
    pub(crate) reserve: Reserve,
    /// Requests of the day that are kept for what must follow: 1 for a write, which may need a read-back, else 0.
    pub(crate) keep_back: u64,
}

/// Requests of a window that are left to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reserve {
    /// This many of each window.
    Requests(u64),
    /// A tenth of each window, rounded up. At least one request of a window stays ours.
    Tenth,
}

impl Default for Reserve {
    fn default() -> Self {
        Self::Requests(0)
    }
}

impl Reserve {
    /// Returns the number for a window that permits `limit` requests.
    fn of(self, limit: u64) -> u64 {
        match self {
            Self::Requests(requests) => requests,
            Self::Tenth => limit.div_ceil(10).min(limit.saturating_sub(1)),
        }
    }
}

/// Whether a request may be sent.
#[derive(Debug)]
pub(crate) enum Decision {
    /// Send it. It counts as in flight until its ticket is handed back.
    Go(Ticket),
    /// Ask again after this time, or when any request ends, if that is earlier.
    Wait(Duration),
    /// Ask again when a request in flight ends. There is at least one.
    AwaitResponse,
    /// The day's quota is spent.
    DaySpent {
        /// When it resets, by the server's clock; at most 24 hours ahead.
        retry_at: SystemTime,
    },
}

/// A request in flight. Hand it back in every case: to [`RateLimit::received`], [`RateLimit::lost`] or
/// [`RateLimit::never_sent`].
#[derive(Debug)]
#[must_use = "a ticket that is not handed back stays in flight forever"]
pub(crate) struct Ticket {
    sent: u64,
    sent_at: Duration,
}

/// What a response says about the rate limit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Received<'a> {
    pub(crate) status: StatusCode,
    pub(crate) headers: &'a HeaderMap,
    /// Whether it was refused for the rate limit: 429, or a 200 that says so.
    pub(crate) refused: bool,
    /// The clock of this machine at that time.
    pub(crate) wall: SystemTime,
}

/// What is left of the account's requests; see [`Client::quota`](crate::Client::quota).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quota {
    /// The minute window, if a response reported it.
    pub minute: Option<WindowQuota>,
    /// The day window, if a response reported it.
    pub day: Option<WindowQuota>,
}

/// What is left of the account's requests in one window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct WindowQuota {
    /// The requests that the window permits.
    pub limit: u64,
    /// The requests that are certainly left. Requests in flight count as spent.
    pub remaining: u64,
    /// When the window ends, by the server's clock; `None` if no response reported it.
    pub resets_at: Option<SystemTime>,
}

/// The rate limit of the account, as this client knows it.
///
/// Every `now` is the time since the client was built, on a clock that never goes back.
#[derive(Debug, Default)]
pub(crate) struct RateLimit {
    clock: ServerClock,
    /// The clock of this machine at the local time of the last response, for responses without a time.
    wall: Option<(SystemTime, Duration)>,
    minute: Option<Window>,
    day: Option<Window>,
    pace: Pace,
    /// The event of the last refusal. Until a later request is accepted, requests go one at a time.
    probing_since: Option<u64>,
    in_flight: u64,
    /// The requests sent and responses received so far. It orders them where times are equal.
    events: u64,
}

impl RateLimit {
    /// Asks to send a request at `now`. [`Decision::Go`] counts it as in flight.
    pub(crate) fn ask(&mut self, now: Duration, share: Share) -> Decision {
        for window in [&mut self.minute, &mut self.day].into_iter().flatten() {
            window.roll(now, self.events, &self.clock);
        }
        if let Some(decision) = self.day_exhausted(now, share) {
            return decision;
        }
        if let Some(minute) = &self.minute {
            let keep = share.reserve.of(minute.limit).min(minute.limit - 1);
            if minute.available(self.in_flight) <= keep {
                return Decision::Wait(minute.ends_in(now, &self.clock));
            }
        }
        if self.in_flight > 0 && (self.probing_since.is_some() || self.wall.is_none()) {
            return Decision::AwaitResponse;
        }
        let wait = self.pace.wait(now);
        if !wait.is_zero() {
            return Decision::Wait(wait);
        }
        self.events += 1;
        self.in_flight += 1;
        self.pace.sent(now);
        Decision::Go(Ticket {
            sent: self.events,
            sent_at: now,
        })
    }

    /// Returns what to do if the day has no request left for this share.
    fn day_exhausted(&self, now: Duration, share: Share) -> Option<Decision> {
        let day = self.day.as_ref()?;
        let keep = share.reserve.of(day.limit).saturating_add(share.keep_back);
        if day.available(self.in_flight) > keep {
            return None;
        }
        if day.remaining > keep && self.in_flight > 0 {
            return Some(Decision::AwaitResponse);
        }
        let wait = day.ends_in(now, &self.clock);
        if wait <= DAY_NEARLY_OVER + window::MARGIN + self.clock.caution(now) {
            return Some(Decision::Wait(wait));
        }
        let server = self.server_time(now).unwrap_or(UNIX_EPOCH);
        let reset = day.reset().map(|reset| UNIX_EPOCH + reset);
        Some(Decision::DaySpent {
            retry_at: reset.unwrap_or(server + wait).min(server + DAY),
        })
    }

    /// Learns from a response that arrived at `now`.
    pub(crate) fn received(
        &mut self,
        Ticket { sent, sent_at }: Ticket,
        now: Duration,
        response: Received<'_>,
    ) {
        self.events += 1;
        self.in_flight = self.in_flight.saturating_sub(1);
        self.wall = Some((response.wall, now));
        let arrival = Arrival {
            sent,
            event: self.events,
            sent_at,
            now,
        };
        let headers = response.headers;
        let date = headers::date(headers);
        let server = self.server_time(now);
        let server = server.and_then(|server| server.duration_since(UNIX_EPOCH).ok());
        let server = date.or(server).unwrap_or_default();
        let minute = Reported::read(headers, &headers::MINUTE, server);
        let day = Reported::read(headers, &headers::DAY, server);
        self.learn_clock(date, minute, day, arrival);
        let minute = Window::learn(&mut self.minute, MINUTE, minute, arrival, &self.clock);
        let day = Window::learn(&mut self.day, DAY, day, arrival, &self.clock);

        let unavailable = response.status == StatusCode::SERVICE_UNAVAILABLE;
        if (response.refused || unavailable)
            && let Some(wait) = headers::retry_after(headers, server)
        {
            self.pace.hold(now + wait);
        }
        if response.refused {
            self.refused(arrival, minute);
        } else if minute == Update::Contradictory || day == Update::Contradictory {
            // It was accepted, but nothing that it reports says when to send the next one.
            self.pace.hold(now + CONTRADICTION_PAUSE);
            self.probing_since = Some(self.events);
        } else if !unavailable {
            self.accepted(arrival);
        }
    }

    /// Learns that no response came, though the server may have counted the request.
    pub(crate) fn lost(&mut self, ticket: Ticket, now: Duration) {
        self.never_sent(ticket);
        for window in [&mut self.minute, &mut self.day].into_iter().flatten() {
            window.charge(now);
        }
    }

    /// Learns that the request was never sent, so that the server did not count it.
    pub(crate) fn never_sent(&mut self, _: Ticket) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// Returns what is left at `now`; `None` if no response reported a limit.
    pub(crate) fn quota(&self, now: Duration) -> Option<Quota> {
        let quota = |window: Option<Window>| {
            window.map(|mut window| {
                window.roll(now, self.events, &self.clock);
                WindowQuota {
                    limit: window.limit,
                    remaining: window.available(self.in_flight),
                    resets_at: window.reset().map(|reset| UNIX_EPOCH + reset),
                }
            })
        };
        let (minute, day) = (quota(self.minute), quota(self.day));
        (minute.is_some() || day.is_some()).then_some(Quota { minute, day })
    }

    /// Returns the server's time at `now`, or this machine's if no response had a time; `None` before any response.
    pub(crate) fn server_time(&self, now: Duration) -> Option<SystemTime> {
        let server = self.clock.at_least(now).map(|time| UNIX_EPOCH + time);
        let ours = self.wall.map(|(wall, at)| wall + now.saturating_sub(at));
        server.or(ours)
    }

    /// Learns the server's time from `Date`, or else from a reset, which is at most one window ahead.
    fn learn_clock(
        &mut self,
        date: Option<Duration>,
        minute: Reported,
        day: Reported,
        arrival: Arrival,
    ) {
        let opened = |window: Reported, length| {
            let vagueness = length + window::MARGIN;
            Some((window.reset?.saturating_sub(vagueness), vagueness))
        };
        let Some((bound, vagueness)) = date
            .map(|date| (date, Duration::from_secs(1)))
            .or_else(|| opened(minute, MINUTE))
            .or_else(|| opened(day, DAY))
        else {
            return;
        };
        let round_trip = arrival.round_trip();
        if self.clock.learn(bound, vagueness, round_trip, arrival.now) {
            for window in [&mut self.minute, &mut self.day].into_iter().flatten() {
                window.forget_reset(arrival.now);
            }
        }
    }

    fn accepted(&mut self, arrival: Arrival) {
        self.pace.accepted(arrival);
        if self.probing_since.is_some_and(|since| arrival.sent > since) {
            self.probing_since = None;
        }
    }

    /// Learns from a refusal. A window that is exhausted explains it; else the pace slows down.
    fn refused(&mut self, arrival: Arrival, minute: Update) {
        let explains = |window: &Option<Window>| {
            window.as_ref().is_some_and(|window| {
                window.remaining == 0 && window.ends_in(arrival.now, &self.clock) >= EXPLAINS
            })
        };
        if !explains(&self.minute) && !explains(&self.day) {
            // A refusal by the last window says nothing about this one.
            if minute == Update::Stale {
                return;
            }
            self.pace.refused(arrival);
        }
        self.probing_since = Some(arrival.event);
    }
}
