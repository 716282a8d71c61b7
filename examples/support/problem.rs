//! Describes why a program failed.

use super::exit_status::ExitStatus;
use connecteam_onboarding::{Error, ErrorKind};
use serde::Serialize;
use std::time::UNIX_EPOCH;

/// The reason why a program failed. With `--json`, the reason is printed as the field `error`.
#[derive(Debug, Serialize)]
pub struct Problem {
    kind: &'static str,
    pub message: String,
    /// The earliest time at which a retry makes sense, in seconds since the Unix epoch (UTC).
    retry_at: Option<u64>,
    #[serde(skip)]
    pub status: ExitStatus,
    /// Whether the error message is followed by a hint about `--help`.
    #[serde(skip)]
    pub is_usage: bool,
}

impl Problem {
    /// Returns a [`Problem`] for wrong arguments.
    pub fn usage(message: impl Into<String>) -> Self {
        Self {
            is_usage: true,
            ..Self::input(message)
        }
    }

    /// Returns a [`Problem`] for an input that cannot be read or an output that cannot be written.
    pub fn input(message: impl Into<String>) -> Self {
        Self::new("usage", message, ExitStatus::Permanent)
    }

    /// Returns a [`Problem`] for a stop signal that arrives before any user is assigned.
    pub fn stopped() -> Self {
        let message = "stopped by a signal; no user was assigned";
        Self::new(ErrorKind::Stopped.as_str(), message, ExitStatus::RunAgain)
    }

    fn new(kind: &'static str, message: impl Into<String>, status: ExitStatus) -> Self {
        Self {
            kind,
            message: message.into(),
            retry_at: None,
            status,
            is_usage: false,
        }
    }
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        let retry_at = error
            .retry_at()
            .and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        Self {
            retry_at: retry_at.map(|since| since.as_secs()),
            ..Self::new(
                error.kind().as_str(),
                error.to_string(),
                ExitStatus::of_error(error),
            )
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::from(&error)
    }
}
