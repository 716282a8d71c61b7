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
use std::collections::{BTreeSet, HashMap};
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
    in_flight: HashMap<u64, Source<R>>,
    next_id: u64,
    wrong_hints: i32,
    density: Density,
    neighbors: Neighbors,
}

impl<R: Clone> Search<R> {
    /// A search with at most `max_items` items in a group (0 counts as 1).
    pub(crate) fn new(max_items: usize) -> Self {
        Self {
            max_items: max_items.max(1),
            verdicts: Verdicts::default(),
            untested: BTreeSet::new(),
            probably_fine: BTreeSet::new(),
            hinted: BTreeSet::new(),
            suspects: Vec::new(),
            in_flight: HashMap::new(),
            next_id: 0,
            wrong_hints: 0,
            density: Density::new(),
            neighbors: Neighbors::default(),
        }
    }

    /// Learns that a whole chunk of `len` items was accepted.
    pub(crate) fn chunk_accepted(&mut self, len: usize) {
        self.density.accepted(len);
    }

    /// Adds the items of a chunk that was refused as a whole. Returns the items that this alone rejects.
    pub(crate) fn chunk_refused(
        &mut self,
        mut items: Vec<u32>,
        reason: R,
        named: Named,
    ) -> Vec<(u32, R)> {
        items.sort_unstable();
        items.dedup();
        let complete = self.verdicts.add(&mut items);
        self.learn_refusal(items, complete, true, reason, named)
    }

    /// Returns the next group to test. Several may be in flight at once. `None`: nothing to test until one of them is
    /// handed back, or ever.
    pub(crate) fn next_group(&mut self) -> Option<Group> {
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
        let may_grow = size == most && most < self.max_items && !self.in_flight.is_empty();
        if most == 0 || may_grow {
            return None;
        }
        let items = take_first(&mut self.untested, size);
        Some(self.send(items, Source::Untested))
    }

    /// Learns that a group was accepted. Returns the item that this rejects, if any.
    pub(crate) fn accepted(&mut self, group: Group) -> Vec<(u32, R)> {
        let Some((source, open, complete)) = self.take_back(group) else {
            return Vec::new();
        };
        if !source.is_biased() {
            self.density.accepted(open.len());
        }
        for &item in &open {
            self.accept(item);
        }
        match source {
            Source::Hint => {
                self.wrong_hints += i32::from(complete);
                if !self.trusts_hints() {
                    self.untested.append(&mut self.hinted);
                }
                Vec::new()
            }
            Source::Part {
                rest,
                reason,
                size,
                intact,
                ..
            } => {
                self.density.group_settled(size);
                self.narrow(rest, intact && complete, true, reason)
            }
            Source::ProbablyFine | Source::Untested | Source::Neighbor => Vec::new(),
        }
    }

    /// Learns that a group was refused. Returns the items that this rejects.
    pub(crate) fn refused(&mut self, group: Group, reason: R, named: Named) -> Vec<(u32, R)> {
        let Some((source, open, complete)) = self.take_back(group) else {
            return Vec::new();
        };
        let counts = match source {
            Source::Hint => {
                // Once hints are ignored, that stays so.
                if self.trusts_hints() {
                    self.wrong_hints -= i32::from(complete);
                }
                false
            }
            Source::Neighbor => false,
            Source::Part {
                rest,
                size,
                neighbor,
                ..
            } => {
                // The refusal of the part explains the refusal of the whole.
                self.density.group_settled(size);
                self.untested.extend(rest);
                !neighbor
            }
            Source::ProbablyFine | Source::Untested => true,
        };
        self.learn_refusal(open, complete, counts, reason, named)
    }

