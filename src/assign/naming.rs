//! Which of the users sent a 422 names: by their index, which is a verdict, or in a text, which is a hint.

use crate::api::types::{ErrorDetail, ErrorItem, ErrorLocation};
use crate::id::UserId;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Indices into what was sent.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Named {
    /// Named by index, with the API's words for each.
    pub(crate) by_index: BTreeMap<usize, Option<String>>,
    /// Their ids stand in a text.
    pub(crate) hinted: BTreeSet<usize>,
}

/// Reads what a refusal of `sent` says.
pub(crate) fn named(detail: Option<&ErrorDetail>, sent: &[UserId]) -> Named {
    let mut named = Named::default();
    let mut texts = Vec::new();
    match detail {
        Some(ErrorDetail::Message(text)) => texts.push(text.as_str()),
        Some(ErrorDetail::Items(items)) => {
            for item in items {
                match index(item).filter(|index| *index < sent.len()) {
                    Some(index) => {
                        named.by_index.entry(index).or_insert_with(|| item.msg.clone());
                    }
                    None => texts.extend(item.msg.as_deref()),
                }
            }
        }
        // What has a form of its own names nobody that we could trust.
        Some(ErrorDetail::Other(_)) | None => {}
    }
    let places: HashMap<u64, usize> = sent.iter().enumerate().map(|(index, id)| (id.get(), index)).collect();
    let numbers = texts.iter().flat_map(|text| text.split(|c: char| !c.is_ascii_digit()));
    let hinted: BTreeSet<usize> =
        numbers.filter_map(|digits| places.get(&digits.parse::<u64>().ok()?).copied()).collect();
    // A text that names most of what was sent repeats the request.
    if hinted.len() * 2 <= sent.len() {
        named.hinted = hinted.into_iter().filter(|index| !named.by_index.contains_key(index)).collect();
    }
    named
}

/// The integer after `userIds`.
fn index(item: &ErrorItem) -> Option<usize> {
    let mut after =
        item.loc.iter().skip_while(|part| !matches!(part, ErrorLocation::Name(name) if name == "userIds"));
    match after.nth(1) {
        Some(ErrorLocation::Index(index)) => usize::try_from(*index).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(detail: &str, sent: &[u64]) -> (Vec<usize>, Vec<usize>) {
        let detail: ErrorDetail = serde_json::from_str(detail).unwrap();
        let sent: Vec<_> = sent.iter().map(|id| UserId::try_from(*id).unwrap()).collect();
        let named = named(Some(&detail), &sent);
        (named.by_index.into_keys().collect(), named.hinted.into_iter().collect())
    }

    #[test]
    fn an_index_in_range_is_a_verdict() {
        let item = |index: i64| {
            format!(r#"{{"loc":["body","userIds",{index}],"msg":"no such user","type":"value_error"}}"#)
        };
        assert_eq!(read(&format!("[{},{}]", item(1), item(2)), &[7, 8, 9]), (vec![1, 2], vec![]));
        for outside in [3, -1, i64::MAX] {
            assert_eq!(read(&format!("[{}]", item(outside)), &[7, 8, 9]), (vec![], vec![]));
        }
        assert_eq!(read(r#"[{"loc":["body","userIds"],"msg":"bad list"}]"#, &[7, 8]), (vec![], vec![]));
        assert_eq!(read(r#"[{"loc":["body",1],"msg":"bad"}]"#, &[7, 8]), (vec![], vec![]));
    }

    #[test]
    fn a_value_in_a_text_is_a_hint() {
        assert_eq!(read(r#""user 8 does not exist""#, &[7, 8, 9]), (vec![], vec![1]));
        assert_eq!(read(r#""user 80 or 08a8 does not exist""#, &[7, 8, 9]), (vec![], vec![1]));
        assert_eq!(read(r#""99999999999999999999999""#, &[7, 8, 9]), (vec![], vec![]));
        assert_eq!(read(r#"[{"loc":["body","userIds"],"msg":"unknown: 9"}]"#, &[7, 8, 9]), (vec![], vec![2]));
    }

    #[test]
    fn an_echo_names_nobody() {
        assert_eq!(read(r#""invalid list [7, 8, 9]""#, &[7, 8, 9]), (vec![], vec![]));
        assert_eq!(read(r#""invalid: 7, 8""#, &[7, 8, 9]), (vec![], vec![]));
        assert_eq!(read(r#""invalid: 7, 8""#, &[7, 8, 9, 10]), (vec![], vec![0, 1]));
        assert_eq!(read(r#"{"users":[7]}"#, &[7, 8, 9]), (vec![], vec![]));
    }
}
