//! [`Governor`]: makes each request wait until the rate limit permits it. All clones of a client share one governor.

use super::run::{Effect, Run};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind};
use crate::rate_limit::{Decision, Quota, RateLimit, Received, Reserve, Share, Ticket};
use http::{HeaderMap, StatusCode};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::sync::Notify;

/// A wait for the rate limit that is longer than this is logged at INFO, a shorter wait at DEBUG.
const NOTABLE_WAIT: Duration = Duration::from_secs(1);

/// The rate limit, the queue in front of it, and the clock.
pub(crate) struct Governor {
    limits: Mutex<RateLimit>,
    /// Orders the requests: the first request waits for the rate limit. The others wait for this lock, first come,
    /// first served.
    queue: tokio::sync::Mutex<()>,
    changed: Notify,
    clock: Arc<dyn Clock>,
    longest_wait: Duration,
}

/// Permission to send one request. Its methods report the end of the request. Dropping the permit reports that no
/// response arrived.
pub(crate) struct Permit<'a> {
    governor: &'a Governor,
    ticket: Option<Ticket>,
}

/// Reports the end of a wait to the run, also if the waiting future is dropped.
struct Waiting<'a>(&'a Run);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.set_waiting(None);
    }
}

impl Governor {
    /// Creates a governor. A request that must wait longer than `longest_wait` for the rate limit fails.
    pub(crate) fn new(clock: Arc<dyn Clock>, longest_wait: Duration) -> Self {
        Self {
            limits: Mutex::default(),
            queue: tokio::sync::Mutex::new(()),
            changed: Notify::new(),
            clock,
            longest_wait,
        }
    }

    /// Waits until the rate limit permits a request, and counts the request in `run`. If the run is stopped, a write
    /// fails instead of waiting.
    ///
    /// # Errors
    /// The run has reached its limit, the day's quota is spent, or the wait would be too long. The last two errors hold
    /// the time at which a request is permitted again.
    ///
    /// # Cancel safety
    /// Dropping the future is safe: no request is counted before the future returns.
    pub(crate) async fn acquire(&self, effect: Effect, run: &Run) -> Result<Permit<'_>, Error> {
        // Without this check, the request would wait for the rate limit in vain.
        if run.remaining() == 0 {
            return Err(run.limit_reached("all are spent"));
        }
        let share = Share {
            // A token serves every run, so the reserve of this run does not apply to the request for it.
            reserve: match effect {
                Effect::Token => Reserve::default(),
                Effect::Read | Effect::Write => run.reserve,
            },
            // A read-back must always be affordable, so a write keeps one request of the day for it.
            keep_back: u64::from(effect == Effect::Write),
        };
        let permit = self.wait(share, run);
        let permit = match effect {
            Effect::Write => run.until_stopped(permit).await??,
            Effect::Read | Effect::Token => permit.await?,
        };
        match run.take() {
            Ok(()) => Ok(permit),
            Err(error) => {
                permit.never_sent();
                Err(error)
            }
        }
    }

    /// Waits until the rate limit permits a request. Reports the wait to `run`.
    async fn wait(&self, share: Share, run: &Run) -> Result<Permit<'_>, Error> {
        let start = self.clock.now();
        let mut turn = None;
        let mut waiting = None;
        let mut longest_logged = Duration::ZERO;
        loop {
            if turn.is_none() {
                turn = Some(self.queue.lock().await);
            }
            // Registered before the decision, so that a response that arrives after the decision wakes this request.
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
                Decision::AwaitResponse => changed.await,
                Decision::Wait(wait) => {
                    let until = self.server_time() + wait;
                    if now.saturating_sub(start) + wait > self.longest_wait {
                        return Err(self.too_long(wait, until));
                    }
                    // A response that arrives during a short wait may make the wait longer, so a longer wait is logged
                    // again.
                    if waiting.is_none() || wait > NOTABLE_WAIT.max(longest_logged) {
                        log_wait(wait);
                        longest_logged = wait;
                    }
                    waiting.get_or_insert_with(|| Waiting(run));
                    run.set_waiting(Some(until));
                    // A caller with a reserve releases the queue while it waits.
                    if share.reserve != Reserve::default() {
                        turn = None;
                    }
                    tokio::select! {
                        () = self.clock.sleep(wait) => {}
                        () = changed => {}
                    }
                }
                Decision::DaySpent { retry_at } => {
                    return Err(day_spent(retry_at, self.server_time()));
                }
            }
        }
    }

    /// Returns the requests that are left in each window, as far as responses reported them.
    pub(crate) fn quota(&self) -> Option<Quota> {
        self.limits().quota(self.clock.now())
    }

    /// Returns the time of the server's clock. Before the first response, returns the time of this machine.
    pub(crate) fn server_time(&self) -> SystemTime {
        self.limits()
            .server_time(self.clock.now())
            .unwrap_or_else(|| self.clock.wall())
    }

    fn limits(&self) -> MutexGuard<'_, RateLimit> {
        // A panic of another thread cannot leave the state inconsistent, because it is plain numbers.
        self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn too_long(&self, wait: Duration, until: SystemTime) -> Error {
        let message = format!(
            "the rate limit permits the next request in {} s, and a request may wait {} s: run it again then, or raise \
             `max_rate_limit_wait`",
            wait.as_secs_f64().ceil(),
            self.longest_wait.as_secs()
        );
        Error::new(ErrorKind::RateLimited, message).with_retry(until, wait)
    }
}

fn log_wait(wait: Duration) {
    let seconds = (wait.as_secs_f64() * 10.0).round() / 10.0;
    if wait > NOTABLE_WAIT {
        tracing::info!(seconds, "waiting for the rate limit");
    } else {
        tracing::debug!(seconds, "waiting for the rate limit");
    }
}

