//! Which items to send next, to find those that the API refuses: adaptive group testing, without I/O.
//!
//! A refused request says that at least one of its items is refused, an accepted one settles them all. [`Search`] turns such
//! answers into verdicts and picks the next group to ask so that few requests are needed ([`density`] has the sizes).
//!
//! An item is rejected in three cases only: a refusal names it by index; it is refused alone; or it is the last left of one
//! refused request whose other items were all accepted since.

// The path keeps this file usable from a program that includes it by path.
#[path = "isolate/density.rs"]
mod density;
#[path = "isolate/group.rs"]
mod group;
#[cfg(test)]
#[path = "isolate/tests.rs"]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use density::{Density, Neighbours};
use group::{Bad, Source, State};
pub(crate) use group::{Group, Naming, Rejection};

/// Above this chance of a refusal an item is best asked alone: the golden ratio's `(3 - √5) / 2`.
const ALONE: f64 = 0.382;
/// How many more hints may be wrong than right before hints are ignored.
const WRONG_HINTS: i32 = 3;

/// A search for the items that the API refuses.
///
/// Items are positions in the caller's list; neighbours in the list are thought likely to share their fate.
#[derive(Debug)]
pub(crate) struct Search<A> {
    max_items: usize,
    /// Every item of a refused chunk.
    items: BTreeMap<u32, State>,
    open: usize,
    /// Open items of which nothing is known.
    unknown: BTreeSet<u32>,
    /// Open items left over when a refusal named others: likely fine, so asked in groups as large as may be.
    whole: BTreeSet<u32>,
    /// Open items that a refusal's text seems to name: asked alone.
    hinted: BTreeSet<u32>,
    /// Open items known to hold a refused one.
    bad: Vec<Bad<A>>,
    asked: HashMap<u64, Source<A>>,
    next_id: u64,
    wrong_hints: i32,
    density: Density,
    neighbours: Neighbours,
}

impl<A: Clone> Search<A> {
    /// A search that asks at most `max_items` items at once (0 counts as 1).
    pub(crate) fn new(max_items: usize) -> Self {
        Self {
            max_items: max_items.max(1),
            items: BTreeMap::new(),
            open: 0,
            unknown: BTreeSet::new(),
            whole: BTreeSet::new(),
            hinted: BTreeSet::new(),
            bad: Vec::new(),
            asked: HashMap::new(),
            next_id: 0,
            wrong_hints: 0,
            density: Density::new(),
            neighbours: Neighbours::default(),
        }
    }

    /// Learns that a whole chunk of `len` items was accepted.
    pub(crate) fn chunk_accepted(&mut self, len: usize) {
        self.density.accepted(len);
    }

    /// Takes over the items of a chunk that was refused as a whole. Returns those rejected at once.
    pub(crate) fn chunk_refused(
        &mut self,
        mut items: Vec<u32>,
        answer: A,
        naming: Naming,
    ) -> Vec<Rejection<A>> {
        items.sort_unstable();
        items.dedup();
        let len = items.len();
        items.retain(|item| !self.items.contains_key(item));
        self.items
            .extend(items.iter().map(|&item| (item, State::Open)));
        self.open += items.len();
        let intact = items.len() == len;
        self.refusal(items, intact, true, answer, naming)
    }

    /// What to ask next. More groups may be asked while others are out.
    /// `None`: nothing to ask until one of them is handed back, or ever.
    pub(crate) fn next_group(&mut self) -> Option<Group> {
        if let Some(item) = self.hinted.pop_first() {
            return Some(self.ask(vec![item], Source::Hint));
        }
        if !self.whole.is_empty() {
            let items = take_first(&mut self.whole, self.max_items);
            return Some(self.ask(items, Source::Whole));
        }
        let alone = self.neighbours.chance(self.density.share()) > ALONE;
        while alone && let Some(item) = self.neighbours.waiting.pop() {
            if self.unknown.remove(&item) {
                return Some(self.ask(vec![item], Source::Neighbour));
            }
        }
        if let Some(bad) = self.bad.pop() {
            return Some(self.ask_part(bad, alone));
        }
        let most = self.unknown.len().min(self.max_items);
        let size = self.density.fresh(most);
        // What would end the list waits for what the groups that are out leave over, to be asked with it.
        let may_grow = size == most && most < self.max_items && !self.asked.is_empty();
        if most == 0 || may_grow {
            return None;
        }
        let items = take_first(&mut self.unknown, size);
        Some(self.ask(items, Source::Unknown))
    }

