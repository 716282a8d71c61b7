//! Converts errors of the HTTP client, error responses, and errors of the generated client into [`Error`].

use super::certificate::certificate_failure;
use super::{Error, ErrorKind, excerpt};
use crate::api::types::{self, ErrorBody, ErrorDetail};
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Path;
use std::io;

impl ErrorKind {
    /// Returns the error kind for the status of an unsuccessful response.
    pub(crate) fn from_status(status: StatusCode) -> Self {
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

impl Error {
    /// Converts an error of the HTTP client into an [`Error`]. Removes the URL from the error, because a URL may
    /// contain text that must not be logged.
    ///
    /// `is_proxied` is true if the client uses a proxy from an environment variable.
    pub(crate) fn from_reqwest(error: reqwest::Error, is_proxied: bool) -> Self {
        let error = error.without_url();
        let texts: Vec<_> = causes(&error).map(ToString::to_string).collect();
        // With TLS 1.3, the rejection of a client certificate is not a connect error, because the server sends the
        // rejection after the handshake.
        if let Some(failure) = certificate_failure(&texts, error.is_connect()) {
            return Self::new(ErrorKind::Certificate, failure);
        }
        if is_proxied && error.is_connect() && error.is_timeout() {
            let message = "no connection through the proxy in time: check that it responds, and that it reaches the API";
            return Self::new(ErrorKind::Proxy, message);
        }
        if let Some(failure) = tunnel_failure(&texts) {
            return Self::new(ErrorKind::Proxy, failure);
        }
        let (kind, message) = describe(&error);
        match texts.last() {
            // For a time-out, appending the cause would only repeat the message.
            Some(cause) if !error.is_timeout() => Self::new(kind, format!("{message}: {cause}")),
            _ => Self::new(kind, message),
        }
    }

    /// Creates the error for an unsuccessful response. The response body may be incomplete.
    pub(crate) fn from_response(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let parsed = serde_json::from_slice(body).ok();
        Self::from_parsed(status, headers, parsed, Some(excerpt(body)))
    }

    fn from_parsed(
        status: StatusCode,
        headers: &HeaderMap,
        parsed: Option<ErrorBody>,
        body: Option<String>,
    ) -> Self {
        let field = |read: fn(&ErrorBody) -> Option<&Value>| {
            let value = parsed.as_ref().and_then(read)?;
            value.as_str().map(str::to_owned)
        };
        let request_id = field(|parsed| parsed.request_id.as_ref())
            .or_else(|| field(|parsed| parsed.extra.get("requestId")))
            .or_else(|| request_id(headers));
        // Some error responses describe the failure in the field `error` instead of `detail`.
        let error = field(|parsed| parsed.error.as_ref()).map(ErrorDetail::Message);
        let refusal = parsed.and_then(|parsed| parsed.detail).or(error);
        let detail = refusal
            .as_ref()
            .map(|refusal| excerpt(text_of(refusal).as_bytes()));
        let kind = ErrorKind::from_status(status);
        let message = advice(kind, status);
        let message = match &body {
            Some(body) if detail.is_none() => with_excerpt(message, body),
            _ => message,
        };
        Self::new(kind, message).change(|inner| {
            inner.status = Some(status);
            inner.request_id = request_id;
            inner.detail = detail;
            inner.refusal = refusal;
            inner.body = body;
        })
    }

    /// Creates the error for a 200 response whose body does not match the documented schema. If possible, the error
    /// message contains the path of the first invalid field.
    fn unreadable(body: &[u8], error: &serde_json::Error) -> Self {
        let text = "the response is not what the API documents";
        let cause = without_position(error);
        let message = match place(body, error) {
            Some(place) => format!("{text}: {place}: {cause}"),
            None if is_page(body) => {
                "the response is an HTML page: check the base URL (the API returns a page for unknown paths)"
                    .to_owned()
            }
            None => with_excerpt(format!("{text}: {cause}"), &excerpt(body)),
        };
        Self::new(ErrorKind::Unreadable, message)
            .with_status(StatusCode::OK)
            .with_body(body)
    }
}

/// Converts an error of the generated client, so that `client.api().…().await?` can return an [`Error`].
impl From<progenitor_client::Error<ErrorBody>> for Error {
    fn from(error: progenitor_client::Error<ErrorBody>) -> Self {
        use progenitor_client::Error as Generated;
        match error {
            // This branch unwraps an error that the transport has wrapped in an artificial response.
            Generated::UnexpectedResponse(mut response) => response
                .extensions_mut()
                .remove::<Self>()
                .unwrap_or_else(|| {
                    Self::from_parsed(response.status(), response.headers(), None, None)
                }),
            Generated::ErrorResponse(response) => {
                let (status, headers) = (response.status(), response.headers().clone());
                let parsed = response.into_inner();
                let body = serde_json::to_vec(&parsed).ok();
                // `into_documented` replaces an empty body, and then `parsed` serializes as `{}`. A server that sends
                // `{}` says nothing either, so the error stores neither.
                let body = body.filter(|body| body != b"{}");
                let body = body.map(|body| excerpt(&body));
                Self::from_parsed(status, &headers, Some(parsed), body)
            }
            Generated::InvalidResponsePayload(body, error) => Self::unreadable(&body, &error),
            Generated::CommunicationError(error)
            | Generated::InvalidUpgrade(error)
            | Generated::ResponseBodyError(error) => Self::from_reqwest(error, false),
            Generated::InvalidRequest(text) | Generated::Custom(text) => {
                Self::new(ErrorKind::InvalidInput, text)
            }
        }
    }
}

/// Returns the request id that the server set in the response headers.
pub(crate) fn request_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get("x-request-id")?.to_str().ok()?;
    Some(id.to_owned())
}

/// Iterates over an error and its sources, outermost first.
fn causes<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
}

