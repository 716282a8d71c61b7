//! OAuth 2.0 client credentials: an access token, cached and requested once at a time.

use super::response::Response;
use crate::api::TOKEN_PATH;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, request_id};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Request, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use url::form_urlencoded;

/// A token is renewed this long before it ends, or after nine tenths of its lifetime if that is sooner.
const AHEAD: Duration = Duration::from_secs(300);
/// The lifetime of a token whose response does not state a readable one.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(3600);
/// A longer lifetime, in seconds, is taken for a mistake: ten years.
const LONGEST_LIFETIME: f64 = 315_360_000.0;
/// The most of a refusal's text that an error shows, in characters.
const LONGEST_REASON: usize = 200;

/// A client of the account, and its current token. Never shows a secret.
pub(crate) struct OAuth {
    id: String,
    secret: SecretString,
    scopes: Vec<String>,
    current: Mutex<Option<Token>>,
    /// Held while a token is requested, so that a hundred callers request one.
    requested: tokio::sync::Mutex<Requested>,
}

/// How many tokens were requested, and how the last request failed. Callers that waited for it share the failure.
#[derive(Default)]
struct Requested {
    times: u64,
    failure: Option<Error>,
}

/// An access token, as the header that carries it.
#[derive(Clone)]
pub(super) struct Token {
    pub(super) header: HeaderValue,
    pub(super) number: u64,
    /// When to request the next one, by the client's clock.
    renew_at: Duration,
}

impl OAuth {
    pub(super) fn new(id: String, secret: SecretString) -> Self {
        Self {
            id,
            secret,
            scopes: Vec::new(),
            current: Mutex::default(),
            requested: tokio::sync::Mutex::default(),
        }
    }

    pub(super) fn set_scopes(&mut self, scopes: Vec<String>) {
        self.scopes = scopes;
    }

    /// Checks what HTTP Basic and a scope can carry. Returns what is wrong.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        if self.id.is_empty() {
            return Err("the client id is empty");
        }
        // HTTP Basic ends the id at the first colon.
        if self.id.contains(':') || self.id.chars().any(char::is_control) {
            return Err(
                "the client id contains a colon or a control character, such as a line break",
            );
        }
        let secret = self.secret.expose_secret();
        if secret.is_empty() {
            return Err("the client secret is empty");
        }
        if secret.chars().any(char::is_control) {
            return Err("the client secret contains a control character, such as a line break");
        }
        let is_token = |scope: &String| {
            !scope.is_empty()
                && scope
                    .bytes()
                    .all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
        };
        if !self.scopes.iter().all(is_token) {
            return Err("scopes: each scope is one word, without spaces and quotes");
        }
        Ok(())
    }

    /// Returns every secret that a server could send back.
    pub(super) fn secrets(&self) -> Vec<String> {
        let token = self.current().as_ref().map(|token| {
            let header = String::from_utf8_lossy(token.header.as_bytes()).into_owned();
            header.trim_start_matches("Bearer ").to_owned()
        });
        let mut secrets = vec![self.secret.expose_secret().to_owned(), self.basic()];
        secrets.extend(token);
        secrets
    }

    /// Forgets a token that the API rejected. Another caller may have replaced it already.
    pub(super) fn forget(&self, number: u64) {
        self.current().take_if(|token| token.number == number);
    }

    /// Returns the current token, or requests one with `send`.
    ///
    /// # Errors
    /// The request for a token failed. The caller's own request was not sent then.
    pub(super) async fn token<F>(
        &self,
        base: &Url,
        clock: &dyn Clock,
        send: impl FnOnce(Request) -> F,
    ) -> Result<Token, Error>
    where
        F: Future<Output = Result<Response, Error>>,
    {
        if let Some(token) = self.usable(clock.now()) {
            return Ok(token);
        }
        let was_free = self.requested.try_lock().is_ok();
        let mut requested = self.requested.lock().await;
        if let Some(token) = self.usable(clock.now()) {
            return Ok(token);
        }
        // Another caller made the request while this one waited, so its failure is ours, too.
        if !was_free && let Some(error) = requested.failure.clone() {
            return Err(error);
        }
        requested.times += 1;
        requested.failure = None;
        let asked_at = clock.now();
        let response = match self.request(base) {
            Ok(request) => send(request).await,
            Err(error) => Err(error),
        };
        match response.and_then(|response| read(&response)) {
            Ok((header, lifetime)) => {
                let token = Token {
                    header,
                    number: requested.times,
                    renew_at: asked_at + lifetime.saturating_sub(AHEAD.min(lifetime / 10)),
                };
                *self.current() = Some(token.clone());
                Ok(token)
            }
            Err(error) => {
                let error = error.for_token();
                // These are limits of one run, which do not concern the others.
                let own = [
                    ErrorKind::RunLimit,
                    ErrorKind::QuotaSpent,
                    ErrorKind::Stopped,
                ];
                requested.failure =
                    Some(error.clone()).filter(|error| !own.contains(&error.kind()));
                Err(error)
            }
        }
    }

    fn current(&self) -> MutexGuard<'_, Option<Token>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn usable(&self, now: Duration) -> Option<Token> {
        self.current().clone().filter(|token| now < token.renew_at)
    }

    fn basic(&self) -> String {
        BASE64_STANDARD.encode(format!("{}:{}", self.id, self.secret.expose_secret()))
    }

    fn request(&self, base: &Url) -> Result<Request, Error> {
        let mut url = base.clone();
        let path = format!("{}{TOKEN_PATH}", url.path().trim_end_matches('/'));
        url.set_path(&path);
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        // Without `scope`, the token has every scope of the app; naming one that the app lacks is refused.
        if !self.scopes.is_empty() {
            form.append_pair("scope", &self.scopes.join(" "));
        }
        let mut basic = HeaderValue::try_from(format!("Basic {}", self.basic()))
            .map_err(|e| Error::new(ErrorKind::Configuration, e.to_string()))?;
        basic.set_sensitive(true);
        let mut request = Request::new(Method::POST, url);
        request.headers_mut().insert(AUTHORIZATION, basic);
        request.headers_mut().insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        *request.body_mut() = Some(form.finish().into());
        Ok(request)
    }
}

