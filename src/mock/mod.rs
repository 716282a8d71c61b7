//! A fake of the API in your own process, for the tests of your own code.
//!
//! [`FakeOnboarding`] keeps packs, users and credentials, and applies the rules of the API: an assignment
//! is all or nothing. It can lose a response before or after it executes the request. Its [`FakeClock`]
//! makes each wait take almost no time.
//!
//! ```
//! use connecteam_onboarding::{PackId, mock::{FakeOnboarding, Fault}};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let pack = PackId::try_from(1001)?;
//! let fake = FakeOnboarding::start();
//! fake.add_pack(pack).add_users(1..=600);
//! // The second request of a run is its first write. It is executed, but a gateway responds.
//! fake.pass_next(1).fail_next(Fault::after(502, "<html>Bad gateway</html>"));
//!
//! let report = fake.client().pack(pack).assign(1..=601).await?;
//! assert_eq!(report.assigned().count(), 600);
//! assert_eq!(report.rejected().map(|(user, _)| user.get()).collect::<Vec<_>>(), [601]);
//! assert_eq!(fake.assignments(pack).len(), 600, "no user twice");
//! # Ok(())
//! # }
//! ```
//!
//! For fixed responses instead of a state, use the typed extension of httpmock in [`api::mock`](crate::api::mock).
#![allow(
    clippy::must_use_candidate,
    reason = "setters return the fake for the next call in a chain"
)]
#![allow(clippy::result_large_err, reason = "an error is a response, too")]

mod behavior;
mod clock;
mod limits;
mod message;
mod oauth;
mod packs;
mod state;
mod users;
mod validation;

pub use behavior::{Fault, Reassignment, RefusalStyle};
pub use clock::FakeClock;

use crate::api::{RATE_LIMIT_HEADERS, READ_SCOPE, SCOPES};
use crate::client::{Client, ClientBuilder};
use crate::id::PackId;
use httpmock::{HttpMockRequest, MockServer};
use limits::Window;
use oauth::App;
use state::State;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A fake of the API: a server on the loopback interface, in your own process.
///
/// All methods take `&self`, so that tasks can share the fake. Setters return it, for chains.
///
/// | for | methods |
/// |---|---|
/// | clients | [`client`](Self::client), [`client_builder`](Self::client_builder), [`clock`](Self::clock), [`real_time`](Self::real_time) |
/// | the account | [`add_pack`](Self::add_pack), [`add_users`](Self::add_users), [`put_on_pack`](Self::put_on_pack), [`limits`](Self::limits), API keys and OAuth apps |
/// | faults | [`fail_next`](Self::fail_next), [`pass_next`](Self::pass_next), [`delay_responses`](Self::delay_responses), [`revoke_tokens`](Self::revoke_tokens) |
/// | progress of users | [`finish_steps`](Self::finish_steps), [`approve`](Self::approve), [`reopen`](Self::reopen), [`remove`](Self::remove) |
/// | assertions | [`assignments`](Self::assignments), [`reads`](Self::reads), [`writes`](Self::writes), [`tokens`](Self::tokens), [`largest_request`](Self::largest_request) |
///
/// [The guide](crate::guide::testing) has a whole test and an example of each part.
///
/// # Rules
/// - Errors have a JSON body, as the spec promises. The vendor has been seen to send an empty text with a 404:
///   `Fault::before(404, "")` does that.
/// - A path that is not part of the API gets a web page with status 200, as from the vendor's hosts.
/// - A method other than GET and POST gets a 405. That includes HEAD and OPTIONS.
/// - Users exist only after [`add_users`](Self::add_users). A write that names another user gets a 422.
pub struct FakeOnboarding {
    server: MockServer,
    state: Arc<Mutex<State>>,
    clock: FakeClock,
}

impl fmt::Debug for FakeOnboarding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeOnboarding")
            .field("base_url", &self.base_url())
            .finish_non_exhaustive()
    }
}

const API_KEY: &str = "fake-api-key";

