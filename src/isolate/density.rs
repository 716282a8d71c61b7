//! How many items are likely to be refused, and how many to ask at once because of it.

/// Points of the grid over the share of refused items.
const POINTS: usize = 41;
/// Log-odds of the first and the last point: one in 60 million, and all but one in 400.
const LOG_ODDS: (f64, f64) = (-18.0, 6.0);
/// How much the prior leans towards few refused items: its weight falls as `share^-LEANING`.
/// Measured: less wastes requests on a lone stranger, more on a list with many.
const LEANING: f64 = 0.4;
/// Points with less than this part of the belief do not move a group's size.
const NEGLIGIBLE: f64 = 1e-5;
/// Places that are together less likely than this are treated as one.
const TAIL: f64 = 1.0 / 512.0;

/// What the answers so far say about the share of refused items.
///
/// Holds a belief over a grid of shares instead of one estimate, since early on any share is possible.
#[derive(Debug)]
pub(super) struct Density {
    points: Vec<Point>,
}

/// One possible share, and the belief in it.
#[derive(Clone, Copy, Debug)]
struct Point {
    share: f64,
    /// Natural logarithm of the share.
    log_refused: f64,
    /// Natural logarithm of one minus the share.
    log_accepted: f64,
    /// Natural logarithm of the belief, up to a constant.
    log_belief: f64,
}

impl Point {
    /// Natural logarithm of the chance that a group of `size` holds a refused item.
    fn log_group_refused(&self, size: f64) -> f64 {
        (-(size * self.log_accepted).exp_m1()).ln()
    }
}

impl Density {
    /// The belief before any answer.
    pub(super) fn new() -> Self {
        let (first, last) = LOG_ODDS;
        let step = (last - first) / count(POINTS - 1);
        let points = (0..POINTS).map(|index| {
            let log_odds = first + step * count(index);
            let log_refused = -(-log_odds).exp().ln_1p();
            let log_accepted = -log_odds.exp().ln_1p();
            Point {
                share: log_refused.exp(),
                log_refused,
                log_accepted,
                log_belief: 0.5 * log_accepted - LEANING * log_refused,
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

    /// Learns that one item is refused.
    pub(super) fn refused(&mut self) {
        for point in &mut self.points {
            point.log_belief += point.log_refused;
        }
    }

    /// Learns that at least one of `size` items is refused.
    pub(super) fn group_refused(&mut self, size: usize) {
        for point in &mut self.points {
            point.log_belief += point.log_group_refused(count(size));
        }
    }

    /// Takes back [`group_refused`](Self::group_refused), because more is known about these items now.
    pub(super) fn group_settled(&mut self, size: usize) {
        for point in &mut self.points {
            point.log_belief -= point.log_group_refused(count(size));
        }
    }

    /// The expected share of refused items.
    pub(super) fn share(&self) -> f64 {
        self.believed()
            .map(|(point, belief)| point.share * belief)
            .sum()
    }

    /// How many of `size` items, of which nothing is known, to ask at once. At least 1.
    pub(super) fn fresh(&self, size: usize) -> usize {
        let places = self
            .believed()
            .map(|(point, belief)| Place::new(point, belief))
            .collect();
        first_part(places, 0.0, size)
    }

    /// How many of `size` items, of which at least one is refused, to ask at once. At least 1, fewer than `size`.
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

    /// The points that matter, each with its part of the belief.
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

/// How often the item after a rejected one was rejected too.
#[derive(Debug, Default)]
pub(super) struct Neighbours {
    /// Times it was accepted.
    pub(super) accepted: u32,
    /// Times it was rejected.
    pub(super) rejected: u32,
    /// Items after a rejected one that had no verdict then.
    pub(super) waiting: Vec<u32>,
}

impl Neighbours {
    /// The chance that the next one is refused, where `share` of all items are.
    pub(super) fn chance(&self, share: f64) -> f64 {
        let seen = f64::from(self.accepted) + f64::from(self.rejected);
        (f64::from(self.rejected) + share) / (seen + 1.0)
    }
}

/// For one share: the chance that the items before a place are all accepted.
struct Place {
    share: f64,
    chance: f64,
}

impl Place {
    fn new(point: &Point, chance: f64) -> Self {
        Self {
            share: point.share,
            chance,
        }
    }
}

/// How many of the first of `size` items to ask, so that the first refused one is found in the fewest requests.
///
/// Each outcome ("the first refused item is the i-th", or "there is none here") has a chance, and a series of questions that
/// tells them apart is a binary code for them. The best code is Huffman's. Asking the first items splits off one half of
/// its code space. `impossible` is the part of the remaining chance that is known not to happen.
fn first_part(mut places: Vec<Place>, impossible: f64, size: usize) -> usize {
    let mut chances = Vec::new();
    let mut left = 1.0;
    while chances.len() < size && left > TAIL {
        let mut here = 0.0;
        left = -impossible;
        for place in &mut places {
            let refused = place.chance * place.share;
            here += refused;
            place.chance -= refused;
            left += place.chance;
        }
        chances.push(here);
    }
    let lengths = code_lengths(&chances, left);
    let mut space = 0.0;
    let asked = lengths.iter().take_while(|&&length| {
        let room = space < 0.499_999;
        space += 0.5_f64.powi(length);
        room
    });
    asked.count().max(1)
}

/// The lengths of the best binary code for outcomes with these falling chances and one last outcome, which is left out.
fn code_lengths(falling: &[f64], last: f64) -> Vec<i32> {
    // The two-queue form of Huffman's algorithm: leaves in rising order, joined nodes come out in rising order by themselves.
    let smaller = falling
        .iter()
        .rev()
        .take_while(|&&chance| chance < last)
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

/// A number of items, for arithmetic with chances.
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

    /// A density that has seen a long run of this share.
    fn seen(refused: usize, accepted: usize) -> Density {
        let mut density = Density::new();
        density.accepted(accepted);
        for _ in 0..refused {
            density.refused();
        }
        density
    }

    #[test]
    fn the_share_follows_the_answers() {
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
