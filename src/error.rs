//! The one error, and the one conversion from the generated client's.

mod kind;

pub use kind::{ErrorKind, Executed};

use crate::api::types::{ErrorBody, ErrorDetail};
use crate::printable::Printable;
use http::StatusCode;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Why a call failed: what happened, with which request, what to do, and whether the request was
/// executed. One word wide and cheap to clone.
///
/// ```
/// use connecteam_onboarding::{Client, ErrorKind, Executed};
///
/// let error = Client::builder().build().unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Configuration);
/// assert_eq!(error.executed(), Executed::No);
/// ```
///
/// What happens on each failure, and what to do then: [the guide](crate::guide::failures).
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Default)]
struct Inner {
    kind: Option<ErrorKind>,
    message: String,
    /// For the access token: the request that the caller made was then never sent.
    for_token: bool,
    status: Option<StatusCode>,
    request_id: Option<String>,
    refusal: Option<ErrorDetail>,
    detail: Option<String>,
    body: Option<String>,
    retry_at: Option<SystemTime>,
    retry_after: Option<Duration>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// The kind of failure.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind.unwrap_or(ErrorKind::Unexpected)
    }

    /// Whether the API executed the request.
    #[must_use]
    pub fn executed(&self) -> Executed {
        if self.0.for_token {
            Executed::No
        } else {
            self.kind().executed()
        }
    }

    /// The HTTP status, where there was an answer.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.0.status.map(|status| status.as_u16())
    }

    /// The vendor's name for the request; quote it to their support.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// What the API says is wrong, as a text.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        self.0.detail.as_deref()
    }

    /// The start of the answer's body, at most 512 bytes of it.
    #[must_use]
    pub fn body(&self) -> Option<&str> {
        self.0.body.as_deref()
    }

    /// How long after this failure the account's limit allows the request again: what to wait, whatever the
    /// clocks of this machine and of the server show.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// When the account's limit allows the request again, by the server's clock: what to show. A program that
    /// waits does so for [`retry_after`](Self::retry_after).
    #[must_use]
    pub fn retry_at(&self) -> Option<SystemTime> {
        self.0.retry_at
    }

    /// Whether running the same again cannot help: the credential, the pack or the list must change first.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        match self.kind() {
            ErrorKind::Configuration
            | ErrorKind::InvalidInput
            | ErrorKind::TooManyUsers
            | ErrorKind::Unauthorized
            | ErrorKind::Forbidden
            | ErrorKind::NotFound => true,
            ErrorKind::Connect
            | ErrorKind::Timeout
            | ErrorKind::Interrupted
            | ErrorKind::Validation
            | ErrorKind::RateLimited
            | ErrorKind::QuotaSpent
            | ErrorKind::RequestTimeout
            | ErrorKind::Client
            | ErrorKind::Server
            | ErrorKind::Redirect
            | ErrorKind::Unexpected
            | ErrorKind::TooLarge
            | ErrorKind::Unreadable
            | ErrorKind::RequestLimit
            | ErrorKind::InDoubt
            | ErrorKind::Stopped => false,
        }
    }

    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            kind: Some(kind),
            message: message.into(),
            ..Inner::default()
        }))
    }

    /// An answer that is no success. `body` is all that was read of it.
    pub(crate) fn of_answer(status: StatusCode, headers: &http::HeaderMap, body: &[u8]) -> Self {
        let parsed = serde_json::from_slice::<ErrorBody>(body).ok();
        Self::of_parsed(status, headers, parsed, Some(start_of(body)))
    }

    fn of_parsed(
        status: StatusCode,
        headers: &http::HeaderMap,
        parsed: Option<ErrorBody>,
        body: Option<String>,
    ) -> Self {
        let kind = ErrorKind::of_status(status);
        let text =
            |value: Option<&serde_json::Value>| value.and_then(|v| v.as_str()).map(str::to_owned);
        let field = |read: fn(&ErrorBody) -> Option<&serde_json::Value>| {
            text(parsed.as_ref().and_then(read))
        };
        let error = field(|parsed| parsed.error.as_ref());
        let request_id = field(|parsed| parsed.request_id.as_ref())
            .or_else(|| field(|parsed| parsed.extra.get("requestId")))
            .or_else(|| {
                headers
                    .get("x-request-id")?
                    .to_str()
                    .ok()
                    .map(str::to_owned)
            });
        // `error` says what `detail` does elsewhere.
        let refusal = parsed
            .and_then(|parsed| parsed.detail)
            .or_else(|| error.map(ErrorDetail::Message));
        let detail = match &refusal {
            Some(ErrorDetail::Message(text)) => Some(text.clone()),
            Some(ErrorDetail::Items(items)) => {
                let texts: Vec<_> = items
                    .iter()
                    .map(|item| item.msg.as_deref().unwrap_or("no reason given"))
                    .collect();
                Some(texts.join("; "))
            }
            Some(ErrorDetail::Other(value)) => Some(value.to_string()),
            None => None,
        };
        Self(Arc::new(Inner {
            kind: Some(kind),
            message: advice(kind, status),
            status: Some(status),
            request_id,
            detail: detail.map(|text| start_of(text.as_bytes())),
            refusal,
            body,
            ..Inner::default()
        }))
    }

    pub(crate) fn with_source(
        self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.change(|inner| inner.source = Some(source.into()))
    }

    pub(crate) fn with_status(self, status: StatusCode) -> Self {
        self.change(|inner| inner.status = Some(status))
    }

    pub(crate) fn with_body(self, body: &[u8]) -> Self {
        self.change(|inner| inner.body = Some(start_of(body)))
    }

    pub(crate) fn with_retry(self, at: SystemTime, after: Duration) -> Self {
        self.change(|inner| (inner.retry_at, inner.retry_after) = (Some(at), Some(after)))
    }

    /// This happened while asking for an access token.
    pub(crate) fn for_token(self) -> Self {
        self.change(|inner| {
            inner.for_token = true;
            // These speak of the token request, not of users or a pack.
            if matches!(
                inner.kind,
                Some(ErrorKind::Validation | ErrorKind::NotFound)
            ) {
                inner.kind = Some(ErrorKind::Client);
                inner.message = String::from("the token endpoint refuses the request");
            }
        })
    }

    /// What the 422 says, item by item.
    pub(crate) fn refusal(&self) -> Option<&ErrorDetail> {
        self.0.refusal.as_ref()
    }

    /// Only for an error that nobody else holds yet.
    fn change(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        let inner = Arc::get_mut(&mut self.0);
        debug_assert!(inner.is_some(), "a shared error is never changed");
        inner.map(change);
        self
    }
}

