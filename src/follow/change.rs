//! What happened between two snapshots.

use super::{Snapshot, SnapshotEntry, Stage, State};
use crate::{AssignmentId, AssignmentStatus, Error, ErrorKind, UserId};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::fmt;

/// What happened to an assignment.
///
/// ```
/// use connecteam_onboarding::ChangeKind;
///
/// assert_eq!(ChangeKind::Completed.to_string(), "completed");
/// assert_eq!(serde_json::to_string(&ChangeKind::Completed)?, r#""completed""#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ChangeKind {
    /// First seen, in whatever state.
    Assigned,
    /// Now waiting for an admin's approval, whatever it was.
    Submitted,
    /// Now completed, whatever it was.
    Completed,
    /// Back in progress, after waiting for approval or being completed.
    Reopened,
    /// Gone.
    Removed,
    /// Anything else: now in a status that this release does not know, back in progress from one, or
    /// `isWaitingApproval` changed where it means nothing.
    Other,
}

impl ChangeKind {
    /// The name, as it is written in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Assigned => "assigned",
            Self::Submitted => "submitted",
            Self::Completed => "completed",
            Self::Reopened => "reopened",
            Self::Removed => "removed",
            Self::Other => "other",
        }
    }

    fn between(before: Option<&State>, after: Option<&State>) -> Self {
        let (before, after) = match (before, after) {
            (Some(before), Some(after)) => (before.stage(), after.stage()),
            (None, Some(_)) => return Self::Assigned,
            (Some(_), None) => return Self::Removed,
            (None, None) => return Self::Other,
        };
        match (before, after) {
            // Completed a second time would be counted twice.
            (before, after) if before == after => Self::Other,
            (_, Stage::WaitingForApproval) => Self::Submitted,
            (_, Stage::Completed) => Self::Completed,
            (Stage::WaitingForApproval | Stage::Completed, Stage::InProgress) => Self::Reopened,
            (_, Stage::InProgress | Stage::Other(_)) => Self::Other,
        }
    }
}

impl fmt::Display for ChangeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One thing that happened to one assignment between two snapshots.
///
/// Written with the API's names, and for [`ChangeKind::Other`] with the status as well.
///
/// ```
/// use connecteam_onboarding::{ChangeKind, PackId, Snapshot};
/// use std::time::{Duration, SystemTime};
///
/// let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
/// let earlier = Snapshot::new(PackId::try_from(1001)?, start, serde_json::from_str(
///     r#"[{"id":501,"userId":7,"status":"in_progress","isWaitingApproval":true}]"#,
/// )?);
/// let later = Snapshot::after(&earlier, start + Duration::from_secs(60), serde_json::from_str(
///     r#"[{"id":501,"userId":7,"status":"completed","isWaitingApproval":false}]"#,
/// )?);
///
/// let [change] = &later.changes_since(&earlier)?[..] else { unreachable!() };
/// assert_eq!(change.kind(), ChangeKind::Completed);
/// assert_eq!(change.to_string(), "completed: user 7, assignment 501 (was waiting for approval)");
/// assert!(serde_json::to_string(change)?.starts_with(r#"{"change":"completed","userId":7,"assignmentId":501,"#));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(try_from = "Row", into = "Row")]
#[non_exhaustive]
pub struct Change {
    /// The assignment.
    pub assignment_id: AssignmentId,
    /// The user who is, or was, on the pack with it.
    pub user_id: UserId,
    /// What it was; `None` if it was not there.
    pub before: Option<State>,
    /// What it is; `None` if it is gone.
    pub after: Option<State>,
}

impl Change {
    /// What happened, which follows from the two states.
    #[must_use]
    pub fn kind(&self) -> ChangeKind {
        ChangeKind::between(self.before.as_ref(), self.after.as_ref())
    }

    fn new(at: &SnapshotEntry, before: Option<&State>, after: Option<&State>) -> Self {
        Self {
            assignment_id: at.id,
            user_id: at.user_id,
            before: before.cloned(),
            after: after.cloned(),
        }
    }
}

