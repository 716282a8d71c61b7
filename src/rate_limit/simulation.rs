//! Callers and a server in virtual time: nothing waits, and every run is the same again.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::{Duration, UNIX_EPOCH};

use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;

use super::tests::response;
use super::*;

/// All times are milliseconds. A midnight on the server's clock.
const EPOCH: u64 = 20_255 * 86_400_000;

/// When a window begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opening {
    /// At every full minute or day.
    Fixed,
    /// With the first request after the last window.
    FirstUse,
}

#[derive(Debug, Clone)]
struct World {
    opening: Opening,
    minute_limit: u64,
    day_limit: u64,
    callers: usize,
    requests: usize,
    share: Share,
    /// Local time 0 on the server's clock, after `EPOCH`.
    phase: u64,
    /// Longest way to the server, and back.
    latency: u64,
    /// True if each way takes a random part of `latency`.
    varied: bool,
    /// Longest pause of a caller between two requests.
    idle: u64,
    /// Answers carry `Date`.
    dated: bool,
    /// The local clock is so many hours ahead of the server's.
    skew: i64,
    /// Resets are rounded up, not down.
    round_up: bool,
    /// Of a hundred requests: never arrive, are counted without an answer, answered without rate headers.
    dropped: u64,
    cut: u64,
    bare: u64,
    /// Others' requests a minute, all in the first so many milliseconds.
    others: u64,
    others_within: u64,
    seed: u64,
}

impl World {
    fn plain() -> Self {
        Self {
            opening: Opening::Fixed,
            minute_limit: 100,
            day_limit: 10_000,
            callers: 4,
            requests: 2_000,
            share: Share::default(),
            phase: 17_345,
            latency: 100,
            varied: false,
            idle: 0,
            dated: true,
            skew: 0,
            round_up: false,
            dropped: 0,
            cut: 0,
            bare: 0,
            others: 0,
            others_within: 60_000,
            seed: 1,
        }
    }
}

struct Counter {
    opening: Opening,
    length: u64,
    limit: u64,
    used: u64,
    ends: u64,
}

impl Counter {
    fn roll(&mut self, time: u64) {
        if time >= self.ends {
            self.used = 0;
            self.ends = match self.opening {
                Opening::Fixed => (time / self.length + 1) * self.length,
                Opening::FirstUse => time + self.length,
            };
        }
    }
}

enum Event {
    Arrives(Ticket),
    Answer(Ticket, Option<HeaderMap>, bool),
    CallerFree,
    Wake,
    Other,
}

#[derive(Debug, Default)]
struct Run {
    finished: u64,
    sent: u64,
    accepted: u64,
    /// What others spent, by minute.
    others: BTreeMap<u64, u64>,
    /// Refusals by the minute in which they were given.
    refused: BTreeMap<u64, u64>,
    day_spent: Option<SystemTime>,
    day_left: u64,
    asked: u64,
}

struct Simulation {
    world: World,
    random: u64,
    minute: Counter,
    day: Counter,
    events: BinaryHeap<Reverse<(u64, u64)>>,
    payload: BTreeMap<u64, Event>,
    scheduled: u64,
    run: Run,
}

impl Simulation {
    fn below(&mut self, bound: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % bound.max(1)
    }

    fn at(&mut self, time: u64, event: Event) {
        self.scheduled += 1;
        self.events.push(Reverse((time, self.scheduled)));
        self.payload.insert(self.scheduled, event);
    }

    fn way(&mut self) -> u64 {
        if self.world.varied {
            self.below(self.world.latency + 1)
        } else {
            self.world.latency
        }
    }

    fn count(&mut self, server: u64) -> bool {
        self.minute.roll(server);
        self.day.roll(server);
        let room = self.minute.used < self.minute.limit && self.day.used < self.day.limit;
        self.minute.used += u64::from(room);
        self.day.used += u64::from(room);
        room
    }

