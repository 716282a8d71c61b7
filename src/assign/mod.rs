//! [`Assign`]: assigns a list of users to a pack.

pub(crate) mod api;
mod engine;
mod error;
mod evidence;
mod ledger;
mod outcome;
mod plan;
mod progress;
mod refusal;
mod report;
mod settings;
#[cfg(test)]
mod simulation;
mod state;
mod work;

pub use error::AssignError;
pub use outcome::{Outcome, Rejection};
pub use plan::Plan;
pub use progress::{AssignProgress, Waiting};
pub use report::Report;

use crate::api::MAX_USERS_PER_REQUEST;
use crate::client::Pack;
use crate::error::{Error, ErrorKind};
use crate::rate_limit::Reserve;
use crate::request::{Run, Turn};
use crate::users::{IntoUserList, UserList};
use api::current_list;
use futures_util::future::{BoxFuture, FutureExt};
use ledger::Ledger;
use progress::OnProgress;
use settings::Settings;
use state::State;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tracing::Instrument;

/// The maximum number of reads in a run without failures. A run reads the pack before it sends chunks, before the
/// search for rejected users, and after the search.
const MOST_READS: u64 = 3;

/// A run that assigns users to a pack. [`Pack::assign`] creates a run, and `.await` starts the run.
///
/// 1. The run reads the pack and skips the users on it. So you can resume a run: run the same list again.
/// 2. The run sends the other users in chunks, several at once.
/// 3. If the API refuses a chunk, the run finds the rejected users and assigns the others.
///
/// A request that may have been executed is ambiguous. The run sends the users of an ambiguous request again only after
/// a list of the pack proves that the request was not executed.
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
/// The guide describes [each step of a run](crate::guide::assign) and [all possible failures](crate::guide::failures).
/// `Assign` can be awaited. To pass a run to a function that requires a future, such as `tokio::spawn`, call
/// [`into_future()`](IntoFuture::into_future).
///
/// # Assumptions
/// The API has no idempotency key. The run assigns no user twice if these three assumptions are true:
///
/// 1. After the client gives up a request, the API executes it within the [`settle`](Self::settle) time or never.
/// 2. A list of the pack is complete. It is current, or its `Age` header says how old it is.
/// 3. No other program assigns users to the pack during the run.
///    Runs on the same pack wait for each other if they use clones of one [`Client`](crate::Client).
///    Runs in other processes, on other machines or with other clients do not wait for each other.
///
/// With [`resend_in_doubt(false)`](Self::resend_in_doubt), the run never resends the users of an ambiguous request, so
/// assumptions 1 and 2 are not needed.
///
/// # One run per pack
/// A run waits until earlier runs on the same pack have ended. For example, a run for a single user waits until a large
/// run on the same pack has ended. Do not await another run on the same pack in [`stop_when`](Self::stop_when). The
/// other run starts only after this run has ended, so the stop signal would never come.
///
/// # Errors
/// [`AssignError`] if the outcome of a user is [`Outcome::NotAssigned`] or [`Outcome::Unknown`], or if the run failed
/// permanently. The error contains the full report. If an id is invalid, the run sends nothing and the report has no
/// users. Rejected users alone do not cause an error.
///
/// # Cancel safety
/// Dropping the run cancels the requests in flight, but the API may still execute them. It is safe to run the same list
/// again after the [`settle`](Self::settle) time. To end a run early and still get a report, use
/// [`stop_when`](Self::stop_when).
#[must_use = "nothing is sent before it is awaited"]
pub struct Assign {
    pack: Pack,
    users: Result<UserList, Error>,
    settings: Settings,
    max_requests: Option<u64>,
    reserve: u64,
    on_progress: OnProgress,
    stop: BoxFuture<'static, ()>,
}

