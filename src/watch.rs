//! [`Watch`]: a pack looked at again and again, as a stream of what changed.

use crate::client::Pack;
use crate::clock::{Clock, Sleep};
use crate::error::{Error, ErrorKind};
use crate::id::UserId;
use crate::progress::{Change, Snapshot, Stage};
use crate::rate_limit::WindowQuota;
use futures_util::Stream;
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::FusedStream;
use std::collections::HashSet;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};

/// What one look at a pack found.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Look {
    /// What changed since the last look, in a stable order.
    pub changes: Vec<Change>,
    /// What the whole pack looks like now: save it once the changes are handled, and start from it
    /// the next time ([`Watch::since`]).
    pub snapshot: Arc<Snapshot>,
}

/// A stream of what changes on a pack; made by [`Pack::watch`].
///
/// Looks at once, then again after each interval, and yields one [`Look`] for each look that found
/// something. The first look is what later ones are compared with and yields nothing, unless the
/// watch starts from a saved snapshot.
///
/// A look that fails for good (401, 403, 404) is yielded and ends the stream. A passing failure is
/// yielded once the client's own retries are used up, and the watch goes on after growing waits, or when
/// the account's limits allow.
///
/// # The account's limits
/// A look is one request and shares the client's limits with all others. A tenth of each window, at
/// least one request, is left to those, and a look that waits for the limits stands in nobody's way. The
/// interval holds while more than half of the minute's and the day's requests are left. From then on it is
/// stretched, so that looks take half of what is left, evenly until the window ends.
///
/// # Cancel safety
/// Dropping a pending `next()` loses nothing: a look under way goes on with the next call. Dropping
/// the watch is safe; it only reads. To miss nothing between two watches, start the second from the
/// last snapshot whose changes were handled ([`since`](Self::since)). [The guide](crate::guide::follow) shows it.
///
/// ```no_run
/// # async fn example(pack: connecteam_onboarding::Pack) -> Result<(), Box<dyn std::error::Error>> {
/// use futures_util::StreamExt;
/// use std::time::Duration;
///
/// let report = pack.assign([7031021, 7031022]).await?;
/// let watch = pack.watch(Duration::from_secs(60));
/// let mut watch = watch.only(report.on_pack()).until_complete();
/// while let Some(look) = watch.next().await {
///     for change in look?.changes {
///         println!("{change}");
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "a stream does nothing unless polled"]
pub struct Watch {
    pack: Pack,
    clock: Arc<dyn Clock>,
    interval: Duration,
    last: Option<Arc<Snapshot>>,
    only: Option<HashSet<UserId>>,
    baseline: bool,
    until_complete: bool,
    /// Looks that failed since the last that did not.
    failures: u32,
    state: State,
}

enum State {
    Looking(Running),
    Waiting(Sleep),
    /// The next look, once it is asked for.
    Due,
    Ended,
}

/// A look under way. A task of its own: a watch that nobody polls must not hold what the client's
/// other requests wait for.
struct Running(tokio::task::JoinHandle<Result<Found, Error>>);

/// What a look found: a snapshot, or nothing that the last one does not show.
type Found = Option<Snapshot>;

impl Running {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Found, Error>> {
        Poll::Ready(match ready!(self.0.poll_unpin(context)) {
            Ok(result) => result,
            Err(ended) if ended.is_panic() => std::panic::resume_unwind(ended.into_panic()),
            Err(_) => Err(Error::new(ErrorKind::Stopped, "the runtime ends")),
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("pack", &self.pack.id())
            .field("interval", &self.interval)
            .finish_non_exhaustive()
    }
}

/// The wait after the first of several failures, unless the interval is longer; each next one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Waits after failures grow to this, or to the interval if that is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

impl Pack {
    /// What the pack looks like now. One request; passing failures are tried again.
    ///
    /// # Errors
    /// As [`assignments`](Self::assignments).
    pub async fn snapshot(&self) -> Result<Snapshot, Error> {
        let assignments = self.assignments().await?;
        Ok(Snapshot::new(self.client.server_time(), assignments))
    }

