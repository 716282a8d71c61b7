//! [`Watch`]: a stream that polls a pack and yields its changes.

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

/// The changes that one poll of a pack found.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Update {
    /// The changes since the last poll, in the order of the assignment ids.
    pub changes: Vec<Change>,
    /// The whole pack. Save the snapshot after you handled the changes. The next watch can start from it, with
    /// [`Watch::since`].
    pub snapshot: Arc<Snapshot>,
}

/// A stream of the changes of a pack. [`Pack::watch`] returns it.
///
/// The watch polls at once, and then again after each interval. It yields one [`Update`] for each poll that finds a
/// change. Each poll is compared with the previous one. So the first poll yields nothing, unless the watch starts from
/// a saved snapshot.
///
/// - A permanent error (such as 401, 403 or 404) is yielded and ends the stream.
/// - A transient error is yielded after the retries of the client have failed. Then the watch waits and polls again.
///   The wait grows with each error.
/// - If a pack is suddenly empty, the watch reads it a second time before it yields the removals.
///
/// # Rate limit
/// A poll is one request, and shares the rate limit of the client. The watch leaves a tenth of each rate-limit window
/// to other requests, at least one request. It does not delay other requests while it waits. If at most half of a
/// window is left, the interval grows, so that polls take at most half of the remaining requests.
///
/// # Cancel safety
/// Dropping a pending `next()` loses nothing, because the next call continues the same poll. Dropping the watch is
/// safe, because the watch only reads. To miss no change between two watches, start the second watch from the last
/// snapshot whose changes you handled. [The guide](crate::guide::follow) shows how.
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
    /// The settings. The first call of `poll_next` creates the stream from a copy of them.
    start: State,
    stream: Option<Pin<Box<dyn FusedStream<Item = Item> + Send>>>,
}

type Item = Result<Update, Error>;

/// The wait after the first error, or the interval if that is longer. Each further error doubles the wait.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest wait after errors, or the interval if that is longer.
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
    /// Follows the pack. The watch polls the pack at once, and again after each interval. An interval starts at the end
    /// of a poll.
    ///
    /// Nothing is sent before the stream is polled.
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
    /// Starts from a saved snapshot of this pack. The first update has everything that changed since the snapshot.
    ///
    /// If the snapshot is of another pack, the watch yields an error of the kind [`ErrorKind::InvalidInput`] and ends.
    /// Nothing is sent then.
    pub fn since(mut self, snapshot: impl Into<Arc<Snapshot>>) -> Self {
        self.start.last = Some(snapshot.into());
        self
    }

    /// Yields only the changes of these users. Snapshots still have the whole pack.
    pub fn only(mut self, users: impl IntoIterator<Item = UserId>) -> Self {
        self.start.only = Some(Arc::new(users.into_iter().collect()));
        self
    }

    /// Yields the first poll too, without changes, so that its snapshot can be saved. Has no effect on a watch that
    /// starts from a snapshot.
    pub fn with_baseline(mut self) -> Self {
        self.start.baseline = true;
        self
    }

    /// Ends the stream when all users are completed.
    ///
    /// With [`only`](Self::only), each of these users must have an assignment, and all of their assignments must be
    /// completed. Without `only`, all assignments of the pack must be completed. An empty pack is complete at once.
    ///
    /// The API keeps the assignments of users who no longer exist. So **a watch over a whole pack may never end**.
    /// Instead, follow the users of [`Report::on_pack`](crate::Report::on_pack), or other users you know. A user who is
    /// removed from the pack never completes it either. End the watch yourself when you see
    /// [`ChangeKind::Removed`](crate::ChangeKind::Removed).
    pub fn until_complete(mut self) -> Self {
        self.start.until_complete = true;
        self
    }
}

/// The settings of a watch, and its state between two polls.
#[derive(Clone)]
struct State {
    pack: Pack,
    interval: Duration,
    last: Option<Arc<Snapshot>>,
    only: Option<Arc<HashSet<UserId>>>,
    baseline: bool,
    until_complete: bool,
    /// The number of polls in a row that failed.
    failures: u32,
    /// The time when the next poll is due.
    due: Duration,
    ended: bool,
}

impl State {
    /// Polls until there is an item to yield. Returns `None` at the end of the stream.
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

    /// Reads the pack. Returns `None` if the list is the same as the last list.
    ///
    /// The read is a separate task, so it continues when the stream is not polled. Otherwise it could hold a permit
    /// that other requests wait for.
    async fn poll(&self) -> Result<Option<Snapshot>, Error> {
        let pack = self.pack.low_priority();
        let last = self.last.clone();
        // Dropping the set aborts the task.
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

    /// Processes the result of a poll. Returns what to yield.
    fn found(&mut self, snapshot: Option<Snapshot>) -> Option<Update> {
        self.failures = 0;
        let update = snapshot.and_then(|snapshot| self.compare(snapshot));
        let complete = |last: &Arc<Snapshot>| is_complete(last, self.only.as_deref());
        self.ended = self.until_complete && self.last.as_ref().is_some_and(complete);
        update
    }

    /// Compares a new snapshot with the last one, and keeps it as the last one.
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

    /// Processes an error of a poll. Returns how long to wait.
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

/// Returns the wait after `failures` errors in a row.
fn pause(interval: Duration, failures: u32) -> Duration {
    let (first, longest) = (interval.max(FIRST_PAUSE), interval.max(LONGEST_PAUSE));
    backoff(first, longest, failures)
}

/// Returns the interval with which polls take half of the remaining requests of a window. Returns zero while more than
/// half of the window is left.
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

    /// Returns how many polls a watch sends in one window, if it polls as often as it may and sends the only requests.
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
