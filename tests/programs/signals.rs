//! Tests that the first stop signal makes a program print its report, and that the second stop signal ends the program
//! at once.

use crate::command::examples::stop;
use crate::command::{
    MS, assign, command, end, file, list, one_object, reset_ignored_signals, send, until,
    with_environment,
};
use crate::support::{Fault, Server, Window};
use serde_json::{Value, json};
use std::process::{Child, Command, Stdio};

const SIGNALS: [(&str, i32); 3] = [("INT", 2), ("TERM", 15), ("HUP", 1)];

/// Sends a signal to `assign --json`, which must exit with status 3.
fn stopped(child: Child, signal: &str) -> Value {
    send(&child, signal);
    let (exit, object) = one_object(end(child));
    assert_eq!(
        (exit, &object["error"]["kind"]),
        (3, &json!("stopped")),
        "{signal}: {}",
        object["error"]
    );
    object
}

fn spawn(mut command: Command) -> Child {
    command.spawn().expect("the example is built")
}

#[test]
fn the_first_signal_ends_a_run_with_its_report() {
    let many = file("stop.txt", list(1..=20_000));
    for (signal, _) in SIGNALS {
        let server = Server::start();
        server.users(1..=20_000).delay(MS * 60);
        let child = spawn(assign(&server, &many, &[]));
        until(|| server.posts() >= 6);
        let object = stopped(child, signal);
        let assigned = object["assigned"].as_array().map_or(0, Vec::len);
        assert_eq!(server.assigned(1001).len(), assigned);
        assert!((1..20_000).contains(&assigned), "{assigned}");
    }
}

