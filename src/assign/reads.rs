//! The engine's reads of the pack: what they prove, what they make final, and what their failure leaves open.

use super::engine::{Api, Engine, Phase, Work};
use crate::assign::doubt::{Doubt, Shown, Verdict};
use crate::error::{Error, ErrorKind};
use crate::halt::Halt;
use crate::id::UserId;
use crate::ledger::Outcome;
use crate::retry::{Effect, retry};
use futures_util::future::{BoxFuture, FutureExt};
use std::collections::HashSet;
use std::time::Duration;

/// So many requests in a row that failed for good end the run: the server is down.
const MOST_FAILURES: u32 = 3;

impl<'a, A: Api> Engine<'a, A> {
    /// How long until the first doubt may be read back.
    pub(super) fn due_in(&self) -> Option<Duration> {
        let due = self.doubts.iter().map(|doubt| doubt.due).min()?;
        Some(due.saturating_sub(self.clock.now()))
    }

    /// With nothing in flight and nothing in doubt: whether the next phase begins with a read.
    pub(super) fn wants_read(&mut self) -> bool {
        if self.phase == Phase::Chunks && !self.halt.is_set() && !self.search.is_done() {
            self.phase = Phase::Narrowing;
            return true;
        }
        let closing = self.rejected && self.phase != Phase::Closed;
        self.phase = if closing {
            Phase::Closing
        } else {
            Phase::Closed
        };
        closing
    }

    pub(super) fn read(&mut self) -> BoxFuture<'a, (Duration, Result<Vec<UserId>, Error>)> {
        self.since_read = Some(HashSet::new());
        self.confirmed_at_read = self.confirmed_at;
        let (api, clock, terms, halt) = (self.api, self.clock, self.terms, self.halt);
        // What follows these would not be started any more; a read-back and the closing read go on.
        let may_stop = matches!(self.phase, Phase::Opening | Phase::Narrowing);
        async move {
            let began = clock.now();
            let call = || api.list();
            let going_on = Halt::default();
            let read = retry(&terms.retry, clock, Effect::Read, &going_on, call);
            let list = if may_stop {
                halt.unless(read).await.and_then(|list| list)
            } else {
                read.await
            };
            (began, list)
        }
        .boxed()
    }

    pub(super) fn listed(&mut self, began: Duration, list: Result<Vec<UserId>, Error>) {
        let since_read = self.since_read.take().unwrap_or_default();
        let list = match list {
            Ok(list) => list,
            Err(error) => return self.unreadable(began, error),
        };
        let mut shown = vec![false; self.ledger.len()];
        for position in list.into_iter().filter_map(|id| self.ledger.position(id)) {
            shown[position as usize] = true;
        }
        match self.phase {
            Phase::Chunks | Phase::Search | Phase::Closed => {
                self.read_back(began, &shown, &since_read)
            }
            Phase::Opening | Phase::Narrowing | Phase::Closing => {
                for position in (0..)
                    .zip(&shown)
                    .filter_map(|(position, shown)| shown.then_some(position))
                {
                    if matches!(
                        self.ledger.outcome(position),
                        Outcome::NotAssigned | Outcome::Rejected(_) | Outcome::Unknown
                    ) {
                        self.ledger.found(position);
                    }
                }
                if self.phase == Phase::Narrowing {
                    self.search.withdraw(|position| shown[position as usize]);
                }
                self.phase = self.phase.next();
            }
        }
    }

    fn unreadable(&mut self, began: Duration, error: Error) {
        match self.phase {
            Phase::Chunks | Phase::Search | Phase::Closed => {
                for doubt in self.take_doubts(began) {
                    self.unknown(doubt.work, None);
                }
            }
            Phase::Closing => {
                for position in 0..u32::try_from(self.ledger.len()).unwrap_or(u32::MAX) {
                    if matches!(self.ledger.outcome(position), Outcome::Rejected(_)) {
                        self.ledger.set(position, Outcome::Unknown);
                    }
                }
            }
            Phase::Opening | Phase::Narrowing => {}
        }
        self.phase = self.phase.next();
        self.halt(error);
    }

    /// The doubts of which a read that began at `began` may prove something.
    fn take_doubts(&mut self, began: Duration) -> Vec<Doubt<Work>> {
        self.doubts
            .extract_if(.., |doubt| doubt.due <= began)
            .collect()
    }

    fn read_back(&mut self, began: Duration, shown: &[bool], since_read: &HashSet<u32>) {
        let confirmed =
            |outcome: &Outcome| matches!(outcome, Outcome::Assigned | Outcome::AlreadyAssigned);
        let complete = (0..).zip(self.ledger.outcomes()).zip(shown).all(
            |((position, (_, outcome)), shown)| {
                *shown || !confirmed(outcome) || since_read.contains(&position)
            },
        );
        let ended = self.clock.now();
        for mut doubt in self.take_doubts(began) {
            let found = doubt
                .work
                .positions
                .iter()
                .filter(|position| shown[**position as usize])
                .count();
            let fresh = self
                .confirmed_at_read
                .is_some_and(|at| at >= doubt.given_up);
            let verdict = doubt.judge(
                began,
                ended,
                self.terms.settle,
                Shown {
                    found,
                    complete,
                    fresh,
                },
            );
            match verdict {
                Verdict::Executed => self.there(doubt.work),
                _ if !self.terms.resend_in_doubt => self.give_up(doubt, shown),
                Verdict::NotExecuted => self.not_executed(doubt),
                Verdict::Open => self.doubts.push(doubt),
                Verdict::GivenUp => self.give_up(doubt, shown),
            }
        }
    }

    /// They are on the pack. That is no answer, though: somebody else may have put them there, and a server
    /// that refuses who is there may have refused them for it, so nobody else is suspected because of it.
    fn there(&mut self, work: Work) {
        self.assigned(&work.positions);
        if let Some(group) = work.group {
            self.search.abandon(group);
        }
    }

    /// Proven: it may be sent again, within the limits.
    fn not_executed(&mut self, doubt: Doubt<Work>) {
        let mut work = doubt.work;
        work.failures += 1;
        if work.failures < self.terms.retry.attempts() {
            self.again.push_back(work);
            return;
        }
        self.cause.get_or_insert(doubt.error);
        if let Some(group) = work.group {
            self.search.abandon(group);
        }
        self.failures += 1;
        if self.failures >= MOST_FAILURES {
            self.halt.set();
        }
    }

    fn give_up(&mut self, doubt: Doubt<Work>, shown: &[bool]) {
        let message = format!(
            "reading the pack did not prove whether a request was executed; it failed with: {}",
            doubt.error
        );
        self.cause
            .get_or_insert(Error::new(ErrorKind::InDoubt, message).with_source(doubt.error));
        self.unknown(doubt.work, Some(shown));
    }

    /// Nothing more is sent for them. Whoever a list shows is on the pack all the same.
    fn unknown(&mut self, work: Work, shown: Option<&[bool]>) {
        for position in work.positions {
            if shown.is_some_and(|shown| shown[position as usize]) {
                self.ledger.found(position);
            } else {
                self.ledger.set(position, Outcome::Unknown);
            }
        }
        if let Some(group) = work.group {
            self.search.abandon(group);
        }
    }
}
