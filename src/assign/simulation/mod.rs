//! The engine in a simulation: random worlds, random faults, and the laws that must hold in all of them.

mod world;

use super::engine::Engine;
use super::ledger::Ledger;
use super::settings::Settings;
use super::{AssignProgress, Outcome, Rejection, Report};
use crate::error::Error;
use crate::rate_limit::Reserve;
use crate::request::{Governor, Run};
use crate::retry::RetryPolicy;
use crate::users::UserList;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::RngSeed;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use world::{Lie, Naming, Nature, Reassign, VirtualClock, Way, World};

/// One case: a list, a world, and how the run may end early.
#[derive(Clone, Debug)]
struct Case {
    seed: u64,
    nature: Nature,
    /// The list holds ids from 1 to here, of which so many in a hundred do not exist, and are there already.
    users: u64,
    strangers: u32,
    there: u32,
    in_flight: usize,
    max_requests: Option<u64>,
    extra_writes: u64,
    resend: bool,
    all_or_nothing: bool,
    /// Stopped or dropped after so many milliseconds.
    stop: Option<u64>,
    drop: Option<u64>,
}

fn cases() -> impl Strategy<Value = Case> {
    let nature = (
        prop_oneof![Just(1_usize), Just(3), Just(8), Just(500)],
        prop_oneof![
            Just(Reassign::Nothing),
            Just(Reassign::Refuse),
            Just(Reassign::Second)
        ],
        prop_oneof![
            3 => Just(Naming::Nothing), 1 => Just(Naming::Indices), 1 => Just(Naming::FirstIndex),
            1 => Just(Naming::Text), 1 => Just(Naming::WrongText), 1 => Just(Naming::Echo)
        ],
        prop_oneof![Just(0.0), Just(0.05), Just(0.3), Just(0.8)],
        0.0..1.0_f64,
        prop::bool::weighted(0.3),
        prop::option::weighted(
            0.1,
            (
                0_usize..20,
                prop_oneof![Just(401_u16), Just(403), Just(404)],
            ),
        ),
        prop::option::weighted(
            0.3,
            (
                prop_oneof![Just(5_u64), Just(20)],
                prop_oneof![Just(30_u64), Just(10_000)],
            ),
        ),
        prop::option::weighted(0.2, (0_u64..20).prop_map(Duration::from_secs)),
    )
        .prop_map(
            |(max_items, reassign, naming, faults, split, others, lasting, limits, cached)| {
                Nature {
                    max_items,
                    reassign,
                    naming,
                    settle: Duration::from_secs(3),
                    faults,
                    late: Duration::from_secs(3).mul_f64(split * 0.95),
                    stale: Duration::from_secs(3).mul_f64((1.0 - split) * 0.95),
                    cached,
                    others,
                    lasting,
                    limits,
                    lie: None,
                }
            },
        );
    let run = (
        1_usize..6,
        prop::option::weighted(0.2, 0_u64..40),
        prop_oneof![3 => Just(100_000_u64), 1 => 0_u64..30],
        prop::bool::weighted(0.85),
        prop::bool::weighted(0.1),
        prop::option::weighted(0.15, 0_u64..8_000),
        prop::option::weighted(0.15, 0_u64..8_000),
    );
    let list = (
        prop_oneof![0_u64..4, 5_u64..40, Just(24), 40_u64..90],
        prop_oneof![Just(0_u32), 1_u32..20, 20_u32..101],
        0_u32..60,
    );
    (any::<u64>(), nature, list, run).prop_map(|(seed, nature, list, run)| {
        let (
            (users, strangers, there),
            (in_flight, max_requests, extra_writes, resend, all_or_nothing, stop, drop),
        ) = (list, run);
        Case {
            seed,
            nature,
            users,
            strangers,
            there,
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

/// What a run returned: the report, and its cause if somebody is open.
type Ran = (Report, Option<Error>);

async fn run(
    case: &Case,
    world: &World,
    governor: &Governor,
    calm: bool,
    ids: &[u64],
) -> Option<Ran> {
    let mut ledger = Ledger::new(UserList::new(ids).expect("ids"));
    let nature = world.nature.get();
    let settings = Settings {
        max_items: nature.max_items,
        in_flight: case.in_flight,
        settle: nature.settle,
        resend_in_doubt: calm || case.resend,
        all_or_nothing: !calm && case.all_or_nothing && ledger.len() <= nature.max_items,
        extra_writes: if calm { u64::MAX } else { case.extra_writes },
        retry: RetryPolicy::default(),
    };
    let limits = Run::new(case.max_requests.filter(|_| !calm), Reserve::default());
    let way = Way {
        world,
        run: &limits,
        governor,
    };
    let mut last: Option<AssignProgress> = None;
    let mut progress = |progress: AssignProgress| last = Some(progress);
    let cause = {
        let engine = Engine::new(&way, &world.clock, &settings, &limits, &mut ledger);
        let stop = async {
            match case.stop.filter(|_| !calm) {
                Some(after) => tokio::time::sleep(Duration::from_millis(after)).await,
                None => std::future::pending().await,
            }
        };
        let run = engine.run(stop, &mut progress);
        match case.drop.filter(|_| !calm) {
            Some(after) => tokio::time::timeout(Duration::from_millis(after), run)
                .await
                .ok()?,
            None => run.await,
        }
    };
    if let Some(most) = case.max_requests.filter(|_| !calm) {
        assert!(limits.sent() <= most, "over the run's own limit");
    }
    Some((Report::new(ledger, limits.sent()), cause))
}

/// The laws that a report must keep. `before`: whom earlier runs of ours assigned.
fn laws(world: &World, ids: &[u64], ran: &Ran, before: &BTreeSet<u64>) -> Result<(), String> {
    let (report, cause) = ran;
    let state = world.state();
    let unique: Vec<u64> = {
        let mut seen = std::collections::HashSet::new();
        ids.iter().copied().filter(|id| seen.insert(*id)).collect()
    };
    let reported: Vec<u64> = report.outcomes().map(|(id, _)| id.get()).collect();
    if reported != unique {
        return Err(format!(
            "one outcome for each unique id, in order: {reported:?} for {unique:?}"
        ));
    }
    if let Some(breach) = state.breaches.first() {
        return Err(breach.clone());
    }
    if let Some((id, times)) = state.executed.iter().find(|(_, times)| **times > 1) {
        return Err(format!("{id} was executed {times} times by us"));
    }
    let open = report.retry_ids().next().is_some();
    if open && cause.is_none() {
        return Err("somebody is open without a cause".to_owned());
    }
    for (id, outcome) in report.outcomes() {
        let id = id.get();
        let rows = state.rows.get(&id).map(Vec::as_slice).unwrap_or_default();
        let ours = state.executed.contains_key(&id) && !before.contains(&id);
        let fine = match outcome {
            Outcome::Assigned => !rows.is_empty(),
            Outcome::AlreadyAssigned => !rows.is_empty() && !ours,
            // Somebody else may assign them after the last look.
            Outcome::Rejected(_) => {
                !ours
                    && (!state.exist.contains(&id)
                        || rows.iter().any(|row| !row.1 && row.0 > state.shown))
            }
            Outcome::NotAssigned => !ours,
            Outcome::Unknown => state.maybes > 0 || cause.is_some(),
        };
        if !fine {
            return Err(format!(
                "{id} is {outcome:?}, but on the pack {rows:?}, executed by us {ours}"
            ));
        }
    }
    Ok(())
}

/// With all faults over, everybody who exists is on the pack and everybody else is refused.
fn complete(world: &World, ran: &Ran) -> Result<(), String> {
    let (report, cause) = ran;
    if let Some(cause) = cause
        .as_ref()
        .filter(|_| report.retry_ids().next().is_some())
    {
        return Err(format!("the second run leaves somebody open: {cause}"));
    }
    let state = world.state();
    let missing: Vec<_> = report
        .outcomes()
        .map(|(id, _)| id.get())
        .filter(|id| state.exist.contains(id) && !state.rows.contains_key(id))
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(format!("not on the pack in the end: {missing:?}"))
    }
}

fn simulate(case: &Case) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    runtime.expect("a runtime").block_on(async {
        fastrand::seed(case.seed);
        let mut random = fastrand::Rng::with_seed(case.seed);
        let clock = VirtualClock(tokio::time::Instant::now());
        let world = World::new(case.nature.clone(), clock.clone(), case.seed);
        for id in 1..=case.users {
            let mut state = world.state();
            if random.u32(..100) >= case.strangers {
                state.exist.insert(id);
                if random.u32(..100) < case.there {
                    state.rows.insert(id, vec![(Duration::ZERO, false)]);
                }
            }
        }
        let mut ids: Vec<u64> = (1..=case.users).collect();
        ids.extend((0..case.users / 3).map(|_| random.u64(1..=case.users)));
        random.shuffle(&mut ids);
        tokio::time::sleep(Duration::from_secs(1)).await;

        let governor = Governor::new(Arc::new(clock.clone()), Duration::from_secs(90));
        let first = run(case, &world, &governor, false, &ids).await;
        let again: Vec<u64> = match &first {
            Some(ran) => {
                laws(&world, &ids, ran, &BTreeSet::new())?;
                ran.0.retry_ids().map(crate::UserId::get).collect()
            }
            // Dropped: the same list again, once all is settled.
            None => ids.clone(),
        };
        world.nature.change(|nature| {
            (nature.faults, nature.lasting, nature.limits, nature.others) =
                (0.0, None, None, false);
            (nature.stale, nature.cached) = (Duration::ZERO, None);
        });
        tokio::time::sleep(case.nature.settle + Duration::from_secs(86_400)).await;
        let before = world.state().executed.keys().copied().collect();
        // The limits are gone, so a governor that knew of them would wait for nothing.
        let governor = Governor::new(Arc::new(clock), Duration::from_secs(90));
        let second = run(case, &world, &governor, true, &again)
            .await
            .expect("never dropped");
        laws(&world, &again, &second, &before)?;
        complete(&world, &second)?;
        if case.nature.limits.is_some() && world.state().refused_for_limit > 0 {
            return Err("a request while a window was closed".to_owned());
        }
        Ok(())
    })
}

proptest! {
    #![proptest_config(configuration())]

    #[test]
    fn the_laws_hold_in_every_world(case in cases()) {
        prop_assert_eq!(simulate(&case), Ok(()));
    }
}

/// The same 2,000 cases each time, so that the suite is never red by chance; `PROPTEST_CASES=100000` draws new ones.
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

/// A model that breaks a law on purpose is caught, and by the law that it breaks.
#[test]
fn each_law_can_fail() {
    for (lie, law) in [
        (Lie::ExecutesTooLate, "times by us"),
        (Lie::ConfirmsNothing, "is Assigned"),
        (Lie::NamesTheWrong, "is Rejected"),
        (Lie::ListsStrangers, "is AlreadyAssigned"),
    ] {
        let caught = (0..300_u64).filter_map(|seed| {
            let nature = Nature {
                max_items: 8,
                reassign: Reassign::Nothing,
                naming: Naming::Nothing,
                settle: Duration::from_secs(3),
                faults: 0.4,
                late: Duration::from_secs(1),
                stale: Duration::ZERO,
                cached: None,
                others: false,
                lasting: None,
                limits: None,
                lie: Some(lie),
            };
            let case = Case {
                seed,
                nature,
                users: 40,
                strangers: 20,
                there: 0,
                in_flight: 3,
                max_requests: None,
                extra_writes: 10_000,
                resend: true,
                all_or_nothing: false,
                stop: None,
                drop: None,
            };
            simulate(&case).err()
        });
        let caught: Vec<_> = caught.collect();
        assert!(
            caught.iter().any(|caught| caught.contains(law)),
            "{lie:?} is not caught by its law: {caught:?}"
        );
    }
}

/// The laws that no world breaks are broken by a report that lies.
#[test]
fn a_false_report_is_caught() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    runtime.expect("a runtime").block_on(async {
        let case = cases()
            .new_tree(&mut proptest::test_runner::TestRunner::deterministic())
            .expect("a case")
            .current();
        let world = World::new(
            case.nature.clone(),
            VirtualClock(tokio::time::Instant::now()),
            1,
        );
        world.state().exist.extend([1, 2]);
        world.state().rows.insert(1, vec![(Duration::ZERO, true)]);
        world.state().executed.insert(1, 1);
        let report = |outcomes: &[(u64, Outcome)]| {
            let ids = outcomes.iter().map(|(id, _)| *id);
            let mut ledger = Ledger::new(UserList::new(ids).expect("ids"));
            (0..)
                .zip(outcomes)
                .for_each(|(position, (_, outcome))| ledger.set(position, outcome.clone()));
            (
                Report::new(ledger, 1),
                Some(Error::new(crate::ErrorKind::Stopped, "")),
            )
        };
        let good = [(1, Outcome::Assigned), (2, Outcome::NotAssigned)];
        assert_eq!(
            laws(&world, &[1, 2, 1], &report(&good), &BTreeSet::new()),
            Ok(())
        );
        for (ids, outcomes) in [
            (&[1, 2, 3][..], good.clone()),
            (&[2, 1], good.clone()),
            (
                &[1, 2],
                [(1, Outcome::NotAssigned), (2, Outcome::NotAssigned)],
            ),
            (
                &[1, 2],
                [(1, Outcome::AlreadyAssigned), (2, Outcome::NotAssigned)],
            ),
            (&[1, 2], [(1, Outcome::Assigned), (2, Outcome::Assigned)]),
            (
                &[1, 2],
                [
                    (1, Outcome::Assigned),
                    (2, Outcome::Rejected(Rejection::new("no"))),
                ],
            ),
        ] {
            assert!(
                laws(&world, ids, &report(&outcomes), &BTreeSet::new()).is_err(),
                "{ids:?} {outcomes:?}"
            );
        }
        let silent = (report(&good).0, None);
        assert!(
            laws(&world, &[1, 2], &silent, &BTreeSet::new()).is_err(),
            "open without a cause"
        );
        world
            .state()
            .breaches
            .push("a request with [1, 1]".to_owned());
        assert!(laws(&world, &[1, 2], &report(&good), &BTreeSet::new()).is_err());
    });
}