fn day_spent(retry_at: SystemTime, now: SystemTime) -> Error {
    // A server's clock may show any year. The formatter panics after the year 9999.
    let known = retry_at < SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_800);
    let at = if known {
        httpdate::fmt_http_date(retry_at)
    } else {
        "an unknown time".to_owned()
    };
    let message =
        format!("the account's requests of the day are spent or reserved: run it again after {at}");
    let after = retry_at.duration_since(now).unwrap_or_default();
    Error::new(ErrorKind::QuotaSpent, message).with_retry(retry_at, after)
}

impl Permit<'_> {
    /// Reports a response. `refused` means that the request was over the rate limit, so the API did not execute it.
    pub(crate) fn received(mut self, status: StatusCode, headers: &HeaderMap, refused: bool) {
        let received = Received {
            status,
            headers,
            refused,
            wall: self.governor.clock.wall(),
        };
        self.end(|limits, ticket, now| limits.received(ticket, now, received));
    }

    /// Reports that the request never reached the server.
    pub(crate) fn never_sent(mut self) {
        self.end(|limits, ticket, _| limits.never_sent(ticket));
    }

    fn end(&mut self, report: impl FnOnce(&mut RateLimit, Ticket, Duration)) {
        if let Some(ticket) = self.ticket.take() {
            let governor = self.governor;
            report(&mut governor.limits(), ticket, governor.clock.now());
            governor.changed.notify_waiters();
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.end(RateLimit::lost);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Sleep;
    use futures_util::FutureExt;
    use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
    use std::time::UNIX_EPOCH;

    /// A clock that only tests advance, in milliseconds.
    #[derive(Clone, Debug, Default)]
    struct Still(Arc<AtomicU64>);

    impl Clock for Still {
        fn now(&self) -> Duration {
            Duration::from_millis(self.0.load(Ordering::SeqCst))
        }

        fn wall(&self) -> SystemTime {
            UNIX_EPOCH
        }

        fn sleep(&self, _: Duration) -> Sleep {
            Box::pin(std::future::pending())
        }
    }

    #[test]
    fn a_caller_with_a_reserve_releases_the_queue_while_it_waits() {
        let governor = Governor::new(Arc::new(Still::default()), Duration::from_secs(600));
        let [first, patient, writer] =
            [0, 2, 0].map(|requests| Run::new(None, Reserve::Requests(requests)));
        let mut headers = HeaderMap::new();
        for (name, value) in [("limit", 10_u64), ("remaining", 2), ("reset", 60)] {
            let name = format!("x-ratelimit-minute-{name}");
            headers.insert(http::HeaderName::try_from(name).unwrap(), value.into());
        }
        headers.insert("date", "Thu, 01 Jan 1970 00:00:00 GMT".parse().unwrap());
        governor
            .acquire(Effect::Read, &first)
            .now_or_never()
            .unwrap()
            .unwrap()
            .received(StatusCode::OK, &headers, false);

        let mut waiting = std::pin::pin!(governor.acquire(Effect::Read, &patient));
        assert!(
            waiting.as_mut().now_or_never().is_none(),
            "two are left, and two are for others"
        );
        assert!(patient.waiting().borrow().is_some(), "the wait is reported");
        let writer = governor.acquire(Effect::Read, &writer).now_or_never();
        assert!(writer.is_some_and(|permit| permit.is_ok()), "for this one");
    }

    /// Counts log events at INFO.
    #[derive(Clone, Default)]
    struct Infos(Arc<AtomicUsize>);

    impl tracing::Subscriber for Infos {
        fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
            *metadata.level() == tracing::Level::INFO
        }

        fn event(&self, _: &tracing::Event<'_>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }

        fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::Id {
            tracing::Id::from_u64(1)
        }

        fn record(&self, _: &tracing::Id, _: &tracing::span::Record<'_>) {}
        fn record_follows_from(&self, _: &tracing::Id, _: &tracing::Id) {}
        fn enter(&self, _: &tracing::Id) {}
        fn exit(&self, _: &tracing::Id) {}
    }

    #[test]
    fn a_short_wait_that_becomes_a_long_one_is_logged_once() {
        let infos = Infos::default();
        // A second subscriber exists because tracing caches whether a log call is enabled. With one subscriber, another
        // test's thread without a subscriber could disable the call for all threads.
        let _second = tracing::Dispatch::new(infos.clone());
        let _guard = tracing::subscriber::set_default(infos.clone());
        let clock = Still::default();
        let governor = Governor::new(Arc::new(clock.clone()), Duration::from_secs(600));
        let (run, mut headers) = (Run::default(), HeaderMap::new());
        let permit = |at: u64| {
            clock.0.store(at, Ordering::SeqCst);
            let permit = governor.acquire(Effect::Read, &run).now_or_never();
            permit.expect("no wait").unwrap()
        };
        permit(0).received(StatusCode::OK, &headers, false);
        permit(0).received(StatusCode::TOO_MANY_REQUESTS, &headers, true);
        permit(1_000).received(StatusCode::OK, &headers, false);
        let in_flight = permit(2_000);
        let mut waiting = std::pin::pin!(governor.acquire(Effect::Read, &run));
        assert!(waiting.as_mut().now_or_never().is_none());
        assert_eq!(infos.0.load(Ordering::SeqCst), 0, "a quarter of a second");

        headers.insert("retry-after", 30.into());
        in_flight.received(StatusCode::TOO_MANY_REQUESTS, &headers, true);
        for _ in 0..2 {
            assert!(waiting.as_mut().now_or_never().is_none());
            assert_eq!(infos.0.load(Ordering::SeqCst), 1, "30 seconds");
        }
    }
}
