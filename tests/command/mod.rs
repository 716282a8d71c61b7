//! Runs the example programs as child processes. The module `examples` contains the code that the programs share.
#![allow(dead_code, reason = "each test file uses only some of the functions")]

#[path = "../../examples/support/mod.rs"]
pub mod examples;

use crate::support::Server;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

pub const MS: Duration = Duration::from_millis(1);

/// `cargo test` builds the examples in a folder next to the test executables.
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("this test");
    let target = test.parent().and_then(Path::parent).expect("target/debug");
    target.join("examples").join(name)
}

pub fn command(server: &Server, name: &str) -> Command {
    with_environment(Command::new(program(name)), server)
}

pub fn with_environment(mut command: Command, server: &Server) -> Command {
    #[cfg(unix)]
    reset_ignored_signals();
    command
        .env_clear()
        .env("CONNECTEAM_API_KEY", "key")
        .env("CONNECTEAM_BASE_URL", server.base_url())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

pub fn assign(server: &Server, users: &str, more: &[&str]) -> Command {
    let mut command = command(server, "assign");
    command
        .args(["--pack", "1001", "--users-file", users, "--json"])
        .args(more);
    command
}

pub fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(env!("CARGO_CRATE_NAME"))
        .join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// Writes content to a new file whose path ends with `name`.
pub fn file(name: &str, content: impl AsRef<[u8]>) -> String {
    static FILES: AtomicUsize = AtomicUsize::new(0);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(env!("CARGO_CRATE_NAME"))
        .join("files");
    std::fs::create_dir_all(&folder).expect("a folder");
    let number = FILES.fetch_add(1, Ordering::Relaxed);
    let path = folder.join(format!("{number}-{name}"));
    std::fs::write(&path, content).expect("a file");
    path.to_str().expect("text").to_owned()
}

pub fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

pub fn list(users: impl IntoIterator<Item = u64>) -> String {
    users.into_iter().map(|user| format!("{user}\n")).collect()
}

/// The exit status, standard output and standard error of a program.
pub type Ended = (i32, String, String);

pub fn run(mut command: Command) -> Ended {
    end(command.spawn().expect("the example is built"))
}

pub fn end(child: Child) -> Ended {
    let output = child.wait_with_output().expect("ends");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    let status = output.status;
    let code = status.code().unwrap_or_else(|| panic!("killed: {status}"));
    (code, text(output.stdout), text(output.stderr))
}

/// Runs a program that must print exactly one JSON object.
pub fn object(command: Command) -> (i32, Value) {
    one_object(run(command))
}

pub fn one_object((code, text, error): Ended) -> (i32, Value) {
    assert_eq!(text.lines().count(), 1, "one object: {text} {error}");
    (code, serde_json::from_str(&text).expect("JSON"))
}

#[cfg(unix)]
pub fn send(child: &Child, signal: &str) {
    let sent = Command::new("kill")
        .args([&format!("-{signal}"), &child.id().to_string()])
        .status();
    assert!(sent.expect("kill").success());
}

/// Waits until the program has registered its signal handlers. It is enough to check the SIGHUP handler, because the
/// program registers that handler last.
#[cfg(target_os = "linux")]
pub fn wait_for_listener(child: &Child) {
    let listens = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()));
        let status = status.expect("a process");
        let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let mask = u64::from_str_radix(mask.expect("signals").trim(), 16).expect("a number");
        mask & 1 == 1
    };
    while !listens() {
        std::thread::sleep(MS);
    }
}

/// Installs a handler for each stop signal that this process ignores. A process in the background may ignore SIGINT.
/// Child processes inherit ignored signals, but not handlers, so they start with the default actions of these signals.
#[cfg(unix)]
pub fn reset_ignored_signals() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        for signal in [1, 2, 15] {
            if examples::stop::is_ignored(signal) {
                signal_hook::flag::register(signal, std::sync::Arc::default()).expect("a signal");
            }
        }
    });
}

/// Panics after one minute, so that a test does not hang if its program has ended.
#[track_caller]
pub fn until(condition: impl Fn() -> bool) {
    let start = std::time::Instant::now();
    while !condition() {
        assert!(
            start.elapsed().as_secs() < 60,
            "the condition is still false"
        );
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}
