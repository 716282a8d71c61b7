//! Runs the engine against a simulated API with random rules and random faults. Checks laws that each run must obey.

use super::engine;
use super::ledger::Ledger;
use super::progress::OnProgress;
use super::settings::Settings;
use super::state::State;
use super::{Outcome, Rejection, Report};
use crate::error::{Error, ErrorKind};
use crate::rate_limit::Reserve;
use crate::request::{Governor, Run};
use crate::retry::RetryPolicy;
use crate::simulation::{
    Connection, DAY, Faults, Lie, Limits, Naming, Nature, Reassign, Row, Rules, VirtualClock,
    World, in_virtual_time,
};
use crate::users::UserList;
use futures_util::FutureExt;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

const SETTLE: Duration = Duration::from_secs(3);

/// The start of each simulation, as the time since the Unix epoch. The simulation starts at midnight UTC, when both
/// rate-limit windows begin.
const START: Duration = Duration::from_secs(20_833 * DAY / 1_000);

/// The input of one simulation, which includes the users, the behavior of the API and the settings of the run.
#[derive(Clone, Debug)]
struct Case {
    seed: u64,
    nature: Nature,
    /// The number of unique ids in the list. The lowest id is 1, and the ids have no gaps.
    users: u64,
    /// The percentage of users that do not exist.
    unknown: u32,
    /// The percentage of existing users that are already on the pack.
    already: u32,
    in_flight: usize,
    max_requests: Option<u64>,
    extra_writes: u64,
    resend: bool,
    all_or_nothing: bool,
    /// If set, the run is stopped after this duration.
    stop: Option<Duration>,
    /// If set, the run is dropped after this duration.
    drop: Option<Duration>,
}

fn rules() -> impl Strategy<Value = Rules> {
    let max_items = prop_oneof![Just(1_usize), Just(3), Just(8), Just(500)];
    let reassign = prop_oneof![
        Just(Reassign::Ignore),
        Just(Reassign::Reject),
        Just(Reassign::Repeat)
    ];
    let naming = prop_oneof![
        3 => Just(Naming::Nothing), 1 => Just(Naming::Indices), 1 => Just(Naming::FirstIndex),
        1 => Just(Naming::Ids), 1 => Just(Naming::WrongId), 1 => Just(Naming::Echo)
    ];
    (max_items, reassign, naming).prop_map(|(max_items, reassign, naming)| Rules {
        max_items,
        reassign,
        naming,
        lie: None,
    })
}

fn natures() -> impl Strategy<Value = Nature> {
    let faults = prop_oneof![Just(0.0), Just(0.05), Just(0.3), Just(0.8)];
    let permanent = (0_u64..20, prop_oneof![Just(401_u16), Just(403), Just(404)]);
    let limits = (
        prop_oneof![Just(5_u64), Just(20)],
        prop_oneof![Just(30_u64), Just(10_000)],
    )
        .prop_map(|(minute, day)| Limits::new(minute, day));
    (
        rules(),
        faults,
        0.0..1.0_f64,
        prop::bool::weighted(0.3),
        prop::option::weighted(0.1, permanent),
        prop::option::weighted(0.3, limits),
        prop::option::weighted(0.2, (0_u64..20).prop_map(Duration::from_secs)),
    )
        .prop_map(
            |(rules, faults, split, others_assign, permanent, limits, cached)| Nature {
                rules,
                limits,
                faults: Faults::equal(faults),
                permanent,
                latency: Duration::from_millis(200),
                varied: true,
                // The engine assumes that `late` plus `stale` is less than `SETTLE`.
                late: SETTLE.mul_f64(split * 0.95),
                stale: SETTLE.mul_f64((1.0 - split) * 0.95),
                cached,
                others_assign,
                ..Nature::calm()
            },
        )
}

