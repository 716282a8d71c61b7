//! [`State`]: chooses the next write of a run, and updates the outcomes of users after each result.
//!
//! This module does no I/O. The engine passes the results of requests and the current time to the methods of [`State`].

use super::api::List;
use super::evidence::{Ambiguous, Evidence, Proof, Shown};
use super::ledger::Ledger;
use super::outcome::{Outcome, Rejection};
use super::refusal;
use super::settings::Settings;
use super::work::Work;
use crate::error::{Error, ErrorKind, Executed};
use crate::isolate::Search;
use crate::request::Run;
use std::collections::VecDeque;
use std::time::Duration;

/// The run ends after this number of consecutive failed requests, because the server is probably down. A request has
/// failed if all of its attempts failed.
const MOST_FAILURES: u32 = 3;

pub(super) struct State<'a> {
    pub(super) settings: &'a Settings,
    pub(super) run: &'a Run,
    pub(super) ledger: &'a mut Ledger,
    pub(super) evidence: Evidence,
    /// The first error that left users unresolved.
    pub(super) cause: Option<Error>,
    /// The position of the first user that is not part of a chunk yet.
    next: u32,
    /// Writes that were not executed and must be sent again.
    resend: VecDeque<Work>,
    search: Search<Rejection>,
    /// The number of writes sent so far in addition to one write per chunk.
    extra_writes: u64,
    /// The number of consecutive requests that failed on every attempt.
    failures: u32,
}

impl<'a> State<'a> {
    pub(super) fn new(settings: &'a Settings, run: &'a Run, ledger: &'a mut Ledger) -> Self {
        Self {
            settings,
            run,
            ledger,
            next: 0,
            resend: VecDeque::new(),
            search: Search::new(settings.max_items),
            extra_writes: 0,
            evidence: Evidence::new(settings.settle),
            failures: 0,
            cause: None,
        }
    }

    /// Returns true if the search for rejected users has undecided users and the run is not stopped.
    pub(super) fn is_searching(&self) -> bool {
        !self.search.is_done() && !self.run.is_stopped()
    }

    /// Prevents new writes. Records `cause` as the error of the run, unless an earlier error is already recorded.
    pub(super) fn stop(&mut self, cause: Error) {
        self.cause.get_or_insert(cause);
        self.run.stop();
    }

    /// Returns the next write. Chunks come first, then writes to resend and, if `searching` is true, groups of the
    /// search.
    pub(super) fn next_write(&mut self, in_flight: usize, searching: bool) -> Option<Work> {
        if self.run.is_stopped() {
            return None;
        }
        if let Some(chunk) = self.next_chunk() {
            return Some(chunk);
        }
        if self.resend.is_empty() && (!searching || self.search.is_done()) {
            return None;
        }
        // One request is reserved for a read that resolves ambiguous requests and makes rejections final.
        let affordable = self.run.remaining() > in_flight as u64 + 1;
        if affordable && self.extra_writes < self.settings.extra_writes {
            let resend = self.resend.pop_front();
            let work = resend.or_else(|| self.search.next_group().map(Work::new));
            self.extra_writes += u64::from(work.is_some());
            return work;
        }
        // The run does not stop while requests are in flight, because their results may determine the outcomes of the
        // remaining users.
        if in_flight == 0 {
            let kept = "the last one is kept to read the pack back";
            self.stop(if affordable {
                self.too_many_extra_writes()
            } else {
                self.run.limit_reached(kept)
            });
        }
        None
    }

    /// Returns the next chunk, which contains only users that are `NotAssigned`.
    fn next_chunk(&mut self) -> Option<Work> {
        let end = u32::try_from(self.ledger.len()).unwrap_or(u32::MAX);
        let mut positions = Vec::new();
        while self.next < end && positions.len() < self.settings.max_items {
            if *self.ledger.outcome(self.next) == Outcome::NotAssigned {
                positions.push(self.next);
            }
            self.next += 1;
        }
        (!positions.is_empty()).then(|| Work::new(self.search.chunk(positions)))
    }

    fn too_many_extra_writes(&self) -> Error {
        let message = format!(
            "the run sent {} requests beyond one per chunk to find the users that the API rejects, which is the limit: \
             check that the list holds user ids, then run it again, or set `max_requests`",
            self.extra_writes
        );
        Error::new(ErrorKind::RunLimit, message)
    }

    /// Updates the state with the result of a write.
    pub(super) fn written(&mut self, work: Work, result: Result<(), Error>, now: Duration) {
        let users = work.positions().len();
        let Err(error) = result else {
            tracing::debug!(users, "assigned");
            self.assigned(work.positions(), now);
            let rejected = self.search.accepted(work.group);
            return self.reject(rejected);
        };
        if error.executed() == Executed::Maybe {
            tracing::warn!(%error, users, "ambiguous request: the pack is read back");
            self.ledger.ambiguous.extend(work.positions());
            self.evidence.add(work, error, now);
        } else if error.kind() == ErrorKind::Validation {
            self.refused(work, error);
        } else {
            self.stop(error);
        }
    }

