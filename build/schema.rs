//! Writes `JsonSchema` for the spec's types: the component's own schema, limits included, which
//! a derive would lose.

use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// Code that implements `schemars::JsonSchema` for the component `name`, known in Rust as `rust`.
pub fn json_schema_impl(name: &str, rust: &str, schema: &Value) -> String {
    let mut references = Vec::new();
    let schema = convert(schema, &mut references);
    references.sort();
    references.dedup();
    let mut code = String::new();
    let mut arms = String::new();
    for reference in &references {
        let _ = writeln!(arms, "{reference:?} => generator.subschema_for::<{}>(),", super::rust_path(reference));
    }
    let _ = writeln!(
        code,
        "impl schemars::JsonSchema for {rust} {{
            fn schema_name() -> std::borrow::Cow<'static, str> {{ {name:?}.into() }}
            fn schema_id() -> std::borrow::Cow<'static, str> {{ concat!(module_path!(), \"::\", {name:?}).into() }}
            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {{
                crate::schema::component({text:?}, generator, |name, generator| match name {{
                    {arms}
                    _ => schemars::Schema::default(),
                }})
            }}
        }}",
        text = schema.to_string(),
    );
    code
}

/// An OpenAPI 3.0 schema as JSON Schema: `nullable` and `example` are spelt otherwise there.
pub fn convert(schema: &Value, references: &mut Vec<String>) -> Value {
    match schema {
        Value::Object(object) => {
            let mut out = Map::new();
            for (key, value) in object {
                match (key.as_str(), value) {
                    ("$ref", Value::String(target)) => {
                        let name = target.rsplit('/').next().unwrap_or(target);
                        references.push(name.to_owned());
                        out.insert(key.clone(), json!(name));
                    }
                    ("nullable", _) => {}
                    ("example", value) => {
                        out.insert("examples".to_owned(), json!([value]));
                    }
                    // Names under `properties` are fields, not keywords.
                    ("properties", Value::Object(fields)) => {
                        let fields = fields.iter().map(|(name, field)| (name.clone(), convert(field, references)));
                        out.insert(key.clone(), Value::Object(fields.collect()));
                    }
                    ("enum" | "default", value) => {
                        out.insert(key.clone(), value.clone());
                    }
                    (_, value) => {
                        out.insert(key.clone(), convert(value, references));
                    }
                }
            }
            if object.get("nullable") == Some(&Value::Bool(true))
                && let Some(kind) = object.get("type")
            {
                out.insert("type".to_owned(), json!([kind, "null"]));
            }
            Value::Object(out)
        }
        Value::Array(items) => Value::Array(items.iter().map(|item| convert(item, references)).collect()),
        other => other.clone(),
    }
}
