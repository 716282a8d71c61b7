//! Estimates the share of rejected items, and computes from it how many items to test at once.

/// The number of points of the grid. Each point is a possible share of rejected items.
const POINTS: usize = 41;
/// Log-odds of the first and the last point. At the first point, one item in 60 million is rejected. At the last point,
/// all but one in 400 are rejected.
const LOG_ODDS: (f64, f64) = (-18.0, 6.0);
/// How strongly the prior prefers small shares: the weight of a share is proportional to `share^-LEANING`. The value
/// was found by measurement. A smaller value wastes requests if one item is rejected, and a larger value wastes
/// requests if many are rejected.
const LEANING: f64 = 0.4;
/// Points with a smaller part of the total belief are ignored.
const NEGLIGIBLE: f64 = 1e-5;
/// When all remaining places together are less probable than this, they are treated as one place.
const TAIL: f64 = 1.0 / 512.0;

/// The estimate of the share of rejected items, from the results so far.
///
/// It is a belief for each point of a grid instead of one number, because any share is possible at the start.
#[derive(Debug)]
pub(super) struct Density {
    points: Vec<Point>,
}

/// One possible share, and the belief that it is the real share.
#[derive(Clone, Copy, Debug)]
struct Point {
    share: f64,
    /// Natural logarithm of the share.
    log_rejected: f64,
    /// Natural logarithm of one minus the share.
    log_accepted: f64,
    /// Natural logarithm of the belief, up to a constant.
    log_belief: f64,
}

impl Point {
    /// Returns the natural logarithm of the probability that a group of `size` holds a rejected item.
    fn log_group_refused(&self, size: f64) -> f64 {
        (-(size * self.log_accepted).exp_m1()).ln()
    }
}

impl Density {
    /// Returns the belief before any result.
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

    /// Learns that `number` items are accepted.
    pub(super) fn accepted(&mut self, number: usize) {
        for point in &mut self.points {
            point.log_belief += count(number) * point.log_accepted;
        }
    }

    /// Learns that one item is rejected.
    pub(super) fn refused(&mut self) {
        for point in &mut self.points {
            point.log_belief += point.log_rejected;
        }
    }

    /// Learns that at least one of `size` items is rejected.
    pub(super) fn group_refused(&mut self, size: usize) {
        for point in &mut self.points {
            point.log_belief += point.log_group_refused(count(size));
        }
    }

    /// Undoes [`group_refused`](Self::group_refused), because the search knows more about these items now.
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

    /// Returns how many of `size` untested items to test at once. At least 1.
    pub(super) fn fresh(&self, size: usize) -> usize {
        let places = self
            .believed()
            .map(|(point, belief)| Place::new(point, belief))
            .collect();
        first_part(places, 0.0, size)
    }

    /// Returns how many of `size` items to test at once if at least one of them is rejected. At least 1, fewer than
    /// `size`.
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

    /// Iterates over the points that are not negligible, each with its part of the total belief.
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

/// Counts how often the item after a rejected item was rejected too.
#[derive(Debug, Default)]
pub(super) struct Neighbors {
    /// How often the next item was accepted.
    pub(super) accepted: u32,
    /// How often the next item was rejected.
    pub(super) rejected: u32,
    /// Items that had no verdict when the item before them was rejected.
    pub(super) waiting: Vec<u32>,
}

impl Neighbors {
    /// Returns the probability that the item after a rejected item is rejected. `share` is the share of all rejected
    /// items.
    pub(super) fn probability(&self, share: f64) -> f64 {
        let seen = f64::from(self.accepted) + f64::from(self.rejected);
        (f64::from(self.rejected) + share) / (seen + 1.0)
    }
}

/// For one possible share: the probability that it is the real share, and that all items before the current place are
/// accepted.
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

/// Returns how many of `size` items to test first, so that the first rejected item is found in the fewest requests.
///
/// There is one outcome for each place of the first rejected item, and one outcome for "no item is rejected". Each
/// outcome has a probability. A series of tests that distinguishes the outcomes is a binary code for them, and
/// Huffman's code is the shortest. The first test divides its code space into two halves: the outcomes at the tested
/// places, and all other outcomes. `impossible` is the probability of outcomes that are known to be impossible.
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

/// Returns the code lengths of the shortest binary code for outcomes with these falling probabilities. The code
/// includes one more outcome with the probability `last`, but its length is not returned.
fn code_lengths(falling: &[f64], last: f64) -> Vec<i32> {
    // Huffman's algorithm with two queues. The leaves are in rising order, and the joined nodes are created in rising
    // order.
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

/// Converts a number of items, for arithmetic with probabilities.
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

    /// Returns the density after these numbers of refused and accepted items.
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
