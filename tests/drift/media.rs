//! Types of content: of several that take ours, the most specific is the one that counts.

use crate::document::{GET, POST, schema, vendor};
use serde_json::json;

const JSON: &str = "application~1json";
const SMALLER: &str = "POST request.userIds: maxItems: we have 500, the vendor has 100";

#[test]
fn a_wider_type_hides_no_difference() {
    let content = format!("{POST}/requestBody/content");
    let smaller = || {
        vendor().set(
            &schema("AssignUsers/properties/userIds/maxItems"),
            json!(100),
        )
    };
    for wider in ["*~1*", "application~1*", "Application~1*; q=0.5"] {
        smaller()
            .set(&format!("{content}/{wider}"), json!({}))
            .breaks(&[SMALLER]);
        // Nor where the real one has parameters.
        let charset = format!("{content}/{JSON}; charset=utf-8");
        smaller()
            .moved(&format!("{content}/{JSON}"), &charset)
            .set(&format!("{content}/{wider}"), json!({}))
            .breaks(&[SMALLER]);
    }
    // Or is a range itself.
    smaller()
        .moved(
            &format!("{content}/{JSON}"),
            &format!("{content}/application~1*"),
        )
        .set(&format!("{content}/*~1*"), json!({}))
        .breaks(&[SMALLER]);
}

#[test]
fn a_wider_type_makes_no_difference() {
    let contents = [
        format!("{POST}/requestBody/content"),
        format!("{GET}/responses/200/content"),
    ];
    for content in contents {
        for wider in ["*~1*", "application~1*"] {
            vendor()
                .set(&format!("{content}/{wider}"), json!({}))
                .same();
            vendor()
                .set(
                    &format!("{content}/{wider}"),
                    json!({"schema": {"type": "string"}}),
                )
                .same();
        }
    }
}
