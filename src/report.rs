//! [`Report`]: what became of a list.

use crate::id::UserId;
use crate::ledger::{Ledger, Outcome, Rejection};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What became of a list: exactly one [`Outcome`] for every unique id, in input order.
///
/// ```no_run
/// # async fn example(pack: connecteam_onboarding::Pack) -> Result<(), Box<dyn std::error::Error>> {
/// let report = pack.assign([7031021, 7031022, 7031021, 9]).await?;
/// println!("{report}"); // one line of counts
/// for (user, why) in report.rejected() {
///     println!("{user}: {why}");
/// }
/// println!("{}", serde_json::to_string(&report)?); // the ids of each outcome
/// # Ok(())
/// # }
/// ```
///
/// Serialises as the ids of each outcome; of whom the API refuses, as `userId` and `reason`. Read back it is the same report, but for the order: the ids come
/// outcome by outcome.
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
///     "4 users: 2 assigned, 0 already assigned, 1 rejected, 1 not assigned; 1 duplicates, 4 requests"
/// );
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone)]
pub struct Report {
    ledger: Ledger,
    requests: u64,
}

impl Report {
    pub(crate) fn new(ledger: Ledger, requests: u64) -> Self {
        Self { ledger, requests }
    }

    /// Every unique id with its outcome, in input order.
    #[must_use]
    pub fn outcomes(&self) -> impl ExactSizeIterator<Item = (UserId, &Outcome)> + Clone {
        self.ledger.outcomes()
    }

    /// The outcome of one id; `None` if it was not in the list.
    #[must_use]
    pub fn outcome(&self, id: UserId) -> Option<&Outcome> {
        self.ledger
            .position(id)
            .map(|position| self.ledger.outcome(position))
    }

    /// Whom this run assigned.
    pub fn assigned(&self) -> impl Iterator<Item = UserId> + Clone {
        self.with(|outcome| matches!(outcome, Outcome::Assigned))
    }

    /// Who was on the pack already.
    pub fn already_assigned(&self) -> impl Iterator<Item = UserId> + Clone {
        self.with(|outcome| matches!(outcome, Outcome::AlreadyAssigned))
    }

    /// Everybody who is on the pack now: whom this run assigned, and who was there already, perhaps by an
    /// earlier run of the same list. Whom to follow.
    pub fn on_pack(&self) -> impl Iterator<Item = UserId> + Clone {
        self.with(|outcome| matches!(outcome, Outcome::Assigned | Outcome::AlreadyAssigned))
    }

    /// Whom the API refuses, and why.
    pub fn rejected(&self) -> impl Iterator<Item = (UserId, &Rejection)> + Clone {
        self.outcomes().filter_map(|(id, outcome)| match outcome {
            Outcome::Rejected(why) => Some((id, why)),
            _ => None,
        })
    }

    /// Who is not assigned and may be sent again.
    pub fn not_assigned(&self) -> impl Iterator<Item = UserId> + Clone {
        self.with(|outcome| matches!(outcome, Outcome::NotAssigned))
    }

    /// Whose fate could not be established.
    pub fn unknown(&self) -> impl Iterator<Item = UserId> + Clone {
        self.with(|outcome| matches!(outcome, Outcome::Unknown))
    }

    /// What to run again: everyone who is not settled, in input order. Running the same list again
    /// does as well; who is on the pack is skipped.
    pub fn retry_ids(&self) -> impl Iterator<Item = UserId> + Clone {
        self.with(|outcome| matches!(outcome, Outcome::NotAssigned | Outcome::Unknown))
    }

    /// The ids that repeated an earlier one.
    #[must_use]
    pub fn duplicates(&self) -> u64 {
        self.ledger.duplicates()
    }

    /// The unique ids.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ledger.len()
    }

    /// Whether the list was empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The requests that the run sent, reads and tokens included.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests
    }

    fn with(&self, is: impl Fn(&Outcome) -> bool + Clone) -> impl Iterator<Item = UserId> + Clone {
        self.outcomes()
            .filter(move |(_, outcome)| is(outcome))
            .map(|(id, _)| id)
    }

    fn columns(&self) -> Columns {
        Columns {
            assigned: self.assigned().collect(),
            already_assigned: self.already_assigned().collect(),
            rejected: self
                .rejected()
                .map(|(user_id, why)| RejectedUser {
                    user_id,
                    reason: why.reason().to_owned(),
                })
                .collect(),
            not_assigned: self.not_assigned().collect(),
            unknown: self.unknown().collect(),
            duplicates: self.duplicates(),
            requests: self.requests,
        }
    }
}

/// The same outcomes in the same order, at the same cost.
impl PartialEq for Report {
    fn eq(&self, other: &Self) -> bool {
        (self.duplicates(), self.requests) == (other.duplicates(), other.requests)
            && self.outcomes().eq(other.outcomes())
    }
}

impl Eq for Report {}

/// A report as it is written.
#[derive(Serialize, Deserialize)]
#[cfg_attr(
    feature = "schemars",
    derive(schemars::JsonSchema),
    schemars(rename = "Report")
)]
struct Columns {
    /// Whom the run assigned.
    assigned: Vec<UserId>,
    /// Who was on the pack already.
    already_assigned: Vec<UserId>,
    /// Whom the API refuses, and why.
    rejected: Vec<RejectedUser>,
    /// Who is not assigned and may be sent again.
    not_assigned: Vec<UserId>,
    /// Whose fate could not be established.
    unknown: Vec<UserId>,
    /// The ids that repeated an earlier one.
    duplicates: u64,
    /// The requests that the run sent, reads and tokens included.
    requests: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
struct RejectedUser {
    /// The user.
    user_id: UserId,
    /// The API's words.
    reason: String,
}

impl Serialize for Report {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.columns().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Report {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let columns = Columns::deserialize(deserializer)?;
        let (duplicates, requests) = (columns.duplicates, columns.requests);
        let outcomes = columns.outcomes();
        let mut ledger = Ledger::new(outcomes.iter().map(|(id, _)| *id).collect());
        if ledger.len() < outcomes.len() {
            return Err(serde::de::Error::custom("a user has more than one outcome"));
        }
        for (position, (_, outcome)) in (0..).zip(outcomes) {
            ledger.set(position, outcome);
        }
        ledger.add_duplicates(duplicates);
        Ok(Self { ledger, requests })
    }
}

impl Columns {
    fn outcomes(self) -> Vec<(UserId, Outcome)> {
        let rejected = self.rejected.into_iter();
        let rejected =
            rejected.map(|user| (user.user_id, Outcome::Rejected(Rejection::new(user.reason))));
        let mut outcomes: Vec<_> = rejected.collect();
        for (users, outcome) in [
            (self.assigned, Outcome::Assigned),
            (self.already_assigned, Outcome::AlreadyAssigned),
            (self.not_assigned, Outcome::NotAssigned),
            (self.unknown, Outcome::Unknown),
        ] {
            outcomes.extend(users.into_iter().map(|user| (user, outcome.clone())));
        }
        outcomes
    }
}

#[cfg(feature = "schemars")]
impl schemars::JsonSchema for Report {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        Columns::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Columns::json_schema(generator)
    }
}

impl fmt::Display for Report {
    /// One line of counts.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
            "{} users: {assigned} assigned, {already} already assigned, {rejected} rejected",
            self.len()
        )?;
        for (count, what) in [(not, "not assigned"), (unknown, "unknown")] {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        write!(
            f,
            "; {} duplicates, {} requests",
            self.duplicates(),
            self.requests
        )
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Report({self})")
    }
}
