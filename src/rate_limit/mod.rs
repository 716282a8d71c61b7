//! Decides when the next request may be sent. The decision depends on the per-minute and per-day limits that responses
//! report. If a gateway refuses requests, the decision also depends on a minimum interval between requests.
//!
//! This module is a pure state machine without I/O, locks or sleeps. The caller of this module provides a lock, passes
//! the current time, and waits.
//!
//! Two rules prevent refusals if no other program uses the account. The first rule subtracts requests in flight from
//! the reported number of remaining requests. With this rule, [`RateLimit::ask`] never permits more requests than the
//! limit, even if responses arrive out of order. The second rule uses a lower bound of the server's time, so that the
//! client never starts a new window before the server does.
//!
//! Other programs may use up the limit without the client's knowledge, so a refusal is still possible. After a refusal,
//! the client sends one request at a time until the server accepts a request. If the per-minute or per-day limit is
//! exhausted, the next request waits until the limit resets. If no limit is exhausted, the interval between requests
//! grows with each refusal.

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

/// If the daily quota is used up, but the day window ends within this time, the caller waits. If more time remains, the
/// caller receives [`Decision::DaySpent`].
///
/// At `retry_at`, the client may still overestimate the remaining time. Safety margins are therefore added to
/// `DAY_NEARLY_OVER`, so that a retry at this time does not receive `DaySpent` again.
const DAY_NEARLY_OVER: Duration = Duration::from_secs(3);

/// The pause after a response that reports no remaining requests and a reset in the past.
const CONTRADICTION_PAUSE: Duration = Duration::from_secs(1);

/// A refusal is not attributed to an exhausted window that ends in less than this time.
const EXPLAINS: Duration = Duration::from_secs(1);

/// Specifies how many requests of each window must stay unused when a request is sent.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Share {
    /// The reserve for other programs in each window. If the reserve exceeds the per-minute limit, the client may still
    /// send one request per minute.
    pub(crate) reserve: Reserve,
    /// The number of daily requests that must be left after the request is sent. The value is 1 for a write, which may
    /// need a read-back, and 0 for all other requests.
    pub(crate) keep_back: u64,
}

/// The number of requests per window that are reserved for other programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reserve {
    /// A fixed number of requests per window.
    Requests(u64),
    /// A tenth of each window, rounded up, but never the whole window.
    Tenth,
}

impl Default for Reserve {
    fn default() -> Self {
        Self::Requests(0)
    }
}

impl Reserve {
    /// Returns the number of reserved requests in a window with the given limit.
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
    /// Send the request, which is in flight until its ticket is passed back to [`RateLimit`].
    Go(Ticket),
    /// Call `ask` again after this duration or when a request in flight ends, whichever comes first.
    Wait(Duration),
    /// Call `ask` again when a request in flight ends. At least one request is in flight.
    AwaitResponse,
    /// The daily quota is used up.
    DaySpent {
        /// The server time at which the day window resets. This time is at most 24 hours in the future.
        retry_at: SystemTime,
    },
}

/// Represents one request in flight. When the request ends, the caller must pass the ticket to [`RateLimit::received`],
/// [`RateLimit::lost`] or [`RateLimit::never_sent`].
#[derive(Debug)]
#[must_use = "a ticket that is not handed back stays in flight forever"]
pub(crate) struct Ticket {
    sent: u64,
    sent_at: Duration,
}

/// The parts of a response that update the rate limit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Received<'a> {
    pub(crate) status: StatusCode,
    pub(crate) headers: &'a HeaderMap,
    /// Whether the server refused the request because of the rate limit. A refusal has status 429, or status 200 and a
    /// message in the body.
    pub(crate) refused: bool,
    /// The local system time at which the response arrived.
    pub(crate) wall: SystemTime,
}

/// The remaining rate-limit quota of an account, as returned by [`Client::quota`](crate::Client::quota).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quota {
    /// The quota of the current minute, or `None` if no response has reported this quota.
    pub minute: Option<WindowQuota>,
    /// The quota of the current day, or `None` if no response has reported this quota.
    pub day: Option<WindowQuota>,
}

/// The quota of an account in one rate-limit window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct WindowQuota {
    /// The maximum number of requests in this window.
    pub limit: u64,
    /// A lower bound of the number of requests that are left in this window. Requests in flight are already subtracted.
    pub remaining: u64,
    /// The server time at which the window ends, or `None` if no response has reported this time.
    pub resets_at: Option<SystemTime>,
}

/// The state of the account's rate limit, as far as this client knows it.
///
/// In all methods, `now` is the monotonic time since the client was built.
#[derive(Debug, Default)]
pub(crate) struct RateLimit {
    clock: ServerClock,
    /// The time at which the last response arrived, as system time and as monotonic time. The server time is derived
    /// from the system time if no response has reported a server time.
    wall: Option<(SystemTime, Duration)>,
    minute: Option<Window>,
    day: Option<Window>,
    pace: Pace,
    /// The event number of the last refusal. Only one request may be in flight until the server accepts a request that
    /// was sent after this event.
    probing_since: Option<u64>,
    in_flight: u64,
    /// The number of events so far, which are requests sent and responses received. Event numbers order events that
    /// happen at the same time.
    events: u64,
}

impl RateLimit {
    /// Decides whether a request may be sent at `now`. After [`Decision::Go`], the request is in flight.
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

    /// Returns `None` if the daily quota permits the request. Otherwise, returns the decision for this request.
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
            // The reported reset is in the past, so the client does not know when the next request may be sent.
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

    /// Returns the remaining quota at `now`, or `None` if no response has reported a limit.
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

    /// Returns the estimated server time at `now`, or the system time if no response has reported a server time.
    /// Returns `None` before the first response.
    pub(crate) fn server_time(&self, now: Duration) -> Option<SystemTime> {
        let server = self.clock.at_least(now).map(|time| UNIX_EPOCH + time);
        let ours = self.wall.map(|(wall, at)| wall + now.saturating_sub(at));
        server.or(ours)
    }

    /// Updates the estimate of the server time from the `Date` header. If this header is missing, uses the start of a
    /// window, which is computed from its reset. The server time cannot be earlier than this start.
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

    /// Updates the rate limit after a refusal. If no window is exhausted, increases the interval between requests.
    fn refused(&mut self, arrival: Arrival, minute: Update) {
        let explains = |window: &Option<Window>| {
            window.as_ref().is_some_and(|window| {
                window.remaining == 0 && window.ends_in(arrival.now, &self.clock) >= EXPLAINS
            })
        };
        if !explains(&self.minute) && !explains(&self.day) {
            // The refusal belongs to an earlier window, so it does not affect the current window.
            if minute == Update::Stale {
                return;
            }
            self.pace.refused(arrival);
        }
        self.probing_since = Some(arrival.event);
    }
}
