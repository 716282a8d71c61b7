//! The state of the test server, and the API rules that the vendor's guide describes.

use super::wire::{Answer, Request, base64};
use bytes::Bytes;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How an assign request affects a user that is already on the pack. The vendor does not document this effect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reassign {
    #[default]
    Nothing,
    Refuse,
    SecondAssignment,
}

/// How a 422 response identifies the rejected users.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Naming {
    #[default]
    Nothing,
    Index,
    FirstIndex,
    Text,
    Echo,
}

/// How the rate-limit headers report the time at which the window resets. The reported time may be wrong or missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Headers {
    #[default]
    Right,
    Missing,
    Past,
    Far,
    Nonsense,
}

/// A rate-limit window with a fixed length.
#[derive(Clone, Debug)]
pub struct Window {
    pub limit: u64,
    pub seconds: f64,
    /// If `true`, the time from the Unix epoch to the start of each window is a multiple of the window length.
    /// Otherwise, a window starts at its first request.
    pub aligned: bool,
    /// The start of the current window, as a duration since the Unix epoch.
    opened: Option<Duration>,
    used: u64,
}

impl Window {
    pub fn new(limit: u64, seconds: f64) -> Self {
        Self {
            limit,
            seconds,
            aligned: false,
            opened: None,
            used: 0,
        }
    }

    pub fn aligned(limit: u64, seconds: f64) -> Self {
        Self {
            aligned: true,
            ..Self::new(limit, seconds)
        }
    }

    fn take(&mut self, now: Duration) -> bool {
        let length = Duration::from_secs_f64(self.seconds);
        if self.opened.is_none_or(|opened| now >= opened + length) {
            let after = if self.aligned {
                now.as_nanos() % length.as_nanos()
            } else {
                0
            };
            let after = Duration::from_nanos(u64::try_from(after).expect("less than a length"));
            (self.opened, self.used) = (Some(now - after), 0);
        }
        let fits = self.used < self.limit;
        self.used += u64::from(fits);
        fits
    }
}

#[derive(Clone, Debug)]
pub struct Row {
    pub id: u64,
    pub user: u64,
    pub status: String,
    pub waiting: bool,
}

type Clock = Box<dyn Fn() -> Duration + Send>;
type Canned = Box<dyn FnMut(&Request) -> Answer + Send>;

#[derive(Default)]
pub struct World {
    pub users: BTreeSet<u64>,
    pub packs: BTreeMap<u64, Vec<Row>>,
    pub next_id: u64,
    /// Maps each API key to `true` if the key permits writes.
    pub keys: BTreeMap<String, bool>,
    pub clients: BTreeMap<String, String>,
    pub tokens: BTreeSet<String>,
    pub tokens_given: u64,
    pub reassign: Reassign,
    pub naming: Naming,
    pub minute: Option<Window>,
    pub day: Option<Window>,
    pub headers: Headers,
    /// The number of seconds by which the server's clock is ahead of the local clock.
    pub skew: i64,
    /// Whether a request over the rate limit is refused with status 200 and a `detail` field, instead of status 429.
    pub disguise: bool,
    pub refused_for_rate: u64,
    /// The times at which the server refused requests over the rate limit, as durations since the Unix epoch.
    pub refused_at: Vec<Duration>,
    /// The id of a pack, and the cached response body for the list of this pack. Every change of a pack must remove the
    /// cached body.
    pub list: Option<(u64, Bytes)>,
    /// Returns the current time as a duration since the Unix epoch. Default: the system clock.
    pub clock: Option<Clock>,
    /// A function that responds to all requests in place of the API rules. The server does not log these requests.
    pub canned: Option<Canned>,
}

impl World {
    pub fn now(&self) -> i64 {
        i64::try_from(self.time().as_secs()).expect("a year of four digits") + self.skew
    }

    /// Returns the current time without `skew`, as a duration since the Unix epoch.
    fn time(&self) -> Duration {
        self.clock.as_ref().map_or_else(
            || {
                SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .expect("after 1970")
            },
            |clock| clock(),
        )
    }

    /// Counts a request in the per-minute and per-day windows. Returns whether the windows permit the request.
    pub fn take(&mut self) -> bool {
        let now = self.time();
        let windows = [&mut self.minute, &mut self.day];
        windows.into_iter().flatten().all(|window| window.take(now))
    }

