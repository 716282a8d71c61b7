//! The bulk engine: whole chunks first, then the search for those that the API refuses, with every
//! doubtful request read back in between. Runs over [`Api`], so that a simulation drives it too.

use super::AssignProgress;
use super::doubt::Doubt;
use super::naming::named;
use crate::budget::Budget;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Executed};
use crate::halt::Halt;
use crate::id::UserId;
use crate::isolate::{Group, Naming, Search};
use crate::ledger::{Ledger, Outcome, Rejection};
use crate::retry::{Effect, RetryPolicy, retry};
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::collections::{HashSet, VecDeque};
use std::time::Duration;

/// What the engine asks of the API: one attempt each, paced and counted by whoever implements it.
pub(crate) trait Api: Sync {
    /// The users on the pack, one entry an assignment.
    fn list(&self) -> impl Future<Output = Result<Vec<UserId>, Error>> + Send;
    /// Assigns all of them or nobody. Sends nothing once the run's halt is set.
    fn assign(&self, users: &[UserId]) -> impl Future<Output = Result<(), Error>> + Send;
}

/// The terms of a run.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) max_items: usize,
    pub(crate) in_flight: usize,
    pub(crate) settle: Duration,
    pub(crate) resend_in_doubt: bool,
    pub(crate) all_or_nothing: bool,
    /// The most writes beyond one for each chunk.
    pub(crate) extra_writes: u64,
    pub(crate) retry: RetryPolicy,
}

/// One write: who is sent, and what for.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) positions: Vec<u32>,
    /// The group of the search that this is; a whole chunk otherwise.
    pub(super) group: Option<Group>,
    /// How often it was sent and proven not executed.
    pub(super) failures: u32,
}

/// What a run has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The first read. Nobody is sent before: running a list again resumes it.
    Opening,
    /// Every chunk goes out whole, once.
    Chunks,
    /// The read before the search: somebody else may have assigned some meanwhile.
    Narrowing,
    /// Groups of those in refused chunks.
    Search,
    /// The read that makes verdicts final: some servers refuse who is there already.
    Closing,
    Closed,
}

pub(crate) struct Engine<'a, A> {
    pub(super) api: &'a A,
    pub(super) clock: &'a dyn Clock,
    pub(super) terms: &'a Terms,
    pub(super) budget: &'a Budget,
    pub(super) halt: &'a Halt,
    pub(super) ledger: &'a mut Ledger,
    pub(super) phase: Phase,
    pub(super) search: Search<Rejection>,
    /// The next position of which no chunk was made.
    pub(super) cursor: u32,
    pub(super) again: VecDeque<Work>,
    pub(super) doubts: Vec<Doubt<Work>>,
    pub(super) extra_writes: u64,
    pub(super) failures: u32,
    pub(super) rejected: bool,
    /// When this run last had somebody confirmed: by now, and when the last read began.
    pub(super) confirmed_at: Option<Duration>,
    pub(super) confirmed_at_read: Option<Duration>,
    /// Those confirmed since the read under way began: it need not show them.
    pub(super) since_read: Option<HashSet<u32>>,
    pub(super) cause: Option<Error>,
}

impl<'a, A: Api> Engine<'a, A> {
    pub(crate) fn new(
        api: &'a A,
        clock: &'a dyn Clock,
        terms: &'a Terms,
        budget: &'a Budget,
        halt: &'a Halt,
        ledger: &'a mut Ledger,
    ) -> Self {
        Self {
            api,
            clock,
            terms,
            budget,
            halt,
            ledger,
            phase: Phase::Opening,
            search: Search::new(terms.max_items),
            cursor: 0,
            again: VecDeque::new(),
            doubts: Vec::new(),
            extra_writes: 0,
            failures: 0,
            rejected: false,
            confirmed_at: None,
            confirmed_at_read: None,
            since_read: None,
            cause: None,
        }
    }

    /// Runs to the end. Whoever is left open is so for the error returned.
    pub(crate) async fn run(
        mut self,
        stop: impl Future<Output = ()> + Send,
        progress: &mut (dyn FnMut(AssignProgress) + Send),
    ) -> Option<Error> {
        let mut stop = std::pin::pin!(stop);
        let mut writes = FuturesUnordered::new();
        let mut reading = Some(self.read());
        loop {
            while self.phase != Phase::Opening
                && writes.len() < self.terms.in_flight
                && let Some(work) = self.next_write(writes.len())
            {
                writes.push(self.write(work));
            }
            let quiet = writes.is_empty() && self.doubts.is_empty();
            if reading.is_none()
                && (self.due_in() == Some(Duration::ZERO) || (quiet && self.wants_read()))
            {
                reading = Some(self.read());
            }
            if reading.is_none() && quiet {
                return self.cause;
            }
            let due = self.due_in().filter(|_| reading.is_none());
            tokio::select! {
                biased;
                () = &mut stop, if !self.halt.is_set() => {
                    self.halt(Error::new(ErrorKind::Stopped, "the caller stopped the run"));
                }
                (began, list) = async { reading.as_mut().expect("checked").await }, if reading.is_some() => {
                    reading = None;
                    self.listed(began, list);
                }
                Some((work, result)) = writes.next(), if !writes.is_empty() => self.written(work, result),
                () = self.clock.sleep(due.unwrap_or_default()), if due.is_some() => {}
            }
            progress(AssignProgress::new(self.ledger, self.budget.sent()));
        }
    }

    /// Starts nothing new. The first cause stands.
    pub(super) fn halt(&mut self, cause: Error) {
        self.cause.get_or_insert(cause);
        self.halt.set();
    }

