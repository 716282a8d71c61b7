//! Prints lines to standard output and standard error.
//!
//! If the output is closed, the program continues, because its exit status still reports the result.

use super::problem::Problem;
use connecteam_onboarding::{Plan, Report};
use std::fmt::{Display, Write as _};
use std::io::Write as _;

/// Prints a line to standard output.
pub fn line(text: impl Display) {
    if let Err(error) = writeln!(std::io::stdout(), "{text}") {
        note(format_args!("error: cannot print: {error}"));
    }
}

/// Prints a line to standard error.
pub fn note(text: impl Display) {
    // Unlike `eprintln!`, `writeln!` does not panic if standard error is closed.
    let _ = writeln!(std::io::stderr(), "{}", one_line(&text.to_string()));
}

/// Prints an error message. If the arguments were wrong, prints a hint about `--help` on the next line.
pub fn problem(problem: &Problem) {
    note(format_args!("error: {}", problem.message));
    if problem.is_usage {
        note("hint: --help lists the arguments");
    }
}

/// Prints a plan, and estimates how many requests are needed if the API rejects some users.
pub fn plan(plan: &Plan) {
    line(plan);
    if plan.to_assign > 0 {
        let rejected = one_percent(plan);
        let requests = requests_if_some_are_rejected(plan);
        line(format_args!(
            "if {rejected} of the users to assign are rejected: about {requests} requests"
        ));
    }
}

/// Estimates how many requests are needed if the API rejects 1 % of the users (at least one user).
pub fn requests_if_some_are_rejected(plan: &Plan) -> u64 {
    plan.requests_if_rejected(one_percent(plan))
}

fn one_percent(plan: &Plan) -> u64 {
    (plan.to_assign / 100).max(1)
}

/// Prints a report, the rejected users, and the error that ended the run early, if any.
pub fn report(report: &Report, cause: Option<&Problem>) {
    line(report);
    for (user, reason) in report.rejected() {
        line(format_args!("rejected {user}: {reason}"));
    }
    if let Some(cause) = cause {
        problem(cause);
    }
}

/// Escapes control characters, because file names and arguments may contain them.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            let _ = write!(line, "{}", character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}
