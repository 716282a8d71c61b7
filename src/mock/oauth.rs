//! OAuth 2.0: apps, access tokens and their scopes.

use super::message::{Request, Response, authorization, media_type};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;
use std::collections::HashMap;
use std::time::Duration;
use url::form_urlencoded;

const FORM: &str = "application/x-www-form-urlencoded";

#[derive(Default)]
pub(super) struct OAuth {
    apps: HashMap<String, App>,
    tokens: HashMap<String, Token>,
    issued: u64,
    pub(super) lifetime: Duration,
}

/// The vendor fixes the scopes of an app when the app is created.
struct App {
    secret: String,
    scopes: Vec<String>,
}

struct Token {
    /// In seconds since 1970.
    expires: u64,
    scopes: Vec<String>,
}

impl OAuth {
    pub(super) fn add_app(&mut self, id: &str, secret: &str, scopes: Vec<String>) {
        let secret = secret.to_owned();
        self.apps.insert(id.to_owned(), App { secret, scopes });
    }

    pub(super) fn revoke_tokens(&mut self) {
        self.tokens.clear();
    }

    /// Responds to a request for an access token.
    pub(super) fn issue(&mut self, request: &Request, epoch: u64) -> Result<Response, Response> {
        let error = |status, code| Response::json(status, &json!({ "error": code }));
        if media_type(request).as_deref() != Some(FORM) {
            return Err(error(400, "invalid_request"));
        }
        let form: HashMap<_, _> = form_urlencoded::parse(request.body()).collect();
        match form.get("grant_type").map(AsRef::as_ref) {
            Some("client_credentials") => {}
            Some(_) => return Err(error(400, "unsupported_grant_type")),
            None => return Err(error(400, "invalid_request")),
        }
        let Some(app) = self.app(request) else {
            return Err(error(401, "invalid_client").with("www-authenticate", "Basic"));
        };
        let requested = form.get("scope").map_or("", AsRef::as_ref);
        let mut scopes: Vec<_> = requested.split_whitespace().map(str::to_owned).collect();
        if scopes.iter().any(|scope| !app.scopes.contains(scope)) {
            return Err(Response::error(403, "Unauthorized scopes requested"));
        }
        if scopes.is_empty() {
            scopes.clone_from(&app.scopes);
        }
        Ok(self.token(scopes, epoch))
    }

    /// Refuses a token that is not valid, or that lacks the scope.
    pub(super) fn check(&self, token: &str, scope: &str, epoch: u64) -> Result<(), Response> {
        let token = self.tokens.get(token).filter(|token| epoch < token.expires);
        let token = token.ok_or_else(|| Response::error(401, "Invalid or expired access token"))?;
        if token.scopes.iter().any(|granted| granted == scope) {
            return Ok(());
        }
        let missing = format!("Token missing required scope: {scope}");
        Err(Response::error(403, missing))
    }

    /// The app that HTTP Basic authenticates.
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
        Response::json(200, &body).with("cache-control", "no-store")
    }
}