    fn headers(&mut self, server: u64) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if self.world.dated {
            let date = UNIX_EPOCH + Duration::from_millis(server);
            headers.insert(
                http::header::DATE,
                httpdate::fmt_http_date(date).parse().unwrap(),
            );
        }
        if self.run.accepted > 1 && self.below(100) < self.world.bare {
            return headers;
        }
        for (names, counter) in [(headers::MINUTE, &self.minute), (headers::DAY, &self.day)] {
            let reset = if self.world.round_up {
                counter.ends.div_ceil(1_000)
            } else {
                counter.ends / 1_000
            };
            headers.insert(names.limit, HeaderValue::from(counter.limit));
            headers.insert(
                names.remaining,
                HeaderValue::from(counter.limit - counter.used),
            );
            headers.insert(names.reset, HeaderValue::from(reset));
        }
        headers
    }

    fn arrives(&mut self, time: u64, ticket: Ticket) {
        let server = EPOCH + self.world.phase + time;
        let back = time + self.way();
        let fate = self.below(100);
        if fate < self.world.dropped {
            return self.at(back, Event::Answer(ticket, None, false));
        }
        let accepted = self.count(server);
        self.run.accepted += u64::from(accepted);
        if !accepted {
            *self.run.refused.entry(server / 60_000).or_default() += 1;
        }
        let headers = self.headers(server);
        // Where nothing is known yet, a counted request without an answer cannot be seen.
        let cut = self.run.accepted > 1 && accepted && fate < self.world.dropped + self.world.cut;
        self.at(
            back,
            Event::Answer(ticket, (!cut).then_some(headers), !accepted),
        );
    }

    fn others_come(&mut self, from: u64) {
        for _ in 0..self.world.others {
            let time = from + self.below(self.world.others_within);
            self.at(time, Event::Other);
        }
    }

    fn run(world: &World) -> Run {
        let counter = |length, limit| Counter {
            opening: world.opening,
            length,
            limit,
            used: 0,
            ends: 0,
        };
        let mut simulation = Self {
            random: world.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            minute: counter(60_000, world.minute_limit),
            day: counter(86_400_000, world.day_limit),
            events: BinaryHeap::new(),
            payload: BTreeMap::new(),
            scheduled: 0,
            run: Run::default(),
            world: world.clone(),
        };
        simulation.drive();
        simulation.run.day_left = simulation.day.limit - simulation.day.used;
        simulation.run
    }

    fn drive(&mut self) {
        let mut limit = RateLimit::default();
        let (mut free, mut open, mut in_flight, mut wake) =
            (0, self.world.requests, 0_u64, u64::MAX);
        for _ in 0..self.world.callers {
            self.at(0, Event::CallerFree);
        }
        self.others_come(0);
        let mut next_minute = 60_000 - self.world.phase % 60_000;
        while open > 0 || in_flight > 0 {
            let Reverse((time, key)) = self
                .events
                .pop()
                .expect("somebody always waits for something");
            if time >= next_minute {
                self.others_come(next_minute);
                next_minute += 60_000;
            }
            let now = Duration::from_millis(time);
            match self.payload.remove(&key).unwrap() {
                Event::Arrives(ticket) => {
                    self.arrives(time, ticket);
                    continue;
                }
                Event::Other => {
                    let server = EPOCH + self.world.phase + time;
                    let accepted = self.count(server);
                    *self.run.others.entry(server / 60_000).or_default() += u64::from(accepted);
                    continue;
                }
                Event::Answer(ticket, headers, refused) => {
                    in_flight -= 1;
                    open += usize::from(refused);
                    let wall = EPOCH + self.world.phase + time;
                    let wall = wall.saturating_add_signed(self.world.skew * 3_600_000);
                    match headers {
                        Some(headers) => {
                            let wall = UNIX_EPOCH + Duration::from_millis(wall);
                            limit.received(ticket, now, response(&headers, wall, refused));
                        }
                        None => limit.lost(ticket, now),
                    }
                    let idle = self.below(self.world.idle + 1);
                    self.at(time + idle, Event::CallerFree);
                    self.run.finished = time;
                }
                Event::CallerFree => free += 1,
                Event::Wake => {
                    if time >= wake {
                        wake = u64::MAX;
                    }
                }
            }
            while free > 0 && open > 0 {
                self.run.asked += 1;
                match limit.ask(now, self.world.share) {
                    Decision::Go(ticket) => {
                        (free, open, in_flight) = (free - 1, open - 1, in_flight + 1);
                        self.run.sent += 1;
                        let way = self.way();
                        self.at(time + way, Event::Arrives(ticket));
                    }
                    Decision::Wait(wait) => {
                        assert!(wait <= Duration::from_secs(64), "waits {wait:?}");
                        let at = time + u64::try_from(wait.as_millis()).unwrap() + 1;
                        if at < wake {
                            wake = at;
                            self.at(at, Event::Wake);
                        }
                        break;
                    }
                    Decision::AwaitResponse => {
                        assert!(in_flight > 0, "waits for nothing");
                        break;
                    }
                    Decision::DaySpent { retry_at } => {
                        self.run.day_spent = Some(retry_at);
                        open = 0;
                    }
                }
            }
        }
    }
}

