//! [`Error`]: the error type of all calls.

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

/// Describes a failed call: what failed, with which request, what to do, and whether the request was executed.
///
/// An error has the size of a pointer and is cheap to clone. The message contains every cause once.
/// [`source`](std::error::Error::source) always returns `None`, so that a program that prints the chain of sources does
/// not repeat a cause. No message contains a secret.
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
/// Serializes as an object for logs and other programs. `retry_at` is in seconds since the Unix epoch (UTC):
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
    /// Whether the request for an access token failed. The request of the caller was never sent then.
    for_token: bool,
    status: Option<StatusCode>,
    request_id: Option<String>,
    refusal: Option<ErrorDetail>,
    detail: Option<String>,
    body: Option<String>,
    /// When the rate limit permits the request again, and the time from the failure until then.
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

    /// Returns whether the same call would fail again in the same way. To succeed, change the credential, the pack, the
    /// list of users or the configuration first.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        self.kind().is_permanent()
    }

    /// Returns the HTTP status, if there was a response.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.0.status.map(|status| status.as_u16())
    }

    /// Returns the vendor's id of the request. Include this id when you contact the vendor's support.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// Returns the API's own description of the failure.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        self.0.detail.as_deref()
    }

    /// Returns the start of the response body, at most 512 bytes. Always `None` for a request for an access token.
    #[must_use]
    pub fn body(&self) -> Option<&str> {
        self.0.body.as_deref()
    }

    /// Returns the time from this failure until the rate limit permits the request again. Use this duration to wait: it
    /// does not depend on the clock of this machine.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry.map(|(_, after)| after)
    }

    /// Returns when the rate limit permits the request again, by the server's clock. Use this time in messages. To
    /// wait, use [`retry_after`](Self::retry_after).
    #[must_use]
    pub fn retry_at(&self) -> Option<SystemTime> {
        self.0.retry.map(|(at, _)| at)
    }

    /// Returns the number of attempts: 1 unless the call was retried.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// Returns the total time of all attempts and of the waits between them. Zero if the call was not retried.
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

    /// Marks the error as a failed request for an access token.
    pub(crate) fn for_token(self) -> Self {
        self.change(|inner| inner.for_token = true)
    }

    /// Returns the parsed reason of a 422.
    pub(crate) fn refusal(&self) -> Option<&ErrorDetail> {
        self.0.refusal.as_ref()
    }

    fn change(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }
}

/// An error keeps at most this number of bytes of a body.
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
        // The message may contain a text of the server, such as the name of a field.
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
