//! Compares the generated code with a committed file, so that reviewers see how a change of the spec affects the Rust
//! code.

use crate::edits::{SPEC, everything};
use similar::{ChangeTag, TextDiff};
use std::{env, fs};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/spec/generated.txt");
const UPDATE: &str = "UPDATE_GOLDEN";

/// Removed lines start with `-`, and added lines start with `+`.
pub fn diff(before: &str, after: &str) -> String {
    TextDiff::from_lines(before, after)
        .iter_all_changes()
        .filter_map(|change| match change.tag() {
            ChangeTag::Equal => None,
            tag => Some(format!("{tag}{change}")),
        })
        .collect()
}

#[test]
fn the_generated_code_is_the_reviewed_one() {
    let code = everything(SPEC).unwrap();
    if env::var_os(UPDATE).is_some() {
        fs::write(GOLDEN, &code).unwrap();
    }
    let reviewed = fs::read_to_string(GOLDEN).unwrap_or_default();
    assert!(
        code == reviewed,
        "the generated code differs from tests/spec/generated.txt:\n\n{}\nreview this; to accept it, run: \
         {UPDATE}=1 cargo test --all-features --test spec golden",
        diff(&reviewed, &code)
    );
}
