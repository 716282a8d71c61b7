//! The verdict on each item of the refused chunks.

use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Open,
    Accepted,
    Rejected,
}

#[derive(Debug, Default)]
pub(super) struct Verdicts {
    items: BTreeMap<u32, Verdict>,
    open: usize,
}

impl Verdicts {
    pub(super) fn add(&mut self, items: &[u32]) {
        let open = items.iter().map(|&item| (item, Verdict::Open));
        self.items.extend(open);
        self.open += items.len();
    }

    pub(super) fn decide(&mut self, item: u32, verdict: Verdict) {
        self.items.insert(item, verdict);
        self.open -= 1;
    }

    /// Removes `item` if it is undecided.
    pub(super) fn remove(&mut self, item: u32) {
        if self.items.get(&item) == Some(&Verdict::Open) {
            self.items.remove(&item);
            self.open -= 1;
        }
    }

    /// Returns whether the item before `item` in the list is rejected.
    pub(super) fn follows_rejected(&self, item: u32) -> bool {
        let before = self.items.range(..item).next_back();
        before.is_some_and(|(_, verdict)| *verdict == Verdict::Rejected)
    }

    /// Returns the next item after `item` in the list, with its verdict.
    pub(super) fn after(&self, item: u32) -> Option<(u32, Verdict)> {
        let after = self.items.range(item..).nth(1);
        after.map(|(item, verdict)| (*item, *verdict))
    }

    /// Keeps only the undecided items in `items`. Returns true if no item was removed.
    pub(super) fn keep_open(&self, items: &mut Vec<u32>) -> bool {
        let len = items.len();
        items.retain(|item| self.items.get(item) == Some(&Verdict::Open));
        items.len() == len
    }

    /// Iterates over the undecided items, in ascending order.
    pub(super) fn open(&self) -> impl Iterator<Item = u32> {
        let open = self.items.iter();
        open.filter(|(_, verdict)| **verdict == Verdict::Open)
            .map(|(item, _)| *item)
    }

    pub(super) fn all_decided(&self) -> bool {
        self.open == 0
    }
}
