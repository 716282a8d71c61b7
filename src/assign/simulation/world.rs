//! The model of the API that the engine runs against, with everything that may go wrong.

use crate::api::types::ErrorBody;
use crate::assign::api::{Api, List};
use crate::clock::{Clock, Sleep};
use crate::error::{Error, ErrorKind};
use crate::id::UserId;
use crate::rate_limit::{Reserve, Share};
use crate::request::{Governor, Run};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Virtual time: tokio's own, paused, which moves on when everybody waits.
#[derive(Clone, Debug)]
pub(super) struct VirtualClock(pub(super) tokio::time::Instant);

impl Clock for VirtualClock {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn wall(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_800_000_000) + self.now()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// What a POST does with somebody who is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reassign {
    Nothing,
    Refuse,
    Second,
}

/// What a 422 names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Naming {
    Nothing,
    Indices,
    FirstIndex,
    Text,
    WrongText,
    Echo,
}

/// How a model breaks a law on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lie {
    /// Executes after the time that the engine assumes.
    ExecutesTooLate,
    /// Says 200 and executes nothing.
    ConfirmsNothing,
    /// Refuses by index whom it would take.
    NamesTheWrong,
    /// Lists whom it never assigned.
    ListsStrangers,
}

/// The behaviour of one case.
#[derive(Clone, Debug)]
pub(super) struct Nature {
    pub(super) max_items: usize,
    pub(super) reassign: Reassign,
    pub(super) naming: Naming,
    pub(super) settle: Duration,
    /// The share of requests that go wrong.
    pub(super) faults: f64,
    /// A doubtful request may be executed so much later, and a list be so old; together within `settle`.
    pub(super) late: Duration,
    pub(super) stale: Duration,
    /// A cache returns lists of up to this age, and reports the age.
    pub(super) cached: Option<Duration>,
    /// Another integration assigns people meanwhile.
    pub(super) others: bool,
    /// From this request on, everything is refused with this status.
    pub(super) lasting: Option<(usize, u16)>,
    /// The account's limits: a minute, a day.
    pub(super) limits: Option<(u64, u64)>,
    pub(super) lie: Option<Lie>,
}

pub(super) struct State {
    random: fastrand::Rng,
    pub(super) exist: BTreeSet<u64>,
    /// Who is on the pack: when each assignment came, and whether it is ours.
    pub(super) rows: BTreeMap<u64, Vec<(Duration, bool)>>,
    /// The requests of ours that were executed, by user.
    pub(super) executed: BTreeMap<u64, u32>,
    pending: Vec<(Duration, usize, Vec<u64>)>,
    answers: BTreeMap<usize, Result<(), Error>>,
    requests: usize,
    windows: [(u64, u64); 2],
    pub(super) refused_for_limit: u32,
    /// An answer told of the limits.
    told: bool,
    /// The moment that the last list showed.
    pub(super) shown: Duration,
    pub(super) maybes: u32,
    pub(super) breaches: Vec<String>,
}

pub(super) struct World {
    pub(super) nature: RefCellSync<Nature>,
    pub(super) clock: VirtualClock,
    state: Mutex<State>,
}

/// Changed between runs only.
pub(super) struct RefCellSync<T>(Mutex<RefCell<T>>);

impl<T: Clone> RefCellSync<T> {
    pub(super) fn get(&self) -> T {
        self.0.lock().expect("no panic").borrow().clone()
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut T)) {
        change(&mut self.0.lock().expect("no panic").borrow_mut());
    }
}

impl World {
    pub(super) fn new(nature: Nature, clock: VirtualClock, seed: u64) -> Self {
        let state = State {
            random: fastrand::Rng::with_seed(seed),
            exist: BTreeSet::new(),
            rows: BTreeMap::new(),
            executed: BTreeMap::new(),
            pending: Vec::new(),
            answers: BTreeMap::new(),
            requests: 0,
            windows: [(0, 0); 2],
            refused_for_limit: 0,
            told: false,
            shown: Duration::ZERO,
            maybes: 0,
            breaches: Vec::new(),
        };
        Self {
            nature: RefCellSync(Mutex::new(RefCell::new(nature))),
            clock,
            state: Mutex::new(state),
        }
    }

    /// The state, with all executed that was due.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().expect("no panic");
        state.catch_up(self.clock.now(), &self.nature.get());
        state
    }
}

impl State {
    fn catch_up(&mut self, now: Duration, nature: &Nature) {
        loop {
            let next = (0..self.pending.len())
                .filter(|i| self.pending[*i].0 <= now)
                .min_by_key(|i| self.pending[*i].0);
            let Some(next) = next else { return };
            let (at, number, users) = self.pending.swap_remove(next);
            let answer = self.execute(at, &users, nature);
            self.answers.insert(number, answer);
        }
    }

