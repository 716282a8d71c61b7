//! Uses lists of the users on the pack to find out whether ambiguous requests were executed. An ambiguous request may
//! or may not have been executed.
//!
//! A list that contains every user of a request proves that the request was executed. A list that meets the following
//! three conditions proves that the request was not executed and will not be executed later:
//!
//! - At least the `settle` time passed between the failure of the request and the start of the read.
//! - The list contains every user that the run had assigned or found on the pack before the read began.
//! - The list contains no user of the request.
//!
//! If the run assigned a user between the failure and the read, a list with this user is recent enough. Otherwise, a
//! single list could be out of date, so two lists must meet the conditions. At least the `settle` time must pass
//! between the end of the first read and the start of the second read.

use super::work::Work;
use crate::error::Error;
use std::collections::HashSet;
use std::time::Duration;

/// The maximum number of lists that the run reads to resolve one ambiguous request.
const MOST_READS: u32 = 6;

/// The ambiguous requests of a run, and the facts that help to resolve these requests.
#[derive(Debug)]
pub(super) struct Evidence {
    settle: Duration,
    requests: Vec<Ambiguous>,
    /// The last time at which the run confirmed that a user is on the pack.
    confirmed_at: Option<Duration>,
    read: Option<Read>,
}

/// A request that may have been executed.
#[derive(Debug)]
pub(super) struct Ambiguous {
    pub(super) work: Work,
    /// The error that made the request ambiguous.
    pub(super) error: Error,
    given_up: Duration,
    /// The earliest time at which a read of the pack may resolve the request.
    due: Duration,
    /// Set if a list met all three conditions but must be confirmed by a second list. Contains the time when the read
    /// of the first list ended.
    absent_at: Option<Duration>,
    reads: u32,
}

/// A read in flight, and the facts that are needed to interpret its list.
#[derive(Debug)]
struct Read {
    began: Duration,
    confirmed_at: Option<Duration>,
    /// Users that were assigned after the read began. The list may lack these users.
    confirmed_since: HashSet<u32>,
}

/// What the lists of the pack prove about one ambiguous request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// Every user of the request is on the pack.
    Executed,
    /// No user of the request is on the pack, and the request will not be executed later.
    NotExecuted,
    /// The request stays ambiguous, because the run has read the maximum number of lists.
    GivenUp,
}

/// A list of the users on the pack, with the age of the list and the time when the read ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown<'a> {
    /// `on_list[position]` is true if the list contains the user at this position.
    pub(super) on_list: &'a [bool],
    /// The age of a cached list, or zero if the list did not come from a cache.
    pub(super) age: Duration,
    pub(super) ended: Duration,
}

impl Evidence {
    pub(super) fn new(settle: Duration) -> Self {
        Self {
            settle,
            requests: Vec::new(),
            confirmed_at: None,
            read: None,
        }
    }

    pub(super) fn add(&mut self, work: Work, error: Error, now: Duration) {
        self.requests.push(Ambiguous {
            work,
            error,
            given_up: now,
            due: now.saturating_add(self.settle),
            absent_at: None,
            reads: 0,
        });
    }

    /// Records that `users` are on the pack as of `now`.
    pub(super) fn confirmed(&mut self, users: &[u32], now: Duration) {
        self.confirmed_at = Some(now);
        if let Some(read) = &mut self.read {
            read.confirmed_since.extend(users);
        }
    }

    /// Returns how long to wait before the next read-back, or `None` if no request is ambiguous.
    pub(super) fn due_in(&self, now: Duration) -> Option<Duration> {
        let due = self.requests.iter().map(|request| request.due).min()?;
        Some(due.saturating_sub(now))
    }

    pub(super) fn read_begins(&mut self, now: Duration) {
        self.read = Some(Read {
            began: now,
            confirmed_at: self.confirmed_at,
            confirmed_since: HashSet::new(),
        });
    }

