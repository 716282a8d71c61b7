//! What a pack looked like at one time.

use super::{Moment, Progress, Stage, State};
use crate::{Assignment, AssignmentId, UserId};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::fmt;
use std::hash::BuildHasher;
use std::time::SystemTime;

/// What a pack looked like at one time: every assignment, and since when it is as it is.
///
/// Two of them tell what happened in between: [`changes_since`](Self::changes_since). Saved with
/// `serde`, it carries the version of its format, so that later releases read it; anything that is no
/// whole snapshot is an error, never an empty one. Times are kept to the second, and written as seconds
/// since the Unix epoch (UTC).
///
/// Entries are in the order of their assignment ids, at 40 bytes each.
///
/// ```
/// use connecteam_onboarding::{Assignment, Snapshot};
/// use std::time::{Duration, SystemTime};
///
/// let monday = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
/// let listed: Vec<Assignment> = serde_json::from_str(
///     r#"[{"id":501,"userId":7,"status":"in_progress","isWaitingApproval":false}]"#,
/// )?;
/// let snapshot = Snapshot::new(monday, listed);
///
/// let saved = serde_json::to_string(&snapshot)?;
/// assert_eq!(
///     saved,
///     r#"{"version":1,"takenAt":1700000000,"assignments":[{"id":501,"userId":7,"status":"in_progress","isWaitingApproval":false,"since":1700000000}]}"#
/// );
/// assert_eq!(serde_json::from_str::<Snapshot>(&saved)?, snapshot);
///
/// // A reminder for everyone who has not moved for three days.
/// let three_days = Duration::from_secs(3 * 24 * 60 * 60);
/// let thursday = monday + three_days;
/// for user in snapshot.stuck_since(thursday - three_days) {
///     println!("Dear {user}, …");
/// }
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Snapshot {
    pub(super) taken_at: Moment,
    /// Strictly ascending by assignment id.
    pub(super) entries: Vec<SnapshotEntry>,
}

/// One assignment of a [`Snapshot`].
///
/// ```
/// use connecteam_onboarding::{AssignmentId, Snapshot, Stage};
/// use std::time::{Duration, SystemTime};
///
/// let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
/// let snapshot = Snapshot::new(now, serde_json::from_str(
///     r#"[{"id":501,"userId":7,"status":"completed","isWaitingApproval":false}]"#,
/// )?);
/// let entry = snapshot.get(AssignmentId::try_from(501)?).unwrap();
/// assert_eq!((entry.user_id().get(), entry.stage(), entry.since()), (7, Stage::Completed, now));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(from = "super::saved::Row", into = "super::saved::Row")]
pub struct SnapshotEntry {
    pub(super) id: AssignmentId,
    pub(super) user_id: UserId,
    pub(super) state: State,
    pub(super) since: Moment,
}

impl SnapshotEntry {
    /// The assignment.
    #[must_use]
    pub fn assignment_id(&self) -> AssignmentId {
        self.id
    }

    /// The user who is on the pack.
    #[must_use]
    pub fn user_id(&self) -> UserId {
        self.user_id
    }

    /// What the API says of it.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// What that means.
    #[must_use]
    pub fn stage(&self) -> Stage<'_> {
        self.state.stage()
    }

    /// When the first of an unbroken run of snapshots that show it like this was taken. It may have been so
    /// for longer: nobody looked.
    #[must_use]
    pub fn since(&self) -> SystemTime {
        self.since.into()
    }

    /// Whether the API says the same of both, whose ids are equal.
    pub(super) fn says_the_same(&self, other: &Self) -> bool {
        self.user_id == other.user_id && self.state == other.state
    }
}

impl Snapshot {
    /// The first look at a pack: every entry is as it is since `taken_at`.
    ///
    /// The assignments may come in any order. Of those with the same id the last one counts.
    #[must_use]
    pub fn new(taken_at: SystemTime, assignments: Vec<Assignment>) -> Self {
        let taken_at = Moment::from(taken_at);
        let entries = assignments.into_iter().map(|assignment| SnapshotEntry {
            id: assignment.id,
            user_id: assignment.user_id,
            state: State::new(assignment.status, assignment.is_waiting_approval),
            since: taken_at,
        });
        let mut entries: Vec<_> = entries.collect();
        if !is_ascending(&entries) {
            sort(&mut entries);
            entries.dedup_by(|later, kept| {
                let repeated = later.id == kept.id;
                if repeated {
                    std::mem::swap(later, kept);
                }
                repeated
            });
        }
        // It may be kept for as long as a program runs.
        entries.shrink_to_fit();
        Self { taken_at, entries }
    }

