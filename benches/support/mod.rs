//! What the benchmarks measure with.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// How long it takes; what comes of it is dropped once the clock has stopped.
pub fn timed<T>(run: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    let result = black_box(run());
    let time = start.elapsed();
    drop(result);
    time
}

/// The one in the middle.
pub fn median<T: Copy + PartialOrd>(mut numbers: Vec<T>) -> T {
    numbers.sort_by(|a, b| a.partial_cmp(b).expect("numbers"));
    numbers[numbers.len() / 2]
}

/// Counts the most memory of this process anew, as Linux tells it; elsewhere it is 0.
pub struct Peak {
    before: f64,
}

impl Peak {
    /// From here on.
    pub fn start() -> Self {
        let _ = std::fs::write("/proc/self/clear_refs", "5");
        Self {
            before: kibibytes("VmRSS"),
        }
    }

    /// The most so far beyond what there was at the start, in KiB.
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
