//! The engine of a run: sends whole chunks, then searches for the users that the API rejects, and reads ambiguous requests
//! back in between.

use super::api::{Api, List, current_list};
use super::evidence::{Ambiguous, Evidence, Proof, Shown};
use super::ledger::Ledger;
use super::outcome::{Outcome, Rejection};
use super::progress::AssignProgress;
use super::queue::{Queue, Rejected, Work};
use super::refusal;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Executed};
use crate::request::Run;
use crate::retry::{Effect, RetryPolicy, retry};
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::time::Duration;

/// The settings of a run.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) max_items: usize,
    pub(crate) in_flight: usize,
    pub(crate) settle: Duration,
    pub(crate) resend_in_doubt: bool,
    pub(crate) all_or_nothing: bool,
    /// The most writes beyond one per chunk.
    pub(crate) extra_writes: u64,
    pub(crate) retry: RetryPolicy,
}

/// What a run does at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Reads the pack. Nothing is sent before, so running a list again resumes it.
    Opening,
    /// Sends every chunk once.
    Chunks,
    /// Reads the pack before the search, because other programs may have assigned users meanwhile.
    Narrowing,
    /// Sends groups of the users in refused chunks.
    Search,
    /// Reads the pack to make rejections final: some servers reject users who are on the pack already.
    Closing,
    Closed,
}

/// A list that is more recent is not read again only to narrow the search.
const RECENT: Duration = Duration::from_secs(60);

/// This many requests in a row that failed on every attempt end the run: the server is down.
const MOST_FAILURES: u32 = 3;

/// A finished read.
struct Read {
    began: Duration,
    list: Result<List, Error>,
}

