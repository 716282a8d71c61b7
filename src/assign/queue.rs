//! What a run sends next: whole chunks first, then requests to send again, then groups of the search.

use super::ledger::Ledger;
use super::outcome::{Outcome, Rejection};
use crate::isolate::{Group, Named, Search};
use std::collections::VecDeque;

/// One write: the users to send, and why.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) positions: Vec<u32>,
    /// The group of the search; `None` for a whole chunk.
    group: Option<Group>,
    /// How often it was sent and proven not executed.
    pub(super) failures: u32,
}

impl Work {
    fn new(positions: Vec<u32>, group: Option<Group>) -> Self {
        Self {
            positions,
            group,
            failures: 0,
        }
    }
}

/// Users that were just rejected, with the reason.
pub(super) type Rejected = Vec<(u32, Rejection)>;

/// The work that is left.
pub(super) struct Queue {
    max_items: usize,
    /// The first position that is in no chunk yet.
    next: u32,
    resend: VecDeque<Work>,
    search: Search<Rejection>,
    /// Writes beyond one per chunk.
    extra_writes: u64,
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
        (!positions.is_empty()).then(|| Work::new(positions, None))
    }

    /// Returns whether there may be a write beyond the chunks.
    pub(super) fn has_extra(&self, searching: bool) -> bool {
        !self.resend.is_empty() || (searching && self.is_searching())
    }

    /// Returns the next write beyond the chunks, and counts it.
    pub(super) fn next_extra(&mut self, searching: bool) -> Option<Work> {
        let work = self.resend.pop_front().or_else(|| {
            let group = if searching {
                self.search.next_group()
            } else {
                None
            }?;
            Some(Work::new(group.items().to_vec(), Some(group)))
        })?;
        self.extra_writes += 1;
        Some(work)
    }

    pub(super) fn extra_writes(&self) -> u64 {
        self.extra_writes
    }

    /// Returns whether refused chunks hold undecided users.
    pub(super) fn is_searching(&self) -> bool {
        !self.search.is_done()
    }

    /// Queues a request that was proven not executed.
    pub(super) fn resend(&mut self, work: Work) {
        self.resend.push_back(work);
    }

    /// Learns that a request was accepted. Returns the users that this rejects.
    pub(super) fn accepted(&mut self, work: Work) -> Rejected {
        match work.group {
            None => {
                self.search.chunk_accepted(work.positions.len());
                Vec::new()
            }
            Some(group) => self.search.accepted(group),
        }
    }

    /// Learns that a request was refused. Returns the users that this rejects.
    pub(super) fn refused(&mut self, work: Work, reason: Rejection, named: Named) -> Rejected {
        match work.group {
            None => self.search.chunk_refused(work.positions, reason, named),
            Some(group) => self.search.refused(group, reason, named),
        }
    }

    /// Learns that a request was not executed and is not sent again now.
    pub(super) fn put_back(&mut self, work: Work) {
        if let Some(group) = work.group {
            self.search.put_back(group);
        }
    }

    /// Removes the users of a request from the search. They get no verdict from it.
    pub(super) fn abandon(&mut self, work: Work) {
        if let Some(group) = work.group {
            self.search.abandon(group);
        }
    }

    /// Removes users from the search that a list shows.
    pub(super) fn withdraw(&mut self, on_list: &[bool]) {
        self.search.withdraw(|position| on_list[position as usize]);
    }
}
