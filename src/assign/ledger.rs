//! The outcome of each user of a run.

use super::outcome::Outcome;
use crate::id::UserId;
use crate::users::UserList;
use std::collections::{HashMap, HashSet};

/// The users of one run, each with its outcome. A user's position is its index in the list.
///
/// The outcomes are a column of tags, because a million of them are read and written.
#[derive(Clone, Default)]
pub(crate) struct Ledger {
    users: UserList,
    /// The outcome of each user. Users beyond the end have none yet.
    tags: Vec<Tag>,
    /// The outcomes of rejected users, by position.
    rejected: HashMap<u32, Outcome>,
    settled: u64,
    /// The positions for which a request was ever ambiguous.
    ambiguous: HashSet<u32>,
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
    pub(crate) fn new(users: UserList) -> Self {
        Self {
            users,
            ..Self::default()
        }
    }

    pub(crate) fn users(&self) -> &UserList {
        &self.users
    }

    pub(crate) fn len(&self) -> usize {
        self.users.len()
    }

    pub(crate) fn ids(&self, positions: &[u32]) -> Vec<UserId> {
        let ids = positions.iter().map(|position| self.users.get(*position));
        ids.collect()
    }

    pub(crate) fn outcome(&self, position: u32) -> &Outcome {
        let tag = self.tags.get(position as usize);
        match tag.unwrap_or(&Tag::NotAssigned) {
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
        if self.tags.len() < self.users.len() {
            self.tags.resize(self.users.len(), Tag::NotAssigned);
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

    /// Notes that a request for these users is ambiguous.
    pub(crate) fn mark_ambiguous(&mut self, positions: &[u32]) {
        self.ambiguous.extend(positions);
    }

    /// Sets the outcome of a user that a list shows. If a request for the user was ambiguous, this run assigned the user.
    pub(crate) fn set_on_pack(&mut self, position: u32) {
        let outcome = if self.ambiguous.contains(&position) {
            Outcome::Assigned
        } else {
            Outcome::AlreadyAssigned
        };
        self.set(position, outcome);
    }

    /// Turns every rejection into `Unknown`.
    pub(crate) fn undo_rejections(&mut self) {
        let rejected: Vec<u32> = self.rejected.keys().copied().collect();
        for position in rejected {
            self.set(position, Outcome::Unknown);
        }
    }

    pub(crate) fn has_rejections(&self) -> bool {
        !self.rejected.is_empty()
    }

    /// Returns how many users have an outcome other than `NotAssigned`.
    pub(crate) fn settled(&self) -> u64 {
        self.settled
    }

    /// Iterates over the positions that are on the pack, as far as this run knows.
    pub(crate) fn on_pack(&self) -> impl Iterator<Item = u32> {
        let tags = (0..).zip(&self.tags);
        tags.filter_map(|(position, tag)| {
            matches!(tag, Tag::Assigned | Tag::AlreadyAssigned).then_some(position)
        })
    }

    pub(crate) fn outcomes(&self) -> impl ExactSizeIterator<Item = (UserId, &Outcome)> + Clone {
        let positions = 0..u32::try_from(self.len()).unwrap_or(u32::MAX);
        let users = self.users.iter().zip(positions);
        users.map(|(id, position)| (id, self.outcome(position)))
    }
}
