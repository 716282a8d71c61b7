//! Paces requests over the account's minute and day windows, as far as the answers' headers tell of them.
//!
//! A state machine without I/O, lock or sleep: the caller holds it in a mutex, passes the time in, and waits.
//!
//! Two facts keep an account that nobody else uses from ever being refused. A request in flight is taken as
//! not yet shown in what the server said is left, so [`RateLimit::ask`] never overdraws, whatever the order
//! of the answers. And the server's clock is only known from below, so a window is over here only after it is
//! over there. What others spend between two answers cannot be seen; after a refusal nothing is sent until
//! the window's reset, or, where none is known, one request at a time after growing pauses.

mod clock;
mod window;

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderMap;
use http::header::DATE;

use clock::ServerClock;
use window::{Arrival, Headers, Lesson, Window};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

/// A day that ends within this time is waited for, not reported as spent. What the wait is longer than that
/// for certainty's sake does not count: at the time that was reported, nobody must be told the same again.
const DAY_NEARLY_OVER: Duration = Duration::from_secs(3);

/// First pause after a refusal that does not tell for how long; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Header names of one window.
struct Names {
    limit: &'static str,
    remaining: &'static str,
    reset: &'static str,
}

const MINUTE_NAMES: Names = Names {
    limit: "x-ratelimit-minute-limit",
    remaining: "x-ratelimit-minute-remaining",
    reset: "x-ratelimit-minute-reset",
};
const DAY_NAMES: Names = Names {
    limit: "x-ratelimit-day-limit",
    remaining: "x-ratelimit-day-remaining",
    reset: "x-ratelimit-day-reset",
};

/// What a request must leave over.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Share {
    /// Requests left to the account's other users, in either window. At least one a minute stays ours.
    pub(crate) reserve: Reserve,
    /// Requests of the day kept for what must follow this one: 1 for a write, which may need a read-back,
    /// else 0.
    pub(crate) keep_back: u64,
}

/// Requests of a window that are left to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reserve {
    /// So many of either window.
    Requests(u64),
    /// A tenth of each window, rounded up; at least one request of a window stays ours.
    Tenth,
}

impl Default for Reserve {
    fn default() -> Self {
        Self::Requests(0)
    }
}

impl Reserve {
    /// How many of a window that allows `limit`.
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
    AwaitAnswer,
    /// The day's quota is spent.
    DaySpent {
        /// When it comes back, on the server's clock; at most 24 hours ahead.
        retry_at: SystemTime,
    },
}

/// A request in flight. Hand it back in every case: to [`RateLimit::answered`], [`RateLimit::lost`] or
/// [`RateLimit::never_sent`].
#[derive(Debug)]
#[must_use = "a ticket that is not handed back stays in flight for ever"]
pub(crate) struct Ticket {
    sent: u64,
    sent_at: Duration,
}

/// What is left of the account's requests, of the minute and of the day; [`Client::quota`](crate::Client::quota).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quota {
    /// The minute window, if an answer told of it.
    pub minute: Option<WindowQuota>,
    /// The day window, if an answer told of it.
    pub day: Option<WindowQuota>,
}

/// What is left of the account's requests in one window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct WindowQuota {
    /// Requests that the window allows.
    pub limit: u64,
    /// Requests surely left, those in flight counted as spent.
    pub remaining: u64,
    /// When the window ends, on the server's clock; `None` if no answer told.
    pub resets_at: Option<SystemTime>,
}

/// The pause after refusals: one request at a time until one is accepted.
#[derive(Debug)]
struct Pause {
    /// Event of the refusal. Answers to requests sent before it neither end nor lengthen the pause.
    since: u64,
    until: Duration,
    length: Duration,
}

/// The account's limits as this client knows them.
///
/// Every `now` is the time since the client was made, on a clock that never goes back.
#[derive(Debug, Default)]
pub(crate) struct RateLimit {
    clock: ServerClock,
    /// Our own clock at a local time, for an account whose answers never tell the time.
    wall: Option<(SystemTime, Duration)>,
    minute: Option<Window>,
    day: Option<Window>,
    pause: Option<Pause>,
    in_flight: u64,
    /// Requests sent and answers heard so far: it orders them where times are equal.
    events: u64,
    heard: bool,
}

