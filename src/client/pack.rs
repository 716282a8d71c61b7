//! [`Pack`] represents one onboarding pack.

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

/// A handle to one onboarding pack of an account. A handle can [`assign`](Self::assign) users, read the
/// [`assignments`](Self::assignments), or [`watch`](Self::watch) the pack for changes. A handle is cheap to clone.
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

/// The assignments of a pack, as reported by one response.
#[derive(Debug)]
pub(crate) struct List {
    pub(crate) assignments: Vec<Assignment>,
    /// The age of the response, or `None` if the response did not come from a cache.
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

    /// Returns the client that this handle uses.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Reads all assignments of the pack, in the order in which the API returns them. Sends one request, and retries it
    /// after a transient failure.
    ///
    /// # Errors
    /// If the read fails, returns the error of the last attempt. [`ErrorKind`](crate::ErrorKind) lists the possible
    /// failures. A failed read does not change the pack.
    ///
    /// # Cancel safety
    /// Dropping the future is safe, because this call only reads.
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

    /// Reads the assignments of the pack without retries.
    pub(crate) async fn read_once(&self) -> Result<List, Error> {
        let response = self.client.api().get_pack_assignments(&self.id).await?;
        let age = age(response.headers());
        Ok(List {
            assignments: response.into_inner().data.assignments,
            age,
        })
    }

    /// Returns a handle whose requests belong to the given run.
    pub(crate) fn with_run(&self, run: Arc<Run>) -> Self {
        Self::new(self.client.with_run(run), self.id)
    }

    /// Returns a handle whose requests yield to all other requests and leave a tenth of the requests in each rate-limit
    /// window unused.
    pub(crate) fn low_priority(&self) -> Self {
        self.with_run(Arc::new(Run::new(None, Reserve::Tenth)))
    }
}
