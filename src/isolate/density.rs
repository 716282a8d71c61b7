//! Estimates the share of rejected items, and computes the best group size from this estimate.

/// The number of candidate values for the share of rejected items.
const POINTS: usize = 41;
/// The log-odds of the smallest and the largest candidate share. At the smallest share, one item in 60 million is
/// rejected. At the largest share, 399 of 400 items are rejected.
const LOG_ODDS: (f64, f64) = (-18.0, 6.0);
/// How strongly the prior distribution prefers small shares. The prior weight of a share is proportional to
/// `share^-LEANING`. The exponent was tuned by measurement. A smaller exponent wastes requests if only one item is
/// rejected. A larger exponent wastes requests if many items are rejected.
const LEANING: f64 = 0.4;
/// The minimum probability of a candidate share. Less probable candidates are ignored.
const NEGLIGIBLE: f64 = 1e-5;
/// [`first_part`] combines the remaining outcomes into one outcome once their total probability is at most this value.
const TAIL: f64 = 1.0 / 512.0;

/// An estimate of the share of rejected items, based on the results so far.
///
/// The estimate assigns a probability to each candidate share.
#[derive(Debug)]
pub(super) struct Density {
    points: Vec<Point>,
}

/// A candidate value for the share of rejected items, with its probability.
#[derive(Clone, Copy, Debug)]
struct Point {
    share: f64,
    /// The natural logarithm of `share`.
    log_rejected: f64,
    /// The natural logarithm of `1 - share`.
    log_accepted: f64,
    /// The natural logarithm of the unnormalized probability.
    log_belief: f64,
}

impl Point {
    /// Returns the natural logarithm of the probability that at least one item of a group is rejected. `size` is the
    /// number of items in the group.
    fn log_group_refused(&self, size: f64) -> f64 {
        (-(size * self.log_accepted).exp_m1()).ln()
    }
}

impl Density {
    /// Returns the estimate before any test result is known.
    pub(super) fn new() -> Self {
        let (first, last) = LOG_ODDS;
        let step = (last - first) / count(POINTS - 1);
        let points = (0..POINTS).map(|index| {
            let log_odds = first + step * count(index);
            let log_rejected = -(-log_odds).exp().ln_1p();
            let log_accepted = -log_odds.exp().ln_1p();
            Point {
                share: log_rejected.exp(),
                log_rejected,
                log_accepted,
                log_belief: 0.5 * log_accepted - LEANING * log_rejected,
            }
        });
        Self {
            points: points.collect(),
        }
    }

    /// Adds accepted items to the estimate.
    pub(super) fn accepted(&mut self, number: usize) {
        for point in &mut self.points {
            point.log_belief += count(number) * point.log_accepted;
        }
    }

    /// Adds one rejected item to the estimate.
    pub(super) fn refused(&mut self) {
        for point in &mut self.points {
            point.log_belief += point.log_rejected;
        }
    }

    /// Adds a refused group to the estimate. At least one item of a refused group is rejected.
    pub(super) fn group_refused(&mut self, size: usize) {
        for point in &mut self.points {
            point.log_belief += point.log_group_refused(count(size));
        }
    }

    /// Undoes [`group_refused`](Self::group_refused) before a newer result for the same group is added.
    pub(super) fn group_settled(&mut self, size: usize) {
        for point in &mut self.points {
            point.log_belief -= point.log_group_refused(count(size));
        }
    }

    /// Returns the expected share of rejected items.
    pub(super) fn share(&self) -> f64 {
        self.believed()
            .map(|(point, belief)| point.share * belief)
            .sum()
    }

    /// Returns the best size for a group of untested items, from 1 to `size`.
    pub(super) fn fresh(&self, size: usize) -> usize {
        let places = self
            .believed()
            .map(|(point, belief)| Place::new(point, belief))
            .collect();
        first_part(places, 0.0, size)
    }

    /// Returns how many items of a refused group to test next. The result is at least 1 and less than `size`, the
    /// number of items in the refused group.
    pub(super) fn part(&self, size: usize) -> usize {
        let mut none = 0.0;
        let places = self
            .believed()
            .map(|(point, belief)| {
                let belief = belief / point.log_group_refused(count(size)).exp();
                none += belief * (count(size) * point.log_accepted).exp();
                Place::new(point, belief)
            })
            .collect();
        first_part(places, none, size).min(size - 1).max(1)
    }

    /// Iterates over the candidates that are not negligible, each with its normalized probability.
    fn believed(&self) -> impl Iterator<Item = (&Point, f64)> {
        let best = self
            .points
            .iter()
            .map(|point| point.log_belief)
            .fold(f64::NEG_INFINITY, f64::max);
        let belief = move |point: &Point| (point.log_belief - best).exp();
        let total: f64 = self.points.iter().map(belief).sum();
        self.points
            .iter()
            .map(move |point| (point, belief(point) / total))
            .filter(|(_, belief)| *belief > NEGLIGIBLE)
    }
}

/// Counts the verdicts on items that directly follow a rejected item in the list.
#[derive(Debug, Default)]
pub(super) struct Neighbors {
    /// The number of accepted items that directly follow a rejected item.
    pub(super) accepted: u32,
    /// The number of rejected items that directly follow another rejected item.
    pub(super) rejected: u32,
    /// Undecided items that directly follow a rejected item. The search may test each of them alone.
    pub(super) waiting: Vec<u32>,
}

impl Neighbors {
    /// Returns the probability that the item after a rejected item is rejected. `share` is the overall share of
    /// rejected items.
    pub(super) fn probability(&self, share: f64) -> f64 {
        let seen = f64::from(self.accepted) + f64::from(self.rejected);
        (f64::from(self.rejected) + share) / (seen + 1.0)
    }
}

