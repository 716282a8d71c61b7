//! `JsonSchema` of the spec's types is the component's own, and holds for what they serialise to.
#![cfg(feature = "schemars")]

#[path = "../build/convert.rs"]
mod convert;

use connecteam_onboarding::api::types;
use connecteam_onboarding::{AssignmentId, AssignmentStatus, PackId, UserId};
use schemars::{JsonSchema, schema_for};
use serde_json::{Value, json};

fn components() -> Value {
    let spec: Value = yaml_serde::from_str(include_str!("../spec/onboarding.yaml")).unwrap();
    spec["components"]["schemas"].clone()
}

/// The schema of a type, without what only the outermost has; references by name.
fn own<T: JsonSchema>() -> (String, Value) {
    fn names(value: &mut Value) {
        match value {
            Value::Object(object) => {
                if let Some(Value::String(target)) = object.get_mut("$ref") {
                    *target = target.trim_start_matches("#/$defs/").to_owned();
                }
                object.values_mut().for_each(names);
            }
            Value::Array(items) => items.iter_mut().for_each(names),
            _ => {}
        }
    }
    let mut schema = schema_for!(T).to_value();
    let object = schema.as_object_mut().unwrap();
    for outer in ["$schema", "$defs", "title"] {
        object.remove(outer);
    }
    names(&mut schema);
    (T::schema_name().into_owned(), schema)
}

#[test]
fn a_components_type_has_its_schema() {
    let of_types = [
        own::<PackId>(),
        own::<UserId>(),
        own::<AssignmentId>(),
        own::<AssignmentStatus>(),
        own::<types::AssignUsersRequest>(),
        own::<types::AssignUsersResponse>(),
        own::<types::Assignment>(),
        own::<types::PackAssignments>(),
        own::<types::PackAssignmentsResponse>(),
        own::<types::ErrorBody>(),
        own::<types::ErrorDetail>(),
        own::<types::ErrorItem>(),
        own::<types::ErrorLocation>(),
    ];
    // Here for the types as they are built; `changes.rs` holds that every component has its schema.
    let components = components();
    for (name, of_type) in of_types {
        assert_eq!(of_type, convert::convert(&components[&name]), "{name}");
    }
}

#[test]
fn references_lead_to_definitions() {
    let schema = schema_for!(types::PackAssignmentsResponse).to_value();
    let text = schema.to_string();
    for name in [
        "PackAssignments",
        "Assignment",
        "AssignmentId",
        "AssignmentStatus",
        "UserId",
    ] {
        assert!(
            schema["$defs"][name].is_object(),
            "{name} is missing in {text}"
        );
        assert!(
            text.contains(&format!("\"#/$defs/{name}\"")),
            "{name} is not referred to in {text}"
        );
    }
}

#[track_caller]
fn validator<T: JsonSchema>() -> jsonschema::Validator {
    jsonschema::validator_for(&schema_for!(T).to_value()).unwrap()
}

#[test]
fn the_limits_of_a_request_are_in_its_schema() {
    let request = validator::<types::AssignUsersRequest>();
    let cap = connecteam_onboarding::MAX_USERS_PER_REQUEST as u64;
    let ids = |count: u64| json!({ "userIds": (1..=count).collect::<Vec<_>>() });
    assert!(request.is_valid(&ids(1)) && request.is_valid(&ids(cap)));
    for bad in [
        ids(0),
        ids(cap + 1),
        json!({ "userIds": [7, 7] }),
        json!({ "userIds": [0] }),
        json!({ "userIds": [-1] }),
        json!({ "userIds": ["7"] }),
        json!({ "userIds": [1.5] }),
        json!({}),
    ] {
        assert!(!request.is_valid(&bad), "{bad}");
    }
}

/// What a type reads and writes again is valid by its schema.
#[track_caller]
fn round_trip<T: JsonSchema + serde::Serialize + serde::de::DeserializeOwned>(value: &Value) {
    assert!(validator::<T>().is_valid(value), "{value}");
    let parsed: T = serde_json::from_value(value.clone()).unwrap();
    let written = serde_json::to_value(&parsed).unwrap();
    assert_eq!(&written, value);
}

#[test]
fn what_the_types_write_is_valid() {
    round_trip::<types::AssignUsersRequest>(&json!({ "userIds": [7_031_021, 7_031_022] }));
    round_trip::<types::AssignUsersResponse>(&json!({ "data": {} }));
    for status in ["in_progress", "completed", "paused"] {
        round_trip::<types::PackAssignmentsResponse>(&json!({ "data": { "assignments": [
            { "id": 501, "userId": 7_031_021, "status": status, "isWaitingApproval": false },
        ] } }));
    }
    for detail in [
        json!("text"),
        json!([{ "loc": ["body", "userIds", 3], "msg": "no such user" }]),
        json!([]),
        json!({ "code": 7 }),
        json!([1]),
    ] {
        round_trip::<types::ErrorBody>(&json!({ "detail": detail }));
    }
    round_trip::<types::ErrorBody>(
        &json!({ "error": "CODE: text", "path": "/", "request_id": "a1", "more": [1] }),
    );
}

#[test]
fn the_guides_examples_are_valid() {
    let spec: Value = yaml_serde::from_str(include_str!("../spec/onboarding.yaml")).unwrap();
    let path = &spec["paths"]["/onboarding/v1/packs/{packId}/assignments"];
    let example =
        |of: &Value| of["content"]["application/json"]["examples"]["guide"]["value"].clone();
    round_trip::<types::PackAssignmentsResponse>(&example(&path["get"]["responses"]["200"]));
    round_trip::<types::AssignUsersRequest>(&example(&path["post"]["requestBody"]));
    round_trip::<types::AssignUsersResponse>(&example(&path["post"]["responses"]["200"]));
}
