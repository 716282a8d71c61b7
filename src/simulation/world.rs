//! The simulated API and the network in front of it.

use super::account::{Account, MINUTE, date};
use super::clock::VirtualClock;
use super::nature::Nature;
use super::pack::{Pack, breach};
use crate::assign::api::List;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Executed};
use crate::id::UserId;
use http::{HeaderMap, StatusCode};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

/// The error kinds that make a request ambiguous.
const AMBIGUOUS: [ErrorKind; 5] = [
    ErrorKind::Timeout,
    ErrorKind::Interrupted,
    ErrorKind::Server,
    ErrorKind::Unreadable,
    ErrorKind::Redirect,
];

/// What the simulated network and API do with one request.
#[derive(Clone, Copy, Debug)]
struct Fate {
    /// Whether the request reaches the API.
    arrives: bool,
    /// The delay until the API executes the request. Zero means that the API executes the request on arrival. Any other
    /// delay is counted from the time when the response would reach the client. `None` means that the API never
    /// executes the request.
    executes_after: Option<Duration>,
    /// The error that the client receives instead of a response.
    error: Option<ErrorKind>,
    /// Whether the response has no rate-limit headers.
    bare: bool,
}

impl Fate {
    const FINE: Self = Self {
        arrives: true,
        executes_after: Some(Duration::ZERO),
        error: None,
        bare: false,
    };
}

struct Request {
    /// The users of a write, or `None` if the request is a read.
    users: Option<Vec<u64>>,
    fate: Fate,
    sent_at: Duration,
    way_back: Duration,
}

#[derive(Debug)]
pub(super) struct Response {
    pub(super) headers: HeaderMap,
    pub(super) result: Result<List, Error>,
    /// The list in the response contains the users that were on the pack at this time. `None` if the response has no
    /// list.
    shown: Option<Duration>,
}

impl Response {
    fn refused(headers: HeaderMap) -> Self {
        Self {
            headers,
            result: Err(fault(ErrorKind::RateLimited)),
            shown: None,
        }
    }
}

/// The simulated API and network. All clones of a `World` share one state.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) clock: VirtualClock,
    state: Arc<Mutex<State>>,
}

pub(crate) struct State {
    pub(crate) nature: Nature,
    pub(crate) account: Account,
    pub(crate) pack: Pack,
    random: fastrand::Rng,
    /// The number of requests that the client has sent.
    pub(crate) requests: u64,
    /// The last list that the client received contains the users that were on the pack at this time.
    pub(crate) shown: Duration,
    /// The number of requests whose outcome is ambiguous to the client.
    pub(crate) ambiguous: u32,
    /// Descriptions of all rules that the client has broken.
    pub(crate) breaches: Vec<String>,
}

impl World {
    pub(crate) fn new(nature: Nature, clock: VirtualClock, seed: u64) -> Self {
        let state = State {
            nature,
            account: Account::default(),
            pack: Pack::default(),
            random: fastrand::Rng::with_seed(seed),
            requests: 0,
            shown: Duration::ZERO,
            ambiguous: 0,
            breaches: Vec::new(),
        };
        let state = Arc::new(Mutex::new(state));
        Self { clock, state }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic")
    }

    /// Simulates another program that sends `count` requests in each minute. Each request is sent at a random time, at
    /// most `within` after the start of a minute.
    pub(crate) async fn others_send(&self, count: u64, within: Duration) {
        loop {
            let minute = Duration::from_millis(MINUTE - self.clock.millis() % MINUTE);
            let (began, within) = (Instant::now(), within.min(minute));
            let mut times: Vec<_> = (0..count).map(|_| self.state().within(within)).collect();
            times.sort_unstable();
            for time in times {
                sleep_until(began + time).await;
                let State {
                    account, nature, ..
                } = &mut *self.state();
                account.other(self.clock.millis(), nature.limits.as_ref().expect("limits"));
            }
            sleep_until(began + minute).await;
        }
    }

    /// Sends a request from the client. Dropping the returned future does not cancel the request.
    pub(super) async fn send(&self, users: Option<Vec<u64>>) -> Result<Response, Error> {
        let sent_at = self.clock.now();
        let (way, request) = self.state().begin(users, sent_at);
        let (world, way_back) = (self.clone(), request.way_back);
        let exchange = tokio::spawn(async move {
            sleep(way).await;
            let response = world.arrives(request);
            sleep(way_back).await;
            response
        });
        let response = exchange.await.expect("no panic");
        self.state().end(&response);
        response
    }

    fn arrives(&self, request: Request) -> Result<Response, Error> {
        let Fate {
            arrives,
            executes_after,
            error,
            bare,
        } = request.fate;
        let failure = || fault(error.expect("a failure"));
        if error == Some(ErrorKind::RateLimited) {
            return Ok(Response::refused(HeaderMap::new()));
        }
        if !arrives {
            return Err(failure());
        }
        let now = self.clock.now();
        let mut state = self.state();
        let headers = match state.count(self.clock.millis()) {
            Ok(headers) => headers,
            Err(headers) => return Ok(Response::refused(headers)),
        };
        let (result, shown) = match (executes_after, request.users) {
            (Some(Duration::ZERO), Some(users)) => (state.execute(now, &users), None),
            (Some(Duration::ZERO), None) => state.list(request.sent_at),
            (Some(late), Some(users)) => {
                self.execute_after(request.way_back + late, users);
                (Err(failure()), None)
            }
            (_, None) | (None, _) => (Err(failure()), None),
        };
        if error.is_some_and(|error| AMBIGUOUS.contains(&error)) {
            return Err(failure());
        }
        Ok(Response {
            headers: if bare { HeaderMap::new() } else { headers },
            result,
            shown,
        })
    }

