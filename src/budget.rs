//! How many requests a run may send, and how many it did.

use crate::error::{Error, ErrorKind};
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts every request of a run, reads, writes and tokens alike, and limits them.
#[derive(Debug)]
pub(crate) struct Budget {
    sent: AtomicU64,
    most: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(None)
    }
}

impl Budget {
    /// A budget of `most` requests; without a limit where none is given.
    pub(crate) fn new(most: Option<u64>) -> Self {
        Self {
            sent: AtomicU64::new(0),
            most: most.unwrap_or(u64::MAX),
        }
    }

    /// Takes one request, or says that none is left.
    pub(crate) fn take(&self) -> Result<(), Error> {
        let step = |sent| (sent < self.most).then(|| sent + 1);
        let taken = self
            .sent
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, step);
        taken.map(drop).map_err(|_| self.spent())
    }

    /// Says that none is left, without taking one: nobody should wait for leave to send nothing.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.left() == 0 {
            Err(self.spent())
        } else {
            Ok(())
        }
    }

    fn spent(&self) -> Error {
        let message = format!(
            "the run may send {} requests, and all are spent: run it again with more",
            self.most
        );
        Error::new(ErrorKind::RequestLimit, message)
    }

    /// Says that what is left is kept for a read-back.
    pub(crate) fn kept_back(&self) -> Error {
        let message = format!(
            "the run may send {} requests, and the last is kept to read the pack back: run it again with more",
            self.most
        );
        Error::new(ErrorKind::RequestLimit, message)
    }

    /// The requests sent so far.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// The requests that may still be sent.
    pub(crate) fn left(&self) -> u64 {
        self.most - self.sent()
    }
}