    /// Takes back a group whose request was not executed, to test its items later.
    pub(crate) fn put_back(&mut self, group: Group) {
        let Some((source, mut open, complete)) = self.take_back(group) else {
            return;
        };
        match source {
            Source::Hint if self.trusts_hints() => self.hinted.extend(open),
            Source::ProbablyFine => self.probably_fine.extend(open),
            Source::Hint | Source::Untested => self.untested.extend(open),
            Source::Neighbor => {
                self.neighbors.waiting.extend(&open);
                self.untested.extend(open);
            }
            Source::Part {
                rest,
                reason,
                size,
                intact,
                ..
            } => {
                self.density.group_settled(size);
                open.extend(rest);
                if intact && complete {
                    self.density.group_refused(size);
                    self.suspects.push(Suspects {
                        items: open,
                        reason,
                    });
                } else {
                    self.untested.extend(open);
                }
            }
        }
    }

    /// Removes a group whose request may have been executed. Its items stay undecided.
    pub(crate) fn abandon(&mut self, group: Group) {
        for item in &group.items {
            self.verdicts.remove(*item);
        }
        self.put_back(group);
    }

    /// Removes the open items for which `is_gone` returns true. They stay undecided.
    ///
    /// One of them may have caused a refusal, so the rest of that request may hold no rejected item any more.
    pub(crate) fn withdraw(&mut self, mut is_gone: impl FnMut(u32) -> bool) {
        let gone: Vec<u32> = self.open().filter(|&item| is_gone(item)).collect();
        if gone.is_empty() {
            return;
        }
        for &item in &gone {
            self.verdicts.remove(item);
            for set in [
                &mut self.untested,
                &mut self.probably_fine,
                &mut self.hinted,
            ] {
                set.remove(&item);
            }
        }
        for suspects in std::mem::take(&mut self.suspects) {
            let size = suspects.items.len();
            let (items, complete) = self.verdicts.still_open(suspects.items);
            if complete {
                let reason = suspects.reason;
                self.suspects.push(Suspects { items, reason });
            } else {
                self.density.group_settled(size);
                self.untested.extend(items);
            }
        }
        for source in self.in_flight.values_mut() {
            if let Source::Part { rest, intact, .. } = source {
                let len = rest.len();
                rest.retain(|item| gone.binary_search(item).is_err());
                *intact &= rest.len() == len;
            }
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

    fn send(&mut self, items: Vec<u32>, source: Source<R>) -> Group {
        let id = self.next_id;
        self.next_id += 1;
        self.in_flight.insert(id, source);
        Group { id, items }
    }

    /// Sends the first part of items that hold a rejected one.
    fn send_part(&mut self, suspects: Suspects<R>, alone_after_rejected: bool) -> Group {
        let Suspects { mut items, reason } = suspects;
        let size = items.len();
        let neighbor = alone_after_rejected && self.verdicts.follows_rejected(items[0]);
        let part = if neighbor {
            1
        } else {
            self.density.part(size).min(self.max_items)
        };
        let rest = items.split_off(part);
        let source = Source::Part {
            rest,
            reason,
            size,
            intact: true,
            neighbor,
        };
        self.send(items, source)
    }

    /// Returns where a group came from, its items that are still open, and whether these are all.
    fn take_back(&mut self, group: Group) -> Option<(Source<R>, Vec<u32>, bool)> {
        let source = self.in_flight.remove(&group.id)?;
        let (open, complete) = self.verdicts.still_open(group.items);
        Some((source, open, complete))
    }

    /// Learns from a refusal. `items` are the open ones of its request, and `complete` says whether these are all.
    fn learn_refusal(
        &mut self,
        items: Vec<u32>,
        complete: bool,
        counts: bool,
        reason: R,
        named: Named,
    ) -> Vec<(u32, R)> {
        let Named {
            mut by_index,
            mut hinted,
        } = named;
        by_index.sort_unstable();
        hinted.sort_unstable();
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
            Some((_, Verdict::Removed)) | None => {}
        }
        item
    }
}

/// Takes the first `number` items from `set`.
fn take_first(set: &mut BTreeSet<u32>, number: usize) -> Vec<u32> {
    let first = std::iter::from_fn(|| set.pop_first());
    first.take(number).collect()
}
