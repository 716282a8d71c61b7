//! [`Report`]: the outcome of every user of a list.

use super::ledger::Ledger;
use super::outcome::{Outcome, Rejection};
use crate::id::UserId;
use crate::text::Count;
use crate::users::UserList;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The result of a run, with exactly one [`Outcome`] for each unique id, in input order.
///
/// ```no_run
/// # async fn example(pack: connecteam_onboarding::Pack) -> Result<(), Box<dyn std::error::Error>> {
/// let report = pack.assign([7031021, 7031022, 7031021, 9]).await?;
/// println!("{report}"); // one line of counts
/// for (user, reason) in report.rejected() {
///     println!("{user}: {reason}");
/// }
/// println!("{}", serde_json::to_string(&report)?); // the ids of each outcome
/// # Ok(())
/// # }
/// ```
///
/// The serialized form has one list of user ids per outcome, and a reason for each rejected user. A deserialized report
/// has the same outcomes, but its users are grouped by outcome.
///
/// ```
/// use connecteam_onboarding::Report;
///
/// let report: Report = serde_json::from_str(
///     r#"{"assigned":[1,2],"already_assigned":[],"rejected":[{"userId":7,"reason":"no such user"}],
///         "not_assigned":[3],"unknown":[],"duplicates":1,"requests":4}"#,
/// )?;
/// assert_eq!(report.retry_ids().map(|user| user.get()).collect::<Vec<_>>(), [3]);
/// assert_eq!(
///     report.to_string(),
///     "4 users: 2 assigned, 0 already assigned, 1 rejected, 1 not assigned; 1 duplicate, 4 requests"
/// );
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(try_from = "Columns", into = "Columns")]
pub struct Report {
    ledger: Ledger,
    requests: u64,
}

impl Report {
    pub(super) fn new(ledger: Ledger, requests: u64) -> Self {
        Self { ledger, requests }
    }

    /// Iterates over every unique id with its outcome, in input order.
    #[must_use]
    pub fn outcomes(&self) -> impl ExactSizeIterator<Item = (UserId, &Outcome)> + Clone {
        self.ledger.outcomes()
    }

    /// Returns the outcome of one user, or `None` if the id was not in the list.
    #[must_use]
    pub fn outcome(&self, id: UserId) -> Option<&Outcome> {
        self.ledger
            .users
            .position(id)
            .map(|position| self.ledger.outcome(position))
    }

    /// Iterates over the users that this run assigned.
    pub fn assigned(&self) -> impl Iterator<Item = UserId> + Clone {
        self.with(|outcome| matches!(outcome, Outcome::Assigned))
    }

    /// Iterates over the users that were already on the pack.
    pub fn already_assigned(&self) -> impl Iterator<Item = UserId> + Clone {
        self.with(|outcome| matches!(outcome, Outcome::AlreadyAssigned))
    }

    /// Iterates over the users that this run assigned and the users that were already on the pack. To watch only these
    /// users, pass the iterator to [`Watch::only`](crate::Watch::only).
    pub fn on_pack(&self) -> impl Iterator<Item = UserId> + Clone {
        self.with(|outcome| matches!(outcome, Outcome::Assigned | Outcome::AlreadyAssigned))
    }

    /// Iterates over the users that the API rejects, each with the reason.
    pub fn rejected(&self) -> impl Iterator<Item = (UserId, &Rejection)> + Clone {
        self.outcomes().filter_map(|(id, outcome)| match outcome {
            Outcome::Rejected(reason) => Some((id, reason)),
            _ => None,
        })
    }

    /// Iterates over the users that this run did not assign and that are safe to send again.
    pub fn not_assigned(&self) -> impl Iterator<Item = UserId> + Clone {
        self.with(|outcome| matches!(outcome, Outcome::NotAssigned))
    }

    /// Iterates over the users for which the run could not find out whether a request was executed.
    pub fn unknown(&self) -> impl Iterator<Item = UserId> + Clone {
        self.with(|outcome| matches!(outcome, Outcome::Unknown))
    }

    /// Iterates over the users whose outcome is [`Outcome::NotAssigned`] or [`Outcome::Unknown`], in input order.
    ///
    /// To assign the remaining users, pass these users or the whole list to a new run. A run skips users who are
    /// already on the pack.
    pub fn retry_ids(&self) -> impl Iterator<Item = UserId> + Clone {
        self.with(|outcome| matches!(outcome, Outcome::NotAssigned | Outcome::Unknown))
    }

