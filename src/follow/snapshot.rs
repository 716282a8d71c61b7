use super::{Progress, Stage, State};
use crate::{Assignment, AssignmentId, Error, ErrorKind, PackId, UserId};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::HashSet;
use std::fmt;
use std::hash::BuildHasher;
use std::time::{Duration, SystemTime};

/// The version of the snapshot file format.
const VERSION: u64 = 1;

/// The last second of the year 9999, which `SystemTime` can represent on every platform. A snapshot file with a time
/// after the year 9999 is rejected, because the time could overflow `SystemTime`.
const LATEST: u64 = 253_402_300_799;

/// The assignments of a pack at one point in time. Each entry stores the time of the first snapshot that contained its
/// current state.
///
/// [`changes_since`](Self::changes_since) compares two snapshots of the same pack.
///
/// # Saving
/// To save a snapshot, serialize it with `serde`. The saved file includes a format version, so that later releases can
/// still read the file. Reading an incomplete file fails and never returns an empty snapshot. Times are stored as whole
/// seconds since the Unix epoch (UTC).
///
/// ```
/// use connecteam_onboarding::{Assignment, PackId, Snapshot};
/// use std::time::{Duration, SystemTime};
///
/// let monday = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
/// let listed: Vec<Assignment> = serde_json::from_str(
///     r#"[{"id":501,"userId":7,"status":"in_progress","isWaitingApproval":false}]"#,
/// )?;
/// let snapshot = Snapshot::new(PackId::try_from(1001)?, monday, listed);
///
/// let saved = serde_json::to_string(&snapshot)?;
/// assert_eq!(
///     saved,
///     r#"{"version":1,"pack":1001,"takenAt":1700000000,"assignments":[{"id":501,"userId":7,"status":"in_progress","isWaitingApproval":false,"since":1700000000}]}"#
/// );
/// assert_eq!(serde_json::from_str::<Snapshot>(&saved)?, snapshot);
///
/// // Remind the users without progress for three days.
/// let three_days = Duration::from_secs(3 * 24 * 60 * 60);
/// let thursday = monday + three_days;
/// for user in snapshot.in_progress_since(thursday - three_days) {
///     println!("Dear {user}, …");
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// The version of the file format. This field comes first, so that reading a file in a newer format fails with an
    /// error about the format version.
    #[serde(deserialize_with = "known_version")]
    #[cfg_attr(feature = "schemars", schemars(range(min = 1, max = 1)))]
    version: u64,
    /// The id of the pack.
    pack: PackId,
    /// The time when the snapshot was taken, in seconds since the Unix epoch (UTC).
    #[serde(deserialize_with = "known_time")]
    taken_at: u64,
    /// All assignments of the pack, sorted by id. Each id occurs once.
    #[serde(rename = "assignments", deserialize_with = "distinct")]
    pub(super) entries: Vec<SnapshotEntry>,
}

/// One assignment of a [`Snapshot`].
///
/// ```
/// use connecteam_onboarding::{AssignmentId, PackId, Snapshot, Stage};
/// use std::time::{Duration, SystemTime};
///
/// let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
/// let snapshot = Snapshot::new(PackId::try_from(1001)?, now, serde_json::from_str(
///     r#"[{"id":501,"userId":7,"status":"completed","isWaitingApproval":false}]"#,
/// )?);
/// let entry = snapshot.get(AssignmentId::try_from(501)?).unwrap();
/// assert_eq!((entry.user_id().get(), entry.stage(), entry.since()), (7, Stage::Completed, now));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SnapshotEntry {
    /// The id of the assignment.
    pub(super) id: AssignmentId,
    /// The id of the assigned user.
    pub(super) user_id: UserId,
    /// The state of the assignment.
    #[serde(flatten)]
    pub(super) state: State,
    /// The time of the first snapshot that contained the current state, in seconds since the Unix epoch (UTC).
    #[serde(deserialize_with = "known_time")]
    since: u64,
}

fn known_version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    match u64::deserialize(deserializer)? {
        VERSION => Ok(VERSION),
        other => Err(D::Error::custom(format_args!(
            "a snapshot of version {other}: this release reads version {VERSION}"
        ))),
    }
}

fn known_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    match u64::deserialize(deserializer)? {
        seconds @ 0..=LATEST => Ok(seconds),
        seconds => Err(D::Error::custom(format_args!(
            "{seconds} is not a time before the year 10000, in seconds since 1970"
        ))),
    }
}

