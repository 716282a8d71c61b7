//! Every unique id in input order, each with its outcome: the dedup, the work list and the report.

use crate::id::UserId;
use crate::printable::Printable;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::BuildHasher;
use std::sync::Arc;

/// What became of one user; exactly one for each unique id of a list.
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
    /// The API's words as one line; [`reason`](Self::reason) has them as they came.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Printable(&self.0), f)
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
        Self {
            ids,
            positions,
            hasher,
            duplicates: u64::from(given - unique),
            ..Self::default()
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(crate) fn position(&self, id: UserId) -> Option<u32> {
        self.positions
            .find(self.hasher.hash_one(id), |position| {
                self.ids[*position as usize] == id
            })
            .copied()
    }

    pub(crate) fn id(&self, position: u32) -> UserId {
        self.ids[position as usize]
    }

    pub(crate) fn ids(&self, positions: &[u32]) -> Vec<UserId> {
        positions
            .iter()
            .map(|position| self.id(*position))
            .collect()
    }

    pub(crate) fn outcome(&self, position: u32) -> &Outcome {
        match self
            .tags
            .get(position as usize)
            .unwrap_or(&Tag::NotAssigned)
        {
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
        self.set(
            position,
            if ours {
                Outcome::Assigned
            } else {
                Outcome::AlreadyAssigned
            },
        );
    }

    /// Counts so many ids that repeated another.
    pub(crate) fn add_duplicates(&mut self, duplicates: u64) {
        self.duplicates = self.duplicates.saturating_add(duplicates);
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
        self.ids
            .iter()
            .zip(positions)
            .map(|(id, position)| (*id, self.outcome(position)))
    }
}
