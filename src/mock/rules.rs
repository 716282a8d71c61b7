//! What the fake knows, and the API's rules.

use super::{Fault, Reassignment, RefusalStyle};
use crate::api::types::Assignment;
use crate::api::{
    API_KEY_HEADER, ASSIGNMENTS_PATH, AssignmentStatus, MAX_USERS_PER_REQUEST, SCOPES, TOKEN_PATH,
};
use crate::clock::Clock;
use crate::id::{AssignmentId, PackId, UserId};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::time::{Duration, UNIX_EPOCH};

/// A request as far as the rules need it.
pub(super) struct Asked<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) api_key: Option<&'a str>,
    pub(super) authorization: Option<&'a str>,
    pub(super) content_type: Option<&'a str>,
    pub(super) body: &'a [u8],
}

/// An answer.
pub(super) struct Said {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) body: String,
    pub(super) headers: Vec<(String, String)>,
}

/// What a credential may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    ReadWrite,
    Read,
    Nothing,
}

/// A window of the account's limit, aligned to its length.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) limit: u64,
    pub(super) length: u64,
    number: u64,
    used: u64,
}

impl Window {
    pub(super) fn new(limit: u64, length: u64) -> Self {
        Self {
            limit,
            length,
            number: 0,
            used: 0,
        }
    }

    fn take(&mut self, epoch: u64) -> bool {
        let number = epoch / self.length;
        if number != self.number {
            (self.number, self.used) = (number, 0);
        }
        let fits = self.used < self.limit;
        self.used += u64::from(fits);
        fits
    }
}

/// How many of each were asked.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) reads: u64,
    pub(super) writes: u64,
    pub(super) tokens: u64,
    pub(super) refused_for_limit: u64,
    pub(super) largest: usize,
}

#[derive(Default)]
pub(super) struct Rules {
    pub(super) users: BTreeSet<UserId>,
    pub(super) packs: HashMap<PackId, Vec<Assignment>>,
    pub(super) keys: HashMap<String, Scope>,
    /// What each OAuth client sends as `Authorization`.
    pub(super) clients: HashSet<String>,
    pub(super) token_life: Duration,
    tokens: BTreeMap<String, u64>,
    pub(super) refusals: RefusalStyle,
    pub(super) reassignment: Reassignment,
    pub(super) faults: VecDeque<Fault>,
    pub(super) minute: Option<Window>,
    pub(super) day: Option<Window>,
    pub(super) counts: Counts,
    last_id: u64,
    /// The rendered answer of a pack, until something changes.
    rendered: Option<(PackId, String)>,
}

fn said(status: u16, body: &Value) -> Said {
    Said {
        status,
        content_type: "application/json",
        body: body.to_string(),
        headers: Vec::new(),
    }
}

fn validation(detail: impl Into<Value>) -> Said {
    said(422, &json!({ "detail": detail.into() }))
}

impl Rules {
    pub(super) fn answer(&mut self, asked: &Asked<'_>, clock: &impl Clock) -> Said {
        let epoch = clock
            .wall()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        let pack = pack_of(asked.path);
        match (asked.method, asked.path) {
            ("POST", TOKEN_PATH) => self.counts.tokens += 1,
            ("GET", _) => self.counts.reads += 1,
            _ => self.counts.writes += 1,
        }
        // A fault before the limit is looked at never reached the API.
        let mut fault = if asked.path == TOKEN_PATH {
            None
        } else {
            self.faults.pop_front()
        }
        .filter(|fault| !fault.passes);
        let mut fits = true;
        for window in [&mut self.minute, &mut self.day].into_iter().flatten() {
            fits &= window.take(epoch);
        }
        // What is over the limit is not executed: the fault waits for a request that is.
        if let Some(waits) = fault.take_if(|fault| fault.executes && !fits) {
            self.faults.push_front(waits);
        }
        let mut answer = match &fault {
            Some(fault) if !fault.executes => Said::from(fault),
            _ if !fits => {
                self.counts.refused_for_limit += 1;
                said(429, &json!({"detail": "Too many requests"}))
            }
            _ => self.route(asked, pack, epoch),
        };
        if let Some(fault) = fault.filter(|fault| fault.executes) {
            answer = Said::from(&fault);
        }
        self.stamp(&mut answer, epoch);
        answer
    }

