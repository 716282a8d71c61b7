//! Tests that the documentation has no broken links, that each guide page is compiled, and that the documented numbers
//! of requests are correct.

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

/// Removes the code blocks from a Markdown text.
fn prose(text: &str) -> String {
    let mut code = false;
    let lines = text.lines().filter(|line| {
        let fence = line.trim_start().starts_with("```");
        code ^= fence;
        !code && !fence
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns the link definitions of a Markdown text, for example `[label]: target`.
fn definitions(text: &str) -> BTreeMap<&str, &str> {
    text.lines()
        .filter_map(|line| line.strip_prefix('[')?.split_once("]: "))
        .collect()
}

/// Returns the targets of the inline links of a Markdown text, for example `[text](target)`.
fn inline_targets(text: &str) -> impl Iterator<Item = &str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
}

/// Returns the anchors of all headings, in the form that rustdoc and GitHub generate.
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
fn no_link_between_files_is_broken() {
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
                // Web addresses and links to Rust items are skipped. Rustdoc checks the links to Rust items.
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

/// Links to files do not work in the generated documentation. For each link that the README defines, `src/links.md`
/// therefore defines a link from the same label to a Rust item.
#[test]
fn each_link_of_the_readme_leads_to_an_item_in_the_documentation() {
    let (readme, items) = (
        read(&root().join("README.md")),
        read(&root().join("src/links.md")),
    );
    let files = definitions(&readme);
    assert!(
        files.keys().eq(definitions(&items).keys()),
        "README.md and src/links.md define different links"
    );
    for (label, item) in definitions(&items) {
        assert!(item.starts_with("crate::"), "{label}: {item}");
    }
    let text = prose(&readme);
    for target in inline_targets(&text) {
        assert!(
            target.starts_with("https://"),
            "{target}: add a definition to README.md and to src/links.md"
        );
    }
    for label in files.keys() {
        assert!(
            text.matches(&format!("[{label}]")).count() > 1,
            "[{label}] is defined, but not used"
        );
    }
}

/// Rustdoc compiles the examples of a page only if `src/guide.rs` includes the page.
#[test]
fn every_page_of_the_guide_is_compiled() {
    let guide = read(&root().join("src/guide.rs"));
    let pages = markdown_in("src/guide");
    assert!(pages.len() >= 7, "{pages:?}");
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

#[cfg(feature = "mock")]
mod costs {
    use super::{read, root};
    use connecteam_onboarding::mock::FakeOnboarding;
    use connecteam_onboarding::{Pack, PackId};
    use std::ops::RangeInclusive;

    /// Returns one tuple for each cell of the cost table in the guide. A tuple contains the number of users, the number
    /// of rejected users, and the range of the number of requests.
    fn table() -> Vec<(u64, u64, RangeInclusive<u64>)> {
        let page = read(&root().join("src/guide/assign.md"));
        let (_, section) = page.split_once("# What small lists cost").expect("a table");
        let rows = section.lines().skip_while(|line| !line.starts_with("|--:"));
        let rows = rows.skip(1).take_while(|line| line.starts_with('|'));
        let mut cells = Vec::new();
        for row in rows {
            let row: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
            let users = row[0].parse().expect("a number of users");
            for (rejected, cell) in [0, 1, 3].into_iter().zip(&row[1..]) {
                let numbers: Vec<u64> = cell
                    .split(|c: char| !c.is_ascii_digit())
                    .filter_map(|number| number.parse().ok())
                    .collect();
                match numbers[..] {
                    [] => {}
                    [same] => cells.push((users, rejected, same..=same)),
                    [_, _, least, most] => cells.push((users, rejected, least..=most)),
                    _ => panic!("`{cell}` is not `mean (least to most)`"),
                }
            }
        }
        cells
    }

    async fn requests(fake: &FakeOnboarding, pack: &Pack, users: &[u64], rejected: u64) -> u64 {
        fake.add_pack(pack.id());
        let mut existing = users.to_vec();
        fastrand::Rng::with_seed(pack.id().get()).shuffle(&mut existing);
        fake.add_users(existing.split_off(usize::try_from(rejected).expect("a small number")));
        let report = pack.assign(users).await.expect("no fault");
        assert_eq!(report.rejected().count() as u64, rejected);
        report.requests()
    }

    #[tokio::test]
    async fn small_lists_cost_what_the_guide_says() {
        let fake = FakeOnboarding::start_async().await;
        let client = fake.client();
        let cells = table();
        assert_eq!(cells.len(), 11, "{cells:?}");
        let mut pack = 0;
        for (users, rejected, expected) in cells {
            for _ in 0..5 {
                pack += 1;
                // Each run has its own users and its own pack, so that runs do not affect each other.
                let first = pack * 1_000;
                let users: Vec<u64> = (first..first + users).collect();
                let pack = client.pack(PackId::new(pack).expect("a valid id"));
                let requests = requests(&fake, &pack, &users, rejected).await;
                assert!(
                    expected.contains(&requests),
                    "{} users, {rejected} rejected: {requests} requests, not {expected:?}",
                    users.len()
                );
            }
        }
    }
}
