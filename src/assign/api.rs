//! [`Api`]: the API calls that a run makes, as a trait. Tests implement the trait for a simulated API.

use super::settings::Settings;
use crate::api::types::AssignUsersRequest;
use crate::client::Pack;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind};
use crate::id::UserId;
use crate::request::Run;
use crate::retry::{Effect, retry};
use std::time::Duration;

/// The API calls that a run makes. The methods do not apply the retry policy. Implementations enforce the account's
/// rate limit and the run's request limit.
pub(crate) trait Api: Sync {
    /// Reads the users on the pack. A user with two assignments appears twice in the result.
    fn list(&self) -> impl Future<Output = Result<List, Error>> + Send;

    /// Assigns all of the given users, or none of them. If the run is stopped, returns an error without sending a
    /// request.
    fn assign(&self, users: &[UserId]) -> impl Future<Output = Result<(), Error>> + Send;
}

/// A list of the users on a pack.
#[derive(Debug)]
pub(crate) struct List {
    pub(crate) users: Vec<UserId>,
    /// The age of a cached list, or `None` if the list did not come from a cache.
    pub(crate) age: Option<Duration>,
}

/// Reads the users on the pack, and retries according to the retry policy. Stopping the run does not cancel the read or
/// its retries.
pub(super) async fn list<A: Api>(
    api: &A,
    clock: &dyn Clock,
    settings: &Settings,
) -> Result<List, Error> {
    let never_stopped = Run::default();
    let call = || api.list();
    retry(&settings.retry, clock, Effect::Read, &never_stopped, call).await
}

/// Reads the users on the pack. If the first list comes from a cache, reads the users a second time.
///
/// # Errors
/// [`ErrorKind::StaleList`] if the second read returns a cached list that is older than [`Settings::settle`].
pub(super) async fn current_list<A: Api>(
    api: &A,
    clock: &dyn Clock,
    settings: &Settings,
) -> Result<List, Error> {
    let mut current = list(api, clock, settings).await?;
    if current.age.is_some() {
        current = list(api, clock, settings).await?;
    }
    match current.age {
        Some(age) if age > settings.settle => {
            let message = format!(
                "a cache returned a list of the pack that is {} s old, and at most {} s are permitted: make the proxy or \
                 gateway between this machine and the API not cache GET requests",
                age.as_secs(),
                settings.settle.as_secs_f64()
            );
            Err(Error::new(ErrorKind::StaleList, message))
        }
        _ => Ok(current),
    }
}

impl Api for Pack {
    async fn list(&self) -> Result<List, Error> {
        let list = self.read_once().await?;
        let users = list.assignments.into_iter();
        Ok(List {
            users: users.map(|assignment| assignment.user_id).collect(),
            age: list.age,
        })
    }

    async fn assign(&self, users: &[UserId]) -> Result<(), Error> {
        let request = AssignUsersRequest::new(users.to_vec());
        let client = self.client().api();
        client.assign_users_to_pack(&self.id(), &request).await?;
        Ok(())
    }
}
