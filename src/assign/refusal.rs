//! Finds the users that a 422 response names. A user that is named by index is certainly rejected. A user whose id
//! appears in an error text is possibly rejected.

use crate::api::USER_IDS_FIELD;
use crate::api::types::{ErrorDetail, ErrorItem, ErrorLocation};
use crate::id::UserId;
use crate::isolate::Named;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The users that a 422 response names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) named: Named,
    /// The positions of the users that the response names by index. Each entry has the reason for the rejection, or
    /// `None` if the response gives no reason.
    pub(super) reasons: Vec<(u32, Option<String>)>,
}

/// Finds the named users in the `detail` field of a 422 response. `sent` contains the users of the request, and
/// `positions` contains the positions of these users in the list of unique users.
pub(super) fn read(detail: Option<&ErrorDetail>, sent: &[UserId], positions: &[u32]) -> Refusal {
    let mut texts = Vec::new();
    // Maps each index in the response to the reason in the first error item with this index.
    let mut by_index = BTreeMap::new();
    match detail {
        Some(ErrorDetail::Message(text)) => texts.push(text.as_str()),
        Some(ErrorDetail::Items(items)) => {
            for item in items {
                match index(item).filter(|index| *index < sent.len()) {
                    Some(index) => {
                        by_index.entry(index).or_insert(&item.msg);
                    }
                    None => texts.extend(item.msg.as_deref()),
                }
            }
        }
        // If the format of `detail` is unknown, the numbers in `detail` are ignored, because they could be something
        // other than user ids.
        Some(ErrorDetail::Other(_)) | None => {}
    }
    let mut hinted = hints(&texts, sent);
    hinted.retain(|index| !by_index.contains_key(index));
    Refusal {
        named: Named {
            by_index: by_index.keys().map(|index| positions[*index]).collect(),
            hinted: hinted.iter().map(|index| positions[*index]).collect(),
        },
        reasons: by_index
            .into_iter()
            .map(|(index, reason)| (positions[index], reason.clone()))
            .collect(),
    }
}

/// Returns the indices of the users whose ids appear in the error texts. If more than half of the ids appear, returns
/// an empty set, because the texts probably quote the whole request.
fn hints(texts: &[&str], sent: &[UserId]) -> BTreeSet<usize> {
    let index_of: HashMap<u64, usize> = sent.iter().map(|id| id.get()).zip(0..).collect();
    let numbers = texts
        .iter()
        .flat_map(|text| text.split(|c: char| !c.is_ascii_digit()));
    let hinted: BTreeSet<usize> = numbers
        .filter_map(|digits| index_of.get(&digits.parse().ok()?).copied())
        .collect();
    if hinted.len() * 2 > sent.len() {
        return BTreeSet::new();
    }
    hinted
}

/// Returns the array index that follows [`USER_IDS_FIELD`] in the `loc` field of an error item.
fn index(item: &ErrorItem) -> Option<usize> {
    let mut after = item
        .loc
        .iter()
        .skip_while(|part| !matches!(part, ErrorLocation::Name(name) if name == USER_IDS_FIELD));
    match after.nth(1) {
        Some(ErrorLocation::Index(index)) => usize::try_from(*index).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(detail: &str, sent: &[u64]) -> (Vec<u32>, Vec<u32>) {
        let detail: ErrorDetail = serde_json::from_str(detail).unwrap();
        let sent: Vec<_> = sent
            .iter()
            .map(|id| UserId::try_from(*id).unwrap())
            .collect();
        let positions: Vec<u32> = (0..).take(sent.len()).collect();
        let named = super::read(Some(&detail), &sent, &positions).named;
        (named.by_index, named.hinted)
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
    fn a_text_that_repeats_the_request_names_no_user() {
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