    /// Learns that a group was accepted. Returns the item that is rejected because of it, if any.
    pub(crate) fn accepted(&mut self, group: Group) -> Vec<Rejection<A>> {
        let Some((source, live, unchanged)) = self.take_back(group) else {
            return Vec::new();
        };
        if !matches!(
            source,
            Source::Hint
                | Source::Neighbour
                | Source::Part {
                    neighbour: true,
                    ..
                }
        ) {
            self.density.accepted(live.len());
        }
        for &item in &live {
            self.accept(item);
        }
        match source {
            Source::Hint => {
                self.wrong_hints += i32::from(unchanged);
                if !self.trusts_hints() {
                    self.unknown.append(&mut self.hinted);
                }
                Vec::new()
            }
            Source::Part {
                rest,
                answer,
                size,
                intact,
                ..
            } => {
                self.density.group_settled(size);
                self.search(rest, intact && unchanged, true, answer)
            }
            Source::Whole | Source::Unknown | Source::Neighbour => Vec::new(),
        }
    }

    /// Learns that a group was refused, with `answer` as the reason. Returns those rejected because of it.
    pub(crate) fn refused(&mut self, group: Group, answer: A, naming: Naming) -> Vec<Rejection<A>> {
        let Some((source, live, unchanged)) = self.take_back(group) else {
            return Vec::new();
        };
        let counted = match source {
            Source::Hint => {
                // Once ignored, hints stay so.
                if self.trusts_hints() {
                    self.wrong_hints -= i32::from(unchanged);
                }
                false
            }
            Source::Neighbour => false,
            Source::Part {
                rest,
                size,
                neighbour,
                ..
            } => {
                // The refusal of the part explains that of the whole.
                self.density.group_settled(size);
                self.unknown.extend(rest);
                !neighbour
            }
            Source::Whole | Source::Unknown => true,
        };
        self.refusal(live, unchanged, counted, answer, naming)
    }

    /// Takes back a group whose request was not executed, to ask its items later.
    pub(crate) fn put_back(&mut self, group: Group) {
        let Some((source, mut live, unchanged)) = self.take_back(group) else {
            return;
        };
        match source {
            Source::Hint if self.trusts_hints() => self.hinted.extend(live),
            Source::Whole => self.whole.extend(live),
            Source::Hint | Source::Unknown => self.unknown.extend(live),
            Source::Neighbour => {
                self.neighbours.waiting.extend(&live);
                self.unknown.extend(live);
            }
            Source::Part {
                rest,
                answer,
                size,
                intact,
                ..
            } => {
                self.density.group_settled(size);
                live.extend(rest);
                if intact && unchanged {
                    self.density.group_refused(size);
                    self.bad.push(Bad {
                        items: live,
                        answer,
                    });
                } else {
                    self.unknown.extend(live);
                }
            }
        }
    }

    /// Takes out the items of a group of which nobody knows whether the request was executed. They get no verdict.
    pub(crate) fn abandon(&mut self, group: Group) {
        for item in &group.items {
            self.leave(*item);
        }
        self.put_back(group);
    }

    /// Takes out the open items for which `is_gone` holds. They get no verdict.
    ///
    /// They may have been the cause of a refusal, so what is left of that request may hold no refused item any more.
    pub(crate) fn withdraw(&mut self, mut is_gone: impl FnMut(u32) -> bool) {
        let gone: Vec<u32> = self.open().filter(|&item| is_gone(item)).collect();
        if gone.is_empty() {
            return;
        }
        for &item in &gone {
            self.leave(item);
            let _ =
                self.unknown.remove(&item) || self.whole.remove(&item) || self.hinted.remove(&item);
        }
        for bad in std::mem::take(&mut self.bad) {
            let size = bad.items.len();
            let (items, unchanged) = self.still_open(bad.items);
            if unchanged {
                self.bad.push(Bad { items, ..bad });
            } else {
                self.density.group_settled(size);
                self.unknown.extend(items);
            }
        }
        for source in self.asked.values_mut() {
            if let Source::Part { rest, intact, .. } = source {
                let len = rest.len();
                rest.retain(|item| gone.binary_search(item).is_err());
                *intact &= rest.len() == len;
            }
        }
    }

    /// The items without a verdict that have not left the search, in ascending order.
    pub(crate) fn open(&self) -> impl Iterator<Item = u32> {
        self.items
            .iter()
            .filter(|(_, state)| **state == State::Open)
            .map(|(item, _)| *item)
    }

    /// Whether no item is open.
    pub(crate) fn is_done(&self) -> bool {
        self.open == 0
    }

    /// Sends out a group.
    fn ask(&mut self, items: Vec<u32>, source: Source<A>) -> Group {
        let id = self.next_id;
        self.next_id += 1;
        self.asked.insert(id, source);
        Group { id, items }
    }