/// At most this much of a body is kept.
const KEPT: usize = 512;

fn start_of(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(KEPT)]).into_owned()
}

fn advice(kind: ErrorKind, status: StatusCode) -> String {
    let status = status.as_u16();
    match kind {
        ErrorKind::Unauthorized => format!(
            "the API refuses the credential ({status}): check the API key, or the client id and secret"
        ),
        ErrorKind::Forbidden => format!(
            "the credential may not do this ({status}): it needs the scope, and the account a plan with API access"
        ),
        ErrorKind::NotFound => {
            format!(
                "there is no such pack ({status}): check the pack's id and the account's region"
            )
        }
        ErrorKind::RateLimited => format!("over the account's request limit ({status})"),
        ErrorKind::Server => format!("the server failed ({status})"),
        ErrorKind::Redirect => {
            format!("the server redirects ({status}), which is never followed: check the base URL")
        }
        ErrorKind::RequestTimeout => format!("the server gave up waiting ({status})"),
        ErrorKind::Unexpected => {
            format!("the server answered with an unexpected status ({status})")
        }
        _ => format!("the API refuses the request ({status})"),
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.for_token {
            f.write_str("asking for an access token: ")?;
        }
        f.write_str(&self.0.message)?;
        match (&self.0.detail, &self.0.body) {
            (Some(detail), _) => write!(f, ": {}", Printable(detail))?,
            (None, Some(body)) if !body.trim().is_empty() => {
                let start: String = body.chars().take(80).collect();
                write!(f, "; the body starts with `{}`", Printable(&start))?;
            }
            _ => {}
        }
        if let Some(id) = &self.0.request_id {
            write!(f, " [request {}]", Printable(id))?;
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
            .field("retry_at", &self.0.retry_at)
            .field("source", &self.0.source)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// The one conversion from the generated client's error: what [`Client::api`](crate::Client::api)
/// returns becomes an [`Error`] with `?`.
impl From<progenitor_client::Error<ErrorBody>> for Error {
    fn from(error: progenitor_client::Error<ErrorBody>) -> Self {
        use progenitor_client::Error as Generated;
        match error {
            // Failures of our own transport travel inside a response that no server sent.
            Generated::UnexpectedResponse(mut response) => response
                .extensions_mut()
                .remove::<Error>()
                .unwrap_or_else(|| {
                    Self::of_parsed(response.status(), response.headers(), None, None)
                }),
            Generated::ErrorResponse(answer) => {
                let (status, headers) = (answer.status(), answer.headers().clone());
                let parsed = answer.into_inner();
                let body = serde_json::to_vec(&parsed).ok().map(|text| start_of(&text));
                Self::of_parsed(status, &headers, Some(parsed), body)
            }
            Generated::InvalidResponsePayload(body, source) => Self::new(
                ErrorKind::Unreadable,
                "the answer is not what the API documents",
            )
            .with_status(StatusCode::OK)
            .with_body(&body)
            .with_source(source),
            Generated::CommunicationError(e)
            | Generated::InvalidUpgrade(e)
            | Generated::ResponseBodyError(e) => crate::transport::of_reqwest(e),
            Generated::InvalidRequest(text) | Generated::Custom(text) => {
                Self::new(ErrorKind::InvalidInput, text)
            }
        }
    }
}

const _: () = assert!(size_of::<Error>() == size_of::<usize>());
