//! Signs of further pages in the body of a list.

use memchr::memmem;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use std::fmt;

/// Parts of the names of all fields that report further pages, in lower case.
const NAMES: [&str; 6] = ["more", "next", "offset", "total", "truncated", "page"];

/// The part at each end of a body that is searched for these names. The rows lie between.
const SEARCHED: usize = 64 * 1024;

/// Returns the first sign of a further page.
pub(super) fn next_page(body: &[u8]) -> Option<String> {
    let start = &body[..body.len().min(SEARCHED)];
    let end = &body[body.len().saturating_sub(SEARCHED)..];
    // Without such a name the list is parsed once only.
    let is_named = |part: &[u8]| {
        let part = part.to_ascii_lowercase();
        NAMES
            .iter()
            .any(|name| memmem::find(&part, name.as_bytes()).is_some())
    };
    if !is_named(start) && !is_named(end) {
        return None;
    }
    let top = serde_json::from_slice::<Node>(body).ok()?;
    let data = top.field("data");
    let rows = data.and_then(|data| data.field("assignments"));
    let rows = match rows {
        Some(Node::Array(rows)) => Some(*rows),
        _ => None,
    };
    top.sign(rows).or_else(|| data?.sign(rows))
}

/// A JSON value without the items of arrays, which are the rows.
enum Node {
    Object(Vec<(String, Node)>),
    Array(usize),
    Scalar(Value),
}

/// A name without case and punctuation: `has_more`, `hasMore` and `has-more` are the same field.
fn plain(name: &str) -> String {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    letters.map(|letter| letter.to_ascii_lowercase()).collect()
}

impl Node {
    fn field(&self, name: &str) -> Option<&Self> {
        let Self::Object(fields) = self else {
            return None;
        };
        let mut fields = fields.iter();
        fields.find(|(own, _)| own == name).map(|(_, value)| value)
    }

    /// Returns the first sign of a further page next to the rows, or in an object for paging there.
    fn sign(&self, rows: Option<usize>) -> Option<String> {
        let Self::Object(fields) = self else {
            return None;
        };
        fields.iter().find_map(|(name, value)| {
            let is_paging = matches!(
                plain(name).as_str(),
                "paging"
                    | "pagination"
                    | "pageinfo"
                    | "page"
                    | "meta"
                    | "metadata"
                    | "links"
                    | "cursor"
                    | "cursors"
            );
            match value {
                Self::Object(fields) if is_paging => {
                    let total = || {
                        fields
                            .iter()
                            .find_map(|(name, value)| value.missing(name, rows))
                    };
                    value.sign(rows).or_else(total)
                }
                _ => value
                    .is_sign(name)
                    .then(|| format!("`{name}` is {}", value.show())),
            }
        })
    }

    /// Returns whether a field of this name and value tells of a further page.
    fn is_sign(&self, name: &str) -> bool {
        match plain(name).as_str() {
            "offset" | "nextoffset" => self.number() > 0.0,
            "hasmore" | "hasnext" | "hasnextpage" | "hasmorepages" | "moreavailable"
            | "istruncated" | "truncated" => self.is_true(),
            "islastpage" => matches!(self, Self::Scalar(Value::Bool(false))),
            "next" | "nextpage" | "nextcursor" | "nexttoken" | "nextpagetoken" | "nextlink"
            | "nexturl" | "nextpageurl" | "odatanextlink" => self.is_present(),
            _ => false,
        }
    }

    /// Returns the sign of a total that is larger than the number of rows. It counts only within an object for paging, as
    /// it may mean something else elsewhere.
    fn missing(&self, name: &str, rows: Option<usize>) -> Option<String> {
        let name = plain(name);
        if matches!(name.as_str(), "totalpages" | "pagecount" | "pages") && self.number() > 1.0 {
            return Some(format!("it has {} pages", self.show()));
        }
        let is_total = matches!(name.as_str(), "total" | "totalcount" | "totalitems");
        #[expect(clippy::cast_precision_loss, reason = "no list has 2^52 rows")]
        let more = rows.is_some_and(|rows| self.number() > rows as f64);
        let rows = rows.filter(|_| is_total && more)?;
        Some(format!("it has {rows} of {} rows", self.show()))
    }

    fn number(&self) -> f64 {
        let Self::Scalar(value) = self else {
            return 0.0;
        };
        let text = value.as_str().and_then(|text| text.trim().parse().ok());
        value.as_f64().or(text).unwrap_or_default()
    }

    fn is_true(&self) -> bool {
        match self {
            Self::Scalar(Value::Bool(value)) => *value,
            Self::Scalar(Value::String(text)) if text.eq_ignore_ascii_case("true") => true,
            _ => self.number() > 0.0,
        }
    }

    /// A next page is a number above 0, a cursor, a URL or an object that has one of these.
    fn is_present(&self) -> bool {
        match self {
            Self::Object(fields) => fields.iter().any(|(_, value)| value.is_present()),
            Self::Array(items) => *items > 0,
            Self::Scalar(Value::String(text)) => {
                !matches!(text.trim(), "" | "0" | "null" | "false")
            }
            Self::Scalar(_) => self.is_true(),
        }
    }

    fn show(&self) -> String {
        match self {
            Self::Scalar(value @ (Value::Number(_) | Value::Bool(_))) => value.to_string(),
            _ => "set".to_owned(),
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Node::Object(fields))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut length = 0;
        while items.next_element::<IgnoredAny>()?.is_some() {
            length += 1;
        }
        Ok(Node::Array(length))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }
}
