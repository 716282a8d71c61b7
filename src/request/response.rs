//! Reads a response, checks it, and converts it for the generated client.

use super::run::Effect;
use crate::api::types::ErrorBody;
use crate::error::{Error, ErrorKind};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use reqwest::{ResponseBuilderExt, Url};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// A response with its body. If the status is not a success, the body may end at the cap.
pub(crate) type Response = http::Response<Bytes>;

/// Reads a body of at most `cap` bytes, counted after decompression. Returns the bytes that were read. If the end of
/// the body was not reached, also returns the error.
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
    // The server chooses the length that it states, so the cap bounds the memory that is reserved.
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
/// Such a response has the status 429. Or it has the status of a success, no field `data`, and a field `detail` that
/// says so.
pub(super) fn is_over_rate_limit(status: StatusCode, body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Fields {
        data: Option<IgnoredAny>,
        detail: Option<String>,
    }
    if !status.is_success() {
        return status == StatusCode::TOO_MANY_REQUESTS;
    }
    // A list has `data` near its start. Without this check, each list of 100,000 rows would be parsed twice.
    if contains(&body[..body.len().min(1024)], b"\"data\"") {
        return false;
    }
    serde_json::from_slice::<Fields>(body).is_ok_and(|fields| {
        let text = fields.detail.unwrap_or_default().to_lowercase();
        fields.data.is_none() && (text.contains("too many") || text.contains("rate limit"))
    })
}

/// Returns whether a text contains a part.
pub(super) fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// Returns the response if the generated client can use it. A response whose status is not a success always passes,
/// because the generated client reports its status.
///
/// `is_refused` says that the account is over its rate limit. `unread` is the error if the end of the body was not
/// reached.
///
/// # Errors
///
/// The status is a success, but the body is a refusal, is incomplete, or has an unknown encoding.
pub(super) fn check(
    mut response: Response,
    effect: Effect,
    is_refused: bool,
    unread: Option<Error>,
) -> Result<Response, Error> {
    let (status, headers) = (response.status(), response.headers());
    let encoding = unknown_encoding(headers);
    if !status.is_success() {
        // The status already says that the request failed, so an incomplete body is enough.
        if encoding.is_some() {
            // No error can show compressed bytes as text.
            response.body_mut().clear();
        }
        return Ok(response);
    }
    // A response to a token request may hold a token, so no error shows its body.
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

/// Returns the content encoding of a body that the HTTP client did not decompress.
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

/// Converts a response into a form that the spec documents, because the generated client parses only such responses.
///
/// The generated client loses the status of an error whose body is not the documented JSON, such as an HTML page. So
/// the text of such a body becomes the field `detail` of a JSON body.
///
/// # Errors
/// The spec does not document the status.
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

/// Puts our own error into a response that no server sent. The generated client passes it through unchanged.
pub(super) fn carry(error: Error) -> reqwest::Response {
    // The spec must not document the status, so that the generated client parses nothing.
    let undocumented = |status: &u16| !matches!(status, 200 | 400..600);
    let status = error.status().filter(undocumented).unwrap_or(999);
    // A program that does not convert the error prints this text as the header `error`.
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
