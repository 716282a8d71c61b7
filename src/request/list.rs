//! Checks whether the list of assignments in a response is complete, and how old the response is.

use super::paging::next_page;
use super::response::Response;
use crate::error::{Error, ErrorKind};
use http::HeaderMap;
use http::header::{AGE, HeaderName, LINK};
use std::borrow::Cow;
use std::time::Duration;

/// The operation id of the request that lists the assignments of a pack.
pub(super) const OPERATION: &str = "get_pack_assignments";

/// Checks that a list of assignments has no further pages.
///
/// This check is best effort, because the API documents no paging for this list. The check recognizes the paging fields
/// of other lists in the same API, and other common names of paging fields.
///
/// # Errors
/// Returns [`ErrorKind::IncompleteList`] if a field or header reports a further page. The error message names the field
/// or header.
pub(super) fn check_complete(response: &Response) -> Result<(), Error> {
    let sign = next_link(response.headers()).or_else(|| next_page(response.body()));
    let Some(sign) = sign else { return Ok(()) };
    let message = format!(
        "the list of the pack is incomplete: it reports further pages ({sign}), which this version cannot read; \
         without the whole list, users could be assigned twice"
    );
    Err(Error::new(ErrorKind::IncompleteList, message).with_status(response.status()))
}

/// The maximum value of the `Age` header, in seconds. RFC 9111 requires that larger values are treated as this maximum.
const LONGEST_AGE: u64 = 1 << 31;

/// Returns the age of a cached response, or `None` if the response has no valid `Age` header. The result is the largest
/// `Age` value plus one second, because the header is in whole seconds.
pub(crate) fn age(headers: &HeaderMap) -> Option<Duration> {
    let lines: Vec<_> = lines(headers, &AGE).collect();
    let values = lines.iter().flat_map(|line| line.split(',')).map(str::trim);
    let numbers =
        values.filter(|value| !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()));
    let seconds = numbers.map(|number| number.parse().unwrap_or(LONGEST_AGE).min(LONGEST_AGE));
    seconds
        .max()
        .map(|seconds| Duration::from_secs(seconds + 1))
}

fn lines<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = Cow<'a, str>> {
    let lines = headers.get_all(name).into_iter();
    lines.map(|line| String::from_utf8_lossy(line.as_bytes()))
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
    lines(headers, &LINK)
        .any(|links| links.split(',').any(is_next))
        .then(|| "`Link: rel=\"next\"`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn list(body: impl Into<bytes::Bytes>, headers: &[(http::HeaderName, &str)]) -> Response {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, HeaderValue::from_str(value).unwrap());
        }
        let mut response = Response::new(body.into());
        *response.headers_mut() = map;
        response
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
    fn other_names_for_further_pages_are_known() {
        for fields in [
            r#""paging":7,"hasMore":true"#,
            r#""next":null,"nextPage":2"#,
            r#""next":"/a","next":null"#,
            r#""hasMore":"TRUE""#,
            r#""hasMore":1"#,
            r#""has-more":true"#,
            r#""@odata.nextLink":"https://api.example""#,
            r#""nextPageUrl":"https://api.example""#,
            r#""next_token":"abc""#,
            r#""links":{"self":"/a","next":"/b"}"#,
            r#""_links":{"next":{"href":"/b"}}"#,
            r#""meta":{"pagination":{"hasMore":true}}"#,
            r#""pageInfo":{"hasNextPage":true,"endCursor":"abc"}"#,
            r#""paging":{"cursors":{"next":"abc"}}"#,
            r#""meta":{"page":1,"totalPages":3}"#,
            r#""meta":{"total_count":5}"#,
            r#""isTruncated":true"#,
            r#""isLastPage":false"#,
        ] {
            for body in [
                format!(r#"{{{fields},"data":{{"assignments":[{{"id":1}}]}}}}"#),
                format!(r#"{{"data":{{"assignments":[{{"id":1}}],{fields}}}}}"#),
                format!(
                    r#"{{"data":{{"assignments":[{{"id":1}}]}},{fields},"debug":"{}"}}"#,
                    "-".repeat(50_000)
                ),
            ] {
                assert!(check_complete(&list(body, &[])).is_err(), "{fields}");
            }
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
            r#"{"data":{"assignments":[{"id":1}]},"paging":{"offset":0,"limit":1,"next":"","total":1}}"#,
            r#"{"data":{"assignments":[]},"paging":{"offset":"0","hasMore":"false","next":"null"}}"#,
            r#"{"data":{"assignments":[]},"links":{"self":"/a","next":null,"prev":"/c"}}"#,
            r#"{"data":{"assignments":[]},"_links":{"next":{"href":null}}}"#,
            r#"{"data":{"assignments":[]},"pageInfo":{"hasNextPage":false,"endCursor":"abc"}}"#,
            r#"{"data":{"assignments":[]},"meta":{"page":1,"totalPages":1,"isLastPage":true}}"#,
            r#"{"data":{"assignments":[]},"pages":12,"pageCount":12,"totalPages":12}"#,
            r#"{"data":{"assignments":[]},"lastPage":7,"moreInfo":"https://docs.example"}"#,
            r#"{"data":{"assignments":[]},"offsets":{"offset":5},"total":{"next":5}}"#,
        ] {
            assert!(check_complete(&list(body, &[])).is_ok(), "{body}");
        }
        for link in [
            "<https://docs.example/next>; rel=\"help\"",
            "<https://docs.example/a;rel=next>; rel=\"help\"",
            "<https://docs.example/>; rel=\"prev first\"; title=\"next\"",
        ] {
            let response = list("{}", &[(LINK, link)]);
            assert!(check_complete(&response).is_ok(), "{link}");
        }
    }

    #[test]
    fn the_age_is_the_largest_one_and_a_second() {
        let age = |values: &[&str]| {
            let headers: Vec<_> = values.iter().map(|value| (AGE, *value)).collect();
            age(list("", &headers).headers()).map(|age| age.as_secs())
        };
        assert_eq!(age(&[]), None);
        assert_eq!(age(&["0"]), Some(1));
        assert_eq!(age(&["5", " 60 "]), Some(61));
        assert_eq!(age(&["5, 60"]), Some(61));
        assert_eq!(age(&["99999999999999999999"]), Some((1 << 31) + 1));
        assert_eq!(age(&["soon"]), None);
        assert_eq!(age(&["-1"]), None);
    }
}
