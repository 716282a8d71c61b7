use schemars::transform::{RecursiveTransform, Transform};
use schemars::{Schema, SchemaGenerator};
use serde_json::Value;

/// Implements `JsonSchema` for the generated types, with the schemas and limits from the spec. Each line of the macro
/// input contains the name, the Rust type and the JSON Schema of one component. A `$ref` in these schemas contains only
/// the name of a component, not a JSON pointer.
macro_rules! json_schemas {
    ($($name:literal: $type:ty = $schema:literal;)*) => {
        $(
            #[cfg_attr(docsrs, doc(cfg(feature = "schemars")))]
            impl schemars::JsonSchema for $type {
                fn schema_name() -> std::borrow::Cow<'static, str> {
                    $name.into()
                }

                fn schema_id() -> std::borrow::Cow<'static, str> {
                    concat!(module_path!(), "::", $name).into()
                }

                fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                    crate::api::schema::resolved($schema, generator, component)
                }
            }
        )*

        fn component(name: &str, generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
            match name {
                $($name => generator.subschema_for::<$type>(),)*
                _ => schemars::Schema::default(),
            }
        }
    };
}
pub(crate) use json_schemas;

/// Parses a JSON Schema and replaces each `$ref` with the schema that `component` returns.
pub(crate) fn resolved(
    text: &str,
    generator: &mut SchemaGenerator,
    component: fn(&str, &mut SchemaGenerator) -> Schema,
) -> Schema {
    let mut schema = serde_json::from_str(text).unwrap_or_default();
    let resolve = |schema: &mut Schema| {
        if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
            *schema = component(name, generator);
        }
    };
    RecursiveTransform(resolve).transform(&mut schema);
    schema
}
