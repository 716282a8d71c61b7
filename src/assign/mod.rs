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
use settings::Settings;
use state::State;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tracing::Instrument;

/// The reads of a run that is not interrupted: before the chunks, before the search, and after it.
const MOST_READS: u64 = 3;

type OnProgress = Box<dyn FnMut(AssignProgress) + Send>;

/// An assignment of users to a pack; made by [`Pack::assign`], and sent when awaited.
///
/// The run reads the pack first and skips the users on it, so running the same list again resumes it. It sends the other
/// users in chunks, several at once. If the API refuses a chunk, the run finds the rejected users and assigns the others.
/// It never sends a request again that may have been executed, before a list of the pack proves that it was not.
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
/// The guide has [every step](crate::guide::assign) and [every failure](crate::guide::failures). Await it like a future;
/// where a future is required, as by `tokio::spawn`, call [`into_future()`](IntoFuture::into_future).
///
/// # Assumptions
/// The API has no idempotency key. No user is assigned twice, provided that:
///
/// 1. The API executes a request within [`settle`](Self::settle) after the client gave it up, or never.
/// 2. A list of the pack is complete, and as current as its headers say (`Age`).
/// 3. No other program assigns users to the pack during the run. Runs on the same pack through clones of one
///    [`Client`](crate::Client) wait for each other; another client, process or machine does not.
///
/// With [`resend_in_doubt(false)`](Self::resend_in_doubt), the first two are not needed: the run does not send users of an
/// ambiguous request again.
///
/// # One run per pack
/// A run waits until earlier runs on the same pack have ended. So a single new user waits behind a bulk run of the same
/// pack. Do not await another run of the same pack in [`stop_when`](Self::stop_when): it would wait for this one.
///
/// # Errors
/// [`AssignError`] if a user ends as [`Outcome::NotAssigned`] or [`Outcome::Unknown`]. It has the full report. If an id is
/// invalid, nothing was sent and the report has no users. A rejected user is not an error.
///
/// # Cancel safety
/// Dropping the run cuts the requests in flight, which may still be executed. It is safe to run the same list again,
/// [`settle`](Self::settle) later. [`stop_when`](Self::stop_when) ends a run in order, with a report.
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
    /// Assigns users to the pack. The list may have duplicates, users who do not exist, and users on the pack already.
    ///
    /// Takes a [`UserList`], or [`UserId`](crate::UserId)s or integers, or references to them. An invalid id is an error
    /// before anything is sent. Nothing is sent before the returned [`Assign`] is awaited.
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
    /// More than [`MAX_USERS_PER_REQUEST`] unique users are an error before anything is sent. A refusal assigns no user:
    /// users that it names by index are [`Outcome::Rejected`], and the others are [`Outcome::NotAssigned`].
    pub fn all_or_nothing(mut self) -> Self {
        self.settings.all_or_nothing = true;
        self
    }

    /// Sets the most requests in flight at once. At least 1. Default: 4.
    pub fn max_in_flight(mut self, requests: usize) -> Self {
        self.settings.in_flight = requests.max(1);
        self
    }

    /// Sets how long after a request was given up the API may still execute it. The pack is not read back sooner.
    /// Default: 3 s.
    pub fn settle(mut self, settle: Duration) -> Self {
        self.settings.settle = settle;
        self
    }

    /// Sets whether users of an ambiguous request are sent again once a list proves them absent. Default: true. If false,
    /// users that the list does not show are [`Outcome::Unknown`].
    pub fn resend_in_doubt(mut self, resend: bool) -> Self {
        self.settings.resend_in_doubt = resend;
        self
    }

    /// Sets the most requests that the run sends, reads and access tokens included.
    ///
    /// Replaces the default, which limits the writes beyond one per chunk to the larger of 256 and a tenth of the users: a
    /// list of wrong numbers does not use up the day's quota.
    pub fn max_requests(mut self, requests: u64) -> Self {
        self.max_requests = Some(requests);
        self.settings.extra_writes = u64::MAX;
        self
    }

    /// Leaves this many requests of each window to other users of the account. Default: 0.
    ///
    /// At least one request per minute stays for this run. A day with no more than `requests` left counts as spent, so keep
    /// it small on a plan with 100 requests a day.
    pub fn reserve(mut self, requests: u64) -> Self {
        self.reserve = requests;
        self
    }

    /// Calls `progress` after every step of the run, and when it starts or stops waiting. The function must not block.
    pub fn on_progress(mut self, progress: impl FnMut(AssignProgress) + Send + 'static) -> Self {
        self.on_progress = Box::new(progress);
        self
    }

    /// Ends the run when the future is ready. Nothing new is sent; requests in flight are awaited, and read back if
    /// necessary; then the run returns its report.
    pub fn stop_when(mut self, stop: impl Future<Output = ()> + Send + 'static) -> Self {
        self.stop = stop.boxed();
        self
    }

    /// Returns what the run would do, from one read of the pack. Sends no write, and does not wait for other runs.
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
    /// As those of the run before its first write.
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
        // A write keeps one request of the day for a read-back.
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

/// Waits until no earlier run is on the pack.
///
/// # Errors
/// The caller stopped the run first.
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
