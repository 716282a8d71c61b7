//! Whether the list of a pack is complete, and how old it is, as far as its response tells.

use super::response::Response;
use crate::error::{Error, ErrorKind};
use http::HeaderMap;
use http::header::{AGE, LINK};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use std::time::Duration;

/// The operation that reads a list.
pub(super) const OPERATION: &str = "get_pack_assignments";

/// Checks that a list does not report further pages.
///
/// Best effort: the vendor documents no paging here, so this knows the fields of the vendor's other lists and common
/// names for the same.
///
/// # Errors
/// [`ErrorKind::IncompleteList`] with the sign of a further page.
pub(super) fn check_complete(response: &Response) -> Result<(), Error> {
    let sign = next_link(&response.headers).or_else(|| next_page(&response.body));
    let Some(sign) = sign else { return Ok(()) };
    let message = format!(
        "the list of the pack is incomplete: it reports further pages ({sign}), which this version cannot read; \
         without the whole list, users could be assigned twice"
    );
    Err(Error::new(ErrorKind::IncompleteList, message).with_status(response.status))
}

/// Returns how long ago the list was read, if a cache returned it. One second is added, as the header is in whole
/// seconds.
pub(crate) fn age(headers: &HeaderMap) -> Option<Duration> {
    let ages = headers.get_all(AGE).iter();
    let seconds = ages.filter_map(|age| age.to_str().ok()?.trim().parse::<u64>().ok());
    seconds
        .max()
        .map(|seconds| Duration::from_secs(seconds.saturating_add(1)))
}

fn next_link(headers: &HeaderMap) -> Option<String> {
    let is_next = |link: &str| {
        let parameters = link.split(';').skip(1);
        let mut names = parameters.filter_map(|parameter| parameter.split_once('='));
        names.any(|(name, value)| {
            let mut relations = value.trim().trim_matches('"').split_whitespace();
            name.trim().eq_ignore_ascii_case("rel")
                && relations.any(|relation| relation.eq_ignore_ascii_case("next"))
        })
    };
    let mut links = headers
        .get_all(LINK)
        .iter()
        .filter_map(|link| link.to_str().ok());
    links
        .any(|links| links.split(',').any(is_next))
        .then(|| "`Link: rel=\"next\"`".to_owned())
}

/// The fields of a list that tell of further pages, at the top, in `data` and in an object for paging.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Page {
    assignments: Option<Vec<IgnoredAny>>,
    data: Option<Box<Page>>,
    #[serde(alias = "pagination")]
    paging: Option<Box<Page>>,
    offset: Value,
    #[serde(
        rename = "hasMore",
        alias = "has_more",
        alias = "hasNext",
        alias = "has_next",
        alias = "hasNextPage",
        alias = "has_next_page"
    )]
    has_more: Value,
    #[serde(
        alias = "nextPage",
        alias = "next_page",
        alias = "nextCursor",
        alias = "next_cursor",
        alias = "nextPageToken",
        alias = "next_page_token"
    )]
    next: Value,
    #[serde(alias = "totalCount", alias = "total_count")]
    total: Value,
}

/// The part at each end of a body that is searched for the names of paging fields. The rows lie between.
const SEARCHED: usize = 4096;

fn next_page(body: &[u8]) -> Option<String> {
    let (start, end) = (
        &body[..body.len().min(SEARCHED)],
        &body[body.len().saturating_sub(SEARCHED)..],
    );
    // Without such a name the list is parsed once only.
    let named = |part: &[u8]| {
        let text = String::from_utf8_lossy(part).to_lowercase();
        ["more", "next", "offset", "total"]
            .iter()
            .any(|name| text.contains(name))
    };
    if !named(start) && !named(end) {
        return None;
    }
    let top = serde_json::from_slice::<Page>(body).ok()?;
    let rows = top.rows();
    top.sign(rows, false)
}

impl Page {
    fn rows(&self) -> Option<usize> {
        let own = self.assignments.as_ref().map(Vec::len);
        own.or_else(|| self.data.as_ref()?.rows())
    }

    /// Returns the first sign of a further page. A `total` counts only within an object for paging, as it may mean
    /// something else elsewhere.
    fn sign(&self, rows: Option<usize>, in_paging: bool) -> Option<String> {
        if is_positive(&self.offset) {
            return Some(format!("`offset` is {}", self.offset));
        }
        if self.has_more == true || self.has_more == "true" {
            return Some("`hasMore` is true".to_owned());
        }
        if is_present(&self.next) {
            return Some("it names a next page".to_owned());
        }
        let total = self.total.as_u64().filter(|_| in_paging);
        if let (Some(total), Some(rows)) = (total, rows)
            && total > rows as u64
        {
            return Some(format!("it has {rows} of {total} rows"));
        }
        let in_data = self
            .data
            .as_ref()
            .and_then(|data| data.sign(rows, in_paging));
        in_data.or_else(|| self.paging.as_ref()?.sign(rows, true))
    }
}