/// A candidate share, with the probability that the share is correct and all earlier items in the group are accepted.
struct Place {
    share: f64,
    probability: f64,
}

impl Place {
    fn new(point: &Point, probability: f64) -> Self {
        Self {
            share: point.share,
            probability,
        }
    }
}

/// Returns how many items the first test should contain so that the search for the first rejected item takes the fewest
/// requests on average.
///
/// Each possible position of the first rejected item is an outcome with a probability. Another outcome is that no item
/// is rejected. A sequence of tests assigns a binary code to each outcome, with one bit per test. Huffman's algorithm
/// finds the code with the fewest bits on average. The first bit is the result of the first test, so it separates the
/// positions in the tested group from all other outcomes. `impossible` is the total probability of outcomes that a
/// refusal has ruled out.
fn first_part(mut places: Vec<Place>, impossible: f64, size: usize) -> usize {
    let mut probabilities = Vec::new();
    let mut left = 1.0;
    while probabilities.len() < size && left > TAIL {
        let mut here = 0.0;
        left = -impossible;
        for place in &mut places {
            let refused = place.probability * place.share;
            here += refused;
            place.probability -= refused;
            left += place.probability;
        }
        probabilities.push(here);
    }
    let lengths = code_lengths(&probabilities, left);
    let mut space = 0.0;
    let asked = lengths.iter().take_while(|&&length| {
        let room = space < 0.499_999;
        space += 0.5_f64.powi(length);
        room
    });
    asked.count().max(1)
}

/// Returns the length of each code word in the shortest binary code. `falling` contains the probabilities of the
/// outcomes in descending order. `last` is the probability of one more outcome, whose code word length is not returned.
fn code_lengths(falling: &[f64], last: f64) -> Vec<i32> {
    // This is Huffman's algorithm with two queues, one for leaves and one for joined nodes. Both queues are in
    // ascending order of weight.
    let smaller = falling
        .iter()
        .rev()
        .take_while(|&&probability| probability < last)
        .count();
    let mut weights: Vec<f64> = falling.iter().rev().copied().collect();
    weights.insert(smaller, last);
    let leaves = weights.len();
    let mut parents = vec![0; 2 * leaves - 1];
    let (mut leaf, mut joined) = (0, leaves);
    for parent in leaves..2 * leaves - 1 {
        let mut sum = 0.0;
        for _ in 0..2 {
            let smallest =
                if leaf < leaves && (joined == parent || weights[leaf] <= weights[joined]) {
                    &mut leaf
                } else {
                    &mut joined
                };
            sum += weights[*smallest];
            parents[*smallest] = parent;
            *smallest += 1;
        }
        weights.push(sum);
    }
    let mut lengths = vec![0; 2 * leaves - 1];
    for node in (0..2 * leaves - 2).rev() {
        lengths[node] = lengths[parents[node]] + 1;
    }
    lengths.truncate(leaves);
    lengths.remove(smaller);
    lengths.reverse();
    lengths
}

#[expect(
    clippy::cast_precision_loss,
    reason = "numbers of items stay far below 2^52"
)]
fn count(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Estimates the share of rejected items from the numbers of refused and accepted items so far.
    fn seen(refused: usize, accepted: usize) -> Density {
        let mut density = Density::new();
        density.accepted(accepted);
        for _ in 0..refused {
            density.refused();
        }
        density
    }

    #[test]
    fn the_share_follows_the_results() {
        for (refused, accepted) in [(10, 9_990), (300, 700), (900, 100)] {
            let share = count(refused) / count(refused + accepted);
            let believed = seen(refused, accepted).share();
            assert!(
                (believed / share - 1.0).abs() < 0.2,
                "{believed} instead of {share}"
            );
        }
    }

    #[test]
    fn a_fresh_group_passes_half_the_time() {
        for (refused, accepted) in [(100, 9_900), (300, 9_700), (1_000, 9_000), (2_000, 8_000)] {
            let share = count(refused) / count(refused + accepted);
            let size = seen(refused, accepted).fresh(500);
            let passes = (count(size) * (-share).ln_1p()).exp();
            assert!(
                (0.4..0.6).contains(&passes),
                "share {share}: {size} items pass with {passes}"
            );
        }
    }

    #[test]
    fn where_most_are_refused_items_go_alone() {
        assert_eq!(seen(500, 500).fresh(500), 1);
        assert_eq!(seen(500, 500).part(500), 1);
    }

    #[test]
    fn where_few_are_refused_the_rest_goes_at_once() {
        assert_eq!(seen(1, 100_000).fresh(500), 500);
    }

    #[test]
    fn a_bad_group_is_halved_where_few_are_refused() {
        let density = seen(1, 1_000_000);
        assert_eq!(density.part(2), 1);
        assert_eq!(density.part(64), 32);
        assert!((200..300).contains(&density.part(500)));
    }

    #[test]
    fn what_is_settled_is_forgotten() {
        let mut density = seen(5, 500);
        let before = density.share();
        density.group_refused(40);
        assert!(density.share() > before);
        density.group_settled(40);
        assert!((density.share() - before).abs() < 1e-12);
    }

    #[test]
    fn code_lengths_are_those_of_the_best_code() {
        assert_eq!(code_lengths(&[0.5, 0.25, 0.125], 0.125), [1, 2, 3]);
        assert_eq!(
            code_lengths(&[0.125, 0.125, 0.125, 0.125], 0.5),
            [3, 3, 3, 3]
        );
        assert_eq!(code_lengths(&[1.0], 0.0), [1]);
    }
}
