//! A fake of the API in your own process, with its real rules, for tests of your own code.
//!
//! [`FakeOnboarding`] keeps packs, users and credentials, refuses what the API refuses – all or
//! nothing – and can fail before or after it has executed a request, so that the ambiguous path is
//! tested too. Its [`FakeClock`] makes every wait take no time.
//!
//! ```
//! use connecteam_onboarding::{Executed, PackId, mock::{FakeOnboarding, Fault}};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let pack = PackId::try_from(1001)?;
//! let fake = FakeOnboarding::start();
//! fake.add_pack(pack).add_users(1..=600);
//! // The second request of a run is its first write: executed, but the answer is a proxy's.
//! fake.pass_next(1).fail_next(Fault::after(502, "<html>Bad gateway</html>"));
//!
//! let report = fake.client().pack(pack).assign(1..=601).await?;
//! assert_eq!(report.assigned().count(), 600);
//! assert_eq!(report.rejected().map(|(user, _)| user.get()).collect::<Vec<_>>(), [601]);
//! assert_eq!(fake.assignments(pack).len(), 600, "nobody twice");
//! # Ok(())
//! # }
//! ```
//!
//! For canned answers instead of a state, the typed extension of httpmock is in
//! [`api::mock`](crate::api::mock).
#![allow(
    clippy::must_use_candidate,
    reason = "what changes the fake returns it only for the next call"
)]

mod behaviour;
mod clock;
mod rules;

pub use behaviour::{Fault, Reassignment, RefusalStyle};
pub use clock::FakeClock;

use crate::api::AssignmentStatus;
use crate::api::types::Assignment;
use crate::client::{Client, ClientBuilder};
use crate::id::{InvalidId, PackId, UserId};
use httpmock::{HttpMockRequest, HttpMockResponse, MockServer};
use rules::{Asked, Rules, Scope, Window};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The API in your own process. Stops when dropped. Methods that change it take `&self`, so it may be shared.
///
/// | for | methods |
/// |---|---|
/// | clients | [`client`](Self::client), [`client_builder`](Self::client_builder), [`clock`](Self::clock) |
/// | the account | [`add_pack`](Self::add_pack), [`add_users`](Self::add_users), [`put_on_pack`](Self::put_on_pack), [`limits`](Self::limits), keys and OAuth clients |
/// | what goes wrong | [`fail_next`](Self::fail_next), [`pass_next`](Self::pass_next), [`answer_after`](Self::answer_after), [`revoke_tokens`](Self::revoke_tokens) |
/// | people who move along | [`finish_steps`](Self::finish_steps), [`approve`](Self::approve), [`reopen`](Self::reopen), [`remove`](Self::remove) |
/// | assertions | [`assignments`](Self::assignments), [`reads`](Self::reads), [`writes`](Self::writes), [`tokens`](Self::tokens), [`largest_request`](Self::largest_request) |
///
/// [The guide](crate::guide::testing) has a whole test, and examples of the rest.
pub struct FakeOnboarding {
    server: MockServer,
    rules: Arc<Mutex<Rules>>,
    clock: FakeClock,
}

impl fmt::Debug for FakeOnboarding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeOnboarding")
            .field("base_url", &self.base_url())
            .finish_non_exhaustive()
    }
}

/// The API key that the fake knows from the start.
const API_KEY: &str = "fake-api-key";

impl FakeOnboarding {
    /// Starts a fake without packs and users, which knows one API key and no limits.
    #[must_use]
    pub fn start() -> Self {
        Self::on(MockServer::start())
    }

    /// As [`start`](Self::start), without blocking the thread while it starts.
    pub async fn start_async() -> Self {
        Self::on(MockServer::start_async().await)
    }

    fn on(server: MockServer) -> Self {
        let mut rules = Rules::default();
        rules.token_life = Duration::from_secs(86_400);
        rules.keys.insert(API_KEY.to_owned(), Scope::ReadWrite);
        let (rules, clock) = (Arc::new(Mutex::new(rules)), FakeClock::default());
        let fake = Self {
            server,
            rules,
            clock,
        };
        fake.serve(Duration::ZERO);
        fake
    }

    fn serve(&self, delay: Duration) {
        let (rules, clock) = (Arc::clone(&self.rules), self.clock.clone());
        self.server.mock(move |when, then| {
            when.is_true(|_: &HttpMockRequest| true);
            then.delay(delay)
                .respond_with(move |request: &HttpMockRequest| respond(request, &rules, &clock));
        });
    }

