//! A fake API server for tests, which runs in the process of the test.
//!
//! [`FakeOnboarding`] stores packs, users and credentials, and follows the rules of the API. For example, a request
//! assigns either all of its users or none of them. A test can replace the response to a request and choose whether the
//! fake executes the request. The clients of the fake use a [`FakeClock`], so waits take almost no real time.
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
//! If a test only needs fixed responses, use the typed `httpmock` extension in [`api::mock`](crate::api::mock) instead.
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

/// A fake API server that runs in the process of the test and listens on the loopback interface.
///
/// All methods take `&self`, so that several tasks can share the fake. Setters return the fake, so that calls can be
/// chained.
///
/// | for | methods |
/// |---|---|
/// | clients | [`client`](Self::client), [`client_builder`](Self::client_builder), [`clock`](Self::clock), [`real_time`](Self::real_time) |
/// | the account | [`add_pack`](Self::add_pack), [`add_users`](Self::add_users), [`put_on_pack`](Self::put_on_pack), [`limits`](Self::limits), API keys and OAuth apps |
/// | faults | [`fail_next`](Self::fail_next), [`pass_next`](Self::pass_next), [`delay_responses`](Self::delay_responses), [`revoke_tokens`](Self::revoke_tokens) |
/// | progress of users | [`finish_steps`](Self::finish_steps), [`approve`](Self::approve), [`reopen`](Self::reopen), [`remove`](Self::remove) |
/// | assertions | [`assignments`](Self::assignments), [`reads`](Self::reads), [`writes`](Self::writes), [`tokens`](Self::tokens), [`largest_request`](Self::largest_request) |
///
/// [The guide](crate::guide::testing) contains a complete test and an example for each feature of the fake.
///
/// # Rules
/// - Error responses have a JSON body, as the spec requires. The real API sometimes sends a 404 with an empty body. Use
///   `Fault::before(404, "")` to simulate a 404 with an empty body.
/// - For a path that is not part of the API, the fake returns a web page with status 200, like the vendor's hosts.
/// - For all methods except GET and POST, including HEAD and OPTIONS, the fake returns status 405.
/// - The account contains only users that were added with [`add_users`](Self::add_users). A request that assigns any
///   other user fails with status 422.
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
    /// Starts a fake with one API key and without packs, users or rate limits.
    ///
    /// Do not use a client after its fake is dropped, because another fake may reuse the same server.
    ///
    /// Fakes and other `httpmock` servers share a limit of 25 running servers per process. If all servers are in use,
    /// `start` blocks until a server is free. Set the environment variable `HTTPMOCK_MAX_SERVERS` to change the limit
    /// of 25.
    #[must_use]
    pub fn start() -> Self {
        Self::on(MockServer::start())
    }

    /// The async version of [`start`](Self::start), which does not block the thread.
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

    /// Switches the fake, its [`clock`](Self::clock) and its clients to the system clock.
    ///
    /// With the system clock, rate limits, token lifetimes and waits use real time. Call this method before any other
    /// method of the fake.
    pub fn real_time(&self) -> &Self {
        self.clock.follow_machine();
        self
    }

    /// Returns the base URL of the fake, an `http` URL with a loopback address.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.server.base_url()
    }

    /// Returns an API key with all permissions.
    #[must_use]
    pub fn api_key(&self) -> &'static str {
        API_KEY
    }

    /// Returns the clock of this fake. The rate limits, the tokens and the clients of the fake use this clock.
    #[must_use]
    pub fn clock(&self) -> FakeClock {
        self.clock.clone()
    }

    /// Builds a client that uses the API key and the clock of this fake.
    ///
    /// # Panics
    /// Panics if the HTTP client cannot be built. To use other client settings, call
    /// [`client_builder`](Self::client_builder).
    #[must_use]
    pub fn client(&self) -> Client {
        self.client_builder()
            .api_key(API_KEY)
            .build()
            .expect("the settings of the fake are valid")
    }

    /// Returns a client builder with the base URL and the clock of this fake. The builder has no credentials.
    pub fn client_builder(&self) -> ClientBuilder {
        ClientBuilder::default()
            .base_url(self.base_url())
            .clock(self.clock.clone())
    }

    /// Adds an empty pack.
    pub fn add_pack(&self, pack: PackId) -> &Self {
        self.change(|state| state.packs.add(pack))
    }

    /// Adds an API key with read-only access.
    pub fn add_read_only_key(&self, key: impl Into<String>) -> &Self {
        self.add_key(key, &[READ_SCOPE])
    }

    /// Adds an API key without any permissions. A request with this key fails with status 403, as if the account's plan
    /// did not include API access.
    pub fn add_key_without_access(&self, key: impl Into<String>) -> &Self {
        self.add_key(key, &[])
    }

    fn add_key(&self, key: impl Into<String>, scopes: &[&str]) -> &Self {
        let scopes = scopes.iter().copied().map(Into::into).collect();
        self.change(|state| drop(state.keys.insert(key.into(), scopes)))
    }

    /// Adds an OAuth 2.0 app that has all scopes of the API.
    pub fn add_oauth_client(&self, id: &str, secret: &str) -> &Self {
        self.add_oauth_client_with_scopes(id, secret, SCOPES.iter().copied())
    }

    /// Adds an OAuth 2.0 app with the given scopes.
    ///
    /// A token request without `scope` returns a token with all scopes of the app. A token request with a scope that
    /// the app does not have fails with status 403. An API request fails with status 403 if its token does not have the
    /// required scope.
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

    /// Sets the lifetime of new access tokens, rounded down to whole seconds. Default: 24 hours.
    pub fn token_lifetime(&self, lifetime: Duration) -> &Self {
        self.change(|state| state.oauth.lifetime = lifetime)
    }

    /// Revokes all access tokens that the fake has issued.
    pub fn revoke_tokens(&self) -> &Self {
        self.change(|state| state.oauth.tokens.clear())
    }

    /// Sets how a 422 response identifies the rejected users. Default: [`RefusalStyle::Silent`].
    pub fn refusals(&self, style: RefusalStyle) -> &Self {
        self.change(|state| state.packs.refusals = style)
    }

    /// Sets what happens if a request assigns a user who is already on the pack. Default:
    /// [`Reassignment::AssignAgain`].
    pub fn reassignment(&self, reassignment: Reassignment) -> &Self {
        self.change(|state| state.packs.reassignment = reassignment)
    }

    /// Sets how many requests the account may send per minute and per day. Default: no limits.
    ///
    /// Per-minute windows start at full minutes of the fake's clock, and per-day windows start at midnight (UTC). A
    /// call to `limits` resets the request counts of both windows.
    pub fn limits(&self, minute: u64, day: u64) -> &Self {
        let minute = Window::new(RATE_LIMIT_HEADERS.minute, 60, minute);
        let day = Window::new(RATE_LIMIT_HEADERS.day, 86_400, day);
        self.change(|state| state.limits = vec![minute, day])
    }

    /// Adds a fault to the end of the fault queue. Each request to the assignments endpoint consumes one fault from the
    /// queue. Token requests do not consume faults.
    pub fn fail_next(&self, fault: Fault) -> &Self {
        self.change(|state| state.faults.push_back(fault))
    }

    /// Adds this number of normal responses to the end of the fault queue. Faults that are added later apply after
    /// these responses.
    pub fn pass_next(&self, requests: usize) -> &Self {
        let pass = std::iter::repeat_n(Fault::pass(), requests);
        self.change(|state| state.faults.extend(pass))
    }

    /// Delays all later responses by `delay`, measured in real time. Concurrent requests are delayed in parallel.
    ///
    /// If a client cancels a request during the delay, the fake does not execute the request. To test a lost response,
    /// use [`Fault::after`].
    pub fn delay_responses(&self, delay: Duration) -> &Self {
        self.server.reset();
        self.serve(delay);
        self
    }

    /// Returns the total number of requests that the fake has received.
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

    /// Returns the number of requests that the fake rejected because of the rate limit.
    #[must_use]
    pub fn rate_limited(&self) -> u64 {
        self.state().counts.rate_limited
    }

    /// Returns the largest number of users in a single assign request.
    #[must_use]
    pub fn largest_request(&self) -> usize {
        self.state().counts.largest
    }
}

/// Locks the state. Poisoning is ignored, because the state stays valid even if a call panics.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
