//! Checks that the spec contains everything that `src/` uses. If something is missing, the build error names the place
//! in the spec. Without this check, the compiler would report an error in `src/` instead.

use super::document::{Document, child, shown};
use serde_json::Value;

const READ: &str = "getPackAssignments";
const WRITE: &str = "assignUsersToPack";

/// The JSON pointers that `src/` relies on. Each line contains a pointer and the text that [`described`] must return
/// for this pointer. `*` stands for the URL path that the read and assign operations share.
const NEEDS: &str = r#"
/paths/*/parameters/0/name: packId
/paths/*/parameters/0/schema: PackId
/paths/*/parameters/1/name: nothing
/paths/*/get/operationId: getPackAssignments
/paths/*/get/parameters: nothing
/paths/*/get/responses/200/content/application~1json/schema: PackAssignmentsResponse
/paths/*/get/responses/4XX: Refused
/paths/*/get/responses/5XX: Failed
/paths/*/post/operationId: assignUsersToPack
/paths/*/post/parameters: nothing
/paths/*/post/requestBody/content/application~1json/schema: AssignUsersRequest
/paths/*/post/responses/200/content/application~1json/schema: AssignUsersResponse
/paths/*/post/responses/4XX: Refused
/paths/*/post/responses/5XX: Failed
/components/responses/Refused/content/application~1json/schema: ErrorBody
/components/securitySchemes/apiKey/type: apiKey
/components/securitySchemes/apiKey/in: header
/components/securitySchemes/oauth/type: oauth2
/components/schemas/PackId: integer, format int64, minimum 1
/components/schemas/UserId: integer, format int64, minimum 1
/components/schemas/AssignmentId: integer, format int64, minimum 1
/components/schemas/AssignmentStatus/anyOf/1: string
/components/schemas/Assignment/properties/id: AssignmentId, required
/components/schemas/Assignment/properties/userId: UserId, required
/components/schemas/Assignment/properties/status: AssignmentStatus, required
/components/schemas/Assignment/properties/isWaitingApproval: boolean, required
/components/schemas/PackAssignments/properties/assignments: [Assignment], required
/components/schemas/PackAssignmentsResponse/properties/data: PackAssignments, required
/components/schemas/AssignUsersRequest/properties/userIds: [UserId], required
/components/schemas/AssignUsersResponse/properties/data: object, required
/components/schemas/AssignUsersRequest/required: ["userIds"]
/components/schemas/ErrorBody/properties/detail: ErrorDetail, optional
/components/schemas/ErrorBody/properties/error: any value, optional
/components/schemas/ErrorBody/properties/path: any value, optional
/components/schemas/ErrorBody/properties/request_id: any value, optional
/components/schemas/ErrorDetail/anyOf/0: string, title Message
/components/schemas/ErrorDetail/anyOf/1: [ErrorItem], title Items
/components/schemas/ErrorDetail/anyOf/2: any value, title Other
/components/schemas/ErrorItem/properties/loc: [ErrorLocation], required
/components/schemas/ErrorItem/properties/msg: string, optional
/components/schemas/ErrorLocation/oneOf/0: string, title Name
/components/schemas/ErrorLocation/oneOf/1: integer, title Index, format int64
"#;

/// The schema keywords, other than `type`, that change the Rust type.
const TYPING: [&str; 8] = [
    "title", "format", "minimum", "nullable", "enum", "anyOf", "oneOf", "allOf",
];

/// Returns the URL path that the read and assign operations share.
pub fn path(document: &Document) -> Result<&str, String> {
    let paths = document.get("/paths").as_object().into_iter().flatten();
    let mut called = paths.filter(|(_, item)| {
        item["get"]["operationId"] == READ || item["post"]["operationId"] == WRITE
    });
    let path = called.next().map(|(path, _)| path.as_str());
    let path = path.ok_or(format!(
        "paths: expected the operations {READ} and {WRITE}, found neither"
    ))?;
    if path.matches("{packId}").count() == 1 && path.matches('{').count() == 1 {
        Ok(path)
    } else {
        Err(format!(
            "paths.{path}: expected one parameter, `{{packId}}`"
        ))
    }
}

/// Returns an error for the first line of [`NEEDS`] that the spec does not match.
pub fn check(document: &Document, path: &str) -> Result<(), String> {
    let path = child("", path);
    for (pointer, expected) in NEEDS.lines().filter_map(|line| line.split_once(": ")) {
        let pointer = pointer.replacen("/*", &path, 1);
        let found = described(document, &pointer);
        if found != expected {
            let place = document.place(&pointer);
            return Err(format!(
                "{place}: expected {expected} (src/ relies on it), found {found}"
            ));
        }
    }
    Ok(())
}

/// The description of a property also says whether the property is required.
fn described(document: &Document, pointer: &str) -> String {
    let value = document.get(pointer);
    let Some((owner, property)) = pointer
        .split_once("/properties/")
        .filter(|_| !value.is_null())
    else {
        return shape(value);
    };
    let required = document.get(&format!("{owner}/required")).as_array();
    let required = required.is_some_and(|names| names.iter().any(|name| name == property));
    shape(value) + if required { ", required" } else { ", optional" }
}

/// Returns a short description of a schema. Examples: `UserId` for a reference, `[UserId]` for an array, and `integer,
/// format int64`. If the value is not a schema, returns the value as text.
fn shape(value: &Value) -> String {
    let schema = match value {
        Value::Object(_) => value,
        Value::String(text) => return text.clone(),
        other => return shown(other),
    };
    // In OpenAPI 3.0, a reference that has a description is wrapped in an `allOf` with one part.
    let alone = schema["allOf"].as_array().filter(|parts| parts.len() == 1);
    let target = alone.map_or(schema, |parts| &parts[0])["$ref"].as_str();
    if let Some((_, name)) = target.and_then(|target| target.rsplit_once('/')) {
        return name.to_owned();
    }
    let mut shape = match schema["type"].as_str() {
        Some("array") => format!("[{}]", self::shape(&schema["items"])),
        other => other.unwrap_or("any value").to_owned(),
    };
    for keyword in TYPING {
        // The format of a string does not change the Rust type, because `client::adapt` removes the format.
        if !schema[keyword].is_null()
            && (keyword, schema["type"].as_str()) != ("format", Some("string"))
        {
            shape += &format!(", {keyword} {}", self::shape(&schema[keyword]));
        }
    }
    shape
}
