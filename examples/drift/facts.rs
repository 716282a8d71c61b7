//! Collects the facts of a document in a table.

use super::document::Result;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The maximum size of a table, in bytes. The table of our document has less than 5,000 bytes.
const MAX_SIZE: usize = 500_000;
/// The maximum depth of a field, because each level needs space on the stack. The deepest field of our document has 4
/// levels.
const MAX_DEPTH: usize = 64;

/// The value of each fact, by the place and the name of the fact. If a fact has several values, they are sorted.
pub type Facts = BTreeMap<(String, String), String>;

/// A table of facts while a document is read.
pub struct Table<'a> {
    pub root: &'a Value,
    pub facts: Facts,
    /// The place in the document of the next fact. After an error, this is the place of the error.
    pub here: String,
    /// The references that lead to the current place. The value of each entry is the place in the document where the
    /// reference was found.
    pub open: BTreeMap<&'a str, String>,
    /// The size of all facts and schemas that were read so far. This size is limited, because a small document with
    /// many references can expand to a huge table.
    pub size: usize,
}

impl Table<'_> {
    /// Reads the facts of a place that is inside the current place.
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

    /// Adds a fact to the table if the fact has values.
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

/// Returns the part of the operation that contains a place, for example `request` or `response`.
pub fn part(place: &str) -> &str {
    match place.split(" · ").nth(1).unwrap_or("operation") {
        status if status.starts_with(['2', '3']) => "response",
        part => part,
    }
}
