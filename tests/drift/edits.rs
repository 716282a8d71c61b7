//! Tests that `drift` reports each kind of difference correctly, and exits with the correct status.

use crate::document::{PATH, VENDOR, compare, edit};

const EDITS: &str = include_str!("edits.txt");

/// `lines` contains one block of `edits.txt`.
fn expected(lines: &[&str]) -> (i32, String) {
    let mut text = String::new();
    for (title, start) in [("breaking:\n", "breaking: "), ("additive:\n", "additive: ")] {
        let group = lines.iter().filter_map(|line| line.strip_prefix(start));
        for (index, line) in group.enumerate() {
            let (method, fact) = line.split_once(' ').expect("a method");
            text += if index == 0 { title } else { "" };
            text += &format!("  {method} {PATH} {fact}\n");
        }
    }
    match text.get(..1) {
        None => (0, "no difference\n".to_owned()),
        Some("b") => (3, text),
        Some(_) => (2, text),
    }
}

#[test]
fn every_edit_has_its_lines_and_its_exit_status() {
    let mut count = 0;
    for block in EDITS.split("\n\n") {
        let lines = block.lines().filter(|line| !line.starts_with("# "));
        let is_edit = |line: &&str| line.contains(" = ") || line.starts_with("remove ");
        let is_edit = |line: &&str| is_edit(line) || line.starts_with("move ");
        let (edits, expectations): (Vec<_>, Vec<_>) = lines.partition(is_edit);
        let Some(first) = expectations.first() else {
            continue;
        };
        let mut document = serde_json::from_str(VENDOR).expect("JSON");
        edits.iter().for_each(|line| edit(&mut document, line));
        let (status, text) = compare(&document);
        if let Some(words) = first.strip_prefix("error: ") {
            assert!(status == 1 && text.contains(words), "{edits:#?}: {text}");
        } else {
            assert_eq!((status, text), expected(&expectations), "{edits:#?}");
        }
        count += 1;
    }
    assert!(count > 100, "{count} blocks");
}