    /// Returns the response, and whether the server has executed the request.
    pub fn execute(&mut self, request: &Request) -> (Answer, bool) {
        let (mut answer, executed) = if self.take() {
            self.route(request)
        } else {
            self.refused_for_rate += 1;
            self.refused_at.push(self.time());
            let detail = json!({"detail": "Too many requests"});
            (
                Answer::json(if self.disguise { 200 } else { 429 }, &detail),
                false,
            )
        };
        self.stamp(&mut answer);
        (answer, executed)
    }

    fn route(&mut self, request: &Request) -> (Answer, bool) {
        if let Some(canned) = &mut self.canned {
            return (canned(request), true);
        }
        if request.path == "/oauth/v1/token" && request.method == "POST" {
            return (self.token(request), true);
        }
        let pack = request
            .path
            .strip_prefix("/onboarding/v1/packs/")
            .and_then(|rest| rest.strip_suffix("/assignments"));
        let Some(pack) = pack else {
            return (
                Answer::json(404, &json!({"error": "NOT_FOUND: no such path"})),
                false,
            );
        };
        let write = request.method == "POST";
        match self.may(request, write) {
            Ok(()) => {}
            Err(status) => {
                return (
                    Answer::json(
                        status,
                        &json!({"detail": "the credential is not good enough"}),
                    ),
                    false,
                );
            }
        }
        let Some(pack) = pack
            .parse()
            .ok()
            .filter(|pack| self.packs.contains_key(pack))
        else {
            return (Answer::empty(404), false);
        };
        match request.method.as_str() {
            "GET" => (self.read(pack), true),
            "POST" => self.assign(pack, &request.body),
            _ => (Answer::empty(405), false),
        }
    }

    fn may(&self, request: &Request, write: bool) -> Result<(), u16> {
        if let Some(key) = request.header("x-api-key") {
            return match self.keys.get(key) {
                Some(writes) if !write || *writes => Ok(()),
                Some(_) => Err(403),
                None => Err(401),
            };
        }
        let token = request
            .header("authorization")
            .and_then(|value| value.strip_prefix("Bearer "));
        if token.is_some_and(|token| self.tokens.contains(token)) {
            Ok(())
        } else {
            Err(401)
        }
    }

    fn token(&mut self, request: &Request) -> Answer {
        let form = request.header("content-type") == Some("application/x-www-form-urlencoded");
        let body = String::from_utf8_lossy(&request.body);
        if !form
            || !body
                .split('&')
                .any(|pair| pair == "grant_type=client_credentials")
        {
            return Answer::json(400, &json!({"error": "unsupported_grant_type"}));
        }
        let basic = |(id, secret): (&String, &String)| {
            format!("Basic {}", base64(format!("{id}:{secret}").as_bytes()))
        };
        let known = self
            .clients
            .iter()
            .any(|client| request.header("authorization") == Some(basic(client).as_str()));
        if !known {
            return Answer::json(401, &json!({"error": "invalid_client"}));
        }
        self.tokens_given += 1;
        let token = format!("token-{}-of-the-test", self.tokens_given);
        self.tokens.insert(token.clone());
        Answer::json(
            200,
            &json!({"access_token": token, "token_type": "Bearer", "expires_in": 86400, "scope": "onboarding.read onboarding.write"}),
        )
    }

    fn read(&mut self, pack: u64) -> Answer {
        if let Some((of, body)) = &self.list
            && *of == pack
        {
            return Answer::new(200, "application/json", body.clone());
        }
        let rows: Vec<Value> = self.packs[&pack]
            .iter()
            .map(|row| json!({"id": row.id, "userId": row.user, "status": row.status, "isWaitingApproval": row.waiting}))
            .collect();
        let body =
            json!({"requestId": "a1b2c3d4-5678-90ab-cdef-111213141516", "data": {"assignments": rows}})
                .to_string();
        let body = Bytes::from(body);
        self.list = Some((pack, body.clone()));
        Answer::new(200, "application/json", body)
    }

