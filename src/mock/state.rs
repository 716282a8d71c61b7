//! Stores the state of the fake and responds to requests.

use super::behavior::Fault;
use super::limits::Window;
use super::message::{Request, Response, authorization, error, header, response, with};
use super::oauth::OAuth;
use super::packs::Packs;
use super::validation;
use crate::api::{API_KEY_HEADER, ASSIGNMENTS_PATH, READ_SCOPE, TOKEN_PATH, WRITE_SCOPE};
use crate::clock::Clock;
use http::HeaderValue;
use http::header::{ALLOW, DATE};
use std::collections::{HashMap, VecDeque};
use std::time::UNIX_EPOCH;

#[derive(Default)]
pub(super) struct State {
    pub(super) packs: Packs,
    /// The scopes of each API key.
    pub(super) keys: HashMap<String, Vec<String>>,
    pub(super) oauth: OAuth,
    pub(super) limits: Vec<Window>,
    pub(super) faults: VecDeque<Fault>,
    pub(super) counts: Counts,
}

#[derive(Default)]
pub(super) struct Counts {
    pub(super) requests: u64,
    pub(super) reads: u64,
    pub(super) writes: u64,
    pub(super) tokens: u64,
    pub(super) rate_limited: u64,
    pub(super) largest: usize,
}

#[derive(Clone, Copy)]
enum Endpoint<'a> {
    Token,
    /// The assignments endpoint, with the unparsed pack id from the path.
    Assignments(&'a str),
}

impl<'a> Endpoint<'a> {
    fn of(path: &'a str) -> Option<Self> {
        if path == TOKEN_PATH {
            return Some(Self::Token);
        }
        let (before, after) = ASSIGNMENTS_PATH.split_once("{packId}")?;
        let id = path.strip_prefix(before)?.strip_suffix(after)?;
        (!id.is_empty() && !id.contains('/')).then_some(Self::Assignments(id))
    }
}

impl State {
    pub(super) fn respond(&mut self, request: &Request, clock: &impl Clock) -> Response {
        self.counts.requests += 1;
        let now = clock.wall();
        let epoch = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut response = match Endpoint::of(request.uri().path()) {
            Some(endpoint) => self.call(endpoint, request, epoch.as_secs()),
            None => website(),
        };
        let date =
            HeaderValue::try_from(httpdate::fmt_http_date(now.max(UNIX_EPOCH))).expect("ASCII");
        response.headers_mut().entry(DATE).or_insert(date);
        response
    }

    /// Responds to an API request. Applies the rate limits and the next queued fault.
    fn call(&mut self, endpoint: Endpoint<'_>, request: &Request, epoch: u64) -> Response {
        match (endpoint, request.method().as_str()) {
            (Endpoint::Token, "POST") => self.counts.tokens += 1,
            (Endpoint::Assignments(_), "GET") => self.counts.reads += 1,
            (Endpoint::Assignments(_), "POST") => self.counts.writes += 1,
            _ => {}
        }
        let mut fits = true;
        for window in &mut self.limits {
            fits &= window.take(epoch);
        }
        let fault = self.next_fault(endpoint, fits).unwrap_or_else(Fault::pass);
        let mut response = match fault.response() {
            Some(response) if !fault.executes => response,
            _ if !fits => {
                self.counts.rate_limited += 1;
                error(429, "Too many requests")
            }
            replaced => {
                let executed = self.execute(endpoint, request, epoch);
                replaced.unwrap_or(executed)
            }
        };
        for window in &self.limits {
            window.report(response.headers_mut());
        }
        // Headers of the fault replace response headers with the same name.
        response.headers_mut().extend(fault.headers);
        response
    }

    /// Removes and returns the next fault if it applies to this request. If the request exceeds the rate limit, faults
    /// from [`Fault::after`] and [`Fault::pass`] stay in the queue.
    fn next_fault(&mut self, endpoint: Endpoint<'_>, fits: bool) -> Option<Fault> {
        let next = self.faults.front()?;
        let applies = matches!(endpoint, Endpoint::Assignments(_)) && (fits || !next.executes);
        applies.then(|| self.faults.pop_front())?
    }

    fn execute(&mut self, endpoint: Endpoint<'_>, request: &Request, epoch: u64) -> Response {
        let result = match (endpoint, request.method().as_str()) {
            (Endpoint::Token, "POST") => self.oauth.issue(request, epoch),
            (Endpoint::Token, _) => Err(not_allowed("POST")),
            (Endpoint::Assignments(pack), "GET") => self.read(pack, request, epoch),
            (Endpoint::Assignments(pack), "POST") => self.assign(pack, request, epoch),
            (Endpoint::Assignments(_), _) => Err(not_allowed("GET, POST")),
        };
        result.unwrap_or_else(|refused| refused)
    }

    fn read(&mut self, pack: &str, request: &Request, epoch: u64) -> Result<Response, Response> {
        self.authorize(request, READ_SCOPE, epoch)?;
        let pack = validation::pack_id(pack)?;
        self.packs.list(pack, &self.request_id())
    }

    fn assign(&mut self, pack: &str, request: &Request, epoch: u64) -> Result<Response, Response> {
        self.authorize(request, WRITE_SCOPE, epoch)?;
        let pack = validation::pack_id(pack)?;
        let list = validation::list(request)?;
        self.counts.largest = self.counts.largest.max(list.len());
        let users = validation::users(&list)?;
        self.packs.assign(pack, &users, &self.request_id())
    }

    fn request_id(&self) -> String {
        format!("fake-{}", self.counts.requests)
    }

    fn authorize(&self, request: &Request, scope: &str, epoch: u64) -> Result<(), Response> {
        let (granted, missing) = if let Some(key) = header(request, API_KEY_HEADER) {
            let granted = self.keys.get(key);
            let granted = granted.ok_or_else(|| error(401, "Invalid API key"))?;
            if granted.is_empty() {
                return Err(error(403, "The plan of this account has no API access"));
            }
            (&granted[..], "API key missing required permission")
        } else {
            let token = authorization(request, "Bearer");
            let token = token.ok_or_else(|| error(401, "Missing credentials"))?;
            (
                self.oauth.scopes(token, epoch)?,
                "Token missing required scope",
            )
        };
        if granted.iter().any(|granted| granted == scope) {
            return Ok(());
        }
        Err(error(403, format!("{missing}: {scope}")))
    }
}

fn not_allowed(methods: &'static str) -> Response {
    with(error(405, "Method Not Allowed"), ALLOW, methods)
}

/// Returns a web page, as the vendor's hosts do for paths outside the API.
fn website() -> Response {
    let page = "<!doctype html><title>Connecteam</title>";
    response(200, "text/html; charset=utf-8", page.to_owned())
}
