//! One difference, and all of them.

use serde_json::{Value, json};
use std::fmt;

/// The longest a text of either document is shown.
const LONGEST: usize = 200;

/// What a difference does to a client that is generated from our document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Breaking,
    Additive,
}

/// One thing that the vendor has otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub severity: Severity,
    /// Method and path, as we have them.
    pub operation: String,
    /// The field, from `request`, `answer` or `path` on; empty for the operation itself.
    pub place: String,
    /// What about it: `type`, `maxItems`, `scope`.
    pub what: String,
    pub ours: String,
    pub vendor: String,
}

impl Difference {
    fn object(&self) -> Value {
        json!({"operation": self.operation, "place": self.place, "what": self.what, "ours": self.ours,
            "vendor": self.vendor})
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", shown(&self.operation))?;
        if !self.place.is_empty() {
            write!(f, " {}", shown(&self.place))?;
        }
        let (what, ours, vendor) = (shown(&self.what), shown(&self.ours), shown(&self.vendor));
        write!(f, ": {what}: we have {ours}, the vendor has {vendor}")
    }
}

/// On one line, and not too long: the documents come from outside.
fn shown(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => escaped(&text[..end]) + "…",
        None => escaped(text),
    }
}

/// On one line, and harmless to a terminal.
pub(super) fn escaped(text: &str) -> String {
    text.chars().flat_map(shown_character).collect()
}

fn shown_character(character: char) -> impl Iterator<Item = char> {
    // What splits or turns round a line, or drives a terminal.
    let odd = character.is_control()
        || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let escaped = odd.then(|| character.escape_default());
    escaped
        .into_iter()
        .flatten()
        .chain((!odd).then_some(character))
}

/// Every difference, in the order of our document.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub differences: Vec<Difference>,
    /// What the next difference belongs to.
    pub(super) operation: String,
}

impl Report {
    pub(super) fn add(
        &mut self,
        severity: Severity,
        place: &str,
        what: &str,
        ours: &str,
        vendor: &str,
    ) {
        let [operation, place, what, ours, vendor] =
            [&self.operation, place, what, ours, vendor].map(str::to_owned);
        let difference = Difference {
            severity,
            operation,
            place,
            what,
            ours,
            vendor,
        };
        if !self.differences.contains(&difference) {
            self.differences.push(difference);
        }
    }

    fn of(&self, severity: Severity) -> impl Iterator<Item = &Difference> {
        self.differences
            .iter()
            .filter(move |difference| difference.severity == severity)
    }

    /// The exit status that tells it: 0 no difference, 2 additive ones only, 3 a breaking one.
    pub fn status(&self) -> u8 {
        if self.of(Severity::Breaking).next().is_some() {
            3
        } else if self.differences.is_empty() {
            0
        } else {
            2
        }
    }

    /// For programs.
    pub fn object(&self) -> Value {
        let list = |severity| self.of(severity).map(Difference::object).collect::<Value>();
        json!({"breaking": list(Severity::Breaking), "additive": list(Severity::Additive), "error": null})
    }
}

impl fmt::Display for Report {
    /// One line a difference, under `breaking:` and `additive:`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.differences.is_empty() {
            return writeln!(f, "no difference");
        }
        for (title, severity) in [
            ("breaking:", Severity::Breaking),
            ("additive:", Severity::Additive),
        ] {
            if self.of(severity).next().is_some() {
                writeln!(f, "{title}")?;
            }
            for difference in self.of(severity) {
                writeln!(f, "  {difference}")?;
            }
        }
        Ok(())
    }
}
