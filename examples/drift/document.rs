//! Parses an OpenAPI document and follows its references.

use serde_json::Value;

/// A result whose error message states the invalid value and tells the user what to do.
pub type Result<T> = std::result::Result<T, String>;

/// The maximum number of `$ref` references that are followed in a row.
const MAX_HOPS: usize = 100;

/// Reads an OpenAPI 3.x document from JSON or YAML.
pub fn parse(content: &[u8]) -> Result<Value> {
    let mark = "\u{feff}".as_bytes();
    let content = content.strip_prefix(mark).unwrap_or(content).trim_ascii();
    let root: Value = match content.first() {
        None => return Err("the document is empty; save it again".to_owned()),
        // The YAML parser also accepts JSON, but it is slower than the JSON parser.
        Some(b'{' | b'[') => serde_json::from_slice(content)
            .map_err(|e| format!("not JSON: {e}; save the document again"))?,
        Some(_) => yaml_serde::from_slice(content)
            .map_err(|e| format!("neither JSON nor YAML: {e}; save the document again"))?,
    };
    match literal(&root["openapi"]) {
        version if version.starts_with("3.") => Ok(root),
        other => Err(format!(
            "`openapi`: expected 3.x, found {other}; save the vendor's OpenAPI 3.x document"
        )),
    }
}

/// Returns the content of a JSON string, or the JSON text of any other value.
pub fn literal(value: &Value) -> String {
    let text = value.as_str().map(str::to_owned);
    text.unwrap_or_else(|| value.to_string())
}

pub fn text(value: &Value) -> Result<&str> {
    value.as_str().ok_or_else(|| expected("a string", value))
}

/// Treats a missing value and `null` as an empty list.
pub fn list(value: &Value) -> Result<&[Value]> {
    match value {
        Value::Null => Ok(&[]),
        Value::Array(items) => Ok(items),
        other => Err(expected("a list", other)),
    }
}

/// Treats `null` and the schema `true` as an object without fields.
pub fn fields(value: &Value) -> Result<Vec<(&str, &Value)>> {
    let fields = match value {
        Value::Null | Value::Bool(true) => None,
        Value::Object(fields) => Some(fields),
        other => return Err(expected("an object", other)),
    };
    let fields = fields.into_iter().flatten();
    Ok(fields.map(|(name, value)| (name.as_str(), value)).collect())
}

fn expected(kind: &str, found: &Value) -> String {
    format!("expected {kind}, found {found}; ask the vendor to fix the document")
}

/// Follows a chain of references, and returns the object at the end of the chain. Returns `null` for a missing value.
pub fn resolve<'a>(root: &'a Value, value: &'a Value) -> Result<&'a Value> {
    let mut found = value;
    for _ in 0..MAX_HOPS {
        match &found["$ref"] {
            Value::Null if found.is_object() || found.is_null() => return Ok(found),
            Value::Null => return Err(expected("an object", found)),
            reference => found = target(root, text(reference)?)?,
        }
    }
    Err(format!(
        "{value} refers to itself; ask the vendor to fix the document"
    ))
}

pub fn target<'a>(root: &'a Value, reference: &str) -> Result<&'a Value> {
    let Some(pointer) = reference.strip_prefix('#') else {
        return Err(format!(
            "`{reference}` is another file; bundle the document into one file"
        ));
    };
    let pointer = percent_encoding::percent_decode_str(pointer).decode_utf8_lossy();
    let found = root.pointer(&pointer);
    found.ok_or_else(|| format!("`{reference}` does not exist; save the whole document"))
}