impl fmt::Debug for Assign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assign")
            .field("pack", &self.pack.id())
            .field("users", &self.users)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Pack {
    /// Assigns users to the pack. The list may have duplicates, users who do not exist, and users already on the pack.
    ///
    /// Accepts a [`UserList`], or any iterator over [`UserId`](crate::UserId)s, integers, or references to ids or
    /// integers. Nothing is sent before the returned [`Assign`] is awaited. If the list has an invalid id, the run
    /// fails without sending a request.
    ///
    /// ```no_run
    /// # async fn example(pack: connecteam_onboarding::Pack) -> Result<(), connecteam_onboarding::AssignError> {
    /// let report = pack.assign([7031021, 7031022, 7031021]).await?;
    /// println!("{report}");
    /// # Ok(())
    /// # }
    /// ```
    pub fn assign(&self, users: impl IntoUserList) -> Assign {
        let users = users.into_user_list();
        let len = users.as_ref().map_or(0, UserList::len) as u64;
        let settings = Settings {
            max_items: MAX_USERS_PER_REQUEST,
            in_flight: 4,
            settle: Duration::from_secs(3),
            resend_in_doubt: true,
            all_or_nothing: false,
            extra_writes: (len / 10).max(256),
            retry: self.client().retry.clone(),
        };
        Assign {
            pack: self.clone(),
            users,
            settings,
            max_requests: None,
            reserve: 0,
            on_progress: Box::new(|_| {}),
            stop: std::future::pending().boxed(),
        }
    }
}

impl Assign {
    /// Sends all users in one request, which the API executes as a whole or not at all.
    ///
    /// If the list has more than [`MAX_USERS_PER_REQUEST`] unique users, the run fails without sending a request. If
    /// the API refuses the request, no user is assigned. Users that the error response names by index are
    /// [`Outcome::Rejected`], and the other users are [`Outcome::NotAssigned`].
    pub fn all_or_nothing(mut self) -> Self {
        self.settings.all_or_nothing = true;
        self
    }

    /// Limits the number of requests in flight. At least 1. Default: 4.
    pub fn max_in_flight(mut self, requests: usize) -> Self {
        self.settings.in_flight = requests.max(1);
        self
    }

    /// Sets how long the API may still execute a request after the client has given up on the request. The run waits
    /// for this duration before it reads the pack to resolve an ambiguous request. Default: 3 s.
    pub fn settle(mut self, settle: Duration) -> Self {
        self.settings.settle = settle;
        self
    }

    /// Sets whether the run resends the users of an ambiguous request after a list proves that the request was not
    /// executed. Default: true. If false, the users of an ambiguous request are [`Outcome::Unknown`] unless the run
    /// finds the users on the pack.
    pub fn resend_in_doubt(mut self, resend: bool) -> Self {
        self.settings.resend_in_doubt = resend;
        self
    }

    /// Limits the number of requests that the run sends, including reads and requests for access tokens.
    ///
    /// By default, a run may send one write per chunk and a limited number of additional writes. The limit is 256
    /// additional writes or one additional write per ten users, whichever is larger. This default prevents a list of
    /// wrong ids from using up the daily quota. Calling `max_requests` removes the default limit.
    pub fn max_requests(mut self, requests: u64) -> Self {
        self.max_requests = Some(requests);
        self.settings.extra_writes = u64::MAX;
        self
    }

    /// Reserves requests in each rate-limit window for other programs that use the same account. Default: 0.
    ///
    /// Even if the reserve exceeds the per-minute limit, the run may send one request per minute. If the remaining
    /// daily quota is not larger than the reserve, the run treats the daily quota as used up. For example, if the limit
    /// is 100 requests per day, a run with `reserve(99)` ends after its first read.
    pub fn reserve(mut self, requests: u64) -> Self {
        self.reserve = requests;
        self
    }

    /// Calls `progress` after each write or read, and when the run starts or stops waiting. `progress` must not block.
    pub fn on_progress(mut self, progress: impl FnMut(AssignProgress) + Send + 'static) -> Self {
        self.on_progress = Box::new(progress);
        self
    }

    /// Ends the run when the future `stop` is ready.
    ///
    /// After the stop, the run sends no more users and waits for the requests in flight. If a request is ambiguous, the
    /// run reads the pack to find out whether the API executed the request. Finally, the run returns its report.
    pub fn stop_when(mut self, stop: impl Future<Output = ()> + Send + 'static) -> Self {
        self.stop = stop.boxed();
        self
    }