impl FakeOnboarding {
    /// Starts a fake with one API key and without packs, users and rate limits.
    ///
    /// Dropping the fake releases its server to the next fake: do not use its clients after that. A process has at
    /// most 25 fakes and httpmock servers at a time, and this call blocks until one is free. The variable
    /// `HTTPMOCK_MAX_SERVERS` changes that number.
    #[must_use]
    pub fn start() -> Self {
        Self::on(MockServer::start())
    }

    /// Starts a fake as [`start`](Self::start) does, without blocking the thread.
    pub async fn start_async() -> Self {
        Self::on(MockServer::start_async().await)
    }

    fn on(server: MockServer) -> Self {
        let mut state = State::default();
        state.oauth.lifetime = Duration::from_secs(86_400);
        let fake = Self {
            server,
            state: Arc::new(Mutex::new(state)),
            clock: FakeClock::default(),
        };
        fake.add_key(API_KEY, SCOPES);
        fake.serve(Duration::ZERO);
        fake
    }

    fn serve(&self, delay: Duration) {
        let (state, clock) = (Arc::clone(&self.state), self.clock.clone());
        self.server.mock(move |when, then| {
            when.is_true(|_: &HttpMockRequest| true);
            then.delay(delay)
                .respond_with(move |request: &HttpMockRequest| {
                    lock(&state).respond(&request.into(), &clock).into()
                });
        });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn change(&self, change: impl FnOnce(&mut State)) -> &Self {
        change(&mut self.state());
        self
    }

    /// Makes the fake, its [`clock`](Self::clock) and its clients follow the machine's clock.
    ///
    /// Rate limits, the lifetime of tokens and waits then take real time. Call it before any other method.
    pub fn real_time(&self) -> &Self {
        self.clock.follow_machine();
        self
    }

    /// Returns the base URL for clients: `http`, on the loopback interface.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.server.base_url()
    }