    fn execute(&mut self, at: Duration, users: &[u64], nature: &Nature) -> Result<(), Error> {
        if nature.lie == Some(Lie::ConfirmsNothing) {
            return Ok(());
        }
        let there = |user: &u64| self.rows.contains_key(user);
        let refuses = |user: &u64| {
            !self.exist.contains(user) || (nature.reassign == Reassign::Refuse && there(user))
        };
        let refused: Vec<usize> = (0..users.len())
            .filter(|index| refuses(&users[*index]))
            .collect();
        if !refused.is_empty() {
            return Err(refusal(nature, users, &refused, &mut self.random));
        }
        for user in users {
            *self.executed.entry(*user).or_default() += 1;
            let rows = self.rows.entry(*user).or_default();
            if rows.is_empty() || nature.reassign == Reassign::Second {
                rows.push((at, true));
            }
        }
        Ok(())
    }

    fn chance(&mut self, share: f64) -> bool {
        self.random.f64() < share
    }

    fn within(&mut self, longest: Duration) -> Duration {
        longest.mul_f64(self.random.f64())
    }

    /// Counts a request against the windows; whether it fits.
    fn fits(&mut self, epoch: u64, limits: (u64, u64)) -> bool {
        let mut fits = true;
        for ((number, used), (limit, length)) in self
            .windows
            .iter_mut()
            .zip([(limits.0, 60), (limits.1, 86_400)])
        {
            if *number != epoch / length {
                (*number, *used) = (epoch / length, 0);
            }
            fits &= *used < limit;
            *used += u64::from(*used < limit);
        }
        // Before the first answer nobody can know of a limit.
        self.refused_for_limit += u32::from(!fits && self.told);
        fits
    }

    fn headers(&self, epoch: u64, limits: (u64, u64)) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(epoch));
        headers.insert("date", HeaderValue::try_from(date).expect("a date"));
        for ((name, length, limit), (_, used)) in
            [("minute", 60, limits.0), ("day", 86_400, limits.1)]
                .into_iter()
                .zip(self.windows)
        {
            let values = [
                ("limit", limit),
                ("remaining", limit - used),
                ("reset", (epoch / length + 1) * length),
            ];
            for (what, value) in values {
                let name = http::HeaderName::try_from(format!("x-ratelimit-{name}-{what}"))
                    .expect("a name");
                headers.insert(name, HeaderValue::from(value));
            }
        }
        headers
    }
}

fn refusal(nature: &Nature, users: &[u64], refused: &[usize], random: &mut fastrand::Rng) -> Error {
    let item = |index: &usize| json!({"loc": ["body", "userIds", index], "msg": "no", "type": "value_error"});
    let text = |indices: &[usize]| {
        indices
            .iter()
            .map(|i| users[*i].to_string())
            .collect::<Vec<_>>()
            .join(" ")
    };
    let detail: Value = match nature.naming {
        _ if nature.lie == Some(Lie::NamesTheWrong) => json!([item(&random.usize(..users.len()))]),
        Naming::Nothing => json!("refused"),
        Naming::Indices => refused.iter().map(item).collect(),
        Naming::FirstIndex => json!([item(&refused[0])]),
        Naming::Text => json!(text(refused)),
        Naming::WrongText => json!(text(&[random.usize(..users.len())])),
        Naming::Echo => json!(text(&(0..users.len()).collect::<Vec<_>>())),
    };
    let body = serde_json::to_vec(&json!({ "detail": detail })).expect("plain data");
    assert!(serde_json::from_slice::<ErrorBody>(&body).is_ok());
    Error::from_response(StatusCode::UNPROCESSABLE_ENTITY, &HeaderMap::new(), &body)
}

/// One run's way to the world, as the transport is in earnest.
pub(super) struct Way<'a> {
    pub(super) world: &'a World,
    pub(super) run: &'a Run,
    pub(super) governor: &'a Governor,
}

/// What becomes of a request.
enum Fate {
    Answered,
    /// Not executed, and known so.
    Refused(ErrorKind),
    /// Not executed; the caller cannot know.
    Lost(ErrorKind),
    /// Executed, so much later; the caller cannot know.
    Executed(ErrorKind, Duration),
}

