//! Measures how fast `UserList` and common alternatives remove duplicates from a million ids, and how much memory they
//! need. All alternatives keep the order of the ids.
//!
//! `cargo bench --bench dedup` prints time and memory as a Markdown table. `UserList` does more than the alternatives:
//! it also checks each id, counts the duplicates, and builds an index for lookups by id.

mod support;

use connecteam_onboarding::UserList;
use std::collections::HashSet;
use std::hash::BuildHasher;
use std::time::Duration;
use support::{Peak, arguments, median, order, process, timed};

const IDS: u64 = 1_000_000;
const ROUNDS: usize = 9;

type Way = fn(Vec<u64>) -> Duration;
type List = fn() -> Vec<u64>;

const WAYS: [(&str, Way); 6] = [
    ("`UserList`", |ids| timed(|| UserList::new(ids))),
    ("`itertools::unique`", |ids| {
        timed(|| itertools::Itertools::unique(ids.into_iter()).collect::<Vec<_>>())
    }),
    ("`HashSet` and `Vec`", |ids| {
        timed(|| unique::<std::hash::RandomState>(ids))
    }),
    ("the same, foldhash", |ids| {
        timed(|| unique::<foldhash::fast::RandomState>(ids))
    }),
    ("`IndexSet`, foldhash quality", |ids| {
        timed(|| indexed::<foldhash::quality::RandomState>(ids))
    }),
    ("`IndexSet`, foldhash fast", |ids| {
        timed(|| indexed::<foldhash::fast::RandomState>(ids))
    }),
];

const LISTS: [(&str, List); 3] = [
    ("all unique", || (1..=IDS).map(spread).collect()),
    ("half duplicates", || {
        let ids = (0..IDS).map(|i| if i % 2 == 0 { i + 1 } else { i / 3 + 1 });
        ids.map(spread).collect()
    }),
    // These ids have equal low bits. A hasher that only multiplies or masks the ids puts them into few slots of the
    // hash table.
    ("multiples of 2^40", || {
        let ids = (1..=IDS).map(|i| (i << 40) & (u64::MAX >> 1) | i >> 23 | 1 << 39);
        ids.collect()
    }),
];

fn main() {
    if let [list, way] = arguments().as_slice() {
        let index = |text: &str| -> usize { text.parse().expect("a number") };
        let (ids, (_, way)) = (LISTS[index(list)].1(), WAYS[index(way)]);
        let peak = Peak::start();
        way(ids);
        return println!("{}", peak.kibibytes());
    }
    println!("| ids | {} |", WAYS.map(|(name, _)| name).join(" | "));
    println!("|---|{}", "--:|".repeat(WAYS.len()));
    for (number, (name, list)) in LISTS.into_iter().enumerate() {
        let ids = list();
        let mut times: [Vec<Duration>; WAYS.len()] = Default::default();
        for round in 0..ROUNDS {
            for way in order(WAYS.len(), round) {
                times[way].push(WAYS[way].1(ids.clone()));
            }
        }
        let cells = times.into_iter().enumerate().map(|(way, times)| {
            let milliseconds = median(times).as_secs_f64() * 1e3;
            format!("{milliseconds:.1} ms, {:.0} B", bytes_per_id(number, way))
        });
        println!("| {name} | {} |", cells.collect::<Vec<_>>().join(" | "));
    }
}

/// Returns the bytes of memory per id, without the memory of the input list. Each measurement runs in a separate
/// process.
fn bytes_per_id(list: usize, way: usize) -> f64 {
    let kibibytes = process::numbers(&[list.to_string(), way.to_string()])[0];
    kibibytes * 1024.0 / IDS as f64
}

/// Consecutive values of `i` give ids that are far apart.
fn spread(i: u64) -> u64 {
    (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 2) | 1
}

fn unique<S: BuildHasher + Default>(ids: Vec<u64>) -> Vec<u64> {
    let mut seen = HashSet::with_capacity_and_hasher(ids.len(), S::default());
    ids.into_iter().filter(|id| seen.insert(*id)).collect()
}

fn indexed<S: BuildHasher + Default>(ids: Vec<u64>) -> indexmap::IndexSet<u64, S> {
    let mut set = indexmap::IndexSet::with_capacity_and_hasher(ids.len(), S::default());
    set.extend(ids);
    set
}
