//! [`Governor`] delays each request until the rate limit permits the request. All clones of a client share one
//! governor.

use super::run::{Effect, Run};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind};
use crate::rate_limit::{Decision, Quota, RateLimit, Received, Reserve, Share, Ticket};
use http::{HeaderMap, StatusCode};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::sync::Notify;

/// Rate-limit waits longer than `NOTABLE_WAIT` are logged at INFO, and shorter waits at DEBUG.
const NOTABLE_WAIT: Duration = Duration::from_secs(1);

/// Applies the rate limit of an account to all requests of a client and its clones.
pub(crate) struct Governor {
    limits: Mutex<RateLimit>,
    /// The request that holds this lock waits for the rate limit. All other requests wait for the lock, in the order of
    /// their arrival.
    queue: tokio::sync::Mutex<()>,
    changed: Notify,
    clock: Arc<dyn Clock>,
    longest_wait: Duration,
}

/// Permission to send one request. The caller reports the result with `received` or `never_sent`. If the permit is
/// dropped without a report, the request is treated as lost.
pub(crate) struct Permit<'a> {
    governor: &'a Governor,
    ticket: Option<Ticket>,
}

/// This guard reports the end of a wait to the run, even if the waiting future is dropped.
struct Waiting<'a>(&'a Run);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.set_waiting(None);
    }
}

impl Governor {
    /// Creates a governor. Requests fail if they would have to wait longer than `longest_wait` for the rate limit.
    pub(crate) fn new(clock: Arc<dyn Clock>, longest_wait: Duration) -> Self {
        Self {
            limits: Mutex::default(),
            queue: tokio::sync::Mutex::new(()),
            changed: Notify::new(),
            clock,
            longest_wait,
        }
    }

    /// Waits until the rate limit permits a request, and counts the request in `run`. If the run is stopped, a waiting
    /// write fails.
    ///
    /// # Errors
    /// Fails if the run has reached its request limit, the daily quota is used up, or the wait would be too long. If
    /// the quota or the wait is the cause of the failure, [`Error::retry_at`] returns the time at which a retry is
    /// permitted.
    ///
    /// # Cancel safety
    /// Dropping the future is safe, because a request is counted only when the future completes.
    pub(crate) async fn acquire(&self, effect: Effect, run: &Run) -> Result<Permit<'_>, Error> {
        // If the run has reached its request limit, the request must fail before it waits for the rate limit.
        if run.remaining() == 0 {
            return Err(run.limit_reached("all are spent"));
        }
        let share = Share {
            // All runs share one access token, so token requests ignore the reserve of a run.
            reserve: match effect {
                Effect::Token => Reserve::default(),
                Effect::Read | Effect::Write => run.reserve,
            },
            // For a write, one request of the daily quota is reserved for a possible read-back.
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

    /// Waits until the rate limit permits a request, and reports the wait to `run`.
    async fn wait(&self, share: Share, run: &Run) -> Result<Permit<'_>, Error> {
        let start = self.clock.now();
        let mut turn = None;
        let mut waiting = None;
        let mut longest_logged = Duration::ZERO;
        loop {
            if turn.is_none() {
                turn = Some(self.queue.lock().await);
            }
            // The task registers for notifications about responses before it decides whether to wait. Otherwise, it
            // would miss a response that arrives right after the decision.
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
                    // The first wait of a request is logged. A later wait is logged only if it is longer than
                    // `NOTABLE_WAIT` and longer than all waits logged before.
                    if waiting.is_none() || wait > NOTABLE_WAIT.max(longest_logged) {
                        log_wait(wait);
                        longest_logged = wait;
                    }
                    waiting.get_or_insert_with(|| Waiting(run));
                    run.set_waiting(Some(until));
                    // A request of a run with a reserve does not block other requests while it waits.
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

    /// Returns the remaining quota of each window, based on the responses so far.
    pub(crate) fn quota(&self) -> Option<Quota> {
        self.limits().quota(self.clock.now())
    }

    /// Returns an estimate of the server's current time. Before the first response, returns the local system time.
    pub(crate) fn server_time(&self) -> SystemTime {
        self.limits()
            .server_time(self.clock.now())
            .unwrap_or_else(|| self.clock.wall())
    }

    fn limits(&self) -> MutexGuard<'_, RateLimit> {
        // The state consists of plain numbers, so it stays usable after a panic in another thread.
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
    // The server may report any year, but the date formatter panics for years after 9999.
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
    /// Reports a response. `refused` is true if the API refused the request because of the rate limit.
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

    /// A clock that stands still until a test sets its time. The time is in milliseconds.
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
        // With only one subscriber, `tracing` may cache that a call site is disabled, because other test threads have
        // no subscriber. A second subscriber prevents this caching.
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
