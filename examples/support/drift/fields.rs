//! One schema of ours beside the vendor's, field by field.

use super::difference::Severity::{self, Additive, Breaking};
use super::document::Document;
use super::limit::Limit;
use super::schema::{Form, Kind, Reader, Schema, Values};
use serde_json::Value;
use std::collections::BTreeSet;

/// Who writes the value: we do in a request and in the path, the vendor in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Request,
    Path,
    Answer,
}

impl Side {
    /// What it is that the vendor allows less than we do, or more.
    fn of(self, vendor_allows_less: bool) -> Severity {
        if vendor_allows_less == (self == Self::Answer) {
            Additive
        } else {
            Breaking
        }
    }

    /// What it is that one must be there and the other need not.
    pub fn of_requirement(self, ours: bool, vendor: bool) -> Option<Severity> {
        (ours != vendor).then(|| self.of(vendor))
    }
}

pub struct Found {
    pub severity: Severity,
    pub place: String,
    pub what: String,
    pub ours: String,
    pub vendor: String,
}

type Pair = (Vec<*const Value>, Vec<*const Value>);

/// Compares the schemas of one place and all that is in it.
pub struct Fields<'c, 'o, 'v> {
    ours: &'c Document<'o>,
    vendor: &'c Document<'v>,
    side: Side,
    steps: &'c mut usize,
    /// What is being compared: a schema that holds itself is the same where it was when it was begun.
    begun: Vec<Pair>,
    pub found: Vec<Found>,
}

impl<'c, 'o, 'v> Fields<'c, 'o, 'v> {
    pub fn new(
        ours: &'c Document<'o>,
        vendor: &'c Document<'v>,
        side: Side,
        steps: &'c mut usize,
    ) -> Self {
        Self {
            ours,
            vendor,
            side,
            steps,
            begun: Vec::new(),
            found: Vec::new(),
        }
    }

