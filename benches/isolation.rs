//! Prints Markdown tables with the number of requests that are needed to find the rejected items of a list.
//!
//! The number of requests includes the first request of each chunk. Only one request is in flight at a time. For `n`
//! items with `d` rejected items, the lower bound is `log2 C(n, d) + d + ⌈n / MAX_ITEMS⌉`.
//!
//! The baseline is plain halving: it splits each refused group into two halves and sends both halves.
//!
//! Usage: `isolation [CASES]`. `CASES` is the number of random lists per table row. Default: 200.
#![allow(
    dead_code,
    reason = "the engine uses more of the search than this program"
)]

#[path = "../src/isolate/mod.rs"]
mod isolate;

use fastrand::Rng;
use isolate::{Group, Named, Search};

const MAX_ITEMS: usize = connecteam_onboarding::MAX_USERS_PER_REQUEST;

fn main() {
    // `cargo bench` adds the option `--bench`, so this program ignores the option.
    let argument = std::env::args()
        .skip(1)
        .find(|argument| argument != "--bench");
    let cases = match argument.map(|text| text.parse::<u32>()) {
        None => 200,
        Some(Ok(cases)) if cases > 0 => cases,
        Some(_) => {
            eprintln!("usage: isolation [CASES]");
            std::process::exit(1);
        }
    };
    // The seed is fixed, so that all runs of the benchmark use the same lists.
    let mut random = Rng::with_seed(0x9E37_79B9_7F4A_7C15);
    without_names(cases, &mut random);
    with_names(cases, &mut random);
}

fn without_names(cases: u32, random: &mut Rng) {
    println!(
        "| items | rejected | at random | bound | ratio | plain halving | one run | plain halving |"
    );
    println!("|--:|--:|--:|--:|--:|--:|--:|--:|");
    for n in [500, 5_000, 10_000] {
        for d in [0, 1, 2, 5, 10, 50, 100, 250] {
            let (mut ours, mut halved) = ([0; 2], [0; 2]);
            for _ in 0..cases {
                let lists = [scattered(n, d, random), one_run(n, d, random)];
                for (kind, rejected) in lists.iter().enumerate() {
                    ours[kind] += search(rejected, Names::None);
                    halved[kind] += halving(rejected);
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
}

fn with_names(cases: u32, random: &mut Rng) {
    println!("\n| items | rejected | chunks | chunks refused | named by index | named in a text |");
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

/// How a refusal names the rejected items.
#[derive(Clone, Copy)]
enum Names {
    None,
    ByIndex,
    /// A refusal names all rejected items by their ids in a message text.
    InText,
}

impl Names {
    fn of(self, items: &[u32], rejected: &[bool]) -> Named {
        let named = items
            .iter()
            .copied()
            .filter(|&item| rejected[item as usize])
            .collect();
        match self {
            Self::None => Named::default(),
            Self::ByIndex => Named {
                by_index: named,
                ..Named::default()
            },
            // Like the client, the benchmark ignores a message that names more than half of the items. Such a message
            // may repeat the whole request.
            Self::InText if named.len() * 2 > items.len() => Named::default(),
            Self::InText => Named {
                hinted: named,
                ..Named::default()
            },
        }
    }
}

fn search(rejected: &[bool], names: Names) -> u32 {
    let mut search = Search::new(MAX_ITEMS);
    let mut requests = 0;
    let mut found = vec![false; rejected.len()];
    let mut note = |rejections: Vec<(u32, ())>| {
        for rejection in rejections {
            found[rejection.0 as usize] = true;
        }
    };
    let all: Vec<u32> = (0..).take(rejected.len()).collect();
    let respond = |search: &mut Search<()>, group: Group<()>| {
        let mut items = group.items().iter();
        if items.any(|&item| rejected[item as usize]) {
            let named = names.of(group.items(), rejected);
            search.refused(group, (), &named)
        } else {
            search.accepted(group)
        }
    };
    for chunk in all.chunks(MAX_ITEMS) {
        requests += 1;
        let group = search.chunk(chunk.to_vec());
        note(respond(&mut search, group));
    }
    while let Some(group) = search.next_group() {
        requests += 1;
        note(respond(&mut search, group));
    }
    assert!(
        search.is_done() && found == rejected,
        "the search finds exactly the rejected items"
    );
    requests
}

fn halving(rejected: &[bool]) -> u32 {
    fn send(group: &[bool]) -> u32 {
        if group.len() > 1 && group.contains(&true) {
            let (left, right) = group.split_at(group.len() / 2);
            1 + send(left) + send(right)
        } else {
            1
        }
    }
    rejected.chunks(MAX_ITEMS).map(send).sum()
}

#[expect(clippy::cast_precision_loss, reason = "numbers of items are small")]
fn bound(n: usize, d: usize) -> f64 {
    let choices: f64 = (0..d)
        .map(|i| ((n - i) as f64 / (d - i) as f64).log2())
        .sum();
    choices + d as f64 + n.div_ceil(MAX_ITEMS) as f64
}

fn scattered(n: usize, d: usize, random: &mut Rng) -> Vec<bool> {
    let mut list = one_run(n, d, random);
    random.shuffle(&mut list);
    list
}

/// The `d` rejected items are adjacent.
fn one_run(n: usize, d: usize, random: &mut Rng) -> Vec<bool> {
    let start = random.usize(..n - d + 1);
    (0..n)
        .map(|item| (start..start + d).contains(&item))
        .collect()
}