impl RateLimit {
    /// Asks to send a request at `now`. [`Decision::Go`] counts it as in flight.
    pub(crate) fn ask(&mut self, now: Duration, share: Share) -> Decision {
        for window in [&mut self.minute, &mut self.day].into_iter().flatten() {
            window.roll(now, self.events, &self.clock);
        }
        if let Some(day) = &self.day {
            let keep = share
                .reserve
                .of(day.limit())
                .saturating_add(share.keep_back);
            if day.available(self.in_flight) <= keep {
                if day.remaining() > keep && self.in_flight > 0 {
                    return Decision::AwaitAnswer;
                }
                let wait = day.ends_in(now, &self.clock);
                if wait > DAY_NEARLY_OVER + window::MARGIN + self.clock.caution(now) {
                    return Decision::DaySpent {
                        retry_at: self.day_ends_at(day, now),
                    };
                }
                return Decision::Wait(wait);
            }
        }
        if let Some(minute) = &self.minute {
            let keep = share.reserve.of(minute.limit()).min(minute.limit() - 1);
            if minute.available(self.in_flight) <= keep {
                return Decision::Wait(minute.ends_in(now, &self.clock));
            }
        }
        if self.in_flight > 0 && (self.pause.is_some() || !self.heard) {
            return Decision::AwaitAnswer;
        }
        if let Some(pause) = &self.pause
            && now < pause.until
        {
            return Decision::Wait(pause.until.saturating_sub(now));
        }
        self.events += 1;
        self.in_flight += 1;
        Decision::Go(Ticket {
            sent: self.events,
            sent_at: now,
        })
    }

    /// An answer came at `now`, when our own clock showed `wall`.
    ///
    /// `refused` is true if it says that there were too many requests: 429, or 200 with such a `detail`.
    pub(crate) fn answered(
        &mut self,
        Ticket { sent, sent_at }: Ticket,
        now: Duration,
        wall: SystemTime,
        headers: &HeaderMap,
        refused: bool,
    ) {
        self.events += 1;
        self.in_flight = self.in_flight.saturating_sub(1);
        self.heard = true;
        self.wall = Some((wall, now));
        let arrival = Arrival {
            sent,
            event: self.events,
            sent_at,
            now,
        };
        let minute = read(headers, &MINUTE_NAMES);
        let day = read(headers, &DAY_NAMES);
        self.learn_clock(date(headers), minute.reset, day.reset, arrival);
        let minute = Window::learn(&mut self.minute, MINUTE, minute, arrival, &self.clock);
        let day = Window::learn(&mut self.day, DAY, day, arrival, &self.clock);
        if refused {
            self.refused(arrival, minute, day);
        } else if minute == Lesson::Absurd || day == Lesson::Absurd {
            // It was accepted, so go on; but nothing that it says can pace us.
            self.pause = Some(Pause {
                since: self.events,
                until: now.saturating_add(FIRST_PAUSE),
                length: FIRST_PAUSE,
            });
        } else if self
            .pause
            .as_ref()
            .is_some_and(|pause| arrival.sent > pause.since)
        {
            self.pause = None;
        }
    }

    /// No answer came, though the request may have been counted: cut, timed out, or given up by the caller.
    pub(crate) fn lost(&mut self, ticket: Ticket, now: Duration) {
        self.never_sent(ticket);
        for window in [&mut self.minute, &mut self.day].into_iter().flatten() {
            window.charge(now);
        }
    }

    /// The request never left: no connection was made, so nothing was counted.
    pub(crate) fn never_sent(&mut self, _: Ticket) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// What is known at `now`; `None` if no answer told of any limit.
    pub(crate) fn quota(&self, now: Duration) -> Option<Quota> {
        let quota = |window: Option<Window>| {
            window.map(|mut window| {
                window.roll(now, self.events, &self.clock);
                WindowQuota {
                    limit: window.limit(),
                    remaining: window.available(self.in_flight),
                    resets_at: window
                        .reset()
                        .and_then(|reset| UNIX_EPOCH.checked_add(reset)),
                }
            })
        };
        let (minute, day) = (quota(self.minute), quota(self.day));
        (minute.is_some() || day.is_some()).then_some(Quota { minute, day })
    }

