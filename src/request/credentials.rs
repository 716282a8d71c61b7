//! How requests are signed: an API key, an access token of the caller, or OAuth 2.0 client credentials.

use super::oauth::{OAuth, header};
use super::response::Response;
use crate::api::API_KEY_HEADER;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind};
use http::header::{AUTHORIZATION, HeaderName};
use reqwest::{Request, Url};
use secrecy::{ExposeSecret, SecretString};
use std::fmt;

/// How requests are signed. Never shows a secret.
pub(crate) enum Credentials {
    ApiKey(SecretString),
    AccessToken(SecretString),
    OAuth(OAuth),
}

/// The number of the token that signed a request; `None` if no other token can be had.
pub(super) type Signed = Option<u64>;

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

    /// Returns every secret that a server could send back.
    pub(super) fn secrets(&self) -> Vec<String> {
        match self {
            Self::ApiKey(secret) | Self::AccessToken(secret) => {
                vec![secret.expose_secret().to_owned()]
            }
            Self::OAuth(oauth) => oauth.secrets(),
        }
    }
}