fn cases() -> impl Strategy<Value = Case> {
    let list = (
        prop_oneof![0_u64..4, 5_u64..40, Just(24), 40_u64..90],
        prop_oneof![Just(0_u32), 1_u32..20, 20_u32..101],
        0_u32..60,
    );
    let end = || prop::option::weighted(0.15, (0_u64..8_000).prop_map(Duration::from_millis));
    let run = (
        1_usize..6,
        prop::option::weighted(0.2, 0_u64..40),
        prop_oneof![3 => Just(100_000_u64), 1 => 0_u64..30],
        prop::bool::weighted(0.85),
        prop::bool::weighted(0.1),
        end(),
        end(),
    );
    (any::<u64>(), natures(), list, run).prop_map(|(seed, nature, list, run)| {
        let (users, unknown, already) = list;
        let (in_flight, max_requests, extra_writes, resend, all_or_nothing, stop, drop) = run;
        Case {
            seed,
            nature,
            users,
            unknown,
            already,
            in_flight,
            max_requests,
            extra_writes,
            resend,
            all_or_nothing,
            stop,
            drop,
        }
    })
}

impl Case {
    /// Returns a copy of this case in which the run has no request limit and is not stopped or dropped.
    fn patient(&self) -> Self {
        Self {
            max_requests: None,
            extra_writes: u64::MAX,
            resend: true,
            all_or_nothing: false,
            stop: None,
            drop: None,
            ..self.clone()
        }
    }

    /// Creates the users and assignments of this case in the simulated API. Returns the user ids for the run, in random
    /// order and with duplicates.
    fn fill(&self, world: &World) -> Vec<u64> {
        let mut random = fastrand::Rng::with_seed(self.seed);
        let pack = &mut world.state().pack;
        for id in 1..=self.users {
            if random.u32(..100) >= self.unknown {
                pack.users.insert(id);
                if random.u32(..100) < self.already {
                    let row = Row {
                        since: Duration::ZERO,
                        ours: false,
                    };
                    pack.rows.insert(id, vec![row]);
                }
            }
        }
        let mut ids: Vec<u64> = (1..=self.users).collect();
        ids.extend((0..self.users / 3).map(|_| random.u64(1..=self.users)));
        random.shuffle(&mut ids);
        ids
    }
}

/// The report of a run. The second value is the error that left users unresolved, or `None`.
type Ended = (Report, Option<Error>);

/// Runs the engine once. Returns `None` if the run was dropped.
async fn run(case: &Case, world: &World, ids: &[u64]) -> Option<Ended> {
    let mut ledger = Ledger::new(UserList::new(ids).expect("ids"));
    let max_items = world.state().nature.rules.max_items;
    let settings = Settings {
        max_items,
        in_flight: case.in_flight,
        settle: SETTLE,
        resend_in_doubt: case.resend,
        all_or_nothing: case.all_or_nothing && ledger.len() <= max_items,
        extra_writes: case.extra_writes,
        retry: RetryPolicy::default(),
    };
    let governor = Governor::new(Arc::new(world.clock.clone()), Duration::from_secs(90));
    let limits = Run::new(case.max_requests, Reserve::default());
    let connection = Connection {
        world,
        run: &limits,
        governor: &governor,
    };
    let mut on_progress: OnProgress = Box::new(|_| {});
    let stop = async {
        match case.stop {
            Some(after) => tokio::time::sleep(after).await,
            None => std::future::pending().await,
        }
    };
    let state = State::new(&settings, &limits, &mut ledger);
    let run = engine::run(
        &connection,
        &world.clock,
        state,
        stop.boxed(),
        &mut on_progress,
    );
    let error = match case.drop {
        Some(after) => tokio::time::timeout(after, run).await.ok()?,
        None => run.await,
    };
    let most = case.max_requests.unwrap_or(u64::MAX);
    assert!(limits.sent() <= most, "over the limit of the run");
    Some((Report::new(ledger, limits.sent()), error))
}

