//! [`Plan`]: what a run would do, and how many requests it would take.

use crate::text::Count;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a run would do, and how many requests it would take. [`Assign::plan`](super::Assign::plan) returns it.
///
/// The request counts in a plan exclude access-token requests, retries and read-backs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Plan {
    /// The number of unique users in the list.
    pub unique: u64,
    /// The number of ids that repeat an earlier id.
    pub duplicates: u64,
    /// The number of users already on the pack.
    pub already_assigned: u64,
    /// The number of users that the run would send.
    pub to_assign: u64,
    /// The number of requests if no user is rejected: one read, plus one write per chunk.
    pub requests: u64,
    /// The maximum number of requests, even if many users are rejected.
    pub max_requests: u64,
    /// Whether the remaining daily quota covers the reserve, one read-back, and a run without rejected users. `None` if
    /// no response has reported the quota.
    pub fits_today: Option<bool>,
}

impl Plan {
    /// Estimates how many requests a run takes if the API rejects users without naming the rejected users in its
    /// response. `rejected` is the number of rejected users.
    ///
    /// On average, a run takes no more requests than this estimate. If sending the chunks takes longer than a minute,
    /// the run needs one additional read that the estimate does not include. If the API names the rejected users, a run
    /// takes far fewer requests.
    ///
    /// ```no_run
    /// # async fn example(pack: connecteam_onboarding::Pack, list: Vec<u64>) -> Result<(), connecteam_onboarding::Error> {
    /// let plan = pack.assign(list).plan().await?;
    /// println!("{} requests, {} if ten users are rejected", plan.requests, plan.requests_if_rejected(10));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an estimate, far below 2^52"
    )]
    pub fn requests_if_rejected(&self, rejected: u64) -> u64 {
        let rejected = rejected.min(self.to_assign);
        if rejected == 0 {
            return self.requests;
        }
        let (users, chunks) = (
            self.to_assign as f64,
            self.requests.saturating_sub(1) as f64,
        );
        // `choices` is `log2 C(users, rejected)`, the number of bits that identify the rejected users.
        let choices: f64 = (0..rejected)
            .map(|k| ((users - k as f64) / (k + 1) as f64).log2())
            .sum();
        let factor = if rejected < 5 { 1.25 } else { 1.05 };
        let writes = factor * (choices + rejected as f64 + chunks);
        let writes = writes.min(1.15 * users).max(chunks).ceil();
        // In addition to the writes, a run reads the pack once at the start and once at the end.
        (writes as u64 + 2).min(self.max_requests)
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} to assign, {} already assigned; {}; {}",
            Count(self.unique, "user"),
            self.to_assign,
            self.already_assigned,
            Count(self.duplicates, "duplicate"),
            Count(self.requests, "request"),
        )?;
        if self.max_requests > self.requests {
            let most = self.max_requests;
            write!(f, " if no user is rejected, at most {most}")?;
        }
        match self.fits_today {
            Some(true) => f.write_str("; today's quota permits it"),
            Some(false) => f.write_str("; today's quota is too small"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(to_assign: u64) -> Plan {
        let chunks = to_assign.div_ceil(500);
        Plan {
            unique: to_assign,
            duplicates: 0,
            already_assigned: 0,
            to_assign,
            requests: 1 + chunks,
            max_requests: 3 + chunks + (to_assign / 10).max(256),
            fits_today: None,
        }
    }

    #[test]
    fn estimates_grow_with_the_rejected_users_up_to_the_most() {
        let plan = plan(1_553);
        assert_eq!((plan.requests, plan.requests_if_rejected(0)), (5, 5));
        let estimates: Vec<u64> = [1, 2, 14, 100, 1_553, u64::MAX]
            .map(|rejected| plan.requests_if_rejected(rejected))
            .into();
        assert!(estimates.is_sorted(), "{estimates:?}");
        assert!((100..150).contains(&estimates[2]), "{estimates:?}");
        assert_eq!(estimates[5], plan.max_requests);
    }

    #[test]
    fn small_and_empty_lists_are_estimated() {
        assert_eq!(plan(0).requests_if_rejected(5), 1);
        assert_eq!(plan(1).requests_if_rejected(1), 4);
    }

    #[test]
    fn one_line_shows_the_cost() {
        assert_eq!(
            plan(1).to_string(),
            "1 user: 1 to assign, 0 already assigned; 0 duplicates; 2 requests if no user is rejected, at most 260"
        );
    }
}
