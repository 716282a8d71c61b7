//! What is no difference.

use crate::document::{Document, GET, POST, ours, schema, vendor};
use serde_json::{Value, json};

#[test]
fn the_document_as_it_is() {
    vendor().same();
    Document(ours()).same();
}

#[test]
fn other_words_are_no_difference() {
    vendor()
        .set(&format!("{GET}/summary"), json!("Other"))
        .set(&format!("{GET}/operationId"), json!("other"))
        .set(&format!("{GET}/deprecated"), json!(false))
        .set(&schema("PackAssignment/description"), json!("Other"))
        .set(&schema("PackAssignment/properties/id/examples"), json!([7]))
        .set(
            &schema("PackAssignment/properties/id/x-internal"),
            json!({"a": 1}),
        )
        .same();
}

#[test]
fn another_form_is_no_difference() {
    let part = |part: &str, value: Value| vendor().set(&schema(part), value).same();
    let id = "PackAssignment/properties/userId";
    for form in [
        json!({"type": "integer", "minimum": 1}),
        json!({"type": "integer", "exclusiveMinimum": 0}),
        json!({"type": "integer", "exclusiveMinimum": 0.5, "format": "int64"}),
        json!({"type": "integer", "minimum": 0, "exclusiveMinimum": true}),
        json!({"type": ["integer"], "minimum": 1.0}),
        json!({"anyOf": [{"type": "integer", "minimum": 1}]}),
        json!({"oneOf": [{"type": "integer"}], "minimum": 1}),
        json!({"allOf": [{"type": "integer"}, {"minimum": 1}, true, {}]}),
        json!({"type": "number", "allOf": [{"type": "integer", "minimum": 1}]}),
        json!({"anyOf": [{"type": "string"}, {"type": "integer"}], "allOf": [{"type": "integer"}], "minimum": 1}),
        json!({"type": "integer", "minimum": 1, "maximum": i64::MAX}),
        // The vendor says nothing of the limit.
        json!({"type": "integer"}),
    ] {
        part(id, form);
    }
    for form in [
        json!({"type": ["string", "null"]}),
        json!({"type": "string", "nullable": true}),
        json!({"oneOf": [{"type": "null"}, {"type": "string"}]}),
        json!({"anyOf": [{"type": "string", "format": "uuid"}, {"const": null}]}),
        // Never null, and left out if there is none: the same to a reader.
        json!({"type": "string"}),
    ] {
        part("APIResponse_EmptyData_/properties/requestId", form);
    }
    for form in [
        json!({"enum": ["completed", "in_progress"]}),
        json!({"anyOf": [{"const": "completed"}, {"const": "in_progress"}]}),
        json!({"oneOf": [{"type": "string", "const": "completed"}, {"type": "string", "enum": ["in_progress"]}]}),
        json!({"anyOf": [{"type": "string", "enum": ["in_progress", "completed"]}, {"type": "string"}]}),
    ] {
        part("Status", form);
    }
    part(
        "PackAssignment/properties/isWaitingApproval",
        json!({"type": "boolean", "enum": [false, true]}),
    );
    part(
        "EmptyData",
        json!({"type": "object", "additionalProperties": false}),
    );
    part(
        "EmptyData",
        json!({"type": "object", "additionalProperties": true}),
    );
}

#[test]
fn inline_or_referred_to_is_no_difference() {
    let mut document = vendor();
    let status = document.taken(&schema("Status"));
    // `Task` uses it too, and is not ours: that it leads nowhere now does not matter.
    document
        .set(&schema("PackAssignment/properties/status"), status)
        .same();

    let mut document = vendor();
    let assignment = document.at(&schema("PackAssignment")).clone();
    let half = |names: [&str; 2]| {
        let fields: Value = names
            .iter()
            .map(|name| ((*name).to_owned(), assignment["properties"][name].clone()))
            .collect();
        json!({"type": "object", "properties": fields, "required": names})
    };
    document
        .set(&schema("First"), half(["id", "userId"]))
        .set(
            &schema("PackAssignment"),
            json!({"allOf": [{"$ref": "#/components/schemas/First"}, half(["status", "isWaitingApproval"])]}),
        )
        .same();

    // Everything that may be a reference: path item, parameter, body, answer.
    vendor()
        .set("/components/parameters", json!({}))
        .set("/components/requestBodies", json!({}))
        .set("/components/responses", json!({}))
        .set("/components/pathItems", json!({}))
        .moved(
            &format!("{POST}/parameters/0"),
            "/components/parameters/Pack",
        )
        .set(
            &format!("{POST}/parameters"),
            json!([{"$ref": "#/components/parameters/Pack"}]),
        )
        .moved(
            &format!("{POST}/requestBody"),
            "/components/requestBodies/Assign",
        )
        .set(
            &format!("{POST}/requestBody"),
            json!({"$ref": "#/components/requestBodies/Assign"}),
        )
        .moved(
            &format!("{POST}/responses/200"),
            "/components/responses/Assigned",
        )
        .set(
            &format!("{POST}/responses/200"),
            json!({"$ref": "#/components/responses/Assigned"}),
        )
        .moved(
            POST.trim_end_matches("/post"),
            "/components/pathItems/Assignments",
        )
        .set(
            POST.trim_end_matches("/post"),
            json!({"$ref": "#/components/pathItems/Assignments"}),
        )
        .same();
}

#[test]
fn a_reference_may_lead_anywhere_in_the_document() {
    let escaped = format!("#{GET}/responses/200/content/application~1json/schema")
        .replace('{', "%7B")
        .replace('}', "%7D");
    let mut document = vendor();
    let id = document.at(&schema("PackAssignment/properties/id")).clone();
    let document = document
        .set(&schema("a~1b~0c d"), id)
        .set(&schema("PackAssignment/properties/id"), json!({"$ref": "#/components/schemas/a~1b~0c%20d"}))
        .set("/paths/~1mirror", json!({"get": {"responses": {"200": {"description": "", "content": {
            "application/json": {"schema": {"$ref": escaped}}}}}}}))
        .set(
            &format!("{GET}/parameters/0/schema"),
            json!({"$ref": "#/paths/~1onboarding~1v1~1packs~1{packId}~1assignments/post/parameters/0/schema"}),
        );
    document.same();
    // The other way round: our answer is found at the mirror, which is found here.
    let mut document = document;
    let schema = document
        .at(&format!(
            "{GET}/responses/200/content/application~1json/schema"
        ))
        .clone();
    document
        .set(
            "/paths/~1mirror/get/responses/200/content/application~1json/schema",
            schema,
        )
        .set(
            &format!("{GET}/responses/200"),
            json!({"$ref": "#/paths/~1mirror/get/responses/200"}),
        )
        .same();
}

#[test]
fn another_name_of_the_path_parameter_is_no_difference() {
    let item = POST.trim_end_matches("/post");
    let renamed = || {
        vendor()
            .set(&format!("{GET}/parameters/0/name"), json!("pack_id"))
            .set(&format!("{POST}/parameters/0/name"), json!("pack_id"))
            .moved(
                item,
                "/paths/~1onboarding~1v1~1packs~1{pack_id}~1assignments",
            )
    };
    renamed().same();
    // FastAPI makes two paths of one where the names differ.
    vendor()
        .set(&format!("{POST}/parameters/0/name"), json!("pack_id"))
        .set(
            "/paths/~1onboarding~1v1~1packs~1{pack_id}~1assignments",
            json!({}),
        )
        .moved(
            POST,
            "/paths/~1onboarding~1v1~1packs~1{pack_id}~1assignments/post",
        )
        .same();
}