fn distinct<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<SnapshotEntry>, D::Error> {
    let mut entries = Vec::<SnapshotEntry>::deserialize(deserializer)?;
    entries.sort_by_key(|entry| entry.id);
    entries.shrink_to_fit();
    match entries.windows(2).find(|pair| pair[0].id == pair[1].id) {
        Some(twice) => Err(D::Error::custom(format_args!(
            "assignment {} is listed twice",
            twice[0].id
        ))),
        None => Ok(entries),
    }
}

/// Converts a time to whole seconds since the Unix epoch. Times outside the years 1970 to 9999 are clamped.
///
/// Snapshots store seconds, because a `u64` takes half the memory of a `SystemTime` and is exact in JSON.
fn seconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_secs().min(LATEST)
}

fn time(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

impl SnapshotEntry {
    /// Returns the id of the assignment.
    #[must_use]
    pub fn assignment_id(&self) -> AssignmentId {
        self.id
    }

    /// Returns the id of the assigned user.
    #[must_use]
    pub fn user_id(&self) -> UserId {
        self.user_id
    }

    /// Returns the state of the assignment.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Returns the stage of the assignment, derived from its state.
    #[must_use]
    pub fn stage(&self) -> Stage<'_> {
        self.state.stage()
    }

    /// Returns the time of the first snapshot that contained the assignment in its current state.
    ///
    /// The assignment may have reached its current state before that snapshot was taken.
    #[must_use]
    pub fn since(&self) -> SystemTime {
        time(self.since)
    }
}

impl Snapshot {
    /// Creates the first snapshot of a pack. The [`since`](SnapshotEntry::since) time of every entry is `taken_at`.
    ///
    /// The assignments may be in any order. If an id occurs several times, the snapshot keeps the last assignment with
    /// that id.
    #[must_use]
    pub fn new(pack: PackId, taken_at: SystemTime, assignments: Vec<Assignment>) -> Self {
        let taken_at = seconds(taken_at);
        let entries = assignments.into_iter().map(|assignment| SnapshotEntry {
            id: assignment.id,
            user_id: assignment.user_id,
            state: State::new(assignment.status, assignment.is_waiting_approval),
            since: taken_at,
        });
        let mut entries: Vec<_> = entries.collect();
        if !entries.is_sorted_by(|a, b| a.id < b.id) {
            // Reversing the list before the stable sort makes `dedup_by_key` keep the last entry with each id.
            entries.reverse();
            entries.sort_by_key(|entry| entry.id);
            entries.dedup_by_key(|entry| entry.id);
        }
        // Frees unused capacity, because programs may keep a snapshot in memory for a long time.
        entries.shrink_to_fit();
        Self {
            version: VERSION,
            pack,
            taken_at,
            entries,
        }
    }

