//! [`Run`] holds the request limit, the reserve and the stop signal of one run.

use crate::error::{Error, ErrorKind};
use crate::rate_limit::Reserve;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// What a request does on the server. The rate limit and the retry policy treat reads, writes and token requests
/// differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// A request that reads a list and is safe to repeat.
    Read,
    /// A request that assigns users and is not safe to repeat, because users could be assigned twice.
    Write,
    /// A request for an access token, which is safe to repeat.
    Token,
}

/// The state that all requests of one run share. The default run has no request limit and no reserve, and is never
/// stopped.
#[derive(Debug, Default)]
pub(crate) struct Run {
    sent: AtomicU64,
    max_requests: Option<u64>,
    pub(super) reserve: Reserve,
    stop: CancellationToken,
    waiting_until: watch::Sender<Option<SystemTime>>,
}

impl Run {
    /// Creates a run with a request limit. Reads, writes and token requests all use up the limit.
    pub(crate) fn new(max_requests: Option<u64>, reserve: Reserve) -> Self {
        Self {
            max_requests,
            reserve,
            ..Self::default()
        }
    }

    /// Counts one request.
    ///
    /// # Errors
    /// Fails without counting the request if the run has reached its limit.
    pub(crate) fn take(&self) -> Result<(), Error> {
        let next = |sent| (sent < self.limit()).then(|| sent + 1);
        match self
            .sent
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, next)
        {
            Ok(_) => Ok(()),
            Err(_) => Err(self.limit_reached("all are spent")),
        }
    }

    /// Reverts [`take`](Self::take) for a request that was never sent.
    pub(crate) fn give_back(&self) {
        self.sent.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    pub(crate) fn remaining(&self) -> u64 {
        self.limit() - self.sent()
    }

    fn limit(&self) -> u64 {
        self.max_requests.unwrap_or(u64::MAX)
    }

    /// Returns the error for a run that has reached its limit. `state` is the part of the error message that says why
    /// the run sends no more requests.
    pub(crate) fn limit_reached(&self, state: &str) -> Error {
        let message = format!(
            "the run may send {} requests, and {state}: run it again with a higher limit",
            self.limit()
        );
        Error::new(ErrorKind::RunLimit, message)
    }

    /// Cancels every request of the run that has not been sent.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Awaits `future`, but fails as soon as the run is stopped. If the run is already stopped, `future` is never
    /// polled.
    pub(crate) async fn until_stopped<T>(
        &self,
        future: impl Future<Output = T>,
    ) -> Result<T, Error> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(Error::new(
                ErrorKind::Stopped,
                "the run was stopped before the request was sent",
            )),
            value = future => Ok(value),
        }
    }

    /// Publishes the time until which the run waits for the rate limit, or `None` if the run is not waiting.
    pub(crate) fn set_waiting(&self, until: Option<SystemTime>) {
        self.waiting_until.send_if_modified(|waiting| {
            let changed = *waiting != until;
            *waiting = until;
            changed
        });
    }

    /// Subscribes to the time until which the run waits for the rate limit.
    pub(crate) fn waiting(&self) -> watch::Receiver<Option<SystemTime>> {
        self.waiting_until.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[test]
    fn counts_no_more_than_the_limit() {
        let run = Run::new(Some(2), Reserve::default());
        assert!(run.take().is_ok() && run.take().is_ok());
        assert_eq!(run.take().unwrap_err().kind(), ErrorKind::RunLimit);
        run.give_back();
        assert_eq!((run.sent(), run.remaining()), (1, 1));
        assert!(run.take().is_ok());
    }

    #[test]
    fn a_stop_wins_over_a_ready_future() {
        let run = Run::default();
        let ready = || std::future::ready(());
        assert!(run.until_stopped(ready()).now_or_never().unwrap().is_ok());
        run.stop();
        let error = run.until_stopped(ready()).now_or_never().unwrap();
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Stopped);
    }
}
