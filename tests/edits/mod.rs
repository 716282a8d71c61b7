//! The specification, and the changes of it that are rehearsed. Each is written against what any
//! such specification holds, so that the rehearsal outlives a change that is meant.
#![allow(dead_code, reason = "each test file uses its own part of it")]

pub const SPEC: &str = include_str!("../../spec/onboarding.yaml");
/// The cap as it is.
pub const CAP: usize = connecteam_onboarding::MAX_USERS_PER_REQUEST;
/// The cap as the rehearsal lowers it: from 500 to 400.
pub const LOWERED: usize = CAP / 5 * 4;

/// A change that a vendor makes.
#[derive(Clone, Copy, Debug)]
pub enum Change {
    FieldAdded,
    StatusAdded,
    CapLowered,
    EndpointAdded,
    /// One that `src/` does not use.
    FieldRemoved,
}

impl Change {
    pub const ALL: [Self; 5] = [
        Self::FieldAdded,
        Self::StatusAdded,
        Self::CapLowered,
        Self::EndpointAdded,
        Self::FieldRemoved,
    ];

    /// `spec` with this change, and no other.
    pub fn of(self, spec: &str) -> String {
        match self {
            Self::FieldAdded => replaced(
                spec,
                "        isWaitingApproval:\n",
                "        rehearsedOn: {type: string, format: date}\n        isWaitingApproval:\n",
            ),
            Self::StatusAdded => replaced(
                spec,
                "enum: [in_progress, completed",
                "enum: [in_progress, completed, rehearsed",
            ),
            Self::CapLowered => replaced(
                spec,
                &format!("maxItems: {CAP}\n"),
                &format!("maxItems: {LOWERED}\n"),
            ),
            Self::EndpointAdded => {
                let paths = concat!(include_str!("endpoint.yaml"), "components:\n");
                replaced(spec, "components:\n", paths) + include_str!("schemas.yaml")
            }
            Self::FieldRemoved => replaced(
                spec,
                "        type:\n          type: string\n          description: The kind of fault, for programs.\n          example: value_error\n",
                "",
            ),
        }
    }
}

/// The first `from` as `to`; a `from` that is not there is a fault of the test.
pub fn replaced(spec: &str, from: &str, to: &str) -> String {
    assert!(spec.contains(from), "the specification has no {from:?}");
    spec.replacen(from, to, 1)
}

/// The line of the specification that holds `part`.
pub fn line(part: &str) -> &'static str {
    let found = SPEC.lines().find(|line| line.contains(part));
    found
        .unwrap_or_else(|| panic!("the specification has no {part:?}"))
        .trim()
}
