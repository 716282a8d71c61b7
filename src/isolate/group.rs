//! What the search hands out and takes back, and what it remembers of it.

/// A group of items to ask in one request: not empty, no duplicates, no item of another group that is still out.
///
/// Hand it back to the [`Search`](super::Search) with the answer, else its items stay open for ever.
#[derive(Debug)]
#[must_use = "the items stay open until the group is handed back"]
pub(crate) struct Group {
    pub(super) id: u64,
    pub(super) items: Vec<u32>,
}

impl Group {
    /// The items to ask, in ascending order.
    pub(crate) fn items(&self) -> &[u32] {
        &self.items
    }
}

/// The items that a refusal names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Naming {
    /// Named by index: a verdict.
    pub(crate) by_index: Vec<u32>,
    /// Found in the text: a hint, asked alone before it counts.
    pub(crate) hinted: Vec<u32>,
}

/// An item found to be refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rejection<A> {
    /// The item.
    pub(crate) item: u32,
    /// The refusal that showed it.
    pub(crate) answer: A,
}

/// Where an item stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Open,
    Accepted,
    Rejected,
    /// Left the search without a verdict.
    Gone,
}

/// What is left of one refused request: two items or more, the others were all accepted since.
#[derive(Debug)]
pub(super) struct Bad<A> {
    pub(super) items: Vec<u32>,
    pub(super) answer: A,
}

/// Where a group that is out came from.
#[derive(Debug)]
pub(super) enum Source<A> {
    Hint,
    Whole,
    Unknown,
    /// An unknown item asked alone, because the one before it was rejected.
    Neighbour,
    /// The first part of a [`Bad`].
    Part {
        rest: Vec<u32>,
        answer: A,
        /// Size of the `Bad` when it was asked.
        size: usize,
        /// Whether `rest` has lost no item since.
        intact: bool,
        /// Asked alone, because the item before it was rejected.
        neighbour: bool,
    },
}
