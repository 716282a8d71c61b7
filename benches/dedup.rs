//! Taking a list of a million ids, repeated or not, beside the usual ways to take out what is repeated.
//!
//! `cargo bench --bench dedup` prints time and memory as a Markdown table. All of them keep the input order.
//! Ours is `pack.assign(ids)`: it checks each id, and makes the ledger of the whole run.

mod support;

use connecteam_onboarding::{Client, Pack, PackId};
use std::collections::HashSet;
use std::hash::BuildHasher;
use std::time::Duration;
use support::{Peak, median, timed};

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
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    let pack = pack();
    if let [list, way] = arguments.as_slice() {
        let (_, ids) = lists().into_iter().nth(index(list)).expect("a list");
        return println!("{}", memory_of(&pack, index(way), ids));
    }
    println!("| ids | {} |", WAYS.join(" | "));
    println!("|---|{}", "--:|".repeat(WAYS.len()));
    for (number, (name, list)) in lists().into_iter().enumerate() {
        let mut times: [Vec<Duration>; WAYS.len()] = Default::default();
        for round in 0..ROUNDS {
            for way in (0..WAYS.len()).map(|way| (way + round) % WAYS.len()) {
                let ids = list.clone();
                times[way].push(run(&pack, way, ids));
            }
        }
        let cells = times.into_iter().enumerate().map(|(way, times)| {
            format!(
                "{:.1} ms, {:.0} B",
                median(times).as_secs_f64() * 1e3,
                in_process(number, way)
            )
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
    String::from_utf8(output.stdout)
        .expect("text")
        .trim()
        .parse()
        .expect("a number")
}

fn lists() -> [(&'static str, Vec<u64>); 3] {
    // Spread over the whole range, in no order, the same each time.
    let spread = |i: u64| (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 2) | 1;
    [
        ("all unique", (1..=IDS).map(spread).collect()),
        (
            "half repeated",
            (0..IDS)
                .map(|i| spread(if i % 2 == 0 { i + 1 } else { i / 3 + 1 }))
                .collect(),
        ),
        // What a hasher that only multiplies or masks would put into a few slots.
        (
            "multiples of 2^40",
            (1..=IDS)
                .map(|i| (i << 40) & (u64::MAX >> 1) | i >> 23 | 1 << 39)
                .collect(),
        ),
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

fn run(pack: &Pack, way: usize, ids: Vec<u64>) -> Duration {
    match way {
        0 => timed(|| pack.assign(ids)),
        1 => timed(|| itertools::Itertools::unique(ids.into_iter()).collect::<Vec<_>>()),
        2 => timed(|| unique::<std::hash::RandomState>(ids)),
        3 => timed(|| unique::<foldhash::fast::RandomState>(ids)),
        4 => timed(|| indexed::<foldhash::quality::RandomState>(ids)),
        _ => timed(|| indexed::<foldhash::fast::RandomState>(ids)),
    }
}

fn memory_of(pack: &Pack, way: usize, ids: Vec<u64>) -> f64 {
    let peak = Peak::start();
    run(pack, way, ids);
    peak.kibibytes() * 1024.0 / IDS as f64
}
