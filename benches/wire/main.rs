//! Reading a pack, assigning and watching, over the loopback interface, each beside what somebody would
//! write by hand: time, instructions and memory, as Markdown tables. See `README.md` beside this folder.
//!
//! `cargo bench --bench wire` prints the table; `cargo bench --bench wire -- growth` writes how cost grows with
//! size to `benches/growth.csv` and `benches/growth.svg`; `-- profile` prints which functions the instructions
//! go into. All that counts instructions needs valgrind.

mod contestants;
mod growth;
mod process;
mod server;
#[path = "../support/mod.rs"]
mod support;

use contestants::Job;
use process::{instructions, take};
use std::time::Duration;
use support::median;

/// How often the contestants take turns.
const ROUNDS: usize = 7;
/// What is added to each answer where a network is pretended.
const LATENCY: Duration = Duration::from_millis(50);

fn main() {
    if process::run_if_child() {
        return;
    }
    // `cargo bench` adds an option of its own.
    match std::env::args()
        .skip(1)
        .find(|argument| argument != "--bench")
        .as_deref()
    {
        None => table(),
        Some("growth") => growth::write(),
        Some("profile") => profile(),
        Some(_) => {
            eprintln!("usage: wire [growth|profile]");
            std::process::exit(1);
        }
    }
}

fn table() {
    println!("| what | ours | by hand | time | instructions | peak memory |");
    println!("|---|--:|--:|--:|--:|--:|");
    for assignments in [10_000, 100_000] {
        let url = server::start(assignments, Duration::ZERO);
        row(
            &format!("read {assignments} assignments"),
            &url,
            Job::Read,
            15,
            true,
        );
    }
    let url = server::start(0, Duration::ZERO);
    row(
        "assign 100000 ids, a fifth repeated",
        &url,
        Job::Assign(100_000),
        5,
        true,
    );
    row(
        "assign 1000000 ids, a fifth repeated",
        &url,
        Job::Assign(1_000_000),
        3,
        false,
    );
    let slow = server::start(0, LATENCY);
    row(
        "the same, 50 ms added to each answer",
        &slow,
        Job::Assign(100_000),
        1,
        false,
    );
    let url = server::start(100_000, Duration::ZERO);
    row(
        "12 looks at 100000 that find one change",
        &url,
        Job::Watch,
        3,
        true,
    );
}

/// Two turns of ours each.
fn profile() {
    let (full, empty) = (
        server::start(100_000, Duration::ZERO),
        server::start(0, Duration::ZERO),
    );
    for (what, url, job) in [
        ("read 100000", &full, Job::Read),
        ("assign 100000", &empty, Job::Assign(100_000)),
        ("12 looks at 100000", &full, Job::Watch),
    ] {
        let text = process::profile("ours", url, job).unwrap_or_else(|| "no valgrind".to_owned());
        println!("== {what}\n{text}");
    }
}

fn row(what: &str, url: &str, job: Job, turns: usize, count: bool) {
    let rounds = if turns == 1 { 3 } else { ROUNDS };
    let (mut seconds, mut memory) = ([vec![], vec![]], [vec![], vec![]]);
    for round in 0..rounds {
        // In turn, and each first as often as the other.
        let order = if round % 2 == 0 { [0, 1] } else { [1, 0] };
        for who in order {
            let taken = take(["ours", "by hand"][who], url, job, turns);
            seconds[who].push(taken.seconds);
            memory[who].push(taken.kibibytes);
        }
    }
    let [ours, by_hand] = seconds.map(median);
    let [our_memory, their_memory] = memory.map(median);
    let counted = if count {
        let counts = [
            instructions("ours", url, job),
            instructions("by hand", url, job),
        ];
        match counts {
            [Some(ours), Some(by_hand)] => {
                format!(
                    "{:.2} M / {:.2} M = {:.3}",
                    ours / 1e6,
                    by_hand / 1e6,
                    ours / by_hand
                )
            }
            _ => "no valgrind".to_owned(),
        }
    } else {
        "–".to_owned()
    };
    println!(
        "| {what} | {:.2} ms | {:.2} ms | {:.3} | {counted} | {:.1} / {:.1} MiB = {:.2} |",
        ours * 1e3,
        by_hand * 1e3,
        ours / by_hand,
        our_memory / 1024.0,
        their_memory / 1024.0,
        our_memory / their_memory
    );
}
