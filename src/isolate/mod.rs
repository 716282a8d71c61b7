//! Finds the items that the API rejects, by adaptive group testing, without I/O.
//!
//! The API refuses a request if it rejects at least one item of the request. Otherwise, the API accepts all items.
//! [`Search`] derives the verdict on each item from the results of requests, and chooses the next group to test.
//! [`density`] chooses group sizes that keep the number of requests low.
//!
//! The search rejects an item in only three cases:
//!
//! - A refusal names the item by index.
//! - A request that contains only this item is refused.
//! - All other items of a refused request were accepted, so the remaining item must be rejected.

mod density;
mod group;
#[cfg(test)]
mod tests;
mod verdicts;

use density::{Density, Neighbors};
pub(crate) use group::{Group, Named};
use group::{Source, Suspects};
use std::collections::BTreeSet;
use verdicts::{Verdict, Verdicts};

/// If the probability that an item is rejected exceeds this value, testing the item alone takes the fewest requests.
/// The threshold of `(3 - √5) / 2` is derived from the golden ratio.
const ALONE: f64 = 0.382;
/// The search ignores all hints once wrong hints outnumber right hints by this amount.
const WRONG_HINTS: i32 = 3;

/// A search for the rejected items of refused chunks. `R` is the type of the rejection reason.
///
/// Each item is identified by its position in the caller's list. The search assumes that neighbors in the list often
/// have the same verdict.
#[derive(Debug)]
pub(crate) struct Search<R> {
    max_items: usize,
    verdicts: Verdicts,
    /// Undecided items for which no useful test result is available.
    untested: BTreeSet<u32>,
    /// Undecided items that are tested in large groups, because the refusal of their request named only other items.
    probably_fine: BTreeSet<u32>,
    /// Undecided items that are tested alone, because their ids appear in an error text.
    hinted: BTreeSet<u32>,
    /// Sets of undecided items. Each set contains at least one item that the API rejects.
    suspects: Vec<Suspects<R>>,
    /// The number of groups that the caller has not passed back yet.
    in_flight: usize,
    wrong_hints: i32,
    density: Density,
    neighbors: Neighbors,
}

impl<R: Clone> Search<R> {
    /// Creates a search whose groups have at most `max_items` items.
    pub(crate) fn new(max_items: usize) -> Self {
        Self {
            max_items,
            verdicts: Verdicts::default(),
            untested: BTreeSet::new(),
            probably_fine: BTreeSet::new(),
            hinted: BTreeSet::new(),
            suspects: Vec::new(),
            in_flight: 0,
            wrong_hints: 0,
            density: Density::new(),
            neighbors: Neighbors::default(),
        }
    }

    /// Returns a group that contains a chunk of the list. The items must be in ascending order, and must not be part of
    /// another chunk.
    pub(crate) fn chunk(&mut self, items: Vec<u32>) -> Group<R> {
        self.send(items, Source::Chunk)
    }

    /// Returns the next group to test. Several groups may be in flight at once.
    ///
    /// `None` means that the search needs the result of a group in flight. If no group is in flight, `None` means that
    /// the search is done.
    pub(crate) fn next_group(&mut self) -> Option<Group<R>> {
        if let Some(item) = self.hinted.pop_first() {
            return Some(self.send(vec![item], Source::Hint));
        }
        if !self.probably_fine.is_empty() {
            let items = take_first(&mut self.probably_fine, self.max_items);
            return Some(self.send(items, Source::ProbablyFine));
        }
        let alone = self.neighbors.probability(self.density.share()) > ALONE;
        while alone && let Some(item) = self.neighbors.waiting.pop() {
            if self.untested.remove(&item) {
                return Some(self.send(vec![item], Source::Neighbor));
            }
        }
        if let Some(suspects) = self.suspects.pop() {
            return Some(self.send_part(suspects, alone));
        }
        let most = self.untested.len().min(self.max_items);
        let size = self.density.fresh(most);
        // A group that is not full waits while other groups are in flight, because their results may add more untested
        // items to the group.
        let may_grow = size == most && most < self.max_items && self.in_flight > 0;
        if most == 0 || may_grow {
            return None;
        }
        let items = take_first(&mut self.untested, size);
        Some(self.send(items, Source::Untested))
    }

