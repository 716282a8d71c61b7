//! The documentation is consistent: no dead link, and no page that is not compiled.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn markdown_in(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join(folder)).expect("a folder");
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "md"));
    files.sort();
    files
}

/// The text without its blocks of code.
fn prose(text: &str) -> String {
    let mut code = false;
    let lines = text.lines().filter(|line| {
        let fence = line.trim_start().starts_with("```");
        code ^= fence;
        !code && !fence
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Lines `[label]: target`.
fn definitions(text: &str) -> BTreeMap<&str, &str> {
    text.lines()
        .filter_map(|line| line.strip_prefix('[')?.split_once("]: "))
        .collect()
}

/// The targets of `[text](target)`.
fn inline_targets(text: &str) -> impl Iterator<Item = &str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
}

/// The name that a heading gets in a page: as rustdoc and GitHub make it.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text
        .lines()
        .filter_map(|line| Some(line.strip_prefix('#')?.trim_start_matches('#').trim()));
    let slug = |heading: &str| {
        let kept = heading
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.collect::<String>().to_lowercase().replace(' ', "-")
    };
    headings.map(slug).collect()
}

#[test]
fn no_link_between_files_is_dead() {
    let mut links = 0;
    for file in [".", "benches", "src/guide"]
        .into_iter()
        .flat_map(markdown_in)
    {
        let text = prose(&read(&file));
        let folder = file.parent().expect("a folder");
        for target in inline_targets(&text).chain(definitions(&text).into_values()) {
            let (place, anchor) = target.split_once('#').unwrap_or((target, ""));
            let page = match place.strip_prefix("crate::guide::") {
                Some(page) => root().join(format!("src/guide/{page}.md")),
                None if place.is_empty() => file.clone(),
                // Items are rustdoc's to check.
                None if place.contains("::") || place.contains("://") || !place.contains('.') => {
                    continue;
                }
                None => folder.join(place),
            };
            links += 1;
            assert!(page.exists(), "{}: {target} leads nowhere", file.display());
            if !anchor.is_empty() {
                let headings = anchors(&prose(&read(&page)));
                assert!(
                    headings.contains(anchor),
                    "{}: {target}: no such heading",
                    file.display()
                );
            }
        }
    }
    assert!(links > 40, "only {links} links were found");
}

/// A relative link would be dead on a page of the documentation, so each has an item for it.
#[test]
fn each_link_of_the_readme_leads_to_an_item_in_the_documentation() {
    let (readme, items) = (
        read(&root().join("README.md")),
        read(&root().join("src/links.md")),
    );
    let files = definitions(&readme);
    assert!(
        files.keys().eq(definitions(&items).keys()),
        "README.md and src/links.md define other links"
    );
    for (label, item) in definitions(&items) {
        assert!(item.starts_with("crate::"), "{label}: {item}");
    }
    let text = prose(&readme);
    for target in inline_targets(&text) {
        assert!(
            target.starts_with("https://"),
            "{target}: give it a definition, here and in src/links.md"
        );
    }
    for label in files.keys() {
        assert!(
            text.matches(&format!("[{label}]")).count() > 1,
            "[{label}] is defined, but not used"
        );
    }
}

/// A file that no module includes is text that no test compiles.
#[test]
fn every_page_of_the_guide_is_part_of_it() {
    let guide = read(&root().join("src/guide.rs"));
    let pages = markdown_in("src/guide");
    assert!(pages.len() >= 5, "{pages:?}");
    for page in pages {
        let name = page
            .file_name()
            .and_then(|name| name.to_str())
            .expect("a name");
        assert!(
            guide.contains(&format!("include_str!(\"guide/{name}\")")),
            "src/guide.rs does not include {name}"
        );
        let ignored = read(&page)
            .lines()
            .any(|line| line.starts_with("```") && line.contains("ignore"));
        assert!(!ignored, "{name}: an example that nothing compiles");
    }
}
