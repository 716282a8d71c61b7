//! What a run sends next: whole chunks first, then requests to send again, then groups of the search.

use super::ledger::Ledger;
use super::outcome::{Outcome, Rejection};
use crate::isolate::{Group, Search};
use std::collections::VecDeque;

/// One write.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) group: Group<Rejection>,
    /// How often it was sent and proven not executed.
    pub(super) failures: u32,
}

impl Work {
    pub(super) fn new(group: Group<Rejection>) -> Self {
        Self { group, failures: 0 }
    }

    /// Returns the positions of its users.
    pub(super) fn positions(&self) -> &[u32] {
        self.group.items()
    }
}

/// The work that is left.
pub(super) struct Queue {
    max_items: usize,
    /// The first position that is in no chunk yet.
    next: u32,
    /// Requests that were proven not executed.
    pub(super) resend: VecDeque<Work>,
    pub(super) search: Search<Rejection>,
    /// Writes beyond one per chunk.
    pub(super) extra_writes: u64,
}

impl Queue {
    /// A queue of requests with at most `max_items` users.
    pub(super) fn new(max_items: usize) -> Self {
        Self {
            max_items,
            next: 0,
            resend: VecDeque::new(),
            search: Search::new(max_items),
            extra_writes: 0,
        }
    }

    /// Returns the next whole chunk of users without an outcome.
    pub(super) fn next_chunk(&mut self, ledger: &Ledger) -> Option<Work> {
        let end = u32::try_from(ledger.len()).unwrap_or(u32::MAX);
        let mut positions = Vec::new();
        while self.next < end && positions.len() < self.max_items {
            if *ledger.outcome(self.next) == Outcome::NotAssigned {
                positions.push(self.next);
            }
            self.next += 1;
        }
        (!positions.is_empty()).then(|| Work::new(self.search.chunk(positions)))
    }

    /// Returns whether there may be a write beyond the chunks.
    pub(super) fn has_extra(&self, searching: bool) -> bool {
        !self.resend.is_empty() || (searching && !self.search.is_done())
    }

    /// Returns the next write beyond the chunks, and counts it.
    pub(super) fn next_extra(&mut self, searching: bool) -> Option<Work> {
        let mut work = self.resend.pop_front();
        if work.is_none() && searching {
            work = self.search.next_group().map(Work::new);
        }
        self.extra_writes += u64::from(work.is_some());
        work
    }
}
