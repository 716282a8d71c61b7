//! Tests the search against a model of the API. The tests check how many requests the search needs. Property tests
//! check laws that the search must obey for every order of events.

use super::{Group, Named, Search};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// How a refusal names the rejected items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Silent,
    EveryIndex,
    FirstIndex,
    Text,
    /// The text names the first item of the request.
    WrongText,
    /// The text names the first rejected item and the last item of the request.
    MixedText,
    /// The text names every item of the request.
    EchoedText,
}

const STYLES: [Style; 7] = [
    Style::Silent,
    Style::EveryIndex,
    Style::FirstIndex,
    Style::Text,
    Style::WrongText,
    Style::MixedText,
    Style::EchoedText,
];

/// A model of an API that rejects some items. The model checks each group and each verdict of the search.
struct Model {
    search: Search<u32>,
    max_items: usize,
    style: Style,
    /// The items that the API rejects, including items that another program has assigned.
    refused: BTreeSet<u32>,
    in_flight: Vec<Group<u32>>,
    open: BTreeSet<u32>,
    accepted: BTreeSet<u32>,
    rejected: BTreeSet<u32>,
    gone: BTreeSet<u32>,
    requests: u32,
}

impl Model {
    fn new(max_items: usize, style: Style, refused: impl IntoIterator<Item = u32>) -> Self {
        Self {
            search: Search::new(max_items),
            max_items,
            style,
            refused: refused.into_iter().collect(),
            in_flight: Vec::new(),
            open: BTreeSet::new(),
            accepted: BTreeSet::new(),
            rejected: BTreeSet::new(),
            gone: BTreeSet::new(),
            requests: 0,
        }
    }

    /// Returns the items that the refusal of a request names, or `None` if the API accepts the request.
    fn refusal(&self, items: &[u32]) -> Option<Named> {
        let named: Vec<u32> = items
            .iter()
            .copied()
            .filter(|item| self.refused.contains(item))
            .collect();
        let first = *named.first()?;
        let mut naming = Named::default();
        match self.style {
            Style::Silent => {}
            Style::EveryIndex => naming.by_index = named,
            Style::FirstIndex => naming.by_index = vec![first],
            Style::Text => naming.hinted = named,
            Style::WrongText => naming.hinted = vec![items[0]],
            Style::MixedText => naming.hinted = vec![first, items[items.len() - 1]],
            Style::EchoedText => naming.hinted = items.to_vec(),
        }
        Some(naming)
    }

    /// Sends the items `0..n` in chunks.
    fn send_chunks(&mut self, n: u32) {
        let items: Vec<u32> = (0..n).collect();
        for chunk in items.chunks(self.max_items) {
            self.requests += 1;
            let group = self.search.chunk(chunk.to_vec());
            match self.refusal(chunk) {
                Some(naming) => {
                    self.open.extend(chunk);
                    let rejections = self.search.refused(group, self.requests, &naming);
                    self.note(rejections);
                }
                None => assert!(self.search.accepted(group).is_empty()),
            }
        }
    }

    /// Sends the next group of the search. Returns false if the search has no group to send.
    fn send(&mut self) -> bool {
        let Some(group) = self.search.next_group() else {
            return false;
        };
        let items: BTreeSet<u32> = group.items().iter().copied().collect();
        assert!(!items.is_empty(), "no empty group");
        assert!(
            items.len() <= self.max_items,
            "no group over the limit: {items:?}"
        );
        assert_eq!(
            items.len(),
            group.items().len(),
            "no duplicate: {:?}",
            group.items()
        );
        assert!(items.is_subset(&self.open), "only open items: {items:?}");
        let mut others = self.in_flight.iter().flat_map(Group::items);
        assert!(
            !others.any(|item| items.contains(item)),
            "no item in two groups: {items:?}"
        );
        self.in_flight.push(group);
        true
    }

    /// Simulates the response to one group in flight. `place` is the index of the group in `in_flight`.
    fn receive(&mut self, place: usize) {
        let group = self.in_flight.swap_remove(place);
        self.requests += 1;
        let rejections = if let Some(naming) = self.refusal(group.items()) {
            self.search.refused(group, self.requests, &naming)
        } else {
            for item in group.items() {
                // Items that were withdrawn while the group was in flight get no verdict.
                if self.open.remove(item) {
                    self.accepted.insert(*item);
                }
            }
            self.search.accepted(group)
        };
        self.note(rejections);
    }

