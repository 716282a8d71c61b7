use super::{Snapshot, SnapshotEntry, Stage, State};
use crate::{AssignmentId, AssignmentStatus, Error, UserId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The kind of a [`Change`] between two snapshots.
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
    /// The assignment is new and may already be in any state.
    Assigned,
    /// The assignment now waits for an admin's approval.
    Submitted,
    /// The assignment is now completed.
    Completed,
    /// The assignment was completed or waiting for approval, and is now in progress again.
    Reopened,
    /// The API no longer lists the assignment.
    Removed,
    /// Any other change, for example a change to a status that this release does not know. If a completed assignment
    /// changes only its `isWaitingApproval`, the kind is `Other`.
    Other,
}

impl ChangeKind {
    /// Returns the name that `Display` and JSON use for this kind.
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
}

impl fmt::Display for ChangeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A change of one assignment between two snapshots.
///
/// In JSON, `change` is the kind, `status` and `isWaitingApproval` are the new state, and `before` is the old state:
///
/// ```json
/// {"change":"completed","userId":7,"assignmentId":501,"status":"completed","isWaitingApproval":false,
///  "before":{"status":"in_progress","isWaitingApproval":true}}
/// ```
///
/// `status` and `isWaitingApproval` are null for [`Removed`](ChangeKind::Removed), and `before` is null for
/// [`Assigned`](ChangeKind::Assigned).
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
/// let json = serde_json::to_string(change)?;
/// assert!(json.starts_with(r#"{"change":"completed","userId":7,"assignmentId":501,"status":"completed","#));
/// assert_eq!(&serde_json::from_str::<connecteam_onboarding::Change>(&json)?, change);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(try_from = "Row", into = "Row")]
#[non_exhaustive]
pub struct Change {
    /// The id of the assignment.
    pub assignment_id: AssignmentId,
    /// The user whose assignment changed.
    pub user_id: UserId,
    /// The state before the change. `None` if the assignment is new.
    pub before: Option<State>,
    /// The state after the change. `None` if the assignment was removed.
    pub after: Option<State>,
}

impl Change {
    /// Returns the kind of the change, derived from `before` and `after`.
    #[must_use]
    pub fn kind(&self) -> ChangeKind {
        let (before, after) = match (&self.before, &self.after) {
            (Some(before), Some(after)) => (before.stage(), after.stage()),
            (None, Some(_)) => return ChangeKind::Assigned,
            (Some(_), None) => return ChangeKind::Removed,
            (None, None) => return ChangeKind::Other,
        };
        match (before, after) {
            // A change within the completed stage is `Other`, so that callers do not count the same completion twice.
            (before, after) if before == after => ChangeKind::Other,
            (_, Stage::WaitingForApproval) => ChangeKind::Submitted,
            (_, Stage::Completed) => ChangeKind::Completed,
            (Stage::WaitingForApproval | Stage::Completed, Stage::InProgress) => {
                ChangeKind::Reopened
            }
            (_, Stage::InProgress | Stage::Other(_)) => ChangeKind::Other,
        }
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
    /// Writes one line with the kind, the ids and the previous state. A new assignment has no previous state, so the
    /// line contains its new state.
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

/// A change of an assignment, as represented in JSON.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct Row {
    /// The kind of change.
    change: ChangeKind,
    /// The id of the assigned user.
    user_id: UserId,
    /// The id of the assignment.
    assignment_id: AssignmentId,
    /// The status after the change. Null if the assignment was removed.
    status: Option<AssignmentStatus>,
    /// Whether an approval is pending after the change. Null if the assignment was removed.
    is_waiting_approval: Option<bool>,
    /// The state before the change. Null if the assignment is new.
    before: Option<State>,
}

impl From<Change> for Row {
    fn from(change: Change) -> Self {
        let after = change.after.as_ref();
        Self {
            change: change.kind(),
            user_id: change.user_id,
            assignment_id: change.assignment_id,
            status: after.map(|state| state.status().clone()),
            is_waiting_approval: after.map(State::is_waiting_approval),
            before: change.before,
        }
    }
}

impl TryFrom<Row> for Change {
    type Error = String;

    /// Returns an error if the kind in the row does not match the states before and after the change.
    fn try_from(row: Row) -> Result<Self, String> {
        let (id, kind) = (row.assignment_id, row.change);
        let after = match (row.status, row.is_waiting_approval) {
            (Some(status), Some(waiting)) => Some(State::new(status, waiting)),
            (None, None) => None,
            _ => {
                return Err(format!(
                    "the change of assignment {id} has only one of `status` and `isWaitingApproval`"
                ));
            }
        };
        let change = Self {
            assignment_id: id,
            user_id: row.user_id,
            before: row.before,
            after,
        };
        if change.before == change.after {
            return Err(format!("the change of assignment {id} changes nothing"));
        }
        match change.kind() {
            actual if actual == kind => Ok(change),
            actual => Err(format!(
                "the change of assignment {id} is `{actual}`, not `{kind}`"
            )),
        }
    }
}

impl Snapshot {
    /// Returns the changes since an earlier snapshot of the same pack, sorted by assignment id.
    ///
    /// Applying the returned changes to `earlier`, in order, produces the assignments of this snapshot. If an
    /// assignment id now belongs to another user, the result contains a removal and a new assignment. Times are not
    /// compared. The comparison takes linear time and allocates memory only for the changes.
    ///
    /// # Errors
    /// Returns [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if the snapshots are of different packs.
    pub fn changes_since(&self, earlier: &Self) -> Result<Vec<Change>, Error> {
        earlier.check_pack(self.pack())?;
        let mut changes = Vec::new();
        let removed = |entry: &SnapshotEntry| Change::new(entry, Some(&entry.state), None);
        let assigned = |entry: &SnapshotEntry| Change::new(entry, None, Some(&entry.state));

        let mut old = earlier.entries.iter().peekable();
        for after in &self.entries {
            while let Some(before) = old.next_if(|before| before.id < after.id) {
                changes.push(removed(before));
            }
            match old.next_if(|before| before.id == after.id) {
                None => changes.push(assigned(after)),
                Some(before) if before.user_id != after.user_id => {
                    changes.extend([removed(before), assigned(after)]);
                }
                Some(before) if before.state != after.state => {
                    changes.push(Change::new(after, Some(&before.state), Some(&after.state)));
                }
                Some(_) => {}
            }
        }
        changes.extend(old.map(removed));
        Ok(changes)
    }
}
