//! Who we are: an API key, or an OAuth 2.0 access token, cached and asked for once at a time.

use crate::api::{API_KEY_HEADER, SCOPES, TOKEN_PATH};
use crate::error::{Error, ErrorKind};
use crate::transport::Inner;
use bytes::BytesMut;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::Request;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The name of the token request in spans, and how the transport knows it.
pub(crate) const OPERATION: &str = "access_token";

/// A token is renewed this long before it ends, or after nine tenths of its life if that is sooner.
const AHEAD: Duration = Duration::from_secs(300);
/// The life of a token whose answer does not say it.
const USUAL_LIFE: Duration = Duration::from_secs(3600);

/// How requests are signed. Never shows a secret.
pub(crate) enum Credentials {
    ApiKey(SecretString),
    AccessToken(SecretString),
    ClientCredentials(ClientCredentials),
}

/// A client of the account, and its current token.
pub(crate) struct ClientCredentials {
    id: String,
    secret: SecretString,
    current: Mutex<Option<Token>>,
    /// Both as HTTP Basic sends them: as secret as they are.
    basic: std::sync::OnceLock<String>,
    /// Held while a token is asked for, so that a hundred callers ask once.
    asking: tokio::sync::Mutex<Asked>,
}

/// The number of tokens asked for, and how the last asking failed: whoever waited shares the answer.
#[derive(Default)]
struct Asked {
    times: u64,
    failure: Option<Error>,
}

#[derive(Clone)]
struct Token {
    header: HeaderValue,
    /// When to ask for the next, by the client's clock.
    renew_at: Duration,
    number: u64,
}

/// Which token signed a request; `None` where there is no other to be had.
pub(crate) type Signed = Option<u64>;

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ApiKey(_) => "ApiKey(***)",
            Self::AccessToken(_) => "AccessToken(***)",
            Self::ClientCredentials(_) => "ClientCredentials(***)",
        })
    }
}

impl Credentials {
    pub(crate) fn client(id: String, secret: SecretString) -> Self {
        Self::ClientCredentials(ClientCredentials {
            id,
            secret,
            current: Mutex::default(),
            basic: std::sync::OnceLock::new(),
            asking: tokio::sync::Mutex::default(),
        })
    }

    /// Whether the secret can stand in a header at all; said before anything is sent.
    pub(crate) fn check(&self) -> Result<(), Error> {
        match self {
            Self::ApiKey(key) => secret_header("", key, "the API key").map(drop),
            Self::AccessToken(token) => {
                secret_header("Bearer ", token, "the access token").map(drop)
            }
            Self::ClientCredentials(client) => {
                if client.id.is_empty() || client.secret.expose_secret().is_empty() {
                    return Err(Error::new(
                        ErrorKind::Configuration,
                        "the client id or the client secret is empty",
                    ));
                }
                // HTTP Basic ends the id at the first colon.
                if client.id.contains(':') || client.id.chars().any(char::is_control) {
                    return Err(Error::new(
                        ErrorKind::Configuration,
                        "the client id holds a colon or a line break",
                    ));
                }
                Ok(())
            }
        }
    }

    /// Adds the credential to a request; asks for a token first where none is at hand.
    pub(crate) async fn sign(&self, request: &mut Request, inner: &Inner) -> Result<Signed, Error> {
        let (name, value, signed) = match self {
            Self::ApiKey(key) => {
                let name = HeaderName::from_bytes(API_KEY_HEADER.as_bytes());
                let name = name.map_err(|e| Error::new(ErrorKind::Configuration, e.to_string()))?;
                (name, secret_header("", key, "the API key")?, None)
            }
            Self::AccessToken(token) => (
                AUTHORIZATION,
                secret_header("Bearer ", token, "the access token")?,
                None,
            ),
            Self::ClientCredentials(client) => {
                let token = client.token(inner).await?;
                (AUTHORIZATION, token.header, Some(token.number))
            }
        };
        request.headers_mut().insert(name, value);
        Ok(signed)
    }

    /// Blots out our secrets where a server sends them back, so that no error shows them.
    pub(crate) fn redact(&self, body: BytesMut) -> BytesMut {
        let mut secrets = Vec::new();
        match self {
            Self::ApiKey(secret) | Self::AccessToken(secret) => {
                secrets.push(secret.expose_secret().to_owned());
            }
            Self::ClientCredentials(client) => {
                secrets.push(client.secret.expose_secret().to_owned());
                secrets.extend(client.basic.get().cloned());
                if let Some(token) = &*client.current() {
                    let header = String::from_utf8_lossy(token.header.as_bytes());
                    secrets.push(header.trim_start_matches("Bearer ").to_owned());
                }
            }
        }
        let text = String::from_utf8_lossy(&body);
        // Shorter ones would blot out half of every text, and are no secrets.
        let found: Vec<_> = secrets
            .iter()
            .filter(|s| s.len() > 7 && text.contains(s.as_str()))
            .collect();
        if found.is_empty() {
            return body;
        }
        let clean = found.iter().fold(text.into_owned(), |text, secret| {
            text.replace(secret.as_str(), "***")
        });
        BytesMut::from(clean.as_bytes())
    }