    /// Follows the pack: looks now and again after each interval, which runs from the end of one look to
    /// the start of the next. Nothing is sent before the stream is polled.
    pub fn watch(&self, interval: Duration) -> Watch {
        Watch {
            pack: self.clone(),
            clock: self.client.clock(),
            interval,
            last: None,
            only: None,
            baseline: false,
            until_complete: false,
            failures: 0,
            state: State::Due,
        }
    }
}

impl Watch {
    /// Starts from a saved snapshot of this pack: whatever happened since is the first thing found. A snapshot
    /// does not know its pack: one of another tells everybody as removed, so keep a file for each.
    pub fn since(mut self, snapshot: impl Into<Arc<Snapshot>>) -> Self {
        self.last = Some(snapshot.into());
        self
    }

    /// Follows just these users. Snapshots still hold the whole pack.
    pub fn only(mut self, users: impl IntoIterator<Item = UserId>) -> Self {
        self.only = Some(users.into_iter().collect());
        self
    }

    /// Yields the first look too, without changes, where the watch starts from no snapshot; so that
    /// it can be saved.
    pub fn with_baseline(mut self) -> Self {
        self.baseline = true;
        self
    }

    /// Ends once everybody is done: with [`only`](Self::only), when each of them has an assignment
    /// and all of those are completed, so that somebody absent is not done; without, when
    /// everybody on the pack is, at once if the pack is empty.
    ///
    /// Who is removed from the pack, or never got on it, is never done: follow
    /// [`Report::on_pack`](crate::Report::on_pack) rather than the whole list, and end the watch yourself when a
    /// [`Removed`](crate::ChangeKind::Removed) of somebody you follow means the end.
    pub fn until_complete(mut self) -> Self {
        self.until_complete = true;
        self
    }

    fn look(&self) -> BoxFuture<'static, Result<Found, Error>> {
        let mut pack = self.pack.clone();
        // Writers come first, from the first look on.
        pack.client = pack.client.leaving_a_tenth();
        let last = self.last.clone();
        async move {
            let assignments = pack.assignments().await?;
            let taken_at = pack.client.server_time();
            Ok(match last {
                Some(last) if last.shows(&assignments) => None,
                Some(last) => Some(Snapshot::after(&last, taken_at, assignments)),
                None => Some(Snapshot::new(taken_at, assignments)),
            })
        }
        .boxed()
    }

    /// What a look found, if it is worth yielding.
    fn found(&mut self, found: Found) -> Option<Look> {
        self.failures = 0;
        let look = found.and_then(|snapshot| self.compared(snapshot));
        let only = self.only.as_ref();
        let done = self.until_complete
            && self
                .last
                .as_ref()
                .is_some_and(|last| is_complete(last, only));
        self.state = if done {
            State::Ended
        } else {
            self.wait(self.stretched())
        };
        look
    }

    fn compared(&mut self, snapshot: Snapshot) -> Option<Look> {
        let snapshot = Arc::new(snapshot);
        let last = self.last.replace(Arc::clone(&snapshot));
        let first = last.is_none();
        let mut changes = last
            .map(|last| snapshot.changes_since(&last))
            .unwrap_or_default();
        if let Some(only) = &self.only {
            changes.retain(|change| only.contains(&change.user_id));
        }
        (!changes.is_empty() || (first && self.baseline)).then_some(Look { changes, snapshot })
    }

    fn failed(&mut self, error: &Error) {
        self.state = if error.is_lasting() {
            State::Ended
        } else {
            let grown = pause(self.interval, self.failures).max(self.stretched());
            self.wait(grown.max(error.retry_after().unwrap_or_default()))
        };
        self.failures = self.failures.saturating_add(1);
    }

    fn wait(&self, pause: Duration) -> State {
        State::Waiting(self.clock.sleep(pause))
    }

