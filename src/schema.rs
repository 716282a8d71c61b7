//! What the generated `JsonSchema` impls call.

use schemars::{Schema, SchemaGenerator};
use serde_json::Value;

/// A component's own schema, its references (by component name) answered by `resolve`.
pub(crate) fn component(
    text: &str,
    generator: &mut SchemaGenerator,
    mut resolve: impl FnMut(&str, &mut SchemaGenerator) -> Option<Schema>,
) -> Schema {
    let mut schema = serde_json::from_str(text).unwrap_or_default();
    replace(&mut schema, generator, &mut resolve);
    Schema::try_from(schema).unwrap_or_default()
}

fn replace(
    schema: &mut Value,
    generator: &mut SchemaGenerator,
    resolve: &mut impl FnMut(&str, &mut SchemaGenerator) -> Option<Schema>,
) {
    match schema {
        Value::Object(object) => {
            if let Some(Value::String(name)) = object.get("$ref") {
                *schema = resolve(&name.clone(), generator).unwrap_or_default().into();
            } else {
                object
                    .values_mut()
                    .for_each(|value| replace(value, generator, resolve));
            }
        }
        Value::Array(items) => items
            .iter_mut()
            .for_each(|value| replace(value, generator, resolve)),
        _ => {}
    }
}
