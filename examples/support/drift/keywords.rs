//! Which keywords of a schema are understood, which say nothing, and which somebody must look at.

use super::schema::Kind;
use serde_json::{Map, Value};

/// What is compared, each by its own meaning.
const UNDERSTOOD: [&str; 23] = [
    "$ref",
    "additionalProperties",
    "allOf",
    "anyOf",
    "const",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "nullable",
    "oneOf",
    "properties",
    "required",
    "type",
    "uniqueItems",
];

/// What refuses no value: words for people, hints for generators, places for references.
const ANNOTATIONS: [&str; 17] = [
    "$anchor",
    "$comment",
    "$defs",
    "$schema",
    "default",
    "definitions",
    "deprecated",
    "description",
    "discriminator",
    "example",
    "examples",
    "externalDocs",
    "format",
    // A field that has one of the two may be no part of the message; `Schema` keeps them.
    "readOnly",
    "title",
    "writeOnly",
    "xml",
];

/// The keywords of a schema that may narrow a value of this kind in a way that is not understood here.
pub fn not_understood(
    kind: Kind,
    schema: &Map<String, Value>,
) -> impl Iterator<Item = (&str, &Value)> {
    let named = schema.iter().map(|(key, value)| (key.as_str(), value));
    named.filter(move |(key, value)| {
        let known = UNDERSTOOD.contains(key) || ANNOTATIONS.contains(key) || key.starts_with("x-");
        !known && speaks_of(key, kind) && !says_nothing(key, value, schema)
    })
}

/// Whether a keyword has a meaning for values of this kind. One that is unheard of may have it for any.
fn speaks_of(key: &str, kind: Kind) -> bool {
    match key {
        "pattern" | "contentEncoding" | "contentMediaType" | "contentSchema" => {
            kind == Kind::String
        }
        "multipleOf" => kind == Kind::Number,
        "prefixItems" | "additionalItems" | "unevaluatedItems" | "contains" | "minContains"
        | "maxContains" => kind == Kind::Array,
        "patternProperties"
        | "propertyNames"
        | "unevaluatedProperties"
        | "dependencies"
        | "dependentRequired"
        | "dependentSchemas" => kind == Kind::Object,
        _ => true,
    }
}

/// Whether a keyword, as it stands in this schema, refuses nothing.
fn says_nothing(key: &str, value: &Value, schema: &Map<String, Value>) -> bool {
    let is_empty = value.as_object().is_some_and(Map::is_empty);
    let takes_anything = is_empty || *value == Value::Bool(true);
    match key {
        "unevaluatedItems" => takes_anything || schema.contains_key("items"),
        "additionalItems" | "unevaluatedProperties" | "propertyNames" => takes_anything,
        "patternProperties" | "dependencies" | "dependentRequired" | "dependentSchemas" => is_empty,
        "prefixItems" => value.as_array().is_some_and(Vec::is_empty),
        "not" => *value == Value::Bool(false),
        "then" | "else" => !schema.contains_key("if"),
        "minContains" | "maxContains" => !schema.contains_key("contains"),
        _ => false,
    }
}

/// Whether every whole number is a multiple of it.
pub fn divides_one(value: &Value) -> bool {
    value
        .as_f64()
        .is_some_and(|value| value > 0.0 && (1.0 / value).fract() == 0.0)
}
