//! Issues and checks OAuth 2.0 access tokens.

use super::message::{Request, Response, authorization, error, json, media_type, with};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::header::{CACHE_CONTROL, WWW_AUTHENTICATE};
use serde_json::json;
use std::collections::HashMap;
use std::time::Duration;
use url::form_urlencoded;

const FORM: &str = "application/x-www-form-urlencoded";

#[derive(Default)]
pub(super) struct OAuth {
    pub(super) apps: HashMap<String, App>,
    pub(super) tokens: HashMap<String, Token>,
    issued: u64,
    pub(super) lifetime: Duration,
}

pub(super) struct App {
    pub(super) secret: String,
    pub(super) scopes: Vec<String>,
}

pub(super) struct Token {
    /// The expiry time of the token, in seconds since the Unix epoch.
    expires: u64,
    scopes: Vec<String>,
}

impl OAuth {
    /// Issues an access token for a token request, or returns an error response.
    pub(super) fn issue(&mut self, request: &Request, epoch: u64) -> Result<Response, Response> {
        let refusal = |status, code| json(status, &json!({ "error": code }));
        if media_type(request).as_deref() != Some(FORM) {
            return Err(refusal(400, "invalid_request"));
        }
        let form: HashMap<_, _> = form_urlencoded::parse(request.body()).collect();
        match form.get("grant_type").map(AsRef::as_ref) {
            Some("client_credentials") => {}
            Some(_) => return Err(refusal(400, "unsupported_grant_type")),
            None => return Err(refusal(400, "invalid_request")),
        }
        let Some(app) = self.app(request) else {
            let refusal = refusal(401, "invalid_client");
            return Err(with(refusal, WWW_AUTHENTICATE, "Basic"));
        };
        let requested = form.get("scope").map_or("", AsRef::as_ref);
        let mut scopes: Vec<_> = requested.split_whitespace().map(str::to_owned).collect();
        if scopes.iter().any(|scope| !app.scopes.contains(scope)) {
            return Err(error(403, "Unauthorized scopes requested"));
        }
        if scopes.is_empty() {
            scopes.clone_from(&app.scopes);
        }
        Ok(self.token(scopes, epoch))
    }

    /// Returns the scopes of an access token. Returns an error response if the token is invalid or expired.
    pub(super) fn scopes(&self, token: &str, epoch: u64) -> Result<&[String], Response> {
        match self.tokens.get(token) {
            Some(token) if epoch < token.expires => Ok(&token.scopes),
            _ => Err(error(401, "Invalid or expired access token")),
        }
    }

    /// Returns the app that is identified by the request's HTTP Basic credentials.
    fn app(&self, request: &Request) -> Option<&App> {
        let credential = BASE64_STANDARD.decode(authorization(request, "Basic")?);
        let credential = String::from_utf8(credential.ok()?).ok()?;
        let (id, secret) = credential.split_once(':')?;
        self.apps.get(id).filter(|app| app.secret == secret)
    }

    fn token(&mut self, scopes: Vec<String>, epoch: u64) -> Response {
        self.issued += 1;
        let name = format!("fake-token-{}", self.issued);
        let lifetime = self.lifetime.as_secs();
        let body = json!({
            "access_token": name,
            "token_type": "Bearer",
            "expires_in": lifetime,
            "scope": scopes.join(" "),
        });
        let expires = epoch.saturating_add(lifetime);
        self.tokens.insert(name, Token { expires, scopes });
        with(json(200, &body), CACHE_CONTROL, "no-store")
    }
}
