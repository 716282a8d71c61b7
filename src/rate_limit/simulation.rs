//! Simulates several callers that share one client and its rate limit. The tests check how long the callers take, and
//! how many requests a simulated API refuses.

use super::Reserve;
use crate::assign::api::Api;
use crate::clock::{Clock, Sleep};
use crate::error::ErrorKind;
use crate::id::UserId;
use crate::request::{Governor, Run};
use crate::simulation::{
    Account, Connection, DAY, Faults, Gateway, Limits, MINUTE, Nature, Opening, VirtualClock,
    World, in_virtual_time,
};
use futures_util::future::join_all;
use proptest::prelude::*;
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The start of a day (midnight UTC), in milliseconds since the Unix epoch.
const MIDNIGHT: u64 = 20_255 * DAY;

/// The settings of one simulation. Each caller sends one request at a time.
#[derive(Debug, Clone)]
struct Case {
    nature: Nature,
    callers: usize,
    requests: usize,
    /// The number of requests per window that the callers reserve for other programs.
    reserve: u64,
    /// Whether the callers send writes instead of reads.
    writes: bool,
    /// The maximum pause of a caller between two requests, in milliseconds.
    idle: u64,
    /// The number of requests per minute that another program sends. The other program sends its requests in the first
    /// `others_within` milliseconds of each minute.
    others: u64,
    others_within: u64,
    /// The time from midnight to the start of the simulation, in milliseconds.
    phase: u64,
    /// The number of hours by which the local clock is ahead of the server's clock.
    skew: i64,
    seed: u64,
}

impl Case {
    fn plain() -> Self {
        Self {
            nature: Nature {
                limits: Some(Limits::new(100, 10_000)),
                ..Nature::calm()
            },
            callers: 4,
            requests: 2_000,
            reserve: 0,
            writes: false,
            idle: 0,
            others: 0,
            others_within: MINUTE,
            phase: 17_345,
            skew: 0,
            seed: 1,
        }
    }

    fn limits(&mut self) -> &mut Limits {
        self.nature.limits.as_mut().expect("limits")
    }
}

/// The clock of the callers. This clock counts the waits and panics if a wait is longer than 64 seconds. The field
/// `skew` is the number of hours by which the system time of this clock is wrong.
#[derive(Clone, Debug)]
struct CallerClock {
    time: VirtualClock,
    skew: i64,
    waits: Arc<AtomicU64>,
}

impl Clock for CallerClock {
    fn now(&self) -> Duration {
        self.time.now()
    }

    fn wall(&self) -> SystemTime {
        let skew = Duration::from_secs(self.skew.unsigned_abs() * 3_600);
        if self.skew < 0 {
            self.time.wall() - skew
        } else {
            self.time.wall() + skew
        }
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        assert!(duration <= Duration::from_secs(64), "waits {duration:?}");
        self.waits.fetch_add(1, Ordering::Relaxed);
        self.time.sleep(duration)
    }
}

#[derive(Debug, Default)]
struct Ended {
    /// The time from the start of the simulation to the end of the last request, in milliseconds.
    finished: u64,
    sent: u64,
    account: Account,
    day_spent: Option<SystemTime>,
    waits: u64,
}

impl Ended {
    /// Returns the number of accepted requests and the number of requests that were refused because of the account's
    /// limits.
    fn counts(&self) -> (u64, u64) {
        (self.account.accepted, self.account.refused.values().sum())
    }

    /// Panics if the simulation took longer than `percent` percent of the permitted time. `permitted` is in
    /// milliseconds.
    fn assert_within(&self, percent: u64, permitted: u64) {
        let finished = self.finished;
        assert!(
            finished * 100 <= permitted * percent,
            "{finished} of {permitted} ms"
        );
    }
}

fn simulate(case: &Case) -> Ended {
    in_virtual_time(async {
        // The time-out makes the test fail if a caller waits forever.
        let run = tokio::time::timeout(Duration::from_millis(30 * DAY), run(case));
        run.await.expect("the callers wait for nothing")
    })
}

