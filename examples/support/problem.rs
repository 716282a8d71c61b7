//! Why a program did not do its job.

use super::exit_status::ExitStatus;
use connecteam_onboarding::{Error, ErrorKind};
use serde::Serialize;
use std::time::UNIX_EPOCH;

/// The reason that a program ends without success. Serializes as the `error` of its JSON object.
#[derive(Debug, Serialize)]
pub struct Problem {
    kind: &'static str,
    pub message: String,
    /// In seconds since the Unix epoch (UTC).
    retry_at: Option<u64>,
    #[serde(skip)]
    pub status: ExitStatus,
    /// Whether the help text tells what is right.
    #[serde(skip)]
    pub is_usage: bool,
}

impl Problem {
    /// A wrong call.
    pub fn usage(message: impl Into<String>) -> Self {
        Self {
            is_usage: true,
            ..Self::input(message)
        }
    }

    /// A file that cannot be used.
    pub fn input(message: impl Into<String>) -> Self {
        Self::new("usage", message, ExitStatus::Permanent)
    }

    /// A stop signal that came before the work began.
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