/// Checks that the report of a run agrees with the simulated pack. `before` contains the users that an earlier run of
/// this case assigned.
fn laws(world: &World, ids: &[u64], ended: &Ended, before: &BTreeSet<u64>) -> Result<(), String> {
    let (report, cause) = ended;
    let mut seen = HashSet::new();
    let unique: Vec<u64> = ids.iter().copied().filter(|id| seen.insert(*id)).collect();
    let reported: Vec<u64> = report.outcomes().map(|(id, _)| id.get()).collect();
    if reported != unique {
        return Err(format!(
            "one outcome for each unique id, in order: {reported:?} for {unique:?}"
        ));
    }
    let state = world.state();
    if let Some(breach) = state.breaches.first() {
        return Err(breach.clone());
    }
    let pack = &state.pack;
    if let Some((id, times)) = pack.executed.iter().find(|(_, times)| **times > 1) {
        return Err(format!("{id} was executed {times} times by us"));
    }
    if report.retry_ids().next().is_some() && cause.is_none() {
        return Err("unresolved users without a cause".to_owned());
    }
    for (id, outcome) in report.outcomes() {
        let id = id.get();
        let rows = pack.rows.get(&id).map(Vec::as_slice).unwrap_or_default();
        let ours = pack.executed.contains_key(&id) && !before.contains(&id);
        let assigned_since = |row: &Row| !row.ours && row.since > state.shown;
        let fine = match outcome {
            Outcome::Assigned => !rows.is_empty(),
            Outcome::AlreadyAssigned => !rows.is_empty() && !ours,
            // A rejected user may be on the pack if another program assigned the user after the last read.
            Outcome::Rejected(_) => {
                !ours && (!pack.users.contains(&id) || rows.iter().any(assigned_since))
            }
            Outcome::NotAssigned => !ours,
            Outcome::Unknown => state.ambiguous > 0 || cause.is_some(),
        };
        if !fine {
            return Err(format!(
                "{id} is {outcome:?}, but on the pack {rows:?}, executed by us {ours}"
            ));
        }
    }
    Ok(())
}

/// Checks that all existing users are on the pack after a run without faults.
fn complete(world: &World, (report, cause): &Ended) -> Result<(), String> {
    if let Some(cause) = cause
        && report.retry_ids().next().is_some()
    {
        return Err(format!("the second run leaves users unresolved: {cause}"));
    }
    let pack = &world.state().pack;
    let ids = report.outcomes().map(|(id, _)| id.get());
    let missing: Vec<_> = ids
        .filter(|id| pack.users.contains(id) && !pack.rows.contains_key(id))
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(format!("not on the pack in the end: {missing:?}"))
    }
}

/// Simulates a run with faults, followed by a second run without faults. The second run gets the users that the first
/// run left unresolved.
async fn simulate(case: &Case) -> Result<(), String> {
    // The seed makes the random jitter of retries reproducible.
    fastrand::seed(case.seed);
    let clock = VirtualClock::start(START);
    let world = World::new(case.nature.clone(), clock, case.seed);
    let ids = case.fill(&world);
    tokio::time::sleep(Duration::from_secs(1)).await;

    let first = run(case, &world, &ids).await;
    let unresolved: Vec<u64> = match &first {
        Some(ended) => {
            laws(&world, &ids, ended, &BTreeSet::new())?;
            ended.0.retry_ids().map(crate::UserId::get).collect()
        }
        // A dropped run returns no report, so the caller sends the same list again.
        None => ids,
    };
    world.state().nature = Nature {
        rules: case.nature.rules.clone(),
        latency: case.nature.latency,
        ..Nature::calm()
    };
    tokio::time::sleep(SETTLE + Duration::from_millis(DAY)).await;
    let before = world.state().pack.executed.keys().copied().collect();
    let second = run(&case.patient(), &world, &unresolved)
        .await
        .expect("never dropped");
    laws(&world, &unresolved, &second, &before)?;
    complete(&world, &second)?;
    let refused = &world.state().account.refused;
    if refused.is_empty() {
        Ok(())
    } else {
        Err(format!("requests over the account's limits: {refused:?}"))
    }
}

proptest! {
    #![proptest_config(configuration())]

    #[test]
    fn the_laws_pass_in_every_simulation(case in cases()) {
        prop_assert_eq!(in_virtual_time(simulate(&case)), Ok(()));
    }
}

/// By default, the test runs the same 2,000 cases each time, so it does not fail by chance. To run 100,000 new random
/// cases, set `PROPTEST_CASES=100000`.
fn configuration() -> ProptestConfig {
    let wanted = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok());
    ProptestConfig {
        max_shrink_iters: 3_000,
        rng_seed: if wanted.is_some() {
            RngSeed::Random
        } else {
            RngSeed::Fixed(2026)
        },
        ..ProptestConfig::with_cases(wanted.unwrap_or(2_000))
    }
}

