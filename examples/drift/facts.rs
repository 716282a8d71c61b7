//! The table of facts of a document.

use super::document::Result;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The largest table, in bytes. Our table has less than 5,000.
const MAX_SIZE: usize = 500_000;
/// The deepest field. Each level takes stack. Our deepest field has 4 levels.
const MAX_DEPTH: usize = 64;

/// The value of each fact, by its place and its name. A set of values is sorted.
pub type Facts = BTreeMap<(String, String), String>;

/// The table of a document, under construction.
pub struct Table<'a> {
    pub root: &'a Value,
    pub facts: Facts,
    /// The place of the next fact. After an error, the place of the error.
    pub here: String,
    /// The references that lead to the current place, each with its own place.
    pub open: BTreeMap<&'a str, String>,
    /// The work so far: a small document with many references can describe a huge one.
    pub size: usize,
}

impl Table<'_> {
    /// Reads the facts of a place inside the current one.
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

    /// Adds a fact, unless it has no values.
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

/// Returns the part of an operation that a place is in.
pub fn part(place: &str) -> &str {
    match place.split(" · ").nth(1).unwrap_or("operation") {
        status if status.starts_with(['2', '3']) => "response",
        part => part,
    }
}
