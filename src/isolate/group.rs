//! What the search sends and takes back, and what it remembers of it.

/// A group of items to test in one request: not empty, no duplicates, no item of another group in flight.
///
/// Hand it back to the [`Search`](super::Search) with the result, or its items stay undecided.
#[derive(Debug)]
#[must_use = "the items stay undecided until the group is handed back"]
pub(crate) struct Group<R> {
    pub(super) items: Vec<u32>,
    pub(super) source: Source<R>,
}

impl<R> Group<R> {
    /// Returns the items to test, in ascending order.
    pub(crate) fn items(&self) -> &[u32] {
        &self.items
    }
}

/// The items that a refusal names, in ascending order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Named {
    /// Named by index: a verdict.
    pub(crate) by_index: Vec<u32>,
    /// Named in a text: a hint, tested alone before it counts.
    pub(crate) hinted: Vec<u32>,
}

/// The rest of one refused request: two items or more. The others were accepted since.
#[derive(Debug)]
pub(super) struct Suspects<R> {
    pub(super) items: Vec<u32>,
    pub(super) reason: R,
}

/// Where a group came from.
#[derive(Debug)]
pub(super) enum Source<R> {
    /// A whole chunk of the list. Its items join the search when it is refused.
    Chunk,
    Hint,
    ProbablyFine,
    Untested,
    /// An untested item, tested alone because the item before it was rejected.
    Neighbor,
    /// The first part of [`Suspects`].
    Part {
        rest: Vec<u32>,
        reason: R,
        /// Tested alone, because the item before it was rejected.
        neighbor: bool,
    },
}

impl<R> Source<R> {
    /// Returns whether its items were chosen for a reason, so that they say nothing about the share of rejected items.
    pub(super) fn is_biased(&self) -> bool {
        match self {
            Self::Hint | Self::Neighbor => true,
            Self::Part { neighbor, .. } => *neighbor,
            Self::Chunk | Self::ProbablyFine | Self::Untested => false,
        }
    }
}
