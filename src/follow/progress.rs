use super::Stage;
use crate::text::Count;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The number of assignments of a pack at each stage.
///
/// ```
/// use connecteam_onboarding::{PackId, Snapshot};
/// use std::time::SystemTime;
///
/// let pack = PackId::try_from(1001)?;
/// let snapshot = Snapshot::new(pack, SystemTime::now(), serde_json::from_str(
///     r#"[{"id":501,"userId":7,"status":"completed","isWaitingApproval":false},
///         {"id":502,"userId":8,"status":"in_progress","isWaitingApproval":true},
///         {"id":503,"userId":9,"status":"in_progress","isWaitingApproval":false}]"#,
/// )?);
/// let progress = snapshot.progress();
/// assert_eq!(progress.to_string(), "3 assignments: 1 completed (33%), 1 waiting for approval, 1 in progress");
/// assert_eq!((progress.total, progress.waiting_for_approval), (3, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Progress {
    /// The total number of assignments, which is the sum of the other fields.
    pub total: u64,
    /// The number of assignments whose user still has steps to do.
    pub in_progress: u64,
    /// The number of assignments that wait for an admin's approval.
    pub waiting_for_approval: u64,
    /// The number of completed assignments.
    pub completed: u64,
    /// The number of assignments whose status is unknown to this release.
    pub other: u64,
}

impl Progress {
    /// Returns the fraction of assignments that are completed, from 0 to 1. Returns 0 if there are no assignments.
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
    /// Counts the assignments at each stage.
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
    /// Formats the counts on one line. The percentage is rounded down, so 100% means that all assignments are
    /// completed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = u128::from(self.completed) * 100 / u128::from(self.total.max(1));
        write!(
            f,
            "{}: {} completed ({percent}%), {} waiting for approval, {} in progress",
            Count(self.total, "assignment"),
            self.completed,
            self.waiting_for_approval,
            self.in_progress,
        )?;
        if self.other > 0 {
            write!(f, ", {} in another status", self.other)?;
        }
        Ok(())
    }
}