    /// The interval, or a longer one where the account's limits need it.
    fn stretched(&self) -> Duration {
        let client = &self.pack.client;
        let Some(quota) = client.quota() else {
            return self.interval;
        };
        let server = client.server_time();
        let windows = [quota.minute, quota.day].into_iter().flatten();
        windows
            .map(|window| pace(window, server))
            .fold(self.interval, Duration::max)
    }
}

/// The wait after a failure that `failures` others precede.
fn pause(interval: Duration, failures: u32) -> Duration {
    let doubled = 1_u32.checked_shl(failures).unwrap_or(u32::MAX);
    interval
        .max(FIRST_PAUSE)
        .saturating_mul(doubled)
        .min(LONGEST_PAUSE.max(interval))
}

/// How far apart looks must be so that they take half of what is left of a window, once half of it is gone.
fn pace(window: WindowQuota, server: SystemTime) -> Duration {
    if window.remaining > window.limit / 2 {
        return Duration::ZERO;
    }
    let left = window
        .resets_at
        .and_then(|reset| reset.duration_since(server).ok())
        .unwrap_or_default();
    let looks = u32::try_from(window.remaining / 2).unwrap_or(u32::MAX);
    left / looks.max(1)
}

/// Whether everybody followed is done.
fn is_complete(snapshot: &Snapshot, only: Option<&HashSet<UserId>>) -> bool {
    let mut done = HashSet::new();
    for entry in snapshot {
        match only {
            Some(only) if !only.contains(&entry.user_id()) => {}
            _ if entry.stage() != Stage::Completed => return false,
            Some(_) => drop(done.insert(entry.user_id())),
            None => {}
        }
    }
    only.is_none_or(|only| done.len() == only.len())
}

impl Stream for Watch {
    type Item = Result<Look, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match &mut self.state {
                State::Ended => return Poll::Ready(None),
                State::Due => self.state = State::Looking(Running(tokio::spawn(self.look()))),
                State::Waiting(sleep) => {
                    ready!(sleep.poll_unpin(context));
                    self.state = State::Due;
                }
                State::Looking(look) => match ready!(look.poll(context)) {
                    Ok(found) => {
                        if let Some(look) = self.found(found) {
                            return Poll::Ready(Some(Ok(look)));
                        }
                    }
                    Err(error) => {
                        self.failed(&error);
                        return Poll::Ready(Some(Err(error)));
                    }
                },
            }
        }
    }
}

impl FusedStream for Watch {
    fn is_terminated(&self) -> bool {
        matches!(self.state, State::Ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn pauses_double_up_to_a_bound_and_are_never_shorter_than_the_interval() {
        let pauses: Vec<_> = (0..4)
            .map(|failures| pause(Duration::ZERO, failures).as_secs())
            .collect();
        assert_eq!(pauses, [1, 2, 4, 8]);
        for failures in [10, 31, 32, u32::MAX] {
            assert_eq!(pause(SECOND, failures), LONGEST_PAUSE);
            assert_eq!(pause(SECOND * 3_600, failures), SECOND * 3_600);
        }
    }

    /// Looks at full speed for a whole window, alone.
    fn looks(limit: u64, length: Duration, interval: Duration) -> u64 {
        let (mut now, mut remaining) = (UNIX_EPOCH, limit);
        while now < UNIX_EPOCH + length && remaining > 0 {
            remaining -= 1;
            let window = WindowQuota {
                limit,
                remaining,
                resets_at: Some(UNIX_EPOCH + length),
            };
            now += interval.max(pace(window, now));
        }
        limit - remaining
    }

    #[test]
    fn looks_never_eat_a_window() {
        for limit in [5, 100, 200, 20_000] {
            let spent = looks(limit, SECOND * 86_400, Duration::from_millis(10));
            assert!(spent < limit && spent >= limit / 2, "{spent} of {limit}");
        }
        assert_eq!(
            looks(20_000, SECOND * 86_400, SECOND * 60),
            1_440,
            "the interval where it fits"
        );
    }

    #[test]
    fn a_window_whose_end_is_unknown_or_past_stretches_nothing() {
        for resets_at in [None, Some(UNIX_EPOCH)] {
            let window = WindowQuota {
                limit: 100,
                remaining: 1,
                resets_at,
            };
            assert_eq!(pace(window, UNIX_EPOCH + SECOND), Duration::ZERO);
        }
    }
}