/// 1,000,000 ids: 2,000 requests, a read and a few more.
#[test]
fn a_million_ids_alone_take_what_the_windows_take() {
    for opening in [Opening::Fixed, Opening::FirstUse] {
        let run = Simulation::run(&World {
            opening,
            requests: 2_005,
            ..World::plain()
        });
        assert_eq!(
            (run.refused.len(), run.sent, run.accepted),
            (0, 2_005, 2_005)
        );
        let first = match opening {
            Opening::Fixed => 60_000 - World::plain().phase,
            Opening::FirstUse => 60_000,
        };
        // One round trip to open a window, and the last five requests.
        let allowed =
            first + 19 * 60_000 + 20 * if opening == Opening::FirstUse { 100 } else { 0 } + 400;
        println!(
            "{opening:?}: {} ms, the windows allow {allowed} ms, asked {} times",
            run.finished, run.asked
        );
        assert!(
            run.finished * 100 <= allowed * 102,
            "{} of {allowed}",
            run.finished
        );
    }
}

#[test]
fn others_spending_a_third_cost_little() {
    for seed in 1..=5 {
        for others_within in [5_000, 60_000] {
            let world = World {
                requests: 2_005,
                others: 33,
                others_within,
                phase: 0,
                seed,
                ..World::plain()
            };
            let run = Simulation::run(&world);
            let most = run.refused.values().copied().max().unwrap_or(0);
            assert!(most <= 4, "{most} refusals in a minute");
            assert_eq!(run.accepted, 2_005);
            // What the others left, minute by minute, at four requests in 0.2 s.
            let (mut minute, mut open) = (EPOCH / 60_000, 2_005);
            let left = |minute| 100 - run.others.get(&minute).copied().unwrap_or(0);
            while open > left(minute) {
                open -= left(minute);
                minute += 1;
            }
            let allowed = minute * 60_000 - EPOCH + open * 50;
            if seed == 1 {
                let (others, refused) = (
                    run.others.values().sum::<u64>(),
                    run.refused.values().sum::<u64>(),
                );
                println!(
                    "{others} by others within {others_within} ms: {} ms, the windows allow {allowed} ms, \
                     {refused} of {} refused, at most {most} a minute",
                    run.finished, run.sent
                );
            }
            assert!(
                run.finished * 100 <= allowed * 110,
                "{} of {allowed}",
                run.finished
            );
        }
    }
}

#[test]
fn a_spent_day_is_told_with_its_end() {
    for callers in [1, 4, 40] {
        let world = World {
            day_limit: 250,
            requests: 400,
            callers,
            ..World::plain()
        };
        let run = Simulation::run(&world);
        assert_eq!((run.accepted, run.refused.len(), run.day_left), (250, 0, 0));
        let midnight = (EPOCH / 86_400_000 + 1) * 86_400;
        assert_eq!(
            run.day_spent,
            Some(UNIX_EPOCH + Duration::from_secs(midnight))
        );
    }
}

