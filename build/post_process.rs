//! Edits the generated code of progenitor as text. Hides the constructors, seals the trait `MockServerExt`, and adds
//! missing documentation and `derive` attributes.

use super::document::Document;
use super::{Options, rust_type};
use serde_json::Value;
use std::fmt::Write as _;

/// Makes the constructor `new_with_client` private to the crate. With a public constructor, users could create a client
/// that ignores the rate limits or uses another host.
const CONSTRUCTOR: (&str, &str) = ("pub fn new_with_client(", "pub(crate) fn new_with_client(");
/// Seals the trait `MockServerExt`, so that users cannot implement it. Otherwise, a new method in the trait would break
/// the code of these users.
const SEALED: (&str, &str) = (
    "pub trait MockServerExt {",
    "pub trait MockServerExt: crate::api::sealed::Sealed {",
);
const OTHER_CONSTRUCTOR: &str = "    /// Create a new client.\n";
const ERROR_MODULE: &str = "    /// Error types.\n";

/// Doc comments for items that progenitor does not document. Each line contains the start of an item and its doc
/// comment.
const DOCS: &str = "
pub extra: => All other fields.
When(::httpmock::When); => The requests of this operation that a mock matches.
Then(::httpmock::Then); => The response of a mock of this operation.
pub fn new(inner: ::httpmock:: => Wraps httpmock's own value.
pub fn into_inner(self) => Returns httpmock's own value, to go beyond the spec.
value: &crate::id:: => Matches requests with this id.
pub fn body(self, value => Matches requests with this body.
pub fn ok(self, value => Responds with status 200 and this body.
pub fn client_error(self, status => Responds with this status, from 400 to 499, and this body.
pub fn server_error(self, status => Responds with this status, from 500 to 599, and this body.
";

pub fn post_process(code: &str, document: &Document, options: Options) -> Result<String, String> {
    let mut code = replaced(code, CONSTRUCTOR)?;
    code = without_item(&code, OTHER_CONSTRUCTOR)?;
    if options.mock {
        code = replaced(&code, SEALED)?;
    }
    // progenitor uses the module `error` only for enums without fields. If the spec has no such enum, the module is
    // empty and is removed.
    if !code.contains("self::error::") {
        code = without_item(&code, ERROR_MODULE)?;
    }
    Ok(annotated(&code, document, options))
}

fn replaced(code: &str, (from, to): (&str, &str)) -> Result<String, String> {
    position(code, from).map(|_| code.replacen(from, to, 1))
}

/// Removes the item that starts with the text `start`, including its closing brace.
fn without_item(code: &str, start: &str) -> Result<String, String> {
    let (before, rest) = code.split_at(position(code, start)?);
    let end = "\n    }\n";
    let after = position(rest, end)? + end.len();
    Ok(before.to_owned() + &rest[after..])
}

fn position(code: &str, text: &str) -> Result<usize, String> {
    let expected = text.trim();
    code.find(text).ok_or_else(|| {
        format!("expected `{expected}` in progenitor's code: adapt build/post_process.rs")
    })
}

/// Adds documentation to the generated code. Derives `JsonSchema` for each type that is not a component of the spec.
fn annotated(code: &str, document: &Document, options: Options) -> String {
    let docs: Vec<_> = DOCS
        .lines()
        .filter_map(|line| line.split_once(" => "))
        .collect();
    let components = document.get("/components/schemas").as_object();
    let mut schema = &Value::Null;
    let mut out = String::new();
    for line in code.lines() {
        let item = line.trim_start();
        let indent = &line[..line.len() - item.len()];
        if let Some(name) = declared_type(line) {
            let mut all = components.into_iter().flatten();
            let component =
                all.find(|(component, _)| rust_type(component) == format!("types::{name}"));
            schema = component.map_or(&Value::Null, |(_, schema)| schema);
            if options.schemars && component.is_none() {
                let _ = writeln!(out, "{indent}#[derive(schemars::JsonSchema)]");
            }
        }
        let fixed = docs.iter().find(|(part, _)| item.contains(part));
        if let Some(text) = fixed.map(|(_, text)| *text).or(variant_doc(schema, item)) {
            let _ = writeln!(out, "{indent}/// {text}");
        }
        out.push_str(line);
        out.push('\n');
    }
    out
}

fn declared_type(line: &str) -> Option<&str> {
    let rest = line
        .strip_prefix("    pub struct ")
        .or(line.strip_prefix("    pub enum "))?;
    rest.split(|c: char| !c.is_alphanumeric()).next()
}

/// Returns the description of the schema part whose title is the name of the enum variant.
fn variant_doc<'a>(schema: &'a Value, item: &str) -> Option<&'a str> {
    let (name, _) = item.split_once('(')?;
    let parts = ["anyOf", "oneOf"].map(|keyword| schema[keyword].as_array());
    let mut parts = parts.into_iter().flatten().flatten();
    parts.find(|part| part["title"] == name)?["description"].as_str()
}
