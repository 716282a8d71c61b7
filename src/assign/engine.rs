//! The engine of a run: sends the requests that [`State`] wants, several at once, and reads the pack in between.

use super::api::{Api, List, current_list};
use super::ledger::Ledger;
use super::progress::AssignProgress;
use super::queue::Work;
use super::settings::Settings;
use super::state::State;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind};
use crate::request::Run;
use crate::retry::{Effect, retry};
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::pin::{Pin, pin};
use std::time::{Duration, SystemTime};
use tokio::sync::watch;

/// A list that is more recent is not read again only to narrow the search.
const RECENT: Duration = Duration::from_secs(60);

pub(crate) struct Engine<'a, A> {
    api: &'a A,
    clock: &'a dyn Clock,
    settings: &'a Settings,
    run: &'a Run,
    state: State<'a>,
    /// When the last list between two steps was read.
    listed_at: Duration,
}

/// The caller of a run: its stop signal, and its interest in the progress.
struct Caller<'a> {
    stop: Pin<&'a mut (dyn Future<Output = ()> + Send)>,
    progress: &'a mut (dyn FnMut(AssignProgress) + Send),
    waiting: watch::Receiver<Option<SystemTime>>,
}

/// What happens while requests are in flight.
enum Event {
    Written(Work, Result<(), Error>),
    Listed(Result<List, Error>),
    ReadBackDue,
}

impl<'a, A: Api> Engine<'a, A> {
    pub(crate) fn new(
        api: &'a A,
        clock: &'a dyn Clock,
        settings: &'a Settings,
        run: &'a Run,
        ledger: &'a mut Ledger,
    ) -> Self {
        Self {
            api,
            clock,
            settings,
            run,
            state: State::new(settings, run, ledger),
            listed_at: Duration::ZERO,
        }
    }

    /// Runs until every user has an outcome. Returns the error that left users unresolved, if any.
    pub(crate) async fn run(
        mut self,
        stop: impl Future<Output = ()> + Send,
        progress: &mut (dyn FnMut(AssignProgress) + Send),
    ) -> Option<Error> {
        let caller = &mut Caller {
            stop: pin!(stop),
            progress,
            waiting: self.run.waiting(),
        };
        // Nothing is sent before this read, so running a list again resumes it.
        if self.read(caller, true).await {
            self.send(caller, false).await;
        }
        if self.state.is_searching() {
            // Other programs may have assigned users meanwhile.
            let age = self.clock.now().saturating_sub(self.listed_at);
            if age < RECENT || self.read(caller, true).await {
                self.send(caller, true).await;
            }
        }
        // Some servers reject users who are on the pack already, so a rejection is final after one more read.
        if self.state.ledger().has_rejections() && !self.read(caller, false).await {
            self.state.undo_rejections();
        }
        self.state.into_cause()
    }

    /// Sends chunks, and groups of the search if `searching`, until nothing is left to send, in flight or ambiguous.
    async fn send(&mut self, caller: &mut Caller<'_>, searching: bool) {
        let clock = self.clock;
        let mut writes = FuturesUnordered::new();
        let mut reading = None;
        loop {
            while writes.len() < self.settings.in_flight
                && let Some(work) = self.state.next_write(writes.len(), searching)
            {
                writes.push(self.write(work));
            }
            let mut due = self.state.evidence().due_in(clock.now());
            if reading.is_none() && due == Some(Duration::ZERO) {
                self.state.evidence().read_begins(clock.now());
                reading = Some(Box::pin(list(self.api, clock, self.settings)));
            }
            if reading.is_some() {
                due = None;
            } else if writes.is_empty() && due.is_none() {
                return;
            }
            let event = async {
                tokio::select! {
                    biased;
                    list = async { reading.as_mut().expect("checked").await }, if reading.is_some() => {
                        Event::Listed(list)
                    }
                    Some((work, result)) = writes.next(), if !writes.is_empty() => {
                        Event::Written(work, result)
                    }
                    () = clock.sleep(due.unwrap_or_default()), if due.is_some() => Event::ReadBackDue,
                }
            };
            match self.attend(caller, event).await {
                Event::Written(work, result) => self.state.written(work, result, clock.now()),
                Event::Listed(list) => {
                    reading = None;
                    self.state.read_back(list, clock.now());
                }
                Event::ReadBackDue => {}
            }
            self.report(caller);
        }
    }

    fn write(
        &self,
        work: Work,
    ) -> impl Future<Output = (Work, Result<(), Error>)> + Send + use<'a, A> {
        let (api, clock, settings, run) = (self.api, self.clock, self.settings, self.run);
        let users = self.state.ledger().ids(work.positions());
        Box::pin(async move {
            let call = || api.assign(&users);
            let result = retry(&settings.retry, clock, Effect::Write, run, call).await;
            (work, result)
        })
    }

    /// Reads a current list between two steps of the run, and settles the users that it shows.
    ///
    /// Returns false if the read failed, or was stopped if it `ends_with_stop`. The run is stopped then, with the cause.
    async fn read(&mut self, caller: &mut Caller<'_>, ends_with_stop: bool) -> bool {
        let began = self.clock.now();
        let (api, clock, settings, run) = (self.api, self.clock, self.settings, self.run);
        let list = current_list(settings.settle, || list(api, clock, settings));
        // Boxed, as the future of a request is large.
        let list = Box::pin(async move {
            if ends_with_stop {
                run.until_stopped(list).await.and_then(|list| list)
            } else {
                list.await
            }
        });
        let list = self.attend(caller, list).await;
        let succeeded = list.is_ok();
        match list {
            Ok(list) => {
                self.listed_at = began.saturating_sub(list.age.unwrap_or_default());
                self.state.mark_on_pack(&list);
            }
            Err(error) => self.state.stop(error),
        }
        self.report(caller);
        succeeded
    }

    /// Awaits a future. Meanwhile obeys the stop signal, and reports when the run starts or stops waiting.
    async fn attend<T>(&mut self, caller: &mut Caller<'_>, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        loop {
            tokio::select! {
                biased;
                () = caller.stop.as_mut(), if !self.run.is_stopped() => {
                    let cause = Error::new(ErrorKind::Stopped, "the caller stopped the run");
                    self.state.stop(cause);
                }
                value = &mut future => return value,
                Ok(()) = caller.waiting.changed() => {}
            }
            self.report(caller);
        }
    }

    fn report(&self, caller: &mut Caller<'_>) {
        let until = *caller.waiting.borrow();
        let progress = AssignProgress::new(self.state.ledger(), self.run.sent(), until);
        (caller.progress)(progress);
    }
}

/// Reads the list, with the retries of the policy.
async fn list<A: Api>(api: &A, clock: &dyn Clock, settings: &Settings) -> Result<List, Error> {
    let never_stopped = Run::default();
    let call = || api.list();
    retry(&settings.retry, clock, Effect::Read, &never_stopped, call).await
}
