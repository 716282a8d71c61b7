//! OAuth 2.0 client credentials. The access token is cached, and only one token request is sent at a time.

use super::response::Response;
use crate::api::TOKEN_PATH;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, request_id};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Request, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use url::form_urlencoded;

/// The time between the renewal of an access token and its expiry. If a tenth of the token lifetime is shorter, that
/// tenth is used instead.
const AHEAD: Duration = Duration::from_secs(300);
/// The assumed lifetime of an access token if the response has no valid `expires_in`.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(3600);
/// The longest plausible token lifetime (ten years), in seconds. A longer lifetime is replaced with the default
/// lifetime.
const LONGEST_LIFETIME: f64 = 315_360_000.0;
/// The maximum number of characters that an error message quotes from each field of a token response.
const LONGEST_REASON: usize = 200;

/// Client credentials, and the current access token. The `Debug` output contains no secrets.
#[derive(Debug)]
pub(crate) struct OAuth {
    secret: SecretString,
    /// The `Authorization` header of token requests, which contains the client id and secret.
    basic: HeaderValue,
    scopes: Vec<String>,
    current: Mutex<Option<Arc<Token>>>,
    /// The error of the last token request, for all callers that waited for this request. The lock is held during a
    /// token request, so that concurrent callers share one request.
    failure: tokio::sync::Mutex<Option<Error>>,
}

/// An access token, stored as an `Authorization` header.
#[derive(Debug)]
pub(super) struct Token {
    pub(super) header: HeaderValue,
    /// The time at which a new token is requested, measured with the client's clock.
    renew_at: Duration,
}

impl OAuth {
    /// Creates client credentials. Checks that the id and the secret are valid in HTTP Basic authentication.
    ///
    /// # Errors
    /// Returns an error message if the id or the secret is invalid.
    pub(crate) fn new(id: &str, secret: SecretString) -> Result<Self, String> {
        let text = secret.expose_secret();
        for (what, value) in [("client id", id), ("client secret", text)] {
            if value.is_empty() {
                return Err(format!("the {what} is empty"));
            }
            if value.chars().any(char::is_control) {
                return Err(format!(
                    "the {what} contains a control character, such as a line break"
                ));
            }
        }
        if id.contains(':') {
            return Err("the client id contains a colon, which ends it in HTTP Basic".to_owned());
        }
        let basic = header("Basic ", &BASE64_STANDARD.encode(format!("{id}:{text}")));
        Ok(Self {
            basic: basic.ok_or("no header can carry the client id and secret")?,
            secret,
            scopes: Vec::new(),
            current: Mutex::default(),
            failure: tokio::sync::Mutex::default(),
        })
    }

    /// Sets the scopes that token requests contain.
    ///
    /// # Errors
    /// A scope is invalid.
    pub(crate) fn with_scopes(mut self, scopes: Vec<String>) -> Result<Self, String> {
        let is_valid = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
        let invalid = |scope: &&String| scope.is_empty() || !scope.bytes().all(is_valid);
        if let Some(scope) = scopes.iter().find(invalid) {
            return Err(format!(
                "scopes: each scope is one word, without spaces and quotes, which {scope:?} is not"
            ));
        }
        self.scopes = scopes;
        Ok(self)
    }

    /// Returns all secrets that a response might contain.
    pub(super) fn secrets(&self) -> Vec<String> {
        let mut secrets = vec![
            self.secret.expose_secret().to_owned(),
            secret_of(&self.basic),
        ];
        if let Some(token) = &*self.current() {
            secrets.push(secret_of(&token.header));
        }
        secrets
    }

    /// Discards an access token that the API rejected. If another caller has already requested a new token, the new
    /// token is kept.
    pub(super) fn forget(&self, token: &Arc<Token>) {
        self.current()
            .take_if(|current| Arc::ptr_eq(current, token));
    }

    /// Returns the current access token, or requests a new token with `send`.
    ///
    /// # Errors
    /// Returns the error of a failed token request. After this error, the caller must not send its API request.
    pub(super) async fn token(
        &self,
        base: &Url,
        clock: &dyn Clock,
        send: impl AsyncFnOnce(Request) -> Result<Response, Error>,
    ) -> Result<Arc<Token>, Error> {
        if let Some(token) = self.usable(clock.now()) {
            return Ok(token);
        }
        let is_requested = self.failure.try_lock().is_err();
        let mut failure = self.failure.lock().await;
        if let Some(token) = self.usable(clock.now()) {
            return Ok(token);
        }
        // While this caller waited, the token request of another caller failed, so both callers receive the same error.
        if is_requested && let Some(error) = failure.clone() {
            return Err(error);
        }
        *failure = None;
        let asked_at = clock.now();
        let response = send(self.request(base)).await;
        let token = response.and_then(|response| read(&response, asked_at));
        let token = token.map(Arc::new).map_err(Error::for_token);
        match &token {
            Ok(token) => *self.current() = Some(Arc::clone(token)),
            Err(error) => match error.kind() {
                // Errors that are caused by the limits of one run are not shared with other runs.
                ErrorKind::RunLimit | ErrorKind::QuotaSpent | ErrorKind::Stopped => {}
                _ => *failure = Some(error.clone()),
            },
        }
        token
    }