    fn route(&mut self, asked: &Asked<'_>, pack: Option<&str>, epoch: u64) -> Said {
        if asked.path == TOKEN_PATH {
            return if asked.method == "POST" {
                self.token(asked, epoch)
            } else {
                said(405, &json!({"detail": "Method Not Allowed"}))
            };
        }
        let Some(pack) = pack else {
            return said(404, &json!({"detail": "Not Found"}));
        };
        let write = asked.method == "POST";
        match self.scope(asked, epoch) {
            None => return said(401, &json!({"detail": "Invalid or missing credential"})),
            Some(Scope::Nothing) => {
                return said(
                    403,
                    &json!({"detail": "The plan of this account has no API access"}),
                );
            }
            Some(Scope::Read) if write => {
                return said(
                    403,
                    &json!({"detail": format!("Missing scope {}", SCOPES.last().unwrap_or(&""))}),
                );
            }
            Some(_) => {}
        }
        let Ok(pack) = pack.parse::<PackId>() else {
            return validation(
                json!([{"loc": ["path", "packId"], "msg": "value is not a valid integer", "type": "type_error.integer"}]),
            );
        };
        if !self.packs.contains_key(&pack) {
            return Said {
                status: 404,
                content_type: "text/plain",
                body: String::new(),
                headers: Vec::new(),
            };
        }
        match asked.method {
            "GET" => self.read(pack),
            "POST" => self.assign(pack, asked.body),
            _ => said(405, &json!({"detail": "Method Not Allowed"})),
        }
    }

    fn scope(&self, asked: &Asked<'_>, epoch: u64) -> Option<Scope> {
        if let Some(key) = asked.api_key {
            return self.keys.get(key).copied();
        }
        let token = asked.authorization?.strip_prefix("Bearer ")?;
        self.tokens
            .get(token)
            .filter(|end| epoch < **end)
            .map(|_| Scope::ReadWrite)
    }

    fn token(&mut self, asked: &Asked<'_>, epoch: u64) -> Said {
        let body = String::from_utf8_lossy(asked.body);
        if asked.content_type != Some("application/x-www-form-urlencoded")
            || !body
                .split('&')
                .any(|pair| pair == "grant_type=client_credentials")
        {
            return said(400, &json!({"error": "unsupported_grant_type"}));
        }
        if !asked
            .authorization
            .is_some_and(|sent| self.clients.contains(sent))
        {
            return said(401, &json!({"error": "invalid_client"}));
        }
        let token = format!("fake-token-{}", self.counts.tokens);
        self.tokens
            .insert(token.clone(), epoch + self.token_life.as_secs());
        let scope = SCOPES.join(" ");
        said(
            200,
            &json!({"access_token": token, "token_type": "Bearer", "expires_in": self.token_life.as_secs(), "scope": scope}),
        )
    }

    pub(super) fn revoke_tokens(&mut self) {
        self.tokens.clear();
    }

    fn read(&mut self, pack: PackId) -> Said {
        let body = match &self.rendered {
            Some((of, body)) if *of == pack => body.clone(),
            _ => {
                let id = format!("fake-{}", self.counts.reads);
                let body = json!({"requestId": id, "data": {"assignments": self.packs[&pack]}})
                    .to_string();
                self.rendered = Some((pack, body.clone()));
                body
            }
        };
        Said {
            status: 200,
            content_type: "application/json",
            body,
            headers: Vec::new(),
        }
    }

    fn assign(&mut self, pack: PackId, body: &[u8]) -> Said {
        let Ok(body) = serde_json::from_slice::<Value>(body) else {
            return validation("The body is not JSON");
        };
        let Some(sent) = body["userIds"].as_array() else {
            return validation("userIds is missing");
        };
        self.counts.largest = self.counts.largest.max(sent.len());
        if sent.is_empty() || sent.len() > MAX_USERS_PER_REQUEST {
            return validation(format!(
                "userIds must hold 1 to {MAX_USERS_PER_REQUEST} users"
            ));
        }
        let users: Vec<Option<UserId>> = sent
            .iter()
            .map(|user| user.as_u64().and_then(|user| UserId::try_from(user).ok()))
            .collect();
        if users.iter().collect::<HashSet<_>>().len() < users.len() {
            return validation("userIds must not hold duplicates");
        }
        let there: HashSet<UserId> = self.packs[&pack].iter().map(|row| row.user_id).collect();
        let good = |user: &Option<UserId>| {
            let refused = self.reassignment == Reassignment::Refuse;
            user.is_some_and(|user| {
                self.users.contains(&user) && !(refused && there.contains(&user))
            })
        };
        let bad: Vec<usize> = (0..users.len())
            .filter(|index| !good(&users[*index]))
            .collect();
        if !bad.is_empty() {
            return self.refuse(sent, &bad);
        }
        for user in users.into_iter().flatten() {
            if !there.contains(&user) || self.reassignment == Reassignment::AssignAgain {
                self.put(pack, user);
            }
        }
        said(
            200,
            &json!({"requestId": format!("fake-{}", self.counts.writes), "data": {}}),
        )
    }

