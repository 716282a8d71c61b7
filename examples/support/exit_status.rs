//! The exit statuses of the example programs.

use connecteam_onboarding::{Error, ErrorKind, Report};

/// The help text about exit statuses, for programs that assign a list of users.
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    Success = 0,
    /// The arguments or the input are wrong, or a retry would fail with the same error.
    Permanent = 1,
    /// The API rejected some users, or the whole list of users.
    Rejected = 2,
    RunAgain = 3,
    /// The run could not determine whether some users are assigned.
    Unknown = 4,
}

impl ExitStatus {
    /// Returns the exit status of a run. `cause` is the error that ended the run early.
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

    pub fn of_error(error: &Error) -> Self {
        if error.is_permanent() {
            Self::Permanent
        } else {
            Self::RunAgain
        }
    }

    /// Ends the program.
    pub fn exit(self) -> ! {
        // Unlike a return from `main`, `exit` does not wait for blocked threads, for example a thread that reads
        // standard input.
        std::process::exit(self as i32)
    }
}