    /// Returns an API key with all permissions.
    #[must_use]
    pub fn api_key(&self) -> &'static str {
        API_KEY
    }

    /// Returns the clock of the rate limits, the tokens and the clients of this fake.
    #[must_use]
    pub fn clock(&self) -> FakeClock {
        self.clock.clone()
    }

    /// Builds a client with the API key and the clock of this fake.
    ///
    /// # Panics
    /// If the HTTP client cannot be built. Use [`client_builder`](Self::client_builder) to give it other settings.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client_builder()
            .api_key(API_KEY)
            .build()
            .expect("the settings of the fake are valid")
    }

    /// Returns a builder with the base URL and the clock of this fake, and without credentials.
    pub fn client_builder(&self) -> ClientBuilder {
        ClientBuilder::default()
            .base_url(self.base_url())
            .clock(self.clock.clone())
    }

    /// Adds an empty pack.
    pub fn add_pack(&self, pack: PackId) -> &Self {
        self.change(|state| state.packs.add(pack))
    }

    /// Adds an API key that permits reading only.
    pub fn add_read_only_key(&self, key: impl Into<String>) -> &Self {
        self.add_key(key, &[READ_SCOPE])
    }

    /// Adds an API key of an account whose plan has no API access: each request gets a 403.
    pub fn add_key_without_access(&self, key: impl Into<String>) -> &Self {
        self.add_key(key, &[])
    }

    fn add_key(&self, key: impl Into<String>, scopes: &[&str]) -> &Self {
        let scopes = scopes.iter().copied().map(Into::into).collect();
        self.change(|state| drop(state.keys.insert(key.into(), scopes)))
    }

    /// Adds an OAuth 2.0 app with all scopes.
    pub fn add_oauth_client(&self, id: &str, secret: &str) -> &Self {
        self.add_oauth_client_with_scopes(id, secret, SCOPES.iter().copied())
    }

    /// Adds an OAuth 2.0 app with these scopes.
    ///
    /// A token request without `scope` gets a token with all scopes of the app. A request for another scope
    /// gets a 403, and so does an operation whose scope the token lacks.
    ///
    /// ```
    /// use connecteam_onboarding::{ErrorKind, PackId, mock::FakeOnboarding};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pack = PackId::try_from(1001)?;
    /// let fake = FakeOnboarding::start();
    /// fake.add_pack(pack).add_oauth_client_with_scopes("id", "secret", ["users.read"]);
    ///
    /// let client = fake.client_builder().client_credentials("id", "secret").build()?;
    /// let error = client.pack(pack).assignments().await.expect_err("the scope is missing");
    /// assert_eq!(error.kind(), ErrorKind::Forbidden);
    /// # Ok(())
    /// # }
    /// ```
    pub fn add_oauth_client_with_scopes<I>(&self, id: &str, secret: &str, scopes: I) -> &Self
    where
        I: IntoIterator<Item: Into<String>>,
    {
        let secret = secret.to_owned();
        let scopes = scopes.into_iter().map(Into::into).collect();
        let app = App { secret, scopes };
        self.change(|state| drop(state.oauth.apps.insert(id.to_owned(), app)))
    }

    /// Sets the lifetime of new access tokens, in whole seconds. Default: 24 hours.
    pub fn token_lifetime(&self, lifetime: Duration) -> &Self {
        self.change(|state| state.oauth.lifetime = lifetime)
    }

    /// Makes all access tokens invalid.
    pub fn revoke_tokens(&self) -> &Self {
        self.change(|state| state.oauth.tokens.clear())
    }

    /// Sets what a 422 tells about rejected users. Default: [`RefusalStyle::Silent`].
    pub fn refusals(&self, style: RefusalStyle) -> &Self {
        self.change(|state| state.packs.refusals = style)
    }

    /// Sets what an assignment of a user who is already on the pack does. Default: [`Reassignment::AssignAgain`].
    pub fn reassignment(&self, reassignment: Reassignment) -> &Self {
        self.change(|state| state.packs.reassignment = reassignment)
    }

    /// Sets the account's rate limits: requests per minute and per day. Default: no limits.
    ///
    /// A window starts at a full minute or day of the fake's clock, and both windows are unused after this call.
    pub fn limits(&self, minute: u64, day: u64) -> &Self {
        let minute = Window::new(RATE_LIMIT_HEADERS.minute, 60, minute);
        let day = Window::new(RATE_LIMIT_HEADERS.day, 86_400, day);
        self.change(|state| state.limits = vec![minute, day])
    }

    /// Adds a fault to the queue. Each request for assignments takes the next fault; token requests take none.
    pub fn fail_next(&self, fault: Fault) -> &Self {
        self.change(|state| state.faults.push_back(fault))
    }

    /// Lets this number of requests pass before the next fault.
    pub fn pass_next(&self, requests: usize) -> &Self {
        let pass = std::iter::repeat_n(Fault::pass(), requests);
        self.change(|state| state.faults.extend(pass))
    }

    /// Delays all responses from now on, in real time. Concurrent requests wait at the same time.
    ///
    /// A request whose client gives up first is not executed. For a lost response, use [`Fault::after`].
    pub fn delay_responses(&self, delay: Duration) -> &Self {
        self.server.reset();
        self.serve(delay);
        self
    }

    /// Returns the number of requests received, of every kind.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.state().counts.requests
    }

    /// Returns the number of requests that read a pack.
    #[must_use]
    pub fn reads(&self) -> u64 {
        self.state().counts.reads
    }

    /// Returns the number of requests that assign users.
    #[must_use]
    pub fn writes(&self) -> u64 {
        self.state().counts.writes
    }

    /// Returns the number of requests for an access token.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.state().counts.tokens
    }

    /// Returns the number of requests refused because the account was over its rate limit.
    #[must_use]
    pub fn rate_limited(&self) -> u64 {
        self.state().counts.rate_limited
    }

    /// Returns the number of users in the largest request.
    #[must_use]
    pub fn largest_request(&self) -> usize {
        self.state().counts.largest
    }
}

/// A call that panics, such as one with an unknown pack, leaves the state intact.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