    /// Updates the verdicts after the API accepted a group. Returns the items that this result proves to be rejected.
    pub(crate) fn accepted(&mut self, mut group: Group<R>) -> Vec<(u32, R)> {
        if let Source::Chunk = group.source {
            // The items of an accepted chunk never join the search.
            self.in_flight -= 1;
            self.density.accepted(group.items.len());
            return Vec::new();
        }
        let complete = self.take_back(&mut group);
        if !group.source.is_biased() {
            self.density.accepted(group.items.len());
        }
        for item in group.items {
            self.accept(item);
        }
        match group.source {
            Source::Hint => {
                self.wrong_hints += i32::from(complete);
                if !self.trusts_hints() {
                    self.untested.append(&mut self.hinted);
                }
                Vec::new()
            }
            Source::Part { rest, reason, .. } => self.narrow(rest, complete, true, reason),
            _ => Vec::new(),
        }
    }

    /// Updates the verdicts after the API refused a group. Returns the items that this result proves to be rejected.
    pub(crate) fn refused(
        &mut self,
        mut group: Group<R>,
        reason: R,
        named: &Named,
    ) -> Vec<(u32, R)> {
        if matches!(group.source, Source::Chunk) {
            self.verdicts.add(&group.items);
        }
        let complete = self.take_back(&mut group);
        let counts = !group.source.is_biased();
        match group.source {
            // Once the search ignores hints, it never uses hints again, even if a hint turns out to be right.
            Source::Hint if self.trusts_hints() => self.wrong_hints -= i32::from(complete),
            // The rejected item in the refused part explains the earlier refusal, so nothing is known about `rest`.
            Source::Part { rest, .. } => self.untested.extend(rest),
            _ => {}
        }
        self.learn_refusal(group.items, complete, counts, reason, named)
    }

    /// Removes a group whose request may have been executed. The items of the group get no verdict.
    pub(crate) fn abandon(&mut self, mut group: Group<R>) {
        for item in &group.items {
            self.verdicts.remove(*item);
        }
        self.take_back(&mut group);
        // The only rejected item of the earlier request may be in the removed group, so `rest` becomes untested again.
        if let Source::Part { rest, .. } = group.source {
            self.untested.extend(rest);
        }
    }

    /// Removes the undecided items for which `is_gone` returns true. The removed items get no verdict.
    ///
    /// If one of these items may have caused a refusal, the other items of the refused request must be tested again.
    pub(crate) fn withdraw(&mut self, mut is_gone: impl FnMut(u32) -> bool) {
        let gone: Vec<u32> = self.open().filter(|&item| is_gone(item)).collect();
        for item in gone {
            self.verdicts.remove(item);
            self.untested.remove(&item);
            self.probably_fine.remove(&item);
            self.hinted.remove(&item);
        }
        for Suspects { mut items, reason } in std::mem::take(&mut self.suspects) {
            self.density.group_settled(items.len());
            let intact = self.verdicts.keep_open(&mut items);
            self.narrow(items, intact, true, reason);
        }
    }

    /// Iterates over the undecided items, in ascending order.
    pub(crate) fn open(&self) -> impl Iterator<Item = u32> {
        self.verdicts.open()
    }

    /// Returns true if no undecided items are left.
    pub(crate) fn is_done(&self) -> bool {
        self.verdicts.all_decided()
    }

    fn send(&mut self, items: Vec<u32>, source: Source<R>) -> Group<R> {
        self.in_flight += 1;
        Group { items, source }
    }

