//! Writes `JsonSchema` for the spec's types: the component's own schema, limits included, which
//! a derive would lose.

use super::convert::convert;
use serde_json::Value;
use std::fmt::Write as _;

/// Code that implements `schemars::JsonSchema` for the component `name`, known in Rust as `rust`.
/// `rust_path` tells the type of a component.
pub fn json_schema_impl(
    name: &str,
    rust: &str,
    schema: &Value,
    rust_path: &dyn Fn(&str) -> Result<String, String>,
) -> Result<String, String> {
    let schema = convert(schema);
    let mut references = Vec::new();
    collect(&schema, &mut references);
    references.sort_unstable();
    references.dedup();
    let mut resolve = "|_, _| None".to_owned();
    if !references.is_empty() {
        resolve = "|name, generator| match name {".to_owned();
        for reference in references {
            let of = rust_path(reference)?;
            let _ = write!(
                resolve,
                "{reference:?} => Some(generator.subschema_for::<{of}>()),"
            );
        }
        resolve.push_str("_ => None }");
    }
    let text = schema.to_string();
    Ok(format!(
        "#[cfg_attr(docsrs, doc(cfg(feature = \"schemars\")))]
        impl schemars::JsonSchema for {rust} {{
            fn schema_name() -> std::borrow::Cow<'static, str> {{ {name:?}.into() }}
            fn schema_id() -> std::borrow::Cow<'static, str> {{ concat!(module_path!(), \"::\", {name:?}).into() }}
            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {{
                crate::schema::component({text:?}, generator, {resolve})
            }}
        }}"
    ))
}

fn collect<'a>(schema: &'a Value, references: &mut Vec<&'a str>) {
    match schema {
        Value::Object(object) => {
            references.extend(object.get("$ref").and_then(Value::as_str));
            object.values().for_each(|value| collect(value, references));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
        _ => {}
    }
}
