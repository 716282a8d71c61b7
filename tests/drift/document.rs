//! The vendor's document, to be edited, and what is expected of it.

use crate::drift;
use serde_json::Value;

const VENDOR: &str = include_str!("vendor.json");
const PATH: &str = "/onboarding/v1/packs/{packId}/assignments";
pub const GET: &str = "/paths/~1onboarding~1v1~1packs~1{packId}~1assignments/get";
pub const POST: &str = "/paths/~1onboarding~1v1~1packs~1{packId}~1assignments/post";

pub fn ours() -> Value {
    yaml_serde::from_str(include_str!("../../spec/onboarding.yaml")).expect("YAML")
}

/// The vendor's document, to be edited.
pub struct Document(pub Value);

pub fn vendor() -> Document {
    Document(serde_json::from_str(VENDOR).expect("JSON"))
}

/// The place of a schema's part, such as `PackAssignment/properties/id`.
pub fn schema(part: &str) -> String {
    format!("/components/schemas/{part}")
}

impl Document {
    #[track_caller]
    pub fn at(&mut self, pointer: &str) -> &mut Value {
        self.0
            .pointer_mut(pointer)
            .unwrap_or_else(|| panic!("the document has no {pointer}"))
    }

    /// The object or list that holds the place, and the place's name in it.
    #[track_caller]
    fn holder(&mut self, pointer: &str) -> (&mut Value, String) {
        let (holder, name) = pointer.rsplit_once('/').expect("a pointer");
        (self.at(holder), name.replace("~1", "/").replace("~0", "~"))
    }

    #[track_caller]
    pub fn set(mut self, pointer: &str, value: Value) -> Self {
        match self.holder(pointer) {
            (Value::Array(list), name) if name == "-" => list.push(value),
            (Value::Array(list), name) => list[name.parse::<usize>().expect("an index")] = value,
            (holder, name) => holder[name] = value,
        }
        self
    }

    #[track_caller]
    pub fn remove(mut self, pointer: &str) -> Self {
        self.taken(pointer);
        self
    }

    #[track_caller]
    pub fn taken(&mut self, pointer: &str) -> Value {
        let (holder, name) = self.holder(pointer);
        match holder {
            Value::Object(object) => object.remove(&name).expect("it is there"),
            Value::Array(list) => list.remove(name.parse().expect("an index")),
            other => panic!("{pointer} is in {other}"),
        }
    }

    #[track_caller]
    pub fn moved(mut self, from: &str, to: &str) -> Self {
        let value = self.taken(from);
        self.set(to, value)
    }

    #[track_caller]
    fn prints(&self, status: u8, expected: &[String]) {
        let report = drift::compare(&ours(), &self.0).expect("it can be compared");
        let text = report.to_string();
        assert_eq!(text.lines().collect::<Vec<_>>(), expected);
        assert_eq!(report.status(), status, "{text}");
        let object = report.object();
        let counted =
            ["breaking", "additive"].map(|group| object[group].as_array().expect("a list").len());
        let lines = expected
            .iter()
            .filter(|line| line.starts_with("  "))
            .count();
        assert_eq!(counted.iter().sum::<usize>(), lines, "{object}");
    }

    #[track_caller]
    pub fn same(&self) {
        self.prints(0, &["no difference".to_owned()]);
    }

    /// These breaking differences and no others.
    #[track_caller]
    pub fn breaks(&self, lines: &[&str]) {
        self.prints(3, &group("breaking:", lines));
    }

    /// These additive differences and no others.
    #[track_caller]
    pub fn adds(&self, lines: &[&str]) {
        self.prints(2, &group("additive:", lines));
    }

    #[track_caller]
    pub fn breaks_and_adds(&self, breaking: &[&str], additive: &[&str]) {
        self.prints(
            3,
            &[group("breaking:", breaking), group("additive:", additive)].concat(),
        );
    }

    /// It cannot be compared, and the message says all of this.
    #[track_caller]
    pub fn fails(&self, words: &[&str]) {
        let problem = drift::compare(&ours(), &self.0).expect_err("it cannot be compared");
        assert!(
            words.iter().all(|word| problem.contains(word)),
            "expected {words:?} in: {problem}"
        );
        assert!(
            !problem.contains(char::is_control) && problem.len() < 600,
            "{problem}"
        );
    }
}

/// A group of the report; of each line, what follows our path.
fn group(title: &str, lines: &[&str]) -> Vec<String> {
    let full = |line: &&str| {
        let (method, rest) = line.split_at(line.find([':', ' ']).expect("a method"));
        format!("  {method} {PATH}{rest}")
    };
    std::iter::once(title.to_owned())
        .chain(lines.iter().map(full))
        .collect()
}