    /// Removes and returns the requests that the failed read was meant to resolve.
    pub(super) fn read_failed(&mut self) -> Vec<Ambiguous> {
        let began = self.read.take().map_or(Duration::ZERO, |read| read.began);
        self.take_due(began)
    }

    /// Tries to resolve each ambiguous request that was waiting for a read-back when this read began. Removes and
    /// returns the requests that the list resolves, each with the proof. `on_pack` contains the positions of all users
    /// that the run knows to be on the pack.
    pub(super) fn judge(
        &mut self,
        list: Shown<'_>,
        on_pack: impl IntoIterator<Item = u32>,
    ) -> Vec<(Ambiguous, Proof)> {
        let Some(read) = self.read.take() else {
            return Vec::new();
        };
        let shows = |user: u32| list.on_list[user as usize];
        let complete = on_pack
            .into_iter()
            .all(|user| shows(user) || read.confirmed_since.contains(&user));
        let mut decided = Vec::new();
        for mut request in self.take_due(read.began) {
            let users = request.work.positions();
            let found = users.iter().filter(|user| shows(**user)).count();
            let proof = if found == users.len() {
                // A list that contains all users of a request proves that the request was executed, even if the list is
                // old.
                Some(Proof::Executed)
            } else {
                let absent = found == 0 && complete;
                request.judge_absence(&read, list, absent, self.settle)
            };
            match proof {
                Some(proof) => decided.push((request, proof)),
                None => self.requests.push(request),
            }
        }
        decided
    }

    fn take_due(&mut self, began: Duration) -> Vec<Ambiguous> {
        let due = self.requests.extract_if(.., |request| request.due <= began);
        due.collect()
    }
}