/// Reads a token response: the token as a header, and its lifetime.
///
/// No error holds anything of the body but the three texts of a refusal, because the body may hold a token.
fn read(response: &Response) -> Result<(HeaderValue, Duration), Error> {
    let body = parse(&response.body);
    let token = &body["access_token"];
    if response.status.is_success() && !token.is_null() {
        let token = token.as_str().unwrap_or_default();
        let header = header("Bearer ", token);
        return header
            .map(|header| (header, lifetime(&body["expires_in"])))
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::Unreadable,
                    "the response has an access token that no header can carry",
                )
                .with_status(response.status)
            });
    }
    Err(refusal(response, &body))
}

/// Parses a body. Null if it is no JSON.
fn parse(body: &[u8]) -> Value {
    /// A number out of range, such as a lifetime of `1e999`, makes a body unreadable. These fields can be read then.
    #[derive(Default, Deserialize, Serialize)]
    #[serde(default)]
    struct Fields {
        access_token: Value,
        error: Value,
        error_description: Value,
        detail: Value,
    }
    let fields = || serde_json::to_value(serde_json::from_slice::<Fields>(body)?);
    serde_json::from_slice(body)
        .or_else(|_| fields())
        .unwrap_or_default()
}

fn refusal(response: &Response, body: &Value) -> Error {
    let status = response.status;
    let texts = ["error", "error_description", "detail"].map(|field| body[field].as_str());
    let kind = match texts[0] {
        Some("invalid_client" | "invalid_grant" | "unauthorized_client") => ErrorKind::Unauthorized,
        Some(_) if status.is_success() => ErrorKind::Unauthorized,
        _ if status.is_success() => ErrorKind::Unreadable,
        // These two would speak of users and of a pack.
        _ => match ErrorKind::from_status(status) {
            ErrorKind::Validation | ErrorKind::NotFound => ErrorKind::Client,
            kind => kind,
        },
    };
    let message = match kind {
        ErrorKind::Unauthorized => {
            "the token endpoint rejects the client id and secret: check both, and the region of the account"
        }
        ErrorKind::Forbidden => {
            "the token endpoint refuses: check the scopes of the app, and that the account's plan has API access"
        }
        ErrorKind::RateLimited => "the account is over its rate limit",
        ErrorKind::Redirect => {
            "the token endpoint redirects, and redirects are never followed: check the base URL"
        }
        ErrorKind::Unreadable => "the response has no access token: check the base URL",
        ErrorKind::Server => "the token endpoint failed",
        _ => "the token endpoint rejects the request",
    };
    let shorten = |text: &str| text.chars().take(LONGEST_REASON).collect::<String>();
    let reasons: Vec<_> = texts.into_iter().flatten().map(shorten).collect();
    let reason = (!reasons.is_empty()).then(|| reasons.join(": "));
    Error::new(kind, format!("{message} ({})", status.as_u16()))
        .with_status(status)
        .with_request_id(request_id(&response.headers))
        .with_detail(reason.as_deref())
}

/// A header with a secret, marked as sensitive; `None` if no header can carry it.
pub(super) fn header(prefix: &str, secret: &str) -> Option<HeaderValue> {
    if secret.is_empty() || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    let mut value = HeaderValue::try_from(format!("{prefix}{secret}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Reads `expires_in`, in seconds. Servers send it in every form; a token is usable whatever it says.
fn lifetime(value: &Value) -> Duration {
    let text = value.as_str().and_then(|text| text.trim().parse().ok());
    value
        .as_f64()
        .or(text)
        .filter(|seconds| (0.0..=LONGEST_LIFETIME).contains(seconds))
        .map_or(DEFAULT_LIFETIME, Duration::from_secs_f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_unreadable_lifetime_is_the_default() {
        for (value, seconds) in [
            (json!(86_400), 86_400),
            (json!("86400"), 86_400),
            (json!(" 60.5 "), 60),
            (json!(60.5), 60),
            (json!(0), 0),
            (json!(""), 3_600),
            (json!("a day"), 3_600),
            (json!(null), 3_600),
            (json!(-1), 3_600),
            (json!("-1"), 3_600),
            (json!(1e300), 3_600),
            (json!("NaN"), 3_600),
            (json!("inf"), 3_600),
            (json!([]), 3_600),
            (json!(true), 3_600),
        ] {
            assert_eq!(lifetime(&value).as_secs(), seconds, "{value}");
        }
    }
}
