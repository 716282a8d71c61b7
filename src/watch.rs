//! [`Watch`]: a pack looked at again and again, as a stream of what changed.

use crate::client::Pack;
use crate::clock::{Clock, Sleep};
use crate::error::Error;
use crate::id::UserId;
use crate::progress::{Change, Snapshot, Stage};
use crate::rate_limit::Quota;
use futures_util::Stream;
use futures_util::future::{BoxFuture, FutureExt};
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
/// yielded, and the watch goes on after growing waits. Looks share the client's limits with all
/// its other requests: they leave a tenth of each minute to writes, and a watch looks less
/// often rather than spend more than half of what is left of the day.
///
/// # Cancel safety
/// Dropping a pending `next()` loses nothing: a look under way goes on with the next call. Dropping
/// the watch is safe; it only reads.
///
/// ```no_run
/// # async fn example(pack: connecteam_onboarding::Pack) -> Result<(), Box<dyn std::error::Error>> {
/// use futures_util::StreamExt;
/// use std::time::Duration;
///
/// let report = pack.assign([7031021, 7031022]).await?;
/// let mut watch = pack.watch(Duration::from_secs(60)).only(report.assigned()).until_complete();
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
    failures: u32,
    state: State,
}

enum State {
    Looking(BoxFuture<'static, Result<Snapshot, Error>>),
    Waiting(Sleep),
    /// The next look, once it is asked for.
    Due,
    Ended,
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("pack", &self.pack.id())
            .field("interval", &self.interval)
            .finish_non_exhaustive()
    }
}

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

    /// Follows the pack: looks now and again after each interval. Nothing is sent before the stream
    /// is polled.
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
    /// Starts from a saved snapshot: whatever happened since is the first thing found.
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
    pub fn until_complete(mut self) -> Self {
        self.until_complete = true;
        self
    }

    fn look(&self) -> BoxFuture<'static, Result<Snapshot, Error>> {
        let minute = self.pack.client.quota().and_then(|quota| quota.minute);
        let mut pack = self.pack.clone();
        // Writers come first.
        pack.client = pack.client.leaving(minute.map_or(0, |minute| minute.limit / 10));
        let last = self.last.clone();
        async move {
            let assignments = pack.assignments().await?;
            let taken_at = pack.client.server_time();
            Ok(match last {
                Some(last) => Snapshot::after(&last, taken_at, assignments),
                None => Snapshot::new(taken_at, assignments),
            })
        }
        .boxed()
    }

    /// What a look found, if it is worth yielding.
    fn found(&mut self, snapshot: Snapshot) -> Option<Look> {
        self.failures = 0;
        let snapshot = Arc::new(snapshot);
        let last = self.last.replace(Arc::clone(&snapshot));
        let first = last.is_none();
        let mut changes = last.map(|last| snapshot.changes_since(&last)).unwrap_or_default();
        if let Some(only) = &self.only {
            changes.retain(|change| only.contains(&change.user_id));
        }
        let done = self.until_complete && is_complete(&snapshot, self.only.as_ref());
        self.state = if done { State::Ended } else { State::Waiting(self.clock.sleep(self.pause(None))) };
        (!changes.is_empty() || (first && self.baseline)).then_some(Look { changes, snapshot })
    }

    fn failed(&mut self, error: &Error) {
        self.failures += 1;
        self.state = if error.is_lasting() {
            State::Ended
        } else {
            State::Waiting(self.clock.sleep(self.pause(error.retry_at())))
        };
    }

    /// How long until the next look.
    fn pause(&self, retry_at: Option<SystemTime>) -> Duration {
        let client = &self.pack.client;
        let server = client.server_time();
        if let Some(at) = retry_at {
            return at.duration_since(server).unwrap_or_default().max(self.interval);
        }
        let stretched = stretch(self.interval, client.quota(), server);
        let grown = self.interval.max(Duration::from_secs(1)).saturating_mul(1 << self.failures.min(10));
        if self.failures == 0 {
            stretched
        } else {
            grown.min(LONGEST_PAUSE.max(self.interval)).max(stretched)
        }
    }
}

/// The interval, or a longer one where the day's quota would not last: looks take half of what is left.
fn stretch(interval: Duration, quota: Option<Quota>, server: SystemTime) -> Duration {
    let Some(day) = quota.and_then(|quota| quota.day) else { return interval };
    let left = day.resets_at.and_then(|reset| reset.duration_since(server).ok()).unwrap_or_default();
    let looks = u32::try_from(day.remaining / 2).unwrap_or(u32::MAX);
    interval.max(if looks == 0 { left } else { left / looks })
}

fn is_complete(snapshot: &Snapshot, only: Option<&HashSet<UserId>>) -> bool {
    let mut absent = only.cloned().unwrap_or_default();
    for entry in snapshot {
        if only.is_some_and(|only| !only.contains(&entry.user_id())) {
            continue;
        }
        if entry.stage() != Stage::Completed {
            return false;
        }
        absent.remove(&entry.user_id());
    }
    absent.is_empty()
}

impl Stream for Watch {
    type Item = Result<Look, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match &mut self.state {
                State::Ended => return Poll::Ready(None),
                State::Due => self.state = State::Looking(self.look()),
                State::Waiting(sleep) => {
                    ready!(sleep.poll_unpin(context));
                    self.state = State::Due;
                }
                State::Looking(look) => match ready!(look.poll_unpin(context)) {
                    Ok(snapshot) => {
                        if let Some(look) = self.found(snapshot) {
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
