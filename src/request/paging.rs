//! Searches the body of a list response for fields that report further pages.

use super::response::contains;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use std::fmt;

/// The lower-case name of each paging field contains one of these substrings.
const NAMES: [&[u8]; 6] = [b"more", b"next", b"offset", b"total", b"truncated", b"page"];

/// Returns a description of the first field that reports a further page.
pub(super) fn next_page(body: &[u8]) -> Option<String> {
    // Most list responses have no paging field. This fast search avoids parsing such a response a second time.
    if !around_rows(body).into_iter().any(has_name) {
        return None;
    }
    let Top { data, fields } = serde_json::from_slice(body).ok()?;
    let rows = data.assignments.len();
    let mut fields = fields.iter().chain(&data.fields);
    fields.find_map(|(name, value)| sign(name, value, false, rows))
}

/// Returns the parts of the body before the first `userId` and after the last `userId`. Every row has a field `userId`,
/// so these parts contain all fields outside the rows.
fn around_rows(body: &[u8]) -> [&[u8]; 2] {
    const FIELD: &[u8] = b"\"userId\"";
    let is_field = |part: &[u8]| part == FIELD;
    let first = body.windows(FIELD.len()).position(is_field);
    let last = body.windows(FIELD.len()).rposition(is_field);
    [
        &body[..first.unwrap_or(body.len())],
        &body[last.unwrap_or(body.len())..],
    ]
}

fn has_name(part: &[u8]) -> bool {
    let part = part.to_ascii_lowercase();
    NAMES.iter().any(|name| contains(&part, name))
}

/// A list response whose rows are counted but not parsed.
#[derive(serde::Deserialize)]
struct Top {
    data: Data,
    #[serde(flatten, deserialize_with = "pairs")]
    fields: Vec<(String, Value)>,
}

#[derive(serde::Deserialize)]
struct Data {
    assignments: Vec<IgnoredAny>,
    #[serde(flatten, deserialize_with = "pairs")]
    fields: Vec<(String, Value)>,
}

/// Deserializes all fields of an object, including duplicate fields, which a map would drop.
fn pairs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(String, Value)>, D::Error> {
    struct Pairs;

    impl<'de> Visitor<'de> for Pairs {
        type Value = Vec<(String, Value)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            std::iter::from_fn(|| map.next_entry().transpose()).collect()
        }
    }

    deserializer.deserialize_map(Pairs)
}

/// Returns a description of the field if the field reports a further page. `within` is true if the field is inside a
/// paging object, such as `meta`.
fn sign(name: &str, value: &Value, within: bool, rows: usize) -> Option<String> {
    // `has_more`, `hasMore` and `has-more` are treated as the same field name.
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    let plain: String = letters.map(|letter| letter.to_ascii_lowercase()).collect();
    let is_sign = match plain.as_str() {
        "paging" | "pagination" | "pageinfo" | "page" | "meta" | "metadata" | "links"
        | "cursor" | "cursors" => {
            let fields = value.as_object()?;
            return fields
                .iter()
                .find_map(|(name, value)| sign(name, value, true, rows));
        }
        "offset" | "nextoffset" => number(value) > 0.0,
        "hasmore" | "hasnext" | "hasnextpage" | "hasmorepages" | "moreavailable"
        | "istruncated" | "truncated" => is_true(value),
        "islastpage" => *value == Value::Bool(false),
        "next" | "nextpage" | "nextcursor" | "nexttoken" | "nextpagetoken" | "nextlink"
        | "nexturl" | "nextpageurl" | "odatanextlink" => is_present(value),
        // Totals are checked only inside a paging object. Elsewhere, a total may count something other than the rows of
        // this list.
        "totalpages" | "pagecount" | "pages" => within && number(value) > 1.0,
        #[expect(clippy::cast_precision_loss, reason = "no list has 2^52 rows")]
        "total" | "totalcount" | "totalitems" => within && number(value) > rows as f64,
        _ => false,
    };
    let shown = match value {
        Value::Number(_) | Value::Bool(_) => format!("is {value}"),
        _ => "is set".to_owned(),
    };
    is_sign.then(|| format!("`{name}` {shown}, next to {rows} rows"))
}

fn number(value: &Value) -> f64 {
    let text = value.as_str().and_then(|text| text.trim().parse().ok());
    value.as_f64().or(text).unwrap_or_default()
}

fn is_true(value: &Value) -> bool {
    match value {
        Value::Bool(value) => *value,
        Value::String(text) if text.eq_ignore_ascii_case("true") => true,
        _ => number(value) > 0.0,
    }
}

/// Returns whether a value refers to a next page, for example a positive number, a cursor, a URL, or an object that
/// contains such a value.
fn is_present(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.values().any(is_present),
        Value::Array(items) => !items.is_empty(),
        Value::String(text) => !matches!(text.trim(), "" | "0" | "null" | "false"),
        _ => is_true(value),
    }
}
