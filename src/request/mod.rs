//! Performs a single attempt of a request, including authentication, rate limiting and error classification. The
//! generated client sends every request through [`Transport`].

mod credentials;
mod governor;
mod list;
mod oauth;
mod paging;
mod redact;
mod response;
mod run;
mod turns;

pub(crate) use credentials::Credentials;
pub(crate) use governor::{Governor, Permit};
pub(crate) use list::age;
pub(crate) use oauth::OAuth;
use oauth::Token;
pub(crate) use run::{Effect, Run};
pub(crate) use turns::{Turn, Turns};

use crate::api::Client;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Executed};
use http::header::CACHE_CONTROL;
use http::{HeaderValue, StatusCode};
use progenitor_client::{ClientHooks, ClientInfo, OperationInfo};
use redact::redact;
use reqwest::{Method, Request, Url};
use response::{Response, carry, check, into_documented, is_error, is_over_rate_limit, read_body};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tracing::Instrument;

/// The state that all clones of a client share.
pub(crate) struct Shared {
    pub(crate) http: reqwest::Client,
    pub(crate) base: Url,
    pub(crate) credentials: Credentials,
    pub(crate) governor: Governor,
    pub(crate) clock: Arc<dyn Clock>,
    /// The maximum size of a response body, in bytes after decompression.
    pub(crate) max_body: usize,
    /// The time limit of one attempt, from connecting to the end of the response body.
    pub(crate) total_timeout: Duration,
    pub(crate) turns: Turns,
    /// Whether requests use a proxy from an environment variable.
    pub(crate) is_proxied: bool,
}

/// Sends the requests of the generated client, on behalf of one run.
#[derive(Clone)]
pub struct Transport {
    pub(crate) shared: Arc<Shared>,
    pub(crate) run: Arc<Run>,
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("base", &self.shared.base.as_str())
            .field("credentials", &self.shared.credentials)
            .finish_non_exhaustive()
    }
}

/// The maximum number of bytes that are read from the body of an error response.
const MAX_ERROR_BODY: usize = 1024 * 1024;

impl ClientHooks<Transport> for Client {
    async fn exec(
        &self,
        request: Request,
        info: &OperationInfo,
    ) -> reqwest::Result<reqwest::Response> {
        let result = self.inner().call(request, info.operation_id).await;
        let result = result.and_then(into_documented);
        Ok(result.map_or_else(carry, Into::into))
    }
}

impl Transport {
    /// Authenticates and sends a request. On 401, requests a new access token and sends the request once more, because
    /// the API has not executed the request. If the credential cannot be renewed, returns the 401 response.
    async fn call(&self, mut request: Request, operation: &'static str) -> Result<Response, Error> {
        let base = &self.shared.base;
        if request.url().origin() != base.origin() {
            let message = format!("the credential is for {base} and is not sent to another host");
            return Err(Error::new(ErrorKind::Configuration, message));
        }
        // The generated client adds an `api-version` header, which the API does not support.
        request.headers_mut().remove("api-version");
        let effect = if *request.method() == Method::GET {
            // The response must not come from a cache, because with an outdated list, a run could assign users twice.
            let headers = request.headers_mut();
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            Effect::Read
        } else {
            Effect::Write
        };
        let again = request.try_clone();
        let (mut response, token) = self.sign_and_send(request, operation, effect).await?;
        if response.status() == StatusCode::UNAUTHORIZED
            && let (Some(request), Some(token)) = (again, token)
        {
            self.shared.credentials.forget(&token);
            (response, _) = self.sign_and_send(request, operation, effect).await?;
        }
        if operation == list::OPERATION && response.status() == StatusCode::OK {
            list::check_complete(&response)?;
        }
        Ok(response)
    }

    /// Returns the response and the access token that was used. The token is `None` if the credential cannot be
    /// renewed.
    async fn sign_and_send(
        &self,
        mut request: Request,
        operation: &'static str,
        effect: Effect,
    ) -> Result<(Response, Option<Arc<Token>>), Error> {
        let shared = &*self.shared;
        let send = |request| self.send(request, "access_token", Effect::Token);
        let credentials = &shared.credentials;
        let sign = credentials.sign(&mut request, &shared.base, &*shared.clock, send);
        let token = match effect {
            Effect::Write => self.run.until_stopped(sign).await??,
            Effect::Read | Effect::Token => sign.await?,
        };
        let response = self.send(request, operation, effect).await?;
        Ok((response, token))
    }

    /// Waits for the rate limit, sends an authenticated request, and logs the result.
    async fn send(
        &self,
        mut request: Request,
        operation: &'static str,
        effect: Effect,
    ) -> Result<Response, Error> {
        let permit = self.shared.governor.acquire(effect, &self.run).await?;
        *request.timeout_mut() = Some(self.shared.total_timeout);
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
        let result = self
            .exchange(request, permit, effect)
            .instrument(span.clone())
            .await;
        span.in_scope(|| match &result {
            Ok(response) => {
                let status = response.status();
                span.record("http.response.status_code", status.as_u16());
                if is_error(status) {
                    span.record("error.type", status.as_str());
                }
                let bytes = response.body().len();
                tracing::debug!(status = status.as_u16(), bytes, "response");
            }
            Err(error) => {
                span.record("error.type", error.kind().as_str());
                tracing::debug!(%error, "no response");
            }
        });
        result
    }

    async fn exchange(
        &self,
        request: Request,
        permit: Permit<'_>,
        effect: Effect,
    ) -> Result<Response, Error> {
        let shared = &*self.shared;
        let response = match shared.http.execute(request).await {
            Ok(response) => response,
            Err(error) => {
                let error = Error::from_reqwest(error, shared.is_proxied);
                if error.executed() == Executed::No {
                    permit.never_sent();
                    self.run.give_back();
                }
                return Err(error);
            }
        };
        let (status, mut headers) = (response.status(), response.headers().clone());
        let cap = if status.is_success() {
            shared.max_body
        } else {
            MAX_ERROR_BODY
        };
        let (body, unread) = read_body(response, cap, shared.is_proxied).await;
        let body = redact(shared.credentials.secrets(), &mut headers, body).freeze();
        let is_refused = is_over_rate_limit(status, &body);
        permit.received(status, &headers, is_refused);
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        check(response, effect, is_refused, unread)
    }
}
