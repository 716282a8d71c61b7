//! [`Error`] is the error type of all calls.

mod certificate;
mod from;
mod kind;

#[cfg(feature = "ring")]
pub(crate) use certificate::TRUST_ADVICE;
pub(crate) use from::request_id;
pub(crate) use kind::Repeat;
pub use kind::{ErrorKind, Executed, UnknownErrorKind};

use crate::api::types::ErrorDetail;
use crate::text::Printable;
use http::StatusCode;
use serde::ser::{Serialize, SerializeStruct, Serializer};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The error of a failed call. The message says what failed and what to do. [`executed`](Self::executed) returns
/// whether the API executed the request.
///
/// An error has the size of a pointer and is cheap to clone. The message includes the messages of all causes.
/// [`source`](std::error::Error::source) always returns `None`, because programs that print error chains would
/// otherwise print each cause twice. Messages never contain secrets.
///
/// ```
/// use connecteam_onboarding::{Client, ErrorKind, Executed};
///
/// let error = Client::builder().build().unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Configuration);
/// assert_eq!(error.executed(), Executed::No);
/// assert!(error.is_permanent());
/// ```
///
/// # JSON
/// Serializes as a JSON object for logs and other programs. The field `retry_at` is a number of seconds since the Unix
/// epoch (UTC):
///
/// ```
/// # let error = connecteam_onboarding::Client::builder().build().unwrap_err();
/// let json = serde_json::to_value(&error)?;
/// assert_eq!(json["kind"], "configuration");
/// assert_eq!(json["executed"], "no");
/// for field in ["message", "status", "request_id", "retry_at", "attempts"] {
///     assert!(json.get(field).is_some());
/// }
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// [The guide](crate::guide::failures) describes each failure and what to do about it.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: String,
    /// True if the client could not get an access token, and therefore never sent the caller's request.
    for_token: bool,
    status: Option<StatusCode>,
    request_id: Option<String>,
    refusal: Option<ErrorDetail>,
    detail: Option<String>,
    body: Option<String>,
    /// The time at which the rate limit permits a retry, and the duration from the failure to this time.
    retry: Option<(SystemTime, Duration)>,
    attempts: u32,
    elapsed: Duration,
}

impl Error {
    /// Returns the kind of failure.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns whether the API executed the request.
    #[must_use]
    pub fn executed(&self) -> Executed {
        if self.0.for_token {
            Executed::No
        } else {
            self.kind().executed()
        }
    }

    /// Returns whether the same call would fail again in the same way. After a permanent error, correct the credential,
    /// the pack, the users or the configuration before the next call.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        self.kind().is_permanent()
    }

    /// Returns the HTTP status, if there was a response.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.0.status.map(|status| status.as_u16())
    }

    /// Returns the request id that the server assigned. Include this id when you contact the vendor's support.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// Returns the API's description of the failure, if the response contains a description.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        self.0.detail.as_deref()
    }

    /// Returns the start of the response body, at most 512 bytes. Always `None` if a token request failed, because the
    /// body might contain a token.
    #[must_use]
    pub fn body(&self) -> Option<&str> {
        self.0.body.as_deref()
    }

    /// Returns the duration from this failure to the time at which the rate limit permits a retry. The duration does
    /// not depend on the local system clock.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry.map(|(_, after)| after)
    }

    /// Returns the server time at which the rate limit permits a retry. Use [`retry_after`](Self::retry_after) to wait,
    /// and `retry_at` only in messages.
    #[must_use]
    pub fn retry_at(&self) -> Option<SystemTime> {
        self.0.retry.map(|(at, _)| at)
    }

    /// Returns the number of attempts, which is 1 if the call was not retried.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// Returns the total time of all attempts, including the waits between them. The result is zero if the call was not
    /// retried.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed
    }

    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            kind,
            message: message.into(),
            for_token: false,
            status: None,
            request_id: None,
            refusal: None,
            detail: None,
            body: None,
            retry: None,
            attempts: 1,
            elapsed: Duration::ZERO,
        }))
    }

    pub(crate) fn with_status(self, status: StatusCode) -> Self {
        self.change(|inner| inner.status = Some(status))
    }

    pub(crate) fn with_request_id(self, id: Option<String>) -> Self {
        self.change(|inner| inner.request_id = id)
    }

    pub(crate) fn with_detail(self, detail: Option<&str>) -> Self {
        self.change(|inner| inner.detail = detail.map(|text| excerpt(text.as_bytes())))
    }

    pub(crate) fn with_body(self, body: &[u8]) -> Self {
        self.change(|inner| inner.body = Some(excerpt(body)))
    }

    pub(crate) fn with_retry(self, at: SystemTime, after: Duration) -> Self {
        self.change(|inner| inner.retry = Some((at, after)))
    }

    pub(crate) fn with_attempts(self, attempts: u32, elapsed: Duration) -> Self {
        self.change(|inner| (inner.attempts, inner.elapsed) = (attempts, elapsed))
    }

    /// Marks this error as the failure of a token request.
    pub(crate) fn for_token(self) -> Self {
        self.change(|inner| inner.for_token = true)
    }

    /// Returns the description of the failure, parsed from the body of an error response.
    pub(crate) fn refusal(&self) -> Option<&ErrorDetail> {
        self.0.refusal.as_ref()
    }

    fn change(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }
}

/// The maximum number of body bytes that an error stores.
const EXCERPT: usize = 512;

fn excerpt(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(EXCERPT)]).into_owned()
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        if inner.for_token {
            f.write_str("no access token: ")?;
        }
        // The message may contain text from the server, such as a field name, so its control characters are escaped.
        write!(f, "{}", Printable(&inner.message))?;
        if let Some(detail) = &inner.detail {
            write!(f, ": {}", Printable(detail))?;
        }
        if let Some(id) = &inner.request_id {
            write!(f, " [request {}]", Printable(id))?;
        }
        if inner.attempts > 1 {
            let seconds = inner.elapsed.as_secs_f64();
            write!(f, " ({} attempts in {seconds:.1} s)", inner.attempts)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.kind())
            .field("executed", &self.executed())
            .field("message", &self.0.message)
            .field("status", &self.status())
            .field("request_id", &self.0.request_id)
            .field("detail", &self.0.detail)
            .field("retry_at", &self.retry_at())
            .field("attempts", &self.0.attempts)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for Error {}

impl Serialize for Error {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let seconds = |at: SystemTime| at.duration_since(UNIX_EPOCH).ok().map(|at| at.as_secs());
        let mut object = serializer.serialize_struct("Error", 7)?;
        object.serialize_field("kind", &self.kind())?;
        object.serialize_field("message", &self.to_string())?;
        object.serialize_field("status", &self.status())?;
        object.serialize_field("request_id", &self.request_id())?;
        object.serialize_field("executed", &self.executed())?;
        object.serialize_field("retry_at", &self.retry_at().and_then(seconds))?;
        object.serialize_field("attempts", &self.attempts())?;
        object.end()
    }
}

const _: () = assert!(size_of::<Error>() == size_of::<usize>());
