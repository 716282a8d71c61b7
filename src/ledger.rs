//! Every unique id in input order, each with its outcome: the dedup, the work list and the report.

use crate::id::UserId;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::BuildHasher;
use std::sync::Arc;

/// What became of one user.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// On the pack, by a request of this run.
    Assigned,
    /// On the pack already; nothing was sent for them, or the API refused them because of it.
    AlreadyAssigned,
    /// The API refuses this user, and says why.
    Rejected(Rejection),
    /// Known not to have been assigned by this run: safe to send again.
    NotAssigned,
    /// Whether a request for this user was executed could not be established.
    Unknown,
}

/// Why the API refuses a user. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Rejection(Arc<str>);

impl Rejection {
    pub(crate) fn new(reason: impl Into<Arc<str>>) -> Self {
        Self(reason.into())
    }

    /// The API's words.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rejection({:?})", self.0)
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Assigned => f.write_str("assigned"),
            Self::AlreadyAssigned => f.write_str("already assigned"),
            Self::Rejected(why) => write!(f, "rejected: {why}"),
            Self::NotAssigned => f.write_str("not assigned"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

/// The ids of one run. An id's position is its index here.
///
/// Columns rather than a map of ids to outcomes: a million of them are added at once, and the time that
/// takes is that of the memory it touches.
#[derive(Clone, Default)]
pub(crate) struct Ledger {
    /// In the order in which they came.
    ids: Vec<UserId>,
    /// What became of each; of those beyond its end, nothing yet.
    tags: Vec<Tag>,
    /// The positions, found by their id.
    positions: HashTable<u32>,
    /// The ids come from outside: a seeded hasher, so that no list can be made to collide.
    hasher: foldhash::fast::RandomState,
    /// The outcomes of those who are rejected, by position.
    rejected: HashMap<u32, Outcome>,
    duplicates: u64,
    settled: u64,
    /// Positions of which a request was ever in doubt.
    doubted: HashSet<u32>,
}

/// An outcome without its reason.
#[derive(Clone, Copy, PartialEq)]
enum Tag {
    NotAssigned,
    Assigned,
    AlreadyAssigned,
    Rejected,
    Unknown,
}

impl Ledger {
    /// A ledger of the ids, each once; one that repeats an earlier one counts as a duplicate.
    ///
    /// Works in the memory of the list, as fresh memory would take longer than the lookups.
    pub(crate) fn new(mut ids: Vec<UserId>) -> Self {
        let given = u32::try_from(ids.len()).expect("a list of at most four billion ids");
        let hasher = foldhash::fast::RandomState::default();
        let mut positions = HashTable::with_capacity(ids.len());
        let mut unique = 0;
        for next in 0..given {
            let id = ids[next as usize];
            let is_same = |position: &u32| ids[*position as usize] == id;
            let hash = |position: &u32| hasher.hash_one(ids[*position as usize]);
            if let Entry::Vacant(entry) = positions.entry(hasher.hash_one(id), is_same, hash) {
                entry.insert(unique);
                ids[unique as usize] = id;
                unique += 1;
            }
        }
        ids.truncate(unique as usize);
        Self { ids, positions, hasher, duplicates: u64::from(given - unique), ..Self::default() }
    }

    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(crate) fn position(&self, id: UserId) -> Option<u32> {
        self.positions.find(self.hasher.hash_one(id), |position| self.ids[*position as usize] == id).copied()
    }

    pub(crate) fn id(&self, position: u32) -> UserId {
        self.ids[position as usize]
    }

    pub(crate) fn ids(&self, positions: &[u32]) -> Vec<UserId> {
        positions.iter().map(|position| self.id(*position)).collect()
    }

    pub(crate) fn outcome(&self, position: u32) -> &Outcome {
        match self.tags.get(position as usize).unwrap_or(&Tag::NotAssigned) {
            Tag::NotAssigned => &Outcome::NotAssigned,
            Tag::Assigned => &Outcome::Assigned,
            Tag::AlreadyAssigned => &Outcome::AlreadyAssigned,
            Tag::Rejected => &self.rejected[&position],
            Tag::Unknown => &Outcome::Unknown,
        }
    }

    pub(crate) fn set(&mut self, position: u32, outcome: Outcome) {
        let tag = match outcome {
            Outcome::NotAssigned => Tag::NotAssigned,
            Outcome::Assigned => Tag::Assigned,
            Outcome::AlreadyAssigned => Tag::AlreadyAssigned,
            Outcome::Rejected(_) => Tag::Rejected,
            Outcome::Unknown => Tag::Unknown,
        };
        if self.tags.len() < self.ids.len() {
            self.tags.resize(self.ids.len(), Tag::NotAssigned);
        }
        let before = std::mem::replace(&mut self.tags[position as usize], tag);
        self.settled += u64::from(tag != Tag::NotAssigned);
        self.settled -= u64::from(before != Tag::NotAssigned);
        if tag == Tag::Rejected {
            self.rejected.insert(position, outcome);
        } else if before == Tag::Rejected {
            self.rejected.remove(&position);
        }
    }

    /// A request for these is in doubt, whatever becomes of it.
    pub(crate) fn doubt(&mut self, positions: &[u32]) {
        self.doubted.extend(positions);
    }

    /// What it means that the user is on the pack: ours, if a request of ours ever was in doubt.
    pub(crate) fn found(&mut self, position: u32) {
        let ours = self.doubted.contains(&position);
        self.set(position, if ours { Outcome::Assigned } else { Outcome::AlreadyAssigned });
    }

    pub(crate) fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// How many have an outcome other than `NotAssigned`.
    pub(crate) fn settled(&self) -> u64 {
        self.settled
    }

    pub(crate) fn outcomes(&self) -> impl ExactSizeIterator<Item = (UserId, &Outcome)> + Clone {
        let positions = 0..u32::try_from(self.len()).unwrap_or(u32::MAX);
        self.ids.iter().zip(positions).map(|(id, position)| (*id, self.outcome(position)))
    }
}

/// What became of a list: exactly one [`Outcome`] for every unique id, in input order.
///
/// Serialises as the ids of each outcome, with field names as the API writes them.
#[derive(Clone)]
pub struct Report {
    ledger: Ledger,
    requests: u64,
}

impl Report {
    pub(crate) fn new(ledger: Ledger, requests: u64) -> Self {
        Self { ledger, requests }
    }

    /// Every unique id with its outcome, in input order.
    #[must_use]
    pub fn outcomes(&self) -> impl ExactSizeIterator<Item = (UserId, &Outcome)> + Clone {
        self.ledger.outcomes()
    }

    /// The outcome of one id; `None` if it was not in the list.
    #[must_use]
    pub fn outcome(&self, id: UserId) -> Option<&Outcome> {
        self.ledger.position(id).map(|position| self.ledger.outcome(position))
    }

    /// Whom this run assigned.
    pub fn assigned(&self) -> impl Iterator<Item = UserId> + Clone {
        self.with(|outcome| matches!(outcome, Outcome::Assigned))
    }

    /// Who was on the pack already.
    pub fn already_assigned(&self) -> impl Iterator<Item = UserId> + Clone {
        self.with(|outcome| matches!(outcome, Outcome::AlreadyAssigned))
    }

    /// Whom the API refuses, and why.
    pub fn rejected(&self) -> impl Iterator<Item = (UserId, &Rejection)> + Clone {
        self.outcomes().filter_map(|(id, outcome)| match outcome {
            Outcome::Rejected(why) => Some((id, why)),
            _ => None,
        })
    }

    /// Who is not assigned and may be sent again.
    pub fn not_assigned(&self) -> impl Iterator<Item = UserId> + Clone {
        self.with(|outcome| matches!(outcome, Outcome::NotAssigned))
    }

    /// Whose fate could not be established.
    pub fn unknown(&self) -> impl Iterator<Item = UserId> + Clone {
        self.with(|outcome| matches!(outcome, Outcome::Unknown))
    }

    /// What to run again: everyone who is not settled, in input order. Running the same list again
    /// does as well; who is on the pack is skipped.
    pub fn retry_ids(&self) -> impl Iterator<Item = UserId> + Clone {
        self.with(|outcome| matches!(outcome, Outcome::NotAssigned | Outcome::Unknown))
    }

    /// The ids that repeated an earlier one.
    #[must_use]
    pub fn duplicates(&self) -> u64 {
        self.ledger.duplicates
    }

    /// The unique ids.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ledger.len()
    }

    /// Whether the list was empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The requests that the run sent, reads and tokens included.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests
    }

