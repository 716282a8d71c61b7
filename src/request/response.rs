//! [`Response`]: a response whose body was read up to a cap.

use crate::api::types::ErrorBody;
use crate::error::Error;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use reqwest::{ResponseBuilderExt, Url};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// A response whose body was read to its end, or to the cap if it is not a success.
pub(crate) struct Response {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Why the rest of a body was not read.
pub(super) enum Unread {
    /// It is longer than the cap.
    TooLong,
    /// The connection failed.
    Failed(reqwest::Error),
}

/// Reads a body of at most `cap` bytes, counted after decompression. Returns what was read, and why no more.
pub(super) async fn read_body(
    mut response: reqwest::Response,
    cap: usize,
) -> (BytesMut, Option<Unread>) {
    let length = response
        .content_length()
        .and_then(|length| usize::try_from(length).ok());
    if length.is_some_and(|length| length > cap) && response.status().is_success() {
        return (BytesMut::new(), Some(Unread::TooLong));
    }
    // The server states the length, so it must not make us reserve more than we would read.
    let mut body = BytesMut::with_capacity(length.unwrap_or(0).min(cap));
    loop {
        match response.chunk().await {
            Ok(None) => return (body, None),
            Ok(Some(chunk)) => {
                let room = cap - body.len();
                body.extend_from_slice(&chunk[..chunk.len().min(room)]);
                if chunk.len() > room {
                    return (body, Some(Unread::TooLong));
                }
            }
            Err(error) => return (body, Some(Unread::Failed(error))),
        }
    }
}

/// Returns whether `data` stands near the start of a body, so that a list of 100,000 rows is not parsed twice.
pub(super) fn has_data(body: &[u8]) -> bool {
    contains(&body[..body.len().min(1024)], b"\"data\"")
}

/// Returns whether a part stands anywhere in a text.
pub(super) fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// Returns whether a 200 says that the account is over its rate limit: no `data`, and a `detail` that says so.
pub(super) fn says_too_many_requests(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Fields {
        data: Option<IgnoredAny>,
        detail: Option<String>,
    }
    serde_json::from_slice::<Fields>(body).is_ok_and(|fields| {
        let text = fields.detail.unwrap_or_default().to_lowercase();
        fields.data.is_none() && (text.contains("too many") || text.contains("rate limit"))
    })
}

impl Response {
    pub(super) fn is_refusal(&self) -> bool {
        self.status.is_client_error() || self.status.is_server_error()
    }

    /// Returns the name of an encoding that the HTTP client did not remove.
    pub(super) fn unknown_encoding(&self) -> Option<String> {
        let encoding = self.headers.get(header::CONTENT_ENCODING)?;
        let encoding = String::from_utf8_lossy(encoding.as_bytes());
        let encoding = encoding.trim();
        let known = encoding.is_empty() || encoding.eq_ignore_ascii_case("identity");
        (!known).then(|| encoding.to_owned())
    }

    /// Converts into what the generated client expects, which is JSON in every documented response: an empty body, a
    /// text or HTML becomes `detail`, so that the status is not lost.
    pub(super) fn into_reqwest(mut self) -> reqwest::Response {
        if self.is_refusal() && serde_json::from_slice::<ErrorBody>(&self.body).is_err() {
            let text = String::from_utf8_lossy(&self.body[..self.body.len().min(512)]).into_owned();
            let detail = (!text.is_empty()).then_some(text);
            self.body = serde_json::json!({ "detail": detail }).to_string().into();
            self.headers.remove(header::CONTENT_LENGTH);
        } else if !self.is_refusal() && self.status != StatusCode::OK {
            return carry(Error::from_response(self.status, &self.headers, &self.body));
        }
        let mut response = http::Response::new(self.body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response.into()
    }
}

/// Puts our own error into a response that no server sent. The generated client passes it through unchanged.
pub(super) fn carry(error: Error) -> reqwest::Response {
    let status = error
        .status()
        .and_then(|status| StatusCode::from_u16(status).ok());
    // A status outside of the spec, so that the generated client parses nothing.
    let undocumented = |status: &StatusCode| {
        !status.is_client_error() && !status.is_server_error() && *status != StatusCode::OK
    };
    let status = status
        .filter(undocumented)
        .map_or(999, |status| status.as_u16());
    // What a program prints that does not convert the error.
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
