//! Which of the users sent a 422 names: by their index, which is a verdict, or in a text, which is a hint.

use crate::api::types::{ErrorDetail, ErrorItem, ErrorLocation};
use crate::id::UserId;
use std::collections::HashMap;

/// Indices into what was sent, in ascending order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Named {
    /// Named by index, with the API's words for each.
    pub(crate) by_index: Vec<(usize, Option<String>)>,
    /// Their ids stand in a text.
    pub(crate) hinted: Vec<usize>,
}

/// Reads what a refusal of `sent` says.
pub(crate) fn named(detail: Option<&ErrorDetail>, sent: &[UserId]) -> Named {
    let mut texts = Vec::new();
    // For each of those sent, the words of the first item with its index.
    let mut words: Vec<Option<Option<String>>> = vec![None; sent.len()];
    match detail {
        Some(ErrorDetail::Message(text)) => texts.push(text.as_str()),
        Some(ErrorDetail::Items(items)) => {
            for item in items {
                match index(item).and_then(|index| words.get_mut(index)) {
                    Some(words) => {
                        words.get_or_insert_with(|| item.msg.clone());
                    }
                    None => texts.extend(item.msg.as_deref()),
                }
            }
        }
        // What has a form of its own names nobody that we could trust.
        Some(ErrorDetail::Other(_)) | None => {}
    }
    let places: HashMap<u64, usize> = sent
        .iter()
        .enumerate()
        .map(|(index, id)| (id.get(), index))
        .collect();
    let mut hinted = vec![false; sent.len()];
    for digits in texts
        .iter()
        .flat_map(|text| text.split(|c: char| !c.is_ascii_digit()))
    {
        if let Some(place) = digits.parse::<u64>().ok().and_then(|id| places.get(&id)) {
            hinted[*place] = true;
        }
    }
    // A text that names most of what was sent repeats the request.
    if hinted.iter().filter(|hinted| **hinted).count() * 2 > sent.len() {
        hinted.fill(false);
    }
    let hints = (0..)
        .zip(&hinted)
        .filter_map(|(index, hinted)| hinted.then_some(index));
    let hinted = hints.filter(|index| words[*index].is_none()).collect();
    let by_index = (0..)
        .zip(words)
        .filter_map(|(index, words)| Some((index, words?)))
        .collect();
    Named { by_index, hinted }
}

/// The integer after `userIds`.
fn index(item: &ErrorItem) -> Option<usize> {
    let mut after = item
        .loc
        .iter()
        .skip_while(|part| !matches!(part, ErrorLocation::Name(name) if name == "userIds"));
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
        let sent: Vec<_> = sent
            .iter()
            .map(|id| UserId::try_from(*id).unwrap())
            .collect();
        let named = named(Some(&detail), &sent);
        (
            named.by_index.into_iter().map(|(index, _)| index).collect(),
            named.hinted,
        )
    }

    #[test]
    fn an_index_in_range_is_a_verdict() {
        let item = |index: i64| {
            format!(
                r#"{{"loc":["body","userIds",{index}],"msg":"no such user","type":"value_error"}}"#
            )
        };
        assert_eq!(
            read(&format!("[{},{}]", item(1), item(2)), &[7, 8, 9]),
            (vec![1, 2], vec![])
        );
        for outside in [3, -1, i64::MAX] {
            assert_eq!(
                read(&format!("[{}]", item(outside)), &[7, 8, 9]),
                (vec![], vec![])
            );
        }
        assert_eq!(
            read(r#"[{"loc":["body","userIds"],"msg":"bad list"}]"#, &[7, 8]),
            (vec![], vec![])
        );
        assert_eq!(
            read(r#"[{"loc":["body",1],"msg":"bad"}]"#, &[7, 8]),
            (vec![], vec![])
        );
    }

    #[test]
    fn a_value_in_a_text_is_a_hint() {
        assert_eq!(
            read(r#""user 8 does not exist""#, &[7, 8, 9]),
            (vec![], vec![1])
        );
        assert_eq!(
            read(r#""user 80 or 08a8 does not exist""#, &[7, 8, 9]),
            (vec![], vec![1])
        );
        assert_eq!(
            read(r#""99999999999999999999999""#, &[7, 8, 9]),
            (vec![], vec![])
        );
        assert_eq!(
            read(
                r#"[{"loc":["body","userIds"],"msg":"unknown: 9"}]"#,
                &[7, 8, 9]
            ),
            (vec![], vec![2])
        );
    }

    #[test]
    fn an_echo_names_nobody() {
        assert_eq!(
            read(r#""invalid list [7, 8, 9]""#, &[7, 8, 9]),
            (vec![], vec![])
        );
        assert_eq!(read(r#""invalid: 7, 8""#, &[7, 8, 9]), (vec![], vec![]));
        assert_eq!(
            read(r#""invalid: 7, 8""#, &[7, 8, 9, 10]),
            (vec![], vec![0, 1])
        );
        assert_eq!(read(r#"{"users":[7]}"#, &[7, 8, 9]), (vec![], vec![]));
    }
}
