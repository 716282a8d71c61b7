//! The spec, and the changes that the tests apply to it. Each edit searches for a short text, so that unrelated changes
//! of the spec do not break the edit.

use crate::generator::{Options, generate};

pub const FILE: &str = "spec/onboarding.yaml";
pub const SPEC: &str = include_str!("../../spec/onboarding.yaml");
pub const CAP: usize = connecteam_onboarding::MAX_USERS_PER_REQUEST;
/// The maximum number of users per request after the edit [`Change::CapLowered`].
pub const LOWERED: usize = CAP / 5 * 4;

/// A change that the vendor may make to the API.
#[derive(Clone, Copy, Debug)]
pub enum Change {
    FieldAdded,
    StatusAdded,
    CapLowered,
    EndpointAdded,
    /// Removes a field that `src/` does not use.
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
                let paths = concat!(include_str!("edits/endpoint.yaml"), "components:\n");
                replaced(spec, "components:\n", paths) + include_str!("edits/schemas.yaml")
            }
            Self::FieldRemoved => replaced(
                spec,
                "        type:\n          type: string\n          description: The kind of fault, for programs.\n          \
                 example: value_error\n",
                "",
            ),
        }
    }
}

/// Generates code from a spec, with all options enabled.
pub fn everything(spec: &str) -> Result<String, String> {
    let options = Options {
        mock: true,
        schemars: true,
    };
    generate(FILE, spec, options)
}

/// Replaces the first occurrence of `from` in the spec. Panics if the spec does not contain `from`, because the edit is
/// then outdated.
#[track_caller]
pub fn replaced(spec: &str, from: &str, to: &str) -> String {
    assert!(spec.contains(from), "the spec has no {from:?}");
    spec.replacen(from, to, 1)
}

/// Each edit consists of an old text and a new text.
#[track_caller]
pub fn edited(edits: &[(&str, &str)]) -> String {
    let spec = SPEC.to_owned();
    edits
        .iter()
        .fold(spec, |spec, (from, to)| replaced(&spec, from, to))
}

pub fn line(part: &str) -> &'static str {
    let found = SPEC.lines().find(|line| line.contains(part));
    found
        .unwrap_or_else(|| panic!("the spec has no {part:?}"))
        .trim()
}