fn is_positive(value: &Value) -> bool {
    let text = value.as_str().and_then(|text| text.trim().parse().ok());
    value.as_f64().or(text).is_some_and(|number| number > 0.0)
}

/// A next page is a number above 0, a cursor, a URL or an object that describes it.
fn is_present(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(next) => *next,
        Value::Number(_) => is_positive(value),
        Value::String(text) => !text.trim().is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderValue, StatusCode};

    fn list(body: impl Into<bytes::Bytes>, headers: &[(http::HeaderName, &str)]) -> Response {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, HeaderValue::from_str(value).unwrap());
        }
        Response {
            status: StatusCode::OK,
            headers: map,
            body: body.into(),
        }
    }

    #[test]
    fn a_list_that_reports_further_pages_is_incomplete() {
        for (top, data) in [
            (r#""paging":{"offset":10}"#, ""),
            (r#""paging":{"offset":"10"}"#, ""),
            (r#""paging":{"offset":10.0,"limit":10}"#, ""),
            ("", r#""paging":{"offset":1}"#),
            ("", r#""pagination":{"hasMore":true}"#),
            (r#""hasMore":true"#, ""),
            (r#""has_more":true"#, ""),
            ("", r#""hasMore":true"#),
            ("", r#""hasNextPage":true"#),
            (r#""nextCursor":"abc""#, ""),
            ("", r#""next":"https://api.example/next""#),
            (r#""paging":{"next":{"offset":10}}"#, ""),
            (r#""paging":{"total":3}"#, ""),
        ] {
            let comma = |text: &str| {
                if text.is_empty() {
                    String::new()
                } else {
                    format!(",{text}")
                }
            };
            for rows in [1, 2_000] {
                let row = r#"{"id":1,"userId":7,"status":"in_progress","isWaitingApproval":false}"#;
                let rows = vec![row; rows].join(",");
                let (top, data) = (comma(top), comma(data));
                let body = format!(r#"{{"data":{{"assignments":[{rows}]{data}}}{top}}}"#);
                let total = body.contains("total") && rows.len() > 1_000;
                let result = check_complete(&list(body, &[]));
                assert_eq!(result.is_err(), !total, "{top} {data}");
                if let Err(error) = result {
                    assert_eq!(error.kind(), ErrorKind::IncompleteList);
                }
            }
        }
        for link in [
            "</packs?offset=10>; rel=\"next\"",
            "<a>; rel=prev, <b>; title=\"x\"; REL=\"first Next\"",
        ] {
            assert!(
                check_complete(&list("{}", &[(LINK, link)])).is_err(),
                "{link}"
            );
        }
    }

    #[test]
    fn a_complete_list_passes() {
        for body in [
            r#"{"data":{"assignments":[]}}"#,
            r#"{"data":{"assignments":[]},"paging":{"offset":0}}"#,
            r#"{"data":{"assignments":[]},"paging":{"offset":0,"limit":500,"total":0}}"#,
            r#"{"data":{"assignments":[],"hasMore":false,"next":null,"nextCursor":""}}"#,
            r#"{"data":{"assignments":[{"id":1,"offset":5,"next":"step"}]},"total":900,"more":true}"#,
            r#"{"data":{"assignments":[]},"paging":7,"offset":"none"}"#,
            r#"{"data":{"assignments":[]},"nextSteps":["a"]}"#,
        ] {
            assert!(check_complete(&list(body, &[])).is_ok(), "{body}");
        }
        let link = "<https://docs.example/next>; rel=\"help\"";
        assert!(check_complete(&list("{}", &[(LINK, link)])).is_ok());
    }

    #[test]
    fn the_age_is_the_largest_one_and_a_second() {
        let age = |values: &[&str]| {
            let headers: Vec<_> = values.iter().map(|value| (AGE, *value)).collect();
            age(&list("", &headers).headers).map(|age| age.as_secs())
        };
        assert_eq!(age(&[]), None);
        assert_eq!(age(&["0"]), Some(1));
        assert_eq!(age(&["5", " 60 "]), Some(61));
        assert_eq!(age(&["soon"]), None);
        assert_eq!(age(&["-1"]), None);
    }
}
