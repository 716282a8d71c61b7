//! Lines on standard output and standard error.
//!
//! A reader that left changes nothing: the exit status still tells the result.

use super::problem::Problem;
use connecteam_onboarding::Report;
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
