//! Collects the facts about the operations of an OpenAPI document.

use super::document::Result;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The maximum size of the facts of one document, in bytes. The facts of our document need less than 5,000 bytes.
const MAX_SIZE: usize = 500_000;
/// The maximum nesting depth of a field. The depth is limited, because each level uses space on the call stack. In our
/// document, fields are nested at most 4 levels deep.
const MAX_DEPTH: usize = 64;

/// Maps the place and the name of a fact to its values, which are sorted and joined with commas.
pub type Facts = BTreeMap<(String, String), String>;

/// Collects facts while a document is read.
pub struct Table<'a> {
    pub root: &'a Value,
    pub facts: Facts,
    /// The current place in the document. After an error, this is the place where the error occurred.
    pub here: String,
    /// The references that led to the current place. Each reference is mapped to the place where it was found.
    pub open: BTreeMap<&'a str, String>,
    /// The total size of the facts and schemas that were read so far. The size is limited, because a small document
    /// with many references can expand to a huge table.
    pub size: usize,
}

impl Table<'_> {
    /// Calls `read` with `place` appended to the current place.
    pub fn inside<F>(&mut self, place: &str, read: F) -> Result<()>
    where
        F: FnOnce(&mut Self) -> Result<()>,
    {
        let length = self.here.len();
        self.here += place;
        if self.here.matches(['.', '[']).count() > MAX_DEPTH {
            return Err("too deep to compare; compare it by hand".to_owned());
        }
        read(self)?;
        self.here.truncate(length);
        Ok(())
    }

    /// Adds a fact to the table, unless `values` is empty.
    pub fn add<T>(&mut self, fact: &str, values: T) -> Result<()>
    where
        T: IntoIterator<Item: Into<String>>,
    {
        let values: BTreeSet<String> = values.into_iter().map(Into::into).collect();
        let value = Vec::from_iter(values).join(", ");
        self.size += self.here.len() + value.len();
        if self.size > MAX_SIZE {
            return Err("too large to compare; compare it by hand".to_owned());
        }
        if !value.is_empty() {
            let key = (self.here.clone(), fact.to_owned());
            self.facts.insert(key, value);
        }
        Ok(())
    }
}

/// Returns the part of an operation to which a place belongs, for example `request` or `response`.
pub fn part(place: &str) -> &str {
    match place.split(" · ").nth(1).unwrap_or("operation") {
        status if status.starts_with(['2', '3']) => "response",
        part => part,
    }
}