    /// Creates the next snapshot of the pack after `earlier`. Unchanged entries keep their
    /// [`since`](SnapshotEntry::since) time from `earlier`.
    ///
    /// ```
    /// use connecteam_onboarding::{PackId, Snapshot};
    /// use std::time::{Duration, SystemTime};
    ///
    /// let listed = r#"[{"id":501,"userId":7,"status":"in_progress","isWaitingApproval":false}]"#;
    /// let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    /// let earlier = Snapshot::new(PackId::try_from(1001)?, start, serde_json::from_str(listed)?);
    /// let later = Snapshot::after(&earlier, start + Duration::from_secs(60), serde_json::from_str(listed)?);
    /// assert_eq!(later.iter().next().unwrap().since(), start);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn after(earlier: &Self, taken_at: SystemTime, assignments: Vec<Assignment>) -> Self {
        let mut later = Self::new(earlier.pack, taken_at, assignments);
        let mut before = earlier.entries.iter().peekable();
        for entry in &mut later.entries {
            while before.next_if(|before| before.id < entry.id).is_some() {}
            if let Some(before) = before.next_if(|before| before.id == entry.id)
                && (before.user_id, &before.state) == (entry.user_id, &entry.state)
            {
                entry.since = before.since;
            }
        }
        later
    }

    /// Returns whether `assignments` contains exactly the entries of this snapshot, in the same order. If a poll
    /// returns the same list again, the watch does not build a new snapshot.
    pub(super) fn shows(&self, assignments: &[Assignment]) -> bool {
        let same = |(entry, assignment): (&SnapshotEntry, &Assignment)| {
            entry.id == assignment.id
                && entry.user_id == assignment.user_id
                && entry.state.status() == &assignment.status
                && entry.state.is_waiting_approval() == assignment.is_waiting_approval
        };
        self.entries.len() == assignments.len() && self.entries.iter().zip(assignments).all(same)
    }

    /// Returns an error if the snapshot is of another pack.
    pub(super) fn check_pack(&self, pack: PackId) -> Result<(), Error> {
        if self.pack == pack {
            return Ok(());
        }
        let message = format!(
            "the snapshot is of pack {}, not of pack {pack}: keep one file per pack",
            self.pack
        );
        Err(Error::new(ErrorKind::InvalidInput, message))
    }

    /// Returns the id of the pack.
    #[must_use]
    pub fn pack(&self) -> PackId {
        self.pack
    }

    /// Returns the time when the snapshot was taken.
    #[must_use]
    pub fn taken_at(&self) -> SystemTime {
        time(self.taken_at)
    }

    /// Returns the number of assignments.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether the snapshot has no assignments.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Iterates over the entries, sorted by assignment id.
    pub fn iter(&self) -> std::slice::Iter<'_, SnapshotEntry> {
        self.entries.iter()
    }

    /// Returns the entry with this assignment id.
    #[must_use]
    pub fn get(&self, id: AssignmentId) -> Option<&SnapshotEntry> {
        let index = self.entries.binary_search_by_key(&id, |entry| entry.id);
        Some(&self.entries[index.ok()?])
    }

    /// Iterates over the entries of one user. A user may have more than one entry. The iterator scans the whole
    /// snapshot.
    pub fn of_user(&self, user: UserId) -> impl Iterator<Item = &SnapshotEntry> {
        self.iter().filter(move |entry| entry.user_id == user)
    }

    /// Keeps only the entries of these users. To get only the changes of some users, call `only` on both snapshots
    /// before you compare the snapshots.
    #[must_use]
    pub fn only(mut self, users: &HashSet<UserId, impl BuildHasher>) -> Self {
        self.entries.retain(|entry| users.contains(&entry.user_id));
        self
    }

    /// Counts the assignments by stage.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.iter().map(SnapshotEntry::stage).collect()
    }

    /// Returns the ids of users who wait for an admin's approval, sorted and without duplicates.
    #[must_use]
    pub fn waiting_for_approval(&self) -> impl ExactSizeIterator<Item = UserId> + use<> {
        self.users(|entry| entry.stage() == Stage::WaitingForApproval)
    }

    /// Returns the ids of users who have waited for an admin's approval since `moment` or earlier, sorted and without
    /// duplicates.
    #[must_use]
    pub fn waiting_since(
        &self,
        moment: SystemTime,
    ) -> impl ExactSizeIterator<Item = UserId> + use<> {
        self.users(|entry| entry.stage() == Stage::WaitingForApproval && entry.since() <= moment)
    }

    /// Returns the ids of users with an assignment in progress, sorted and without duplicates.
    #[must_use]
    pub fn in_progress(&self) -> impl ExactSizeIterator<Item = UserId> + use<> {
        self.users(|entry| entry.stage() == Stage::InProgress)
    }

    /// Returns the ids of users whose assignments are all completed, sorted and without duplicates.
    #[must_use]
    pub fn completed(&self) -> impl ExactSizeIterator<Item = UserId> + use<> {
        let mut users: Vec<_> = self
            .iter()
            .map(|entry| (entry.user_id, entry.stage() == Stage::Completed))
            .collect();
        users.sort_unstable();
        // Each user's incomplete assignments sort first, and `dedup_by_key` keeps the first assignment of each user.
        users.dedup_by_key(|(user, _)| *user);
        users.retain(|(_, completed)| *completed);
        users.into_iter().map(|(user, _)| user)
    }

    /// Returns the ids of users with an in-progress assignment whose state has not changed since `moment`, sorted and
    /// without duplicates. Assignments that wait for approval are ignored.
    #[must_use]
    pub fn in_progress_since(
        &self,
        moment: SystemTime,
    ) -> impl ExactSizeIterator<Item = UserId> + use<> {
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

impl<'a> IntoIterator for &'a Snapshot {
    type Item = &'a SnapshotEntry;
    type IntoIter = std::slice::Iter<'a, SnapshotEntry>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Debug for Snapshot {
    /// Formats only the pack, the counts and the time, because a list of all entries would be too long for a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Snapshot(pack {}, {} at {})",
            self.pack,
            self.progress(),
            self.taken_at
        )
    }
}
