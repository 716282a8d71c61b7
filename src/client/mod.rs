//! The API client: [`Client`], [`ClientBuilder`] and [`Pack`].

mod builder;
mod environment;
mod pack;
mod proxy;
#[cfg(feature = "__rustls")]
mod tls;

pub use builder::ClientBuilder;
pub use pack::Pack;

use crate::api;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind};
use crate::id::PackId;
use crate::rate_limit::Quota;
use crate::request::{Run, Shared, Transport, Turns};
use crate::retry::RetryPolicy;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

/// A client for one Connecteam account.
///
/// A client is cheap to clone. Clones of a client share its HTTP client, access token and rate-limit state. If clones
/// of one client assign users to the same pack, the [`Assign`](crate::Assign) runs execute one after another. **Build
/// one client per account and process, and clone this client.** Clients that are built separately do not count each
/// other's requests, so together they may exceed the account's rate limit.
///
/// ```
/// use connecteam_onboarding::{Client, PackId, Region};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # if cfg!(not(any(feature = "ring", feature = "native-tls"))) { return Ok(()); } // no TLS
/// let client = Client::builder().api_key("key").region(Region::Australia).build()?;
/// let pack = client.pack(PackId::try_from(1001)?);
/// # let _ = pack;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    api: api::Client,
    pub(crate) retry: RetryPolicy,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("api", &self.api.inner)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Returns a builder with the default settings. Set a credential before you call `build`.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// Builds a client from environment variables.
    ///
    /// | variable | meaning |
    /// |---|---|
    /// | `CONNECTEAM_API_KEY` | the API key; if it is set, the next two variables are ignored |
    /// | `CONNECTEAM_CLIENT_ID`, `CONNECTEAM_CLIENT_SECRET` | OAuth 2.0 client credentials |
    /// | `CONNECTEAM_REGION` | the account's region: `global` (default) or `australia` |
    /// | `CONNECTEAM_BASE_URL` | another base URL; do not set it together with `CONNECTEAM_REGION` |
    ///
    /// # Errors
    /// Returns [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if a variable is missing or has an invalid
    /// value. The error message names the variable. Nothing is sent.
    pub fn from_env() -> Result<Self, Error> {
        ClientBuilder::from_env()?.build()
    }

    /// Returns a handle for one pack. Sends nothing.
    #[must_use]
    pub fn pack(&self, id: PackId) -> Pack {
        Pack::new(self.clone(), id)
    }

    /// Returns the generated client, [`api::Client`], which has one method per endpoint. The methods of the generated
    /// client send the credential and wait for the rate limit, but do not retry failed calls. To convert an error of
    /// the generated client into [`Error`], use `?` or `map_err(Error::from)`.
    ///
    /// ```no_run
    /// # async fn example(client: connecteam_onboarding::Client) -> Result<(), connecteam_onboarding::Error> {
    /// let pack = connecteam_onboarding::PackId::try_from(1001).expect("a valid id");
    /// let response = client.api().get_pack_assignments(&pack).await?;
    /// println!("{}: {} assignments", response.status(), response.data.assignments.len());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn api(&self) -> &api::Client {
        &self.api
    }

    /// Returns the remaining rate-limit quota of the account, based on the responses so far. Returns `None` until a
    /// response reports a limit. Sends nothing.
    ///
    /// ```no_run
    /// # fn example(client: connecteam_onboarding::Client) {
    /// if let Some(day) = client.quota().and_then(|quota| quota.day) {
    ///     println!("{} of {} requests are left today", day.remaining, day.limit);
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn quota(&self) -> Option<Quota> {
        self.shared().governor.quota()
    }

    /// Returns whether the remaining daily quota covers the given number of requests. For several [plans](crate::Plan),
    /// pass the sum of their requests. Returns `None` until a response reports the daily quota. Sends nothing.
    #[must_use]
    pub fn fits_today(&self, requests: u64) -> Option<bool> {
        let day = self.quota()?.day?;
        Some(requests <= day.remaining)
    }

    /// Returns the clock that this client uses.
    #[must_use]
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.shared().clock)
    }

    /// Returns an estimate of the server's current time. Before the first response, returns the local system time.
    pub(crate) fn server_time(&self) -> SystemTime {
        self.shared().governor.server_time()
    }

    /// Returns a clone whose requests belong to the given run.
    pub(crate) fn with_run(&self, run: Arc<Run>) -> Self {
        let mut client = self.clone();
        client.api.inner.run = run;
        client
    }

    pub(crate) fn turns(&self) -> &Turns {
        &self.shared().turns
    }

    fn shared(&self) -> &Shared {
        &self.api.inner.shared
    }

    fn new(shared: Shared, retry: RetryPolicy) -> Self {
        let base = shared.base.as_str().trim_end_matches('/').to_owned();
        let http = shared.http.clone();
        let transport = Transport {
            shared: Arc::new(shared),
            run: Arc::default(),
        };
        Self {
            api: api::Client::new_with_client(&base, http, transport),
            retry,
        }
    }
}

fn configuration(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Configuration, message)
}
