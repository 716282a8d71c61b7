//! Lines on standard output and standard error.
//!
//! A reader that left changes nothing: the exit status still tells the result.

use super::problem::Problem;
use connecteam_onboarding::{Plan, Report};
use std::fmt::{Display, Write as _};
use std::io::Write as _;

/// Prints a line on standard output.
pub fn line(text: impl Display) {
    if let Err(error) = writeln!(std::io::stdout(), "{text}") {
        note(format_args!("error: cannot print: {error}"));
    }
}

/// Prints a line on standard error.
pub fn note(text: impl Display) {
    // Not `eprintln!`, which panics when standard error is closed.
    let _ = writeln!(std::io::stderr(), "{}", one_line(&text.to_string()));
}

/// Prints a problem, and where to read more about a wrong call.
pub fn problem(problem: &Problem) {
    note(format_args!("error: {}", problem.message));
    if problem.is_usage {
        note("hint: --help lists the arguments");
    }
}

/// Prints a plan, and what it takes if some users are rejected.
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

/// Estimates the requests if 1 % of the users are rejected, at least one.
pub fn requests_if_some_are_rejected(plan: &Plan) -> u64 {
    plan.requests_if_rejected(one_percent(plan))
}

fn one_percent(plan: &Plan) -> u64 {
    (plan.to_assign / 100).max(1)
}

/// Prints a report, the rejected users, and the cause that left users unassigned or unknown.
pub fn report(report: &Report, cause: Option<&Problem>) {
    line(report);
    for (user, reason) in report.rejected() {
        line(format_args!("rejected {user}: {reason}"));
    }
    if let Some(cause) = cause {
        problem(cause);
    }
}

/// Escapes control characters: file names and arguments may hold any.
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
