//! [`AssignProgress`]: how far a run is.

use super::ledger::Ledger;
use std::time::SystemTime;

/// How far a run is. [`Assign::on_progress`](super::Assign::on_progress) receives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AssignProgress {
    /// The unique users of the list.
    pub total: u64,
    /// The users with an outcome. It falls when a request turns out to be ambiguous.
    pub settled: u64,
    /// The requests sent so far.
    pub requests: u64,
    /// What the run waits for at present, if it waits.
    pub waiting: Option<Waiting>,
}

/// What a run waits for before it sends its next request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Waiting {
    /// For the account's rate limit.
    RateLimit {
        /// When the wait ends, by the server's clock.
        until: SystemTime,
    },
    /// For an earlier run on the same pack, through a clone of the same client.
    OtherRun,
}

impl AssignProgress {
    pub(super) fn new(ledger: &Ledger, requests: u64, waiting: Option<Waiting>) -> Self {
        Self {
            total: ledger.len() as u64,
            settled: ledger.settled,
            requests,
            waiting,
        }
    }
}