/// Returns a case with frequent faults. The behavior of the API agrees with the engine's assumptions.
fn honest_case(seed: u64) -> Case {
    let mut nature = Nature {
        faults: Faults::equal(0.4),
        late: Duration::from_secs(1),
        ..Nature::calm()
    };
    nature.rules.max_items = 8;
    Case {
        seed,
        nature,
        users: 40,
        unknown: 20,
        already: 0,
        in_flight: 3,
        max_requests: None,
        extra_writes: 10_000,
        resend: true,
        all_or_nothing: false,
        stop: None,
        drop: None,
    }
}

/// Runs 300 simulations after `change` has modified the behavior of the API, and returns the violated laws.
fn violations(change: impl Fn(&mut Nature)) -> impl Iterator<Item = String> {
    (0..300).map(honest_case).filter_map(move |mut case| {
        change(&mut case.nature);
        in_virtual_time(simulate(&case)).err()
    })
}

#[test]
fn an_api_that_breaks_a_promise_violates_its_law() {
    assert_eq!(violations(|_| {}).next(), None);
    let late = violations(|nature| nature.late = SETTLE * 4);
    assert_found(late, "times by us");
    for (lie, law) in [
        (Lie::ConfirmsNothing, "is Assigned"),
        (Lie::NamesTheWrongUser, "is Rejected"),
        (Lie::ListsAnUnassignedUser, "is AlreadyAssigned"),
    ] {
        assert_found(violations(|nature| nature.rules.lie = Some(lie)), law);
    }
}

fn assert_found(violations: impl Iterator<Item = String>, law: &str) {
    let mut others = Vec::new();
    for violation in violations {
        if violation.contains(law) {
            return;
        }
        others.push(violation);
    }
    panic!("no simulation violates `{law}`: {others:?}");
}

#[test]
fn a_false_report_violates_a_law() {
    in_virtual_time(async {
        let clock = VirtualClock::start(START);
        let world = World::new(Nature::calm(), clock, 1);
        {
            let pack = &mut world.state().pack;
            pack.users.extend([1, 2]);
            let row = Row {
                since: Duration::ZERO,
                ours: true,
            };
            pack.rows.insert(1, vec![row]);
            pack.executed.insert(1, 1);
        }
        let check = |ids: &[u64], outcomes: &[(u64, Outcome)], cause: Option<ErrorKind>| {
            let reported = outcomes.iter().map(|(id, _)| *id);
            let mut ledger = Ledger::new(UserList::new(reported).expect("ids"));
            (0..)
                .zip(outcomes)
                .for_each(|(position, (_, outcome))| ledger.set(position, outcome.clone()));
            let cause = cause.map(|kind| Error::new(kind, ""));
            let ended = (Report::new(ledger, 1), cause);
            laws(&world, ids, &ended, &BTreeSet::new())
        };
        let stopped = Some(ErrorKind::Stopped);
        let (assigned, not_assigned) = (Outcome::Assigned, Outcome::NotAssigned);
        let good = [(1, assigned.clone()), (2, not_assigned.clone())];
        assert_eq!(check(&[1, 2, 1], &good, stopped), Ok(()));
        let rejected = Outcome::Rejected(Rejection::new("no"));
        for (ids, outcomes) in [
            (&[1, 2, 3][..], good.clone()),
            (&[2, 1], good.clone()),
            (
                &[1, 2],
                [(1, not_assigned.clone()), (2, not_assigned.clone())],
            ),
            (&[1, 2], [(1, Outcome::AlreadyAssigned), (2, not_assigned)]),
            (&[1, 2], [(1, assigned.clone()), (2, assigned.clone())]),
            (&[1, 2], [(1, assigned), (2, rejected)]),
        ] {
            assert!(
                check(ids, &outcomes, stopped).is_err(),
                "{ids:?} {outcomes:?}"
            );
        }
        assert!(check(&[1, 2], &good, None).is_err(), "no cause");
        world.state().breaches.push("a breach".to_owned());
        assert!(check(&[1, 2], &good, stopped).is_err());
    });
}
