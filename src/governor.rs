//! Lets requests through one by one, as the account's limits allow; shared by all clones of a client.

use crate::clock::Clock;
use crate::error::{Error, ErrorKind};
use crate::rate_limit::{Decision, Quota, RateLimit, Reserve, Share, Ticket};
use http::HeaderMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::sync::Notify;

/// The limits, the queue before them, and the clock.
pub(crate) struct Governor {
    limits: Mutex<RateLimit>,
    /// First come, first served: the request at the head waits, the others wait for it. Those with a
    /// reserve step aside.
    queue: tokio::sync::Mutex<()>,
    changed: Notify,
    clock: Arc<dyn Clock>,
    longest_wait: Duration,
}

/// Leave to send one request. What becomes of it must be told; dropping says that no answer came.
pub(crate) struct Permit<'a> {
    governor: &'a Governor,
    ticket: Option<Ticket>,
}

impl fmt::Debug for Governor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Governor").finish_non_exhaustive()
    }
}

impl Governor {
    /// No request waits longer than `longest_wait` for the limits.
    pub(crate) fn new(clock: Arc<dyn Clock>, longest_wait: Duration) -> Self {
        Self {
            limits: Mutex::default(),
            queue: tokio::sync::Mutex::new(()),
            changed: Notify::new(),
            clock,
            longest_wait,
        }
    }

    /// Waits until the limits allow a request. Cancel-safe: nothing is spent until it returns.
    ///
    /// # Errors
    /// The day's quota is spent, or the wait would be too long; both say until when.
    pub(crate) async fn acquire(&self, share: Share) -> Result<Permit<'_>, Error> {
        let start = self.clock.now();
        let mut turn = Some(self.queue.lock().await);
        loop {
            // Registered before the question, so that an answer in between wakes it.
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            let now = self.clock.now();
            let decision = self.limits().ask(now, share);
            match decision {
                Decision::Go(ticket) => {
                    return Ok(Permit {
                        governor: self,
                        ticket: Some(ticket),
                    });
                }
                Decision::AwaitAnswer => changed.await,
                Decision::Wait(duration) => {
                    if now.saturating_sub(start) + duration > self.longest_wait {
                        let retry_at = self.server_time() + duration;
                        let message = format!(
                            "the account's request limit is used up for {} s, longer than the {} s that a request may wait",
                            duration.as_secs_f64().ceil(),
                            self.longest_wait.as_secs()
                        );
                        return Err(Error::new(ErrorKind::RateLimited, message)
                            .with_retry(retry_at, duration));
                    }
                    // Who leaves requests to others does not keep them waiting behind itself.
                    if share.reserve != Reserve::default() {
                        turn = None;
                    }
                    tokio::select! {
                        () = self.clock.sleep(duration) => {}
                        () = changed => {}
                    }
                    if turn.is_none() {
                        turn = Some(self.queue.lock().await);
                    }
                }
                Decision::DaySpent { retry_at } => {
                    return Err(day_spent(retry_at, self.server_time()));
                }
            }
        }
    }

    /// The account's limits as last heard of.
    pub(crate) fn quota(&self) -> Option<Quota> {
        self.limits().quota(self.clock.now())
    }

    /// The time by the server's clock, or by ours before any answer.
    pub(crate) fn server_time(&self) -> SystemTime {
        self.limits()
            .server_time(self.clock.now())
            .unwrap_or_else(|| self.clock.wall())
    }

    fn limits(&self) -> MutexGuard<'_, RateLimit> {
        // The state is plain numbers: a panic elsewhere leaves nothing half done.
        self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn day_spent(retry_at: SystemTime, now: SystemTime) -> Error {
    // A server's clock may show any year; the formatter knows four digits.
    let known = retry_at < SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_800);
    let at = if known {
        httpdate::fmt_http_date(retry_at)
    } else {
        "an unknown time".to_owned()
    };
    let message = format!(
        "the account's requests of the day are spent (or reserved); they come back at {at}"
    );
    let after = retry_at.duration_since(now).unwrap_or_default();
    Error::new(ErrorKind::QuotaSpent, message).with_retry(retry_at, after)
}

impl Permit<'_> {
    /// An answer came. `refused`: it was over the limit, and not executed.
    pub(crate) fn answered(mut self, headers: &HeaderMap, refused: bool) {
        if let Some(ticket) = self.ticket.take() {
            let clock = &self.governor.clock;
            self.governor
                .limits()
                .answered(ticket, clock.now(), clock.wall(), headers, refused);
            self.governor.changed.notify_waiters();
        }
    }

    /// The request never reached the server.
    pub(crate) fn never_sent(mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.governor.limits().never_sent(ticket);
            self.governor.changed.notify_waiters();
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.governor
                .limits()
                .lost(ticket, self.governor.clock.now());
            self.governor.changed.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Sleep;
    use futures_util::FutureExt;
    use std::time::UNIX_EPOCH;

    /// Time that never passes.
    #[derive(Debug)]
    struct Still;

    impl Clock for Still {
        fn now(&self) -> Duration {
            Duration::ZERO
        }

        fn wall(&self) -> SystemTime {
            UNIX_EPOCH
        }

        fn sleep(&self, _: Duration) -> Sleep {
            Box::pin(std::future::pending())
        }
    }

    #[test]
    fn who_leaves_requests_to_others_does_not_stand_in_their_way() {
        let governor = Governor::new(Arc::new(Still), Duration::from_secs(600));
        let share = |requests| Share {
            reserve: Reserve::Requests(requests),
            keep_back: 0,
        };
        let mut headers = HeaderMap::new();
        for (name, value) in [("limit", 10_u64), ("remaining", 2), ("reset", 60)] {
            let name = format!("x-ratelimit-minute-{name}");
            headers.insert(http::HeaderName::try_from(name).unwrap(), value.into());
        }
        headers.insert("date", "Thu, 01 Jan 1970 00:00:00 GMT".parse().unwrap());
        governor
            .acquire(share(0))
            .now_or_never()
            .unwrap()
            .unwrap()
            .answered(&headers, false);

        let mut patient = std::pin::pin!(governor.acquire(share(2)));
        assert!(
            patient.as_mut().now_or_never().is_none(),
            "two are left, and two are for others"
        );
        let writer = governor.acquire(share(0)).now_or_never();
        assert!(writer.is_some_and(|permit| permit.is_ok()), "for this one");
    }
}