    /// Returns a group with the first items of `suspects`. The group has only one item if this item is probably
    /// rejected.
    fn send_part(&mut self, suspects: Suspects<R>, alone_after_rejected: bool) -> Group<R> {
        let Suspects { mut items, reason } = suspects;
        let neighbor = alone_after_rejected && self.verdicts.follows_rejected(items[0]);
        let part = if neighbor {
            1
        } else {
            self.density.part(items.len()).min(self.max_items)
        };
        let rest = items.split_off(part);
        let source = Source::Part {
            rest,
            reason,
            neighbor,
        };
        self.send(items, source)
    }

    /// Removes withdrawn items from a group that is no longer in flight. Returns true if no item was withdrawn.
    fn take_back(&mut self, group: &mut Group<R>) -> bool {
        self.in_flight -= 1;
        let mut complete = true;
        if let Source::Part { rest, .. } = &mut group.source {
            self.density.group_settled(group.items.len() + rest.len());
            complete = self.verdicts.keep_open(rest);
        }
        self.verdicts.keep_open(&mut group.items) && complete
    }

    /// Updates the search after a refusal. `items` contains the undecided items of the request. `complete` is true if
    /// no item of the request was withdrawn. `counts` is true if the result may be used to estimate the share of
    /// rejected items.
    fn learn_refusal(
        &mut self,
        items: Vec<u32>,
        complete: bool,
        counts: bool,
        reason: R,
        named: &Named,
    ) -> Vec<(u32, R)> {
        let Named { by_index, hinted } = named;
        let (rejected, mut others): (Vec<u32>, Vec<u32>) = items
            .into_iter()
            .partition(|item| by_index.binary_search(item).is_ok());
        if rejected.is_empty() && others.len() == 1 {
            return self.narrow(others, complete, counts, reason);
        }
        let mut explained = !rejected.is_empty();
        if self.trusts_hints() {
            let tested_alone = others.extract_if(.., |item| hinted.binary_search(item).is_ok());
            let before = self.hinted.len();
            self.hinted.extend(tested_alone);
            explained |= self.hinted.len() > before;
        }
        if !explained {
            return self.narrow(others, complete, counts, reason);
        }
        self.probably_fine.extend(others);
        let reject = |item| (self.reject(item, counts), reason.clone());
        rejected.into_iter().map(reject).collect()
    }

    /// Rejects a single item, or adds several items to the suspects. `items` contains the undecided items of a refused
    /// request. If `intact` is false, the items become untested instead, because a withdrawn item may have caused the
    /// refusal.
    fn narrow(&mut self, items: Vec<u32>, intact: bool, counts: bool, reason: R) -> Vec<(u32, R)> {
        if !intact || items.is_empty() {
            self.untested.extend(items);
            return Vec::new();
        }
        if let [item] = items[..] {
            return vec![(self.reject(item, counts), reason)];
        }
        self.density.group_refused(items.len());
        self.suspects.push(Suspects { items, reason });
        Vec::new()
    }

    fn trusts_hints(&self) -> bool {
        self.wrong_hints < WRONG_HINTS
    }

    fn accept(&mut self, item: u32) {
        self.verdicts.decide(item, Verdict::Accepted);
        if self.verdicts.follows_rejected(item) {
            self.neighbors.accepted += 1;
        }
    }

    fn reject(&mut self, item: u32, counts: bool) -> u32 {
        self.verdicts.decide(item, Verdict::Rejected);
        if counts {
            self.density.refused();
        }
        if self.verdicts.follows_rejected(item) {
            self.neighbors.rejected += 1;
        }
        match self.verdicts.after(item) {
            Some((next, Verdict::Open)) => self.neighbors.waiting.push(next),
            Some((_, Verdict::Accepted)) => self.neighbors.accepted += 1,
            Some((_, Verdict::Rejected)) => self.neighbors.rejected += 1,
            None => {}
        }
        item
    }
}

/// Removes and returns the first items of `set`, up to `number` items.
fn take_first(set: &mut BTreeSet<u32>, number: usize) -> Vec<u32> {
    let first = std::iter::from_fn(|| set.pop_first());
    first.take(number).collect()
}
