//! The groups of items that the search tests, and how the search chose each group.

/// A group of items to test in one request. A group has at least one item and no duplicates. Groups that are in flight
/// at the same time have no items in common.
///
/// The items stay undecided until the group is passed back to the [`Search`](super::Search) with the result of the
/// request.
#[derive(Debug)]
#[must_use = "the items stay undecided until the group is passed back"]
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
    /// The items that the refusal names by index. An item that is named by index is certainly rejected.
    pub(crate) by_index: Vec<u32>,
    /// The items whose ids appear in an error text. Each hinted item is tested alone.
    pub(crate) hinted: Vec<u32>,
}

/// At least two undecided items of a refused request. All other items of this request were accepted later.
#[derive(Debug)]
pub(super) struct Suspects<R> {
    pub(super) items: Vec<u32>,
    pub(super) reason: R,
}

/// How the search chose the items of a group.
#[derive(Debug)]
pub(super) enum Source<R> {
    /// A chunk of the list. The items of a chunk join the search if the chunk is refused.
    Chunk,
    Hint,
    ProbablyFine,
    Untested,
    /// A single item that directly follows a rejected item in the list.
    Neighbor,
    /// The first items of a [`Suspects`] set. `rest` contains the remaining items of the set.
    Part {
        rest: Vec<u32>,
        reason: R,
        /// Whether the group is a single item that was chosen because the preceding item was rejected.
        neighbor: bool,
    },
}

impl<R> Source<R> {
    /// Returns true if the search chose the items because the API will probably reject them. The results of biased groups are
    /// not used to estimate the share of rejected items.
    pub(super) fn is_biased(&self) -> bool {
        match self {
            Self::Hint | Self::Neighbor => true,
            Self::Part { neighbor, .. } => *neighbor,
            Self::Chunk | Self::ProbablyFine | Self::Untested => false,
        }
    }
}