    fn note(&mut self, rejections: Vec<(u32, u32)>) {
        for (item, reason) in rejections {
            assert!(
                self.refused.contains(&item),
                "{item} is rejected, but the API accepts it"
            );
            assert!(self.open.remove(&item), "{item} gets a second outcome");
            assert!(
                reason <= self.requests,
                "the reason is a response that was received"
            );
            self.rejected.insert(item);
        }
    }

    /// Simulates one event. `kind` selects the event, and `pick` selects the group or items that the event affects.
    fn event(&mut self, kind: u8, pick: u8) {
        let place = usize::from(pick) % self.in_flight.len().max(1);
        match kind % 16 {
            0..6 if self.in_flight.len() < 4 => {
                self.send();
            }
            0..12 if !self.in_flight.is_empty() => self.receive(place),
            12..14 if !self.in_flight.is_empty() => {
                let group = self.in_flight.swap_remove(place);
                for item in group.items() {
                    if self.open.remove(item) {
                        self.gone.insert(*item);
                    }
                }
                self.search.abandon(group);
            }
            14 => {
                // Another program assigns a few undecided items, so the API rejects these items from now on.
                let step = usize::from(pick % 16) + 1;
                self.refused.extend(self.open.iter().step_by(step).take(2));
            }
            15 => {
                let leaves = |item: u32| item % 32 == u32::from(pick % 32);
                self.gone
                    .extend(self.open.iter().filter(|item| leaves(**item)));
                self.open.retain(|item| !leaves(*item));
                self.search.withdraw(leaves);
            }
            _ => {}
        }
        assert!(
            self.search.open().eq(self.open.iter().copied()),
            "the search and the model agree on the open items"
        );
        assert_eq!(self.search.is_done(), self.open.is_empty());
    }

