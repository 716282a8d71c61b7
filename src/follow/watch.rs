use super::read::{read, take};
use super::{Change, Snapshot, Stage};
use crate::client::Pack;
use crate::error::{Error, ErrorKind};
use crate::id::UserId;
use crate::rate_limit::WindowQuota;
use crate::retry::backoff;
use futures_util::stream::{self, FusedStream, Stream, StreamExt};
use std::collections::HashSet;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};
use tokio::task::JoinSet;

/// The changes that a [`Watch`] found in one poll of the pack.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Update {
    /// The changes since the previous poll, sorted by assignment id.
    pub changes: Vec<Change>,
    /// The snapshot of the whole pack. After you have handled the changes, save the snapshot. To continue after a
    /// restart, pass the saved snapshot to [`Watch::since`].
    pub snapshot: Arc<Snapshot>,
}

/// A stream of the changes to a pack, created by [`Pack::watch`].
///
/// The watch polls the pack immediately and then after each interval. Each poll is compared with the previous poll. If
/// the pack has changed, the watch yields one [`Update`]. The first poll yields no update, unless the watch starts from
/// a saved snapshot.
///
/// - After a permanent error (such as 401, 403 or 404), the watch yields the error and ends.
/// - The watch yields a transient error only after all retries of the client have failed. After a transient error, the
///   watch waits and continues to poll. The wait becomes longer with each consecutive error.
/// - If the list of assignments is suddenly empty, the watch reads the pack a second time before it reports removals.
///
/// # Rate limit
/// Each poll is one request and is subject to the rate limit of the client. In each rate-limit window, the watch
/// reserves 10% of the quota (at least one request) for other requests. While the watch waits for the rate limit, it
/// does not delay other requests. When half or less of a window's quota remains, the watch polls less often, so that it
/// uses at most half of the remaining requests.
///
/// # Cancel safety
/// Dropping a pending `next()` future loses no data, because the next call to `next()` continues the same poll.
/// Dropping the watch is safe, because a watch never changes the pack. To avoid missing changes between two watches,
/// start the second watch from the last snapshot whose changes you handled. [The guide](crate::guide::follow) shows
/// how.
///
/// ```no_run
/// # async fn example(pack: connecteam_onboarding::Pack) -> Result<(), Box<dyn std::error::Error>> {
/// use futures_util::StreamExt;
/// use std::time::Duration;
///
/// let report = pack.assign([7031021, 7031022]).await?;
/// let watch = pack.watch(Duration::from_secs(60));
/// let mut watch = watch.only(report.on_pack()).until_complete();
/// while let Some(update) = watch.next().await {
///     for change in update?.changes {
///         println!("{change}");
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "a stream does nothing unless polled"]
pub struct Watch {
    /// The first call to `poll_next` clones this state to create the stream.
    start: State,
    stream: Option<Pin<Box<dyn FusedStream<Item = Item> + Send>>>,
}

type Item = Result<Update, Error>;

/// The wait after the first error, or the interval if the interval is longer. Each consecutive error doubles the wait.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The maximum wait after consecutive errors, or the interval if the interval is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("pack", &self.start.pack.id())
            .field("interval", &self.start.interval)
            .finish_non_exhaustive()
    }
}

impl Pack {
    /// Returns a stream that polls the pack immediately and then after each interval. An interval starts when the
    /// previous poll ends.
    ///
    /// The watch sends no request until the stream is polled.
    pub fn watch(&self, interval: Duration) -> Watch {
        Watch {
            start: State {
                pack: self.clone(),
                interval,
                last: None,
                only: None,
                baseline: false,
                until_complete: false,
                failures: 0,
                due: Duration::ZERO,
                ended: false,
            },
            stream: None,
        }
    }
}

impl Watch {
    /// Starts the watch from a saved snapshot of this pack. The first update contains all changes since that snapshot.
    ///
    /// If the snapshot is of another pack, the watch sends no request, yields an [`ErrorKind::InvalidInput`] error and
    /// ends.
    pub fn since(mut self, snapshot: impl Into<Arc<Snapshot>>) -> Self {
        self.start.last = Some(snapshot.into());
        self
    }

    /// Yields only the changes of these users. Each snapshot still contains the whole pack.
    pub fn only(mut self, users: impl IntoIterator<Item = UserId>) -> Self {
        self.start.only = Some(Arc::new(users.into_iter().collect()));
        self
    }

