//! The connection of one run to the simulated API.

use super::world::World;
use crate::assign::api::{Api, List};
use crate::error::{Error, ErrorKind, Executed};
use crate::id::UserId;
use crate::request::{Effect, Governor, Run};
use http::StatusCode;

/// Sends the requests of one run to the simulated API. Like the real transport, a `Connection` enforces the limits of
/// the run.
pub(crate) struct Connection<'a> {
    pub(crate) world: &'a World,
    pub(crate) run: &'a Run,
    pub(crate) governor: &'a Governor,
}

impl Connection<'_> {
    /// Sends a write for `users`, or a read if `users` is `None`.
    async fn send(&self, users: Option<&[UserId]>) -> Result<List, Error> {
        let effect = users.map_or(Effect::Read, |_| Effect::Write);
        let permit = self.governor.acquire(effect, self.run).await?;
        let users: Option<Vec<u64>> = users.map(|users| users.iter().map(|id| id.get()).collect());
        if users.is_some() && self.run.is_stopped() {
            let breach = "a write after the stop".to_owned();
            self.world.state().breaches.push(breach);
        }
        match self.world.send(users).await {
            Ok(response) => {
                let refused = matches!(&response.result, Err(error) if error.kind() == ErrorKind::RateLimited);
                let status = if refused {
                    StatusCode::TOO_MANY_REQUESTS
                } else {
                    StatusCode::OK
                };
                permit.received(status, &response.headers, refused);
                response.result
            }
            Err(error) => {
                if error.executed() == Executed::No {
                    permit.never_sent();
                    self.run.give_back();
                }
                Err(error)
            }
        }
    }
}

impl Api for Connection<'_> {
    async fn list(&self) -> Result<List, Error> {
        self.send(None).await
    }

    async fn assign(&self, users: &[UserId]) -> Result<(), Error> {
        self.send(Some(users)).await.map(drop)
    }
}
