//! When a list of the pack proves what became of a request whose fate is unknown.

use crate::error::Error;
use std::time::Duration;

/// A request that may have been executed, and what reading back has shown so far.
#[derive(Debug)]
pub(crate) struct Doubt<W> {
    /// What was sent.
    pub(crate) work: W,
    users: usize,
    /// When it was given up.
    pub(crate) given_up: Duration,
    /// Why its fate is unknown.
    pub(crate) error: Error,
    /// The next read that may prove anything begins at this time or later.
    pub(crate) due: Duration,
    /// When the read ended that showed none of them, where a second must agree.
    absent_at: Option<Duration>,
    reads: u32,
}

/// What one list says of one doubtful request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Every user of the request is on the pack.
    Executed,
    /// Proven: nobody of it is, and nobody of it will be.
    NotExecuted,
    /// No proof; read again.
    Open,
    /// No proof, and no more reads.
    GivenUp,
}

/// What a list shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown {
    /// How many users of the doubtful request are on it.
    pub(crate) found: usize,
    /// Whether everybody confirmed before the read began is on it.
    pub(crate) complete: bool,
    /// Whether somebody was confirmed after the doubtful request was given up, and before the read
    /// began: then a list that shows them is fresh. Who was there earlier is on an old list too.
    pub(crate) fresh: bool,
}

/// After so many lists without proof, the users are unknown.
const MOST_READS: u32 = 6;

impl<W> Doubt<W> {
    /// A request with so many users that was given up at `now`.
    pub(crate) fn new(
        work: W,
        users: usize,
        now: Duration,
        settle: Duration,
        error: Error,
    ) -> Self {
        Self {
            work,
            users,
            error,
            given_up: now,
            due: now.saturating_add(settle),
            absent_at: None,
            reads: 0,
        }
    }

    /// Judges a list read from `began` to `ended`, and sets when the next is due.
    pub(crate) fn judge(
        &mut self,
        began: Duration,
        ended: Duration,
        settle: Duration,
        shown: Shown,
    ) -> Verdict {
        // An old list cannot show what happened later: whoever is on it is on the pack.
        if shown.found == self.users {
            return Verdict::Executed;
        }
        self.reads += 1;
        self.due = ended.saturating_add(settle);
        if shown.found > 0 || !shown.complete {
            self.absent_at = None;
        } else if shown.fresh
            || self
                .absent_at
                .is_some_and(|first| began >= first.saturating_add(settle))
        {
            return Verdict::NotExecuted;
        } else {
            self.absent_at.get_or_insert(ended);
        }
        if self.reads >= MOST_READS {
            Verdict::GivenUp
        } else {
            Verdict::Open
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    const SETTLE: Duration = Duration::from_secs(3);

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn doubt() -> Doubt<()> {
        Doubt::new((), 3, at(10), SETTLE, Error::new(ErrorKind::Timeout, ""))
    }

    #[test]
    fn a_fresh_and_complete_list_proves_both_ways() {
        let shown = Shown {
            found: 0,
            complete: true,
            fresh: true,
        };
        assert_eq!(doubt().due, Duration::from_secs(13));
        assert_eq!(
            doubt().judge(at(13), at(13), SETTLE, shown),
            Verdict::NotExecuted
        );
        assert_eq!(
            doubt().judge(at(13), at(13), SETTLE, Shown { found: 3, ..shown }),
            Verdict::Executed
        );
    }

    #[test]
    fn with_nothing_confirmed_two_lists_must_agree() {
        let shown = Shown {
            found: 0,
            complete: true,
            fresh: false,
        };
        let mut doubt = doubt();
        assert_eq!(doubt.judge(at(13), at(13), SETTLE, shown), Verdict::Open);
        assert_eq!(doubt.due, Duration::from_secs(16));
        assert_eq!(
            doubt.judge(at(15), at(15), SETTLE, shown),
            Verdict::Open,
            "too soon after the first"
        );
        assert_eq!(
            doubt.judge(at(16), at(16), SETTLE, shown),
            Verdict::NotExecuted
        );
    }

    #[test]
    fn a_part_or_an_incomplete_list_proves_nothing() {
        let part = Shown {
            found: 1,
            complete: true,
            fresh: true,
        };
        let incomplete = Shown {
            found: 0,
            complete: false,
            fresh: true,
        };
        let mut doubt = doubt();
        for read in 1..MOST_READS {
            let shown = if read % 2 == 0 { part } else { incomplete };
            assert_eq!(doubt.judge(at(20), at(20), SETTLE, shown), Verdict::Open);
        }
        assert_eq!(doubt.judge(at(30), at(30), SETTLE, part), Verdict::GivenUp);
    }

    #[test]
    fn a_list_without_proof_undoes_the_first_of_two() {
        let absent = Shown {
            found: 0,
            complete: true,
            fresh: false,
        };
        let mut doubt = doubt();
        assert_eq!(doubt.judge(at(13), at(13), SETTLE, absent), Verdict::Open);
        assert_eq!(
            doubt.judge(at(16), at(16), SETTLE, Shown { found: 1, ..absent }),
            Verdict::Open
        );
        assert_eq!(doubt.judge(at(19), at(19), SETTLE, absent), Verdict::Open);
        assert_eq!(
            doubt.judge(at(22), at(22), SETTLE, absent),
            Verdict::NotExecuted
        );
    }
}
