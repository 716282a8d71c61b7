//! The pace in front of simulated gateways, in simulated time.

use super::FIRST;
use crate::rate_limit::{Decision, RateLimit, Received, Share, Ticket};
use http::{HeaderMap, HeaderName, StatusCode};
use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

/// From sending to the response.
const ROUND_TRIP: Duration = Duration::from_millis(30);
/// The requests in flight at once.
const CALLERS: usize = 4;

/// A leaky bucket. It is the same as a token bucket that holds `burst + 1` tokens.
#[derive(Clone, Debug)]
struct Gateway {
    /// How long the bucket takes to lose one request.
    interval: Duration,
    /// How many requests the bucket holds, next to the one that leaks.
    burst: u32,
    retry_after: bool,
    empty_at: Duration,
}

impl Gateway {
    fn new(rate: f64, burst: u32, retry_after: bool) -> Self {
        Self {
            interval: Duration::from_secs_f64(rate.recip()),
            burst,
            retry_after,
            empty_at: Duration::ZERO,
        }
    }

    /// Accepts a request that arrives at `now`, or returns how long the caller must wait.
    fn take(&mut self, now: Duration) -> Result<(), Duration> {
        let level = self.empty_at.saturating_sub(now);
        let most = self.interval * self.burst;
        if level > most {
            return Err(level.saturating_sub(most));
        }
        self.empty_at = now + level + self.interval;
        Ok(())
    }

    /// The headers of a response. The API reports that plenty is left, and the gateway reports at most `Retry-After`.
    fn headers(&self, result: Result<(), Duration>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        match result {
            Ok(()) => {
                for (name, value) in [("limit", 10_000_u32), ("remaining", 9_000)] {
                    let name = format!("x-ratelimit-minute-{name}");
                    headers.insert(HeaderName::try_from(name).unwrap(), value.into());
                }
            }
            Err(wait) if self.retry_after => {
                headers.insert("retry-after", seconds(wait).into());
            }
            Err(_) => {}
        }
        headers
    }
}

/// The whole seconds of a `Retry-After`.
fn seconds(wait: Duration) -> u64 {
    wait.as_secs() + 1
}

/// What happened from the first refusal on.
#[derive(Debug, Default)]
struct Outcome {
    accepted: u32,
    /// The refused requests that were sent after the first refusal.
    refused: u32,
    took: Duration,
    /// How long `Retry-After` headers kept the client from sending.
    held: Duration,
}

struct InFlight {
    ticket: Ticket,
    sent_at: Duration,
    result: Result<(), Duration>,
}

/// Sends requests through the gateway until `requests` are accepted. `None` if none is refused.
fn run(mut gateway: Gateway, requests: u32) -> Option<Outcome> {
    let mut limit = RateLimit::default();
    let mut in_flight = VecDeque::<InFlight>::new();
    let (mut now, mut accepted) = (Duration::from_secs(1), 0);
    let mut held_until = now;
    let mut first_refusal = None;
    let mut outcome = Outcome::default();
    while accepted < requests {
        let mut wake = Duration::MAX;
        while in_flight.len() < CALLERS.min((requests - accepted) as usize) {
            let ticket = match limit.ask(now, Share::default()) {
                Decision::Go(ticket) => ticket,
                Decision::Wait(wait) => {
                    wake = now + wait;
                    break;
                }
                Decision::AwaitResponse => break,
                Decision::DaySpent { .. } => panic!("plenty is left"),
            };
            // All requests take the same time, so they arrive in the order in which they are sent.
            let result = gateway.take(now + ROUND_TRIP / 2);
            outcome.refused += u32::from(result.is_err() && first_refusal.is_some());
            in_flight.push_back(InFlight {
                ticket,
                sent_at: now,
                result,
            });
        }
        let responds = in_flight.front().map(|first| first.sent_at + ROUND_TRIP);
        if responds.is_none_or(|responds| wake < responds) {
            now = wake;
            continue;
        }
        let InFlight {
            ticket,
            sent_at,
            result,
        } = in_flight.pop_front().unwrap();
        now = sent_at + ROUND_TRIP;
        match result {
            Ok(()) => accepted += 1,
            Err(wait) => {
                first_refusal.get_or_insert((now, accepted));
                if gateway.retry_after {
                    let until = now + Duration::from_secs(seconds(wait));
                    outcome.held += until.saturating_sub(held_until.max(now));
                    held_until = held_until.max(until);
                }
            }
        }
        let received = Received {
            status: StatusCode::OK,
            headers: &gateway.headers(result),
            refused: result.is_err(),
            wall: SystemTime::UNIX_EPOCH + now,
        };
        limit.received(ticket, now, received);
    }
    let (began, before) = first_refusal?;
    outcome.accepted = accepted - before;
    outcome.took = now.saturating_sub(began);
    Some(outcome)
}

#[test]
fn a_gateways_limit_is_found_in_little_time_and_with_few_refusals() {
    let rates = [
        0.5, 0.7, 1.0, 1.3, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0, 14.0, 20.0,
    ];
    for (rate, burst) in rates
        .into_iter()
        .flat_map(|rate| [0, 1, 3, 5, 10, 20].map(|burst| (rate, burst)))
    {
        for (requests, retry_after) in [6, 7, 8, 10, 13, 20, 30, 50, 100, 200]
            .into_iter()
            .flat_map(|requests| [(requests, false), (requests, true)])
        {
            let gateway = Gateway::new(rate, burst, retry_after);
            let name = format!("{requests} requests, {gateway:?}");
            let Some(outcome) = run(gateway.clone(), requests) else {
                continue;
            };
            // The first guess cannot know the limit, and a `Retry-After` in whole seconds is obeyed.
            let permitted = gateway.interval * outcome.accepted;
            let longest = permitted * 5 / 2 + FIRST + outcome.held;
            assert!(outcome.took <= longest, "{name}: {outcome:?}");
            // One more, because a short run ends in the middle of the search.
            assert!(outcome.refused <= requests / 3 + 1, "{name}: {outcome:?}");
        }
    }
}

#[test]
fn a_long_run_keeps_close_to_the_limit() {
    for rate in [0.5, 1.0, 2.0, 5.0, 10.0, 20.0] {
        for burst in [0, 3, 20] {
            let gateway = Gateway::new(rate, burst, false);
            let outcome = run(gateway.clone(), 200).expect("a refusal");
            let permitted = gateway.interval * outcome.accepted;
            assert!(
                outcome.took <= permitted * 13 / 10,
                "{gateway:?}: {outcome:?}"
            );
            assert!(outcome.refused <= 25, "{gateway:?}: {outcome:?}");
        }
    }
}

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
