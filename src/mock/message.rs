//! Helpers that read requests and build responses.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

pub(super) type Request = http::Request<Bytes>;
pub(super) type Response = http::Response<Bytes>;

pub(super) fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}

/// Returns the credential from the `Authorization` header if the header's scheme is `scheme`.
pub(super) fn authorization<'a>(request: &'a Request, scheme: &str) -> Option<&'a str> {
    let (name, credential) = header(request, "authorization")?.split_once(' ')?;
    name.eq_ignore_ascii_case(scheme).then_some(credential)
}

/// Returns the media type from the `Content-Type` header in lower case, without parameters.
pub(super) fn media_type(request: &Request) -> Option<String> {
    let value = header(request, "content-type")?.split(';').next()?;
    Some(value.trim().to_ascii_lowercase())
}

pub(super) fn response(status: u16, content_type: &'static str, body: String) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    with(response, CONTENT_TYPE, content_type)
}

pub(super) fn json(status: u16, body: &Value) -> Response {
    response(status, "application/json", body.to_string())
}

/// Creates an error response in the format of the Python framework `FastAPI`.
pub(super) fn error(status: u16, detail: impl Into<Value>) -> Response {
    json(status, &json!({ "detail": detail.into() }))
}

pub(super) fn with(mut response: Response, name: HeaderName, value: &'static str) -> Response {
    let value = HeaderValue::from_static(value);
    response.headers_mut().insert(name, value);
    response
}
