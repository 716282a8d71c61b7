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

/// The most reads of a run without failures: one before the chunks, one before the search, and one after the search.
const MOST_READS: u64 = 3;

/// A run that assigns users to a pack. [`Pack::assign`] creates it, and awaiting it starts it.
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
/// The guide describes [every step](crate::guide::assign) and [every failure](crate::guide::failures). `Assign` can be
/// awaited. Functions that require a future, such as `tokio::spawn`, take the result of
/// [`into_future()`](IntoFuture::into_future).
///
/// # Assumptions
/// The API has no idempotency key. The run assigns no user twice if these three assumptions are true:
///
/// 1. After the client gives up a request, the API executes it within the [`settle`](Self::settle) time or never.
/// 2. A list of the pack is complete. It is current, or its `Age` header says how old it is.
/// 3. No other program assigns users to the pack during the run. Runs on the same pack through clones of one
///    [`Client`](crate::Client) wait for each other. Other clients, processes and machines do not wait.
///
/// With [`resend_in_doubt(false)`](Self::resend_in_doubt), the run never sends users of an ambiguous request again.
/// Then the first two assumptions are not needed.
///
/// # One run per pack
/// A run waits until earlier runs on the same pack have ended. So a run for a single user waits for a large run on the
/// same pack. Do not await another run on the same pack in [`stop_when`](Self::stop_when): that run would wait for this
/// run.
///
/// # Errors
/// [`AssignError`] if the outcome of a user is [`Outcome::NotAssigned`] or [`Outcome::Unknown`], or if the run failed
/// permanently. The error has the full report. If an id is invalid, the run sends nothing and the report has no users.
/// A rejected user is not an error.
///
/// # Cancel safety
/// Dropping the run cancels the requests in flight, but the API may still execute them. It is safe to run the same list
/// again after the [`settle`](Self::settle) time. To get a report, end a run with [`stop_when`](Self::stop_when)
/// instead.
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
    /// Takes a [`UserList`], or [`UserId`](crate::UserId)s or integers, or references to them. Nothing is sent before
    /// the returned [`Assign`] is awaited. If the list has an invalid id, nothing is sent at all.
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
    /// More than [`MAX_USERS_PER_REQUEST`] unique users are an error, and nothing is sent. If the API refuses the
    /// request, no user is assigned. Users that the refusal names by index are [`Outcome::Rejected`], and the others
    /// are [`Outcome::NotAssigned`].
    pub fn all_or_nothing(mut self) -> Self {
        self.settings.all_or_nothing = true;
        self
    }

    /// Limits the number of requests in flight. At least 1. Default: 4.
    pub fn max_in_flight(mut self, requests: usize) -> Self {
        self.settings.in_flight = requests.max(1);
        self
    }

    /// Sets for how long the API may still execute a request after the client gave it up. The run reads the pack back
    /// after this time. Default: 3 s.
    pub fn settle(mut self, settle: Duration) -> Self {
        self.settings.settle = settle;
        self
    }

    /// Sets whether the users of an ambiguous request are sent again after a list proves that they are not on the pack.
    /// Default: true. If false, users that the list does not show are [`Outcome::Unknown`].
    pub fn resend_in_doubt(mut self, resend: bool) -> Self {
        self.settings.resend_in_doubt = resend;
        self
    }

    /// Limits the number of requests that the run sends. Reads and requests for access tokens count too.
    ///
    /// By default, only the writes beyond one per chunk are limited: to 256, or to a tenth of the users if that is
    /// more. So a list of wrong ids does not use up the day's quota. This limit replaces the default limit.
    pub fn max_requests(mut self, requests: u64) -> Self {
        self.max_requests = Some(requests);
        self.settings.extra_writes = u64::MAX;
        self
    }

    /// Leaves `requests` requests of each rate-limit window to other programs of the account. Default: 0.
    ///
    /// The run may always use at least one request per minute. If the day has no more than `requests` requests left,
    /// the day's quota counts as spent for this run. So use a small number for an account with 100 requests a day.
    pub fn reserve(mut self, requests: u64) -> Self {
        self.reserve = requests;
        self
    }

    /// Calls `progress` after every step of the run, and when the run starts or stops waiting. `progress` must not
    /// block.
    pub fn on_progress(mut self, progress: impl FnMut(AssignProgress) + Send + 'static) -> Self {
        self.on_progress = Box::new(progress);
        self
    }

    /// Ends the run when the future is ready.
    ///
    /// The run sends no more users and awaits the requests in flight. If a request is ambiguous, the run reads the pack
    /// back. Then the run returns its report.
    pub fn stop_when(mut self, stop: impl Future<Output = ()> + Send + 'static) -> Self {
        self.stop = stop.boxed();
        self
    }

    /// Reads the pack once and returns what the run would do. Sends no write, and does not wait for other runs.
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
    /// The errors that a run can have before its first write.
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
        // A run with writes needs one more request of the day, to read the pack back.
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
/// The caller stopped the run while it waited.
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
        let users = self.users.as_ref().map_or(0, UserList::len);
        let span = tracing::info_span!("assign", pack = %self.pack.id(), users);
        self.run().instrument(span).boxed()
    }
}
