//! [`Outcome`]: what happened to one user of a list.

use crate::text::Printable;
use std::fmt;
use std::sync::Arc;

/// What happened to one user. Each unique id of a list ends with exactly one outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// A request of this run assigned the user.
    Assigned,
    /// The user was on the pack already. The run skipped the user, or the API rejected the user for that reason.
    AlreadyAssigned,
    /// The API rejects the user. The value has the reason.
    Rejected(Rejection),
    /// This run did not assign the user. It is safe to send the user again.
    NotAssigned,
    /// The run could not find out whether a request for the user was executed.
    Unknown,
}

/// The reason why the API rejects a user. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection(Arc<str>);

impl Rejection {
    pub(crate) fn new(reason: impl Into<Arc<str>>) -> Self {
        Self(reason.into())
    }

    /// Returns the API's reason, unchanged.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Rejection {
    /// Shows the reason on one line, with control characters escaped. [`reason`](Self::reason) returns the reason
    /// unchanged.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Printable(&self.0), f)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Assigned => f.write_str("assigned"),
            Self::AlreadyAssigned => f.write_str("already assigned"),
            Self::Rejected(reason) => write!(f, "rejected: {reason}"),
            Self::NotAssigned => f.write_str("not assigned"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}
