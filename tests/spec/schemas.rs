//! Tests that the JSON schema of each type equals the schema of its component in the spec. Serialized values must match
//! the schema of their type.

use crate::edits::SPEC;
use crate::generator::schema::json_schema;
use connecteam_onboarding::api::types;
use connecteam_onboarding::{AssignmentId, AssignmentStatus, PackId, UserId};
use schemars::{JsonSchema, schema_for};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

fn spec() -> Value {
    yaml_serde::from_str(SPEC).unwrap()
}

/// The schema contains no `$schema`, `$defs` or `title`, and each reference is only a type name.
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
    for root in ["$schema", "$defs", "title"] {
        object.remove(root);
    }
    names(&mut schema);
    (T::schema_name().into_owned(), schema)
}

#[test]
fn a_type_has_the_schema_of_its_component() {
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
    // A test in `changes.rs` checks that every component in the spec has a schema.
    let components = &spec()["components"]["schemas"];
    for (name, of_type) in of_types {
        assert_eq!(of_type, json_schema(&components[&name]), "{name}");
    }
}

#[test]
fn references_point_to_definitions() {
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
            "{name} is not referenced in {text}"
        );
    }
}

#[track_caller]
fn validator<T: JsonSchema>() -> jsonschema::Validator {
    jsonschema::validator_for(&schema_for!(T).to_value()).unwrap()
}

#[test]
fn the_schema_of_a_request_has_its_limits() {
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

/// Checks that a value matches the schema of `T`, and that the value is unchanged after a round trip through `T`.
#[track_caller]
fn round_trip<T: JsonSchema + serde::Serialize + serde::de::DeserializeOwned>(value: &Value) {
    assert!(validator::<T>().is_valid(value), "{value}");
    let parsed: T = serde_json::from_value(value.clone()).unwrap();
    let written = serde_json::to_value(&parsed).unwrap();
    assert_eq!(&written, value);
}

#[test]
fn serialized_values_are_valid() {
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
fn the_examples_of_the_spec_are_valid() {
    let spec = spec();
    let path = &spec["paths"]["/onboarding/v1/packs/{packId}/assignments"];
    let content = |of: &Value| of["content"]["application/json"].clone();
    let guide = |of: &Value| content(of)["examples"]["guide"]["value"].clone();
    round_trip::<types::PackAssignmentsResponse>(&guide(&path["get"]["responses"]["200"]));
    round_trip::<types::AssignUsersRequest>(&guide(&path["post"]["requestBody"]));
    round_trip::<types::AssignUsersResponse>(&guide(&path["post"]["responses"]["200"]));
    let responses = &spec["components"]["responses"];
    round_trip::<types::ErrorBody>(&content(&responses["Failed"])["example"]);
    let refusals = content(&responses["Refused"])["examples"].clone();
    for (name, example) in refusals.as_object().unwrap() {
        println!("{name}");
        round_trip::<types::ErrorBody>(&example["value"]);
    }
}

/// This test searches the source code, so it does not find types that macros declare, such as the ids and the status.
/// The test `a_type_has_the_schema_of_its_component` checks these types.
#[test]
fn every_public_type_that_serializes_has_a_json_schema() {
    let mut code = String::new();
    read_into(&mut code, Path::new("src"));
    let mut checked = 0;
    for declared in ["\npub struct ", "\npub enum "] {
        for (at, _) in code.match_indices(declared) {
            let name = code[at + declared.len()..]
                .split(|c: char| !c.is_alphanumeric())
                .next();
            let name = name.unwrap_or_default();
            // In the source code, a blank line precedes the documentation and attributes of a type.
            let attributes = code[..at].rsplit("\n\n").next().unwrap_or_default();
            let has = |what: &str| {
                attributes.contains(what) || code.contains(&format!("{what} for {name} "))
            };
            // Error types need no schema, because programs only write errors to logs and never parse them.
            if has("Serialize") && !name.ends_with("Error") {
                checked += 1;
                assert!(
                    has("JsonSchema"),
                    "{name} serializes, but has no `JsonSchema`"
                );
            }
        }
    }
    assert!(checked >= 8, "found only {checked} types that serialize");
}

fn read_into(code: &mut String, folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_into(code, &path);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            *code += &fs::read_to_string(path).unwrap();
        }
    }
}
