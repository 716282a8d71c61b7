//! What differs between two surfaces, and what that is to those who use the crate.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};

/// What a difference is by the rules of semver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing differs.
    Same,
    /// Only more of what may grow: code that compiles goes on compiling.
    Additive,
    /// Something is gone, is another, or grew where code outside names everything there is.
    Breaking,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Same => "none",
            Self::Additive => "additive",
            Self::Breaking => "breaking",
        })
    }
}

/// The lines that are gone (`-`) and new (`+`), under the path of their item, and the verdict.
///
/// A line gone is breaking. That holds for a constant's value too: who sends 450 users in one
/// request is stopped by a cap of 400. A line more is additive, except in a struct or an enum
/// without `non_exhaustive` and in a trait that others may implement.
pub fn diff(before: &str, after: &str) -> (String, Verdict) {
    let (before, after) = (blocks(before), blocks(after));
    let paths: BTreeSet<_> = before.keys().chain(after.keys()).copied().collect();
    let (mut text, mut verdict) = (String::new(), Verdict::Same);
    for path in paths {
        let (old, new) = (before.get(path), after.get(path));
        let without = |of: Option<&Vec<&str>>, other: Option<&Vec<&str>>| -> Vec<String> {
            let lines = of.into_iter().flatten();
            lines
                .filter(|line| other.is_none_or(|o| !o.contains(line)))
                .map(|l| (*l).to_owned())
                .collect()
        };
        let (gone, more) = (without(old, new), without(new, old));
        if gone.is_empty() && more.is_empty() {
            continue;
        }
        let _ = writeln!(text, "{path}");
        for (sign, lines) in [('-', &gone), ('+', &more)] {
            for line in lines {
                let _ = writeln!(text, "{sign} {line}");
            }
        }
        let closed = old
            .and_then(|lines| lines.first())
            .is_some_and(|head| more.iter().any(|m| closes(head, m)));
        if closed || !gone.is_empty() {
            verdict = Verdict::Breaking;
        } else if verdict == Verdict::Same {
            verdict = Verdict::Additive;
        }
    }
    (text, verdict)
}

/// Each item's lines by its path.
fn blocks(surface: &str) -> BTreeMap<&str, Vec<&str>> {
    let blocks = surface
        .split("\n\n")
        .filter(|block| !block.starts_with('#'));
    let blocks = blocks.filter_map(|block| block.trim_end().split_once('\n'));
    blocks
        .map(|(path, lines)| {
            (
                path,
                lines
                    .lines()
                    .map(|l| l.strip_prefix("  ").unwrap_or(l))
                    .collect(),
            )
        })
        .collect()
}

/// `line` is a member of the item that starts with `head`, and code outside may name all members.
fn closes(head: &str, line: &str) -> bool {
    let open = if head.starts_with("pub trait") {
        head.contains("Sealed") || line.ends_with(", provided")
    } else {
        head.contains("non_exhaustive") || head.contains("private fields")
    };
    line.starts_with("  ") && !open
}

#[test]
fn a_line_gone_is_breaking_and_a_line_more_is_not() {
    let verdict = |before: &str, after: &str| diff(before, after).1;
    let item = |lines: &str| format!("# head\n\ncrate::Item\n{lines}");
    let cases = [
        (
            "  pub const A: u8 = 1\n",
            "  pub const A: u8 = 1\n",
            Verdict::Same,
        ),
        (
            "  pub const A: u8 = 1\n",
            "  pub const A: u8 = 2\n",
            Verdict::Breaking,
        ),
        (
            "  pub struct A, non_exhaustive\n",
            "  pub struct A\n",
            Verdict::Breaking,
        ),
        (
            "  pub struct A\n",
            "  pub struct A\n  pub fn new() -> A\n  = impl Debug for A\n",
            Verdict::Additive,
        ),
        (
            "  pub struct A\n",
            "  pub struct A\n    pub b: u8\n",
            Verdict::Breaking,
        ),
        (
            "  pub struct A, private fields\n",
            "  pub struct A, private fields\n    pub b: u8\n",
            Verdict::Additive,
        ),
        (
            "  pub enum A, non_exhaustive\n",
            "  pub enum A, non_exhaustive\n    B\n",
            Verdict::Additive,
        ),
        ("  pub enum A\n", "  pub enum A\n    B\n", Verdict::Breaking),
        (
            "  pub trait A\n",
            "  pub trait A\n    fn b(&self)\n",
            Verdict::Breaking,
        ),
        (
            "  pub trait A\n",
            "  pub trait A\n    fn b(&self), provided\n",
            Verdict::Additive,
        ),
        (
            "  pub trait A: sealed::Sealed\n",
            "  pub trait A: sealed::Sealed\n    fn b(&self)\n",
            Verdict::Additive,
        ),
    ];
    for (before, after, expected) in cases {
        assert_eq!(
            verdict(&item(before), &item(after)),
            expected,
            "{before}{after}"
        );
    }
    let one = item("  pub struct A\n");
    let two = one.clone() + "\ncrate::Other\n  pub struct Other\n    pub b: u8\n";
    assert_eq!(
        diff(&one, &two),
        (
            "crate::Other\n+ pub struct Other\n+   pub b: u8\n".to_owned(),
            Verdict::Additive
        )
    );
    assert_eq!(verdict(&two, &one), Verdict::Breaking);
}
