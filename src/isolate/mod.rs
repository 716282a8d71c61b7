//! Finds the items that the API rejects, by adaptive group testing, without I/O.
//!
//! If a request is refused, at least one of its items is rejected. If a request is accepted, all of its items are
//! accepted. [`Search`] turns such results into verdicts, and picks the next group. [`density`] computes the size of a
//! group, so that few requests are needed.
//!
//! An item is rejected in three cases only:
//!
//! - A refusal names the item by index.
//! - A request with only this item is refused.
//! - The item is the last open item of a refused request, and all other items of the request were accepted since.

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

/// If an item is rejected with a higher probability than this, testing the item alone takes the fewest requests. The
/// value is `(3 - √5) / 2`, from the golden ratio.
const ALONE: f64 = 0.382;
/// If the number of wrong hints exceeds the number of right hints by this, all hints are ignored.
const WRONG_HINTS: i32 = 3;

/// A search for the rejected items of refused chunks. `R` is the reason of a refusal.
///
/// Items are positions in the caller's list. The search assumes that neighbors in the list often have the same verdict.
#[derive(Debug)]
pub(crate) struct Search<R> {
    max_items: usize,
    /// Every item of a refused chunk.
    verdicts: Verdicts,
    /// Open items about which the search knows nothing.
    untested: BTreeSet<u32>,
    /// Open items of a request whose refusal named other items. They are probably accepted, so they are tested in large
    /// groups.
    probably_fine: BTreeSet<u32>,
    /// Open items that the text of a refusal seems to name. Each is tested alone.
    hinted: BTreeSet<u32>,
    /// Open items of refused requests. Each element has at least one rejected item.
    suspects: Vec<Suspects<R>>,
    /// The number of groups that were not passed back yet.
    in_flight: usize,
    wrong_hints: i32,
    density: Density,
    neighbors: Neighbors,
}

impl<R: Clone> Search<R> {
    /// Creates a search with at most `max_items` items in a group.
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

    /// Returns a chunk of the list as a group. `items` are in ascending order, and in no other chunk.
    pub(crate) fn chunk(&mut self, items: Vec<u32>) -> Group<R> {
        self.send(items, Source::Chunk)
    }

    /// Returns the next group to test. Several groups may be in flight at once.
    ///
    /// `None` means that there is nothing to test until a group in flight is passed back. If no group is in flight, the
    /// search is done.
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
        // If the last untested items do not fill a request, they wait: groups in flight may return more untested items
        // for the same request.
        let may_grow = size == most && most < self.max_items && self.in_flight > 0;
        if most == 0 || may_grow {
            return None;
        }
        let items = take_first(&mut self.untested, size);
        Some(self.send(items, Source::Untested))
    }

    /// Learns that a group was accepted. If this proves that another item is rejected, returns that item.
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

    /// Learns that a group was refused. Returns the items that are rejected now.
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
            // After hints were ignored once, they stay ignored. So right hints do not count any more.
            Source::Hint if self.trusts_hints() => self.wrong_hints -= i32::from(complete),
            // The refusal of the part explains the refusal of the whole request. So nothing is known about the rest.
            Source::Part { rest, .. } => self.untested.extend(rest),
            _ => {}
        }
        self.learn_refusal(group.items, complete, counts, reason, named)
    }

    /// Removes a group whose request may have been executed. Its items stay undecided.
    pub(crate) fn abandon(&mut self, mut group: Group<R>) {
        for item in &group.items {
            self.verdicts.remove(*item);
        }
        self.take_back(&mut group);
        // An item of the group may have caused the refusal of the whole request. So nothing is known about the rest.
        if let Source::Part { rest, .. } = group.source {
            self.untested.extend(rest);
        }
    }

    /// Removes the open items for which `is_gone` returns true. These items stay undecided.
    ///
    /// A removed item may have caused a refusal. So the other items of that request may all be accepted.
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

    /// Returns whether no item is undecided.
    pub(crate) fn is_done(&self) -> bool {
        self.verdicts.all_decided()
    }

    fn send(&mut self, items: Vec<u32>, source: Source<R>) -> Group<R> {
        self.in_flight += 1;
        Group { items, source }
    }

    /// Sends the first part of suspects. The part is one item if that item is probably rejected.
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

    /// Takes back a group. Drops the items that were withdrawn meanwhile. Returns true if no item was withdrawn.
    fn take_back(&mut self, group: &mut Group<R>) -> bool {
        self.in_flight -= 1;
        let mut complete = true;
        if let Source::Part { rest, .. } = &mut group.source {
            self.density.group_settled(group.items.len() + rest.len());
            complete = self.verdicts.keep_open(rest);
        }
        self.verdicts.keep_open(&mut group.items) && complete
    }

    /// Learns from a refusal. `items` are the open items of the request. `complete` means that all items of the request
    /// are open. `counts` means that the result says something about the share of rejected items.
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

    /// Continues with the rest of a refused request. If the rest is `intact`, it has at least one rejected item.
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

/// Takes the first `number` items from `set`.
fn take_first(set: &mut BTreeSet<u32>, number: usize) -> Vec<u32> {
    let first = std::iter::from_fn(|| set.pop_first());
    first.take(number).collect()
}
