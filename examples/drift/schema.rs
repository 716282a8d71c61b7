//! Collects the facts about a schema, such as types, values, limits and fields.

use super::document::{Result, fields, list, literal, target, text};
use super::facts::Table;
use super::operation::presence;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::slice::from_ref;

/// Schema keywords that are not compared, because they cannot invalidate a value that the crate sends.
const IGNORED: &str = "$anchor $comment $defs $id $schema additionalProperties default definitions \
    description discriminator example examples externalDocs readOnly title writeOnly xml";

/// The result of merging several schemas and the schemas that they refer to. A valid value matches all merged schemas.
#[derive(Default)]
struct Merged<'a> {
    references: BTreeSet<&'a str>,
    required: BTreeSet<&'a str>,
    properties: BTreeMap<&'a str, Vec<&'a Value>>,
    items: Vec<&'a Value>,
    is_nullable: bool,
    /// The values of each keyword that has no separate field in this struct.
    facts: BTreeMap<&'a str, BTreeSet<String>>,
}

impl<'a> Table<'a> {
    /// Collects the facts about a value that must match all given schemas.
    pub fn schema(&mut self, schemas: Vec<&'a Value>) -> Result<()> {
        let merged = self.merge(schemas)?;
        let mut references = merged.references.iter();
        if let Some(outer) = references.find_map(|reference| self.open.get(reference)) {
            return self.add("type", [format!("the same as {outer}")]);
        }
        for reference in &merged.references {
            self.open.insert(reference, self.here.clone());
        }
        let is_unknown = |name: &&&str| !merged.properties.contains_key(**name);
        let unknown = merged.required.iter().filter(is_unknown);
        self.add("required", unknown.copied())?;
        for (fact, values) in merged.facts {
            self.add(fact, values)?;
        }
        let is_body = self.here.matches(" · ").count() == 1;
        let separator = if is_body { " · " } else { "." };
        for (name, schemas) in merged.properties {
            self.inside(&format!("{separator}{name}"), |table| {
                table.add("presence", [presence(merged.required.contains(name))])?;
                table.schema(schemas)
            })?;
        }
        if !merged.items.is_empty() {
            self.inside("[]", |table| table.schema(merged.items))?;
        }
        for reference in &merged.references {
            self.open.remove(reference);
        }
        Ok(())
    }

    fn merge(&mut self, schemas: Vec<&'a Value>) -> Result<Merged<'a>> {
        let (mut merged, mut queue) = (Merged::default(), schemas);
        while let Some(schema) = queue.pop() {
            let keywords = fields(schema)?;
            self.size += 1 + keywords.len();
            for (key, value) in keywords {
                let more = merged.keyword(self.root, key, value);
                queue.extend(more.map_err(|e| format!("`{key}`: {e}"))?);
            }
        }
        if merged.facts.contains_key("enum") && !merged.facts.contains_key("type") {
            merged.fact("type", ["string".to_owned()]);
        }
        if merged.is_nullable && merged.facts.contains_key("type") {
            merged.fact("type", ["null".to_owned()]);
        }
        Ok(merged)
    }
}

impl<'a> Merged<'a> {
    /// Adds one keyword of a schema to the merged schema. Returns the schemas that this keyword refers to.
    fn keyword(
        &mut self,
        root: &'a Value,
        key: &'a str,
        value: &'a Value,
    ) -> Result<Vec<&'a Value>> {
        match (key, value.as_f64()) {
            // A schema that was already merged is skipped, so that circular references do not cause an endless loop.
            ("$ref", _) if !self.references.insert(text(value)?) => {}
            ("$ref", _) => return Ok(vec![target(root, text(value)?)?]),
            ("allOf", _) => return Ok(list(value)?.iter().collect()),
            ("anyOf" | "oneOf", _) => return Ok(self.alternatives(list(value)?)),
            ("items", _) => self.items.push(value),
            ("properties", _) => {
                for (name, schema) in fields(value)? {
                    self.properties.entry(name).or_default().push(schema);
                }
            }
            ("required", _) => {
                for name in list(value)? {
                    self.required.insert(text(name)?);
                }
            }
            ("const" | "enum", _) => self.fact("enum", literals(value)),
            ("nullable", _) => self.is_nullable |= *value == true,
            _ if *value == false || is_ignored(key) => {}
            // An exclusive limit is converted to an inclusive limit. The conversion assumes integers, because our
            // document contains no other numbers.
            ("exclusiveMinimum", Some(limit)) => self.limit("minimum", (limit + 1.0).floor()),
            ("exclusiveMaximum", Some(limit)) => self.limit("maximum", (limit - 1.0).ceil()),
            (_, Some(limit)) => self.limit(key, limit),
            _ => self.fact(key, literals(value)),
        }
        Ok(Vec::new())
    }

    fn fact(&mut self, fact: &'a str, values: impl IntoIterator<Item = String>) {
        self.facts.entry(fact).or_default().extend(values);
    }

    /// Adds a limit. Of two values for the same limit, the stricter value is kept.
    fn limit(&mut self, fact: &'a str, limit: f64) {
        let is_minimum = fact.starts_with("min");
        let tighter = if is_minimum { f64::max } else { f64::min };
        let known = self.facts.entry(fact).or_default();
        let others = known.iter().filter_map(|other| other.parse().ok());
        *known = BTreeSet::from([others.fold(limit, tighter).to_string()]);
    }

    /// Returns the alternatives if they can be merged, that is, if only one exists or if all specify only types and
    /// values. If the alternatives cannot be merged, adds their names as the fact `type`, and returns an empty list.
    fn alternatives(&mut self, all: &'a [Value]) -> Vec<&'a Value> {
        let (null, others): (Vec<_>, Vec<_>) = all.iter().partition(|one| one["type"] == "null");
        self.is_nullable |= !null.is_empty();
        let plain = ["type", "enum", "const", "title", "description"];
        let is_plain = |one: &&Value| {
            let keywords = fields(one).unwrap_or_default();
            !keywords.is_empty() && keywords.iter().all(|(key, _)| plain.contains(key))
        };
        if others.len() == 1 || others.iter().all(is_plain) {
            return others;
        }
        let name = |one: &Value| literal(one.get("$ref").unwrap_or(one));
        self.fact("type", others.into_iter().map(name));
        Vec::new()
    }
}

fn is_ignored(keyword: &str) -> bool {
    keyword.starts_with("x-") || IGNORED.split(' ').any(|ignored| ignored == keyword)
}

/// Converts a value, or each value of a list, to text. Omits `null`.
fn literals(value: &Value) -> Vec<String> {
    let values = list(value).unwrap_or(from_ref(value));
    let values = values.iter().filter(|value| !value.is_null());
    values.map(literal).collect()
}