pub(crate) struct Engine<'a, A> {
    api: &'a A,
    clock: &'a dyn Clock,
    settings: &'a Settings,
    run: &'a Run,
    ledger: &'a mut Ledger,
    phase: Phase,
    queue: Queue,
    evidence: Evidence<Work>,
    /// When the last list was read.
    listed_at: Option<Duration>,
    /// Requests in a row that failed on every attempt.
    failures: u32,
    cause: Option<Error>,
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
            ledger,
            phase: Phase::Opening,
            queue: Queue::new(settings.max_items),
            evidence: Evidence::new(settings.settle),
            listed_at: None,
            failures: 0,
            cause: None,
        }
    }

    /// Runs until every user has an outcome. Returns the error that left users unresolved, if any.
    pub(crate) async fn run(
        mut self,
        stop: impl Future<Output = ()> + Send,
        progress: &mut (dyn FnMut(AssignProgress) + Send),
    ) -> Option<Error> {
        let mut stop = std::pin::pin!(stop);
        let mut waiting = self.run.waiting();
        let mut writes = FuturesUnordered::new();
        let mut reading = Some(self.read());
        loop {
            while self.phase != Phase::Opening
                && writes.len() < self.settings.in_flight
                && let Some(work) = self.next_write(writes.len())
            {
                writes.push(self.write(work));
            }
            if reading.is_none() {
                if writes.is_empty() && self.evidence.is_empty() {
                    if self.next_phase() == Phase::Closed {
                        return self.cause;
                    }
                    if matches!(self.phase, Phase::Narrowing | Phase::Closing) {
                        reading = Some(self.read());
                    } else {
                        continue;
                    }
                } else if self.evidence.due_in(self.clock.now()) == Some(Duration::ZERO) {
                    reading = Some(self.read());
                }
            }
            let due = self
                .evidence
                .due_in(self.clock.now())
                .filter(|_| reading.is_none());
            tokio::select! {
                biased;
                () = &mut stop, if !self.run.is_stopped() => {
                    self.stop(Error::new(ErrorKind::Stopped, "the caller stopped the run"));
                }
                read = async { reading.as_mut().expect("checked").await }, if reading.is_some() => {
                    reading = None;
                    self.apply_read(read);
                }
                Some((work, result)) = writes.next(), if !writes.is_empty() => {
                    self.apply_write(work, result);
                }
                () = self.clock.sleep(due.unwrap_or_default()), if due.is_some() => {}
                Ok(()) = waiting.changed() => {}
            }
            let until = *waiting.borrow_and_update();
            progress(AssignProgress::new(self.ledger, self.run.sent(), until));
        }
    }

    /// Sends nothing new. The first cause is kept.
    fn stop(&mut self, cause: Error) {
        self.cause.get_or_insert(cause);
        self.run.stop();
    }

    /// Moves to the next phase, once nothing is in flight or ambiguous.
    fn next_phase(&mut self) -> Phase {
        let recent = || {
            let now = self.clock.now();
            self.listed_at
                .is_some_and(|at| now.saturating_sub(at) < RECENT)
        };
        let searches = self.queue.is_searching() && !self.run.is_stopped();
        self.phase = match self.phase {
            Phase::Chunks if searches && recent() => Phase::Search,
            Phase::Chunks if searches => Phase::Narrowing,
            Phase::Opening | Phase::Chunks | Phase::Narrowing | Phase::Search
                if self.ledger.has_rejections() =>
            {
                Phase::Closing
            }
            _ => Phase::Closed,
        };
        self.phase
    }

    fn next_write(&mut self, in_flight: usize) -> Option<Work> {
        if self.run.is_stopped() {
            return None;
        }
        if let Some(chunk) = self.queue.next_chunk(self.ledger) {
            return Some(chunk);
        }
        let searching = self.phase == Phase::Search;
        if !self.queue.has_extra(searching) {
            return None;
        }
        // One request stays for a read: without it, nothing ambiguous is resolved and no rejection is final.
        let affordable = self.run.remaining() > in_flight as u64 + 1;
        if affordable && self.queue.extra_writes() < self.settings.extra_writes {
            return self.queue.next_extra(searching);
        }
        // The requests in flight may settle the rest.
        if in_flight == 0 {
            self.stop(if affordable {
                self.too_many_extra_writes()
            } else {
                self.run
                    .limit_reached("the last one is kept to read the pack back")
            });
        }
        None
    }

    fn too_many_extra_writes(&self) -> Error {
        let message = format!(
            "the run sent {} requests beyond one per chunk to find the users that the API rejects, which is the limit: \
             check that the list holds user ids, then run it again, or set `max_requests`",
            self.queue.extra_writes()
        );
        Error::new(ErrorKind::RunLimit, message)
    }

    fn write(&self, work: Work) -> BoxFuture<'a, (Work, Result<(), Error>)> {
        let (api, clock, settings, run) = (self.api, self.clock, self.settings, self.run);
        let users = self.ledger.ids(&work.positions);
        async move {
            let call = || api.assign(&users);
            let result = retry(&settings.retry, clock, Effect::Write, run, call).await;
            (work, result)
        }
        .boxed()
    }

    fn apply_write(&mut self, work: Work, result: Result<(), Error>) {
        let Err(error) = result else {
            tracing::debug!(users = work.positions.len(), "assigned");
            self.assigned(&work.positions);
            let rejected = self.queue.accepted(work);
            return self.reject(rejected);
        };
        if error.executed() == Executed::Maybe {
            tracing::warn!(%error, users = work.positions.len(), "ambiguous request: the pack is read back");
            self.ledger.mark_ambiguous(&work.positions);
            let users = work.positions.clone();
            self.evidence.add(work, users, error, self.clock.now());
        } else if error.kind() == ErrorKind::Validation {
            self.refused(work, error);
        } else {
            self.queue.put_back(work);
            self.stop(error);
        }
    }

    fn assigned(&mut self, positions: &[u32]) {
        self.failures = 0;
        self.evidence.confirmed(positions, self.clock.now());
        for position in positions {
            self.ledger.set(*position, Outcome::Assigned);
        }
    }

    fn refused(&mut self, work: Work, error: Error) {
        self.failures = 0;
        let users = self.ledger.ids(&work.positions);
        let refusal = refusal::read(error.refusal(), &users, &work.positions);
        let reason = error
            .detail()
            .or(error.body())
            .unwrap_or("the API gave no reason");
        let reason = Rejection::new(reason);
        let own_reasons = refusal
            .reasons
            .into_iter()
            .map(|(position, own)| (position, own.map_or_else(|| reason.clone(), Rejection::new)));
        let own_reasons: Rejected = own_reasons.collect();
        if self.settings.all_or_nothing {
            self.reject(own_reasons);
            // Whatever else ended the run, this is why no user is assigned.
            self.cause = Some(error.clone());
            return self.stop(error);
        }
        let rejected = self.queue.refused(work, reason, refusal.named);
        self.reject(rejected);
        self.reject(own_reasons);
    }

    /// Rejects users, until the closing read confirms it.
    fn reject(&mut self, rejected: Rejected) {
        for (position, reason) in rejected {
            self.ledger.set(position, Outcome::Rejected(reason));
        }
    }

    fn read(&mut self) -> BoxFuture<'a, Read> {
        let began = self.clock.now();
        self.evidence.read_begins(began);
        let (api, clock, settings, run) = (self.api, self.clock, self.settings, self.run);
        let phase = self.phase;
        async move {
            let never_stopped = Run::default();
            let once = || {
                retry(&settings.retry, clock, Effect::Read, &never_stopped, || {
                    api.list()
                })
            };
            let list = match phase {
                // What follows these would not be sent after a stop, so the reads end with it.
                Phase::Opening | Phase::Narrowing => run
                    .until_stopped(current_list(settings.settle, once))
                    .await
                    .and_then(|list| list),
                Phase::Closing => current_list(settings.settle, once).await,
                Phase::Chunks | Phase::Search | Phase::Closed => once().await,
            };
            Read { began, list }
        }
        .boxed()
    }

    fn apply_read(&mut self, read: Read) {
        let list = match read.list {
            Ok(list) => list,
            Err(error) => return self.read_failed(error),
        };
        let age = list.age.unwrap_or_default();
        self.listed_at = Some(read.began.saturating_sub(age));
        let mut on_list = vec![false; self.ledger.len()];
        let users = self.ledger.users();
        for position in list.users.into_iter().filter_map(|id| users.position(id)) {
            on_list[position as usize] = true;
        }
        if matches!(
            self.phase,
            Phase::Opening | Phase::Narrowing | Phase::Closing
        ) {
            self.evidence.forget_read();
        }
        self.phase = match self.phase {
            Phase::Opening => {
                self.mark_on_pack(&on_list);
                Phase::Chunks
            }
            Phase::Narrowing => {
                self.mark_on_pack(&on_list);
                self.queue.withdraw(&on_list);
                Phase::Search
            }
            Phase::Closing => {
                self.mark_on_pack(&on_list);
                Phase::Closed
            }
            phase @ (Phase::Chunks | Phase::Search | Phase::Closed) => {
                self.read_back(&on_list, age);
                phase
            }
        };
    }

    /// Settles the users that a list shows and that have no outcome, or a rejection that is not final.
    fn mark_on_pack(&mut self, on_list: &[bool]) {
        for position in (0..)
            .zip(on_list)
            .filter_map(|(position, on_list)| on_list.then_some(position))
        {
            if matches!(
                self.ledger.outcome(position),
                Outcome::NotAssigned | Outcome::Rejected(_) | Outcome::Unknown
            ) {
                self.ledger.set_on_pack(position);
            }
        }
    }

    fn read_failed(&mut self, error: Error) {
        let due = self.evidence.read_failed();
        match self.phase {
            Phase::Opening | Phase::Narrowing => {}
            Phase::Closing => self.ledger.undo_rejections(),
            Phase::Chunks | Phase::Search | Phase::Closed => {
                for request in due {
                    self.unknown(request.work, None);
                }
            }
        }
        if matches!(self.phase, Phase::Closing) {
            self.phase = Phase::Closed;
        } else if matches!(self.phase, Phase::Opening) {
            self.phase = Phase::Chunks;
        }
        self.stop(error);
    }

    fn read_back(&mut self, on_list: &[bool], age: Duration) {
        let list = Shown {
            on_list,
            age,
            ended: self.clock.now(),
        };
        for (request, proof) in self.evidence.judge(list, self.ledger.on_pack()) {
            tracing::info!(users = request.work.positions.len(), ?proof, "read back");
            match proof {
                Proof::Executed => {
                    // Another program may have assigned them, and a server that rejects users on the pack may have rejected
                    // these. So the search learns nothing from it.
                    self.assigned(&request.work.positions);
                    self.queue.abandon(request.work);
                }
                Proof::NotExecuted if self.settings.resend_in_doubt => self.not_executed(request),
                Proof::NotExecuted | Proof::GivenUp => self.give_up(request, on_list),
            }
        }
    }

    /// Sends a request again that was proven not executed, unless it failed too often.
    fn not_executed(&mut self, request: Ambiguous<Work>) {
        let mut work = request.work;
        work.failures += 1;
        if work.failures < self.settings.retry.attempts() {
            return self.queue.resend(work);
        }
        self.cause.get_or_insert(request.error);
        self.queue.abandon(work);
        self.failures += 1;
        if self.failures >= MOST_FAILURES {
            self.run.stop();
        }
    }

    fn give_up(&mut self, request: Ambiguous<Work>, on_list: &[bool]) {
        let message = format!(
            "reading the pack did not show whether a request was executed: {}",
            request.error
        );
        self.cause
            .get_or_insert(Error::new(ErrorKind::Ambiguous, message));
        self.unknown(request.work, Some(on_list));
    }

    /// Sends nothing more for these users. Users that a list shows are on the pack.
    fn unknown(&mut self, work: Work, on_list: Option<&[bool]>) {
        for position in &work.positions {
            if on_list.is_some_and(|on_list| on_list[*position as usize]) {
                self.ledger.set_on_pack(*position);
            } else {
                self.ledger.set(*position, Outcome::Unknown);
            }
        }
        self.queue.abandon(work);
    }
}