    /// Yields an update without changes after the first poll, so that you can save the first snapshot. This setting has
    /// no effect if the watch starts from a saved snapshot.
    pub fn with_baseline(mut self) -> Self {
        self.start.baseline = true;
        self
    }

    /// Ends the stream when all watched assignments are completed.
    ///
    /// With [`only`](Self::only), every selected user must have an assignment, and every assignment of a selected user
    /// must be completed. Without `only`, all assignments of the pack must be completed, so an empty pack ends the
    /// stream after the first poll.
    ///
    /// Users who no longer exist keep their assignments but cannot complete them, so **a watch over a whole pack may
    /// never end**. Prefer [`only`](Self::only) with the users of [`Report::on_pack`](crate::Report::on_pack) or with
    /// another list of existing users. With `only`, the stream does not end if a selected user is removed from the
    /// pack. Stop the watch yourself when it yields [`ChangeKind::Removed`](crate::ChangeKind::Removed).
    pub fn until_complete(mut self) -> Self {
        self.start.until_complete = true;
        self
    }
}

/// The settings of a watch and its state between polls.
#[derive(Clone)]
struct State {
    pack: Pack,
    interval: Duration,
    last: Option<Arc<Snapshot>>,
    only: Option<Arc<HashSet<UserId>>>,
    baseline: bool,
    until_complete: bool,
    /// The number of consecutive failed polls.
    failures: u32,
    /// The time when the next poll is due.
    due: Duration,
    ended: bool,
}

impl State {
    /// Polls until the watch has an item to yield. Returns `None` at the end of the stream.
    async fn next(mut self) -> Option<(Item, Self)> {
        while !self.ended {
            let clock = self.pack.client().clock();
            let wait = self.due.saturating_sub(clock.now());
            if !wait.is_zero() {
                clock.sleep(wait).await;
            }
            let (item, pause) = match self.poll().await {
                Ok(found) => (self.found(found).map(Ok), Duration::ZERO),
                Err(error) => {
                    let pause = self.failed(&error);
                    (Some(Err(error)), pause)
                }
            };
            let wait = pause.max(self.interval());
            self.due = clock.now().saturating_add(wait);
            if let Some(item) = item {
                return Some((item, self));
            }
        }
        None
    }

    /// Reads the pack and builds a snapshot, or returns `None` if the assignments are the same as in the previous
    /// snapshot.
    ///
    /// The request runs in its own task, so that it continues while the stream is not polled. A request that is not
    /// polled could hold a permit that other requests wait for.
    async fn poll(&self) -> Result<Option<Snapshot>, Error> {
        let pack = self.pack.low_priority();
        let last = self.last.clone();
        // Dropping the `JoinSet` aborts the task.
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let last = last.as_deref();
            let assignments = read(&pack, last).await?;
            let is_new = !last.is_some_and(|last| last.shows(&assignments));
            Ok(is_new.then(|| take(&pack, last, assignments)))
        });
        match tasks.join_next().await {
            Some(Ok(result)) => result,
            Some(Err(ended)) if ended.is_panic() => std::panic::resume_unwind(ended.into_panic()),
            _ => Err(Error::new(ErrorKind::Stopped, "the async runtime ended")),
        }
    }

    /// Handles a successful poll and returns the update to yield, if any.
    fn found(&mut self, snapshot: Option<Snapshot>) -> Option<Update> {
        self.failures = 0;
        let update = snapshot.and_then(|snapshot| self.compare(snapshot));
        let complete = |last: &Arc<Snapshot>| is_complete(last, self.only.as_deref());
        self.ended = self.until_complete && self.last.as_ref().is_some_and(complete);
        update
    }

    /// Stores the new snapshot and returns its changes since the previous snapshot, if any.
    fn compare(&mut self, snapshot: Snapshot) -> Option<Update> {
        let snapshot = Arc::new(snapshot);
        let last = self.last.replace(Arc::clone(&snapshot));
        let mut changes = match &last {
            Some(last) => snapshot.changes_since(last).unwrap_or_default(),
            None => Vec::new(),
        };
        if let Some(only) = &self.only {
            changes.retain(|change| only.contains(&change.user_id));
        }
        let yields = !changes.is_empty() || (last.is_none() && self.baseline);
        yields.then_some(Update { changes, snapshot })
    }

    /// Handles a failed poll and returns the wait before the next poll.
    fn failed(&mut self, error: &Error) -> Duration {
        self.ended = error.is_permanent();
        self.failures = self.failures.saturating_add(1);
        let pause = pause(self.interval, self.failures);
        pause.max(error.retry_after().unwrap_or_default())
    }

    /// Returns the interval, or a longer interval if the rate limit requires it.
    fn interval(&self) -> Duration {
        let client = self.pack.client();
        let Some(quota) = client.quota() else {
            return self.interval;
        };
        let server = client.server_time();
        let windows = [quota.minute, quota.day].into_iter().flatten();
        windows
            .map(|window| spread(window, server))
            .fold(self.interval, Duration::max)
    }
}