    fn with(&self, is: impl Fn(&Outcome) -> bool + Clone) -> impl Iterator<Item = UserId> + Clone {
        self.outcomes().filter(move |(_, outcome)| is(outcome)).map(|(id, _)| id)
    }

    fn columns(&self) -> Columns {
        Columns {
            assigned: self.assigned().collect(),
            already_assigned: self.already_assigned().collect(),
            rejected: self
                .rejected()
                .map(|(user_id, why)| RejectedUser { user_id, reason: why.reason().to_owned() })
                .collect(),
            not_assigned: self.not_assigned().collect(),
            unknown: self.unknown().collect(),
            duplicates: self.duplicates(),
            requests: self.requests,
        }
    }
}

/// A report as it is written.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema), schemars(rename = "Report"))]
struct Columns {
    /// Whom the run assigned.
    assigned: Vec<UserId>,
    /// Who was on the pack already.
    already_assigned: Vec<UserId>,
    /// Whom the API refuses, and why.
    rejected: Vec<RejectedUser>,
    /// Who is not assigned and may be sent again.
    not_assigned: Vec<UserId>,
    /// Whose fate could not be established.
    unknown: Vec<UserId>,
    /// The ids that repeated an earlier one.
    duplicates: u64,
    /// The requests that the run sent, reads and tokens included.
    requests: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
struct RejectedUser {
    /// The user.
    user_id: UserId,
    /// The API's words.
    reason: String,
}

impl Serialize for Report {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.columns().serialize(serializer)
    }
}

#[cfg(feature = "schemars")]
impl schemars::JsonSchema for Report {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        Columns::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Columns::json_schema(generator)
    }
}

impl fmt::Display for Report {
    /// One line of counts.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut counts = [0_usize; 5];
        for (_, outcome) in self.outcomes() {
            counts[match outcome {
                Outcome::Assigned => 0,
                Outcome::AlreadyAssigned => 1,
                Outcome::Rejected(_) => 2,
                Outcome::NotAssigned => 3,
                Outcome::Unknown => 4,
            }] += 1;
        }
        let [assigned, already, rejected, not, unknown] = counts;
        write!(
            f,
            "{} users: {assigned} assigned, {already} already assigned, {rejected} rejected",
            self.len()
        )?;
        for (count, what) in [(not, "not assigned"), (unknown, "unknown")] {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        write!(f, "; {} duplicates, {} requests", self.duplicates(), self.requests)
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Report({self})")
    }
}
