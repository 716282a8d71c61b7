//! Requests and responses of the fake.

use bytes::Bytes;
use serde_json::{Value, json};

pub(super) type Request = http::Request<Bytes>;

pub(super) fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}

/// The credential in `Authorization`, if it has this scheme.
pub(super) fn authorization<'a>(request: &'a Request, scheme: &str) -> Option<&'a str> {
    let (name, credential) = header(request, "authorization")?.split_once(' ')?;
    name.eq_ignore_ascii_case(scheme).then_some(credential)
}

/// The content type without its parameters, in lower case.
pub(super) fn media_type(request: &Request) -> Option<String> {
    let value = header(request, "content-type")?.split(';').next()?;
    Some(value.trim().to_ascii_lowercase())
}

/// Header names are in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Bytes,
}

impl Response {
    pub(super) fn new(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body: body.into(),
        }
    }

    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json", body.to_string())
    }

    /// An error in the form that `FastAPI` gives it.
    pub(super) fn error(status: u16, detail: impl Into<Value>) -> Self {
        Self::json(status, &json!({ "detail": detail.into() }))
    }

    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Replaces the headers of the same names.
    pub(super) fn replace(&mut self, headers: Vec<(String, String)>) {
        self.headers
            .retain(|(name, _)| headers.iter().all(|(new, _)| new != name));
        self.headers.extend(headers);
    }
}
