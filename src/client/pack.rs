//! [`Pack`]: one onboarding pack of an account.

use super::Client;
use crate::api::types::Assignment;
use crate::error::Error;
use crate::id::PackId;
use crate::rate_limit::Reserve;
use crate::request::{Run, age};
use crate::retry::{Effect, retry};
use std::sync::Arc;
use std::time::Duration;
use tracing::Instrument;

/// One onboarding pack of an account: [`assign`](Self::assign) users to it, read its
/// [`assignments`](Self::assignments), or [`watch`](Self::watch) its changes. A pack is cheap to clone.
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
    client: Client,
    id: PackId,
}

/// The list of a pack, from one response.
#[derive(Debug)]
pub(crate) struct List {
    pub(crate) assignments: Vec<Assignment>,
    /// The age of the list, if a cache returned the response.
    pub(crate) age: Option<Duration>,
}

impl Pack {
    pub(super) fn new(client: Client, id: PackId) -> Self {
        Self { client, id }
    }

    /// Returns the id of the pack.
    #[must_use]
    pub fn id(&self) -> PackId {
        self.id
    }

    /// Returns the client of the pack.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Reads every assignment of the pack, in the order of the API. Sends one request, and retries it after a transient
    /// failure.
    ///
    /// # Errors
    /// Any [`ErrorKind`](crate::ErrorKind) of a request. A failed read changes nothing.
    ///
    /// # Cancel safety
    /// Dropping the future is safe: this call only reads.
    pub async fn assignments(&self) -> Result<Vec<Assignment>, Error> {
        let span = tracing::info_span!("assignments", pack = %self.id);
        let list = retry(
            &self.client.retry,
            &*self.client.clock(),
            Effect::Read,
            &Run::default(),
            || self.read_once(),
        )
        .instrument(span)
        .await?;
        Ok(list.assignments)
    }

    /// Reads the list in one attempt.
    pub(crate) async fn read_once(&self) -> Result<List, Error> {
        let response = self.client.api().get_pack_assignments(&self.id).await?;
        let age = age(response.headers());
        Ok(List {
            assignments: response.into_inner().data.assignments,
            age,
        })
    }

    /// Returns the same pack for the requests of one run.
    pub(crate) fn with_run(&self, run: Arc<Run>) -> Self {
        Self::new(self.client.with_run(run), self.id)
    }

    /// Returns the same pack for reads that yield to all other requests: they leave a tenth of each window unused.
    pub(crate) fn low_priority(&self) -> Self {
        self.with_run(Arc::new(Run::new(None, Reserve::Tenth)))
    }
}
