//! Measures time and memory for the benchmarks. A contestant is one of the programs or functions that a benchmark
//! compares.
#![allow(dead_code, reason = "each benchmark uses its own part of it")]

#[path = "../../tests/support/mod.rs"]
pub mod api;
pub mod by_hand;
pub mod plot;
pub mod process;

use std::hint::black_box;
use std::time::{Duration, Instant};

/// `cargo bench` adds the option `--bench`, so this function removes the option from the arguments.
pub fn arguments() -> Vec<String> {
    let arguments = std::env::args().skip(1);
    arguments.filter(|argument| argument != "--bench").collect()
}

pub fn usage(usage: &str) -> ! {
    eprintln!("usage: {usage}");
    std::process::exit(1)
}

/// Returns the run time of `run`, without the time to drop the result.
pub fn timed<T>(run: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    let result = black_box(run());
    let time = start.elapsed();
    drop(result);
    time
}

pub fn median<T: Copy + PartialOrd>(mut numbers: Vec<T>) -> T {
    numbers.sort_by(|a, b| a.partial_cmp(b).expect("numbers"));
    numbers[numbers.len() / 2]
}

/// The order of the contestants changes with each round, so that each contestant runs first equally often.
pub fn order(contestants: usize, round: usize) -> impl Iterator<Item = usize> {
    (0..contestants).map(move |place| (place + round) % contestants)
}

/// Measures the peak memory of this process since [`Peak::start`]. On systems other than Linux, the result is always
/// 0.
pub struct Peak {
    before: f64,
}

impl Peak {
    pub fn start() -> Self {
        let _ = std::fs::write("/proc/self/clear_refs", "5");
        Self {
            before: kibibytes("VmRSS"),
        }
    }

    pub fn kibibytes(&self) -> f64 {
        kibibytes("VmHWM") - self.before
    }
}

fn kibibytes(name: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or(0.0)
}
