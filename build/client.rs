//! Runs the generator progenitor. progenitor generates the client, the types of the client, and a typed extension of
//! httpmock.

use super::document::Document;
use super::{IDS, Options, STATUS, one_line};
use openapiv3::OpenAPI;
use progenitor::{GenerationSettings, Generator, HooksMode, InterfaceStyle, TypeImpl, TypePatch};
use serde_json::Value;
use std::error::Error;
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The maximum length of a panic message, in characters. A panic message of progenitor may contain a whole syntax
/// tree.
const LONGEST_REASON: usize = 300;

pub fn code(document: &Document, options: Options) -> Result<String, String> {
    let spec = document.edited(adapt).typed()?;
    // progenitor panics if the spec uses an unsupported feature.
    match catch_unwind(AssertUnwindSafe(|| generate(&spec, options))) {
        Ok(generated) => generated
            .map_err(|e| format!("expected what progenitor supports, but it refuses this: {e}")),
        Err(panic) => {
            let reason = panic.downcast_ref::<String>().map(String::as_str);
            let reason = reason.or_else(|| panic.downcast_ref::<&str>().copied());
            let reason = one_line(reason.unwrap_or("no reason given"));
            let reason: String = reason.chars().take(LONGEST_REASON).collect();
            Err(format!(
                "expected what progenitor supports (JSON bodies with a schema; per operation one type of success and \
                 one of error), but it stopped with: {reason}"
            ))
        }
    }
}

fn generate(spec: &OpenAPI, options: Options) -> Result<String, Box<dyn Error>> {
    let client = Generator::new(&settings()).generate_tokens(spec)?;
    let mut code = client.to_string();
    if options.mock {
        let mock = Generator::new(&settings()).httpmock(spec, "crate::api")?;
        let _ = write!(
            code,
            "/// The typed extension of httpmock.\n\
             #[cfg_attr(docsrs, doc(cfg(feature = \"mock\")))]\n\
             pub mod mock {{ {mock} }}"
        );
    }
    Ok(prettyplease::unparse(&syn::parse_file(&code)?))
}

fn settings() -> GenerationSettings {
    let mut settings = GenerationSettings::new();
    settings
        .with_interface(InterfaceStyle::Positional)
        // Hooks sign the requests. With `HooksMode::Expected`, the generated client compiles only if `src/` implements
        // its hooks.
        .with_hooks(HooksMode::Expected)
        .with_inner_type("crate::request::Transport".parse().expect("a Rust path"))
        .with_replacement(STATUS, "crate::api::AssignmentStatus", std::iter::empty());
    for id in IDS {
        let path = format!("crate::id::{id}");
        settings.with_replacement(id, path, [TypeImpl::Display].into_iter());
    }
    for (name, derives) in [
        ("Assignment", "PartialEq Eq Hash"),
        ("AssignUsersRequest", "PartialEq Eq Hash Default"),
        ("ErrorBody", ""),
        ("ErrorItem", ""),
        ("ErrorDetail", ""),
        ("ErrorLocation", ""),
    ] {
        // The types are non-exhaustive, because later versions of the spec may add fields and variants.
        let mut patch = TypePatch::default();
        patch.with_attr("#[non_exhaustive]");
        for derive in derives.split_whitespace() {
            patch.with_derive(derive);
        }
        settings.with_patch(name, &patch);
    }
    settings
}

/// Rewrites schemas for which progenitor would generate unsuitable types.
fn adapt(value: &mut Value) {
    match value {
        Value::Object(object) => {
            if object.get("type").is_some_and(|kind| kind == "string") {
                // Removes the pattern and most formats from a string schema. With a pattern or such a format, the
                // generated code would depend on chrono, uuid or regress. It would also reject values that the API may
                // send.
                object.remove("pattern");
                if !object
                    .get("format")
                    .is_some_and(|f| f == "binary" || f == "byte")
                {
                    object.remove("format");
                }
            }
            // progenitor generates an enum only for `oneOf`, so this code replaces `anyOf` with `oneOf`. The enum can
            // represent `anyOf`, because deserialization tries the variants in order.
            let titled = |parts: &Value| {
                let mut parts = parts.as_array().into_iter().flatten();
                parts.all(|part| part["title"].is_string())
            };
            if object.get("anyOf").is_some_and(titled) {
                let parts = object.remove("anyOf").unwrap_or_default();
                object.insert("oneOf".to_owned(), parts);
            }
            object.values_mut().for_each(adapt);
        }
        Value::Array(items) => items.iter_mut().for_each(adapt),
        _ => {}
    }
}