async fn run(case: &Case) -> Ended {
    let time = VirtualClock::start(Duration::from_millis(MIDNIGHT + case.phase));
    let calm = Nature {
        faults: Faults {
            dropped: case.nature.faults.dropped,
            ..Faults::default()
        },
        ..case.nature.clone()
    };
    let world = World::new(calm, time.clone(), case.seed);
    world.state().pack.users.insert(1);
    let waits = Arc::new(AtomicU64::new(0));
    let clock = CallerClock {
        time: time.clone(),
        skew: case.skew,
        waits: Arc::clone(&waits),
    };
    let governor = Governor::new(Arc::new(clock), Duration::MAX);
    let run = Run::new(None, Reserve::Requests(case.reserve));
    let connection = Connection {
        world: &world,
        run: &run,
        governor: &governor,
    };
    let callers = Callers {
        case,
        connection: &connection,
        left: RefCell::new(case.requests),
        ended: RefCell::default(),
    };
    // The first request is sent alone, because the client does not know the limits before the first response.
    callers.first().await;
    world.state().nature = case.nature.clone();
    let others = world.others_send(case.others, Duration::from_millis(case.others_within));
    tokio::select! {
        () = others, if case.others > 0 => {}
        _ = join_all((0..case.callers).map(|number| callers.call(number))) => {}
    }

    let state = &mut *world.state();
    Ended {
        account: std::mem::take(&mut state.account),
        sent: state.requests,
        waits: waits.load(Ordering::Relaxed),
        ..callers.ended.take()
    }
}

struct Callers<'a> {
    case: &'a Case,
    connection: &'a Connection<'a>,
    left: RefCell<usize>,
    ended: RefCell<Ended>,
}

impl Callers<'_> {
    /// Sends requests until a request succeeds.
    async fn first(&self) {
        while self.take() && self.send().await.is_some() {}
    }

    /// Sends requests, one at a time, until the simulation has no more requests to send.
    async fn call(&self, number: usize) {
        let mut random = fastrand::Rng::with_seed(self.case.seed.wrapping_add(number as u64));
        while self.take() {
            self.send().await;
            let idle = Duration::from_millis(random.u64(..=self.case.idle));
            tokio::time::sleep(idle).await;
        }
    }

    fn take(&self) -> bool {
        let mut left = self.left.borrow_mut();
        let taken = *left > 0;
        *left = left.saturating_sub(1);
        taken
    }

    async fn send(&self) -> Option<ErrorKind> {
        let user = UserId::try_from(1_u64).expect("an id");
        let result = if self.case.writes {
            self.connection.assign(&[user]).await
        } else {
            self.connection.list().await.map(drop)
        };
        let error = result.err();
        let kind = error.as_ref().map(crate::Error::kind);
        match kind {
            Some(ErrorKind::QuotaSpent) => {
                let retry_at = error.and_then(|error| error.retry_at());
                self.ended.borrow_mut().day_spent = retry_at;
                self.left.replace(0);
                return kind;
            }
            Some(ErrorKind::RateLimited) => *self.left.borrow_mut() += 1,
            _ => {}
        }
        let now = self.connection.world.clock.now();
        self.ended.borrow_mut().finished = u64::try_from(now.as_millis()).expect("a short time");
        kind
    }
}

/// A run with 1,000,000 ids needs 2,000 writes, one read and a few more requests.
#[test]
fn a_million_ids_alone_take_the_time_that_the_windows_take() {
    for opening in [Opening::Fixed, Opening::FirstUse] {
        let mut case = Case {
            requests: 2_005,
            ..Case::plain()
        };
        case.limits().opening = opening;
        let ended = simulate(&case);
        assert_eq!((ended.sent, ended.counts()), (2_005, (2_005, 0)));
        let first = match opening {
            Opening::Fixed => MINUTE - case.phase,
            Opening::FirstUse => MINUTE,
        };
        // With `Opening::FirstUse`, a window starts only when a request arrives, so each window adds one round trip to
        // the permitted time. The permitted time also includes 400 ms for the last five requests.
        let round_trips = 20 * if opening == Opening::FirstUse { 100 } else { 0 };
        let permitted = first + 19 * MINUTE + round_trips + 400;
        ended.assert_within(102, permitted);
    }
}

#[test]
fn other_programs_that_spend_a_third_cost_little() {
    for seed in 1..=5 {
        for others_within in [5_000, MINUTE] {
            let case = Case {
                requests: 2_005,
                phase: 0,
                seed,
                others: 33,
                others_within,
                ..Case::plain()
            };
            let ended = simulate(&case);
            let most = ended.account.refused.values().copied().max().unwrap_or(0);
            assert!(most <= 4, "{most} refusals in a minute");
            assert_eq!(ended.account.accepted, 2_005);
            // The permitted time is computed from the requests that the other program actually sent in each minute.
            // Four parallel requests take 0.2 s, so one request is completed every 50 ms on average.
            let (mut minute, mut open) = (MIDNIGHT / MINUTE, 2_005);
            let left = |minute| 100 - ended.account.others.get(&minute).copied().unwrap_or(0);
            while open > left(minute) {
                open -= left(minute);
                minute += 1;
            }
            let permitted = minute * MINUTE - MIDNIGHT + open * 50;
            ended.assert_within(110, permitted);
        }
    }
}

