//! How requests are signed: an API key, an access token of the caller, or OAuth 2.0 client credentials.

use super::oauth::{OAuth, header};
use super::response::Response;
use crate::api::API_KEY_HEADER;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind};
use bytes::BytesMut;
use http::header::{AUTHORIZATION, HeaderName};
use http::{HeaderMap, HeaderValue, StatusCode};
use memchr::memmem;
use reqwest::{Request, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::fmt;

/// How requests are signed. Never shows a secret.
pub(crate) enum Credentials {
    ApiKey(SecretString),
    AccessToken(SecretString),
    OAuth(OAuth),
}

/// The number of the token that signed a request; `None` if no other token can be had.
pub(super) type Signed = Option<u64>;

/// The shortest text that is taken for a secret. Replacing a shorter one would garble every message.
const SHORTEST_SECRET: usize = 8;

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ApiKey(_) => "ApiKey(***)",
            Self::AccessToken(_) => "AccessToken(***)",
            Self::OAuth(_) => "ClientCredentials(***)",
        })
    }
}

impl Credentials {
    pub(crate) fn client(id: String, secret: SecretString) -> Self {
        Self::OAuth(OAuth::new(id, secret))
    }

    /// Sets the scopes of token requests.
    ///
    /// # Errors
    /// The credential is not a client id and secret.
    pub(crate) fn set_scopes(&mut self, scopes: Vec<String>) -> Result<(), &'static str> {
        match self {
            Self::OAuth(oauth) => {
                oauth.set_scopes(scopes);
                Ok(())
            }
            _ => Err("scopes: these need `client_credentials`, as only token requests name them"),
        }
    }

    /// Checks that a header can carry the secret. Returns what is wrong.
    pub(crate) fn check(&self) -> Result<(), String> {
        let carried = |secret: &SecretString, what: &str| {
            header("", secret.expose_secret()).map(drop).ok_or_else(|| {
                format!(
                    "the {what} is empty or contains a character that no header can carry, such as a space or a line break"
                )
            })
        };
        match self {
            Self::ApiKey(key) => carried(key, "API key"),
            Self::AccessToken(token) => carried(token, "access token"),
            Self::OAuth(oauth) => oauth.check().map_err(str::to_owned),
        }
    }

    /// Adds the credential to a request. If an access token is needed first, requests it with `send`.
    pub(super) async fn sign<F>(
        &self,
        request: &mut Request,
        base: &Url,
        clock: &dyn Clock,
        send: impl FnOnce(Request) -> F,
    ) -> Result<Signed, Error>
    where
        F: Future<Output = Result<Response, Error>>,
    {
        let (name, value, signed) = match self {
            Self::ApiKey(key) => {
                let name = HeaderName::from_bytes(API_KEY_HEADER.as_bytes());
                (name.ok(), header("", key.expose_secret()), None)
            }
            Self::AccessToken(token) => (
                Some(AUTHORIZATION),
                header("Bearer ", token.expose_secret()),
                None,
            ),
            Self::OAuth(oauth) => {
                let token = oauth.token(base, clock, send).await?;
                (Some(AUTHORIZATION), Some(token.header), Some(token.number))
            }
        };
        let (Some(name), Some(value)) = (name, value) else {
            // Checked when the client was built.
            return Err(Error::new(
                ErrorKind::Configuration,
                "no header can carry the credential",
            ));
        };
        request.headers_mut().insert(name, value);
        Ok(signed)
    }

    /// Forgets a token that the API rejected. Returns whether another one can be requested.
    pub(super) fn forget(&self, signed: Signed) -> bool {
        let (Self::OAuth(oauth), Some(number)) = (self, signed) else {
            return false;
        };
        oauth.forget(number);
        true
    }

    /// Replaces our secrets in a response, so that a server that sends them back puts them into no error.
    pub(super) fn redact(
        &self,
        status: StatusCode,
        headers: &mut HeaderMap,
        body: BytesMut,
    ) -> BytesMut {
        let mut secrets = match self {
            Self::ApiKey(secret) | Self::AccessToken(secret) => {
                vec![secret.expose_secret().to_owned()]
            }
            Self::OAuth(oauth) => oauth.secrets(),
        };
        secrets.retain(|secret| secret.len() >= SHORTEST_SECRET);
        let is_secret = |value: &&mut HeaderValue| {
            secrets
                .iter()
                .any(|secret| contains(value.as_bytes(), secret))
        };
        for value in headers.values_mut().filter(is_secret) {
            *value = HeaderValue::from_static(HIDDEN);
        }
        // JSON can escape any character. A long success is a list, of which an error shows only a place and the start.
        let is_short = body.len() <= LONGEST_PARSED || !status.is_success();
        if is_short
            && let Ok(mut value) = serde_json::from_slice::<Value>(&body)
            && redact_strings(&mut value, &secrets)
        {
            return BytesMut::from(value.to_string().as_bytes());
        }
        let slashes = secrets.iter().filter(|secret| secret.contains('/'));
        let escaped: Vec<_> = slashes.map(|secret| secret.replace('/', "\\/")).collect();
        secrets.extend(escaped);
        secrets.retain(|secret| contains(&body, secret));
        if secrets.is_empty() {
            return body;
        }
        let mut text = String::from_utf8_lossy(&body).into_owned();
        hide(&mut text, &secrets);
        BytesMut::from(text.as_bytes())
    }
}

