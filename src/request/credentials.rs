//! Authenticates requests with a fixed header or with OAuth 2.0 client credentials.

use super::oauth::{OAuth, Token, header, secret_of};
use super::response::Response;
use crate::api::API_KEY_HEADER;
use crate::clock::Clock;
use crate::error::Error;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use reqwest::{Request, Url};
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;

/// The credentials of a client. The `Debug` output contains no secrets.
#[derive(Debug)]
pub(crate) enum Credentials {
    /// A fixed header with an API key or with an access token that the caller provides.
    Header {
        name: HeaderName,
        value: HeaderValue,
    },
    OAuth(OAuth),
}

impl Credentials {
    /// Creates credentials from an API key.
    ///
    /// # Errors
    /// Returns an error message if the key is not a valid header value.
    pub(crate) fn api_key(key: &SecretString) -> Result<Self, String> {
        let name = HeaderName::try_from(API_KEY_HEADER).map_err(|e| e.to_string())?;
        Self::header(name, "", key, "API key")
    }

    /// Creates credentials from an access token that the caller provides. The client never renews this token.
    ///
    /// # Errors
    /// Returns an error message if the token is not a valid header value.
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

    /// Adds the credential to the headers of a request. If the access token is missing or about to expire, a new token
    /// is first requested with `send`.
    ///
    /// Returns the access token that was used, or `None` for a fixed header, which cannot be renewed.
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

    /// Discards an access token that the API rejected.
    pub(super) fn forget(&self, token: &Arc<Token>) {
        if let Self::OAuth(oauth) = self {
            oauth.forget(token);
        }
    }

    /// Returns all secrets that a response might contain.
    pub(super) fn secrets(&self) -> Vec<String> {
        match self {
            Self::Header { value, .. } => vec![secret_of(value)],
            Self::OAuth(oauth) => oauth.secrets(),
        }
    }
}
