//! [`Plan`]: what a run would do.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What a run would do; made by [`Assign::plan`](super::Assign::plan).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Plan {
    /// The unique users of the list.
    pub unique: u64,
    /// The ids that repeat an earlier one.
    pub duplicates: u64,
    /// Who is on the pack already.
    pub already_assigned: u64,
    /// Who would be sent.
    pub to_assign: u64,
    /// The requests that this takes if nobody is refused: one read, and the chunks.
    pub requests: u64,
    /// Whether the day's quota allows them, beside what is reserved and one request to read back; `None`
    /// where no answer told it.
    pub fits_today: Option<bool>,
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            unique,
            duplicates,
            already_assigned,
            to_assign,
            requests,
            fits_today,
        } = self;
        write!(
            f,
            "{unique} users: {to_assign} to assign, {already_assigned} already assigned; {duplicates} duplicates; \
             {requests} requests"
        )?;
        match fits_today {
            Some(true) => f.write_str(", which today's quota allows"),
            Some(false) => f.write_str(", for which today's quota is too small"),
            None => Ok(()),
        }
    }
}
