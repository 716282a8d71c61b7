//! Decides when the next request may be sent. The decision uses the minute window and the day window that responses
//! report. If a gateway refuses requests, the decision also uses a minimum interval between requests.
//!
//! This module is a state machine without I/O, locks or sleeps. The caller locks the state machine, passes the
//! current time, and does the waiting.
//!
//! Two rules prevent refusals if no other program uses the account. First, each request in flight is subtracted from
//! the number of requests that the server reports as left. So [`RateLimit::ask`] never exceeds the limit, whatever
//! the order of the responses. Second, the server's time is a lower bound, so the client never starts a new window
//! too early.
//!
//! The client cannot see requests of other programs between two responses, so a refusal is still possible. After a
//! refusal, the client sends one request at a time until the server accepts a request. If an exhausted window
//! explains the refusal, the next request waits for the reset of this window. Otherwise, the interval between
//! requests grows with each refusal.

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

/// If the day window is spent but ends within this time, the caller waits. Otherwise, the caller gets the decision
/// `DaySpent`.
///
/// The safety margins of the wait are added to this time. So a caller that retries at the reported time does not get
/// `DaySpent` again.
const DAY_NEARLY_OVER: Duration = Duration::from_secs(3);

/// The pause after a contradictory response. Such a response reports that no request is left, but its reset is in the
/// past.
const CONTRADICTION_PAUSE: Duration = Duration::from_secs(1);

/// An exhausted window explains a refusal only if the window ends after this time or later.
const EXPLAINS: Duration = Duration::from_secs(1);

/// The requests of each window that a request must not use.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Share {
    /// The number of requests of each window that are reserved for other programs of the account. The client may
    /// always send at least one request per minute.
    pub(crate) reserve: Reserve,
    /// The number of requests of the day that are kept for a later request. This number is 1 for a write, because the
    /// write may need a read-back. This number is 0 for all other requests.
    pub(crate) keep_back: u64,
}

/// The requests of a window that are reserved for other programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reserve {
    /// Reserves this number of requests in each window.
    Requests(u64),
    /// Reserves a tenth of each window, rounded up. The client may always send at least one request per window.
    Tenth,
}

impl Default for Reserve {
    fn default() -> Self {
        Self::Requests(0)
    }
}

impl Reserve {
    /// Returns the number of reserved requests in a window that permits `limit` requests.
    fn of(self, limit: u64) -> u64 {
        match self {
            Self::Requests(requests) => requests,
            Self::Tenth => limit.div_ceil(10).min(limit.saturating_sub(1)),
        }
    }
}

/// The decision whether a request may be sent.
#[derive(Debug)]
pub(crate) enum Decision {
    /// Send the request. The request is in flight until the ticket is returned.
    Go(Ticket),
    /// Ask again after this time, or when a request in flight ends, whichever is earlier.
    Wait(Duration),
    /// Ask again when a request in flight ends. At least one request is in flight.
    AwaitResponse,
    /// The day window has no requests left.
    DaySpent {
        /// The reset of the day window, by the server's clock. At most 24 hours after the current server time.
        retry_at: SystemTime,
    },
}

/// A ticket for one request in flight. The caller must always return the ticket, to [`RateLimit::received`],
/// [`RateLimit::lost`] or [`RateLimit::never_sent`].
#[derive(Debug)]
#[must_use = "a ticket that is not handed back stays in flight forever"]
pub(crate) struct Ticket {
    sent: u64,
    sent_at: Duration,
}

/// The data of a response that the rate limit needs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Received<'a> {
    pub(crate) status: StatusCode,
    pub(crate) headers: &'a HeaderMap,
    /// Whether the server refused the request because of the rate limit. Such a response has status 429, or status
    /// 200 and a body that reports the refusal.
    pub(crate) refused: bool,
    /// The system time when the response arrived.
    pub(crate) wall: SystemTime,
}

/// The number of requests that the account has left. [`Client::quota`](crate::Client::quota) returns this value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quota {
    /// The minute window. `None` if no response reported the minute window.
    pub minute: Option<WindowQuota>,
    /// The day window. `None` if no response reported the day window.
    pub day: Option<WindowQuota>,
}

/// The number of requests that the account has left in one rate-limit window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct WindowQuota {
    /// The number of requests that the window permits.
    pub limit: u64,
    /// The number of requests that are certainly left. Requests in flight are already subtracted.
    pub remaining: u64,
    /// The time when the window ends, by the server's clock. `None` if no response reported this time.
    pub resets_at: Option<SystemTime>,
}

/// The state of the account's rate limit, as far as this client knows it.
///
/// Each parameter `now` is the time since the client was built. `now` comes from a monotonic clock.
#[derive(Debug, Default)]
pub(crate) struct RateLimit {
    clock: ServerClock,
    /// The system time and the local time of the last response. These times replace the server's time if no response
    /// reports a time.
    wall: Option<(SystemTime, Duration)>,
    minute: Option<Window>,
    day: Option<Window>,
    pace: Pace,
    /// The event number of the last refusal. Until the server accepts a later request, only one request is in flight
    /// at a time.
    probing_since: Option<u64>,
    in_flight: u64,
    /// The number of events so far. Each sent request and each received response is an event. The event number gives
    /// the order of events that happen at the same time.
    events: u64,
}

impl RateLimit {
    /// Decides whether a request may be sent at `now`. If the decision is [`Decision::Go`], the request is in flight
    /// from now on.
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

    /// Returns a decision if the day window has no request left for this share. Returns `None` otherwise.
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

    /// Updates the rate limit with a response that arrived at `now`.
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
            // The server accepted the request, but the response does not say when the next request may be sent.
            self.pace.hold(now + CONTRADICTION_PAUSE);
            self.probing_since = Some(self.events);
        } else if !unavailable {
            self.accepted(arrival);
        }
    }

    /// Records that a request got no response. The server may have counted the request.
    pub(crate) fn lost(&mut self, ticket: Ticket, now: Duration) {
        self.never_sent(ticket);
        for window in [&mut self.minute, &mut self.day].into_iter().flatten() {
            window.charge(now);
        }
    }

    /// Records that a request was never sent. The server did not count the request.
    pub(crate) fn never_sent(&mut self, _: Ticket) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// Returns the quota that is left at `now`. Returns `None` if no response reported a limit.
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

    /// Returns the server's time at `now`. If no response reported a time, returns the system time. Returns `None`
    /// before the first response.
    pub(crate) fn server_time(&self, now: Duration) -> Option<SystemTime> {
        let server = self.clock.at_least(now).map(|time| UNIX_EPOCH + time);
        let ours = self.wall.map(|(wall, at)| wall + now.saturating_sub(at));
        server.or(ours)
    }

    /// Updates the server's time from the header `Date`. Without this header, uses the reset of a window, which is at
    /// most one window length after the server's time.
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

    /// Updates the rate limit after a refusal. If no exhausted window explains the refusal, increases the interval
    /// between requests.
    fn refused(&mut self, arrival: Arrival, minute: Update) {
        let explains = |window: &Option<Window>| {
            window.as_ref().is_some_and(|window| {
                window.remaining == 0 && window.ends_in(arrival.now, &self.clock) >= EXPLAINS
            })
        };
        if !explains(&self.minute) && !explains(&self.day) {
            // A refusal in the previous window does not apply to the current window.
            if minute == Update::Stale {
                return;
            }
            self.pace.refused(arrival);
        }
        self.probing_since = Some(arrival.event);
    }
}
