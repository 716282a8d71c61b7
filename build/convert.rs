//! OpenAPI's schemas in the words of JSON Schema.

use serde_json::{Map, Value, json};

/// An OpenAPI 3.0 schema as JSON Schema, which spells a few things otherwise. A reference keeps
/// the component's name only.
pub fn convert(schema: &Value) -> Value {
    match schema {
        Value::Object(object) => {
            let mut out = Map::new();
            for (key, value) in object {
                match (key.as_str(), value) {
                    ("$ref", Value::String(target)) => {
                        let name = target.rsplit('/').next().unwrap_or(target);
                        out.insert(key.clone(), json!(name));
                    }
                    // OpenAPI's own, without meaning in JSON Schema.
                    ("nullable" | "discriminator" | "xml" | "externalDocs", _) => {}
                    ("example", value) => {
                        out.insert("examples".to_owned(), json!([value]));
                    }
                    // There the limit, here a flag beside it.
                    ("exclusiveMinimum" | "exclusiveMaximum", Value::Bool(exclusive)) => {
                        let limit = if key == "exclusiveMinimum" {
                            "minimum"
                        } else {
                            "maximum"
                        };
                        if let (true, Some(value)) = (exclusive, object.get(limit)) {
                            out.insert(key.clone(), value.clone());
                        }
                    }
                    ("minimum", _)
                        if object.get("exclusiveMinimum") == Some(&Value::Bool(true)) => {}
                    ("maximum", _)
                        if object.get("exclusiveMaximum") == Some(&Value::Bool(true)) => {}
                    // Names under `properties` are fields, not keywords.
                    ("properties", Value::Object(fields)) => {
                        let fields = fields
                            .iter()
                            .map(|(name, field)| (name.clone(), convert(field)));
                        out.insert(key.clone(), Value::Object(fields.collect()));
                    }
                    ("enum" | "default", value) => {
                        out.insert(key.clone(), value.clone());
                    }
                    (_, value) => {
                        out.insert(key.clone(), convert(value));
                    }
                }
            }
            if object.get("nullable") == Some(&Value::Bool(true))
                && let Some(kind) = object.get("type")
            {
                out.insert("type".to_owned(), json!([kind, "null"]));
                if let Some(Value::Array(values)) = out.get_mut("enum") {
                    values.push(Value::Null);
                }
            }
            Value::Object(out)
        }
        Value::Array(items) => items.iter().map(convert).collect(),
        other => other.clone(),
    }
}
