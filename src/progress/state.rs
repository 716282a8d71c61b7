//! How far one assignment is: what the API says, and what it means.

use crate::{Assignment, AssignmentStatus};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// The part of its life that an assignment is in.
///
/// In progress, then waiting for an admin's approval, then completed; it may go back.
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
    /// The user has steps to do.
    InProgress,
    /// The user did every required step; an admin's approval is pending.
    WaitingForApproval,
    /// Done.
    Completed,
    /// A status that this release does not know, as the API writes it.
    Other(&'a str),
}

impl<'a> Stage<'a> {
    /// The one place that says what a status and `isWaitingApproval` mean together.
    fn new(status: &'a AssignmentStatus, is_waiting_approval: bool) -> Self {
        match status {
            AssignmentStatus::InProgress if is_waiting_approval => Self::WaitingForApproval,
            AssignmentStatus::InProgress => Self::InProgress,
            AssignmentStatus::Completed => Self::Completed,
            // A status that the spec may gain is nothing that this crate knows how to handle, either.
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
            // Quoted and escaped: it may hold anything, and this has to stay one line.
            Self::Other(text) => write!(f, "{text:?}"),
        }
    }
}

/// What the API says of an assignment: its status, and whether an approval is pending. Cheap to clone.
///
/// Written as the API writes it: `{"status":"in_progress","isWaitingApproval":false}`.
///
/// ```
/// use connecteam_onboarding::{AssignmentStatus, Stage, State};
///
/// let state: State = serde_json::from_str(r#"{"status":"completed","isWaitingApproval":false}"#)?;
/// assert_eq!(state.stage(), Stage::Completed);
/// assert_eq!(state.status(), &AssignmentStatus::Completed);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(from = "Fields", into = "Fields")]
pub struct State(Packed);

/// 16 bytes where the two fields would take 32, because a pack can have 100,000 of them.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Packed {
    InProgress {
        waiting: bool,
    },
    Completed {
        waiting: bool,
    },
    Other {
        waiting: bool,
        status: Arc<AssignmentStatus>,
    },
}

/// A state as it is written.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct Fields {
    /// How far the user is.
    status: AssignmentStatus,
    /// Whether an admin's approval is pending.
    is_waiting_approval: bool,
}

impl State {
    /// The state of an assignment with these two fields.
    pub(crate) fn new(status: AssignmentStatus, waiting: bool) -> Self {
        Self(match status {
            AssignmentStatus::InProgress => Packed::InProgress { waiting },
            AssignmentStatus::Completed => Packed::Completed { waiting },
            // A hand-made `Other("completed")` is read back as `Completed`, so it has to be the same here.
            other => match AssignmentStatus::from(other.as_str()) {
                AssignmentStatus::InProgress => Packed::InProgress { waiting },
                AssignmentStatus::Completed => Packed::Completed { waiting },
                _ => Packed::Other {
                    waiting,
                    status: Arc::new(other),
                },
            },
        })
    }

    /// The status, as the API says it.
    #[must_use]
    pub fn status(&self) -> &AssignmentStatus {
        match &self.0 {
            Packed::InProgress { .. } => &AssignmentStatus::InProgress,
            Packed::Completed { .. } => &AssignmentStatus::Completed,
            Packed::Other { status, .. } => status,
        }
    }

    /// Whether an admin's approval is pending, as the API says it.
    #[must_use]
    pub fn is_waiting_approval(&self) -> bool {
        match self.0 {
            Packed::InProgress { waiting }
            | Packed::Completed { waiting }
            | Packed::Other { waiting, .. } => waiting,
        }
    }

    /// What the two mean together.
    #[must_use]
    pub fn stage(&self) -> Stage<'_> {
        Stage::new(self.status(), self.is_waiting_approval())
    }
}

impl From<Fields> for State {
    fn from(fields: Fields) -> Self {
        Self::new(fields.status, fields.is_waiting_approval)
    }
}

impl From<State> for Fields {
    fn from(state: State) -> Self {
        Self {
            status: state.status().clone(),
            is_waiting_approval: state.is_waiting_approval(),
        }
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("status", self.status())
            .field("is_waiting_approval", &self.is_waiting_approval())
            .finish()
    }
}

impl fmt::Display for State {
    /// The stage; and that an approval is pending where the stage does not say so.
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
    fn the_life_of_an_assignment() {
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
    fn a_known_status_is_known_however_it_was_made() {
        let made = State::new(AssignmentStatus::Other("completed".into()), false);
        assert_eq!(made, state("completed", false));
    }

    #[test]
    fn it_is_small() {
        assert_eq!((size_of::<State>(), size_of::<Option<State>>()), (16, 16));
    }
}
