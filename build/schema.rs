//! Generates `JsonSchema` implementations. The JSON schema of a component is copied from the spec. A derived
//! `JsonSchema` implementation would omit limits such as `maxItems`.

use super::document::Document;
use super::rust_type;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

pub fn code(document: &Document) -> String {
    let mut code = "crate::api::json_schemas! {\n".to_owned();
    for (name, schema) in document
        .get("/components/schemas")
        .as_object()
        .into_iter()
        .flatten()
    {
        let _ = writeln!(
            code,
            "    {name:?}: {} = r##\"{:#}\"##;",
            rust_type(name),
            json_schema(schema)
        );
    }
    code + "}\n"
}

/// Converts an OpenAPI 3.0 schema to a JSON schema. A `$ref` becomes the name of the component that it refers to.
pub fn json_schema(schema: &Value) -> Value {
    let object = match schema {
        Value::Object(object) => object,
        Value::Array(items) => return items.iter().map(json_schema).collect(),
        other => return other.clone(),
    };
    let mut out = Map::new();
    for (key, value) in object {
        let converted = match key.as_str() {
            "nullable" => continue,
            "example" => {
                out.insert("examples".to_owned(), json!([value]));
                continue;
            }
            // The keys of `properties` are field names, so they must not be converted as keywords.
            "properties" => value
                .as_object()
                .into_iter()
                .flatten()
                .map(|(name, field)| (name.clone(), json_schema(field)))
                .collect(),
            "$ref" => json!(value.as_str().and_then(|target| target.rsplit('/').next())),
            "enum" | "default" => value.clone(),
            _ => json_schema(value),
        };
        out.insert(key.clone(), converted);
    }
    if object.get("nullable") == Some(&Value::Bool(true)) {
        if let Some(kind) = object.get("type") {
            out.insert("type".to_owned(), json!([kind, "null"]));
        }
        if let Some(Value::Array(values)) = out.get_mut("enum") {
            values.push(Value::Null);
        }
    }
    Value::Object(out)
}