#[test]
fn a_spent_day_is_reported_with_its_end() {
    for callers in [1, 4, 40] {
        let mut case = Case {
            requests: 400,
            callers,
            ..Case::plain()
        };
        case.limits().day = 250;
        let ended = simulate(&case);
        assert_eq!(ended.counts(), (250, 0));
        assert_eq!(ended.account.left_today(case.limits()), 0);
        let midnight = UNIX_EPOCH + Duration::from_millis(MIDNIGHT + DAY);
        assert_eq!(ended.day_spent, Some(midnight));
    }
}

#[test]
fn the_reserve_is_left_to_others() {
    let reserved = Case {
        reserve: 30,
        writes: true,
        ..Case::plain()
    };
    let mut case = Case {
        requests: 400,
        ..reserved.clone()
    };
    case.limits().day = 250;
    let ended = simulate(&case);
    assert_eq!(ended.counts(), (219, 0));
    assert_eq!(ended.account.left_today(case.limits()), 31);
    // With a reserve of 30, the callers may send 70 requests per minute. The callers send 70 requests at once, 70 more
    // after 20 s, and the last 60 one minute later.
    let ended = simulate(&Case {
        requests: 200,
        phase: 40_000,
        ..reserved
    });
    let finished = ended.finished;
    assert!((80_000..90_000).contains(&finished), "{finished}");
    // Even if the reserve exceeds the per-minute limit, the client sends one request per minute.
    let ended = simulate(&Case {
        requests: 10,
        reserve: 500,
        ..Case::plain()
    });
    assert_eq!(ended.counts(), (10, 0));
    assert!(ended.finished < 10 * 62_000, "{}", ended.finished);
}

/// Simulates callers behind a gateway that limits bursts. The per-minute limit of the account is so high that only the
/// gateway refuses requests.
fn through(gateway: Gateway, callers: usize, requests: usize) -> Ended {
    let mut case = Case {
        callers,
        requests,
        ..Case::plain()
    };
    case.nature.gateway = Some(gateway);
    case.nature.latency = Duration::from_millis(15);
    case.limits().minute = 10_000;
    let ended = simulate(&case);
    assert_eq!(ended.counts(), (requests as u64, 0));
    ended
}

/// Returns one gateway for each combination of an interval, a burst and a `Retry-After` setting.
fn gateways(intervals: &[u64], bursts: &[u64]) -> Vec<Gateway> {
    let mut gateways = Vec::new();
    for &interval in intervals {
        for &burst in bursts {
            gateways.extend([false, true].map(|retry_after| Gateway {
                interval,
                burst,
                retry_after,
            }));
        }
    }
    gateways
}

#[test]
fn the_limit_of_a_gateway_is_found_in_little_time_and_with_few_refusals() {
    let intervals = [
        50, 71, 100, 143, 200, 250, 333, 500, 769, 1_000, 1_429, 2_000,
    ];
    for gateway in gateways(&intervals, &[0, 1, 3, 5, 10, 20]) {
        for requests in [6, 7, 8, 10, 13, 20, 30, 50, 100, 200] {
            for callers in [1, 4] {
                let ended = through(gateway, callers, requests);
                let refusals = &ended.account.gateway;
                let Some((began, before)) = refusals.first else {
                    continue;
                };
                let took = MIDNIGHT + Case::plain().phase + ended.finished - began;
                // The permitted time includes the initial interval of 250 ms and all waits that `Retry-After` headers
                // require.
                let permitted = gateway.interval * (requests as u64 - before);
                let longest = permitted * 5 / 2 + 250 + refusals.held;
                let name = format!("{requests} requests of {callers}, {gateway:?}: {ended:?}");
                assert!(took <= longest, "{took} of {longest} ms: {name}");
                // The test permits one refusal per caller and one refusal per three requests. One more refusal is
                // permitted, because a short run may end before the search has found the interval.
                let most = callers as u64 + requests as u64 / 3 + 1;
                assert!(refusals.number <= most, "{name}");
            }
        }
    }
}