impl fmt::Display for Change {
    /// One line, which begins with the kind.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind();
        write!(
            f,
            "{kind}: user {}, assignment {}",
            self.user_id, self.assignment_id
        )?;
        match (&self.before, &self.after) {
            (Some(before), Some(after)) if kind == ChangeKind::Other => {
                write!(f, " (was {before}, now {after})")
            }
            (Some(before), _) => write!(f, " (was {before})"),
            (None, Some(after)) => write!(f, " ({after})"),
            (None, None) => Ok(()),
        }
    }
}

/// A change as it is written.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct Row {
    /// What happened.
    change: ChangeKind,
    /// The user.
    user_id: UserId,
    /// The assignment.
    assignment_id: AssignmentId,
    /// The status that it has now, where `change` is `other`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<AssignmentStatus>,
    /// What it was; null if it was not there.
    before: Option<State>,
    /// What it is; null if it is gone.
    after: Option<State>,
}

impl From<Change> for Row {
    fn from(change: Change) -> Self {
        let kind = change.kind();
        let now = change.after.as_ref().filter(|_| kind == ChangeKind::Other);
        Self {
            change: kind,
            user_id: change.user_id,
            assignment_id: change.assignment_id,
            status: now.map(|state| state.status().clone()),
            before: change.before,
            after: change.after,
        }
    }
}

impl TryFrom<Row> for Change {
    type Error = String;

    /// Refuses a row whose `change` is not what its two states tell.
    fn try_from(row: Row) -> Result<Self, String> {
        let Row {
            change: kind,
            user_id,
            assignment_id,
            status: _,
            before,
            after,
        } = row;
        let change = Self {
            assignment_id,
            user_id,
            before,
            after,
        };
        if change.before == change.after {
            Err(format!(
                "the change of assignment {assignment_id} changes nothing"
            ))
        } else if change.kind() != kind {
            Err(format!(
                "the change of assignment {assignment_id} is `{}`, not `{kind}`",
                change.kind()
            ))
        } else {
            Ok(change)
        }
    }
}

impl Snapshot {
    /// Compares this snapshot with an earlier one of the same pack. Returns the changes in the order of the assignment ids.
    ///
    /// Applying the changes to `earlier` in this order gives this snapshot. An assignment that now belongs to another user is
    /// a removal and a new assignment. Times are not compared. Takes time linear in the two sizes, and memory for the changes
    /// only.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`]: the snapshots are of different packs.
    pub fn changes_since(&self, earlier: &Self) -> Result<Vec<Change>, Error> {
        if self.pack() != earlier.pack() {
            let message = format!(
                "a snapshot of pack {} cannot be compared with one of pack {}",
                self.pack(),
                earlier.pack()
            );
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        let mut changes = Vec::new();
        let removed = |entry: &SnapshotEntry| Change::new(entry, Some(&entry.state), None);
        let assigned = |entry: &SnapshotEntry| Change::new(entry, None, Some(&entry.state));

        let (mut old, mut new) = (earlier.entries.as_slice(), self.entries.as_slice());
        while let ([before, old_rest @ ..], [after, new_rest @ ..]) = (old, new) {
            match before.id.cmp(&after.id) {
                Ordering::Less => {
                    changes.push(removed(before));
                    old = old_rest;
                }
                Ordering::Greater => {
                    changes.push(assigned(after));
                    new = new_rest;
                }
                Ordering::Equal => {
                    if before.user_id != after.user_id {
                        changes.extend([removed(before), assigned(after)]);
                    } else if before.state != after.state {
                        changes.push(Change::new(after, Some(&before.state), Some(&after.state)));
                    }
                    (old, new) = (old_rest, new_rest);
                }
            }
        }
        changes.extend(old.iter().map(removed));
        changes.extend(new.iter().map(assigned));
        Ok(changes)
    }
}