    /// Sends out the first part of items that hold a refused one.
    fn ask_part(&mut self, bad: Bad<A>, alone_after_rejected: bool) -> Group {
        let Bad { mut items, answer } = bad;
        let size = items.len();
        let neighbour = alone_after_rejected && self.before(items[0]) == Some(State::Rejected);
        let part = if neighbour {
            1
        } else {
            self.density.part(size).min(self.max_items)
        };
        let rest = items.split_off(part);
        self.ask(
            items,
            Source::Part {
                rest,
                answer,
                size,
                intact: true,
                neighbour,
            },
        )
    }

    /// Where a group came from, those of its items that have not left the search, and whether these are all.
    fn take_back(&mut self, group: Group) -> Option<(Source<A>, Vec<u32>, bool)> {
        let source = self.asked.remove(&group.id)?;
        let (live, unchanged) = self.still_open(group.items);
        Some((source, live, unchanged))
    }

    /// Learns from a refusal of `items`, of which those that left the search are missing (then not `unchanged`).
    fn refusal(
        &mut self,
        items: Vec<u32>,
        unchanged: bool,
        counted: bool,
        answer: A,
        naming: Naming,
    ) -> Vec<Rejection<A>> {
        let Naming {
            mut by_index,
            mut hinted,
        } = naming;
        by_index.sort_unstable();
        hinted.sort_unstable();
        let (named, mut others): (Vec<u32>, Vec<u32>) = items
            .into_iter()
            .partition(|item| by_index.binary_search(item).is_ok());
        if named.is_empty() && others.len() == 1 {
            return self.search(others, unchanged, counted, answer);
        }
        let mut explained = !named.is_empty();
        if self.trusts_hints() {
            let asked_alone = others.extract_if(.., |item| hinted.binary_search(item).is_ok());
            let before = self.hinted.len();
            self.hinted.extend(asked_alone);
            explained |= self.hinted.len() > before;
        }
        if !explained {
            return self.search(others, unchanged, counted, answer);
        }
        self.whole.extend(others);
        let reject = |item| self.reject(item, counted, answer.clone());
        named.into_iter().map(reject).collect()
    }

    /// Goes on with what is left of a refused request, which holds a refused item if none left the search (`intact`).
    fn search(
        &mut self,
        items: Vec<u32>,
        intact: bool,
        counted: bool,
        answer: A,
    ) -> Vec<Rejection<A>> {
        if !intact || items.is_empty() {
            self.unknown.extend(items);
            return Vec::new();
        }
        if let [item] = items[..] {
            return vec![self.reject(item, counted, answer)];
        }
        self.density.group_refused(items.len());
        self.bad.push(Bad { items, answer });
        Vec::new()
    }

    /// Whether the texts of refusals have been right often enough to act on.
    fn trusts_hints(&self) -> bool {
        self.wrong_hints < WRONG_HINTS
    }

    /// Settles an open item as accepted.
    fn accept(&mut self, item: u32) {
        self.items.insert(item, State::Accepted);
        self.open -= 1;
        if self.before(item) == Some(State::Rejected) {
            self.neighbours.accepted += 1;
        }
    }

    /// Settles an open item as rejected, for the reason `answer`.
    fn reject(&mut self, item: u32, counted: bool, answer: A) -> Rejection<A> {
        self.items.insert(item, State::Rejected);
        self.open -= 1;
        if counted {
            self.density.refused();
        }
        if self.before(item) == Some(State::Rejected) {
            self.neighbours.rejected += 1;
        }
        match self.items.range(item..).nth(1) {
            Some((&next, State::Open)) => self.neighbours.waiting.push(next),
            Some((_, State::Accepted)) => self.neighbours.accepted += 1,
            Some((_, State::Rejected)) => self.neighbours.rejected += 1,
            Some((_, State::Gone)) | None => {}
        }
        Rejection { item, answer }
    }

    /// Takes an open item out of the search.
    fn leave(&mut self, item: u32) {
        if let Some(state @ State::Open) = self.items.get_mut(&item) {
            *state = State::Gone;
            self.open -= 1;
        }
    }

    /// The state of the item before this one in the list.
    fn before(&self, item: u32) -> Option<State> {
        self.items
            .range(..item)
            .next_back()
            .map(|(_, state)| *state)
    }

    /// Those of `items` that have not left the search, and whether these are all.
    fn still_open(&self, mut items: Vec<u32>) -> (Vec<u32>, bool) {
        let len = items.len();
        items.retain(|item| self.items.get(item) == Some(&State::Open));
        let unchanged = items.len() == len;
        (items, unchanged)
    }
}

/// Takes the first `number` items out of `set`.
fn take_first(set: &mut BTreeSet<u32>, number: usize) -> Vec<u32> {
    std::iter::from_fn(|| set.pop_first())
        .take(number)
        .collect()
}