#[test]
fn many_callers_of_a_gateway_are_refused_once_each() {
    for gateway in gateways(&[100, 500, 2_000], &[0, 5]) {
        let refused = through(gateway, 40, 100).account.gateway.number;
        assert!(refused <= 40 + 100 / 3, "{gateway:?}: {refused} refused");
    }
}

#[test]
fn a_long_run_keeps_close_to_the_limit_of_a_gateway() {
    for gateway in gateways(&[50, 100, 200, 500, 1_000, 2_000], &[0, 3, 20]) {
        if gateway.retry_after {
            continue;
        }
        let ended = through(gateway, 4, 200);
        let refusals = &ended.account.gateway;
        let (began, before) = refusals.first.expect("a refusal");
        let took = MIDNIGHT + Case::plain().phase + ended.finished - began;
        let permitted = gateway.interval * (200 - before);
        assert!(took * 10 <= permitted * 13, "{gateway:?}: {ended:?}");
        assert!(refusals.number <= 4 + 25, "{gateway:?}: {ended:?}");
    }
}

fn cases() -> impl Strategy<Value = Case> {
    let windows = (
        prop_oneof![Just(Opening::Fixed), Just(Opening::FirstUse)],
        1..120_u64,
        any::<bool>(),
        any::<bool>(),
    );
    let callers = (1..40_usize, 0..DAY, prop_oneof![Just(0), 0..40_000_u64]);
    let network = (
        (0..5_000_u64).prop_map(Duration::from_millis),
        any::<bool>(),
        any::<bool>(),
        prop_oneof![Just((0, 0, 0)), (0..20_u8, 0..20_u8, 0..20_u8)],
    );
    (windows, callers, network, -10..=10_i64, any::<u64>()).prop_map(
        |(windows, callers, network, skew, seed)| {
            let (opening, minute, small_day, round_up) = windows;
            let (callers, phase, idle) = callers;
            let (latency, varied, dated, (dropped, cut, bare)) = network;
            let day = if small_day { minute * 2 + 7 } else { 10_000 };
            let limits = Limits {
                opening,
                round_up,
                ..Limits::new(minute, day)
            };
            let share = |percent: u8| f64::from(percent) / 100.0;
            let faults = Faults {
                dropped: share(dropped),
                cut: share(cut),
                bare: share(bare),
                ..Faults::default()
            };
            Case {
                nature: Nature {
                    limits: Some(limits),
                    faults,
                    latency,
                    varied,
                    dated,
                    ..Nature::calm()
                },
                callers,
                requests: (usize::try_from(minute).unwrap() * 7 / 2).clamp(20, 250),
                idle,
                phase,
                skew,
                seed,
                ..Case::plain()
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn alone_nothing_is_refused(case in cases()) {
        let ended = simulate(&case);
        prop_assert!(ended.account.refused.is_empty(), "{:?}", ended.account.refused);
        prop_assert!(ended.waits < 60 * ended.sent + 1_000, "{} waits", ended.waits);
        let Nature { faults, latency, limits, .. } = &case.nature;
        let limits = limits.as_ref().unwrap();
        if faults.dropped + faults.cut + faults.bare == 0.0 {
            if ended.day_spent.is_some() {
                prop_assert_eq!(ended.account.left_today(limits), 0);
            } else {
                prop_assert_eq!(ended.account.accepted, case.requests as u64);
            }
            let minute = limits.minute;
            let latency = u64::try_from(latency.as_millis()).unwrap();
            // The 75 s per window include the length of the window (60 s), the safety margins, and the round trip that
            // opens the window.
            let windows = ended.sent.div_ceil(minute) + 1;
            let busy = ended.sent * (2 * latency + case.idle) / (case.callers as u64).min(minute);
            let longest = windows * 75_000 + 2 * busy + case.idle + 10_000;
            prop_assert!(ended.finished <= longest, "{} ms", ended.finished);
        }
    }

    #[test]
    fn others_cause_one_refusal_per_request_in_flight_and_window(
        mut case in cases(),
        others in 1..80_u64,
        others_within in 1_000..MINUTE,
    ) {
        case.nature.faults = Faults::default();
        case.requests = case.requests.min(60);
        let limits = case.limits();
        limits.minute = limits.minute.max(5);
        (limits.day, limits.opening) = (100_000, Opening::Fixed);
        case.others = others % limits.minute;
        case.others_within = others_within;
        let ended = simulate(&case);
        prop_assert_eq!(ended.account.accepted, case.requests as u64);
        for refused in ended.account.refused.values() {
            prop_assert!(*refused <= case.callers as u64, "{:?}", ended.account.refused);
        }
    }
}
