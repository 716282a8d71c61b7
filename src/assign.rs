//! [`Assign`]: a list of users on its way to a pack.

mod doubt;
pub(crate) mod engine;
mod failure;
mod naming;
mod plan;
mod reads;

pub use failure::AssignError;
pub use plan::Plan;
#[cfg(test)]
#[allow(
    clippy::similar_names,
    clippy::needless_for_each,
    reason = "a model, not the crate"
)]
mod simulation;

use crate::api::{MAX_USERS_PER_REQUEST, types::AssignUsersRequest};
use crate::budget::Budget;
use crate::client::Pack;
use crate::error::{Error, ErrorKind};
use crate::halt::Halt;
use crate::id::{InvalidId, UserId};
use crate::ledger::Ledger;
use crate::rate_limit::Reserve;
use crate::report::Report;
use engine::{Api, Engine, Terms};
use futures_util::future::{BoxFuture, FutureExt};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tracing::Instrument;

/// Users on their way to a pack; made by [`Pack::assign`], sent when awaited.
///
/// The pack is read first, and who is on it is skipped; so running the same list again resumes it.
/// The rest goes out in chunks, several in flight. Where the API refuses a chunk, the search finds
/// whom it refuses, and everybody else is assigned. A request that may have been executed is
/// never sent again blindly: the pack is read until it proves what happened.
///
/// ```no_run
/// # async fn example(pack: connecteam_onboarding::Pack, list: Vec<u64>) -> Result<(), connecteam_onboarding::AssignError> {
/// let report = pack
///     .assign(list)
///     .reserve(20)
///     .on_progress(|progress| eprintln!("{} of {}", progress.settled, progress.total))
///     .stop_when(async { tokio::signal::ctrl_c().await.ok(); })
///     .await?;
/// println!("{report}");
/// # Ok(())
/// # }
/// ```
///
/// The guide has [the whole story](crate::guide::assign), and
/// [what happens on each failure](crate::guide::failures).
///
/// It is awaited like a future; where a future is asked for, as by `tokio::spawn`, give it
/// [`into_future()`](IntoFuture::into_future).
///
/// # The one assumption
/// The API has no idempotency key. Nobody is assigned twice, provided the API executes a request
/// within [`settle`](Self::settle) of its being given up, or not at all, and a list of the pack is complete and
/// no older than that.
/// [`resend_in_doubt(false)`](Self::resend_in_doubt) assumes nothing, and leaves such users
/// [`Outcome::Unknown`](crate::Outcome::Unknown).
///
/// # Errors
/// [`AssignError`], if anybody is left [`Outcome::NotAssigned`](crate::Outcome::NotAssigned) or
/// [`Outcome::Unknown`](crate::Outcome::Unknown); it carries the full report. Who is rejected is no error.
///
/// # Dropping it
/// Requests in flight are cut, and may or may not be executed. Running the same list again, no
/// sooner than [`settle`](Self::settle) later, is safe. [`stop_when`](Self::stop_when) stops
/// orderly, with a report.
#[must_use = "nothing is sent before it is awaited"]
pub struct Assign {
    pack: Pack,
    ledger: Ledger,
    invalid: Option<Error>,
    terms: Terms,
    max_requests: Option<u64>,
    reserve: u64,
    progress: Box<dyn FnMut(AssignProgress) + Send>,
    stop: BoxFuture<'static, ()>,
}

impl fmt::Debug for Assign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assign")
            .field("pack", &self.pack.id())
            .field("users", &self.ledger.len())
            .field("terms", &self.terms)
            .finish_non_exhaustive()
    }
}

impl Assign {
    pub(crate) fn new<I>(pack: Pack, users: I) -> Self
    where
        I: IntoIterator<Item: TryInto<UserId, Error: Into<InvalidId>>>,
    {
        let mut invalid = None;
        let valid =
            users
                .into_iter()
                .enumerate()
                .filter_map(|(index, user)| match user.try_into() {
                    Ok(id) => Some(id),
                    Err(error) => {
                        invalid.get_or_insert_with(|| Self::invalid(index, error.into()));
                        None
                    }
                });
        let ledger = Ledger::new(valid.collect());
        let extra_writes = (ledger.len() as u64 / 10).max(256);
        let terms = Terms {
            max_items: MAX_USERS_PER_REQUEST,
            in_flight: 4,
            settle: Duration::from_secs(3),
            resend_in_doubt: true,
            all_or_nothing: false,
            extra_writes,
            retry: pack.client.retry.clone(),
        };
        let stop = std::future::pending().boxed();
        Self {
            pack,
            ledger,
            invalid,
            terms,
            max_requests: None,
            reserve: 0,
            progress: Box::new(|_| {}),
            stop,
        }
    }

    #[cold]
    fn invalid(index: usize, error: InvalidId) -> Error {
        let message = format!("number {} of the list: {error}", index + 1);
        Error::new(ErrorKind::InvalidInput, message).with_source(error)
    }

    /// All in one request, which the API executes as a whole or refuses as a whole. At most
    /// [`MAX_USERS_PER_REQUEST`] unique users; more are an error before anything is sent. A refusal
    /// is an error too: nobody was assigned.
    pub fn all_or_nothing(mut self) -> Self {
        self.terms.all_or_nothing = true;
        self
    }

    /// The most requests in flight at once. At least 1. Default 4.
    pub fn max_in_flight(mut self, requests: usize) -> Self {
        self.terms.in_flight = requests.max(1);
        self
    }

    /// How long after giving a request up it may still be executed; the pack is read back no
    /// sooner. Default 3 s.
    pub fn settle(mut self, settle: Duration) -> Self {
        self.terms.settle = settle;
        self
    }