    fn assign(&mut self, pack: u64, body: &[u8]) -> (Answer, bool) {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let ids: Option<Vec<u64>> = body["userIds"].as_array().and_then(|ids| {
            ids.iter()
                .map(|id| id.as_u64().filter(|id| *id > 0))
                .collect()
        });
        let Some(ids) = ids else {
            return (
                Answer::json(422, &json!({"detail": "userIds is no list of integers"})),
                false,
            );
        };
        let unique: BTreeSet<_> = ids.iter().collect();
        if ids.is_empty() || ids.len() as u64 > super::MOST || unique.len() != ids.len() {
            return (
                Answer::json(
                    422,
                    &json!({"detail": "userIds is empty, too long or has duplicates"}),
                ),
                false,
            );
        }
        let there: BTreeSet<u64> = self.packs[&pack].iter().map(|row| row.user).collect();
        let refuses = |id: &u64| {
            !self.users.contains(id) || (self.reassign == Reassign::Refuse && there.contains(id))
        };
        let refused: Vec<usize> = (0..ids.len())
            .filter(|index| refuses(&ids[*index]))
            .collect();
        if !refused.is_empty() {
            return (self.refuse(&ids, &refused), false);
        }
        for id in ids {
            if !there.contains(&id) || self.reassign == Reassign::SecondAssignment {
                self.put(pack, id);
            }
        }
        (
            Answer::json(
                200,
                &json!({"requestId": "d4e5f6a7-8901-23bc-def4-567890abcdef", "data": {}}),
            ),
            true,
        )
    }

    pub fn put(&mut self, pack: u64, user: u64) {
        self.next_id += 1;
        let row = Row {
            id: self.next_id,
            user,
            status: "in_progress".to_owned(),
            waiting: false,
        };
        self.packs.get_mut(&pack).expect("a known pack").push(row);
        self.list = None;
    }

    fn refuse(&self, ids: &[u64], refused: &[usize]) -> Answer {
        let item = |index: &usize| json!({"loc": ["body", "userIds", index], "msg": format!("no such user"), "type": "value_error"});
        let names: Vec<String> = refused
            .iter()
            .map(|index| ids[*index].to_string())
            .collect();
        let detail = match self.naming {
            Naming::Nothing => json!("Validation error"),
            Naming::Index => refused.iter().map(item).collect(),
            Naming::FirstIndex => json!([item(&refused[0])]),
            Naming::Text => json!(format!("users do not exist: {}", names.join(", "))),
            Naming::Echo => json!(format!("invalid userIds {ids:?}")),
        };
        Answer::json(422, &json!({"detail": detail}))
    }

    fn stamp(&self, answer: &mut Answer) {
        let mut add = |key: String, value: String| answer.headers.push((key, value));
        add("date".to_owned(), http_date(self.now()));
        for (name, window) in [("minute", &self.minute), ("day", &self.day)] {
            let Some(window) = window else { continue };
            let opened = window
                .opened
                .map_or(0.0, |opened| (self.time() - opened).as_secs_f64());
            #[allow(clippy::cast_possible_truncation)]
            let reset = self.now() + (window.seconds - opened).ceil() as i64;
            let reset = match self.headers {
                Headers::Missing => continue,
                Headers::Right => reset.to_string(),
                Headers::Past => (self.now() - 1_000).to_string(),
                Headers::Far => (reset * 1_000).to_string(),
                Headers::Nonsense => "soon".to_owned(),
            };
            add(
                format!("x-ratelimit-{name}-limit"),
                window.limit.to_string(),
            );
            add(
                format!("x-ratelimit-{name}-remaining"),
                (window.limit - window.used).to_string(),
            );
            add(format!("x-ratelimit-{name}-reset"), reset);
        }
    }
}

/// Formats seconds since the Unix epoch as an HTTP date.
pub fn http_date(epoch: i64) -> String {
    let (days, second) = (epoch.div_euclid(86_400), epoch.rem_euclid(86_400));
    // The algorithm is `civil_from_days` by Howard Hinnant.
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
        [usize::try_from(days.rem_euclid(7)).expect("small")];
    let month = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ][usize::try_from(month - 1).expect("small")];
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{weekday}, {day:02} {month} {year} {hour:02}:{minute:02}:{second:02} GMT")
}
