//! Keywords of a schema: what is not understood is breaking in a request, what says nothing is no difference.

use crate::document::{Document, GET, POST, schema, vendor};
use serde_json::{Value, json};

const LIST: &str = "AssignUsers/properties/userIds/";

fn request(key: &str, value: Value) -> Document {
    vendor().set(&schema(&format!("AssignUsers/{key}")), value)
}

fn list(key: &str, value: Value) -> Document {
    vendor().set(&schema(&format!("{LIST}{key}")), value)
}

fn user(key: &str, value: Value) -> Document {
    vendor().set(&schema(&format!("{LIST}items/{key}")), value)
}

/// The request's schema as a part among others.
fn with_part(part: &Value) -> Document {
    let body = json!({"allOf": [{"$ref": "#/components/schemas/AssignUsers"}, part]});
    vendor().set(
        &format!("{POST}/requestBody/content/application~1json/schema"),
        body,
    )
}

#[test]
fn what_is_not_understood_breaks_a_request() {
    for (key, value) in [
        ("dependencies", json!({"userIds": ["packId"]})),
        ("unevaluatedProperties", json!(false)),
        ("dependentRequired", json!({"userIds": ["packId"]})),
        ("patternProperties", json!({"^user": false})),
        ("propertyNames", json!({"pattern": "^x"})),
        ("not", json!({"required": ["userIds"]})),
        ("if", json!({"required": ["userIds"]})),
        ("$dynamicRef", json!("#node")),
        ("$id", json!("https://example.com/assign")),
        ("divisibleBy", json!(2)),
    ] {
        let line = format!("POST request: {key}: we have none, the vendor has {value}");
        request(key, value.clone()).breaks(&[&line]);
        with_part(&json!({(key): value})).breaks(&[&line]);
    }
    for (key, value) in [
        ("contains", json!({"const": 7})),
        ("prefixItems", json!([{"const": 7}])),
        ("additionalItems", json!(false)),
    ] {
        let line = format!("POST request.userIds: {key}: we have none, the vendor has {value}");
        list(key, value).breaks(&[&line]);
    }
    list("unevaluatedItems", json!(false))
        .remove(&schema(&format!("{LIST}items")))
        .breaks_and_adds(
            &["POST request.userIds: unevaluatedItems: we have none, the vendor has false"],
            &["POST request.userIds[]: type: we have integer, the vendor has any type"],
        );
    user("unheardOf", json!("x"))
        .breaks(&[r#"POST request.userIds[]: unheardOf: we have none, the vendor has "x""#]);
    vendor()
        .set(&format!("{GET}/parameters/0/schema/multipleOf"), json!(10))
        .breaks(&["GET path.packId: multipleOf: we have none, the vendor has 10"]);
}

/// A condition's branch counts as the condition does.
#[test]
fn a_condition_is_shown_with_its_branches() {
    request("if", json!({}))
        .set(&schema("AssignUsers/then"), json!({"maxProperties": 0}))
        .breaks(&[
            "POST request: if: we have none, the vendor has {}",
            r#"POST request: then: we have none, the vendor has {"maxProperties":0}"#,
        ]);
}

/// Not that of the first part alone.
#[test]
fn every_part_counts() {
    let parts = json!([{"multipleOf": 1}, {"multipleOf": 10}, {"multipleOf": 4}]);
    user("allOf", parts)
        .breaks(&["POST request.userIds[]: multipleOf: we have none, the vendor has 10, 4"]);
}

/// A keyword speaks of one kind of value.
#[test]
fn what_speaks_of_another_kind_is_no_difference() {
    user("pattern", json!("^a"))
        .set(
            &schema(&format!("{LIST}items/contentEncoding")),
            json!("base64"),
        )
        .same();
    list("dependentSchemas", json!({"a": false})).same();
    list("unevaluatedProperties", json!(false)).same();
    request("unevaluatedItems", json!(false)).same();
    request("multipleOf", json!(7)).same();
}

#[test]
fn what_says_nothing_is_no_difference() {
    for one in [json!(1), json!(1.0), json!(0.5)] {
        user("multipleOf", one.clone()).same();
        user("allOf", json!([{"multipleOf": one}])).same();
        vendor()
            .set(&format!("{GET}/parameters/0/schema/multipleOf"), one)
            .same();
    }
    for (key, value) in [
        ("unevaluatedProperties", json!(true)),
        ("unevaluatedProperties", json!({})),
        ("propertyNames", json!(true)),
        ("patternProperties", json!({})),
        ("dependencies", json!({})),
        ("dependentRequired", json!({})),
        ("dependentSchemas", json!({})),
        ("not", json!(false)),
        ("then", json!(false)),
        ("else", json!(false)),
    ] {
        request(key, value.clone()).same();
        with_part(&json!({(key): value})).same();
    }
    for (key, value) in [
        ("prefixItems", json!([])),
        ("additionalItems", json!(true)),
        ("minContains", json!(2)),
        ("maxContains", json!(2)),
        // Every item is one of `items`.
        ("unevaluatedItems", json!(false)),
    ] {
        list(key, value).same();
    }
}

#[test]
fn an_annotation_is_no_difference() {
    for (key, value) in [
        ("title", json!("Other")),
        ("description", json!("Other")),
        ("default", json!({"userIds": [7]})),
        ("example", json!({"userIds": [7]})),
        ("examples", json!([{"userIds": [7]}])),
        ("deprecated", json!(true)),
        ("readOnly", json!(false)),
        ("writeOnly", json!(true)),
        ("format", json!("assign")),
        ("$comment", json!("a")),
        (
            "$schema",
            json!("https://json-schema.org/draft/2020-12/schema"),
        ),
        ("$anchor", json!("assign")),
        ("$defs", json!({"A": {"unheardOf": true}})),
        ("definitions", json!({})),
        ("externalDocs", json!({"url": "https://example.com"})),
        ("xml", json!({"name": "assign"})),
        ("discriminator", json!({"propertyName": "userIds"})),
        ("x-order", json!(1)),
        ("x-", json!(null)),
    ] {
        request(key, value.clone()).same();
        with_part(&json!({(key): value})).same();
    }
}

/// A part that takes no other fields than its own refuses those of the parts beside it.
#[test]
fn a_part_without_other_fields() {
    request("additionalProperties", json!(false)).same();
    request("additionalProperties", json!({"type": "string"})).same();
    let refused = ["POST request.userIds: type: we have array, the vendor has no type"];
    with_part(&json!({"additionalProperties": false})).breaks(&refused);
    with_part(&json!({"additionalProperties": false, "properties": {"userIds": {}}})).same();
    with_part(&json!({"additionalProperties": {"type": "string"}})).breaks(&refused);
    with_part(&json!({"additionalProperties": {}})).same();
    with_part(&json!({"properties": {"note": {"type": "string"}}}))
        .set(&schema("AssignUsers/additionalProperties"), json!(false))
        .adds(&["POST request.note: field: we have none, the vendor has no type, optional"]);
}

/// There they only narrow what we read.
#[test]
fn an_answer_may_be_narrower() {
    let answer = |key: &str, value| vendor().set(&schema(&format!("PackAssignment/{key}")), value);
    answer("unevaluatedProperties", json!(false)).same();
    answer("unheardOf", json!(7)).same();
    answer("dependencies", json!({"id": ["userId"]})).same();
    answer("properties/id/multipleOf", json!(7)).same();
}