    /// Learns the server's time from the `Date` header, or else from a reset: it lies one window ahead at
    /// most.
    fn learn_clock(
        &mut self,
        date: Option<Duration>,
        minute: Option<u64>,
        day: Option<u64>,
        arrival: Arrival,
    ) {
        let opened = |reset: Option<u64>, length: Duration| {
            // No second of a year of four digits: milliseconds, or nonsense.
            let reset = reset.filter(|reset| *reset < 253_402_300_800);
            let start = Duration::from_secs(reset?).saturating_sub(length + window::MARGIN);
            Some((start, length + window::MARGIN))
        };
        let dated = date.map(|date| (date, Duration::from_secs(1)));
        let Some((bound, vagueness)) = dated
            .or_else(|| opened(minute, MINUTE))
            .or_else(|| opened(day, DAY))
        else {
            return;
        };
        if self
            .clock
            .learn(bound, vagueness, arrival.round_trip(), arrival.now)
        {
            for window in [&mut self.minute, &mut self.day].into_iter().flatten() {
                window.forget_reset(arrival.now);
            }
        }
    }

    fn refused(&mut self, arrival: Arrival, minute: Lesson, day: Lesson) {
        let now = arrival.now;
        let explains = |lesson, window: &Option<Window>| {
            lesson == Lesson::Learned
                && window.as_ref().is_some_and(|window| {
                    window.remaining() == 0 && window.ends_in(now, &self.clock) >= FIRST_PAUSE
                })
        };
        let explained = explains(minute, &self.minute) || explains(day, &self.day);
        if !explained && minute == Lesson::Late {
            return;
        }
        let length = if explained {
            Duration::ZERO
        } else {
            if let Some(minute) = &mut self.minute {
                minute.exhaust();
            }
            match &self.pause {
                // Sent together with the one that began the pause: the same refusal, seen twice.
                Some(pause) if arrival.sent < pause.since => return,
                Some(pause) => (pause.length * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE),
                None => FIRST_PAUSE,
            }
        };
        self.pause = Some(Pause {
            since: arrival.event,
            until: now.saturating_add(length),
            length,
        });
    }

    /// The server's clock at `now`, or ours where no answer told the time; `None` before any answer.
    pub(crate) fn server_time(&self, now: Duration) -> Option<SystemTime> {
        let server = self
            .clock
            .at_least(now)
            .and_then(|time| UNIX_EPOCH.checked_add(time));
        let ours = self
            .wall
            .and_then(|(wall, at)| wall.checked_add(now.saturating_sub(at)));
        server.or(ours)
    }

    fn day_ends_at(&self, day: &Window, now: Duration) -> SystemTime {
        let server = self.server_time(now).unwrap_or(UNIX_EPOCH);
        let latest = server.checked_add(DAY).unwrap_or(server);
        match day.reset() {
            Some(reset) => UNIX_EPOCH
                .checked_add(reset)
                .map_or(latest, |reset| reset.min(latest)),
            None => server
                .checked_add(day.ends_in(now, &self.clock).min(DAY))
                .unwrap_or(server),
        }
    }
}

fn date(headers: &HeaderMap) -> Option<Duration> {
    let date = httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()?;
    date.duration_since(UNIX_EPOCH).ok()
}

fn read(headers: &HeaderMap, names: &Names) -> Headers {
    Headers {
        limit: number(headers, names.limit),
        remaining: number(headers, names.remaining),
        reset: number(headers, names.reset),
    }
}

/// A header's whole number. One below zero counts as zero: a counter overdrawn, a reset long ago.
fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    let text = headers.get(name)?.to_str().ok()?.trim();
    match text.strip_prefix('-') {
        Some(digits) => {
            (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(0)
        }
        None => text.parse().ok(),
    }
}