    /// `optional`: the field may be left out on our side.
    pub fn compare(
        &mut self,
        place: &str,
        ours: &[&'o Value],
        vendor: &[&'v Value],
        optional: bool,
    ) -> Result<(), String> {
        let address = |value: &&Value| std::ptr::from_ref::<Value>(value);
        let pair = (
            ours.iter().map(address).collect(),
            vendor.iter().map(address).collect(),
        );
        if self.begun.contains(&pair) {
            return Ok(());
        }
        self.begun.push(pair);
        let mine = self.read_ours(ours).map_err(|e| format!("{place}: {e}"))?;
        let theirs = self
            .read_vendor(vendor)
            .map_err(|e| format!("{place}: {e}"))?;
        if self.types(place, &mine, &theirs, optional) {
            for (kind, mine) in &mine.forms {
                if let Some(theirs) = theirs.forms.get(kind) {
                    self.forms(place, *kind, mine, theirs)?;
                }
            }
        }
        self.begun.pop();
        Ok(())
    }

    fn read_ours(&mut self, schemas: &[&'o Value]) -> Result<Schema<'o>, String> {
        Reader::new(self.ours, self.steps).read(schemas)
    }

    fn read_vendor(&mut self, schemas: &[&'v Value]) -> Result<Schema<'v>, String> {
        Reader::new(self.vendor, self.steps).read(schemas)
    }

    fn add(
        &mut self,
        severity: Severity,
        place: &str,
        what: &str,
        ours: impl Into<String>,
        vendor: impl Into<String>,
    ) {
        let (ours, vendor) = (ours.into(), vendor.into());
        self.found.push(Found {
            severity,
            place: place.to_owned(),
            what: what.to_owned(),
            ours,
            vendor,
        });
    }

    /// The kinds of value; whether any is common to both, and there is more to compare.
    fn types(
        &mut self,
        place: &str,
        ours: &Schema<'o>,
        vendor: &Schema<'v>,
        optional: bool,
    ) -> bool {
        let mine: BTreeSet<Kind> = ours.forms.keys().copied().collect();
        let theirs: BTreeSet<Kind> = vendor.forms.keys().copied().collect();
        let numbers = mine.contains(&Kind::Number) && theirs.contains(&Kind::Number);
        let more = theirs.difference(&mine).next().is_some()
            || (numbers && ours.is_integer() && !vendor.is_integer());
        let lost: Vec<_> = mine.difference(&theirs).collect();
        let less = !lost.is_empty() || (numbers && !ours.is_integer() && vendor.is_integer());
        let common = mine == theirs || mine.intersection(&theirs).any(|kind| *kind != Kind::Null);
        // To a reader, null and left out are one.
        let harmless = self.side == Side::Answer && optional && lost == [&Kind::Null] && !more;
        let fails =
            (more && self.side.of(false) == Breaking) || (less && self.side.of(true) == Breaking);
        let severity = if fails || !common {
            Some(Breaking)
        } else {
            ((more || less) && !harmless).then_some(Additive)
        };
        if let Some(severity) = severity {
            self.add(severity, place, "type", ours.types(), vendor.types());
        }
        common && !vendor.is_anything()
    }

    /// Each form that is written, against the one that suits it best among those that are taken.
    fn forms(
        &mut self,
        place: &str,
        kind: Kind,
        ours: &[Form<'o>],
        vendor: &[Form<'v>],
    ) -> Result<(), String> {
        if let ([ours], [vendor]) = (ours, vendor) {
            return self.form(place, kind, ours, vendor);
        }
        let answer = self.side == Side::Answer;
        let (written, taken) = if answer {
            (vendor.len(), ours.len())
        } else {
            (ours.len(), vendor.len())
        };
        let before = std::mem::take(&mut self.found);
        let (mut all, mut used): (Vec<Found>, BTreeSet<usize>) = (before, BTreeSet::new());
        for writer in 0..written {
            let mut best: Option<(usize, Vec<Found>)> = None;
            for taker in 0..taken {
                let (o, v) = if answer {
                    (taker, writer)
                } else {
                    (writer, taker)
                };
                self.form(place, kind, &ours[o], &vendor[v])?;
                let found = std::mem::take(&mut self.found);
                if best
                    .as_ref()
                    .is_none_or(|(_, best)| cost(&found) < cost(best))
                {
                    best = Some((taker, found));
                }
            }
            if let Some((taker, found)) = best {
                used.insert(taker);
                all.extend(found);
            }
        }
        self.found = all;
        if !answer && used.len() < taken {
            let forms = |count: usize| format!("{count} of {}", kind.name());
            self.add(
                Additive,
                place,
                "forms",
                forms(ours.len()),
                forms(vendor.len()),
            );
        }
        Ok(())
    }

    fn form(
        &mut self,
        place: &str,
        kind: Kind,
        ours: &Form<'o>,
        vendor: &Form<'v>,
    ) -> Result<(), String> {
        self.values(place, ours.values.as_ref(), vendor.values.as_ref());
        self.limits(place, ours, vendor);
        self.not_understood(place, ours, vendor);
        match kind {
            Kind::Array => self.compare(&format!("{place}[]"), &ours.items, &vendor.items, false),
            Kind::Object => self.fields(place, ours, vendor),
            _ => Ok(()),
        }
    }

    fn values(&mut self, place: &str, ours: Option<&Values<'o>>, vendor: Option<&Values<'v>>) {
        let answer = self.side == Side::Answer;
        let (ours, vendor) = match (ours, vendor) {
            (None, None) => return,
            (None, Some(vendor)) => {
                if !vendor.open {
                    self.add(self.side.of(true), place, "values", "any", shown(vendor));
                }
                return;
            }
            (Some(ours), None) => {
                let severity = if answer && ours.open {
                    Additive
                } else {
                    self.side.of(false)
                };
                self.add(severity, place, "values", shown(ours), "any");
                return;
            }
            (Some(ours), Some(vendor)) => (ours, vendor),
        };
        if ours.open != vendor.open && vendor.open == answer {
            self.add(Breaking, place, "values", shown(ours), shown(vendor));
        }
        for gone in ours
            .listed
            .iter()
            .filter(|value| !vendor.listed.contains(value))
        {
            // What takes any value takes this one.
            if answer || !vendor.open {
                self.add(Breaking, place, "value", gone.to_string(), "none");
            }
        }
        for new in vendor
            .listed
            .iter()
            .filter(|value| !ours.listed.contains(value))
        {
            let severity = if answer && !ours.open {
                Breaking
            } else {
                Additive
            };
            self.add(severity, place, "value", "none", new.to_string());
        }
    }

    fn limits(&mut self, place: &str, ours: &Form<'o>, vendor: &Form<'v>) {
        let limits: BTreeSet<Limit> = ours
            .limits
            .keys()
            .chain(vendor.limits.keys())
            .copied()
            .collect();
        for limit in limits {
            let (mine, theirs) = (ours.limits.get(&limit), vendor.limits.get(&limit));
            let tighter = match (mine, theirs) {
                (Some(mine), Some(theirs)) if limit.is_tighter(*theirs, *mine) => true,
                (Some(mine), Some(theirs)) if limit.is_tighter(*mine, *theirs) => false,
                (None, Some(_)) => true,
                (Some(_), None) if self.side == Side::Request => false,
                _ => continue,
            };
            let cap = limit == Limit::MaxItems && tighter && self.side == Side::Answer;
            let severity = if cap { Breaking } else { self.side.of(tighter) };
            let shown = |bound: Option<&super::limit::Bound>| {
                bound.map_or_else(|| "none".to_owned(), ToString::to_string)
            };
            self.add(severity, place, limit.name(), shown(mine), shown(theirs));
        }
        if ours.unique != vendor.unique && (vendor.unique || self.side == Side::Request) {
            let severity = self.side.of(vendor.unique);
            self.add(
                severity,
                place,
                "uniqueItems",
                ours.unique.to_string(),
                vendor.unique.to_string(),
            );
        }
    }

    fn not_understood(&mut self, place: &str, ours: &Form<'o>, vendor: &Form<'v>) {
        let keys: BTreeSet<_> = ours
            .not_understood
            .keys()
            .chain(vendor.not_understood.keys())
            .collect();
        for key in keys {
            let (mine, theirs) = (
                ours.not_understood.get(*key),
                vendor.not_understood.get(*key),
            );
            // In an answer they only narrow what we read, save those that stand in place of a schema.
            let matters = self.side != Side::Answer || ["prefixItems", "$dynamicRef"].contains(key);
            if mine != theirs && matters {
                let shown = |values: Option<&Vec<&Value>>| {
                    values.map_or("none".to_owned(), |all| joined(all))
                };
                let severity = if theirs.is_none() { Additive } else { Breaking };
                self.add(severity, place, key, shown(mine), shown(theirs));
            }
        }
    }

    fn fields(&mut self, place: &str, ours: &Form<'o>, vendor: &Form<'v>) -> Result<(), String> {
        let answer = self.side == Side::Answer;
        let has = |types: String, required: bool| {
            format!(
                "{types}, {}",
                if required { "required" } else { "optional" }
            )
        };
        for (name, mine) in &ours.fields {
            let at = format!("{place}.{name}");
            let theirs = match vendor.fields.get(name) {
                Some(theirs) if !self.is_hidden(&at, theirs)? => Some(theirs),
                _ => None,
            };
            let required = ours.required.contains(name);
            let Some(theirs) = theirs else {
                let types = self
                    .read_ours(mine)
                    .map_err(|e| format!("{at}: {e}"))?
                    .types();
                let severity = if answer && !required {
                    Additive
                } else {
                    Breaking
                };
                self.add(severity, &at, "field", has(types, required), "none");
                continue;
            };
            if let Some(severity) = self
                .side
                .of_requirement(required, vendor.required.contains(name))
            {
                let word = |required| if required { "required" } else { "optional" };
                let theirs = word(vendor.required.contains(name));
                self.add(severity, &at, "presence", word(required), theirs);
            }
            self.compare(&at, mine, theirs, !required)?;
        }
        for (name, theirs) in vendor
            .fields
            .iter()
            .filter(|(name, _)| !ours.fields.contains_key(*name))
        {
            let at = format!("{place}.{name}");
            if self.is_hidden(&at, theirs)? {
                continue;
            }
            let required = vendor.required.contains(name);
            let closed = ours.others.contains(&&Value::Bool(false));
            let severity = if (answer && closed) || (!answer && required) {
                Breaking
            } else {
                Additive
            };
            let types = self
                .read_vendor(theirs)
                .map_err(|e| format!("{at}: {e}"))?
                .types();
            self.add(severity, &at, "field", "none", has(types, required));
        }
        self.nameless_fields(place, ours, vendor)
    }

    /// Required without a schema of its own; and what fields without a name of their own may be.
    fn nameless_fields(
        &mut self,
        place: &str,
        ours: &Form<'o>,
        vendor: &Form<'v>,
    ) -> Result<(), String> {
        if self.side != Side::Answer {
            for name in &vendor.required {
                if !vendor.fields.contains_key(name) && !ours.required.contains(name) {
                    self.add(
                        Breaking,
                        &format!("{place}.{name}"),
                        "field",
                        "none",
                        "any type, required",
                    );
                }
            }
        }
        let is_schema =
            |others: &&Value| others.as_object().is_some_and(|schema| !schema.is_empty());
        if ours.others.iter().any(is_schema) && !vendor.others.contains(&&Value::Bool(false)) {
            self.compare(&format!("{place}.*"), &ours.others, &vendor.others, true)?;
        }
        Ok(())
    }

    /// Whether the vendor's field is not in this message at all.
    fn is_hidden(&mut self, place: &str, field: &[&'v Value]) -> Result<bool, String> {
        let schema = self
            .read_vendor(field)
            .map_err(|e| format!("{place}: {e}"))?;
        Ok(if self.side == Side::Answer {
            schema.write_only
        } else {
            schema.read_only
        })
    }
}

fn cost(found: &[Found]) -> (usize, usize) {
    (
        found
            .iter()
            .filter(|found| found.severity == Breaking)
            .count(),
        found.len(),
    )
}

/// The values, for people.
fn shown(values: &Values<'_>) -> String {
    joined(&values.listed) + if values.open { " and any others" } else { "" }
}

fn joined(values: &[&Value]) -> String {
    let values: Vec<_> = values.iter().map(ToString::to_string).collect();
    values.join(", ")
}
