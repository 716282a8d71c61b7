//! Measures how long it takes to compare two snapshots of 100,000 assignments. The baseline is a hand-written merge of
//! two sorted vectors.
//!
//! `cargo bench --bench diff` prints Markdown tables.

mod support;

use connecteam_onboarding::{Assignment, Snapshot};
use std::hint::black_box;
use std::time::{Duration, SystemTime};
use support::api::pack_id;
use support::{median, order, timed};

const ASSIGNMENTS: usize = 100_000;
const ROUNDS: usize = 301;

/// If `changed_every` is 0, all assignments are unchanged. Otherwise, every `changed_every`-th assignment is changed.
fn list(changed_every: usize) -> Vec<Assignment> {
    let rows: Vec<_> = (1..=ASSIGNMENTS)
        .map(|i| {
            let changed = changed_every > 0 && i % changed_every == 0;
            let status = if i % 3 == 0 || changed { "completed" } else { "in_progress" };
            // Every second changed assignment gets a new id. The comparison reports a new id as a removed assignment
            // and an added assignment.
            let id = i * 7 + usize::from(changed && (i / changed_every).is_multiple_of(2));
            serde_json::json!({"id": id, "userId": i + 7_000_000, "status": status, "isWaitingApproval": i % 5 == 0})
        })
        .collect();
    serde_json::from_value(rows.into()).expect("assignments")
}

/// Returns the old value and the new value of each assignment that differs.
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

/// Calls the two functions alternately, so that a busy machine slows both.
fn medians(contestants: [&dyn Fn() -> Duration; 2]) -> [Duration; 2] {
    let mut times = [vec![], vec![]];
    for round in 0..ROUNDS {
        for place in order(contestants.len(), round) {
            times[place].push(contestants[place]());
        }
    }
    times.map(median)
}

/// Returns the median run time, without the time to clone the input.
fn milliseconds<I: Clone, T>(input: &I, run: impl Fn(I) -> T) -> f64 {
    let times = (0..61).map(|_| {
        let input = input.clone();
        timed(|| run(input))
    });
    median(times.collect()).as_secs_f64() * 1e3
}

fn main() {
    let now = SystemTime::now();
    let first = list(0);
    let earlier = Snapshot::new(pack_id(), now, first.clone());
    println!("| changes | ours | by hand | ratio |");
    println!("|--:|--:|--:|--:|");
    for every in [0, 100, 10, 2] {
        let second = list(every);
        let later = Snapshot::after(&earlier, now, second.clone());
        let found = later.changes_since(&earlier).expect("one pack").len();
        assert_eq!(found, merge(&first, &second).len());
        let [ours, by_hand] = medians([
            &|| timed(|| black_box(&later).changes_since(black_box(&earlier))),
            &|| timed(|| merge(black_box(&first), black_box(&second))),
        ]);
        let [ours, by_hand] = [ours, by_hand].map(|time| time.as_secs_f64() * 1e3);
        let ratio = ours / by_hand;
        println!("| {found} | {ours:.2} ms | {by_hand:.2} ms | {ratio:.2} |");
    }

    let reversed: Vec<_> = first.iter().rev().cloned().collect();
    let text = serde_json::to_string(&earlier).expect("plain data");
    println!("\n| with 100,000 assignments | time |");
    println!("|---|--:|");
    for (what, time) in [
        (
            "`Snapshot::new`",
            milliseconds(&first, |rows| Snapshot::new(pack_id(), now, rows)),
        ),
        (
            "`Snapshot::new`, in reverse order",
            milliseconds(&reversed, |rows| Snapshot::new(pack_id(), now, rows)),
        ),
        (
            "`Snapshot::after`",
            milliseconds(&list(10), |rows| Snapshot::after(&earlier, now, rows)),
        ),
        (
            "written as JSON",
            milliseconds(&(), |()| serde_json::to_string(&earlier)),
        ),
        (
            "read from JSON",
            milliseconds(&(), |()| serde_json::from_str::<Snapshot>(&text)),
        ),
    ] {
        println!("| {what} | {time:.2} ms |");
    }
    println!("\nJSON: {} bytes", text.len());
}
