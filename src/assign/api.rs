//! The two calls that the engine makes, so that a simulation can stand for the API.

use crate::api::types::AssignUsersRequest;
use crate::client::Pack;
use crate::error::{Error, ErrorKind};
use crate::id::UserId;
use std::time::Duration;

/// The API as the engine sees it. Each call is one attempt; the implementation keeps the limits of the run.
pub(crate) trait Api: Sync {
    /// Reads the users on the pack, one entry per assignment.
    fn list(&self) -> impl Future<Output = Result<List, Error>> + Send;

    /// Assigns all users or none. Sends nothing once the run is stopped.
    fn assign(&self, users: &[UserId]) -> impl Future<Output = Result<(), Error>> + Send;
}

/// The users on a pack.
#[derive(Debug)]
pub(crate) struct List {
    pub(crate) users: Vec<UserId>,
    /// How old the list is, if a cache returned it.
    pub(crate) age: Option<Duration>,
}

/// Reads a list that is at most `oldest` old. If a cache returns one, reads it once more.
///
/// # Errors
/// [`ErrorKind::StaleList`]: the second list is too old as well.
pub(super) async fn current_list<F: Future<Output = Result<List, Error>>>(
    oldest: Duration,
    mut read: impl FnMut() -> F,
) -> Result<List, Error> {
    let first = read().await?;
    if first.age.is_none() {
        return Ok(first);
    }
    let second = read().await?;
    match second.age {
        Some(age) if age > oldest => {
            let message = format!(
                "a cache returned a list of the pack that is {} s old, and at most {} s are permitted: make the proxy or \
                 gateway between this machine and the API not cache GET requests",
                age.as_secs(),
                oldest.as_secs_f64()
            );
            Err(Error::new(ErrorKind::StaleList, message))
        }
        _ => Ok(second),
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
