//! [`Client`], its builder, and [`Pack`]: the way in.

use crate::api::{self, types::Assignment};
use crate::assign::Assign;
use crate::budget::Budget;
use crate::builder::ClientBuilder;
use crate::clock::Clock;
use crate::error::Error;
use crate::halt::Halt;
use crate::id::{InvalidId, PackId, UserId};
use crate::rate_limit::Reserve;
use crate::retry::{Effect, RetryPolicy, retry};
use std::fmt;
use std::sync::Arc;
use tracing::Instrument;

/// The API of one account. Cheap to clone; clones share connections, token and the account's limits.
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
    pub(crate) api: api::Client,
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
    /// Starts a client; a credential must follow.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// A client from the environment: `CONNECTEAM_API_KEY`, or `CONNECTEAM_CLIENT_ID` and
    /// `CONNECTEAM_CLIENT_SECRET` (the key wins where both are set); and `CONNECTEAM_BASE_URL` where it is not the global region's.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration), naming the variable that is missing or wrong. Nothing is sent.
    pub fn from_env() -> Result<Self, Error> {
        ClientBuilder::from_env()?.build()
    }

    /// A handle on one pack. Sends nothing.
    #[must_use]
    pub fn pack(&self, id: PackId) -> Pack {
        Pack {
            client: self.clone(),
            id,
        }
    }

    /// The generated client, [`api::Client`]: one method an endpoint, one attempt a call, signed and paced like all
    /// else. Its error becomes an [`Error`] with `?`.
    ///
    /// ```no_run
    /// # async fn example(client: connecteam_onboarding::Client) -> Result<(), connecteam_onboarding::Error> {
    /// let pack = connecteam_onboarding::PackId::try_from(1001).expect("an id");
    /// let answer = client.api().get_pack_assignments(&pack).await?;
    /// println!("{}: {} assignments", answer.status(), answer.data.assignments.len());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn api(&self) -> &api::Client {
        &self.api
    }

    /// The account's limits as the answers so far told them; `None` before the first. Sends nothing.
    ///
    /// ```no_run
    /// # fn example(client: connecteam_onboarding::Client) {
    /// if let Some(day) = client.quota().and_then(|quota| quota.day) {
    ///     println!("{} of {} requests are left today", day.remaining, day.limit);
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn quota(&self) -> Option<crate::Quota> {
        self.api.inner.shared.governor.quota()
    }

    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.api.inner.shared.clock)
    }

    /// The time by the server's clock, or by ours before any answer.
    pub(crate) fn server_time(&self) -> std::time::SystemTime {
        self.api.inner.shared.governor.server_time()
    }

    /// The same client, which leaves a tenth of each window to others.
    pub(crate) fn leaving_a_tenth(&self) -> Self {
        self.on_terms(Arc::default(), Reserve::Tenth, None)
    }

    /// The same client on the terms of one run.
    pub(crate) fn on_terms(
        &self,
        budget: Arc<Budget>,
        reserve: Reserve,
        halt: Option<Arc<Halt>>,
    ) -> Self {
        let mut client = self.clone();
        client.api.inner = self.api.inner.on_terms(budget, reserve, halt);
        client
    }
}

/// One onboarding pack of an account: [`assign`](Self::assign) users to it, read its
/// [`assignments`](Self::assignments), [`watch`](Self::watch) what changes. Cheap to clone.
///
/// ```no_run
/// # async fn example(client: connecteam_onboarding::Client) -> Result<(), Box<dyn std::error::Error>> {
/// use connecteam_onboarding::PackId;
///
/// let pack = client.pack(PackId::try_from(1001)?);
/// let report = pack.assign([7031021, 7031022]).await?;
/// println!("{report}");
/// println!("{}", pack.snapshot().await?.progress());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Pack {
    pub(crate) client: Client,
    pub(crate) id: PackId,
}

impl Pack {
    /// The pack's id.
    #[must_use]
    pub fn id(&self) -> PackId {
        self.id
    }

    /// Every assignment of the pack, in the order in which the API lists them. One request; passing
    /// failures are tried again. Dropping the future is safe: it only reads.
    ///
    /// # Errors
    /// Any [`ErrorKind`](crate::ErrorKind) of a request. Nothing was changed.
    pub async fn assignments(&self) -> Result<Vec<Assignment>, Error> {
        let (clock, going_on) = (self.client.clock(), Halt::default());
        let span = tracing::info_span!("assignments", pack = %self.id);
        let read = retry(&self.client.retry, &*clock, Effect::Read, &going_on, || {
            self.list_once()
        });
        read.instrument(span).await
    }

    /// Assigns users to the pack: any list, with duplicates, strangers and people already there.
    ///
    /// The list may hold [`UserId`]s or integers, or be lent (`pack.assign(&ids)`); one that cannot be an id is
    /// an error before anything is sent. Texts are parsed first: `text.parse::<UserId>()?`. Nothing is sent before the returned [`Assign`] is awaited.
    ///
    /// ```no_run
    /// # async fn example(pack: connecteam_onboarding::Pack) -> Result<(), connecteam_onboarding::AssignError> {
    /// let report = pack.assign([7031021, 7031022, 7031021]).await?;
    /// println!("{report}");
    /// # Ok(())
    /// # }
    /// ```
    pub fn assign<I>(&self, users: I) -> Assign
    where
        I: IntoIterator<Item: TryInto<UserId, Error: Into<InvalidId>>>,
    {
        Assign::new(self.clone(), users)
    }

    pub(crate) async fn list_once(&self) -> Result<Vec<Assignment>, Error> {
        let answer = self.client.api.get_pack_assignments(&self.id).await?;
        Ok(answer.into_inner().data.assignments)
    }
}