    /// Whether users of a doubtful request whom the pack proves absent are sent again. Default
    /// true; false leaves them [`Outcome::Unknown`](crate::Outcome::Unknown).
    pub fn resend_in_doubt(mut self, resend: bool) -> Self {
        self.terms.resend_in_doubt = resend;
        self
    }

    /// The most requests that the run sends, reads and tokens included. Takes the place of the
    /// default, which limits the writes beyond one for each chunk to the larger of 256 and a tenth
    /// of the users, so that a wrong column does not eat the account's day.
    pub fn max_requests(mut self, requests: u64) -> Self {
        self.max_requests = Some(requests);
        self.terms.extra_writes = u64::MAX;
        self
    }

    /// Leaves so many requests of each of the account's windows to its other users.
    pub fn reserve(mut self, requests: u64) -> Self {
        self.reserve = requests;
        self
    }

    /// Tells how far the run is: after every step of it, which may have changed nothing. Must not block.
    pub fn on_progress(mut self, progress: impl FnMut(AssignProgress) + Send + 'static) -> Self {
        self.progress = Box::new(progress);
        self
    }

    /// Once the future is ready, nothing new is sent; what is in flight is awaited and, if need be,
    /// read back; then the run ends with its report.
    pub fn stop_when(mut self, stop: impl Future<Output = ()> + Send + 'static) -> Self {
        self.stop = stop.boxed();
        self
    }

    /// What the run would do, from one read of the pack. Sends no write.
    ///
    /// ```no_run
    /// # async fn example(pack: connecteam_onboarding::Pack, list: Vec<u64>) -> Result<(), connecteam_onboarding::Error> {
    /// let plan = pack.assign(list).plan().await?;
    /// println!("{plan}"); // 1001 users: 1000 to assign, 1 already assigned; 200 duplicates; 3 requests
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As the run's own, before its first write.
    pub async fn plan(self) -> Result<Plan, Error> {
        self.check()?;
        let unique = self.ledger.len() as u64;
        let mut already_assigned = 0;
        if unique > 0 {
            let budget = Arc::new(Budget::new(self.max_requests));
            let client = self
                .pack
                .client
                .on_terms(budget, Reserve::Requests(self.reserve), None);
            let pack = Pack {
                client,
                id: self.pack.id,
            };
            let on_pack: std::collections::HashSet<_> = pack
                .assignments()
                .await?
                .into_iter()
                .map(|a| a.user_id)
                .collect();
            already_assigned = self
                .ledger
                .outcomes()
                .filter(|(id, _)| on_pack.contains(id))
                .count() as u64;
        }
        let to_assign = unique - already_assigned;
        let writes = to_assign.div_ceil(self.terms.max_items as u64);
        let requests = u64::from(unique > 0) + writes;
        let left = self
            .pack
            .client
            .quota()
            .and_then(|quota| quota.day)
            .map(|day| day.remaining);
        // A write needs one more in hand, for a read-back.
        let needed = requests + u64::from(writes > 0) + self.reserve;
        Ok(Plan {
            unique,
            duplicates: self.ledger.duplicates(),
            already_assigned,
            to_assign,
            requests,
            fits_today: left.map(|left| needed <= left),
        })
    }

    fn check(&self) -> Result<(), Error> {
        if let Some(error) = &self.invalid {
            return Err(error.clone());
        }
        if self.terms.all_or_nothing && self.ledger.len() > self.terms.max_items {
            let message = format!(
                "all or nothing takes at most {} users, the most that one request may carry; the list has {}",
                self.terms.max_items,
                self.ledger.len()
            );
            return Err(Error::new(ErrorKind::TooManyUsers, message));
        }
        Ok(())
    }

    async fn run(mut self) -> Result<Report, AssignError> {
        let budget = Arc::new(Budget::new(self.max_requests));
        let mut cause = self.check().err();
        if cause.is_none() && self.ledger.len() > 0 {
            let halt = Arc::new(Halt::default());
            let client = self.pack.client.on_terms(
                Arc::clone(&budget),
                Reserve::Requests(self.reserve),
                Some(Arc::clone(&halt)),
            );
            let clock = client.clock();
            let pack = Pack {
                client,
                id: self.pack.id,
            };
            let engine = Engine::new(
                &pack,
                &*clock,
                &self.terms,
                &budget,
                &halt,
                &mut self.ledger,
            );
            cause = engine.run(self.stop, &mut *self.progress).await;
        }
        let report = Report::new(self.ledger, budget.sent());
        AssignError::or_report(report, cause)
    }
}

impl IntoFuture for Assign {
    type Output = Result<Report, AssignError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let span = tracing::info_span!("assign", pack = %self.pack.id(), users = self.ledger.len());
        self.run().instrument(span).boxed()
    }
}

impl Api for Pack {
    async fn list(&self) -> Result<Vec<UserId>, Error> {
        Ok(self
            .list_once()
            .await?
            .into_iter()
            .map(|assignment| assignment.user_id)
            .collect())
    }

    async fn assign(&self, users: &[UserId]) -> Result<(), Error> {
        let request = AssignUsersRequest::new(users.to_vec());
        self.client
            .api
            .assign_users_to_pack(&self.id, &request)
            .await?;
        Ok(())
    }
}

/// How far a run is; what [`Assign::on_progress`] is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AssignProgress {
    /// The unique users of the list.
    pub total: u64,
    /// Those with an outcome. It may fall by those whose answer turns out to be in doubt.
    pub settled: u64,
    /// The requests sent.
    pub requests: u64,
}

impl AssignProgress {
    pub(crate) fn new(ledger: &Ledger, requests: u64) -> Self {
        Self {
            total: ledger.len() as u64,
            settled: ledger.settled(),
            requests,
        }
    }
}
