//! The exit statuses of the programs, in one table.

use connecteam_onboarding::{Error, ErrorKind, Report};

/// The part of a help text that lists the exit statuses of a program that assigns.
pub const HELP: &str = "
Exit status, the first that applies:
  1  bad usage or input; nothing was sent
  4  some users are unknown: it could not be established whether they are assigned
  2  the API rejected the list of `assign --all-or-nothing`
  1  some users are not assigned, and the cause is permanent: correct it first
  3  some users are not assigned, and the cause is transient: run it again
  2  some users are rejected
  0  all users are on the pack; with --plan: the plan is complete
A failed plan exits with 1 if the cause is permanent, else with 3. The first Ctrl-C, SIGTERM or SIGHUP ends
the run with its report. A second signal ends the program at once, with 128 + the signal's number.
";

/// How a program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    Success = 0,
    /// Bad usage or input, or a cause that a second run would meet again.
    Permanent = 1,
    /// The API rejected some users, or the whole list.
    Rejected = 2,
    RunAgain = 3,
    /// It could not be established whether some users are assigned.
    Unknown = 4,
}

impl ExitStatus {
    /// Returns the status of a run, from its report and the error that ended it.
    pub fn of_run(report: &Report, cause: Option<&Error>, all_or_nothing: bool) -> Self {
        if report.unknown().next().is_some() {
            return Self::Unknown;
        }
        match cause {
            Some(cause) if all_or_nothing && cause.kind() == ErrorKind::Validation => {
                Self::Rejected
            }
            Some(cause) => Self::of_error(cause),
            None if report.rejected().next().is_some() => Self::Rejected,
            None => Self::Success,
        }
    }

    /// Returns the status of a call that failed.
    pub fn of_error(error: &Error) -> Self {
        if error.is_permanent() {
            Self::Permanent
        } else {
            Self::RunAgain
        }
    }

    /// Ends the program.
    pub fn exit(self) -> ! {
        // A return from `main` would wait for threads that read standard input or look up a host.
        std::process::exit(self as i32)
    }
}
