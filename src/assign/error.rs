//! [`AssignError`]: a run that left users unresolved.

use super::outcome::Outcome;
use super::report::Report;
use crate::error::{Error, ErrorKind};
use serde::{Serialize, Serializer};
use std::fmt;

/// A run that left users unresolved: the cause, and the full report.
///
/// Its message has both, so [`source`](std::error::Error::source) is `None`. Serializes as the cause, an
/// [`Error`], with the report in the field `report`.
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
#[derive(Clone)]
pub struct AssignError(Box<(Report, Error)>);

impl AssignError {
    /// Returns the report if every user has an outcome that is final.
    pub(super) fn or_report(report: Report, cause: Option<Error>) -> Result<Report, Self> {
        let unresolved = report
            .outcomes()
            .any(|(_, outcome)| matches!(outcome, Outcome::NotAssigned | Outcome::Unknown));
        match cause {
            Some(cause) if unresolved || cause.is_permanent() => {
                Err(Self(Box::new((report, cause))))
            }
            None if unresolved => {
                let cause = Error::new(
                    ErrorKind::Ambiguous,
                    "users were left unresolved without a cause: this is a bug of the crate",
                );
                Err(Self(Box::new((report, cause))))
            }
            _ => Ok(report),
        }
    }

    /// Returns the outcome of every user.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.0.0
    }

    /// Returns the outcome of every user.
    #[must_use]
    pub fn into_report(self) -> Report {
        self.0.0
    }

    /// Returns the first failure that ended the run or left a request unresolved.
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

impl std::error::Error for AssignError {}

impl Serialize for AssignError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Fields<'a> {
            #[serde(flatten)]
            cause: &'a Error,
            report: &'a Report,
        }
        Fields {
            cause: self.cause(),
            report: self.report(),
        }
        .serialize(serializer)
    }
}
