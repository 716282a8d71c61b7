//! Following a pack: what it looked like, what happened since, and how far everybody is.
//!
//! Pure: the assignments and the time are passed in.

mod change;
mod saved;
mod snapshot;
mod state;
#[cfg(test)]
mod tests;

pub use change::{Change, ChangeKind};
pub use snapshot::{Snapshot, SnapshotEntry};
pub use state::{Stage, State};

use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::{Duration, SystemTime};

/// How many assignments of a pack are at which stage.
///
/// ```
/// use connecteam_onboarding::Snapshot;
/// use std::time::SystemTime;
///
/// let snapshot = Snapshot::new(SystemTime::now(), serde_json::from_str(
///     r#"[{"id":501,"userId":7,"status":"completed","isWaitingApproval":false},
///         {"id":502,"userId":8,"status":"in_progress","isWaitingApproval":true},
///         {"id":503,"userId":9,"status":"in_progress","isWaitingApproval":false}]"#,
/// )?);
/// let progress = snapshot.progress();
/// assert_eq!(progress.to_string(), "3 assignments: 1 completed (33%), 1 waiting for approval, 1 in progress");
/// assert_eq!((progress.total, progress.waiting_for_approval), (3, 1));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Progress {
    /// All assignments: the sum of the other four.
    pub total: u64,
    /// Those whose user has steps to do.
    pub in_progress: u64,
    /// Those that wait for an admin's approval.
    pub waiting_for_approval: u64,
    /// Those that are done.
    pub completed: u64,
    /// Those in a status that this release does not know.
    pub other: u64,
}

impl Progress {
    /// The share of the assignments that are completed, from 0 to 1. 1 means all of them, and of no
    /// assignments it is 0: nothing has been done.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "no pack has 2^53 assignments")]
    pub fn share_completed(&self) -> f64 {
        if self.total == 0 {
            0.0
        } else {
            self.completed as f64 / self.total as f64
        }
    }
}

impl<'a> FromIterator<Stage<'a>> for Progress {
    /// Counts the stages.
    fn from_iter<I: IntoIterator<Item = Stage<'a>>>(stages: I) -> Self {
        let mut progress = Self::default();
        for stage in stages {
            progress.total += 1;
            *match stage {
                Stage::InProgress => &mut progress.in_progress,
                Stage::WaitingForApproval => &mut progress.waiting_for_approval,
                Stage::Completed => &mut progress.completed,
                Stage::Other(_) => &mut progress.other,
            } += 1;
        }
        progress
    }
}

impl fmt::Display for Progress {
    /// One line of counts. The percentage is rounded down: 100 % means all.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            total,
            in_progress,
            waiting_for_approval,
            completed,
            other,
        } = self;
        let percent = u128::from(*completed) * 100 / u128::from((*total).max(1));
        write!(
            f,
            "{total} assignments: {completed} completed ({percent}%), {waiting_for_approval} waiting for approval, \
             {in_progress} in progress"
        )?;
        if *other > 0 {
            write!(f, ", {other} in another status")?;
        }
        Ok(())
    }
}

/// A time, in whole seconds since the Unix epoch: half of a `SystemTime`, and the same after a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schemars", schemars(inline))]
#[serde(try_from = "u64", into = "u64")]
struct Moment(u64);

impl Moment {
    /// The end of the year 9999. Every platform's `SystemTime` reaches it, so that no file can overflow one.
    const LATEST: u64 = 253_402_300_799;

    const fn seconds(self) -> u64 {
        self.0
    }
}

impl From<SystemTime> for Moment {
    /// Rounds down; a time outside 1970 to 9999 becomes the nearest one inside.
    fn from(time: SystemTime) -> Self {
        let seconds = time
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        Self(seconds.min(Self::LATEST))
    }
}

impl From<Moment> for SystemTime {
    fn from(moment: Moment) -> Self {
        Self::UNIX_EPOCH + Duration::from_secs(moment.0)
    }
}

impl TryFrom<u64> for Moment {
    type Error = String;

    fn try_from(seconds: u64) -> Result<Self, String> {
        if seconds <= Self::LATEST {
            Ok(Self(seconds))
        } else {
            Err(format!(
                "{seconds} is not a time before the year 10000, in seconds since 1970"
            ))
        }
    }
}

impl From<Moment> for u64 {
    fn from(moment: Moment) -> Self {
        moment.0
    }
}