    /// Sends groups and receives responses until all items are decided. No more faults occur.
    fn finish(&mut self, in_flight: usize) {
        loop {
            while self.in_flight.len() < in_flight && self.send() {}
            if self.in_flight.is_empty() {
                break;
            }
            self.receive(0);
        }
        assert!(self.search.is_done(), "still open: {:?}", self.open);
        assert_eq!(self.search.open().count(), 0);
        assert!(
            self.accepted.is_disjoint(&self.refused),
            "no rejected item is accepted"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_laws_pass_in_any_order_of_events(
        n in 1..400_u32,
        max_items in 1..150_usize,
        style in prop::sample::select(&STYLES[..]),
        refused in prop::collection::btree_set(0..400_u32, 0..120),
        events in prop::collection::vec(any::<(u8, u8)>(), 0..200),
        in_flight in 1..5_usize,
    ) {
        let mut model = Model::new(max_items, style, refused);
        model.send_chunks(n);
        for (kind, pick) in events {
            model.event(kind, pick);
        }
        model.finish(in_flight);
    }

    #[test]
    fn finds_every_rejected_item_without_faults(
        n in 1..600_u32,
        max_items in 1..200_usize,
        style in prop::sample::select(&STYLES[..]),
        refused in prop::collection::btree_set(0..600_u32, 0..600),
        in_flight in 1..5_usize,
    ) {
        let refused: BTreeSet<u32> = refused.into_iter().filter(|item| *item < n).collect();
        let mut model = Model::new(max_items, style, refused.clone());
        model.send_chunks(n);
        model.finish(in_flight);
        prop_assert_eq!(model.rejected, refused);
    }
}

/// Returns a search in which one chunk was refused. The refusal named no item.
fn refused_chunk(items: &[u32]) -> Search<&'static str> {
    let mut search = Search::new(500);
    refuse_chunk(&mut search, items.to_vec(), "chunk");
    search
}

/// Simulates a refusal of a chunk. The refusal names no item.
fn refuse_chunk<R: Clone>(search: &mut Search<R>, items: Vec<u32>, reason: R) {
    let chunk = search.chunk(items);
    assert!(search.refused(chunk, reason, &Named::default()).is_empty());
}

/// Returns a search that has recorded 100,000 accepted items.
fn search_of_few(max_items: usize) -> Search<()> {
    let mut search = Search::new(max_items);
    let chunk = search.chunk((0..100_000).collect());
    assert!(search.accepted(chunk).is_empty());
    search
}

#[test]
fn rejects_the_last_item_without_a_request() {
    let mut search = refused_chunk(&[1, 2]);
    let group = search.next_group().expect("a group");
    assert_eq!(group.items(), [1]);
    let rejections = search.accepted(group);
    assert_eq!(rejections, [(2, "chunk")]);
    assert!(search.is_done());
}

#[test]
fn sends_the_last_item_if_the_rejected_item_may_have_been_withdrawn() {
    let mut search = refused_chunk(&[1, 2, 3]);
    search.withdraw(|item| item == 3);
    for _ in 0..2 {
        if let Some(group) = search.next_group() {
            assert!(search.accepted(group).is_empty());
        }
    }
    assert!(search.is_done());
}

#[test]
fn another_rejected_item_explains_the_refusal() {
    let mut search = refused_chunk(&[1, 2]);
    let group = search.next_group().expect("a group");
    assert_eq!(
        search.refused(group, "alone", &Named::default()),
        [(1, "alone")]
    );
    let group = search.next_group().expect("2 is sent too");
    assert_eq!(group.items(), [2]);
    assert!(search.accepted(group).is_empty());
    assert!(search.is_done());
}

#[test]
fn an_item_withdrawn_in_flight_gets_no_verdict() {
    let mut search = refused_chunk(&[1, 2]);
    let group = search.next_group().expect("a group");
    search.withdraw(|item| item == 1);
    assert!(search.refused(group, "alone", &Named::default()).is_empty());
    assert!(search.open().eq([2]));
    let group = search.next_group().expect("2 may be fine");
    assert_eq!(group.items(), [2]);
    assert!(search.accepted(group).is_empty());
}

#[test]
fn a_group_accepted_with_a_withdrawn_item_gives_no_inference() {
    let mut search = refused_chunk(&[1, 2]);
    let group = search.next_group().expect("a group");
    search.withdraw(|item| item == 1);
    assert!(search.accepted(group).is_empty());
    assert!(search.open().eq([2]));
    let group = search.next_group().expect("2 may be fine");
    assert!(search.accepted(group).is_empty());
    assert!(search.is_done());
}

#[test]
fn a_chunk_over_the_limit_is_sent_in_groups_within_it() {
    let mut search = search_of_few(10);
    refuse_chunk(&mut search, (0..100).collect(), ());
    assert_eq!(search.next_group().expect("a group").items().len(), 10);
}

#[test]
fn the_rest_of_the_list_is_sent_in_one_group() {
    let mut search = search_of_few(500);
    refuse_chunk(&mut search, (0..500).collect(), ());
    let mut groups = 0;
    while let Some(group) = search.next_group() {
        assert!(
            search.next_group().is_none(),
            "nothing else is sent at the same time"
        );
        groups += 1;
        let rejections = if group.items().contains(&0) {
            search.refused(group, (), &Named::default())
        } else {
            search.accepted(group)
        };
        assert!(rejections.iter().all(|rejection| rejection.0 == 0));
    }
    assert!(search.is_done());
    assert!(groups <= 11, "{groups} requests for one item of 500");
}

#[test]
fn an_abandoned_item_may_be_the_rejected_one() {
    let mut search = refused_chunk(&[1, 2]);
    let group = search.next_group().expect("a group");
    search.abandon(group);
    let group = search.next_group().expect("2 may be fine");
    assert!(search.accepted(group).is_empty());
    assert!(search.is_done());
}

#[test]
fn a_refused_chunk_of_one_item_is_rejected() {
    let mut search = Search::new(500);
    let chunk = search.chunk(vec![7]);
    assert_eq!(search.refused(chunk, (), &Named::default()), [(7, ())]);
    assert!(search.is_done());
}

/// Returns how many requests the search needs for `n` items if only one request is in flight at a time.
fn requests(style: Style, n: u32, refused: impl IntoIterator<Item = u32>) -> u32 {
    let mut model = Model::new(500, style, refused);
    model.send_chunks(n);
    model.finish(1);
    model.requests
}

#[test]
fn naming_all_items_costs_one_more_request_per_refused_chunk() {
    let refused = [3, 4, 77, 499, 1_200, 1_300];
    let (chunks, refused_chunks) = (4, 2);
    assert!(requests(Style::EveryIndex, 2_000, refused) <= chunks + refused_chunks);
    assert!(requests(Style::Text, 2_000, refused) <= chunks + refused_chunks + 6);
}

#[test]
fn naming_the_first_item_costs_one_request_per_item() {
    assert_eq!(requests(Style::FirstIndex, 500, [3, 4, 77, 499]), 4 + 1);
    assert!(requests(Style::FirstIndex, 2_000, [3, 4, 77, 499, 1_200, 1_300]) <= 4 + 6 + 2);
}

#[test]
fn ignores_hints_after_a_few_wrong_ones() {
    let refused = || (0..500).map(|item| item * 37 + 11);
    let silent = requests(Style::Silent, 20_000, refused());
    let wrong = requests(Style::WrongText, 20_000, refused());
    assert!(
        wrong < silent + silent / 20,
        "{wrong} requests instead of {silent}"
    );
}

#[test]
fn drops_waiting_hints_after_three_wrong_ones() {
    let mut search = Search::new(500);
    let naming = Named {
        by_index: Vec::new(),
        hinted: (0..10).collect(),
    };
    let chunk = search.chunk((0..100).collect());
    assert!(search.refused(chunk, (), &naming).is_empty());
    let mut alone = 0;
    while let Some(group) = search.next_group() {
        alone += u32::from(group.items().len() == 1);
        assert!(search.accepted(group).is_empty());
    }
    assert_eq!(alone, 3);
}

/// Returns `log2 C(n, d) + d + ⌈n / 500⌉`, the reference value for the number of requests.
fn bound(n: u32, d: u32) -> f64 {
    let choices: f64 = (0..d)
        .map(|i| (f64::from(n - i) / f64::from(d - i)).log2())
        .sum();
    choices + f64::from(d) + f64::from(n.div_ceil(500))
}

/// Returns the mean number of requests that the search needs to find `d` rejected items among `n` items. The rejected
/// items come from a generator with a fixed seed, so each test run uses the same items.
fn mean_requests(n: u32, d: u32, cases: u32) -> f64 {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut total = 0;
    for _ in 0..cases {
        let mut refused = BTreeSet::new();
        while refused.len() < d as usize {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            refused.extend(u32::try_from((state >> 32) % u64::from(n)));
        }
        total += requests(Style::Silent, n, refused);
    }
    f64::from(total) / f64::from(cases)
}

#[test]
fn the_mean_number_of_requests_stays_near_the_bound() {
    for n in [500, 1_000, 5_000] {
        for d in [1, 2, 3, 5, 10, 50, 100, 250, n / 2, n] {
            let mean = mean_requests(n, d, if n == 500 { 15 } else { 3 });
            let factor = if d < 5 { 1.25 } else { 1.05 };
            let limit = (factor * bound(n, d)).min(1.15 * f64::from(n));
            assert!(mean <= limit, "{d} of {n}: {mean} requests, limit {limit}");
        }
    }
}

#[test]
fn adjacent_items_cost_little_more_than_one_request_each() {
    let cost = requests(Style::Silent, 10_000, 3_120..3_370);
    assert!(cost <= 20 + 250 + 30, "{cost} requests");
}

#[test]
fn four_in_flight_cost_little_more_than_one() {
    let refused: Vec<u32> = (0..60).map(|item| item * item * 7 % 9_973).collect();
    let one = requests(Style::Silent, 10_000, refused.clone());
    let mut model = Model::new(500, Style::Silent, refused);
    model.send_chunks(10_000);
    model.finish(4);
    assert!(
        model.requests <= one + one / 10,
        "{} requests instead of {one}",
        model.requests
    );
}