    fn assigned(&mut self, positions: &[u32], now: Duration) {
        self.failures = 0;
        self.evidence.confirmed(positions, now);
        for position in positions {
            self.ledger.set(*position, Outcome::Assigned);
        }
    }

    fn refused(&mut self, work: Work, error: Error) {
        self.failures = 0;
        let users = self.ledger.ids(work.positions());
        let refusal = refusal::read(error.refusal(), &users, work.positions());
        let reason = error.detail().or(error.body());
        let reason = Rejection::new(reason.unwrap_or("the API gave no reason"));
        if self.settings.all_or_nothing {
            // The refusal replaces an earlier error, for example from a stop signal, because the refusal explains why
            // no user is assigned.
            self.cause = Some(error);
            self.run.stop();
        } else {
            let rejected = self
                .search
                .refused(work.group, reason.clone(), &refusal.named);
            self.reject(rejected);
        }
        let named = refusal.reasons.into_iter().map(|(position, own)| {
            let reason = own.map_or_else(|| reason.clone(), Rejection::new);
            (position, reason)
        });
        self.reject(named);
    }

    /// Marks users as rejected. A rejection is provisional until the last read of the run.
    fn reject(&mut self, rejected: impl IntoIterator<Item = (u32, Rejection)>) {
        for (position, reason) in rejected {
            self.ledger.set(position, Outcome::Rejected(reason));
        }
    }

    /// Marks all users in `list` as being on the pack, including users that the API rejected.
    pub(super) fn mark_on_pack(&mut self, list: &List) {
        let on_list = self.on_list(list);
        for (position, on_list) in (0..).zip(&on_list) {
            let outcome = self.ledger.outcome(position);
            if *on_list && !matches!(outcome, Outcome::Assigned | Outcome::AlreadyAssigned) {
                self.ledger.set_on_pack(position);
            }
        }
        self.search.withdraw(|position| on_list[position as usize]);
    }

    /// Returns one entry per user of the run, in order of position. An entry is true if `list` contains the user.
    fn on_list(&self, list: &List) -> Vec<bool> {
        let mut on_list = vec![false; self.ledger.len()];
        let users = &self.ledger.users;
        for position in list.users.iter().filter_map(|id| users.position(*id)) {
            on_list[position as usize] = true;
        }
        on_list
    }

    /// Uses a list of the pack to resolve ambiguous requests. Stops the run if the read failed.
    pub(super) fn read_back(&mut self, list: Result<List, Error>, now: Duration) {
        let list = match list {
            Ok(list) => list,
            Err(error) => {
                for request in self.evidence.read_failed() {
                    self.unknown(request.work, None);
                }
                return self.stop(error);
            }
        };
        let on_list = self.on_list(&list);
        let shown = Shown {
            on_list: &on_list,
            age: list.age.unwrap_or_default(),
            ended: now,
        };
        for (request, proof) in self.evidence.judge(shown, self.ledger.on_pack()) {
            tracing::info!(users = request.work.positions().len(), ?proof, "read back");
            match proof {
                Proof::Executed => {
                    // The list contains the users of the request, but another program may have assigned them.
                    // Therefore, the search must not treat the request as accepted.
                    self.assigned(request.work.positions(), now);
                    self.search.abandon(request.work.group);
                }
                Proof::NotExecuted if self.settings.resend_in_doubt => self.not_executed(request),
                Proof::NotExecuted | Proof::GivenUp => self.give_up(request, &on_list),
            }
        }
    }

    /// If the retry policy permits another attempt, queues the unexecuted request again.
    fn not_executed(&mut self, request: Ambiguous) {
        let mut work = request.work;
        work.failures += 1;
        if work.failures < self.settings.retry.attempts() {
            return self.resend.push_back(work);
        }
        self.cause.get_or_insert(request.error);
        self.search.abandon(work.group);
        self.failures += 1;
        if self.failures >= MOST_FAILURES {
            self.run.stop();
        }
    }

    fn give_up(&mut self, request: Ambiguous, on_list: &[bool]) {
        let message = format!(
            "reading the pack did not show whether a request was executed: {}",
            request.error
        );
        let cause = Error::new(ErrorKind::Ambiguous, message);
        self.cause.get_or_insert(cause);
        self.unknown(request.work, Some(on_list));
    }

    /// Sets the outcome of each user of a request that stays ambiguous. The outcome is `Unknown` unless `on_list` shows
    /// that the user is on the pack.
    fn unknown(&mut self, work: Work, on_list: Option<&[bool]>) {
        for position in work.positions() {
            if on_list.is_some_and(|on_list| on_list[*position as usize]) {
                self.ledger.set_on_pack(*position);
            } else {
                self.ledger.set(*position, Outcome::Unknown);
            }
        }
        self.search.abandon(work.group);
    }
}
