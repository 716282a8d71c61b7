//! The kinds of failure, and one table with the facts of each kind.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Whether the API executed the failed request. A write that was not executed is safe to send again.
///
/// In JSON: `"no"` or `"maybe"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Executed {
    /// Not executed: nothing changed, and sending the request again is safe.
    No,
    /// Possibly executed: the request was sent, and no response shows whether the API executed it.
    Maybe,
}

/// When a failed call may be retried, if a retry is safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Never: the same request would fail in the same way.
    Never,
    /// After a back-off.
    AfterBackoff,
    /// As soon as the rate limit permits the request.
    WhenPermitted,
}

/// Defines `ErrorKind` from a table with one row per kind, so that no kind can be added without its facts.
macro_rules! kinds {
    ($(
        $(#[$doc:meta])*
        $kind:ident, $name:literal, executed: $executed:ident, permanent: $permanent:literal, repeat: $repeat:ident;
    )*) => {
        /// The kind of a failure. Each kind states whether the request was executed and what the crate does then.
        ///
        /// "Retried" means that the client retries the call, as its [`RetryPolicy`](crate::RetryPolicy) permits. "Read
        /// back" means that [`Assign`](crate::Assign) reads the pack, and sends again only the users that the list proves
        /// absent. If the description of a kind contains neither term, the call is not retried.
        /// [The guide](crate::guide::failures) describes, for each kind, what you see and what to do.
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
            /// Every kind of this release.
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
    /// The configuration is invalid: a setting or an environment variable is missing or wrong. Nothing was sent.
    Configuration, "configuration", executed: No, permanent: true, repeat: Never;
    /// A value is not a valid id. Nothing was sent.
    InvalidInput, "invalid_input", executed: No, permanent: true, repeat: Never;
    /// An all-or-nothing list has more users than one request may carry. Nothing was sent.
    TooManyUsers, "too_many_users", executed: No, permanent: true, repeat: Never;
    /// No connection: the host is unknown, the host refuses the connection, or the connection breaks during the TLS
    /// handshake. Not executed; retried.
    Connect, "connect", executed: No, permanent: false, repeat: AfterBackoff;
    /// The proxy cannot be reached, does not respond, or refuses the connection (403 or 407 to CONNECT). Not executed;
    /// retried.
    Proxy, "proxy", executed: No, permanent: false, repeat: AfterBackoff;
    /// The server's certificate is not trusted, has expired or belongs to another host, or the server rejects the
    /// certificate of this client. Not executed.
    Certificate, "certificate", executed: No, permanent: true, repeat: Never;
    /// No complete response in time. Maybe executed: a read is retried, a write is read back.
    Timeout, "timeout", executed: Maybe, permanent: false, repeat: AfterBackoff;
    /// The connection broke after the request was sent. Maybe executed: a read is retried, a write is read back.
    Interrupted, "interrupted", executed: Maybe, permanent: false, repeat: AfterBackoff;
    /// 401: the credential is missing, wrong or expired. Not executed. With client credentials, the request is
    /// retried once with a new token.
    Unauthorized, "unauthorized", executed: No, permanent: true, repeat: Never;
    /// 403: the credential lacks the scope, or the plan has no API access. Not executed.
    Forbidden, "forbidden", executed: No, permanent: true, repeat: Never;
    /// 404: the pack does not exist. Not executed.
    NotFound, "not_found", executed: No, permanent: true, repeat: Never;
    /// 422: the API rejects the request, for example because a user does not exist. Not executed. A run then
    /// searches for the rejected users.
    Validation, "validation", executed: No, permanent: false, repeat: Never;
    /// The account is over its rate limit (429, or a 200 that reports this). Not executed; retried when the rate limit
    /// permits the request. Such a retry does not count as an attempt. If the wait would be longer than
    /// [`max_rate_limit_wait`](crate::ClientBuilder::max_rate_limit_wait), the request is not retried, and
    /// [`Error::retry_at`](crate::Error::retry_at) is set.
    RateLimited, "rate_limited", executed: No, permanent: false, repeat: WhenPermitted;
    /// The quota of the day is spent. [`Error::retry_at`](crate::Error::retry_at) returns when the quota resets. Nothing was
    /// sent.
    QuotaSpent, "quota_spent", executed: No, permanent: false, repeat: Never;
    /// 408 or 499: the server stopped waiting. Maybe executed: a read is retried, a write is read back.
    RequestTimeout, "request_timeout", executed: Maybe, permanent: false, repeat: AfterBackoff;
    /// Any other 4xx. Not executed.
    Client, "client", executed: No, permanent: false, repeat: Never;
    /// 5xx. Maybe executed: a read is retried, a write is read back.
    Server, "server", executed: Maybe, permanent: false, repeat: AfterBackoff;
    /// 3xx. Redirects are never followed, because the other host would receive the credential. Maybe executed: a
    /// write is read back.
    Redirect, "redirect", executed: Maybe, permanent: false, repeat: Never;
    /// A status that the API does not document. Maybe executed: a write is read back.
    Unexpected, "unexpected", executed: Maybe, permanent: false, repeat: Never;
    /// The response body is longer than [`max_body_bytes`](crate::ClientBuilder::max_body_bytes). Maybe executed: a write
    /// is read back.
    TooLarge, "too_large", executed: Maybe, permanent: false, repeat: Never;
    /// The body of a 200 is not what the API documents. Maybe executed: a read is retried, a write is read back.
    Unreadable, "unreadable", executed: Maybe, permanent: false, repeat: AfterBackoff;
    /// The list of a pack reports further pages, which this crate cannot read. An incomplete list does not show all
    /// users on the pack, so the run ends before it sends anything.
    IncompleteList, "incomplete_list", executed: Maybe, permanent: true, repeat: Never;
    /// A cache returned a list that is older than the run permits.
    StaleList, "stale_list", executed: Maybe, permanent: false, repeat: Never;
    /// The run reached its own limit of requests: [`Assign::max_requests`](crate::Assign::max_requests). Nothing was sent.
    RunLimit, "run_limit", executed: No, permanent: false, repeat: Never;
    /// The list of the pack did not show whether the API executed a request.
    Ambiguous, "ambiguous", executed: Maybe, permanent: false, repeat: Never;
    /// The caller stopped the run. Nothing was sent.
    Stopped, "stopped", executed: No, permanent: false, repeat: Never;
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that is not the name of an [`ErrorKind`].
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
