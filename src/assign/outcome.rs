//! [`Outcome`]: what happened to one user of a list.

use crate::text::Printable;
use std::fmt;
use std::sync::Arc;

/// What happened to one user. Each unique id of a list gets exactly one outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// A request of this run assigned the user.
    Assigned,
    /// The user was already on the pack. The run skipped the user, or the API rejected the user because the user was
    /// already on the pack.
    AlreadyAssigned,
    /// The API rejects the user for the reason in the [`Rejection`].
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

    /// Returns the rejection reason as the API sent it, without escaping.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Rejection {
    /// Formats the reason on one line and escapes control characters. To get the unescaped reason, call
    /// [`reason`](Self::reason).
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
