//! Prints how many requests it takes to find the refused items of a list, as a Markdown table.
//!
//! Requests include those that send each chunk whole, and one is in flight at a time. The bound is
//! `log2 C(n, d) + d + ⌈n / MAX_ITEMS⌉`. Halving is the textbook's: each refused group is cut in two, and both halves are asked.
//!
//! Usage: `table [CASES]` (cases per row, default 200).
#![allow(
    dead_code,
    reason = "the engine uses more of the search than this program"
)]

#[path = "../src/isolate/mod.rs"]
mod isolate;

use isolate::{Named, Search};

const MAX_ITEMS: usize = connecteam_onboarding::MAX_USERS_PER_REQUEST;

fn main() {
    // `cargo bench` adds an option of its own.
    let argument = std::env::args()
        .skip(1)
        .find(|argument| argument != "--bench");
    let cases = match argument.map(|text| text.parse::<u32>()) {
        None => 200,
        Some(Ok(cases)) if cases > 0 => cases,
        Some(_) => {
            eprintln!("usage: table [CASES]");
            std::process::exit(1);
        }
    };
    println!(
        "| items | refused | at random | bound | ratio | plain halving | one run | plain halving |"
    );
    println!("|--:|--:|--:|--:|--:|--:|--:|--:|");
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    for n in [500, 5_000, 10_000] {
        for d in [0, 1, 2, 5, 10, 50, 100, 250] {
            let (mut ours, mut halved) = ([0; 2], [0; 2]);
            for _ in 0..cases {
                let lists = [scattered(n, d, &mut random), one_run(n, d, &mut random)];
                for (kind, refused) in lists.iter().enumerate() {
                    ours[kind] += search(refused, Names::Nobody);
                    halved[kind] += halving(refused);
                }
            }
            let mean = |total: u32| f64::from(total) / f64::from(cases);
            let bound = bound(n, d);
            println!(
                "| {n} | {d} | {:.1} | {bound:.1} | {:.2} | {:.1} | {:.1} | {:.1} |",
                mean(ours[0]),
                mean(ours[0]) / bound,
                mean(halved[0]),
                mean(ours[1]),
                mean(halved[1]),
            );
        }
    }
    named(cases, &mut random);
}

/// Where the answers name who is at fault.
fn named(cases: u32, random: &mut Random) {
    println!("\n| items | refused | chunks | chunks refused | named by index | named in a text |");
    println!("|--:|--:|--:|--:|--:|--:|");
    for n in [500, 5_000, 10_000] {
        for d in [1, 5, 10, 50, 100] {
            let (mut chunks_refused, mut by_index, mut in_text) = (0, 0, 0);
            for _ in 0..cases {
                let list = scattered(n, d, random);
                chunks_refused += list
                    .chunks(MAX_ITEMS)
                    .filter(|chunk| chunk.contains(&true))
                    .count();
                by_index += search(&list, Names::ByIndex);
                in_text += search(&list, Names::InText);
            }
            let mean = |total: u32| f64::from(total) / f64::from(cases);
            println!(
                "| {n} | {d} | {} | {:.1} | {:.1} | {:.1} |",
                n.div_ceil(MAX_ITEMS),
                mean(u32::try_from(chunks_refused).expect("few")),
                mean(by_index),
                mean(in_text)
            );
        }
    }
}

/// What a refusal says of who is at fault.
#[derive(Clone, Copy)]
enum Names {
    Nobody,
    /// All of them, by their index in the request.
    ByIndex,
    /// All of them, by their ids in a text.
    InText,
}

impl Names {
    fn naming(self, items: &[u32], refused: &[bool]) -> Named {
        let named = items
            .iter()
            .copied()
            .filter(|&item| refused[item as usize])
            .collect();
        match self {
            Self::Nobody => Named::default(),
            Self::ByIndex => Named {
                by_index: named,
                ..Named::default()
            },
            // As the engine does: a text that names more than half of what was sent is an echo.
            Self::InText if named.len() * 2 > items.len() => Named::default(),
            Self::InText => Named {
                hinted: named,
                ..Named::default()
            },
        }
    }
}

/// Requests that our search needs.
fn search(refused: &[bool], names: Names) -> u32 {
    let mut search = Search::new(MAX_ITEMS);
    let mut requests = 0;
    let mut found = vec![false; refused.len()];
    let mut note = |rejections: Vec<(u32, ())>| {
        for rejection in rejections {
            found[rejection.0 as usize] = true;
        }
    };
    let all: Vec<u32> = (0..).take(refused.len()).collect();
    let is_refused = |items: &[u32]| items.iter().any(|&item| refused[item as usize]);
    for chunk in all.chunks(MAX_ITEMS) {
        requests += 1;
        if is_refused(chunk) {
            note(search.chunk_refused(chunk.to_vec(), (), names.naming(chunk, refused)));
        } else {
            search.chunk_accepted(chunk.len());
        }
    }
    while let Some(group) = search.next_group() {
        requests += 1;
        if is_refused(group.items()) {
            let naming = names.naming(group.items(), refused);
            note(search.refused(group, (), naming));
        } else {
            note(search.accepted(group));
        }
    }
    assert!(
        search.is_done() && found == refused,
        "every item has the right verdict"
    );
    requests
}

/// Requests that plain halving needs.
fn halving(refused: &[bool]) -> u32 {
    fn ask(group: &[bool]) -> u32 {
        if group.len() > 1 && group.contains(&true) {
            let (left, right) = group.split_at(group.len() / 2);
            1 + ask(left) + ask(right)
        } else {
            1
        }
    }
    refused.chunks(MAX_ITEMS).map(ask).sum()
}

/// `log2 C(n, d) + d + ⌈n / MAX_ITEMS⌉`.
#[expect(clippy::cast_precision_loss, reason = "numbers of items are small")]
fn bound(n: usize, d: usize) -> f64 {
    let choices: f64 = (0..d)
        .map(|i| ((n - i) as f64 / (d - i) as f64).log2())
        .sum();
    choices + d as f64 + n.div_ceil(MAX_ITEMS) as f64
}

/// A list of `n` items of which `d` at random are refused.
fn scattered(n: usize, d: usize, random: &mut Random) -> Vec<bool> {
    let mut list = one_run(n, d, random);
    for last in (1..n).rev() {
        list.swap(last, random.below(last + 1));
    }
    list
}

/// A list of `n` items of which `d` neighbours are refused.
fn one_run(n: usize, d: usize, random: &mut Random) -> Vec<bool> {
    let start = random.below(n - d + 1);
    (0..n)
        .map(|item| (start..start + d).contains(&item))
        .collect()
}

/// Xorshift: the same numbers in every run.
struct Random(u64);

impl Random {
    /// A number below `end`.
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 32).unwrap_or(0) % end
    }
}