#[test]
fn the_reserve_is_left() {
    let share = Share {
        reserve: Reserve::Requests(30),
        keep_back: 1,
    };
    let run = Simulation::run(&World {
        day_limit: 250,
        requests: 400,
        share,
        ..World::plain()
    });
    assert_eq!(
        (run.accepted, run.refused.len(), run.day_left),
        (219, 0, 31)
    );
    // The minute's reserve is kept, too: 70 at once, 70 after 20 s, the others a minute later.
    let run = Simulation::run(&World {
        requests: 200,
        share,
        phase: 40_000,
        ..World::plain()
    });
    assert!((80_000..90_000).contains(&run.finished), "{}", run.finished);
    // A reserve above the minute's limit still lets one a minute through.
    let share = Share {
        reserve: Reserve::Requests(500),
        keep_back: 0,
    };
    let run = Simulation::run(&World {
        requests: 10,
        share,
        ..World::plain()
    });
    assert_eq!((run.accepted, run.refused.len()), (10, 0));
    assert!(run.finished < 10 * 62_000, "{}", run.finished);
}

fn worlds() -> impl Strategy<Value = World> {
    let windows = (
        prop_oneof![Just(Opening::Fixed), Just(Opening::FirstUse)],
        1..120_u64,
        any::<bool>(),
    );
    let callers = (
        1..40_usize,
        0..86_400_000_u64,
        0..5_000_u64,
        any::<bool>(),
        prop_oneof![Just(0), 0..40_000_u64],
    );
    let clock = (any::<bool>(), -10..=10_i64, any::<bool>());
    let faults = (
        prop_oneof![Just((0, 0, 0)), (0..20_u64, 0..20_u64, 0..20_u64)],
        any::<u64>(),
    );
    (windows, callers, clock, faults).prop_map(|(windows, callers, clock, faults)| {
        let (opening, minute_limit, small_day) = windows;
        let (callers, phase, latency, varied, idle) = callers;
        let (dated, skew, round_up) = clock;
        let ((dropped, cut, bare), seed) = faults;
        let requests = (usize::try_from(minute_limit).unwrap() * 7 / 2).clamp(20, 250);
        let day_limit = if small_day {
            minute_limit * 2 + 7
        } else {
            10_000
        };
        World {
            opening,
            minute_limit,
            day_limit,
            callers,
            requests,
            phase,
            latency,
            varied,
            idle,
            dated,
            skew,
            round_up,
            dropped,
            cut,
            bare,
            seed,
            ..World::plain()
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn alone_nothing_is_refused(world in worlds()) {
        let run = Simulation::run(&world);
        prop_assert_eq!(run.refused, BTreeMap::new());
        let faults = world.dropped + world.cut + world.bare > 0;
        prop_assert!(run.asked < 60 * run.sent + 1_000, "asked {} times", run.asked);
        if !faults {
            if run.day_spent.is_some() {
                prop_assert_eq!(run.day_left, 0);
            } else {
                prop_assert_eq!(run.accepted, world.requests as u64);
            }
            // A window may cost its length, the margins and a round trip to open it.
            let windows = run.sent.div_ceil(world.minute_limit) + 1;
            let busy = run.sent * (2 * world.latency + world.idle) / (world.callers as u64).min(world.minute_limit);
            prop_assert!(run.finished <= windows * 75_000 + 2 * busy + world.idle + 10_000, "{} ms", run.finished);
        }
    }

    #[test]
    fn others_cause_one_refusal_per_request_in_flight_and_window(
        world in worlds(),
        others in 1..80_u64,
        others_within in 1_000..60_000_u64,
    ) {
        let (dropped, cut, bare) = (0, 0, 0);
        let requests = world.requests.min(60);
        let opening = Opening::Fixed;
        let minute_limit = world.minute_limit.max(5);
        let others = others % minute_limit;
        let world = World {
            others, others_within, dropped, cut, bare, requests, opening, minute_limit, day_limit: 100_000, ..world
        };
        let run = Simulation::run(&world);
        prop_assert_eq!(run.accepted, world.requests as u64);
        for refused in run.refused.values() {
            prop_assert!(*refused <= world.callers as u64, "{:?}", run.refused);
        }
    }
}
