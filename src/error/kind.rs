//! Defines all error kinds and their properties in one table.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Whether the API executed the failed request. A write that was not executed is safe to send again.
///
/// Serializes as `"no"` or `"maybe"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Executed {
    /// The API did not execute the request, so it is safe to send the request again.
    No,
    /// The request was sent, but the client does not know whether the API executed it.
    Maybe,
}

/// Specifies when a call may be retried after a failure. A write that may have been executed is never retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Not retried, because the same request would fail in the same way.
    Never,
    /// Retried after a back-off.
    AfterBackoff,
    /// Retried as soon as the rate limit permits the request.
    WhenPermitted,
}

/// Defines `ErrorKind` from a table. Each row must specify all properties of one error kind.
macro_rules! kinds {
    ($(
        $(#[$doc:meta])*
        $kind:ident, $name:literal, executed: $executed:ident, permanent: $permanent:literal, repeat: $repeat:ident;
    )*) => {
        /// The kind of a failure. The description of each kind says whether the API executed the request and how the
        /// crate handles the failure.
        ///
        /// "Retried" means that the client retries the call within the limits of the
        /// [`RetryPolicy`](crate::RetryPolicy). "Read back" means that [`Assign`](crate::Assign) reads the pack, and
        /// then resends only users that are certainly not on the pack. A call is not retried if the description of its
        /// error kind contains neither "retried" nor "read back". [The guide](crate::guide::failures) explains how to
        /// recognize and handle each kind.
        ///
        /// Each kind has a stable name ([`as_str`](Self::as_str)) for logs, JSON and `FromStr`.
        ///
        /// ```
        /// use connecteam_onboarding::{Error, ErrorKind};
        ///
        /// fn advice(error: &Error) -> &'static str {
        ///     match error.kind() {
        ///         ErrorKind::Unauthorized | ErrorKind::Forbidden => "check the credential",
        ///         ErrorKind::NotFound => "check the pack and the region",
        ///         ErrorKind::QuotaSpent => "run it again tomorrow",
        ///         _ if error.is_permanent() => "fix the call",
        ///         _ => "run it again later",
        ///     }
        /// }
        /// # let error = connecteam_onboarding::Client::builder().build().unwrap_err();
        /// # assert_eq!(advice(&error), "fix the call");
        /// assert_eq!("quota_spent".parse(), Ok(ErrorKind::QuotaSpent));
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum ErrorKind {
            $(
                $(#[$doc])*
                #[doc = concat!("\n\nName: `", $name, "`.")]
                $kind,
            )*
        }

        impl ErrorKind {
            /// All error kinds that this release defines.
            pub const ALL: &'static [Self] = &[$(Self::$kind),*];

            /// Returns the stable name of the kind, such as `quota_spent`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }

            pub(super) const fn executed(self) -> Executed {
                match self {
                    $(Self::$kind => Executed::$executed,)*
                }
            }

            pub(super) const fn is_permanent(self) -> bool {
                match self {
                    $(Self::$kind => $permanent,)*
                }
            }

            pub(crate) const fn repeat(self) -> Repeat {
                match self {
                    $(Self::$kind => Repeat::$repeat,)*
                }
            }
        }
    };
}

kinds! {
    /// A setting or an environment variable is missing or invalid. Nothing was sent.
    Configuration, "configuration", executed: No, permanent: true, repeat: Never;
    /// An id in the input is invalid. Nothing was sent.
    InvalidInput, "invalid_input", executed: No, permanent: true, repeat: Never;
    /// An all-or-nothing run has more users than fit into one request. Nothing was sent.
    TooManyUsers, "too_many_users", executed: No, permanent: true, repeat: Never;
    /// The client cannot connect, for example because the host is unknown, refuses the connection, or closes the
    /// connection during the TLS handshake. Not executed; retried.
    Connect, "connect", executed: No, permanent: false, repeat: AfterBackoff;
    /// The proxy cannot be reached, does not respond, or rejects the `CONNECT` request (with 403 or 407). Not executed;
    /// retried.
    Proxy, "proxy", executed: No, permanent: false, repeat: AfterBackoff;
    /// The server's certificate is untrusted, has expired or is for another host, or the server rejects the client
    /// certificate. Not executed.
    Certificate, "certificate", executed: No, permanent: true, repeat: Never;
    /// No complete response arrived before the time-out. The API may have executed the request. If the request was a
    /// read, it is retried. If the request was a write, the pack is read back.
    Timeout, "timeout", executed: Maybe, permanent: false, repeat: AfterBackoff;
    /// The connection broke after the request was sent. The API may have executed the request. If the request was a
    /// read, it is retried. If the request was a write, the pack is read back.
    Interrupted, "interrupted", executed: Maybe, permanent: false, repeat: AfterBackoff;
    /// The credential is missing, wrong or expired (401). Not executed. With OAuth client credentials, the client
    /// requests a new token and retries the request once.
    Unauthorized, "unauthorized", executed: No, permanent: true, repeat: Never;
    /// The credential lacks a required scope, or the plan of the account has no API access (403). Not executed.
    Forbidden, "forbidden", executed: No, permanent: true, repeat: Never;
    /// The pack does not exist (404). Not executed.
    NotFound, "not_found", executed: No, permanent: true, repeat: Never;
    /// The API rejects the request (422), for example because a user does not exist. Not executed. After a 422
    /// response, [`Assign`](crate::Assign) searches for the rejected users.
    Validation, "validation", executed: No, permanent: false, repeat: Never;
    /// The account has exceeded its rate limit. The API reports an exceeded limit with status 429, or with status 200
    /// and a message in the body. Not executed. The request is retried when the rate limit permits it, and this retry
    /// does not use up an attempt. If the wait would be longer than
    /// [`max_rate_limit_wait`](crate::ClientBuilder::max_rate_limit_wait), the request is not retried, and
    /// [`Error::retry_at`](crate::Error::retry_at) returns the time at which a retry is permitted.
    RateLimited, "rate_limited", executed: No, permanent: false, repeat: WhenPermitted;
    /// The daily quota of the account is used up. [`Error::retry_at`](crate::Error::retry_at) returns the time at which
    /// the quota resets. Nothing was sent.
    QuotaSpent, "quota_spent", executed: No, permanent: false, repeat: Never;
    /// The server reports a time-out (408 or 499). The API may have executed the request. If the request was a read, it
    /// is retried. If the request was a write, the pack is read back.
    RequestTimeout, "request_timeout", executed: Maybe, permanent: false, repeat: AfterBackoff;
    /// Any other 4xx. Not executed.
    Client, "client", executed: No, permanent: false, repeat: Never;
    /// The server failed with a 5xx status. The API may have executed the request. If the request was a read, it is
    /// retried. If the request was a write, the pack is read back.
    Server, "server", executed: Maybe, permanent: false, repeat: AfterBackoff;
    /// The server redirects the request (3xx). The client never follows redirects, because the target host would
    /// receive the credential. The API may have executed the request. If the request was a write, the pack is read
    /// back.
    Redirect, "redirect", executed: Maybe, permanent: false, repeat: Never;
    /// The response has a status that the API does not document. The API may have executed the request. If the request
    /// was a write, the pack is read back.
    Unexpected, "unexpected", executed: Maybe, permanent: false, repeat: Never;
    /// The response body is longer than [`max_body_bytes`](crate::ClientBuilder::max_body_bytes). The API may have
    /// executed the request. If the request was a write, the pack is read back.
    TooLarge, "too_large", executed: Maybe, permanent: false, repeat: Never;
    /// The client cannot read or parse the body of a 200 response. The API may have executed the request. If the
    /// request was a read, it is retried. If the request was a write, the pack is read back.
    Unreadable, "unreadable", executed: Maybe, permanent: false, repeat: AfterBackoff;
    /// The list of assignments has further pages, which this crate cannot read. With an incomplete list, a run could
    /// assign users twice, so the run stops, and sends no further writes.
    IncompleteList, "incomplete_list", executed: Maybe, permanent: true, repeat: Never;
    /// A cache returned a list of assignments that is older than the run permits.
    StaleList, "stale_list", executed: Maybe, permanent: false, repeat: Never;
    /// The run reached its request limit ([`Assign::max_requests`](crate::Assign::max_requests)). Nothing was sent.
    RunLimit, "run_limit", executed: No, permanent: false, repeat: Never;
    /// Reading the pack did not show whether the API executed an ambiguous request.
    Ambiguous, "ambiguous", executed: Maybe, permanent: false, repeat: Never;
    /// The caller stopped the run. Nothing was sent.
    Stopped, "stopped", executed: No, permanent: false, repeat: Never;
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The error that `FromStr` returns for a text that is not the name of an [`ErrorKind`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownErrorKind(String);

impl fmt::Display for UnknownErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a kind of error of this release", self.0)
    }
}

impl std::error::Error for UnknownErrorKind {}

impl FromStr for ErrorKind {
    type Err = UnknownErrorKind;

    fn from_str(text: &str) -> Result<Self, UnknownErrorKind> {
        let mut kinds = Self::ALL.iter().copied();
        kinds
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| UnknownErrorKind(text.chars().take(60).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_back_from_its_name() {
        for kind in ErrorKind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(*kind));
            let json = serde_json::to_string(kind).unwrap();
            assert_eq!(json, format!("\"{kind}\""));
            assert_eq!(serde_json::from_str::<ErrorKind>(&json).unwrap(), *kind);
        }
        assert!("Timeout".parse::<ErrorKind>().is_err());
    }

    #[test]
    fn a_permanent_failure_is_never_repeated() {
        for kind in ErrorKind::ALL.iter().filter(|kind| kind.is_permanent()) {
            assert_eq!(kind.repeat(), Repeat::Never, "{kind}");
        }
    }
}