/// What stands in the place of a secret.
const HIDDEN: &str = "***";

/// A longer success is not parsed to find secrets in it.
const LONGEST_PARSED: usize = 64 * 1024;

fn contains(text: &[u8], secret: &str) -> bool {
    memmem::find(text, secret.as_bytes()).is_some()
}

/// Replaces the secrets in a text. Returns whether it contained one.
fn hide(text: &mut String, secrets: &[String]) -> bool {
    let mut found = false;
    for secret in secrets {
        if text.contains(secret.as_str()) {
            found = true;
            *text = text.replace(secret.as_str(), HIDDEN);
        }
    }
    found
}

/// Replaces the secrets in all strings of a JSON value. Returns whether one contained a secret.
fn redact_strings(value: &mut Value, secrets: &[String]) -> bool {
    match value {
        Value::String(text) => hide(text, secrets),
        Value::Array(items) => redact_all(items.iter_mut(), secrets),
        Value::Object(fields) => redact_all(fields.values_mut(), secrets),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn redact_all<'a>(values: impl Iterator<Item = &'a mut Value>, secrets: &[String]) -> bool {
    values
        .filter_map(|value| redact_strings(value, secrets).then_some(()))
        .count()
        > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_hidden_in_every_form_and_place() {
        let secret = "canary/7f3e9a";
        let credentials = Credentials::ApiKey(secret.into());
        let redact = |body: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("x-request-id", format!("id-{secret}").parse().unwrap());
            let body = BytesMut::from(body.as_bytes());
            let body = credentials.redact(StatusCode::OK, &mut headers, body);
            assert_eq!(headers["x-request-id"], HIDDEN);
            String::from_utf8(body.to_vec()).unwrap()
        };
        let long = format!(
            r#"{{"data":[],"x":"canary\/7f3e9a{}"}}"#,
            " ".repeat(70_000)
        );
        for body in [
            r#"{"detail":"canary/7f3e9a"}"#,
            r#"{"detail":"canary\/7f3e9a"}"#,
            r#"{"detail":[{"msg":"\u0063anary\u002f7f3e9a canary/7f3e9a"}]}"#,
            "<html>canary/7f3e9a</html>",
            r#"{"detail":"canary\/7f3e9a"#,
            &long,
        ] {
            let clean = redact(body);
            assert!(!clean.contains("7f3e9a"), "{body}: {clean}");
            assert!(clean.contains(HIDDEN), "{body}: {clean}");
        }
        let harmless = r#"{"b":1, "a":"canary"}"#;
        assert_eq!(redact(harmless), harmless);
    }
}