impl Ambiguous {
    /// Decides whether the list proves that the request was not executed. `absent` is true if the list is complete and
    /// contains no user of the request.
    fn judge_absence(
        &mut self,
        read: &Read,
        list: Shown<'_>,
        absent: bool,
        settle: Duration,
    ) -> Option<Proof> {
        self.reads += 1;
        self.due = list.ended.saturating_add(settle);
        // For a cached list, the start of the read is moved back by the age of the list.
        let began = read.began.checked_sub(list.age);
        let after =
            |earlier: Duration| began.is_some_and(|began| began >= earlier.saturating_add(settle));
        let is_current = read.confirmed_at.is_some_and(|at| at >= self.given_up);
        if !absent || !after(self.given_up) {
            self.absent_at = None;
        } else if is_current || self.absent_at.is_some_and(after) {
            return Some(Proof::NotExecuted);
        } else {
            self.absent_at.get_or_insert(list.ended);
        }
        (self.reads >= MOST_READS).then_some(Proof::GivenUp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::isolate::Search;

    const SETTLE: Duration = Duration::from_secs(3);

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Returns an [`Evidence`] with one ambiguous request, which failed at 10 s. The request contains users 0, 1 and 2.
    fn evidence() -> Evidence {
        let mut evidence = Evidence::new(SETTLE);
        give_up(&mut evidence, vec![0, 1, 2], 10);
        evidence
    }

    fn give_up(evidence: &mut Evidence, users: Vec<u32>, now: u64) {
        let work = Work::new(Search::new(500).chunk(users));
        evidence.add(work, Error::new(ErrorKind::Timeout, ""), at(now));
    }

    /// Simulates an instant read, and returns the proof for the first resolved request. User 3 is known to be on the
    /// pack.
    fn read(evidence: &mut Evidence, now: u64, age: u64, on_list: [bool; 4]) -> Option<Proof> {
        evidence.read_begins(at(now));
        let list = Shown {
            on_list: &on_list,
            age: at(age),
            ended: at(now),
        };
        let decided = evidence.judge(list, [3]);
        decided.first().map(|(_, proof)| *proof)
    }

    const NONE: [bool; 4] = [false, false, false, true];
    const ALL: [bool; 4] = [true; 4];
    const PART: [bool; 4] = [true, false, false, true];
    const INCOMPLETE: [bool; 4] = [false; 4];

    #[test]
    fn a_list_with_all_users_proves_execution_at_any_age() {
        assert_eq!(read(&mut evidence(), 13, 0, ALL), Some(Proof::Executed));
        assert_eq!(read(&mut evidence(), 13, 500, ALL), Some(Proof::Executed));
    }

    #[test]
    fn a_current_complete_list_proves_absence() {
        let mut evidence = evidence();
        assert_eq!(evidence.due_in(at(10)), Some(SETTLE));
        evidence.confirmed(&[3], at(11));
        assert_eq!(read(&mut evidence, 13, 0, NONE), Some(Proof::NotExecuted));
        assert_eq!(evidence.due_in(at(13)), None);
    }

    #[test]
    fn a_user_confirmed_before_the_request_was_given_up_shows_nothing() {
        let mut evidence = evidence();
        evidence.confirmed(&[3], at(9));
        assert_eq!(read(&mut evidence, 13, 0, NONE), None);
    }

    #[test]
    fn without_a_confirmed_user_two_lists_must_agree() {
        let mut evidence = evidence();
        assert_eq!(read(&mut evidence, 13, 0, NONE), None);
        assert_eq!(evidence.due_in(at(13)), Some(SETTLE));
        assert_eq!(read(&mut evidence, 15, 0, NONE), None, "not due yet");
        assert_eq!(read(&mut evidence, 16, 0, NONE), Some(Proof::NotExecuted));
    }

    #[test]
    fn a_list_without_proof_undoes_the_first_of_two() {
        for without_proof in [PART, INCOMPLETE] {
            let mut evidence = evidence();
            assert_eq!(read(&mut evidence, 13, 0, NONE), None);
            assert_eq!(read(&mut evidence, 16, 0, without_proof), None);
            assert_eq!(read(&mut evidence, 19, 0, NONE), None);
            assert_eq!(read(&mut evidence, 22, 0, NONE), Some(Proof::NotExecuted));
        }
    }

    #[test]
    fn gives_up_after_six_lists() {
        let mut evidence = evidence();
        for number in 1..MOST_READS {
            let list = if number % 2 == 0 { PART } else { INCOMPLETE };
            assert_eq!(
                read(&mut evidence, 10 + u64::from(number) * 3, 0, list),
                None
            );
        }
        assert_eq!(read(&mut evidence, 40, 0, PART), Some(Proof::GivenUp));
    }

    #[test]
    fn a_cached_list_counts_from_when_the_cache_read_it() {
        let mut old = evidence();
        old.confirmed(&[3], at(12));
        assert_eq!(read(&mut old, 13, 1, NONE), None, "it was read at 12 s");
        assert_eq!(
            read(&mut old, 16, 3, NONE),
            Some(Proof::NotExecuted),
            "at 13 s"
        );
        let mut never_current = evidence();
        for number in 1..MOST_READS {
            let now = 10 + u64::from(number) * 3;
            assert_eq!(read(&mut never_current, now, 60, NONE), None);
        }
        let last = read(&mut never_current, 60, 60, NONE);
        assert_eq!(last, Some(Proof::GivenUp));
    }

    #[test]
    fn a_user_confirmed_during_the_read_may_be_missing() {
        let mut evidence = evidence();
        evidence.confirmed(&[], at(11));
        evidence.read_begins(at(13));
        evidence.confirmed(&[3], at(14));
        let list = Shown {
            on_list: &INCOMPLETE,
            age: Duration::ZERO,
            ended: at(15),
        };
        let decided = evidence.judge(list, [3]);
        assert_eq!(decided[0].1, Proof::NotExecuted);
    }

    #[test]
    fn a_failed_read_returns_what_was_due() {
        let mut evidence = evidence();
        give_up(&mut evidence, vec![3], 12);
        evidence.read_begins(at(13));
        assert_eq!(evidence.read_failed().len(), 1);
        assert_eq!(evidence.due_in(at(13)), Some(at(2)));
    }
}
