//! What can go wrong, and whether the request was executed then.

use http::StatusCode;

/// Whether the API executed the request that failed; decides what may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Executed {
    /// Surely not: nothing changed, and sending it again is safe.
    No,
    /// Perhaps: the request left, and no answer says what became of it.
    Maybe,
}

/// What kind of failure it was, whether the request was executed, and what the crate does by itself.
///
/// "Tried again" is by the client's [`RetryPolicy`](crate::RetryPolicy). "Read back" is what
/// [`Assign`](crate::Assign) does with a write that may have been executed: it reads the pack, and sends
/// again only whom that proves absent. Without a word on it, nothing is tried again.
/// [The guide](crate::guide::failures) says for each what you see and what to do.
///
/// ```
/// use connecteam_onboarding::{Error, ErrorKind};
///
/// fn advice(error: &Error) -> &'static str {
///     match error.kind() {
///         ErrorKind::Unauthorized | ErrorKind::Forbidden => "check the credential",
///         ErrorKind::NotFound => "check the pack and the region",
///         ErrorKind::QuotaSpent => "run it again tomorrow",
///         _ if error.is_lasting() => "mend the call",
///         _ => "run it again later",
///     }
/// }
/// # let error = connecteam_onboarding::Client::builder().build().unwrap_err();
/// # assert_eq!(advice(&error), "mend the call");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The client cannot be made so: a setting or an environment variable is missing or wrong. Nothing was sent.
    Configuration,
    /// A value that cannot be an id. Nothing was sent.
    InvalidInput,
    /// More users than one request may carry, where all must go in one. Nothing was sent.
    TooManyUsers,
    /// No connection: refused, no such host, no trusted certificate. Not executed; tried again.
    Connect,
    /// No full answer in time. Maybe executed: a read is tried again, a write read back.
    Timeout,
    /// The connection broke after the request left, or the answer was cut. Maybe executed: a read is tried
    /// again, a write read back.
    Interrupted,
    /// 401: the credential is missing, wrong or expired. Not executed; with client credentials tried again
    /// once, with a new token.
    Unauthorized,
    /// 403: the credential may not do this, or the plan has no API access. Not executed.
    Forbidden,
    /// 404: no such pack. Not executed.
    NotFound,
    /// 422: the API refuses what was sent, for example a user that does not exist. Not executed; in a run,
    /// the search finds whom it refuses.
    Validation,
    /// Over the account's limit (429, or a 200 that says so), or the wait for it would be longer
    /// than allowed; then [`Error::retry_at`](crate::Error::retry_at) says until when. Not executed; tried again
    /// once the limit allows it, which costs no attempt.
    RateLimited,
    /// The day's quota is spent; [`Error::retry_at`](crate::Error::retry_at) says when it comes back. Nothing was sent.
    QuotaSpent,
    /// 408 or 499: the server gave up waiting. Maybe executed: a read is tried again, a write read back.
    RequestTimeout,
    /// Any other 4xx. Not executed.
    Client,
    /// 5xx. Maybe executed: a read is tried again, a write read back.
    Server,
    /// 3xx. No redirect is ever followed, as the credential would travel with it. Maybe executed:
    /// a write is read back.
    Redirect,
    /// A status that the API does not document. Maybe executed: a write is read back.
    Unexpected,
    /// A body over the cap. Maybe executed: a write is read back.
    TooLarge,
    /// A 200 whose body is not what the API documents. Maybe executed: a read is tried again, a write
    /// read back.
    Unreadable,
    /// The run may send no further request. Nothing was sent.
    RequestLimit,
    /// Whether a request was executed could not be established by reading the pack. Maybe executed.
    InDoubt,
    /// The caller stopped the run. Nothing was sent.
    Stopped,
}

impl ErrorKind {
    /// The kind as one word, for logs and programs; stable between releases.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::InvalidInput => "invalid_input",
            Self::TooManyUsers => "too_many_users",
            Self::Connect => "connect",
            Self::Timeout => "timeout",
            Self::Interrupted => "interrupted",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Validation => "validation",
            Self::RateLimited => "rate_limited",
            Self::QuotaSpent => "quota_spent",
            Self::RequestTimeout => "request_timeout",
            Self::Client => "client",
            Self::Server => "server",
            Self::Redirect => "redirect",
            Self::Unexpected => "unexpected",
            Self::TooLarge => "too_large",
            Self::Unreadable => "unreadable",
            Self::RequestLimit => "request_limit",
            Self::InDoubt => "in_doubt",
            Self::Stopped => "stopped",
        }
    }

    /// The rule that every retry follows. No `_` arm: a new kind must be thought through here.
    pub(super) const fn executed(self) -> Executed {
        match self {
            Self::Configuration
            | Self::InvalidInput
            | Self::TooManyUsers
            | Self::Connect
            | Self::Unauthorized
            | Self::Forbidden
            | Self::NotFound
            | Self::Validation
            | Self::RateLimited
            | Self::QuotaSpent
            | Self::Client
            | Self::RequestLimit
            | Self::Stopped => Executed::No,
            Self::Timeout
            | Self::Interrupted
            | Self::RequestTimeout
            | Self::Server
            | Self::Redirect
            | Self::Unexpected
            | Self::TooLarge
            | Self::Unreadable
            | Self::InDoubt => Executed::Maybe,
        }
    }

    /// The kind of an answer that is no success.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        match status.as_u16() {
            401 => Self::Unauthorized,
            403 => Self::Forbidden,
            404 => Self::NotFound,
            408 | 499 => Self::RequestTimeout,
            422 => Self::Validation,
            429 => Self::RateLimited,
            300..=399 => Self::Redirect,
            400..=499 => Self::Client,
            500..=599 => Self::Server,
            _ => Self::Unexpected,
        }
    }
}
