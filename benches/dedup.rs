//! Taking a list of a million ids, repeated or not, beside the usual ways to take out what is repeated.
//!
//! `cargo bench --bench dedup` prints time and memory as a Markdown table. All of them keep the input order.
//! Ours is `pack.assign(ids)`: it checks each id, and makes the ledger of the whole run.

use connecteam_onboarding::{Client, Pack, PackId};
use std::collections::HashSet;
use std::hash::BuildHasher;
use std::hint::black_box;
use std::time::{Duration, Instant};

const IDS: u64 = 1_000_000;
const ROUNDS: usize = 9;

/// The ways, by name.
const WAYS: [&str; 6] = [
    "ours",
    "itertools::unique",
    "HashSet and Vec, std's hasher",
    "HashSet and Vec, foldhash",
    "IndexSet, foldhash quality",
    "IndexSet, foldhash fast",
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [list, way] = arguments.as_slice() {
        return println!("{}", memory_of(lists()[index(list)].1.clone(), index(way)));
    }
    println!("| ids | {} |", WAYS.join(" | "));
    println!("|---|{}", "--:|".repeat(WAYS.len()));
    for (number, (name, list)) in lists().into_iter().enumerate() {
        let mut times: [Vec<Duration>; WAYS.len()] = Default::default();
        for round in 0..ROUNDS {
            for way in (0..WAYS.len()).map(|way| (way + round) % WAYS.len()) {
                let ids = list.clone();
                times[way].push(run(way, ids));
            }
        }
        let cells = times.into_iter().enumerate().map(|(way, mut times)| {
            times.sort();
            format!("{:.1} ms, {:.0} B", times[ROUNDS / 2].as_secs_f64() * 1e3, in_process(number, way))
        });
        println!("| {name} | {} |", cells.collect::<Vec<_>>().join(" | "));
    }
}

fn index(text: &str) -> usize {
    text.parse().expect("a number")
}

/// The bytes for each id of the list, beyond the list itself, in a process of its own.
fn in_process(list: usize, way: usize) -> f64 {
    let output = std::process::Command::new(std::env::current_exe().expect("this program"))
        .args([list.to_string(), way.to_string()])
        .output()
        .expect("a process");
    String::from_utf8(output.stdout).expect("text").trim().parse().expect("a number")
}

fn lists() -> [(&'static str, Vec<u64>); 3] {
    // Spread over the whole range, in no order, the same each time.
    let spread = |i: u64| (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 2) | 1;
    [
        ("all unique", (1..=IDS).map(spread).collect()),
        ("half repeated", (0..IDS).map(|i| spread(if i % 2 == 0 { i + 1 } else { i / 3 + 1 })).collect()),
        // What a hasher that only multiplies or masks would put into a few slots.
        ("multiples of 2^40", (1..=IDS).map(|i| (i << 40) & (u64::MAX >> 1) | i >> 23 | 1 << 39).collect()),
    ]
}

fn pack() -> Pack {
    let client = Client::builder().api_key("key").build().expect("a client");
    client.pack(PackId::try_from(1001).expect("an id"))
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

/// The result lives until the clock has stopped.
fn timed<T>(way: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    let result = black_box(way());
    let time = start.elapsed();
    drop(result);
    time
}

fn run(way: usize, ids: Vec<u64>) -> Duration {
    match way {
        0 => {
            let pack = pack();
            timed(|| pack.assign(ids))
        }
        1 => timed(|| itertools::Itertools::unique(ids.into_iter()).collect::<Vec<_>>()),
        2 => timed(|| unique::<std::hash::RandomState>(ids)),
        3 => timed(|| unique::<foldhash::fast::RandomState>(ids)),
        4 => timed(|| indexed::<foldhash::quality::RandomState>(ids)),
        _ => timed(|| indexed::<foldhash::fast::RandomState>(ids)),
    }
}

fn memory_of(ids: Vec<u64>, way: usize) -> f64 {
    let pack = pack();
    black_box(&pack);
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let before = memory("VmRSS");
    run(way, ids);
    (memory("VmHWM") - before) * 1024.0 / IDS as f64
}

/// A line of what Linux says of this process, in KiB; 0 elsewhere.
fn memory(name: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0.0)
}
