//! One attempt of a request: wait for the account's limit, sign, send, read with a cap, learn the
//! limit from the answer, and name what went wrong. The generated client calls nothing else.

use crate::api::{Client, types::ErrorBody};
use crate::budget::Budget;
use crate::clock::Clock;
use crate::credentials::Credentials;
use crate::error::{Error, ErrorKind};
use crate::governor::Governor;
use crate::halt::Halt;
use crate::rate_limit::{Reserve, Share};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode, header};
use progenitor_client::{ClientHooks, ClientInfo, OperationInfo};
use reqwest::{Method, Request, Response, ResponseBuilderExt, Url};
use serde::Deserialize;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What all clones of a client share.
pub(crate) struct Shared {
    pub(crate) http: reqwest::Client,
    pub(crate) base: Url,
    pub(crate) credentials: Credentials,
    pub(crate) governor: Governor,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) max_body: usize,
    pub(crate) attempt_timeout: Duration,
}

/// What the generated client carries: what is shared, and the terms of one run.
#[derive(Clone)]
pub struct Inner {
    pub(crate) shared: Arc<Shared>,
    pub(crate) budget: Arc<Budget>,
    /// Requests of the account's quota to leave to others.
    pub(crate) reserve: Reserve,
    /// Once it is set, no write of the run starts.
    pub(crate) halt: Option<Arc<Halt>>,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner")
            .field("base", &self.shared.base.as_str())
            .field("credentials", &self.shared.credentials)
            .finish_non_exhaustive()
    }
}

/// An answer, its body read to the end.
pub(crate) struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// An answer that is no success is read up to here, then dropped.
const MAX_ERROR_BODY: usize = 1024 * 1024;

impl ClientHooks<Inner> for Client {
    async fn exec(&self, request: Request, info: &OperationInfo) -> reqwest::Result<Response> {
        Ok(match self.inner().call(request, info.operation_id).await {
            Ok(answer) => answer.into_response(),
            Err(error) => carry(error),
        })
    }
}

impl Inner {
    /// The same client on the terms of another run.
    pub(crate) fn on_terms(
        &self,
        budget: Arc<Budget>,
        reserve: Reserve,
        halt: Option<Arc<Halt>>,
    ) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            budget,
            reserve,
            halt,
        }
    }

    /// Signs and sends. A 401 to a token of ours is not executed: it is asked anew, once.
    async fn call(&self, mut request: Request, operation: &'static str) -> Result<Answer, Error> {
        let base = &self.shared.base;
        if request.url().origin() != base.origin() {
            let message = format!("the credential is for {base} and is not sent elsewhere");
            return Err(Error::new(ErrorKind::Configuration, message));
        }
        // The generator adds it; the API does not know it.
        request.headers_mut().remove("api-version");
        let credentials = &self.shared.credentials;
        for last in [false, true] {
            let spare = if last { None } else { request.try_clone() };
            let write = *request.method() == Method::POST;
            let sign = credentials.sign(&mut request, self);
            let token = match &self.halt {
                Some(halt) if write => halt.unless(sign).await??,
                _ => sign.await?,
            };
            let answer = self.send(request, operation).await?;
            match spare {
                Some(spare)
                    if answer.status == StatusCode::UNAUTHORIZED && credentials.forget(token) =>
                {
                    request = spare;
                }
                _ => return Ok(answer),
            }
        }
        unreachable!("the last round returns")
    }

    /// One request on the wire, within the run's budget and the account's limits.
    pub(crate) async fn send(
        &self,
        mut request: Request,
        operation: &'static str,
    ) -> Result<Answer, Error> {
        let shared = &*self.shared;
        // A read-back must always be affordable: a write leaves one request of the day for it.
        let write = *request.method() == Method::POST && operation != crate::credentials::OPERATION;
        // A token serves everybody, whoever asks for it.
        let reserve = if operation == crate::credentials::OPERATION {
            Reserve::default()
        } else {
            self.reserve
        };
        let share = Share {
            reserve,
            keep_back: u64::from(write),
        };
        self.budget.check()?;
        let leave = shared.governor.acquire(share);
        let permit = match &self.halt {
            Some(halt) if write => halt.unless(leave).await??,
            _ => leave.await?,
        };
        if let Err(error) = self.budget.take() {
            permit.never_sent();
            return Err(error);
        }
        *request.timeout_mut() = Some(shared.attempt_timeout);
        let span = tracing::debug_span!(
            "http_request",
            otel.kind = "client",
            operation,
            http.request.method = %request.method(),
            server.address = request.url().host_str(),
            server.port = request.url().port_or_known_default(),
            url.path = request.url().path(),
            http.response.status_code = tracing::field::Empty,
            error.type = tracing::field::Empty,
        );
        let result =
            tracing::Instrument::instrument(self.exchange(request, permit), span.clone()).await;
        match &result {
            Ok(answer) => {
                span.record("http.response.status_code", answer.status.as_u16());
                if answer.is_refusal() {
                    span.record("error.type", answer.status.as_str());
                }
            }
            Err(error) => {
                span.record("error.type", error.kind().as_str());
            }
        }
        result
    }

    async fn exchange(
        &self,
        request: Request,
        permit: crate::governor::Permit<'_>,
    ) -> Result<Answer, Error> {
        let response = match self.shared.http.execute(request).await {
            Ok(response) => response,
            Err(e) => {
                let error = of_reqwest(e);
                if error.kind() == ErrorKind::Connect {
                    permit.never_sent();
                }
                return Err(error);
            }
        };
        let (status, headers) = (response.status(), response.headers().clone());
        let cap = if status.is_success() {
            self.shared.max_body
        } else {
            MAX_ERROR_BODY
        };
        let (mut body, rest) = read_body(response, cap).await;
        // What carries `data` is a success, and is not looked at twice; all else may end up in an error.
        let hidden = if status.is_success() && has_data(&body) {
            // It is an error all the same where it cannot be read, and the start of it is kept then.
            if body.len() < 64 * 1024 {
                body = self.shared.credentials.redact(body);
            }
            false
        } else {
            body = self.shared.credentials.redact(body);
            status.is_success() && says_too_many(&body)
        };
        permit.answered(&headers, hidden || status == StatusCode::TOO_MANY_REQUESTS);
        match rest {
            _ if hidden => Err(
                Error::of_answer(StatusCode::TOO_MANY_REQUESTS, &headers, &body)
                    .with_status(status),
            ),
            Rest::None => Ok(Answer {
                status,
                headers,
                body: body.freeze(),
            }),
            // What a refusal says is nice to have; that it is one, is known from its status.
            Rest::Over | Rest::Lost(_) if !status.is_success() => Ok(Answer {
                status,
                headers,
                body: body.freeze(),
            }),
            Rest::Over => {
                let message =
                    format!("the answer is longer than {cap} bytes, the most that is read");
                Err(Error::new(ErrorKind::TooLarge, message)
                    .with_status(status)
                    .with_body(&body))
            }
            Rest::Lost(e) => Err(of_reqwest(e).with_status(status).with_body(&body)),
        }
    }
}

