//! Contestants in processes of their own: how long they take, how much memory, how many instructions.

use crate::contestants::{Contestant, Job, contest};
use crate::support::{Peak, median};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// What one process took for one turn.
pub struct Taken {
    pub seconds: f64,
    /// The most memory beyond what it had before the first turn.
    pub kibibytes: f64,
}

/// The words with which this program is a contestant.
const CHILD: &str = "contestant";

/// Whether this process is a contestant; if so, it has run.
pub fn run_if_child() -> bool {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [child, who, url, job, ids, turns] = arguments.as_slice() else {
        return false;
    };
    if child != CHILD {
        return false;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let job = match job.as_str() {
        "read" => Job::Read,
        "watch" => Job::Watch,
        _ => Job::Assign(ids.parse().expect("a number")),
    };
    let contestant = runtime.block_on(async { Contestant::new(who, url) });
    let peak = Peak::start();
    let turns = 0..turns.parse().expect("a number");
    let seconds = turns
        .map(|_| contest(&runtime, &contestant, job).as_secs_f64())
        .collect();
    let kibibytes = peak.kibibytes();
    println!("{} {kibibytes}", median(seconds));
    true
}

fn arguments(who: &str, url: &str, job: Job, turns: usize) -> [String; 6] {
    let (job, ids) = match job {
        Job::Read => ("read", 0),
        Job::Watch => ("watch", 0),
        Job::Assign(ids) => ("assign", ids),
    };
    [CHILD, who, url, job, &ids.to_string(), &turns.to_string()].map(str::to_owned)
}

/// Runs a contestant for so many turns; the median one.
pub fn take(who: &str, url: &str, job: Job, turns: usize) -> Taken {
    let program = std::env::current_exe().expect("this program");
    let output = Command::new(program)
        .args(arguments(who, url, job, turns))
        .stderr(Stdio::inherit())
        .output()
        .expect("a process");
    assert!(output.status.success(), "the contestant failed");
    let text = String::from_utf8(output.stdout).expect("text");
    let mut numbers = text
        .split_whitespace()
        .map(|number| number.parse().expect("a number"));
    let mut next = || numbers.next().expect("two numbers");
    Taken {
        seconds: next(),
        kibibytes: next(),
    }
}

/// The instructions of one turn after a first, by callgrind; `None` where there is no valgrind.
pub fn instructions(who: &str, url: &str, job: Job) -> Option<f64> {
    let [one, two] = [1, 2].map(|turns| count(who, url, job, turns));
    // What is done once, like the connection, is in both.
    Some(two? - one?)
}

fn count(who: &str, url: &str, job: Job, turns: usize) -> Option<f64> {
    let file = callgrind(who, url, job, turns)?;
    let text = std::fs::read_to_string(&file).expect("what callgrind wrote");
    let _ = std::fs::remove_file(&file);
    let line = text.lines().find_map(|line| line.strip_prefix("totals: "));
    line.and_then(|total| total.trim().parse().ok())
}

/// Where the instructions of a turn go, function by function.
pub fn profile(who: &str, url: &str, job: Job) -> Option<String> {
    let file = callgrind(who, url, job, 2)?;
    let output = Command::new("callgrind_annotate")
        .args(["--threshold=92", "--auto=no"])
        .arg(&file)
        .output();
    let _ = std::fs::remove_file(&file);
    String::from_utf8(output.ok()?.stdout).ok()
}

/// Runs a contestant under callgrind; the file with what it counted.
fn callgrind(who: &str, url: &str, job: Job, turns: usize) -> Option<PathBuf> {
    let file = std::env::temp_dir().join(format!("callgrind-{}", std::process::id()));
    let status = Command::new("valgrind")
        .args([
            "--tool=callgrind",
            "--collect-atstart=no",
            "--toggle-collect=*counted*",
        ])
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(std::env::current_exe().expect("this program"))
        .args(arguments(who, url, job, turns))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .ok()?;
    assert!(status.success(), "the contestant failed under valgrind");
    Some(file)
}