    /// The API refused this token. Whether another may be had.
    pub(crate) fn forget(&self, signed: Signed) -> bool {
        let (Self::ClientCredentials(client), Some(number)) = (self, signed) else {
            return false;
        };
        let mut current = client.current();
        // Whoever comes later may find that another caller has renewed it already.
        if current.as_ref().is_some_and(|token| token.number == number) {
            *current = None;
        }
        true
    }
}

fn secret_header(prefix: &str, secret: &SecretString, what: &str) -> Result<HeaderValue, Error> {
    let secret = secret.expose_secret();
    let usable = !secret.is_empty() && secret.bytes().all(|byte| byte.is_ascii_graphic());
    let value = if usable {
        HeaderValue::try_from(format!("{prefix}{secret}")).ok()
    } else {
        None
    };
    let mut value = value.ok_or_else(|| {
        let message = format!(
            "{what} is empty or holds a character that no header may carry, such as a space or a line break"
        );
        Error::new(ErrorKind::Configuration, message)
    })?;
    value.set_sensitive(true);
    Ok(value)
}

impl ClientCredentials {
    fn current(&self) -> std::sync::MutexGuard<'_, Option<Token>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn usable(&self, now: Duration) -> Option<Token> {
        self.current().clone().filter(|token| now < token.renew_at)
    }

    async fn token(&self, inner: &Inner) -> Result<Token, Error> {
        let clock = &inner.shared.clock;
        if let Some(token) = self.usable(clock.now()) {
            return Ok(token);
        }
        let before = self.asking.try_lock().map(|asked| asked.times).ok();
        let mut asked = self.asking.lock().await;
        if let Some(token) = self.usable(clock.now()) {
            return Ok(token);
        }
        // Somebody else asked while this call waited: their failure is ours too.
        if before.is_none()
            && let Some(error) = asked.failure.clone()
        {
            return Err(error);
        }
        asked.times += 1;
        asked.failure = None;
        let sent = clock.now();
        match self.ask(inner).await {
            Ok((header, life)) => {
                let renew_at = sent + life.saturating_sub(AHEAD.min(life / 10));
                let token = Token {
                    header,
                    renew_at,
                    number: asked.times,
                };
                *self.current() = Some(token.clone());
                Ok(token)
            }
            Err(error) => {
                let error = error.for_token();
                // What only this run may not do, another may.
                let own = [
                    ErrorKind::RequestLimit,
                    ErrorKind::QuotaSpent,
                    ErrorKind::Stopped,
                ];
                asked.failure = Some(error.clone()).filter(|error| !own.contains(&error.kind()));
                Err(error)
            }
        }
    }

    /// A new token as a header, and how long it lives.
    async fn ask(&self, inner: &Inner) -> Result<(HeaderValue, Duration), Error> {
        let mut url = inner.shared.base.clone();
        let path = format!("{}{TOKEN_PATH}", url.path().trim_end_matches('/'));
        url.set_path(&path);
        let form = format!("grant_type=client_credentials&scope={}", SCOPES.join("%20"));
        let request = inner
            .shared
            .http
            .post(url)
            .basic_auth(&self.id, Some(self.secret.expose_secret()));
        let request = request
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form)
            .build();
        let request = request.map_err(crate::transport::of_reqwest)?;
        if let Some(header) = request
            .headers()
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
        {
            self.basic
                .get_or_init(|| header.trim_start_matches("Basic ").to_owned());
        }
        let answer = inner.send(request, OPERATION).await?.success()?;
        // Neither the body nor the parser's words: either may hold the token.
        let unreadable = || {
            Error::new(
                ErrorKind::Unreadable,
                "the answer holds no usable access token",
            )
        };
        let answer: TokenAnswer = serde_json::from_slice(&answer.body).map_err(|_| unreadable())?;
        let header = secret_header("Bearer ", &answer.access_token.into(), "the token")
            .map_err(|_| unreadable())?;
        let life = answer
            .expires_in
            .filter(|seconds| seconds.is_finite() && *seconds >= 0.0);
        Ok((
            header,
            life.map_or(USUAL_LIFE, |seconds| {
                Duration::from_secs_f64(seconds.min(1e9))
            }),
        ))
    }
}

/// What the token endpoint answers; the rest of it is not needed.
#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    expires_in: Option<f64>,
}