    /// A further look: what has not changed since `earlier` keeps its [`since`](SnapshotEntry::since).
    ///
    /// ```
    /// use connecteam_onboarding::Snapshot;
    /// use std::time::{Duration, SystemTime};
    ///
    /// let listed = r#"[{"id":501,"userId":7,"status":"in_progress","isWaitingApproval":false}]"#;
    /// let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    /// let earlier = Snapshot::new(start, serde_json::from_str(listed)?);
    /// let later = Snapshot::after(&earlier, start + Duration::from_secs(60), serde_json::from_str(listed)?);
    /// assert_eq!(later.iter().next().unwrap().since(), start);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    #[must_use]
    pub fn after(earlier: &Self, taken_at: SystemTime, assignments: Vec<Assignment>) -> Self {
        let mut later = Self::new(taken_at, assignments);
        let mut before = earlier.entries.iter().peekable();
        for entry in &mut later.entries {
            while before.next_if(|before| before.id < entry.id).is_some() {}
            if let Some(before) = before.next_if(|before| before.id == entry.id)
                && before.says_the_same(entry)
            {
                entry.since = before.since;
            }
        }
        later
    }

    /// Whether a list says the same, in the same order. Most looks find nothing new: those need no snapshot.
    pub(crate) fn shows(&self, assignments: &[Assignment]) -> bool {
        let same = |(entry, assignment): (&SnapshotEntry, &Assignment)| {
            entry.id == assignment.id
                && entry.user_id == assignment.user_id
                && entry.state.status() == &assignment.status
                && entry.state.is_waiting_approval() == assignment.is_waiting_approval
        };
        self.entries.len() == assignments.len() && self.entries.iter().zip(assignments).all(same)
    }

    /// When it was taken.
    #[must_use]
    pub fn taken_at(&self) -> SystemTime {
        self.taken_at.into()
    }

    /// The number of assignments.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nobody was on the pack.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Every entry, in the order of the assignment ids.
    pub fn iter(&self) -> std::slice::Iter<'_, SnapshotEntry> {
        self.entries.iter()
    }

    /// The entry of an assignment.
    #[must_use]
    pub fn get(&self, id: AssignmentId) -> Option<&SnapshotEntry> {
        self.entries
            .binary_search_by_key(&id, |entry| entry.id)
            .ok()
            .map(|index| &self.entries[index])
    }

    /// The entries of one user, who may have several. Looks at every entry.
    pub fn of_user(&self, user: UserId) -> impl Iterator<Item = &SnapshotEntry> {
        self.iter().filter(move |entry| entry.user_id == user)
    }

    /// The same without the entries of anybody else.
    ///
    /// Of two snapshots cut down to the same users, the changes are those of these users.
    #[must_use]
    pub fn only(mut self, users: &HashSet<UserId, impl BuildHasher>) -> Self {
        self.entries.retain(|entry| users.contains(&entry.user_id));
        self
    }

    /// The counts.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.iter().map(SnapshotEntry::stage).collect()
    }

    /// The users with an assignment that waits for an admin's approval: each once, ascending.
    #[must_use]
    pub fn who_waits(&self) -> impl ExactSizeIterator<Item = UserId> + use<> {
        self.users(|entry| entry.stage() == Stage::WaitingForApproval)
    }

    /// The users with an assignment in progress: each once, ascending.
    #[must_use]
    pub fn who_is_in_progress(&self) -> impl ExactSizeIterator<Item = UserId> + use<> {
        self.users(|entry| entry.stage() == Stage::InProgress)
    }

    /// The users all of whose assignments are completed: each once, ascending.
    #[must_use]
    pub fn who_completed(&self) -> impl ExactSizeIterator<Item = UserId> + use<> {
        let mut users: Vec<_> = self
            .iter()
            .map(|entry| (entry.user_id, entry.stage() == Stage::Completed))
            .collect();
        users.sort_unstable();
        // What is open sorts first, so it is what stays of a user.
        users.dedup_by_key(|(user, _)| *user);
        users.retain(|(_, completed)| *completed);
        users.into_iter().map(|(user, _)| user)
    }

    /// The users with an assignment in progress that has not changed since `moment` or longer: each once,
    /// ascending. Who waits for an approval is not stuck; the admin is.
    #[must_use]
    pub fn stuck_since(&self, moment: SystemTime) -> impl ExactSizeIterator<Item = UserId> + use<> {
        self.users(|entry| entry.stage() == Stage::InProgress && entry.since() <= moment)
    }

    fn users(&self, wanted: impl Fn(&SnapshotEntry) -> bool) -> std::vec::IntoIter<UserId> {
        let mut users: Vec<_> = self
            .iter()
            .filter(|entry| wanted(entry))
            .map(SnapshotEntry::user_id)
            .collect();
        users.sort_unstable();
        users.dedup();
        users.into_iter()
    }
}

/// Whether the ids are in order and none is there twice.
/// By assignment id; stable, so that the last of those with the same id is the last one listed.
pub(super) fn sort(entries: &mut [SnapshotEntry]) {
    entries.sort_by_key(|entry| entry.id);
}

pub(super) fn is_ascending(entries: &[SnapshotEntry]) -> bool {
    entries.is_sorted_by(|a, b| a.id < b.id)
}

impl<'a> IntoIterator for &'a Snapshot {
    type Item = &'a SnapshotEntry;
    type IntoIter = std::slice::Iter<'a, SnapshotEntry>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Debug for Snapshot {
    /// The time and the counts: the entries would fill a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Snapshot({} at {})",
            self.progress(),
            self.taken_at.seconds()
        )
    }
}