impl Way<'_> {
    fn fate(state: &mut State, nature: &Nature) -> Fate {
        if let Some((from, status)) = nature.lasting
            && state.requests >= from
        {
            return Fate::Refused(ErrorKind::from_status(
                StatusCode::from_u16(status).expect("a status"),
            ));
        }
        if !state.chance(nature.faults) {
            return Fate::Answered;
        }
        let maybes = [
            ErrorKind::Timeout,
            ErrorKind::Interrupted,
            ErrorKind::Server,
            ErrorKind::Unreadable,
            ErrorKind::Redirect,
        ];
        let maybe = maybes[state.random.usize(..maybes.len())];
        match state.random.u8(..5) {
            0 => Fate::Refused(ErrorKind::Connect),
            1 => Fate::Refused(ErrorKind::RateLimited),
            2 => Fate::Lost(maybe),
            3 => Fate::Executed(maybe, Duration::ZERO),
            _ => {
                let late = state.within(nature.late);
                Fate::Executed(
                    maybe,
                    if nature.lie == Some(Lie::ExecutesTooLate) {
                        nature.settle * 4
                    } else {
                        late
                    },
                )
            }
        }
    }

    #[expect(clippy::too_many_lines, reason = "a model")]
    /// One request: `users` for a write, none for a read.
    async fn send(&self, users: Option<&[UserId]>) -> Result<List, Error> {
        let nature = self.world.nature.get();
        if self.run.remaining() == 0 {
            return Err(self.run.limit_reached("all are spent"));
        }
        let share = Share {
            reserve: Reserve::Requests(0),
            keep_back: u64::from(users.is_some()),
        };
        let permit = self.governor.acquire(share, self.run);
        let permit = if users.is_some() {
            self.run.until_stopped(permit).await??
        } else {
            permit.await?
        };
        if let Err(error) = self.run.take() {
            permit.never_sent();
            return Err(error);
        }
        let sent: Option<Vec<u64>> =
            users.map(|users| users.iter().map(|user| user.get()).collect());
        let epoch = self
            .world
            .clock
            .wall()
            .duration_since(UNIX_EPOCH)
            .expect("after 1970")
            .as_secs();
        let (fate, latency, number, fits) = {
            let mut state = self.world.state();
            state.requests += 1;
            let number = state.requests;
            if let Some(sent) = &sent {
                let unique: HashSet<_> = sent.iter().collect();
                if sent.is_empty() || sent.len() > nature.max_items || unique.len() < sent.len() {
                    state.breaches.push(format!("a request with {sent:?}"));
                }
                if self.run.is_stopped() {
                    state.breaches.push("a write after the stop".to_owned());
                }
            }
            let mut fate = Self::fate(&mut state, &nature);
            // Who never connected is not counted.
            let counts = !matches!(fate, Fate::Refused(ErrorKind::Connect));
            let fits = !counts || nature.limits.is_none_or(|limits| state.fits(epoch, limits));
            if !fits {
                fate = Fate::Refused(ErrorKind::RateLimited);
            }
            let latency = state.within(Duration::from_millis(400));
            if nature.others && state.chance(0.2) {
                let all: Vec<u64> = state.exist.iter().copied().collect();
                if let Some(user) = all.get(state.random.usize(..all.len().max(1))) {
                    let now = self.world.clock.now();
                    state
                        .rows
                        .entry(*user)
                        .or_insert_with(|| vec![(now, false)]);
                }
            }
            // It is executed halfway; whoever drops the future does not stop it.
            if let Some(sent) = sent {
                let at = self.world.clock.now() + latency / 2;
                match &fate {
                    Fate::Answered => state.pending.push((at, number, sent)),
                    Fate::Executed(_, late) => {
                        state.pending.push((at + latency / 2 + *late, number, sent));
                    }
                    Fate::Refused(_) | Fate::Lost(_) => {}
                }
            }
            (fate, latency, number, fits)
        };
        tokio::time::sleep(latency).await;
        let mut state = self.world.state();
        let headers = nature
            .limits
            .map_or_else(HeaderMap::new, |limits| state.headers(epoch, limits));
        state.told |= matches!(fate, Fate::Answered | Fate::Refused(_))
            && !matches!(fate, Fate::Refused(ErrorKind::Connect));
        let failed = |kind: ErrorKind| Error::new(kind, "a fault of the simulation");
        match fate {
            Fate::Refused(ErrorKind::Connect) => {
                permit.never_sent();
                self.run.give_back();
                Err(failed(ErrorKind::Connect))
            }
            Fate::Refused(kind) => {
                let status = StatusCode::TOO_MANY_REQUESTS;
                permit.received(status, &headers, kind == ErrorKind::RateLimited && !fits);
                Err(failed(kind))
            }
            Fate::Lost(kind) | Fate::Executed(kind, _) => {
                state.maybes += 1;
                drop(permit);
                Err(failed(kind))
            }
            Fate::Answered => {
                permit.received(StatusCode::OK, &headers, false);
                if users.is_some() {
                    return state
                        .answers
                        .remove(&number)
                        .expect("executed")
                        .map(|()| List {
                            users: Vec::new(),
                            age: None,
                        });
                }
                // A cache says how old its list is, in whole seconds; without one, the list may be a little old.
                let cached = nature.cached.filter(|_| state.chance(0.5));
                let old = state.within(cached.unwrap_or(nature.stale));
                let age = cached.map(|_| Duration::from_secs(old.as_secs() + 1));
                let shown = self.world.clock.now().saturating_sub(latency + old);
                state.shown = shown;
                let mut list: Vec<u64> = state
                    .rows
                    .iter()
                    .flat_map(|(user, rows)| {
                        rows.iter().filter(|row| row.0 <= shown).map(|_| *user)
                    })
                    .collect();
                if nature.lie == Some(Lie::ListsStrangers) {
                    list.push(1);
                }
                let users = list.into_iter();
                Ok(List {
                    users: users
                        .map(|user| UserId::try_from(user).expect("an id"))
                        .collect(),
                    age,
                })
            }
        }
    }
}

impl Api for Way<'_> {
    async fn list(&self) -> Result<List, Error> {
        self.send(None).await
    }

    async fn assign(&self, users: &[UserId]) -> Result<(), Error> {
        self.send(Some(users)).await.map(drop)
    }
}
