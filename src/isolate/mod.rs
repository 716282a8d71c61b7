//! Finds the items that the API rejects, by adaptive group testing, without I/O.
//!
//! A rejected request means that at least one of its items is rejected; an accepted request settles all of its items.
//! [`Search`] turns such results into verdicts. It picks the next group so that few requests are needed; [`density`] has
//! the sizes.
//!
//! An item is rejected in three cases only: a refusal names it by index; it is refused alone; or it is the last open item of
//! a refused request whose other items were accepted since.

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

/// An item that is rejected with a higher probability is best tested alone: the golden ratio's `(3 - √5) / 2`.
const ALONE: f64 = 0.382;
/// Hints are ignored once this many more of them were wrong than right.
const WRONG_HINTS: i32 = 3;

/// A search for the rejected items of refused chunks. `R` is the reason of a refusal.
///
/// Items are positions in the caller's list. Neighbors in the list are assumed to share their verdict more often than others.
#[derive(Debug)]
pub(crate) struct Search<R> {
    max_items: usize,
    /// Every item of a refused chunk.
    verdicts: Verdicts,
    /// Open items about which nothing is known.
    untested: BTreeSet<u32>,
    /// Open items of a refusal that named others: probably fine, so tested in the largest groups.
    probably_fine: BTreeSet<u32>,
    /// Open items that the text of a refusal seems to name: tested alone.
    hinted: BTreeSet<u32>,
    /// Open items of refused requests; each of these holds at least one rejected item.
    suspects: Vec<Suspects<R>>,
    /// The number of groups that were not handed back yet.
    in_flight: usize,
    wrong_hints: i32,
    density: Density,
    neighbors: Neighbors,
}

impl<R: Clone> Search<R> {
    /// A search with at most `max_items` items in a group.
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

    /// Returns a whole chunk of the list as a group. `items` are in ascending order, and in no other chunk.
    pub(crate) fn chunk(&mut self, items: Vec<u32>) -> Group<R> {
        self.send(items, Source::Chunk)
    }

    /// Returns the next group to test. Several may be in flight at once. `None`: nothing to test until one of them is
    /// handed back, or ever.
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
        // The last untested items wait for what the groups in flight leave, to be tested together with it.
        let may_grow = size == most && most < self.max_items && self.in_flight > 0;
        if most == 0 || may_grow {
            return None;
        }
        let items = take_first(&mut self.untested, size);
        Some(self.send(items, Source::Untested))
    }

    /// Learns that a group was accepted. Returns the item that this rejects, if any.
    pub(crate) fn accepted(&mut self, mut group: Group<R>) -> Vec<(u32, R)> {
        if let Source::Chunk = group.source {
            // Its items never join the search.
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

    /// Learns that a group was refused. Returns the items that this rejects.
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
            // Once hints are ignored, that stays so.
            Source::Hint if self.trusts_hints() => self.wrong_hints -= i32::from(complete),
            // The refusal of the part explains the refusal of the whole.
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
        // An item of the group may have caused the refusal of the whole.
        if let Source::Part { rest, .. } = group.source {
            self.untested.extend(rest);
        }
    }

    /// Removes the open items for which `is_gone` returns true. They stay undecided.
    ///
    /// One of them may have caused a refusal, so the rest of that request may hold no rejected item any more.
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

    /// Sends the first part of items that hold a rejected one.
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

    /// Takes back a group. Drops its items that were withdrawn meanwhile, and returns whether there were none.
    fn take_back(&mut self, group: &mut Group<R>) -> bool {
        self.in_flight -= 1;
        let mut complete = true;
        if let Source::Part { rest, .. } = &mut group.source {
            self.density.group_settled(group.items.len() + rest.len());
            complete = self.verdicts.keep_open(rest);
        }
        self.verdicts.keep_open(&mut group.items) && complete
    }

    /// Learns from a refusal. `items` are the open ones of its request, and `complete` says whether these are all.
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

    /// Continues with the rest of a refused request. It holds a rejected item if it is `intact`.
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