    /// Reads the pack once and returns what the run would do. This method sends no writes and does not wait for other
    /// runs.
    ///
    /// ```no_run
    /// # async fn example(pack: connecteam_onboarding::Pack, list: Vec<u64>) -> Result<(), connecteam_onboarding::Error> {
    /// let plan = pack.assign(list).plan().await?;
    /// println!("{plan}"); // 1001 users: 1000 to assign, 1 already assigned; 200 duplicates; 3 requests …
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Fails if the list is invalid or if the pack cannot be read.
    pub async fn plan(self) -> Result<Plan, Error> {
        self.check()?;
        let users = self.users?;
        let unique = users.len() as u64;
        let mut already_assigned = 0;
        if unique > 0 {
            let run = Run::new(self.max_requests, Reserve::Requests(self.reserve));
            let pack = self.pack.with_run(Arc::new(run));
            let clock = pack.client().clock();
            let list = current_list(&pack, &*clock, &self.settings).await?;
            let on_pack: UserList = list.users.into_iter().collect();
            already_assigned = users.iter().filter(|id| on_pack.contains(*id)).count() as u64;
        }
        let to_assign = unique - already_assigned;
        let writes = to_assign.div_ceil(self.settings.max_items as u64);
        let requests = u64::from(unique > 0) + writes;
        let max_requests = match self.max_requests {
            Some(most) => most,
            None if writes == 0 || self.settings.all_or_nothing => requests + u64::from(writes > 0),
            None => MOST_READS + writes + self.settings.extra_writes,
        };
        // A run may read the pack once more after its writes. `needed` includes this read, and `requests` does not.
        let needed = requests + u64::from(writes > 0) + self.reserve;
        Ok(Plan {
            unique,
            duplicates: users.duplicates(),
            already_assigned,
            to_assign,
            requests,
            max_requests,
            fits_today: self.pack.client().fits_today(needed),
        })
    }

    fn check(&self) -> Result<(), Error> {
        let len = self.users.as_ref().map_err(Clone::clone)?.len();
        if self.settings.all_or_nothing && len > self.settings.max_items {
            let message = format!(
                "an all-or-nothing list may have {} users, the most that one request may carry; this one has {len}",
                self.settings.max_items
            );
            return Err(Error::new(ErrorKind::TooManyUsers, message));
        }
        Ok(())
    }

    async fn run(mut self) -> Result<Report, AssignError> {
        let check = self.check();
        let mut ledger = Ledger::new(self.users.unwrap_or_default());
        let run = Arc::new(Run::new(self.max_requests, Reserve::Requests(self.reserve)));
        let cause = match check {
            Ok(()) if ledger.len() > 0 => {
                let turn =
                    wait_for_turn(&self.pack, &ledger, &mut self.stop, &mut self.on_progress);
                match turn.await {
                    Ok(_turn) => {
                        let pack = self.pack.with_run(Arc::clone(&run));
                        let clock = pack.client().clock();
                        let state = State::new(&self.settings, &run, &mut ledger);
                        let on_progress = &mut self.on_progress;
                        engine::run(&pack, &*clock, state, self.stop, on_progress).await
                    }
                    Err(stopped) => Some(stopped),
                }
            }
            check => check.err(),
        };
        let report = Report::new(ledger, run.sent());
        let result = AssignError::or_report(report, cause);
        match &result {
            Ok(report) => tracing::info!("{report}"),
            Err(error) => tracing::warn!("{error}"),
        }
        result
    }
}

/// Waits until all earlier runs on the same pack have ended.
///
/// # Errors
/// [`ErrorKind::Stopped`] if the caller stops the run during the wait.
async fn wait_for_turn(
    pack: &Pack,
    ledger: &Ledger,
    stop: &mut BoxFuture<'static, ()>,
    on_progress: &mut OnProgress,
) -> Result<Turn, Error> {
    let turns = pack.client().turns();
    if let Some(turn) = turns.try_take(pack.id()) {
        return Ok(turn);
    }
    tracing::info!("waiting for another run on the same pack");
    on_progress(AssignProgress::new(ledger, 0, Some(Waiting::OtherRun)));
    tokio::select! {
        biased;
        () = stop => Err(Error::new(
            ErrorKind::Stopped,
            "the caller stopped the run while it waited for another run on the same pack",
        )),
        turn = turns.take(pack.id()) => Ok(turn),
    }
}

impl IntoFuture for Assign {
    type Output = Result<Report, AssignError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        // The span is created on the first poll, so that it becomes a child of a span that the caller attached with
        // `instrument`. The caller's span is current only during polls.
        let run = async move {
            let users = self.users.as_ref().map_or(0, UserList::len);
            let span = tracing::info_span!("assign", pack = %self.pack.id(), users);
            self.run().instrument(span).await
        };
        run.boxed()
    }
}