    /// Returns the number of ids that repeated an earlier id in the list.
    #[must_use]
    pub fn duplicates(&self) -> u64 {
        self.ledger.users.duplicates()
    }

    /// Returns the number of unique ids.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ledger.len()
    }

    /// Returns whether the list was empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the number of requests that the run sent, including reads and requests for access tokens.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests
    }

    fn with(&self, is: impl Fn(&Outcome) -> bool + Clone) -> impl Iterator<Item = UserId> + Clone {
        self.outcomes()
            .filter(move |(_, outcome)| is(outcome))
            .map(|(id, _)| id)
    }
}

/// Two reports are equal if they have the same outcomes in the same order and the same counts of duplicates and
/// requests.
impl PartialEq for Report {
    fn eq(&self, other: &Self) -> bool {
        (self.duplicates(), self.requests) == (other.duplicates(), other.requests)
            && self.outcomes().eq(other.outcomes())
    }
}

impl Eq for Report {}

/// The serialized form of a [`Report`].
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
struct Columns {
    /// The users that the run assigned.
    assigned: Vec<UserId>,
    /// The users that were already on the pack.
    already_assigned: Vec<UserId>,
    /// The users that the API rejects, each with the reason.
    rejected: Vec<RejectedUser>,
    /// The users that the run did not assign and that are safe to send again.
    not_assigned: Vec<UserId>,
    /// The users for which the run could not find out whether a request was executed.
    unknown: Vec<UserId>,
    /// The number of ids that repeated an earlier id in the list.
    duplicates: u64,
    /// The number of requests that the run sent, including reads and requests for access tokens.
    requests: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
struct RejectedUser {
    /// The user.
    user_id: UserId,
    /// The API's reason.
    reason: String,
}

impl From<Report> for Columns {
    fn from(report: Report) -> Self {
        let rejected = report.rejected().map(|(user_id, reason)| RejectedUser {
            user_id,
            reason: reason.reason().to_owned(),
        });
        Self {
            assigned: report.assigned().collect(),
            already_assigned: report.already_assigned().collect(),
            rejected: rejected.collect(),
            not_assigned: report.not_assigned().collect(),
            unknown: report.unknown().collect(),
            duplicates: report.duplicates(),
            requests: report.requests,
        }
    }
}

impl TryFrom<Columns> for Report {
    type Error = &'static str;

    fn try_from(columns: Columns) -> Result<Self, &'static str> {
        let rejected = columns.rejected.into_iter();
        let mut outcomes: Vec<_> = rejected
            .map(|user| (user.user_id, Outcome::Rejected(Rejection::new(user.reason))))
            .collect();
        for (users, outcome) in [
            (columns.assigned, Outcome::Assigned),
            (columns.already_assigned, Outcome::AlreadyAssigned),
            (columns.not_assigned, Outcome::NotAssigned),
            (columns.unknown, Outcome::Unknown),
        ] {
            outcomes.extend(users.into_iter().map(|user| (user, outcome.clone())));
        }
        let mut users: UserList = outcomes.iter().map(|(id, _)| *id).collect();
        if users.len() < outcomes.len() {
            return Err("a user has more than one outcome");
        }
        users.set_duplicates(columns.duplicates);
        let mut ledger = Ledger::new(users);
        for (position, (_, outcome)) in (0..).zip(outcomes) {
            ledger.set(position, outcome);
        }
        Ok(Self::new(ledger, columns.requests))
    }
}

impl fmt::Display for Report {
    /// Formats the counts of outcomes, duplicates and requests on one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // One pass, because a list may have a million users.
        let mut counts = [0_usize; 5];
        for (_, outcome) in self.outcomes() {
            counts[match outcome {
                Outcome::Assigned => 0,
                Outcome::AlreadyAssigned => 1,
                Outcome::Rejected(_) => 2,
                Outcome::NotAssigned => 3,
                Outcome::Unknown => 4,
            }] += 1;
        }
        let [assigned, already, rejected, not, unknown] = counts;
        write!(
            f,
            "{}: {assigned} assigned, {already} already assigned, {rejected} rejected",
            Count(self.len() as u64, "user")
        )?;
        for (count, what) in [(not, "not assigned"), (unknown, "unknown")] {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        write!(
            f,
            "; {}, {}",
            Count(self.duplicates(), "duplicate"),
            Count(self.requests, "request")
        )
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Report({self})")
    }
}
