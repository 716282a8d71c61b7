//! The word that nothing new is to be sent, heard by every request that still waits.

use crate::error::{Error, ErrorKind};
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Notify;

/// Set once, by the caller's stop or a cause that ends a run.
#[derive(Debug, Default)]
pub(crate) struct Halt {
    set: AtomicBool,
    word: Notify,
}

impl Halt {
    pub(crate) fn set(&self) {
        self.set.store(true, Ordering::Release);
        self.word.notify_waiters();
    }

    pub(crate) fn is_set(&self) -> bool {
        self.set.load(Ordering::Acquire)
    }

    /// Runs `wait`, unless the word comes first.
    pub(crate) async fn unless<T>(&self, wait: impl Future<Output = T>) -> Result<T, Error> {
        let mut word = std::pin::pin!(self.word.notified());
        word.as_mut().enable();
        if self.is_set() {
            return Err(stopped());
        }
        tokio::select! {
            biased;
            () = word => Err(stopped()),
            value = wait => Ok(value),
        }
    }
}

fn stopped() -> Error {
    Error::new(
        ErrorKind::Stopped,
        "the run was stopped before this was sent",
    )
}
