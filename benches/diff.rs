//! The diff of two snapshots of 100,000 against a hand-written merge of two sorted vectors.

#[allow(dead_code, reason = "other benchmarks use more of it")]
mod support;

use connecteam_onboarding::{Assignment, Snapshot};
use std::hint::black_box;
use std::time::{Duration, SystemTime};
use support::timed;

fn listing(changed_every: usize) -> Vec<Assignment> {
    let rows: Vec<_> = (1..=100_000_usize)
        .map(|i| {
            let changed = changed_every > 0 && i % changed_every == 0;
            let status = if i % 3 == 0 || changed { "completed" } else { "in_progress" };
            // Realistic gaps between ids; a changed listing also loses and gains some.
            let id = i * 7 + usize::from(changed && i % 2 == 0);
            serde_json::json!({"id": id, "userId": i + 7_000_000, "status": status, "isWaitingApproval": i % 5 == 0})
        })
        .collect();
    serde_json::from_value(rows.into()).expect("assignments")
}

/// What somebody would write by hand: the ids that differ.
fn merge(
    before: &[Assignment],
    after: &[Assignment],
) -> Vec<(Option<Assignment>, Option<Assignment>)> {
    let mut changes = Vec::new();
    let (mut i, mut j) = (0, 0);
    while i < before.len() && j < after.len() {
        let (b, a) = (&before[i], &after[j]);
        if b.id == a.id {
            if b != a {
                changes.push((Some(b.clone()), Some(a.clone())));
            }
            i += 1;
            j += 1;
        } else if b.id < a.id {
            changes.push((Some(b.clone()), None));
            i += 1;
        } else {
            changes.push((None, Some(a.clone())));
            j += 1;
        }
    }
    changes.extend(before[i..].iter().map(|b| (Some(b.clone()), None)));
    changes.extend(after[j..].iter().map(|a| (None, Some(a.clone()))));
    changes
}

/// The fastest of many turns; the contestants take turns, so that a busy machine slows all of them.
fn fastest<const N: usize>(mut turn: impl FnMut() -> [Duration; N]) -> [Duration; N] {
    let mut best = [Duration::MAX; N];
    for _ in 0..500 {
        for (best, time) in best.iter_mut().zip(turn()) {
            *best = time.min(*best);
        }
    }
    best
}

/// Without the time to clone what is consumed.
fn fastest_of<I, T>(mut prepare: impl FnMut() -> I, mut run: impl FnMut(I) -> T) -> Duration {
    let times = (0..60).map(|_| {
        let input = prepare();
        timed(|| run(input))
    });
    times.min().expect("runs")
}

fn main() {
    let now = SystemTime::now();
    let first = listing(0);
    let earlier = Snapshot::new(pack(), now, first.clone());
    for (name, every) in [
        ("nothing changed", 0),
        ("1% changed", 100),
        ("10% changed", 10),
        ("half changed", 2),
    ] {
        let second = listing(every);
        let later = Snapshot::after(&earlier, now, second.clone());
        let found = later.changes_since(&earlier).expect("one pack").len();
        assert_eq!(found, merge(&first, &second).len());
        let [ours, by_hand] = fastest(|| {
            [
                timed(|| black_box(&later).changes_since(black_box(&earlier))),
                timed(|| merge(black_box(&first), black_box(&second))),
            ]
        });
        let ratio = ours.as_secs_f64() / by_hand.as_secs_f64();
        println!(
            "{name:>16}: {found:>6} changes, {ours:>9.1?}, by hand {by_hand:>9.1?}, ratio {ratio:.2}"
        );
        let after = fastest_of(
            || second.clone(),
            |rows| Snapshot::after(&earlier, now, rows),
        );
        let new = fastest_of(|| second.clone(), |rows| Snapshot::new(pack(), now, rows));
        println!("{:>16}  new {new:.1?}, after {after:.1?}", "");
    }
    let reversed = fastest_of(
        || first.iter().rev().cloned().collect::<Vec<_>>(),
        |rows| Snapshot::new(pack(), now, rows),
    );
    println!("        reversed  new {reversed:.1?}");
    let text = serde_json::to_string(&earlier).expect("text");
    let written = fastest_of(|| (), |()| serde_json::to_string(&earlier));
    let read = fastest_of(|| (), |()| serde_json::from_str::<Snapshot>(&text));
    println!(
        "           saved  {} bytes, written {written:.1?}, read {read:.1?}",
        text.len()
    );
}

fn pack() -> connecteam_onboarding::PackId {
    connecteam_onboarding::PackId::try_from(1001).expect("an id")
}