    fn rules(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Rules)) -> &Self {
        change(&mut self.rules());
        self
    }

    /// Where it listens.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.server.base_url()
    }

    /// An API key that may do everything.
    #[must_use]
    pub fn api_key(&self) -> &'static str {
        API_KEY
    }

    /// The clock by which its limits and tokens go, and its clients wait.
    #[must_use]
    pub fn clock(&self) -> FakeClock {
        self.clock.clone()
    }

    /// A client with the fake's API key and clock.
    ///
    /// # Panics
    /// If the HTTP client cannot be made. With the feature `rustls` and not `ring` it cannot without your
    /// configuration: give it to [`client_builder`](Self::client_builder).
    #[must_use]
    pub fn client(&self) -> Client {
        self.client_builder()
            .api_key(API_KEY)
            .build()
            .expect("the fake's settings are valid")
    }

    /// A builder with the fake's base URL and clock, for another credential or other settings.
    pub fn client_builder(&self) -> ClientBuilder {
        ClientBuilder::default()
            .base_url(self.base_url())
            .clock(self.clock.clone())
    }

    /// Adds an empty pack.
    pub fn add_pack(&self, pack: PackId) -> &Self {
        self.change(|rules| {
            rules.packs.entry(pack).or_default();
        })
    }

    /// Adds users of the account: everybody else is refused.
    ///
    /// # Panics
    /// If one of them cannot be an id.
    pub fn add_users<I>(&self, users: I) -> &Self
    where
        I: IntoIterator<Item: TryInto<UserId, Error: Into<InvalidId>>>,
    {
        self.change(|rules| rules.users.extend(users.into_iter().map(user_id)))
    }

    /// Puts users on a pack, as if somebody else had.
    ///
    /// # Panics
    /// If the pack is not known, or one of them cannot be an id.
    pub fn put_on_pack<I>(&self, pack: PackId, users: I) -> &Self
    where
        I: IntoIterator<Item: TryInto<UserId, Error: Into<InvalidId>>>,
    {
        self.change(|rules| {
            users
                .into_iter()
                .for_each(|user| rules.put(pack, user_id(user)))
        })
    }

    /// Adds an API key that may only read.
    pub fn add_read_only_key(&self, key: impl Into<String>) -> &Self {
        self.change(|rules| {
            rules.keys.insert(key.into(), Scope::Read);
        })
    }

    /// Adds an API key of an account whose plan has no API access.
    pub fn add_key_without_access(&self, key: impl Into<String>) -> &Self {
        self.change(|rules| {
            rules.keys.insert(key.into(), Scope::Nothing);
        })
    }

    /// Adds an OAuth 2.0 client.
    ///
    /// # Panics
    /// If the id or the secret cannot stand in a header.
    pub fn add_oauth_client(&self, id: &str, secret: &str) -> &Self {
        let request = self
            .client()
            .api()
            .client
            .get(self.base_url())
            .basic_auth(id, Some(secret))
            .build();
        let request = request.expect("an id and a secret that can stand in a header");
        let header =
            String::from_utf8_lossy(request.headers()[http::header::AUTHORIZATION].as_bytes())
                .into_owned();
        self.change(|rules| {
            rules.clients.insert(header);
        })
    }

    /// How long access tokens live. Default 24 hours, as the API's.
    pub fn token_life(&self, life: Duration) -> &Self {
        self.change(|rules| rules.token_life = life)
    }

    /// Ends all access tokens at once.
    pub fn revoke_tokens(&self) -> &Self {
        self.change(Rules::revoke_tokens)
    }

    /// What its 422 says.
    pub fn refusals(&self, style: RefusalStyle) -> &Self {
        self.change(|rules| rules.refusals = style)
    }

    /// What it does with somebody who is on the pack already.
    pub fn reassignment(&self, reassignment: Reassignment) -> &Self {
        self.change(|rules| rules.reassignment = reassignment)
    }

    /// The account's limits: requests a minute and a day. Windows begin at full minutes and days of
    /// the fake's clock.
    pub fn limits(&self, minute: u64, day: u64) -> &Self {
        self.change(|rules| {
            rules.minute = Some(Window::new(minute, 60));
            rules.day = Some(Window::new(day, 86_400));
        })
    }

    /// The next request to the API (not for a token) that has no fault yet goes wrong so.
    pub fn fail_next(&self, fault: Fault) -> &Self {
        self.change(|rules| rules.faults.push_back(fault))
    }

    /// From now on every answer comes so late, in real time: for time-outs. Requests do not wait for
    /// one another.
    pub fn answer_after(&self, delay: Duration) -> &Self {
        self.server.reset();
        self.serve(delay);
        self
    }

    /// So many requests pass before the next fault.
    pub fn pass_next(&self, requests: usize) -> &Self {
        let pass = Fault {
            passes: true,
            ..Fault::before(200, "")
        };
        self.change(|rules| rules.faults.extend(std::iter::repeat_n(pass, requests)))
    }

    /// Every assignment of a pack.
    ///
    /// # Panics
    /// If the pack is not known.
    #[must_use]
    pub fn assignments(&self, pack: PackId) -> Vec<Assignment> {
        self.rules()
            .packs
            .get(&pack)
            .unwrap_or_else(|| panic!("pack {pack} is not known: call `add_pack` first"))
            .clone()
    }

    /// The user has completed every step and waits for an admin's approval.
    ///
    /// ```
    /// use connecteam_onboarding::{ChangeKind, PackId, UserId, mock::FakeOnboarding};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (pack, user) = (PackId::try_from(1001)?, UserId::try_from(7)?);
    /// let fake = FakeOnboarding::start();
    /// fake.add_pack(pack).put_on_pack(pack, [7]);
    /// let before = fake.client().pack(pack).snapshot().await?;
    ///
    /// fake.finish_steps(pack, user); // then `approve`, `reopen`, `set_status`, `remove`
    ///
    /// let after = fake.client().pack(pack).snapshot().await?;
    /// assert_eq!(after.changes_since(&before)?[0].kind(), ChangeKind::Submitted);
    /// assert_eq!(after.waiting_for_approval().collect::<Vec<_>>(), [user]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Panics
    /// If the user is not on the pack; as all that move people along.
    pub fn finish_steps(&self, pack: PackId, user: UserId) -> &Self {
        self.change(|rules| {
            rules.change(pack, user, |row| {
                (row.status, row.is_waiting_approval) = (AssignmentStatus::InProgress, true);
            });
        })
    }

    /// An admin approves: the user is done.
    ///
    /// # Panics
    /// If the user is not on the pack.
    pub fn approve(&self, pack: PackId, user: UserId) -> &Self {
        self.set_status(pack, user, AssignmentStatus::Completed)
    }

    /// An admin sends the user back to work.
    ///
    /// # Panics
    /// If the user is not on the pack.
    pub fn reopen(&self, pack: PackId, user: UserId) -> &Self {
        self.set_status(pack, user, AssignmentStatus::InProgress)
    }

    /// Gives the user's assignments a status, known or not, and nothing to approve.
    ///
    /// # Panics
    /// If the user is not on the pack.
    #[allow(
        clippy::needless_pass_by_value,
        reason = "a test writes the value in the call"
    )]
    pub fn set_status(&self, pack: PackId, user: UserId, status: AssignmentStatus) -> &Self {
        self.change(|rules| {
            rules.change(pack, user, |row| {
                (row.status, row.is_waiting_approval) = (status.clone(), false)
            });
        })
    }

    /// Takes the user off the pack.
    ///
    /// # Panics
    /// If the user is not on the pack.
    pub fn remove(&self, pack: PackId, user: UserId) -> &Self {
        self.change(|rules| rules.remove(pack, user))
    }

    /// The requests received, of every kind.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.reads() + self.writes() + self.tokens()
    }

    /// The requests that read a pack.
    #[must_use]
    pub fn reads(&self) -> u64 {
        self.rules().counts.reads
    }

    /// The requests that assign users.
    #[must_use]
    pub fn writes(&self) -> u64 {
        self.rules().counts.writes
    }

    /// The requests for an access token.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.rules().counts.tokens
    }

    /// The requests refused because the account was over its limit.
    #[must_use]
    pub fn refused_for_limit(&self) -> u64 {
        self.rules().counts.refused_for_limit
    }

    /// The most users that one request carried.
    #[must_use]
    pub fn largest_request(&self) -> usize {
        self.rules().counts.largest
    }
}

fn user_id<T: TryInto<UserId, Error: Into<InvalidId>>>(user: T) -> UserId {
    user.try_into()
        .unwrap_or_else(|error| panic!("{}", error.into()))
}

fn respond(request: &HttpMockRequest, rules: &Mutex<Rules>, clock: &FakeClock) -> HttpMockResponse {
    let headers = request.headers();
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let uri = request.uri();
    let asked = Asked {
        method: request.method_str(),
        path: uri.path(),
        api_key: header(&rules::key_header()),
        authorization: header("authorization"),
        content_type: header("content-type"),
        body: request.body_ref(),
    };
    let said = rules
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .answer(&asked, clock);
    let mut response = HttpMockResponse::builder()
        .status(said.status)
        .header("content-type", said.content_type);
    for (name, value) in said.headers {
        response = response.header(name, value);
    }
    response.body(said.body).build()
}
