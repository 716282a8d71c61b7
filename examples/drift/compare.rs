//! Compares the facts of two OpenAPI documents.

use super::facts::{Facts, part};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Texts from a document are shortened to this number of characters in the output.
const LONGEST: usize = 500;

/// The rules that decide whether a difference is breaking. Each rule has four columns: the part of the operation, the
/// names of the facts, the kinds of change, and the verdict. The first matching rule applies.
///
/// A change is `gained` if only the vendor's document has the fact, and `lost` if only our document has the fact. For a
/// number or set that differs, the change is `grown`, `shrunk` or `other`. The pattern `to:x` matches any change to the
/// value `x`, and `from:x` matches any change from the value `x`.
#[rustfmt::skip]
const RULES: &[[&str; 4]] = &[
    ["*", "deprecated", "*", "additive"],
    ["*", "format", "lost", "same"],
    // The vendor must not remove an operation, or a server of an operation. A document without servers is accepted.
    ["operation", "servers", "lost", "same"],
    ["operation", "servers", "grown", "additive"],
    ["operation", "*", "*", "breaking"],
    // The vendor may accept additional credentials, but must not require them.
    ["security", "presence scopes", "lost", "additive"],
    ["security", "scopes", "shrunk", "additive"],
    ["security", "schemes tokenUrl", "grown", "additive"],
    ["security", "*", "*", "breaking"],
    // A response must keep every field that the crate reads, and may have additional fields. Lists must not gain a size
    // limit (`maxItems`), because the crate expects the complete list in one response.
    ["response", "presence", "from:required from:described to:described", "breaking"],
    ["response", "type", "lost grown other", "breaking"],
    ["response", "content", "lost other", "breaking"],
    ["response", "enum minimum", "shrunk", "breaking"],
    ["response", "enum", "other", "breaking"],
    ["response", "minimum", "lost", "same"],
    ["response", "maxItems", "gained", "breaking"],
    ["response", "*", "*", "additive"],
    // The rules for parameters and request bodies. The vendor may accept additional values, but must not add required
    // fields. The vendor's document may omit the minimum of a pack id, because every pack id is at least 1.
    ["path", "minimum", "lost", "same"],
    ["*", "presence content", "lost to:required", "breaking"],
    ["*", "presence", "*", "additive"],
    ["*", "*", "lost", "additive"],
    ["*", "content type enum maximum maxItems maxLength maxProperties", "grown", "additive"],
    ["*", "minimum minItems minLength minProperties", "shrunk", "additive"],
    ["*", "*", "*", "breaking"],
];

/// A fact that differs between the two documents. `ours` is `None` if only the vendor's document contains the fact, and
/// vice versa.
#[derive(Serialize)]
struct Difference {
    place: String,
    what: String,
    ours: Option<String>,
    vendor: Option<String>,
}

#[derive(Default, Serialize)]
pub struct Report {
    breaking: Vec<Difference>,
    additive: Vec<Difference>,
    pub error: Option<String>,
}

pub fn compare(ours: &Facts, vendor: &Facts) -> Report {
    let keys: BTreeSet<_> = ours.keys().chain(vendor.keys()).collect();
    let difference = |key: &(String, String)| Difference {
        place: key.0.clone(),
        what: key.1.clone(),
        ours: ours.get(key).cloned(),
        vendor: vendor.get(key).cloned(),
    };
    let mut differences: Vec<_> = keys.into_iter().map(difference).collect();
    differences.retain(|one| one.ours != one.vendor);
    // For an added or removed field, the report contains only the fact `presence`. If the type of a field changes in a
    // breaking way, the report contains only the facts `presence`, `content` and `type`. For all of these fields, the
    // report omits nested fields.
    let mut heads = BTreeMap::new();
    for one in &differences {
        let facts = match one.what.as_str() {
            "presence" if one.ours.is_none() || one.vendor.is_none() => "presence",
            "type" if one.verdict() == "breaking" => "presence content type",
            _ => continue,
        };
        heads.entry(one.place.clone()).or_insert(facts);
    }
    let mut report = Report::default();
    for one in differences {
        let mut outer = one.place.match_indices(['.', '[', ' ']);
        let is_inside = outer.any(|(end, _)| heads.contains_key(&one.place[..end]));
        let facts = heads.get(&one.place).unwrap_or(&"*");
        if is_inside || !has(facts, &one.what) {
            continue;
        }
        match one.verdict() {
            "breaking" => report.breaking.push(one),
            "additive" => report.additive.push(one),
            _ => {}
        }
    }
    report
}

/// Returns whether a column of a rule matches a word. `*` matches every word.
fn has(column: &str, word: &str) -> bool {
    column == "*" || column.split(' ').any(|one| one == word)
}

impl Difference {
    fn verdict(&self) -> &'static str {
        let [from, to] = [&self.ours, &self.vendor].map(|fact| fact.as_deref().unwrap_or("-"));
        let words = [self.change(), &format!("from:{from}"), &format!("to:{to}")];
        let fits = |[parts, facts, changes, _]: &&[&str; 4]| {
            let is_change = words.iter().any(|word| has(changes, word));
            has(parts, part(&self.place)) && has(facts, &self.what) && is_change
        };
        RULES.iter().find(fits).map_or("breaking", |rule| rule[3])
    }

    fn change(&self) -> &'static str {
        let (ours, vendor) = match (&self.ours, &self.vendor) {
            (None, _) => return "gained",
            (_, None) => return "lost",
            (Some(ours), Some(vendor)) => (ours, vendor),
        };
        let numbers = [ours, vendor].map(|number| number.parse::<f64>());
        let [ours, vendor] = [ours, vendor].map(|set| BTreeSet::from_iter(set.split(", ")));
        match numbers {
            [Ok(ours), Ok(vendor)] if vendor > ours => "grown",
            [Ok(_), Ok(_)] => "shrunk",
            _ if vendor.is_superset(&ours) => "grown",
            _ if vendor.is_subset(&ours) => "shrunk",
            _ => "other",
        }
    }

    fn line(&self) -> String {
        let value = |fact: &Option<String>| shown(fact.as_deref().unwrap_or("none"));
        let (ours, vendor) = (value(&self.ours), value(&self.vendor));
        let fact = shown(&format!("{} · {}", self.place, self.what));
        format!("\n  {fact}: we have {ours}, the vendor has {vendor}")
    }
}

impl Report {
    pub fn failed(error: String) -> Self {
        Self {
            error: Some(error),
            ..Self::default()
        }
    }

    pub fn status(&self) -> u8 {
        match (&self.error, &self.breaking[..], &self.additive[..]) {
            (Some(_), _, _) => 1,
            (_, [_, ..], _) => 3,
            (_, _, [_, ..]) => 2,
            _ => 0,
        }
    }

    pub fn text(&self) -> String {
        let groups = [("breaking:", &self.breaking), ("additive:", &self.additive)];
        let groups = groups.into_iter().filter(|(_, group)| !group.is_empty());
        let lines = |group: &[Difference]| group.iter().map(Difference::line).collect::<String>();
        let groups = groups.map(|(title, group)| title.to_owned() + &lines(group));
        match self.status() {
            0 => "no difference".to_owned(),
            _ => Vec::from_iter(groups).join("\n"),
        }
    }
}

/// Escapes and shortens a text from the vendor's document, so that it fits on one line and is safe to print on a
/// terminal.
pub fn shown(text: &str) -> String {
    let escape = |character: char| match character {
        '\'' | '"' | '\\' => character.to_string(),
        other => other.escape_debug().to_string(),
    };
    text.chars().take(LONGEST).map(escape).collect()
}
