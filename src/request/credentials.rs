//! How requests are signed: with a fixed header, or with an access token of OAuth 2.0 client credentials.

use super::oauth::{OAuth, header};
use super::response::Response;
use crate::api::API_KEY_HEADER;
use crate::clock::Clock;
use crate::error::Error;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use reqwest::{Request, Url};
use secrecy::{ExposeSecret, SecretString};

/// How requests are signed. Shows no secret.
#[derive(Debug)]
pub(crate) enum Credentials {
    /// An API key, or an access token of the caller.
    Header {
        name: HeaderName,
        value: HeaderValue,
        secret: SecretString,
    },
    OAuth(OAuth),
}

/// The number of the token that signed a request; `None` if no other token can be had.
pub(super) type Signed = Option<u64>;

impl Credentials {
    /// Signs with an API key.
    ///
    /// # Errors
    /// No header can carry the key.
    pub(crate) fn api_key(key: SecretString) -> Result<Self, String> {
        let name = HeaderName::try_from(API_KEY_HEADER).map_err(|e| e.to_string())?;
        Self::header(name, "", key, "API key")
    }

    /// Signs with an access token that is never renewed.
    ///
    /// # Errors
    /// No header can carry the token.
    pub(crate) fn access_token(token: SecretString) -> Result<Self, String> {
        Self::header(AUTHORIZATION, "Bearer ", token, "access token")
    }

    fn header(
        name: HeaderName,
        prefix: &str,
        secret: SecretString,
        what: &str,
    ) -> Result<Self, String> {
        let value = header(prefix, secret.expose_secret()).ok_or_else(|| {
            format!(
                "the {what} is empty or contains a character that no header can carry, such as a space or a line break"
            )
        })?;
        Ok(Self::Header {
            name,
            value,
            secret,
        })
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
            Self::Header { name, value, .. } => (name.clone(), value.clone(), None),
            Self::OAuth(oauth) => {
                let token = oauth.token(base, clock, send).await?;
                (AUTHORIZATION, token.header, Some(token.number))
            }
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

    /// Returns every secret that a server could send back.
    pub(super) fn secrets(&self) -> Vec<String> {
        match self {
            Self::Header { secret, .. } => vec![secret.expose_secret().to_owned()],
            Self::OAuth(oauth) => oauth.secrets(),
        }
    }
}
