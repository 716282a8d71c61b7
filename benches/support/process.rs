//! Runs each contestant of a benchmark in a separate process, so that memory and caches of one contestant do not
//! affect the next.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Runs this program in a new process and returns the numbers that the new process prints.
pub fn numbers(arguments: &[String]) -> Vec<f64> {
    let output = Command::new(this_program())
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()
        .expect("a process");
    assert!(output.status.success(), "the contestant failed");
    let text = String::from_utf8(output.stdout).expect("text");
    let numbers = text.split_whitespace().map(|number| number.parse());
    numbers.map(|number| number.expect("a number")).collect()
}

/// Counts the CPU instructions of functions whose name contains `counted`. Returns `None` if valgrind is not installed.
pub fn instructions(arguments: &[String]) -> Option<f64> {
    let file = callgrind(arguments)?;
    let text = std::fs::read_to_string(&file).expect("the file of callgrind");
    let _ = std::fs::remove_file(&file);
    let line = text.lines().find_map(|line| line.strip_prefix("totals: "));
    line.and_then(|total| total.trim().parse().ok())
}

/// Returns a text table with the number of CPU instructions per function, or `None` if valgrind is not installed.
pub fn profile(arguments: &[String]) -> Option<String> {
    let file = callgrind(arguments)?;
    let output = Command::new("callgrind_annotate")
        .args(["--threshold=92", "--auto=no"])
        .arg(&file)
        .output();
    let _ = std::fs::remove_file(&file);
    String::from_utf8(output.ok()?.stdout).ok()
}

/// Runs this program with callgrind, a tool of valgrind. Returns the path of the file that contains the instruction
/// counts.
fn callgrind(arguments: &[String]) -> Option<PathBuf> {
    let file = std::env::temp_dir().join(format!("callgrind-{}", std::process::id()));
    let status = Command::new("valgrind")
        .args([
            "--tool=callgrind",
            "--collect-atstart=no",
            "--toggle-collect=*counted*",
        ])
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(this_program())
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .ok()?;
    assert!(status.success(), "the contestant failed under valgrind");
    Some(file)
}

fn this_program() -> PathBuf {
    std::env::current_exe().expect("this program")
}
