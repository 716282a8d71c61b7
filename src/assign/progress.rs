//! [`AssignProgress`]: the progress of a run.

use super::ledger::Ledger;
use std::time::SystemTime;

/// The progress of a run. This value is passed to the callback that was set with
/// [`Assign::on_progress`](super::Assign::on_progress).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AssignProgress {
    /// The number of unique users in the list.
    pub total: u64,
    /// The number of users with an outcome so far.
    pub settled: u64,
    /// The number of requests sent so far.
    pub requests: u64,
    /// What the run is waiting for, or `None` if the run is not waiting.
    pub waiting: Option<Waiting>,
}

/// The callback that was set with [`Assign::on_progress`](super::Assign::on_progress).
pub(super) type OnProgress = Box<dyn FnMut(AssignProgress) + Send>;

/// What a run waits for before it sends its next request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Waiting {
    /// The run waits for the account's rate limit.
    RateLimit {
        /// The time at which the wait ends, according to the server's clock.
        until: SystemTime,
    },
    /// The run waits for an earlier run that uses the same pack and a clone of the same client.
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
