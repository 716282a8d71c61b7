//! Limits: `minimum`, `maxItems` and their like.

use super::schema::Kind;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt;

/// Two to the power of 63.
const LARGEST: f64 = 9_223_372_036_854_775_808.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Limit {
    Minimum,
    Maximum,
    MinLength,
    MaxLength,
    MinItems,
    MaxItems,
    MinProperties,
    MaxProperties,
}

impl Limit {
    /// The two that speak of a kind: the lower, the upper.
    fn of(kind: Kind) -> Option<[Self; 2]> {
        match kind {
            Kind::Number => Some([Self::Minimum, Self::Maximum]),
            Kind::String => Some([Self::MinLength, Self::MaxLength]),
            Kind::Array => Some([Self::MinItems, Self::MaxItems]),
            Kind::Object => Some([Self::MinProperties, Self::MaxProperties]),
            Kind::Boolean | Kind::Null => None,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Minimum => "minimum",
            Self::Maximum => "maximum",
            Self::MinLength => "minLength",
            Self::MaxLength => "maxLength",
            Self::MinItems => "minItems",
            Self::MaxItems => "maxItems",
            Self::MinProperties => "minProperties",
            Self::MaxProperties => "maxProperties",
        }
    }

    fn is_lower(self) -> bool {
        matches!(
            self,
            Self::Minimum | Self::MinLength | Self::MinItems | Self::MinProperties
        )
    }

    /// Whether the first bound allows less than the second.
    pub fn is_tighter(self, bound: Bound, than: Bound) -> bool {
        let further = if self.is_lower() {
            bound.value > than.value
        } else {
            bound.value < than.value
        };
        further || (bound.is_at(than) && bound.exclusive && !than.exclusive)
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    value: f64,
    /// Whether the value itself is out of bounds.
    exclusive: bool,
}

impl Bound {
    fn is_at(self, other: Self) -> bool {
        // As JSON has them: 500 and 500.0 are one number.
        (self.value - other.value).abs() < f64::EPSILON
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}{}",
            self.value,
            if self.exclusive { " (exclusive)" } else { "" }
        )
    }
}

/// The limits of a kind that a schema states.
pub fn read(kind: Kind, schema: &Map<String, Value>) -> Result<BTreeMap<Limit, Bound>, String> {
    let mut limits = BTreeMap::new();
    for limit in Limit::of(kind).into_iter().flatten() {
        let exclusive = match limit {
            Limit::Minimum => schema.get("exclusiveMinimum"),
            Limit::Maximum => schema.get("exclusiveMaximum"),
            _ => None,
        };
        if let Some(value) = schema.get(limit.name()) {
            // OpenAPI 3.0: a flag beside the limit; 3.1: a limit by itself.
            let exclusive = exclusive == Some(&Value::Bool(true));
            tighten(
                &mut limits,
                &[(
                    limit,
                    Bound {
                        value: number(value, limit.name())?,
                        exclusive,
                    },
                )]
                .into(),
            );
        }
        if let Some(value) = exclusive.filter(|value| !value.is_boolean()) {
            let value = number(value, limit.name())?;
            tighten(
                &mut limits,
                &[(
                    limit,
                    Bound {
                        value,
                        exclusive: true,
                    },
                )]
                .into(),
            );
        }
    }
    // At least none is no limit.
    limits
        .retain(|limit, bound| !limit.is_lower() || *limit == Limit::Minimum || bound.value > 0.0);
    Ok(limits)
}

fn number(value: &Value, name: &str) -> Result<f64, String> {
    value
        .as_f64()
        .ok_or_else(|| format!("`{name}`: expected a number, found {value}"))
}

/// Adds what the others say, where it allows less.
pub fn tighten(limits: &mut BTreeMap<Limit, Bound>, others: &BTreeMap<Limit, Bound>) {
    for (limit, bound) in others {
        let there = limits.entry(*limit).or_insert(*bound);
        if limit.is_tighter(*bound, *there) {
            *there = *bound;
        }
    }
}

/// For whole numbers: more than 0 is at least 1, and what 64 bits cannot pass is no limit.
pub fn round(limits: &mut BTreeMap<Limit, Bound>) {
    for (limit, bound) in &mut *limits {
        let (lower, step) = (limit.is_lower(), if limit.is_lower() { 1.0 } else { -1.0 });
        let whole = if lower {
            bound.value.ceil()
        } else {
            bound.value.floor()
        };
        let is_there = Bound {
            value: whole,
            ..*bound
        }
        .is_at(*bound);
        bound.value = if bound.exclusive && is_there {
            whole + step
        } else {
            whole
        };
        bound.exclusive = false;
    }
    limits.retain(|_, bound| bound.value.abs() < LARGEST);
}

/// Takes away the count of fields that the required ones reach anyway.
pub fn drop_implied(limits: &mut BTreeMap<Limit, Bound>, required: usize) {
    let required = u32::try_from(required).map_or(f64::MAX, f64::from);
    limits.retain(|limit, bound| *limit != Limit::MinProperties || bound.value > required);
}
