//! Reads a response, checks it, and converts it for the generated client.

use super::run::Effect;
use crate::api::types::ErrorBody;
use crate::error::{Error, ErrorKind};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use reqwest::{ResponseBuilderExt, Url};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// A response with its body. The body of an error response may be truncated.
pub(crate) type Response = http::Response<Bytes>;

/// Reads up to `cap` bytes of a response body, counted after decompression. Returns the bytes that were read, and an
/// error if the body is incomplete.
pub(super) async fn read_body(
    mut response: reqwest::Response,
    cap: usize,
    is_proxied: bool,
) -> (BytesMut, Option<Error>) {
    let too_long = || {
        let message = format!("the response is longer than {cap} bytes, the most that is read");
        Some(Error::new(ErrorKind::TooLarge, message))
    };
    let length = response
        .content_length()
        .and_then(|length| usize::try_from(length).ok());
    if length.is_some_and(|length| length > cap) && response.status().is_success() {
        return (BytesMut::new(), too_long());
    }
    // The `Content-Length` may be wrong, so at most `cap` bytes are allocated in advance.
    let mut body = BytesMut::with_capacity(length.unwrap_or(0).min(cap));
    loop {
        match response.chunk().await {
            Ok(None) => return (body, None),
            Ok(Some(chunk)) => {
                let room = cap - body.len();
                body.extend_from_slice(&chunk[..chunk.len().min(room)]);
                if chunk.len() > room {
                    return (body, too_long());
                }
            }
            Err(error) => return (body, Some(Error::from_reqwest(error, is_proxied))),
        }
    }
}

/// Returns whether the API refused a request because the account is over its rate limit.
///
/// A refusal has status 429, or it has a success status, no field `data`, and a field `detail` that mentions the rate
/// limit.
pub(super) fn is_over_rate_limit(status: StatusCode, body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Fields {
        data: Option<IgnoredAny>,
        detail: Option<String>,
    }
    if !status.is_success() {
        return status == StatusCode::TOO_MANY_REQUESTS;
    }
    // A list response has the field `data` near its start. A search for this field is faster than parsing a long list.
    if contains(&body[..body.len().min(1024)], b"\"data\"") {
        return false;
    }
    serde_json::from_slice::<Fields>(body).is_ok_and(|fields| {
        let text = fields.detail.unwrap_or_default().to_lowercase();
        fields.data.is_none() && (text.contains("too many") || text.contains("rate limit"))
    })
}

pub(super) fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// Returns the response if the generated client can parse it. This check accepts every response with an error status,
/// because the generated client reports that status as an error.
///
/// `is_refused` is true if the account exceeded its rate limit. If the body is incomplete, `unread` is the error that
/// interrupted reading.
///
/// # Errors
///
/// Returns an error if the response has a success status, but its body is incomplete, has an unknown encoding, or
/// reports a rate-limit refusal.
pub(super) fn check(
    mut response: Response,
    effect: Effect,
    is_refused: bool,
    unread: Option<Error>,
) -> Result<Response, Error> {
    let (status, headers) = (response.status(), response.headers());
    let encoding = unknown_encoding(headers);
    if !status.is_success() {
        // An error response with an incomplete body is accepted, because the status already reports the failure.
        if encoding.is_some() {
            // Compressed bytes are not readable in an error message.
            response.body_mut().clear();
        }
        return Ok(response);
    }
    // The response to a token request may contain a token, so errors must not include the body.
    let shown: &[u8] = match effect {
        Effect::Token => &[],
        Effect::Read | Effect::Write => response.body(),
    };
    if is_refused {
        let error = Error::from_response(StatusCode::TOO_MANY_REQUESTS, headers, shown);
        return Err(error.with_status(status));
    }
    if let Some(error) = unread {
        let error = error.with_status(status);
        return Err(if shown.is_empty() {
            error
        } else {
            error.with_body(shown)
        });
    }
    let Some(encoding) = encoding else {
        return Ok(response);
    };
    let advice = if cfg!(feature = "gzip") {
        ""
    } else {
        ": turn on the feature `gzip`, or do not compress"
    };
    let message = format!(
        "the response has the content encoding `{}`, which this client does not read{advice}",
        encoding.escape_debug()
    );
    Err(Error::new(ErrorKind::Unreadable, message).with_status(status))
}

/// Returns the content encoding if the HTTP client did not decompress the body.
fn unknown_encoding(headers: &HeaderMap) -> Option<String> {
    let encoding = headers.get(header::CONTENT_ENCODING)?;
    let encoding = String::from_utf8_lossy(encoding.as_bytes());
    let encoding = encoding.trim();
    let known = encoding.is_empty() || encoding.eq_ignore_ascii_case("identity");
    (!known).then(|| encoding.to_owned())
}

pub(super) fn is_error(status: StatusCode) -> bool {
    status.is_client_error() || status.is_server_error()
}

/// Converts an error response into a form that the generated client can parse.
///
/// If the body of an error response is not the documented JSON (for example an HTML page), the generated client would
/// lose the status. To prevent this loss, the text of an undocumented body is moved to the field `detail` of a new JSON
/// body.
///
/// # Errors
/// Returns an error if the API spec does not document the status.
pub(super) fn into_documented(mut response: Response) -> Result<Response, Error> {
    let status = response.status();
    if status == StatusCode::OK {
        return Ok(response);
    }
    let body = response.body();
    if !is_error(status) {
        return Err(Error::from_response(status, response.headers(), body));
    }
    if serde_json::from_slice::<ErrorBody>(body).is_err() {
        let text = String::from_utf8_lossy(&body[..body.len().min(512)]).into_owned();
        let detail = (!text.is_empty()).then_some(text);
        *response.body_mut() = serde_json::json!({ "detail": detail }).to_string().into();
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    Ok(response)
}

/// Wraps an [`Error`] in an artificial response, which the generated client returns unchanged.
pub(super) fn carry(error: Error) -> reqwest::Response {
    // The generated client does not parse responses with a status that the API spec does not document.
    let undocumented = |status: &u16| !matches!(status, 200 | 400..600);
    let status = error.status().filter(undocumented).unwrap_or(999);
    // The header `error` makes the message visible to programs that do not convert the error of the generated client.
    let text = HeaderValue::from_str(&error.to_string());
    let mut builder = http::Response::builder().status(status).extension(error);
    if let Ok(text) = text {
        builder = builder.header("error", text);
    }
    if let Ok(url) = Url::parse("about:blank") {
        builder = builder.url(url);
    }
    builder
        .body(Bytes::new())
        .map_or_else(|_| http::Response::new(Bytes::new()).into(), Into::into)
}
