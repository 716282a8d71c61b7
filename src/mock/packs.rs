//! Stores users, packs and assignments.

use super::behavior::{Reassignment, RefusalStyle};
use super::message::{Response, error, json, response};
use super::validation;
use crate::api::types::Assignment;
use crate::api::{AssignmentStatus, USER_IDS_FIELD};
use crate::id::{AssignmentId, PackId, UserId};
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};

#[derive(Default)]
pub(super) struct Packs {
    pub(super) users: HashSet<UserId>,
    pub(super) refusals: RefusalStyle,
    pub(super) reassignment: Reassignment,
    assignments: HashMap<PackId, Vec<Assignment>>,
    last_id: u64,
    /// Caches the JSON of the most recently sent list of assignments, because serializing a long list is slow. Each
    /// change of an assignment clears the cache.
    sent: Option<(PackId, String)>,
}

impl Packs {
    pub(super) fn add(&mut self, pack: PackId) {
        self.assignments.entry(pack).or_default();
    }

    pub(super) fn assignments(&self, pack: PackId) -> &[Assignment] {
        let assignments = self.assignments.get(&pack);
        assignments.unwrap_or_else(|| unknown(pack))
    }

    fn assignments_mut(&mut self, pack: PackId) -> &mut Vec<Assignment> {
        self.sent = None;
        let assignments = self.assignments.get_mut(&pack);
        assignments.unwrap_or_else(|| unknown(pack))
    }

    /// Adds an assignment with the status `in_progress`.
    pub(super) fn put(&mut self, pack: PackId, user: UserId) {
        self.last_id += 1;
        let id = AssignmentId::try_from(500 + self.last_id).expect("a small number");
        let status = AssignmentStatus::InProgress;
        // Builds the assignment from JSON, so that a new optional field in the spec requires no change here.
        let row = json!({"id": id, "userId": user, "status": status, "isWaitingApproval": false});
        let row = serde_json::from_value(row).expect("the required fields of an assignment");
        self.assignments_mut(pack).push(row);
    }

    /// Applies `change` to all assignments of a user on a pack.
    pub(super) fn change(&mut self, pack: PackId, user: UserId, change: impl Fn(&mut Assignment)) {
        let assignments = self.assignments_mut(pack).iter_mut();
        let mut found = assignments.filter(|row| row.user_id == user).peekable();
        assert!(found.peek().is_some(), "user {user} is not on pack {pack}");
        found.for_each(change);
    }

    pub(super) fn remove(&mut self, pack: PackId, user: UserId) {
        self.change(pack, user, |_| {});
        self.assignments_mut(pack).retain(|row| row.user_id != user);
    }

    /// Returns a response with all assignments of a pack.
    pub(super) fn list(&mut self, pack: PackId, request_id: &str) -> Result<Response, Response> {
        let assignments = self.assignments.get(&pack).ok_or_else(not_found)?;
        let assignments = match &self.sent {
            Some((sent, assignments)) if *sent == pack => assignments,
            _ => {
                let assignments = serde_json::to_string(assignments).expect("plain data");
                &self.sent.insert((pack, assignments)).1
            }
        };
        let id = json!(request_id);
        let body = format!(r#"{{"requestId":{id},"data":{{"assignments":{assignments}}}}}"#);
        Ok(response(200, "application/json", body))
    }

    /// Assigns all users, or none if at least one user is rejected.
    pub(super) fn assign(
        &mut self,
        pack: PackId,
        users: &[UserId],
        request_id: &str,
    ) -> Result<Response, Response> {
        let assignments = self.assignments.get(&pack).ok_or_else(not_found)?;
        let on_pack: HashSet<UserId> = match self.reassignment {
            Reassignment::AssignAgain => HashSet::new(),
            Reassignment::Ignore | Reassignment::Refuse => {
                assignments.iter().map(|row| row.user_id).collect()
            }
        };
        let refuse = self.reassignment == Reassignment::Refuse;
        let is_rejected = |user| !self.users.contains(user) || (refuse && on_pack.contains(user));
        let rejected: Vec<usize> = (0..users.len())
            .filter(|index| is_rejected(&users[*index]))
            .collect();
        if !rejected.is_empty() {
            return Err(self.refuse(users, &rejected));
        }
        for user in users.iter().filter(|user| !on_pack.contains(user)) {
            self.put(pack, *user);
        }
        Ok(json(200, &json!({"requestId": request_id, "data": {}})))
    }

    fn refuse(&self, users: &[UserId], rejected: &[usize]) -> Response {
        let item = |index: &usize| {
            let place = json!(["body", USER_IDS_FIELD, index]);
            validation::item(&place, self.reason(users[*index]))
        };
        let detail = match self.refusals {
            RefusalStyle::Silent => "Validation error".into(),
            RefusalStyle::Indices => rejected.iter().map(item).collect(),
            RefusalStyle::FirstIndex => rejected[..1].iter().map(item).collect(),
            RefusalStyle::Text => text(rejected.iter().map(|index| users[*index])),
            RefusalStyle::Echo => text(users.iter().copied()),
        };
        error(422, detail)
    }

    fn reason(&self, user: UserId) -> &'static str {
        if self.users.contains(&user) {
            "user is already assigned"
        } else {
            "user does not exist"
        }
    }
}

fn text(users: impl Iterator<Item = UserId>) -> Value {
    let ids: Vec<_> = users.map(|user| user.to_string()).collect();
    format!("invalid {USER_IDS_FIELD}: {}", ids.join(", ")).into()
}

/// Returns a 404 response with a JSON body, as the spec requires.
fn not_found() -> Response {
    error(404, "Onboarding pack not found")
}

fn unknown(pack: PackId) -> ! {
    panic!("pack {pack} is not known: call `add_pack` first")
}
