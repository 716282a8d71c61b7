use crate::{Assignment, AssignmentStatus};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The stage of an assignment. An assignment is usually in progress first, then waits for an admin's approval, and is
/// finally completed. An assignment may return to an earlier stage.
///
/// ```
/// use connecteam_onboarding::{Assignment, Stage};
///
/// let assignment: Assignment =
///     serde_json::from_str(r#"{"id":501,"userId":7,"status":"in_progress","isWaitingApproval":true}"#)?;
/// assert_eq!(Stage::from(&assignment), Stage::WaitingForApproval);
/// assert_eq!(Stage::WaitingForApproval.to_string(), "waiting for approval");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage<'a> {
    /// The user still has steps to do.
    InProgress,
    /// The user completed every required step, and an admin's approval is pending.
    WaitingForApproval,
    /// All required steps are completed and approved.
    Completed,
    /// The status is unknown to this release. The variant contains the status text from the API.
    Other(&'a str),
}

impl<'a> Stage<'a> {
    fn new(status: &'a AssignmentStatus, is_waiting_approval: bool) -> Self {
        match status {
            AssignmentStatus::InProgress if is_waiting_approval => Self::WaitingForApproval,
            AssignmentStatus::InProgress => Self::InProgress,
            AssignmentStatus::Completed => Self::Completed,
            // If a later version of the spec adds a status, that status maps to `Other` until this function handles it.
            other => Self::Other(other.as_str()),
        }
    }
}

impl<'a> From<&'a Assignment> for Stage<'a> {
    fn from(assignment: &'a Assignment) -> Self {
        Self::new(&assignment.status, assignment.is_waiting_approval)
    }
}

impl fmt::Display for Stage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InProgress => f.write_str("in progress"),
            Self::WaitingForApproval => f.write_str("waiting for approval"),
            Self::Completed => f.write_str("completed"),
            // Escapes the status, because it could contain line breaks and the output must stay on one line.
            Self::Other(text) => write!(f, "{text:?}"),
        }
    }
}

/// The status of an assignment, and whether an approval is pending.
///
/// The JSON uses the same field names as the API: `{"status":"in_progress","isWaitingApproval":false}`.
///
/// ```
/// use connecteam_onboarding::{AssignmentStatus, Stage, State};
///
/// let state: State = serde_json::from_str(r#"{"status":"completed","isWaitingApproval":false}"#)?;
/// assert_eq!(state.stage(), Stage::Completed);
/// assert_eq!(state.status(), &AssignmentStatus::Completed);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct State {
    /// The status of the assignment, as reported by the API.
    status: AssignmentStatus,
    /// Whether an admin's approval is pending.
    is_waiting_approval: bool,
}

impl State {
    /// Replaces an `Other` such as `Other("completed")` with the known variant `Completed`. Without this replacement,
    /// serializing and deserializing a state could produce a different state.
    pub(crate) fn new(status: AssignmentStatus, is_waiting_approval: bool) -> Self {
        let status = match status {
            AssignmentStatus::Other(text) => AssignmentStatus::from(text.as_str()),
            known => known,
        };
        Self {
            status,
            is_waiting_approval,
        }
    }

    /// Returns the status that the API reported.
    #[must_use]
    pub fn status(&self) -> &AssignmentStatus {
        &self.status
    }

    /// Returns whether the API reported that an admin's approval is pending.
    #[must_use]
    pub fn is_waiting_approval(&self) -> bool {
        self.is_waiting_approval
    }

    /// Returns the stage, derived from the status and the pending approval.
    #[must_use]
    pub fn stage(&self) -> Stage<'_> {
        Stage::new(&self.status, self.is_waiting_approval)
    }
}

impl fmt::Display for State {
    /// Formats the stage. The text ends with `and waiting for approval` if an approval is pending but the stage is not
    /// `WaitingForApproval`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = self.stage();
        write!(f, "{stage}")?;
        if self.is_waiting_approval() && stage != Stage::WaitingForApproval {
            write!(f, " and {}", Stage::WaitingForApproval)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(status: &str, waiting: bool) -> State {
        State::new(status.into(), waiting)
    }

    #[test]
    fn each_state_has_its_stage_text_and_json() {
        for (status, waiting, stage, text) in [
            ("in_progress", false, Stage::InProgress, "in progress"),
            (
                "in_progress",
                true,
                Stage::WaitingForApproval,
                "waiting for approval",
            ),
            ("completed", false, Stage::Completed, "completed"),
            (
                "completed",
                true,
                Stage::Completed,
                "completed and waiting for approval",
            ),
            ("on\nhold", false, Stage::Other("on\nhold"), r#""on\nhold""#),
            ("", true, Stage::Other(""), r#""" and waiting for approval"#),
        ] {
            let state = state(status, waiting);
            assert_eq!(state.stage(), stage);
            assert_eq!(state.to_string(), text);
            assert_eq!(
                (state.status().as_str(), state.is_waiting_approval()),
                (status, waiting)
            );
            let json = serde_json::to_string(&state).unwrap();
            assert_eq!(
                serde_json::from_str::<State>(&json).unwrap(),
                state,
                "{json}"
            );
        }
    }

    #[test]
    fn a_known_status_is_normalized() {
        let made = State::new(AssignmentStatus::Other("completed".into()), false);
        assert_eq!(made, state("completed", false));
    }
}