    fn refuse(&self, sent: &[Value], bad: &[usize]) -> Said {
        let item = |index: &usize| json!({"loc": ["body", "userIds", index], "msg": "user does not exist", "type": "value_error"});
        let names = |indices: &mut dyn Iterator<Item = usize>| {
            indices
                .map(|i| sent[i].to_string())
                .collect::<Vec<_>>()
                .join(", ")
        };
        match self.refusals {
            RefusalStyle::Silent => validation("Validation error"),
            RefusalStyle::Indices => validation(bad.iter().map(item).collect::<Vec<_>>()),
            RefusalStyle::FirstIndex => validation(json!([item(&bad[0])])),
            RefusalStyle::Text => validation(format!(
                "these users do not exist: {}",
                names(&mut bad.iter().copied())
            )),
            RefusalStyle::Echo => validation(format!(
                "invalid userIds: [{}]",
                names(&mut (0..sent.len()))
            )),
        }
    }

    /// A new assignment, in progress.
    pub(super) fn put(&mut self, pack: PackId, user_id: UserId) {
        self.last_id += 1;
        let id = AssignmentId::try_from(500 + self.last_id).expect("a small number");
        // As an answer of the API is read, so that a field more in the spec changes nothing here.
        let status = AssignmentStatus::InProgress;
        let row =
            json!({"id": id, "userId": user_id, "status": status, "isWaitingApproval": false});
        let row = serde_json::from_value(row).expect("what the spec requires of an assignment");
        self.rendered = None;
        self.packs
            .get_mut(&pack)
            .unwrap_or_else(|| panic!("pack {pack} is not known: call `add_pack` first"))
            .push(row);
    }

    /// Changes every assignment of a user; a test that moves nobody along is wrong.
    pub(super) fn change(&mut self, pack: PackId, user: UserId, change: impl Fn(&mut Assignment)) {
        self.rendered = None;
        let rows = self
            .packs
            .get_mut(&pack)
            .unwrap_or_else(|| panic!("pack {pack} is not known: call `add_pack` first"));
        let mut of_user = rows.iter_mut().filter(|row| row.user_id == user).peekable();
        assert!(
            of_user.peek().is_some(),
            "user {user} is not on pack {pack}"
        );
        of_user.for_each(change);
    }

    pub(super) fn remove(&mut self, pack: PackId, user: UserId) {
        self.change(pack, user, |_| {});
        if let Some(rows) = self.packs.get_mut(&pack) {
            rows.retain(|row| row.user_id != user);
        }
    }

    fn stamp(&self, answer: &mut Said, epoch: u64) {
        let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(epoch));
        answer.headers.push(("date".to_owned(), date));
        for (name, window) in [("minute", self.minute), ("day", self.day)] {
            let Some(window) = window else { continue };
            let reset = (epoch / window.length + 1) * window.length;
            for (what, value) in [
                ("limit", window.limit),
                ("remaining", window.limit - window.used),
                ("reset", reset),
            ] {
                answer
                    .headers
                    .push((format!("x-ratelimit-{name}-{what}"), value.to_string()));
            }
        }
    }
}

impl From<&Fault> for Said {
    fn from(fault: &Fault) -> Self {
        Self {
            status: fault.status,
            content_type: fault.content_type,
            body: fault.body.clone(),
            headers: Vec::new(),
        }
    }
}

/// What stands for the pack in a path of the API.
fn pack_of(path: &str) -> Option<&str> {
    let (before, after) = ASSIGNMENTS_PATH.split_once("{packId}")?;
    path.strip_prefix(before)?.strip_suffix(after)
}

/// The header of an API key, as a lookup needs it.
pub(super) fn key_header() -> String {
    API_KEY_HEADER.to_lowercase()
}