/// Returns the error kind of an HTTP client error, and the first part of the error message. The caller handles
/// certificate failures and proxy tunnel failures.
fn describe(error: &reqwest::Error) -> (ErrorKind, &'static str) {
    match () {
        () if error.is_builder() => (ErrorKind::Configuration, "the request is invalid"),
        () if error.is_connect() && error.is_timeout() => (
            ErrorKind::Connect,
            "no connection to the API in time; if the HTTP settings have a proxy, check that it responds",
        ),
        () if error.is_connect() => (ErrorKind::Connect, "no connection to the API"),
        () if error.is_timeout() => (ErrorKind::Timeout, "no complete response in time"),
        () if error.is_redirect() => (
            ErrorKind::Redirect,
            "the server redirects, and redirects are never followed",
        ),
        () if is_decompression_failure(error) => (
            ErrorKind::Unreadable,
            "the response body cannot be decompressed",
        ),
        () => (
            ErrorKind::Interrupted,
            "the connection broke before the response was complete",
        ),
    }
}

/// Returns whether the response body could not be decompressed. The direct source of a reqwest error is either a
/// decompression error, or a hyper error that wraps a connection error.
fn is_decompression_failure(error: &reqwest::Error) -> bool {
    let causes: Vec<_> = causes(error).collect();
    let [.., outer, cause] = causes[..] else {
        return false;
    };
    outer.is::<reqwest::Error>()
        && (cause.is::<io::Error>() || cause.to_string().contains("has been decompressed"))
}

/// Returns a message if a proxy did not connect the client to the API. This failure has no public error type, so the
/// function recognizes it from the messages of the causes.
fn tunnel_failure(causes: &[String]) -> Option<String> {
    let mut texts = causes.iter();
    let tunnel = texts.find_map(|text| text.strip_prefix("tunnel error: "))?;
    let innermost = causes.last().map(String::as_str).unwrap_or_default();
    Some(if tunnel.contains("authorization") {
        "the proxy requires a user name and a password (407): put them into the URL of the proxy"
            .to_owned()
    } else if tunnel == "unsuccessful" {
        "the proxy refuses to connect to the API: check that it permits the host and port, and that it reaches the API"
            .to_owned()
    } else if tunnel.contains("underlying connection") {
        format!("no connection to the proxy: {innermost}")
    } else {
        format!(
            "the proxy failed: {}",
            innermost.trim_start_matches("tunnel error: ")
        )
    })
}

/// Returns the JSON path of a parse error, such as `data.assignments[299].status`.
///
/// A parse error does not name the expected response type. To find this type, the function parses the body as each
/// response type until a parser fails with the same error.
fn place(body: &[u8], error: &serde_json::Error) -> Option<String> {
    fn path<T: DeserializeOwned>(body: &[u8], expected: &str) -> Option<Path> {
        let mut parser = serde_json::Deserializer::from_slice(body);
        let error = serde_path_to_error::deserialize::<_, T>(&mut parser).err()?;
        (error.inner().to_string() == expected).then(|| error.path().clone())
    }
    let expected = error.to_string();
    let path = path::<types::PackAssignmentsResponse>(body, &expected)
        .or_else(|| path::<types::AssignUsersResponse>(body, &expected))?;
    path.iter().next()?;
    // Field names in the path come from the server and can be very long.
    Some(path.to_string().chars().take(200).collect())
}

/// Returns whether a response body is HTML or XML. Ignores a leading byte order mark and leading white space.
fn is_page(body: &[u8]) -> bool {
    let text = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
    text.trim_ascii_start().starts_with(b"<")
}

/// Returns the error message without line and column, which are not helpful because most JSON bodies are a single line.
fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&position).unwrap_or(&text).to_owned()
}

fn with_excerpt(message: String, body: &str) -> String {
    if body.trim().is_empty() {
        return message;
    }
    let start: String = body.chars().take(80).collect();
    format!("{message}; the body starts with `{start}`")
}

fn text_of(refusal: &ErrorDetail) -> String {
    match refusal {
        ErrorDetail::Message(text) => text.clone(),
        ErrorDetail::Items(items) => {
            let texts = items
                .iter()
                .map(|item| item.msg.as_deref().unwrap_or("no reason given"));
            texts.collect::<Vec<_>>().join("; ")
        }
        ErrorDetail::Other(value) => value.to_string(),
    }
}

fn advice(kind: ErrorKind, status: StatusCode) -> String {
    let status = status.as_u16();
    let text = match kind {
        ErrorKind::Unauthorized => {
            "the API rejects the credential: check the API key, or the client id and secret"
        }
        ErrorKind::Forbidden => {
            "the credential is not permitted to do this: it needs the scope, and the account needs a plan with API access"
        }
        ErrorKind::NotFound => {
            "no such pack: check the id of the pack and the region of the account"
        }
        ErrorKind::RateLimited => "the account is over its rate limit",
        ErrorKind::Server => "the server failed",
        ErrorKind::Redirect => {
            "the server redirects, and redirects are never followed: check the base URL"
        }
        ErrorKind::RequestTimeout => "the server stopped waiting",
        ErrorKind::Unexpected => "the response has an unexpected status",
        _ => "the API rejects the request",
    };
    format!("{text} ({status})")
}
