//! The credentials of a client. They sign requests with a fixed header, or with an access token of OAuth 2.0 client
//! credentials.

use super::oauth::{OAuth, Token, header, secret_of};
use super::response::Response;
use crate::api::API_KEY_HEADER;
use crate::clock::Clock;
use crate::error::Error;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use reqwest::{Request, Url};
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;

/// The credentials that sign requests. `Debug` shows no secret.
#[derive(Debug)]
pub(crate) enum Credentials {
    /// A fixed header: an API key, or an access token that the caller provides.
    Header {
        name: HeaderName,
        value: HeaderValue,
    },
    OAuth(OAuth),
}

impl Credentials {
    /// Signs with an API key.
    ///
    /// # Errors
    /// No header can carry the key.
    pub(crate) fn api_key(key: &SecretString) -> Result<Self, String> {
        let name = HeaderName::try_from(API_KEY_HEADER).map_err(|e| e.to_string())?;
        Self::header(name, "", key, "API key")
    }

    /// Signs with an access token of the caller. The client never renews this token.
    ///
    /// # Errors
    /// No header can carry the token.
    pub(crate) fn access_token(token: &SecretString) -> Result<Self, String> {
        Self::header(AUTHORIZATION, "Bearer ", token, "access token")
    }

    fn header(
        name: HeaderName,
        prefix: &str,
        secret: &SecretString,
        what: &str,
    ) -> Result<Self, String> {
        let value = header(prefix, secret.expose_secret()).ok_or_else(|| {
            format!(
                "the {what} is empty or contains a character that no header can carry, such as a space or a line break"
            )
        })?;
        Ok(Self::Header { name, value })
    }

    /// Adds the credential to a request. If an access token is missing or about to expire, requests a new token with
    /// `send`.
    ///
    /// Returns the access token that signed the request. Returns `None` for a fixed header, which cannot be renewed.
    pub(super) async fn sign(
        &self,
        request: &mut Request,
        base: &Url,
        clock: &dyn Clock,
        send: impl AsyncFnOnce(Request) -> Result<Response, Error>,
    ) -> Result<Option<Arc<Token>>, Error> {
        let (name, value, token) = match self {
            Self::Header { name, value } => (name.clone(), value.clone(), None),
            Self::OAuth(oauth) => {
                let token = oauth.token(base, clock, send).await?;
                (AUTHORIZATION, token.header.clone(), Some(token))
            }
        };
        request.headers_mut().insert(name, value);
        Ok(token)
    }

    /// Forgets an access token that the API rejected.
    pub(super) fn forget(&self, token: &Arc<Token>) {
        if let Self::OAuth(oauth) = self {
            oauth.forget(token);
        }
    }

    /// Returns every secret that a server could send back.
    pub(super) fn secrets(&self) -> Vec<String> {
        match self {
            Self::Header { value, .. } => vec![secret_of(value)],
            Self::OAuth(oauth) => oauth.secrets(),
        }
    }
}