/// Returns the wait before the next poll after consecutive failures.
fn pause(interval: Duration, failures: u32) -> Duration {
    let (first, longest) = (interval.max(FIRST_PAUSE), interval.max(LONGEST_PAUSE));
    backoff(first, longest, failures)
}

/// Returns the poll interval. With this interval, polls use half of the requests that remain in the window. Returns zero
/// if more than half of the requests in the window remain.
fn spread(window: WindowQuota, server: SystemTime) -> Duration {
    if window.remaining > window.limit / 2 {
        return Duration::ZERO;
    }
    let reset = window.resets_at;
    let left = reset.and_then(|reset| reset.duration_since(server).ok());
    let polls = u32::try_from(window.remaining / 2).unwrap_or(u32::MAX);
    left.unwrap_or_default() / polls.max(1)
}

/// Returns whether all followed users have completed the pack.
fn is_complete(snapshot: &Snapshot, only: Option<&HashSet<UserId>>) -> bool {
    let mut completed = HashSet::new();
    for entry in snapshot {
        match only {
            Some(only) if !only.contains(&entry.user_id()) => {}
            _ if entry.stage() != Stage::Completed => return false,
            Some(_) => drop(completed.insert(entry.user_id())),
            None => {}
        }
    }
    only.is_none_or(|only| completed.len() == only.len())
}

impl Stream for Watch {
    type Item = Item;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Item>> {
        let watch = self.get_mut();
        let stream = watch.stream.get_or_insert_with(|| {
            Box::pin(stream::unfold(watch.start.clone(), State::next).fuse())
        });
        stream.poll_next_unpin(context)
    }
}

impl FusedStream for Watch {
    fn is_terminated(&self) -> bool {
        self.stream.as_ref().is_some_and(FusedStream::is_terminated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn pauses_double_up_to_a_bound_and_last_at_least_the_interval() {
        let pauses: Vec<_> = (0..4)
            .map(|failures| pause(Duration::ZERO, failures + 1).as_secs())
            .collect();
        assert_eq!(pauses, [1, 2, 4, 8]);
        for failures in [11, 32, 33, u32::MAX] {
            assert_eq!(pause(SECOND, failures), LONGEST_PAUSE);
            assert_eq!(pause(SECOND * 3_600, failures), SECOND * 3_600);
        }
    }

    /// Returns the number of polls in one rate-limit window if only the watch sends requests.
    fn polls(limit: u64, length: Duration, interval: Duration) -> u64 {
        let (mut now, mut remaining) = (UNIX_EPOCH, limit);
        while now < UNIX_EPOCH + length && remaining > 0 {
            remaining -= 1;
            let window = WindowQuota {
                limit,
                remaining,
                resets_at: Some(UNIX_EPOCH + length),
            };
            now += interval.max(spread(window, now));
        }
        limit - remaining
    }

    #[test]
    fn polls_never_use_up_a_window() {
        for limit in [5, 100, 200, 20_000] {
            let spent = polls(limit, SECOND * 86_400, Duration::from_millis(10));
            assert!(spent < limit && spent >= limit / 2, "{spent} of {limit}");
        }
        assert_eq!(
            polls(20_000, SECOND * 86_400, SECOND * 60),
            1_440,
            "the interval where it fits"
        );
    }

    #[test]
    fn a_window_without_an_end_ahead_keeps_the_interval() {
        for resets_at in [None, Some(UNIX_EPOCH)] {
            let window = WindowQuota {
                limit: 100,
                remaining: 1,
                resets_at,
            };
            assert_eq!(spread(window, UNIX_EPOCH + SECOND), Duration::ZERO);
        }
    }
}