/// A stop signal must end a wait for the rate limit or for a server that is down.
#[test]
fn the_first_signal_ends_a_wait() {
    let many = file("wait.txt", list(1..=5_000));
    for (signal, _) in SIGNALS {
        for waits_for_the_limit in [true, false] {
            let server = Server::start();
            server.users(1..=5_000);
            if waits_for_the_limit {
                server.with(|world| world.minute = Some(Window::new(3, 50.0)));
            } else {
                for _ in 0..9 {
                    server.fault("GET", Fault::CloseBeforeRead);
                }
            }
            let child = spawn(assign(&server, &many, &[]));
            until(|| server.requests() >= 3);
            std::thread::sleep(MS * 50);
            let object = stopped(child, signal);
            assert_eq!(
                server.assigned(1001).len(),
                object["assigned"].as_array().map_or(0, Vec::len)
            );
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_first_signal_interrupts_reading_a_list() {
    use crate::command::wait_for_listener;

    let server = Server::start();
    for (signal, _) in SIGNALS {
        for plan in [&[][..], &["--plan"]] {
            let mut command = assign(&server, "-", plan);
            command.stdin(Stdio::piped());
            let mut child = spawn(command);
            wait_for_listener(&child);
            // Standard input stays open, so `assign` waits for more user ids.
            let input = child.stdin.take();
            let object = stopped(child, signal);
            assert_eq!(object["unique"].is_u64(), !plan.is_empty());
            drop(input);
        }
        let mut hire = command(&server, "new_hires");
        hire.args(["--pack", "1001", "--csv", "-", "--column", "id"])
            .stdin(Stdio::piped());
        let mut child = spawn(hire);
        wait_for_listener(&child);
        let input = child.stdin.take();
        send(&child, signal);
        let (exit, text, error) = end(child);
        assert_eq!((exit, text.as_str()), (3, ""));
        assert!(error.contains("stopped by a signal"), "{error}");
        drop(input);
    }
    assert_eq!(server.requests(), 0);
}

#[test]
fn the_first_signal_ends_a_plan() {
    for (signal, _) in SIGNALS {
        let server = Server::start();
        server.users([7]).fault("GET", Fault::Silence);
        let users = file("plan.txt", "7\n");
        let child = spawn(assign(&server, &users, &["--plan"]));
        until(|| server.gets() > 0);
        let object = stopped(child, signal);
        assert_eq!(object["unique"], json!(0));
    }
}

#[test]
fn the_first_signal_ends_the_other_programs() {
    let table = file("hires.csv", format!("id\n{}", list(1..=20_000)));
    let saved = r#"{"version":1,"pack":1001,"takenAt":1577836800,"assignments":[]}"#;
    let state = file("state.json", saved);
    for (signal, _) in SIGNALS {
        let server = Server::start();
        server.users(1..=20_000).delay(MS * 60);
        let mut hire = command(&server, "new_hires");
        hire.args(["--pack", "1001", "--csv", &table, "--column", "id"]);
        let child = spawn(hire);
        until(|| server.posts() >= 6);
        send(&child, signal);
        let (exit, text, error) = end(child);
        assert_eq!(exit, 3, "{text}{error}");
        assert!(
            text.starts_with("20000 users: ") && error.starts_with("error: "),
            "{text}{error}"
        );

        server.fault("GET", Fault::Silence);
        let gets = server.gets();
        let mut remind = command(&server, "reminders");
        remind.args(["--pack", "1001", "--days", "1", "--state", &state]);
        let child = spawn(remind);
        until(|| server.gets() > gets);
        send(&child, signal);
        assert_eq!(end(child).0, 3);
    }
}

/// After the first signal, the program waits for a response that the server never sends.
#[test]
fn a_second_signal_ends_a_program_at_once() {
    for (signal, number) in SIGNALS {
        let server = Server::start();
        server.users([7]).fault("POST", Fault::Silence);
        let users = file("twice.txt", "7\n");
        let mut child = spawn(assign(&server, &users, &[]));
        until(|| server.posts() > 0);
        // The system merges identical pending signals, so the program may receive two signals as one. The test
        // therefore repeats the signal until the program ends.
        while child.try_wait().expect("a process").is_none() {
            send(&child, signal);
            std::thread::sleep(MS * 20);
        }
        assert_eq!(end(child).0, 128 + number, "{signal}");
    }
}

/// Returns a shell command that ignores these signals, as `nohup` does, and then runs `command`.
fn ignoring(signals: &str, command: &Command, server: &Server) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell
        .args(["-c", &format!("trap '' {signals}; exec \"$0\" \"$@\"")])
        .arg(command.get_program())
        .args(command.get_args());
    with_environment(shell, server)
}

#[test]
fn a_signal_that_is_ignored_at_start_stays_ignored() {
    let many = file("ignored.txt", list(1..=4_000));
    let server = Server::start();
    server.users(1..=4_000).delay(MS * 30);
    let run = assign(&server, &many, &[]);
    let child = spawn(ignoring("HUP INT", &run, &server));
    until(|| server.posts() >= 2);
    for _ in 0..3 {
        send(&child, "HUP");
        send(&child, "INT");
        std::thread::sleep(MS * 5);
    }
    let (exit, object) = one_object(end(child));
    assert_eq!(
        (exit, object["assigned"].as_array().map(Vec::len)),
        (0, Some(4_000))
    );

    // SIGTERM is not ignored, so SIGTERM still stops the program.
    let many = file("stopped.txt", list(1..=20_000));
    let server = Server::start();
    server.users(1..=20_000).delay(MS * 60);
    let run = assign(&server, &many, &[]);
    let child = spawn(ignoring("HUP INT", &run, &server));
    until(|| server.posts() >= 2);
    send(&child, "HUP");
    stopped(child, "TERM");
}

/// This test runs itself again in child processes that ignore some stop signals.
#[test]
fn both_checks_find_ignored_signals() {
    const IGNORED: &str = "TEST_IGNORED_SIGNALS";
    if let Ok(ignored) = std::env::var(IGNORED) {
        for (name, number) in SIGNALS {
            let expected = ignored.split(' ').any(|ignored| ignored == name);
            assert_eq!(stop::is_ignored_by_shell(number), expected, "{name}");
            if cfg!(target_os = "linux") {
                assert_eq!(stop::is_ignored_by_proc(number), Some(expected), "{name}");
            }
            assert_eq!(stop::is_ignored(number), expected, "{name}");
        }
        return;
    }
    reset_ignored_signals();
    let test = std::env::current_exe().expect("this test");
    for ignored in ["HUP", "HUP TERM", "INT", "INT TERM"] {
        let script = format!("trap '' {ignored}; exec \"$0\" \"$@\"");
        let output = Command::new("/bin/sh")
            .args(["-c", &script])
            .arg(&test)
            .args([
                "--exact",
                "programs::signals::both_checks_find_ignored_signals",
            ])
            .env(IGNORED, ignored)
            .output()
            .expect("a shell");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && text.contains("1 passed"),
            "{text}"
        );
    }
}
