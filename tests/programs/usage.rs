//! Tests wrong command-line arguments and the help texts.

use crate::command::{assign, command, file, object, program, run};
use crate::support::Server;
use serde_json::{Value, json};
use std::process::Command;

fn message(object: &Value) -> &str {
    object["error"]["message"].as_str().expect("a message")
}

/// Checks that `assign` reports `problem` and exits with status 1, with and without `--json`.
fn refuses(server: &Server, arguments: &[&str], problem: &str) {
    let mut json = command(server, "assign");
    json.arg("--json").args(arguments);
    let (exit, object) = object(json);
    assert_eq!((exit, &object["assigned"]), (1, &json!([])), "{object}");
    assert!(
        message(&object).contains(problem),
        "{arguments:?}: {object}"
    );
    let mut plain = command(server, "assign");
    plain.args(arguments);
    let (exit, text, error) = run(plain);
    assert_eq!((exit, text.as_str()), (1, ""));
    assert!(
        error.starts_with("error: ") && error.contains(problem),
        "{arguments:?}: {error}"
    );
}

#[test]
fn a_wrong_call_names_the_problem_and_sends_nothing() {
    let server = Server::start();
    let good = file("good.txt", "7\n");
    let pack = ["--pack", "1001"];
    let call = [&pack[..], &["--users-file", &good]].concat();
    let with = |more: &[&'static str]| [&call[..], more].concat();
    let list = |content: &[u8]| file("list.txt", content);
    for (arguments, problem) in [
        (vec![], "--pack is missing"),
        (pack.to_vec(), "--users-file is missing"),
        (vec!["--users-file", &good], "--pack is missing"),
        (with(&["--frobnicate"]), "--frobnicate"),
        (with(&["extra"]), "extra"),
        (with(&["--pack"]), "--pack: a value is missing"),
        (
            with(&["--users-file", ""]),
            "--users-file: the value is empty",
        ),
        (with(&["--pack", "x"]), "--pack: `x`"),
        (with(&["--pack", "0"]), "--pack: `0`"),
        (with(&["--pack", "01001"]), "leading zeros"),
        (with(&["--timeout-ms"]), "--timeout-ms"),
        (with(&["--timeout-ms", "soon"]), "--timeout-ms: `soon`"),
        (
            with(&["--timeout-ms", "0"]),
            "--timeout-ms: expected at least 1",
        ),
        (with(&["--settle-ms", "-1"]), "--settle-ms: `-1`"),
        (with(&["--max-requests", "1e3"]), "--max-requests: `1e3`"),
    ] {
        refuses(&server, &arguments, problem);
    }
    for (content, problem) in [
        (&b"7\nabc\n"[..], "line 2: `abc`"),
        (b"0\n", "line 1: `0`"),
        (b"1\n\n-3\n", "line 3: `-3`"),
        (b"7\n\xff\xfe\n", "line 2: this is not text"),
    ] {
        let list = list(content);
        refuses(
            &server,
            &[&pack[..], &["--users-file", &list]].concat(),
            problem,
        );
    }
    // If `--json` is malformed (for example `--json=yes`), the error must still be printed as a JSON object.
    let (exit, object) = object({
        let mut command = command(&server, "assign");
        command.args(&call).arg("--json=yes");
        command
    });
    assert!(exit == 1 && message(&object).contains("--json"), "{object}");
    let missing = [&pack[..], &["--users-file", "no-such-file.txt"]].concat();
    refuses(&server, &missing, "no-such-file.txt: cannot be read");
    assert_eq!(server.requests(), 0);
}

#[test]
fn a_wrong_call_prints_one_line_and_a_hint() {
    let server = Server::start();
    for name in ["assign", "follow", "new_hires", "reminders"] {
        for argument in ["--frobnicate", "--pack", "two\nlines", "--two\nlines"] {
            let mut command = command(&server, name);
            command.arg(argument);
            let (exit, text, error) = run(command);
            assert_eq!((exit, text.as_str()), (1, ""), "{name} {argument}");
            let lines: Vec<_> = error.lines().collect();
            assert_eq!(lines.len(), 2, "{name} {argument}: {error}");
            assert!(lines[0].starts_with("error: "), "{error}");
            assert_eq!(lines[1], "hint: --help lists the arguments");
        }
    }
    // The error message about an invalid file has only one line, without a hint about `--help`.
    let mut command = command(&server, "assign");
    command.args(["--pack", "1001", "--users-file", &file("word.txt", "x\n")]);
    assert_eq!(run(command).2.lines().count(), 1);
}

#[test]
fn a_wrong_variable_is_named() {
    let server = Server::start();
    let good = file("good.txt", "7\n");
    for (variable, value, problem) in [
        ("CONNECTEAM_API_KEY", "", "CONNECTEAM_API_KEY"),
        ("CONNECTEAM_API_KEY", "two words", "API key"),
        ("CONNECTEAM_BASE_URL", "http://example.com", "not https"),
        ("CONNECTEAM_BASE_URL", "nonsense", "CONNECTEAM_BASE_URL"),
    ] {
        for plan in [&[][..], &["--plan"]] {
            let mut command = assign(&server, &good, plan);
            command.env(variable, value);
            let (exit, object) = object(command);
            assert_eq!(
                (exit, &object["error"]["kind"]),
                (1, &json!("configuration")),
                "{variable}={value}"
            );
            assert!(message(&object).contains(problem), "{object}");
        }
    }
    assert_eq!(server.requests(), 0);
}

#[test]
fn help_lists_flags_variables_and_exit_statuses() {
    let flags = |name| match name {
        "assign" => &[
            "--pack N",
            "--users-file F",
            "--json",
            "--plan",
            "--all-or-nothing",
            "--timeout-ms T",
            "--settle-ms T",
            "--max-requests N",
        ][..],
        "follow" => &[
            "--pack N",
            "--users-file F",
            "--interval-ms T",
            "--state FILE",
            "--until-complete",
            "--json",
        ],
        "new_hires" => &[
            "--pack N",
            "--csv F",
            "--column NAME",
            "--delimiter C",
            "--multiline",
            "--plan",
        ],
        _ => &["--pack N", "--days D", "--state FILE"],
    };
    let variables = [
        "CONNECTEAM_API_KEY",
        "CONNECTEAM_CLIENT_ID",
        "CONNECTEAM_CLIENT_SECRET",
        "CONNECTEAM_REGION",
        "CONNECTEAM_BASE_URL",
    ];
    for name in ["assign", "follow", "reminders", "new_hires"] {
        for help in ["--help", "-h"] {
            let mut command = Command::new(program(name));
            let output = command.arg(help).output().expect("the example is built");
            let text = String::from_utf8(output.stdout).expect("text");
            assert!(
                output.status.success() && text.starts_with(&format!("usage: {name} ")),
                "{name}: {text}"
            );
            assert_eq!(output.stderr, b"");
            for part in flags(name).iter().chain(&variables) {
                assert!(
                    text.contains(&format!("\n  {part} "))
                        || text.contains(&format!("\n  {part}\n")),
                    "{name}: {part}"
                );
            }
            assert!(text.contains("Exit status"), "{name}");
            let longest = text.lines().map(str::len).max();
            assert!(longest <= Some(119), "{name}: {longest:?}");
        }
    }
    let output = Command::new(program("drift"))
        .arg("--help")
        .output()
        .expect("the example is built");
    assert!(output.status.success());
}

/// The program must accept durations that are longer than a clock can represent.
#[test]
fn accepts_the_largest_numbers() {
    let server = Server::start();
    server.users([7]);
    let most = u64::MAX.to_string();
    let users = file("most.txt", "7\n");
    for flag in ["--timeout-ms", "--settle-ms", "--max-requests"] {
        let (exit, object) = object(assign(&server, &users, &[flag, &most]));
        assert_eq!((exit, &object["error"]), (0, &json!(null)), "{flag}");
    }
}
