//! [`Pack`]: the simulated pack, and the rules by which the simulated API validates a list of users.

use crate::api::types::ErrorBody;
use crate::error::Error;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Duration;

/// The response to a request with a user who is already on the pack. The vendor does not document what the real API
/// does in this case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reassign {
    /// The API accepts the request and changes nothing.
    Ignore,
    Reject,
    /// The API creates a second assignment.
    Repeat,
}

/// Which users a 422 response names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    Nothing,
    Indices,
    FirstIndex,
    Ids,
    /// The response names the id of a random user.
    WrongId,
    /// The response names all ids of the request.
    Echo,
}

/// Incorrect behavior of the API. Tests check that the simulation detects each kind as a violation of a law.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lie {
    /// The API returns status 200 without executing the request.
    ConfirmsNothing,
    /// The API rejects a random user by index.
    NamesTheWrongUser,
    /// The API lists a user who was never assigned.
    ListsAnUnassignedUser,
}

/// The rules by which the simulated API accepts and rejects requests.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) max_items: usize,
    pub(crate) reassign: Reassign,
    pub(crate) naming: Naming,
    pub(crate) lie: Option<Lie>,
}

/// An assignment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// The time when the assignment was made.
    pub(crate) since: Duration,
    /// True if the client made the assignment, and false if another program made the assignment.
    pub(crate) ours: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Pack {
    /// The users that exist.
    pub(crate) users: BTreeSet<u64>,
    /// The assignments of each user.
    pub(crate) rows: BTreeMap<u64, Vec<Row>>,
    /// For each user, the number of executed client requests that contained this user.
    pub(crate) executed: BTreeMap<u64, u32>,
}

impl Pack {
    /// Assigns all of the given users, or none of them if at least one user is rejected.
    pub(super) fn execute(
        &mut self,
        now: Duration,
        users: &[u64],
        rules: &Rules,
        random: &mut fastrand::Rng,
    ) -> Result<(), Error> {
        if rules.lie == Some(Lie::ConfirmsNothing) {
            return Ok(());
        }
        let rejects = |user: &u64| {
            !self.users.contains(user)
                || (rules.reassign == Reassign::Reject && self.rows.contains_key(user))
        };
        let rejected: Vec<usize> = (0..users.len())
            .filter(|index| rejects(&users[*index]))
            .collect();
        if !rejected.is_empty() {
            return Err(rejection(rules, users, &rejected, random));
        }
        for user in users {
            *self.executed.entry(*user).or_default() += 1;
            let rows = self.rows.entry(*user).or_default();
            if rows.is_empty() || rules.reassign == Reassign::Repeat {
                rows.push(Row {
                    since: now,
                    ours: true,
                });
            }
        }
        Ok(())
    }

    /// Simulates another program that assigns a random user.
    pub(super) fn another_assigns(&mut self, now: Duration, random: &mut fastrand::Rng) {
        let place = random.usize(..self.users.len().max(1));
        if let Some(user) = self.users.iter().nth(place) {
            let row = Row {
                since: now,
                ours: false,
            };
            self.rows.entry(*user).or_insert_with(|| vec![row]);
        }
    }

    /// Lists the users that were on the pack at the time `shown`. The list has one entry per assignment.
    pub(super) fn list(&self, shown: Duration, rules: &Rules) -> Vec<u64> {
        let rows = |(user, rows): (&u64, &Vec<Row>)| {
            let count = rows.iter().filter(|row| row.since <= shown).count();
            std::iter::repeat_n(*user, count)
        };
        let mut users: Vec<u64> = self.rows.iter().flat_map(rows).collect();
        if rules.lie == Some(Lie::ListsAnUnassignedUser) {
            users.push(1);
        }
        users
    }
}

/// Returns a description of the problem if a request has no users, too many users or duplicate users.
pub(super) fn breach(users: &[u64], rules: &Rules) -> Option<String> {
    let unique: HashSet<_> = users.iter().collect();
    let fine = (1..=rules.max_items).contains(&users.len()) && unique.len() == users.len();
    (!fine).then(|| format!("a request with {users:?}"))
}

/// Returns a 422 error for a request. `rejected` contains the indices of the rejected users.
fn rejection(
    rules: &Rules,
    users: &[u64],
    rejected: &[usize],
    random: &mut fastrand::Rng,
) -> Error {
    let any = random.usize(..users.len());
    let item = |index: &usize| json!({"loc": ["body", "userIds", index], "msg": "no", "type": "value_error"});
    let text = |indices: &[usize]| {
        let ids = indices.iter().map(|index| users[*index].to_string());
        json!(ids.collect::<Vec<_>>().join(" "))
    };
    let detail: Value = match rules.naming {
        _ if rules.lie == Some(Lie::NamesTheWrongUser) => json!([item(&any)]),
        Naming::Nothing => json!("rejected"),
        Naming::Indices => rejected.iter().map(item).collect(),
        Naming::FirstIndex => json!([item(&rejected[0])]),
        Naming::Ids => text(rejected),
        Naming::WrongId => text(&[any]),
        Naming::Echo => text(&(0..users.len()).collect::<Vec<_>>()),
    };
    let body = serde_json::to_vec(&json!({ "detail": detail })).expect("plain data");
    assert!(serde_json::from_slice::<ErrorBody>(&body).is_ok());
    Error::from_response(StatusCode::UNPROCESSABLE_ENTITY, &HeaderMap::new(), &body)
}
