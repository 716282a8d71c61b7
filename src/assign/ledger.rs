//! The outcome of each user of a run.

use super::outcome::Outcome;
use crate::id::UserId;
use crate::users::UserList;
use std::collections::{HashMap, HashSet};

/// The users of one run, with their outcomes. Positions are indices into the list of unique users.
///
/// Outcomes are stored as one-byte tags to save memory, because a list may have a million users.
#[derive(Clone)]
pub(super) struct Ledger {
    pub(super) users: UserList,
    tags: Vec<Tag>,
    /// Maps the position of each rejected user to an [`Outcome::Rejected`], which contains the reason.
    rejected: HashMap<u32, Outcome>,
    /// The number of users with an outcome other than `NotAssigned`.
    pub(super) settled: u64,
    /// The positions of all users that have been part of an ambiguous request.
    pub(super) ambiguous: HashSet<u32>,
}

/// An [`Outcome`] without the rejection reason.
#[derive(Clone, Copy, PartialEq)]
enum Tag {
    NotAssigned,
    Assigned,
    AlreadyAssigned,
    Rejected,
    Unknown,
}

impl Ledger {
    /// Creates a ledger in which every user is `NotAssigned`.
    pub(super) fn new(users: UserList) -> Self {
        Self {
            tags: vec![Tag::NotAssigned; users.len()],
            users,
            rejected: HashMap::new(),
            settled: 0,
            ambiguous: HashSet::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.users.len()
    }

    pub(super) fn ids(&self, positions: &[u32]) -> Vec<UserId> {
        let ids = positions.iter().map(|position| self.users.get(*position));
        ids.collect()
    }

    pub(super) fn outcome(&self, position: u32) -> &Outcome {
        match self.tags[position as usize] {
            Tag::NotAssigned => &Outcome::NotAssigned,
            Tag::Assigned => &Outcome::Assigned,
            Tag::AlreadyAssigned => &Outcome::AlreadyAssigned,
            Tag::Rejected => &self.rejected[&position],
            Tag::Unknown => &Outcome::Unknown,
        }
    }

    pub(super) fn set(&mut self, position: u32, outcome: Outcome) {
        let tag = match outcome {
            Outcome::NotAssigned => Tag::NotAssigned,
            Outcome::Assigned => Tag::Assigned,
            Outcome::AlreadyAssigned => Tag::AlreadyAssigned,
            Outcome::Rejected(_) => Tag::Rejected,
            Outcome::Unknown => Tag::Unknown,
        };
        let before = std::mem::replace(&mut self.tags[position as usize], tag);
        self.settled += u64::from(tag != Tag::NotAssigned);
        self.settled -= u64::from(before != Tag::NotAssigned);
        if tag == Tag::Rejected {
            self.rejected.insert(position, outcome);
        } else if before == Tag::Rejected {
            self.rejected.remove(&position);
        }
    }

    /// Sets the outcome of a user that was found on the pack. The outcome is `Assigned` if the user was part of an
    /// ambiguous request, and `AlreadyAssigned` otherwise.
    pub(super) fn set_on_pack(&mut self, position: u32) {
        let outcome = if self.ambiguous.contains(&position) {
            Outcome::Assigned
        } else {
            Outcome::AlreadyAssigned
        };
        self.set(position, outcome);
    }

    /// Changes the outcome of every rejected user to `Unknown`.
    pub(super) fn undo_rejections(&mut self) {
        for (position, _) in self.rejected.drain() {
            self.tags[position as usize] = Tag::Unknown;
        }
    }

    pub(super) fn has_rejections(&self) -> bool {
        !self.rejected.is_empty()
    }

    /// Iterates over the positions of the users that this run knows to be on the pack.
    pub(super) fn on_pack(&self) -> impl Iterator<Item = u32> {
        let tags = (0..).zip(&self.tags);
        tags.filter_map(|(position, tag)| {
            matches!(tag, Tag::Assigned | Tag::AlreadyAssigned).then_some(position)
        })
    }

    pub(super) fn outcomes(&self) -> impl ExactSizeIterator<Item = (UserId, &Outcome)> + Clone {
        let positions = 0..u32::try_from(self.len()).unwrap_or(u32::MAX);
        let users = self.users.iter().zip(positions);
        users.map(|(id, position)| (id, self.outcome(position)))
    }
}
