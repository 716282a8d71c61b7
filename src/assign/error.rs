//! [`AssignError`]: the error of a run, with the full report.

use super::report::Report;
use crate::error::{Error, ErrorKind};
use serde::Serialize;
use std::fmt;

/// The error that a run returns if the run left users unresolved or failed permanently. The error contains its cause
/// and the full report.
///
/// The error message includes the cause and the number of users with each outcome. Because the cause is part of the
/// message, [`source`](std::error::Error::source) returns `None`. The serialized form has the fields of the cause (an
/// [`Error`]) and an additional field `report`.
///
/// ```no_run
/// # async fn example(pack: connecteam_onboarding::Pack, list: Vec<u64>) {
/// if let Err(error) = pack.assign(list).await {
///     println!("{error}"); // the cause, and the counts of the report
///     println!("{} users are assigned", error.report().assigned().count());
///     if !error.cause().is_permanent() {
///         println!("run these again: {:?}", error.report().retry_ids().collect::<Vec<_>>());
///     }
/// }
/// # }
/// ```
#[derive(Clone, Serialize)]
pub struct AssignError(Box<Fields>);

#[derive(Clone, Serialize)]
struct Fields {
    #[serde(flatten)]
    cause: Error,
    report: Report,
}

impl AssignError {
    /// Returns an error if at least one user is unresolved or if `cause` is permanent. Otherwise, returns the report.
    pub(super) fn or_report(report: Report, cause: Option<Error>) -> Result<Report, Self> {
        let unresolved = report.retry_ids().next().is_some();
        let cause = cause.or_else(|| {
            let message = "users were left unresolved without a cause: this is a bug of the crate";
            unresolved.then(|| Error::new(ErrorKind::Ambiguous, message))
        });
        match cause {
            Some(cause) if unresolved || cause.is_permanent() => {
                Err(Self(Box::new(Fields { cause, report })))
            }
            _ => Ok(report),
        }
    }

    /// Returns the report, which has the outcome of every user.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.0.report
    }

    /// Converts the error into its report, which has the outcome of every user.
    #[must_use]
    pub fn into_report(self) -> Report {
        self.0.report
    }

    /// Returns the first error that ended the run or left users unresolved.
    #[must_use]
    pub fn cause(&self) -> &Error {
        &self.0.cause
    }
}

impl fmt::Display for AssignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.0.cause, self.0.report)
    }
}

impl fmt::Debug for AssignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AssignError")
            .field("cause", &self.0.cause)
            .field("report", &self.0.report)
            .finish()
    }
}

impl std::error::Error for AssignError {}
