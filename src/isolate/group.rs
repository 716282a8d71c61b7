//! The groups that the search sends, and what the search remembers about each group.

/// A group of items to test in one request. It is not empty, and has no duplicates and no item of another group in
/// flight.
///
/// Pass the group back to the [`Search`](super::Search) with its result. Until then, its items stay undecided.
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
    /// The items named by index. This is a verdict.
    pub(crate) by_index: Vec<u32>,
    /// The items named in a text. This is a hint: each item is tested alone.
    pub(crate) hinted: Vec<u32>,
}

/// The undecided items of one refused request, at least two. The other items of the request were accepted since.
#[derive(Debug)]
pub(super) struct Suspects<R> {
    pub(super) items: Vec<u32>,
    pub(super) reason: R,
}

/// The source of a group.
#[derive(Debug)]
pub(super) enum Source<R> {
    /// A chunk of the list. If the chunk is refused, its items join the search.
    Chunk,
    Hint,
    ProbablyFine,
    Untested,
    /// An untested item. It is tested alone, because the item before it was rejected.
    Neighbor,
    /// The first part of [`Suspects`].
    Part {
        rest: Vec<u32>,
        reason: R,
        /// Whether the part is one item, tested alone because the item before it was rejected.
        neighbor: bool,
    },
}

impl<R> Source<R> {
    /// Returns whether the items were chosen because they are probably rejected. Then the result says nothing about the
    /// share of rejected items.
    pub(super) fn is_biased(&self) -> bool {
        match self {
            Self::Hint | Self::Neighbor => true,
            Self::Part { neighbor, .. } => *neighbor,
            Self::Chunk | Self::ProbablyFine | Self::Untested => false,
        }
    }
}
