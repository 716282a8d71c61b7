//! Documents that cannot be compared, or were made to hurt.

use crate::document::{Document, GET, POST, ours, schema, vendor};
use crate::drift;
use serde_json::{Value, json};

#[test]
fn another_kind_of_document() {
    let fails = |document: Value, words: &[&str]| Document(document).fails(words);
    fails(
        json!([]),
        &["the vendor's document", "expected an object, found a list"],
    );
    fails(
        json!("openapi: 3.1.0"),
        &["expected an object, found a text"],
    );
    fails(
        json!({"swagger": "2.0", "paths": {}}),
        &["Swagger \"2.0\"", "expected OpenAPI 3.x"],
    );
    fails(
        json!({"openapi": "2.0"}),
        &["`openapi`: expected 3.x, found \"2.0\""],
    );
    fails(
        json!({"openapi": 3.1}),
        &["`openapi`: expected 3.x, found 3.1"],
    );
    fails(json!({"paths": {}}), &["it has no `openapi`"]);
    fails(
        json!({"openapi": "3.1.0", "paths": []}),
        &["`paths`: expected an object, found a list"],
    );
}

#[test]
fn references_that_lead_nowhere() {
    let id = |reference: &str| {
        vendor().set(
            &schema("PackAssignment/properties/id"),
            json!({"$ref": reference}),
        )
    };
    let place = "answer.data.assignments[].id";
    id("#/components/schemas/Gone").fails(&[
        "GET",
        place,
        "`#/components/schemas/Gone` leads nowhere",
    ]);
    id("#/components/schemas/PackAssignment/required/9").fails(&[place, "leads nowhere"]);
    id("#components").fails(&[place, "leads nowhere"]);
    id("").fails(&[place, "`` leads to another document"]);
    id("common.json#/Id").fails(&[place, "`common.json#/Id` leads to another document"]);
    id("https://example.com/common.json").fails(&[place, "leads to another document"]);
    vendor()
        .set(&schema("PackAssignment/properties/id"), json!({"$ref": 7}))
        .fails(&[place, "`$ref`: expected a text, found a number"]);
    vendor()
        .set(
            &format!("{POST}/parameters/0"),
            json!({"$ref": "#/nowhere"}),
        )
        .fails(&["POST", "parameters"]);
    vendor()
        .set(&format!("{POST}/requestBody"), json!({"$ref": "#/nowhere"}))
        .fails(&["POST", "request"]);
    vendor()
        .set(
            &format!("{GET}/responses/200"),
            json!({"$ref": "#/nowhere"}),
        )
        .fails(&["GET", "answer"]);
    vendor()
        .set(GET.trim_end_matches("/get"), json!({"$ref": "#/nowhere"}))
        .fails(&[
            "/onboarding/v1/packs/{packId}/assignments: ",
            "leads nowhere",
        ]);
    vendor()
        .set(&format!("{GET}/security"), json!([{"Gone": []}]))
        .fails(&[
            "GET",
            "security",
            "`Gone` is not in components.securitySchemes",
        ]);
    // In a part that is not ours.
    vendor()
        .set(&schema("User"), json!({"$ref": "#/nowhere"}))
        .same();
}

#[test]
fn references_that_go_in_circles() {
    let circle = |value| vendor().set(&schema("PackAssignment"), value);
    let own = json!({"$ref": "#/components/schemas/PackAssignment"});
    circle(own.clone()).fails(&["answer.data.assignments[]", "refers to itself"]);
    for key in ["allOf", "anyOf", "oneOf"] {
        circle(json!({(key): [own.clone()]})).fails(&["refers to itself"]);
    }
    circle(json!({"$ref": "#/components/schemas/Other"}))
        .set(&schema("Other"), own.clone())
        .fails(&["refers to itself"]);
    vendor()
        .set(
            &format!("{GET}/responses/200"),
            json!({"$ref": format!("#{GET}/responses/200")}),
        )
        .fails(&["GET", "circle"]);
    vendor()
        .set(
            GET.trim_end_matches("/get"),
            json!({"$ref": format!("#{}", GET.trim_end_matches("/get"))}),
        )
        .fails(&["circle"]);
    // A tree of assignments is no circle, as it ends.
    vendor().set(&schema("PackAssignment/properties/children"), json!({"type": "array", "items": own})).adds(
        &["GET answer.data.assignments[].children: field: we have none, the vendor has array, optional"],
    );
}

/// Both documents hold trees: nothing runs for ever, and what differs in them is found.
#[test]
fn schemas_that_hold_themselves() {
    let tree = |node: &Value| json!({"type": "object", "properties": {"next": node, "name": {"type": "string"}}});
    let own = json!({"$ref": "#/components/schemas/Tree"});
    let mut mine = ours();
    mine["components"]["schemas"]["Tree"] = tree(&own);
    mine["components"]["schemas"]["Assignment"]["properties"]["tree"] = own.clone();
    let theirs = |tree: Value| {
        vendor()
            .set(&schema("Tree"), tree)
            .set(&schema("PackAssignment/properties/tree"), own.clone())
            .0
    };
    let same =
        drift::compare(&mine, &theirs(tree(&json!({"anyOf": [own.clone()]})))).expect("comparable");
    assert_eq!(same.to_string(), "no difference\n");
    let number =
        json!({"type": "object", "properties": {"next": own.clone(), "name": {"type": "number"}}});
    let other = drift::compare(&mine, &theirs(number))
        .expect("comparable")
        .to_string();
    assert!(
        other.contains("assignments[].tree.name: type: we have string, the vendor has number"),
        "{other}"
    );
}