    /// Executes a write after `delay`. The client does not receive a response.
    fn execute_after(&self, delay: Duration, users: Vec<u64>) {
        let world = self.clone();
        tokio::spawn(async move {
            sleep(delay).await;
            let now = world.clock.now();
            drop(world.state().execute(now, &users));
        });
    }
}

impl State {
    /// Creates a client request with random faults. The returned duration is the request's transit time to the API.
    fn begin(&mut self, users: Option<Vec<u64>>, now: Duration) -> (Duration, Request) {
        self.requests += 1;
        let sent = users.iter();
        let breaches = sent.filter_map(|users| breach(users, &self.nature.rules));
        self.breaches.extend(breaches);
        if self.nature.others_assign && self.random.f64() < 0.2 {
            self.pack.another_assigns(now, &mut self.random);
        }
        let request = Request {
            users,
            fate: self.fate(),
            sent_at: now,
            way_back: self.way(),
        };
        (self.way(), request)
    }

    /// Updates the statistics after the client received a response or an error.
    fn end(&mut self, response: &Result<Response, Error>) {
        match response {
            Ok(response) => {
                self.account.learn_reported(&response.headers);
                self.shown = response.shown.unwrap_or(self.shown);
            }
            Err(error) => self.ambiguous += u32::from(error.executed() == Executed::Maybe),
        }
    }

    /// Chooses at random what happens to the next request.
    fn fate(&mut self) -> Fate {
        let faults = self.nature.faults;
        let late = self.within(self.nature.late);
        let ambiguous = AMBIGUOUS[self.random.usize(..AMBIGUOUS.len())];
        let failure = |arrives, executes_after, error| Fate {
            arrives,
            executes_after,
            error: Some(error),
            bare: false,
        };
        if let Some((from, status)) = self.nature.permanent
            && self.requests >= from
        {
            let status = StatusCode::from_u16(status).expect("a status");
            return failure(true, None, ErrorKind::from_status(status));
        }
        let bare = Fate {
            bare: true,
            ..Fate::FINE
        };
        let at_once = Some(Duration::ZERO);
        let mut point = self.random.f64();
        for (share, fate) in [
            (faults.unconnected, failure(false, None, ErrorKind::Connect)),
            (faults.refused, failure(false, None, ErrorKind::RateLimited)),
            (faults.dropped, failure(false, None, ambiguous)),
            (faults.lost, failure(true, None, ambiguous)),
            (faults.cut, failure(true, at_once, ambiguous)),
            (faults.delayed, failure(true, Some(late), ambiguous)),
            (faults.bare, bare),
        ] {
            if point < share {
                return fate;
            }
            point -= share;
        }
        Fate::FINE
    }

    fn within(&mut self, longest: Duration) -> Duration {
        longest.mul_f64(self.random.f64())
    }

    fn way(&mut self) -> Duration {
        let longest = self.nature.latency;
        if self.nature.varied {
            self.within(longest)
        } else {
            longest
        }
    }

    /// Counts an incoming request against the limits of the gateway and the account. Returns the response headers in
    /// `Ok` if the request is accepted, and in `Err` if the request is refused.
    fn count(&mut self, now: u64) -> Result<HeaderMap, HeaderMap> {
        if let Some(gateway) = self.nature.gateway {
            self.account.gateway(now, gateway)?;
        }
        let (accepted, mut headers) = match &self.nature.limits {
            Some(limits) => self.account.request(now, limits),
            None => (true, HeaderMap::new()),
        };
        if self.nature.dated {
            headers.insert(http::header::DATE, date(now));
        }
        if accepted { Ok(headers) } else { Err(headers) }
    }

    fn execute(&mut self, now: Duration, users: &[u64]) -> Result<List, Error> {
        let rules = &self.nature.rules;
        self.pack.execute(now, users, rules, &mut self.random)?;
        Ok(List {
            users: Vec::new(),
            age: None,
        })
    }

    /// Returns a list of the users that were on the pack at a random recent time, and this time. `sent_at` is the time
    /// when the client sent the request.
    fn list(&mut self, sent_at: Duration) -> (Result<List, Error>, Option<Duration>) {
        let cached = self.nature.cached.filter(|_| self.random.bool());
        let old = self.within(cached.unwrap_or(self.nature.stale));
        let shown = sent_at.saturating_sub(old);
        let users = self.pack.list(shown, &self.nature.rules).into_iter();
        let list = List {
            users: users
                .map(|user| UserId::try_from(user).expect("an id"))
                .collect(),
            // The `Age` header has whole seconds. The age is rounded up, so that the list never seems more recent than
            // it is.
            age: cached.map(|_| Duration::from_secs(old.as_secs() + 1)),
        };
        (Ok(list), Some(shown))
    }
}

fn fault(kind: ErrorKind) -> Error {
    Error::new(kind, "a fault of the simulation")
}
