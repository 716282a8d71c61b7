//! Tests how the program `follow` exits.

use super::pack::{follow, put};
use crate::command::{folder, run};
use crate::support::{Fault, Server};

fn status(status: u16, body: &str) -> Fault {
    Fault::Status(status, "application/json", body.to_owned())
}

#[test]
fn prints_transient_errors_and_exits_1_after_a_permanent_one() {
    let (server, state) = (Server::start(), folder("errors").join("state.json"));
    server.fault("GET", status(422, r#"{"detail":"not today"}"#));
    let (exit, _, error) = run(follow(&server, &state, &["--until-complete"]));
    assert!(exit == 0 && error.contains("not today"), "{exit} {error}");
    for code in [401, 403, 404] {
        server.fault("GET", status(code, "{}"));
        let (exit, printed, error) = run(follow(&server, &state, &[]));
        assert_eq!((exit, printed.as_str()), (1, ""));
        assert!(error.contains(&code.to_string()), "{error}");
    }
}

#[test]
fn a_wrong_call_exits_1() {
    let (server, state) = (Server::start(), folder("usage").join("state.json"));
    for (arguments, problem) in [
        (vec!["--interval-ms", "0"], "expected at least 1"),
        (vec!["--pack", "x"], "--pack: `x`"),
        (vec!["--users-file", "no-such-file"], "no-such-file"),
        (vec!["--frobnicate"], "--frobnicate"),
    ] {
        let (exit, _, error) = run(follow(&server, &state, &arguments));
        assert!(
            exit == 1 && error.contains(problem),
            "{arguments:?}: {error}"
        );
    }
    assert_eq!(server.requests(), 0);
    put(&server, 7, "completed", false);
    let longest = u64::MAX.to_string();
    let arguments = ["--until-complete", "--interval-ms", &longest];
    assert_eq!(run(follow(&server, &state, &arguments)).0, 0);
}

#[cfg(unix)]
mod signals {
    use super::super::pack::{follow, lines, put, until_gets};
    use crate::command::{MS, end, folder, send};
    use crate::support::{Fault, Server};
    use std::process::Stdio;

    const SIGNALS: [&str; 3] = ["INT", "TERM", "HUP"];

    #[test]
    fn a_stop_signal_exits_0() {
        for signal in SIGNALS {
            for silent in [false, true] {
                let (server, state) = (Server::start(), folder("stop").join("state.json"));
                put(&server, 7, "in_progress", false);
                if silent {
                    server.fault("GET", Fault::Silence);
                }
                let child = follow(&server, &state, &[]).spawn().expect("runs");
                until_gets(&server, if silent { 1 } else { 2 });
                send(&child, signal);
                assert_eq!(end(child).0, 0, "{signal}");
            }
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_stop_signal_interrupts_reading_a_list() {
        for signal in SIGNALS {
            let (server, state) = (Server::start(), folder("reading").join("state.json"));
            let mut child = follow(&server, &state, &["--users-file", "-"])
                .stdin(Stdio::piped())
                .spawn()
                .expect("runs");
            crate::command::wait_for_listener(&child);
            let input = child.stdin.take();
            send(&child, signal);
            assert_eq!(end(child), (0, String::new(), String::new()));
            drop(input);
            assert_eq!(server.requests(), 0);
        }
    }

    /// The test reads only the first line of the output, so the printed changes fill the pipe and block `follow`.
    #[test]
    fn a_stop_signal_does_not_wait_for_a_reader() {
        let (server, state) = (Server::start(), folder("reader").join("state.json"));
        std::fs::write(
            &state,
            r#"{"version":1,"pack":1001,"takenAt":1577836800,"assignments":[]}"#,
        )
        .expect("a file");
        (1..=5_000).for_each(|user| put(&server, user, "in_progress", false));
        let mut child = follow(&server, &state, &[]).spawn().expect("runs");
        let mut printed = lines(&mut child);
        printed.next().expect("a line").expect("text");
        std::thread::sleep(MS * 50);
        send(&child, "TERM");
        assert_eq!(child.wait().expect("ends").code(), Some(0));
        // `follow` exited before it had printed all changes, so the state file must be unchanged.
        let saved = std::fs::read_to_string(&state).expect("there");
        assert!(saved.ends_with(r#""assignments":[]}"#));
    }
}