    fn next_write(&mut self, in_flight: usize) -> Option<Work> {
        if self.halt.is_set() {
            return None;
        }
        if let Some(positions) = self.next_chunk() {
            return Some(Work {
                positions,
                group: None,
                failures: 0,
            });
        }
        if self.again.is_empty() && (self.phase != Phase::Search || self.search.is_done()) {
            return None;
        }
        // A read must stay affordable: without it no doubt is settled and no verdict final.
        let affordable = self.budget.left() > in_flight as u64 + 1;
        if !affordable || self.extra_writes >= self.terms.extra_writes {
            // Those in flight may settle the rest.
            if in_flight > 0 {
                return None;
            }
            self.halt(if affordable {
                self.too_many_extra()
            } else {
                self.budget.kept_back()
            });
            return None;
        }
        let work = self.again.pop_front().or_else(|| {
            let group = self.search.next_group()?;
            Some(Work {
                positions: group.items().to_vec(),
                group: Some(group),
                failures: 0,
            })
        })?;
        self.extra_writes += 1;
        Some(work)
    }

    fn too_many_extra(&self) -> Error {
        let message = format!(
            "the run may send no further request: {} went beyond one for each chunk, to find those that the API \
             refuses; check that the list holds user ids, then run it again or allow more requests",
            self.extra_writes
        );
        Error::new(ErrorKind::RequestLimit, message)
    }

    fn next_chunk(&mut self) -> Option<Vec<u32>> {
        let end = u32::try_from(self.ledger.len()).unwrap_or(u32::MAX);
        let mut positions = Vec::new();
        while self.cursor < end && positions.len() < self.terms.max_items {
            if *self.ledger.outcome(self.cursor) == Outcome::NotAssigned {
                positions.push(self.cursor);
            }
            self.cursor += 1;
        }
        (!positions.is_empty()).then_some(positions)
    }

    fn write(&self, work: Work) -> BoxFuture<'a, (Work, Result<(), Error>)> {
        let (api, clock, terms, halt) = (self.api, self.clock, self.terms, self.halt);
        let users = self.ledger.ids(&work.positions);
        async move {
            let call = || api.assign(&users);
            let result = retry(&terms.retry, clock, Effect::Write, halt, call).await;
            (work, result)
        }
        .boxed()
    }

    fn written(&mut self, work: Work, result: Result<(), Error>) {
        let Err(error) = result else {
            return self.accepted(work);
        };
        if error.executed() == Executed::Maybe {
            self.ledger.doubt(&work.positions);
            let users = work.positions.len();
            self.doubts.push(Doubt::new(
                work,
                users,
                self.clock.now(),
                self.terms.settle,
                error,
            ));
        } else if error.kind() == ErrorKind::Validation {
            self.refused(work, error);
        } else {
            if let Some(group) = work.group {
                self.search.put_back(group);
            }
            self.halt(error);
        }
    }

    fn accepted(&mut self, work: Work) {
        self.assigned(&work.positions);
        match work.group {
            None => self.search.chunk_accepted(work.positions.len()),
            Some(group) => {
                let rejections = self.search.accepted(group);
                self.reject(
                    rejections
                        .into_iter()
                        .map(|rejection| (rejection.item, rejection.answer)),
                );
            }
        }
    }

    pub(super) fn assigned(&mut self, positions: &[u32]) {
        self.failures = 0;
        self.confirmed_at = Some(self.clock.now());
        for position in positions {
            self.ledger.set(*position, Outcome::Assigned);
            if let Some(since_read) = &mut self.since_read {
                since_read.insert(*position);
            }
        }
    }

    fn refused(&mut self, work: Work, error: Error) {
        self.failures = 0;
        let users = self.ledger.ids(&work.positions);
        let named = named(error.refusal(), &users);
        let answer = Rejection::new(
            error
                .detail()
                .or(error.body())
                .unwrap_or("refused without a reason"),
        );
        let position = |index: &usize| work.positions[*index];
        let naming = Naming {
            by_index: named
                .by_index
                .iter()
                .map(|(index, _)| position(index))
                .collect(),
            hinted: named.hinted.iter().map(position).collect(),
        };
        let verdicts: Vec<_> = named
            .by_index
            .iter()
            .map(|(index, words)| {
                (
                    position(index),
                    words
                        .as_deref()
                        .map_or_else(|| answer.clone(), Rejection::new),
                )
            })
            .collect();
        if self.terms.all_or_nothing {
            self.reject(verdicts);
            // Whatever else ended the run: this is why nobody is assigned.
            self.cause = Some(error.clone());
            return self.halt(error);
        }
        let rejections = match work.group {
            None => self.search.chunk_refused(work.positions, answer, naming),
            Some(group) => self.search.refused(group, answer, naming),
        };
        self.reject(
            rejections
                .into_iter()
                .map(|rejection| (rejection.item, rejection.answer)),
        );
        // The words for each, where the answer has them.
        self.reject(verdicts);
    }

    /// Provisional until the closing read.
    fn reject(&mut self, rejections: impl IntoIterator<Item = (u32, Rejection)>) {
        for (position, why) in rejections {
            self.rejected = true;
            self.ledger.set(position, Outcome::Rejected(why));
        }
    }
}

impl Phase {
    /// What follows when the phase's read is done.
    pub(super) fn next(self) -> Self {
        match self {
            Self::Opening => Self::Chunks,
            Self::Narrowing => Self::Search,
            Self::Closing => Self::Closed,
            other => other,
        }
    }
}