#[test]
fn documents_that_unfold_without_end() {
    // Each doubles the next: two to the power of 40 schemas.
    for key in ["allOf", "anyOf"] {
        let mut document = vendor().set(&schema("Bomb40"), json!({"type": "object"}));
        for level in 0..40 {
            let next = json!({"$ref": format!("#/components/schemas/Bomb{}", level + 1)});
            document = document.set(
                &schema(&format!("Bomb{level}")),
                json!({(key): [next, next]}),
            );
        }
        document
            .set(
                &schema("PackAssignment"),
                json!({"$ref": "#/components/schemas/Bomb0"}),
            )
            .fails(&["unfold into too many"]);
    }
    // A chain of ten thousand.
    let mut document = vendor().set(&schema("Link10000"), json!({"type": "object"}));
    for link in 0..10_000 {
        let next = json!({"$ref": format!("#/components/schemas/Link{}", link + 1)});
        document = document.set(&schema(&format!("Link{link}")), next);
    }
    document
        .set(
            &schema("PackAssignment"),
            json!({"$ref": "#/components/schemas/Link0"}),
        )
        .fails(&["nested more than 100 deep"]);
    let forms: Vec<_> = (0..40)
        .map(|n| json!({"type": "object", "properties": {format!("a{n}"): {"type": "string"}}}))
        .collect();
    vendor()
        .set(&schema("PackAssignment"), json!({"anyOf": forms}))
        .fails(&["more than 16 forms"]);
}

#[test]
fn keywords_of_the_wrong_type_are_named() {
    let assignment =
        |part: &str, value: Value| vendor().set(&(schema("PackAssignment/") + part), value);
    assignment("required", json!("id")).fails(&["`required`: expected a list, found a text"]);
    assignment("properties", json!([])).fails(&["`properties`: expected an object, found a list"]);
    assignment("properties/id", json!("integer")).fails(&["assignments[].id", "found a text"]);
    assignment("properties/id/type", json!("int")).fails(&["`int` is no type"]);
    assignment("properties/id/minimum", json!("1"))
        .fails(&["`minimum`: expected a number, found \"1\""]);
    assignment("properties/status/allOf", json!({}))
        .fails(&["`allOf`: expected a list, found an object"]);
    assignment("properties/status/enum", json!("a"))
        .fails(&["`enum`: expected a list, found a text"]);
    vendor()
        .set(&format!("{GET}/parameters"), json!({}))
        .fails(&["GET", "`parameters`: expected a list"]);
    vendor()
        .set(&format!("{GET}/parameters/0"), json!({"in": "query"}))
        .fails(&["`name`: expected a text"]);
    vendor()
        .set(&format!("{GET}/security"), json!({}))
        .fails(&["security", "expected a list"]);
    vendor()
        .set(GET, json!(7))
        .fails(&["expected an object, found a number"]);
    vendor()
        .set(&format!("{GET}/responses"), json!([]))
        .fails(&["GET", "expected an object, found a list"]);
}

#[test]
fn what_the_vendor_writes_stays_on_its_line() {
    let name = "a\nbreaking:\u{1b}[2J\u{202e}";
    vendor().set(&schema(&format!("PackAssignment/properties/{name}")), json!({"type": "string"})).adds(&[
        r"GET answer.data.assignments[].a\nbreaking:\u{1b}[2J\u{202e}: field: we have none, the vendor has string, optional",
    ]);
    let long = "x".repeat(5_000);
    let line = format!(
        "GET answer.data.assignments[].status: value: we have none, the vendor has \"{}…",
        "x".repeat(199)
    );
    vendor()
        .set(&schema("Status/enum/-"), json!(long))
        .adds(&[&line]);
}

#[test]
fn what_the_vendor_writes_stays_on_its_line_in_an_error_too() {
    let odd = "#/x\u{1b}[2J\u{202e}\ny";
    let shown = r"`#/x\u{1b}[2J\u{202e}\ny` leads nowhere";
    let reference = json!({"$ref": odd});
    vendor()
        .set(&schema("PackAssignment/properties/id"), reference.clone())
        .fails(&[shown]);
    vendor()
        .set(GET.trim_end_matches("/get"), reference)
        .fails(&[shown]);
    vendor()
        .set(
            &schema("PackAssignment/properties/id/type"),
            json!("int\u{1b}[2J"),
        )
        .fails(&[r"`int\u{1b}[2J` is no type"]);
    vendor()
        .set(&schema("PackAssignment/properties/a\u{7}"), json!(7))
        .fails(&[r"answer.data.assignments[].a\u{7}: expected an object"]);
    vendor()
        .set(&format!("{GET}/security"), json!([{"a\u{1b}c": []}]))
        .fails(&[r"`a\u{1b}c` is not in components.securitySchemes"]);
}