/// What was not read of a body.
enum Rest {
    None,
    Over,
    Lost(reqwest::Error),
}

async fn read_body(mut response: Response, cap: usize) -> (BytesMut, Rest) {
    let length = response
        .content_length()
        .and_then(|n| usize::try_from(n).ok());
    // The length is the server's word: it must not make us reserve more than we would read.
    let mut body = BytesMut::with_capacity(length.unwrap_or(0).min(cap));
    if length.is_some_and(|n| n > cap) && response.status().is_success() {
        return (body, Rest::Over);
    }
    loop {
        match response.chunk().await {
            Ok(None) => return (body, Rest::None),
            Ok(Some(chunk)) => {
                let room = cap - body.len();
                body.extend_from_slice(&chunk[..chunk.len().min(room)]);
                if chunk.len() > room {
                    return (body, Rest::Over);
                }
            }
            Err(e) => return (body, Rest::Lost(e)),
        }
    }
}

/// Whether `data` stands at the start of a body. A pack of a hundred thousand must not be parsed twice.
fn has_data(body: &[u8]) -> bool {
    body[..body.len().min(1024)]
        .windows(6)
        .any(|window| window == b"\"data\"")
}

/// Whether a 200 is a refusal in disguise: no `data`, and a `detail` about too many requests.
fn says_too_many(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Disguise {
        data: Option<serde::de::IgnoredAny>,
        detail: Option<String>,
    }
    serde_json::from_slice::<Disguise>(body).is_ok_and(|disguise| {
        let text = disguise.detail.unwrap_or_default().to_lowercase();
        disguise.data.is_none() && (text.contains("too many") || text.contains("rate limit"))
    })
}

impl Answer {
    fn is_refusal(&self) -> bool {
        self.status.is_client_error() || self.status.is_server_error()
    }

    /// The answer, or the error that it is.
    pub(crate) fn success(self) -> Result<Self, Error> {
        if self.status == StatusCode::OK {
            Ok(self)
        } else {
            Err(Error::of_answer(self.status, &self.headers, &self.body))
        }
    }

    /// For the generated client, which expects JSON in every documented answer: an empty body, a
    /// text or a proxy's HTML becomes `detail`, so that the status is not lost.
    fn into_response(mut self) -> Response {
        if self.is_refusal() && serde_json::from_slice::<ErrorBody>(&self.body).is_err() {
            let text = String::from_utf8_lossy(&self.body[..self.body.len().min(512)]).into_owned();
            let detail = (!text.is_empty()).then_some(text);
            self.body = serde_json::json!({ "detail": detail }).to_string().into();
            self.headers.remove(header::CONTENT_LENGTH);
        } else if !self.is_refusal() && self.status != StatusCode::OK {
            return carry(Error::of_answer(self.status, &self.headers, &self.body));
        }
        let mut response = http::Response::new(self.body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response.into()
    }
}

/// Our own failure, inside a response that no server sent: the generated client passes it on as it is.
fn carry(error: Error) -> Response {
    let status = error
        .status()
        .and_then(|status| StatusCode::from_u16(status).ok());
    let mut builder = http::Response::builder().extension(error);
    // A status outside the spec, so that nothing is parsed.
    let outside = |status: &StatusCode| {
        !status.is_client_error() && !status.is_server_error() && *status != StatusCode::OK
    };
    builder = builder.status(status.filter(outside).map_or(999, |status| status.as_u16()));
    if let Ok(url) = Url::parse("about:blank") {
        builder = builder.url(url);
    }
    builder
        .body(Bytes::new())
        .map_or_else(|_| http::Response::new(Bytes::new()).into(), Into::into)
}

/// Names a failure of the HTTP client.
pub(crate) fn of_reqwest(error: reqwest::Error) -> Error {
    // A URL may hold more than a log should show.
    let error = error.without_url();
    let (kind, message) = if error.is_builder() {
        (ErrorKind::Configuration, "the request cannot be made")
    } else if error.is_connect() {
        (ErrorKind::Connect, "no connection to the API")
    } else if error.is_timeout() {
        (ErrorKind::Timeout, "no full answer in time")
    } else if error.is_redirect() {
        (
            ErrorKind::Redirect,
            "the server redirects, which is never followed",
        )
    } else {
        (
            ErrorKind::Interrupted,
            "the connection broke before the answer was complete",
        )
    };
    let cause = innermost(&error);
    Error::new(kind, format!("{message}: {cause}")).with_source(error)
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
