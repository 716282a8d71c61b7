//! The engine reads the pack during a run, and sends the writes that [`State`] chooses. Several writes may be in flight
//! at once.

use super::api::{Api, List, current_list, list};
use super::progress::{AssignProgress, OnProgress, Waiting};
use super::state::State;
use super::work::Work;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind};
use crate::retry::{Effect, retry};
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::pin::pin;
use std::time::{Duration, SystemTime};
use tokio::sync::watch;

/// When the search for rejected users starts, the run reads the pack again if the first list of the pack is at least
/// this old.
const RECENT: Duration = Duration::from_secs(60);

/// Runs the engine until every user has an outcome. Returns the error that left users unresolved, if any.
pub(super) async fn run<A: Api>(
    api: &A,
    clock: &dyn Clock,
    state: State<'_>,
    stop: BoxFuture<'_, ()>,
    on_progress: &mut OnProgress,
) -> Option<Error> {
    let mut engine = Engine {
        api,
        clock,
        waiting: state.run.waiting(),
        state,
        stop,
        on_progress,
    };
    // The run skips users that the first read finds on the pack. A second run with the same list sends only users that
    // are not on the pack yet.
    if let Some(listed_at) = engine.read(true).await {
        engine.send(false).await;
        if engine.state.is_searching() {
            // Other programs may have assigned users since the first read.
            let age = clock.now().saturating_sub(listed_at);
            if age < RECENT || engine.read(true).await.is_some() {
                engine.send(true).await;
            }
        }
    }
    // The API may reject users who are already on the pack. A rejection becomes final only after a later read proves
    // that the user is not on the pack.
    if engine.state.ledger.has_rejections() && engine.read(false).await.is_none() {
        engine.state.ledger.undo_rejections();
    }
    engine.state.cause
}

struct Engine<'a, A> {
    api: &'a A,
    clock: &'a dyn Clock,
    state: State<'a>,
    /// The caller's stop signal.
    stop: BoxFuture<'a, ()>,
    on_progress: &'a mut OnProgress,
    /// The time until which the run waits for the rate limit, or `None` if the run is not waiting.
    waiting: watch::Receiver<Option<SystemTime>>,
}

enum Event {
    Written(Work, Result<(), Error>),
    Listed(Result<List, Error>),
    ReadBackDue,
}

impl<'a, A: Api> Engine<'a, A> {
    /// Sends the remaining chunks and, if `searching` is true, the groups of the search for rejected users. Returns
    /// when nothing is left to send, no request is in flight and no request is ambiguous.
    async fn send(&mut self, searching: bool) {
        let (api, clock, settings) = (self.api, self.clock, self.state.settings);
        let mut writes = FuturesUnordered::new();
        let mut reading = None;
        loop {
            while writes.len() < settings.in_flight
                && let Some(work) = self.state.next_write(writes.len(), searching)
            {
                writes.push(self.write(work));
            }
            let mut due = self.state.evidence.due_in(clock.now());
            if reading.is_none() && due == Some(Duration::ZERO) {
                self.state.evidence.read_begins(clock.now());
                reading = Some(Box::pin(list(api, clock, settings)));
            }
            if reading.is_some() {
                due = None;
            } else if writes.is_empty() && due.is_none() {
                return;
            }
            let event = async {
                tokio::select! {
                    biased;
                    Some(list) = async { Some(reading.as_mut()?.await) } => Event::Listed(list),
                    Some((work, result)) = writes.next() => Event::Written(work, result),
                    () = clock.sleep(due.unwrap_or_default()), if due.is_some() => Event::ReadBackDue,
                }
            };
            match self.attend(event).await {
                Event::Written(work, result) => self.state.written(work, result, clock.now()),
                Event::Listed(list) => {
                    reading = None;
                    self.state.read_back(list, clock.now());
                }
                Event::ReadBackDue => {}
            }
            self.report();
        }
    }

    fn write(
        &self,
        work: Work,
    ) -> impl Future<Output = (Work, Result<(), Error>)> + Send + use<'a, A> {
        let (api, clock) = (self.api, self.clock);
        let (settings, run) = (self.state.settings, self.state.run);
        let users = self.state.ledger.ids(work.positions());
        Box::pin(async move {
            let call = || api.assign(&users);
            let result = retry(&settings.retry, clock, Effect::Write, run, call).await;
            (work, result)
        })
    }

    /// Reads the pack, and sets the outcome of each user that is already on the pack. If `stoppable` is true, the stop
    /// signal cancels the read.
    ///
    /// Returns the time when the read started, minus the age of the list if it came from a cache. If the read fails or
    /// is canceled, stops the run with the resulting error and returns `None`.
    async fn read(&mut self, stoppable: bool) -> Option<Duration> {
        let began = self.clock.now();
        let (api, clock) = (self.api, self.clock);
        let (settings, run) = (self.state.settings, self.state.run);
        // The future is boxed because request futures are large.
        let list = Box::pin(async move {
            let list = current_list(api, clock, settings);
            if stoppable {
                run.until_stopped(list).await.and_then(|list| list)
            } else {
                list.await
            }
        });
        let listed_at = match self.attend(list).await {
            Ok(list) => {
                self.state.mark_on_pack(&list);
                Some(began.saturating_sub(list.age.unwrap_or_default()))
            }
            Err(error) => {
                self.state.stop(error);
                None
            }
        };
        self.report();
        listed_at
    }

    /// Awaits a future. While the future is pending, handles the stop signal and reports progress.
    async fn attend<T>(&mut self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        loop {
            tokio::select! {
                biased;
                () = &mut self.stop, if !self.state.run.is_stopped() => {
                    let cause = Error::new(ErrorKind::Stopped, "the caller stopped the run");
                    self.state.stop(cause);
                }
                value = &mut future => return value,
                Ok(()) = self.waiting.changed() => {}
            }
            self.report();
        }
    }

    fn report(&mut self) {
        let until = *self.waiting.borrow();
        let waiting = until.map(|until| Waiting::RateLimit { until });
        let progress = AssignProgress::new(self.state.ledger, self.state.run.sent(), waiting);
        (self.on_progress)(progress);
    }
}