    fn current(&self) -> MutexGuard<'_, Option<Arc<Token>>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn usable(&self, now: Duration) -> Option<Arc<Token>> {
        self.current().clone().filter(|token| now < token.renew_at)
    }

    fn request(&self, base: &Url) -> Request {
        let mut url = base.clone();
        let path = format!("{}{TOKEN_PATH}", url.path().trim_end_matches('/'));
        url.set_path(&path);
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        // Without the parameter `scope`, the API grants all scopes of the OAuth app. If the app lacks a requested
        // scope, the token endpoint refuses the request.
        if !self.scopes.is_empty() {
            form.append_pair("scope", &self.scopes.join(" "));
        }
        let mut request = Request::new(Method::POST, url);
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, self.basic.clone());
        let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(CONTENT_TYPE, form_type);
        *request.body_mut() = Some(form.finish().into());
        request
    }
}

/// The fields of a token response. Fields of the wrong type are ignored.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    access_token: Value,
    /// The value is stored as raw JSON, because an out-of-range number must not make the whole body unreadable.
    expires_in: Option<Box<RawValue>>,
    error: Value,
    error_description: Value,
    detail: Value,
}

/// Parses the response to a token request that was sent at `asked_at`.
///
/// Errors contain only the fields `error`, `error_description` and `detail` of the body, because other fields may
/// contain a token.
fn read(response: &Response, asked_at: Duration) -> Result<Token, Error> {
    let body = serde_json::from_slice::<Body>(response.body()).unwrap_or_default();
    if !response.status().is_success() || body.access_token.is_null() {
        return Err(refusal(response, &body));
    }
    let token = body.access_token.as_str().unwrap_or_default();
    let header = header("Bearer ", token).ok_or_else(|| {
        let message = "the response has an access token that no header can carry";
        Error::new(ErrorKind::Unreadable, message).with_status(response.status())
    })?;
    let lifetime = lifetime(body.expires_in.as_deref());
    let renew_at = asked_at + lifetime.saturating_sub(AHEAD.min(lifetime / 10));
    Ok(Token { header, renew_at })
}

fn refusal(response: &Response, body: &Body) -> Error {
    let status = response.status();
    let texts = [&body.error, &body.error_description, &body.detail].map(Value::as_str);
    let kind = match texts[0] {
        Some("invalid_client" | "invalid_grant" | "unauthorized_client") => ErrorKind::Unauthorized,
        Some(_) if status.is_success() => ErrorKind::Unauthorized,
        _ if status.is_success() => ErrorKind::Unreadable,
        // `Validation` and `NotFound` refer to users and packs, so a failed token request has the kind `Client`
        // instead.
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
        .with_request_id(request_id(response.headers()))
        .with_detail(reason.as_deref())
}

/// Returns a sensitive header value with `prefix` and `secret`, or `None` if the secret is not valid in a header.
pub(super) fn header(prefix: &str, secret: &str) -> Option<HeaderValue> {
    if secret.is_empty() || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    let mut value = HeaderValue::try_from(format!("{prefix}{secret}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Extracts the secret from a header value that [`header`] created.
pub(super) fn secret_of(header: &HeaderValue) -> String {
    let text = header.to_str().unwrap_or_default();
    let secret = text
        .split_once(' ')
        .map_or(text, |(_prefix, secret)| secret);
    secret.to_owned()
}

/// Parses the token lifetime, which is a JSON number or string in seconds. If the value is invalid, the default
/// lifetime is used, so that the token stays usable.
fn lifetime(expires_in: Option<&RawValue>) -> Duration {
    let text = expires_in
        .map_or("", RawValue::get)
        .trim_matches('"')
        .trim();
    text.parse()
        .ok()
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
            let raw = serde_json::value::to_raw_value(&value).unwrap();
            assert_eq!(lifetime(Some(&raw)).as_secs(), seconds, "{value}");
        }
    }
}
