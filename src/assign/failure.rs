//! [`AssignError`]: a run that left somebody open.

use crate::error::{Error, ErrorKind};
use crate::ledger::Outcome;
use crate::report::Report;
use std::fmt;

/// A run that left somebody open: the cause, and the full report all the same. The cause is its source, too, and
/// its text begins with the cause's words.
///
/// ```no_run
/// # async fn example(pack: connecteam_onboarding::Pack, list: Vec<u64>) {
/// if let Err(error) = pack.assign(list).await {
///     println!("{error}"); // the cause, and the counts of the report
///     println!("{} are assigned nevertheless", error.report().assigned().count());
///     if !error.cause().is_lasting() {
///         println!("run these again: {:?}", error.report().retry_ids().collect::<Vec<_>>());
///     }
/// }
/// # }
/// ```
#[derive(Clone)]
pub struct AssignError(Box<(Report, Error)>);

impl AssignError {
    pub(super) fn or_report(report: Report, cause: Option<Error>) -> Result<Report, Self> {
        let open = report
            .outcomes()
            .any(|(_, outcome)| matches!(outcome, Outcome::NotAssigned | Outcome::Unknown));
        match cause {
            Some(cause) if open || cause.is_lasting() => Err(Self(Box::new((report, cause)))),
            None if open => {
                let cause = Error::new(
                    ErrorKind::InDoubt,
                    "somebody was left open without a cause: this is a bug of the crate",
                );
                Err(Self(Box::new((report, cause))))
            }
            _ => Ok(report),
        }
    }

    /// What became of everybody.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.0.0
    }

    /// What became of everybody.
    #[must_use]
    pub fn into_report(self) -> Report {
        self.0.0
    }

    /// Why somebody was left open: the first failure that ended the run or left a request undone.
    #[must_use]
    pub fn cause(&self) -> &Error {
        &self.0.1
    }
}

impl fmt::Display for AssignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.cause(), self.report())
    }
}

impl fmt::Debug for AssignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AssignError")
            .field("cause", self.cause())
            .field("report", self.report())
            .finish()
    }
}

impl std::error::Error for AssignError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(self.cause())
    }
}
