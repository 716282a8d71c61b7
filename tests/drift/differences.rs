//! Each kind of difference: its line, its group, the exit status.

use crate::document::{GET, POST, schema, vendor};
use serde_json::json;

const LIST: &str = "GET answer.data.assignments";
const ID: &str = "GET answer.data.assignments[].id";
const STATUS: &str = "GET answer.data.assignments[].status";
const BOTH: &str = "bearer token or key in header X-API-KEY";

#[test]
fn an_operation_or_a_path_that_is_gone_breaks() {
    vendor()
        .remove(POST)
        .breaks(&["POST: operation: we have it, the vendor has only GET at this path"]);
    let item = POST.trim_end_matches("/post");
    vendor()
        .moved(
            item,
            "/paths/~1onboarding~1v2~1packs~1{packId}~1assignments",
        )
        .breaks(&[
            "GET: operation: we have it, the vendor has no such path; the nearest is \
         /onboarding/v2/packs/{packId}/assignments",
            "POST: operation: we have it, the vendor has no such path; the nearest is \
         /onboarding/v2/packs/{packId}/assignments",
        ]);
    vendor()
        .moved(POST, &format!("{item}/put"))
        .breaks(&["POST: operation: we have it, the vendor has only GET, PUT at this path"]);
    vendor().remove("/paths").breaks(&[
        "GET: operation: we have it, the vendor has no such path",
        "POST: operation: we have it, the vendor has no such path",
    ]);
    // More of the vendor's is not our subject.
    vendor()
        .set(&format!("{item}/delete"), json!({"responses": {}}))
        .same();
    vendor().remove("/paths/~1users~1v1~1users").same();
}

#[test]
fn parameters() {
    let parameter = |location: &str, name: &str, required: bool| json!({"in": location, "name": name, "required": required, "schema": {"type": "string"}});
    let with = |parameter| vendor().set(&format!("{GET}/parameters/-"), parameter);
    with(parameter("query", "companyId", true))
        .breaks(&["GET query.companyId: parameter: we have none, the vendor has it, required"]);
    with(parameter("query", "limit", false))
        .adds(&["GET query.limit: parameter: we have none, the vendor has it, optional"]);
    with(parameter("header", "X-Account", true))
        .breaks(&["GET header.X-Account: parameter: we have none, the vendor has it, required"]);
    // The key is compared with the security, and these are no parameters.
    with(parameter("header", "x-api-key", true)).same();
    with(parameter("header", "Authorization", true)).same();
    // For the whole path, of which an operation may say it again.
    let item = GET.trim_end_matches("/get");
    let whole = vendor().set(
        &format!("{item}/parameters"),
        json!([parameter("query", "site", true)]),
    );
    whole.breaks(&[
        "GET query.site: parameter: we have none, the vendor has it, required",
        "POST query.site: parameter: we have none, the vendor has it, required",
    ]);
    whole
        .set(
            &format!("{POST}/parameters/-"),
            parameter("query", "site", false),
        )
        .breaks_and_adds(
            &["GET query.site: parameter: we have none, the vendor has it, required"],
            &["POST query.site: parameter: we have none, the vendor has it, optional"],
        );
}

#[test]
fn the_pack_in_the_path() {
    let pack = |value| vendor().set(&format!("{GET}/parameters/0/schema"), value);
    pack(json!({"type": "string"}))
        .breaks(&["GET path.packId: type: we have integer, the vendor has string"]);
    pack(json!({"type": "integer", "minimum": 1000}))
        .breaks(&["GET path.packId: minimum: we have 1, the vendor has 1000"]);
    pack(json!({"type": "integer", "minimum": 0}))
        .adds(&["GET path.packId: minimum: we have 1, the vendor has 0"]);
    pack(json!({"anyOf": [{"type": "integer"}, {"type": "string"}]}))
        .adds(&["GET path.packId: type: we have integer, the vendor has string or integer"]);
}

#[test]
fn the_body_of_a_request() {
    vendor()
        .remove(&format!("{POST}/requestBody"))
        .breaks(&["POST request: body: we have one, the vendor has none"]);
    vendor()
        .remove(&format!("{POST}/requestBody/required"))
        .adds(&["POST request: presence: we have required, the vendor has optional"]);
    let content = format!("{POST}/requestBody/content");
    let json = format!("{content}/application~1json");
    vendor()
        .moved(&json, &format!("{content}/multipart~1form-data"))
        .breaks(&[
            "POST request: content: we have application/json, the vendor has multipart/form-data",
        ]);
    for same in [
        "application~1json; charset=utf-8",
        "Application~1JSON",
        "application~1*",
        "*~1*",
    ] {
        vendor().moved(&json, &format!("{content}/{same}")).same();
    }
    vendor()
        .set(&format!("{content}/text~1csv"), json!({}))
        .same();
    for (required, word) in [(true, "required"), (false, "optional")] {
        let body = json!({"required": required, "content": {"application/json": {"schema": {}}}});
        let line = format!("GET request: body: we have none, the vendor has one, {word}");
        let document = vendor().set(&format!("{GET}/requestBody"), body);
        if required {
            document.breaks(&[&line])
        } else {
            document.adds(&[&line])
        }
    }
}

#[test]
fn fields_of_a_request() {
    let request = |part: &str| schema("AssignUsers") + part;
    let field = json!({"type": "string", "format": "date"});
    let optional = || vendor().set(&request("/properties/dueDate"), field.clone());
    optional()
        .adds(&["POST request.dueDate: field: we have none, the vendor has string, optional"]);
    optional()
        .set(&request("/required/-"), json!("dueDate"))
        .breaks(&["POST request.dueDate: field: we have none, the vendor has string, required"]);
    vendor()
        .set(&request("/required/-"), json!("nowhere"))
        .breaks(&["POST request.nowhere: field: we have none, the vendor has any type, required"]);
    // Read only: no part of a request.
    optional()
        .set(&request("/required/-"), json!("dueDate"))
        .set(&request("/properties/dueDate/readOnly"), json!(true))
        .same();
    vendor()
        .moved(
            &request("/properties/userIds"),
            &request("/properties/users"),
        )
        .set(&request("/required"), json!(["users"]))
        .breaks(&[
            "POST request.userIds: field: we have array, required, the vendor has none",
            "POST request.users: field: we have none, the vendor has array, required",
        ]);
    vendor()
        .remove(&request("/required"))
        .adds(&["POST request.userIds: presence: we have required, the vendor has optional"]);
    vendor()
        .set(&request("/additionalProperties"), json!(false))
        .same();
    vendor().set(&request("/minProperties"), json!(1)).same();
    vendor()
        .set(&request("/minProperties"), json!(2))
        .breaks(&["POST request: minProperties: we have none, the vendor has 2"]);
}

#[test]
fn the_list_of_users() {
    let list = |key: &str| schema("AssignUsers/properties/userIds/") + key;
    let set = |key: &str, value| vendor().set(&list(key), value);
    set("maxItems", json!(200))
        .breaks(&["POST request.userIds: maxItems: we have 500, the vendor has 200"]);
    set("maxItems", json!(1000))
        .adds(&["POST request.userIds: maxItems: we have 500, the vendor has 1000"]);
    set("maxItems", json!(500.0)).same();
    vendor()
        .remove(&list("maxItems"))
        .adds(&["POST request.userIds: maxItems: we have 500, the vendor has none"]);
    set("minItems", json!(2))
        .breaks(&["POST request.userIds: minItems: we have 1, the vendor has 2"]);
    set("minItems", json!(0))
        .adds(&["POST request.userIds: minItems: we have 1, the vendor has none"]);
    set("uniqueItems", json!(false))
        .adds(&["POST request.userIds: uniqueItems: we have true, the vendor has false"]);
    set("contains", json!({"const": 7}))
        .breaks(&[r#"POST request.userIds: contains: we have none, the vendor has {"const":7}"#]);
    set("type", json!("string"))
        .breaks(&["POST request.userIds: type: we have array, the vendor has string"]);
    set("type", json!(["array", "null"]))
        .adds(&["POST request.userIds: type: we have array, the vendor has array or null"]);
    set("items", json!({"type": "string"}))
        .breaks(&["POST request.userIds[]: type: we have integer, the vendor has string"]);
    set("items", json!({"type": "number", "minimum": 1}))
        .adds(&["POST request.userIds[]: type: we have integer, the vendor has number"]);
    set("items", json!({"type": "integer"}))
        .adds(&["POST request.userIds[]: minimum: we have 1, the vendor has none"]);
    set("items", json!({"type": "integer", "exclusiveMinimum": 9.5}))
        .breaks(&["POST request.userIds[]: minimum: we have 1, the vendor has 10"]);
    set(
        "items",
        json!({"type": "integer", "minimum": 1, "maximum": 9}),
    )
    .breaks(&["POST request.userIds[]: maximum: we have none, the vendor has 9"]);
    set(
        "items",
        json!({"type": "integer", "minimum": 1, "multipleOf": 10}),
    )
    .breaks(&["POST request.userIds[]: multipleOf: we have none, the vendor has 10"]);
    set("items", json!({"enum": [1, 2]})).breaks_and_adds(
        &["POST request.userIds[]: values: we have any, the vendor has 1, 2"],
        &["POST request.userIds[]: minimum: we have 1, the vendor has none"],
    );
}

#[test]
fn another_form_of_request_is_additive() {
    let assign = json!({"$ref": "#/components/schemas/AssignUsers"});
    let other = json!({"type": "object", "required": ["groupId"], "properties": {"groupId": {"type": "integer"}}});
    let place = format!("{POST}/requestBody/content/application~1json/schema");
    vendor()
        .set(&place, json!({"oneOf": [other, assign]}))
        .adds(&["POST request: forms: we have 1 of object, the vendor has 2 of object"]);
}

#[test]
fn fields_of_an_answer() {
    let assignment = |part: &str| schema("PackAssignment") + part;
    let line = |rest: &str| format!("{LIST}[]{rest}");
    vendor()
        .remove(&assignment("/properties/isWaitingApproval"))
        .remove(&assignment("/required/3"))
        .breaks(&[&line(
            ".isWaitingApproval: field: we have boolean, required, the vendor has none",
        )]);
    vendor().remove(&assignment("/required/3")).breaks(&[&line(
        ".isWaitingApproval: presence: we have required, the vendor has optional",
    )]);
    let due = || {
        vendor().set(
            &assignment("/properties/dueDate"),
            json!({"type": ["string", "null"]}),
        )
    };
    due().adds(&[&line(
        ".dueDate: field: we have none, the vendor has string or null, optional",
    )]);
    due()
        .set(&assignment("/required/-"), json!("dueDate"))
        .adds(&[&line(
            ".dueDate: field: we have none, the vendor has string or null, required",
        )]);
    due()
        .set(&assignment("/properties/dueDate/writeOnly"), json!(true))
        .same();
    vendor()
        .set(
            &schema("EmptyData/properties/assigned"),
            json!({"type": "array"}),
        )
        .adds(&["POST answer.data.assigned: field: we have none, the vendor has array, optional"]);
    let answer = |part: &str| schema("APIResponse_EmptyData_") + part;
    vendor().remove(&answer("/properties/requestId")).adds(&[
        "POST answer.requestId: field: we have string or null, optional, the vendor has none",
    ]);
    vendor()
        .set(&answer("/required/-"), json!("requestId"))
        .adds(&["POST answer.requestId: presence: we have optional, the vendor has required"]);
    vendor()
        .remove(&answer("/required"))
        .breaks(&["POST answer.data: presence: we have required, the vendor has optional"]);
    vendor()
        .set(
            &answer("/properties/data"),
            json!({"anyOf": [{"$ref": "#/components/schemas/EmptyData"}, {"type": "null"}]}),
        )
        .breaks(&["POST answer.data: type: we have object, the vendor has object or null"]);
}

#[test]
fn types_and_limits_of_an_answer() {
    let assignment = |part: &str| schema("PackAssignment/properties/") + part;
    let id = |value| vendor().set(&assignment("id"), value);
    id(json!({"type": "string"})).breaks(&[&format!(
        "{ID}: type: we have integer, the vendor has string"
    )]);
    id(json!({"type": "number", "minimum": 1})).breaks(&[&format!(
        "{ID}: type: we have integer, the vendor has number"
    )]);
    id(json!({})).breaks(&[&format!(
        "{ID}: type: we have integer, the vendor has any type"
    )]);
    id(json!(false)).breaks(&[&format!(
        "{ID}: type: we have integer, the vendor has no type"
    )]);
    id(json!({"type": "integer", "minimum": 0}))
        .breaks(&[&format!("{ID}: minimum: we have 1, the vendor has 0")]);
    id(json!({"type": "integer", "exclusiveMinimum": 1}))
        .adds(&[&format!("{ID}: minimum: we have 1, the vendor has 2")]);
    let list = |key: &str, value| {
        vendor().set(
            &(schema("PackAssignmentsData/properties/assignments/") + key),
            value,
        )
    };
    // The crate takes the list for whole.
    list("maxItems", json!(1000)).breaks(&[&format!(
        "{LIST}: maxItems: we have none, the vendor has 1000"
    )]);
    list("minItems", json!(1))
        .adds(&[&format!("{LIST}: minItems: we have none, the vendor has 1")]);
    list("type", json!("object")).breaks(&[&format!(
        "{LIST}: type: we have array, the vendor has object"
    )]);
    list("items", json!(true)).breaks(&[&format!(
        "{LIST}[]: type: we have object, the vendor has any type"
    )]);
    list("prefixItems", json!([{"type": "integer"}])).breaks(&[&format!(
        r#"{LIST}: prefixItems: we have none, the vendor has [{{"type":"integer"}}]"#
    )]);
    vendor()
        .set(&assignment("isWaitingApproval/enum"), json!([true]))
        .adds(&[&format!(
            "{LIST}[].isWaitingApproval: values: we have any, the vendor has true"
        )]);
    // A form that we cannot read among those that we can.
    let other =
        json!({"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}});
    list(
        "items",
        json!({"anyOf": [{"$ref": "#/components/schemas/PackAssignment"}, other]}),
    )
    .breaks(&[
        &format!(
            "{LIST}[].isWaitingApproval: field: we have boolean, required, the vendor has none"
        ),
        &format!("{LIST}[].status: field: we have string, required, the vendor has none"),
        &format!("{LIST}[].userId: field: we have integer, required, the vendor has none"),
    ]);
}

#[test]
fn values_of_the_status() {
    let values = |values| vendor().set(&schema("Status/enum"), values);
    values(json!(["in_progress", "completed", "paused"])).adds(&[&format!(
        r#"{STATUS}: value: we have none, the vendor has "paused""#
    )]);
    values(json!(["in_progress"])).breaks(&[&format!(
        r#"{STATUS}: value: we have "completed", the vendor has none"#
    )]);
    values(json!(["in_progress", "done"])).breaks_and_adds(
        &[&format!(
            r#"{STATUS}: value: we have "completed", the vendor has none"#
        )],
        &[&format!(
            r#"{STATUS}: value: we have none, the vendor has "done""#
        )],
    );
    vendor().remove(&schema("Status/enum")).adds(&[&format!(
        r#"{STATUS}: values: we have "completed", "in_progress" and any others, the vendor has any"#
    )]);
    vendor()
        .set(
            &schema("Status"),
            json!({"type": ["string", "null"], "enum": ["in_progress", "completed", null]}),
        )
        .breaks(&[&format!(
            "{STATUS}: type: we have string, the vendor has string or null"
        )]);
    vendor()
        .set(
            &schema("Status"),
            json!({"type": "integer", "enum": [1, 2]}),
        )
        .breaks(&[&format!(
            "{STATUS}: type: we have string, the vendor has integer"
        )]);
}

#[test]
fn statuses_of_the_answer() {
    let answers = format!("{POST}/responses");
    let ok = format!("{answers}/200");
    vendor().moved(&ok, &format!("{answers}/201")).breaks(&[
        "POST answer: status: we have 200, the vendor has 201, 404, 422",
        "POST answer: status: we have none, the vendor has 201",
    ]);
    vendor().moved(&ok, &format!("{answers}/2XX")).same();
    vendor().moved(&ok, &format!("{answers}/default")).same();
    vendor()
        .set(&format!("{answers}/202"), json!({"description": "Later"}))
        .breaks(&["POST answer: status: we have none, the vendor has 202"]);
    vendor()
        .set(
            &format!("{answers}/307"),
            json!({"description": "Elsewhere"}),
        )
        .breaks(&["POST answer: status: we have none, the vendor has 307"]);
    vendor()
        .remove(&format!("{ok}/content"))
        .breaks(&["POST answer: content: we have application/json, the vendor has none"]);
    vendor()
        .remove(&answers)
        .breaks(&["POST answer: status: we have 200, the vendor has none"]);
    // Ours take any error.
    vendor()
        .remove(&format!("{answers}/422"))
        .set(
            &format!("{answers}/409"),
            json!({"description": "Conflict"}),
        )
        .set(&format!("{answers}/503"), json!({"$ref": "#/nowhere"}))
        .set(&schema("HTTPValidationError"), json!({"type": "string"}))
        .same();
}

#[test]
fn scopes() {
    let scopes = |value| vendor().set(&format!("{POST}/security/1/OAuth2ClientCredentials"), value);
    scopes(json!(["onboarding.write", "users.read"]))
        .breaks(&["POST security: scope: we have none, the vendor has users.read"]);
    scopes(json!([]))
        .adds(&["POST security: scope: we have onboarding.write, the vendor has none"]);
    scopes(json!(["packs.write"])).breaks_and_adds(
        &["POST security: scope: we have none, the vendor has packs.write"],
        &["POST security: scope: we have onboarding.write, the vendor has none"],
    );
    // Another way that is enough.
    vendor()
        .set(
            &format!("{POST}/security/-"),
            json!({"OAuth2ClientCredentials": ["admin"]}),
        )
        .same();
    // A key has no scopes; two schemes for one token.
    vendor()
        .set(
            &format!("{POST}/security/0/APIKeyHeader"),
            json!(["onboarding.write"]),
        )
        .same();
}

#[test]
fn credentials() {
    let security = |value| vendor().set(&format!("{POST}/security"), value);
    let scheme = "/components/securitySchemes";
    let oauth = json!({"OAuth2ClientCredentials": ["onboarding.write"]});
    security(json!([oauth])).breaks(&[
        "POST security: credential: we have key in header X-API-KEY, the vendor has bearer token",
    ]);
    security(json!([{"APIKeyHeader": [], "OAuth2ClientCredentials": ["onboarding.write"]}])).breaks_and_adds(
        &[
            "POST security: credential: we have key in header X-API-KEY, the vendor has \
             key in header X-API-KEY with bearer token",
            "POST security: credential: we have bearer token, the vendor has \
             key in header X-API-KEY with bearer token",
        ],
        &["POST security: credential: we have none, the vendor has key in header X-API-KEY with bearer token"],
    );
    for free in [json!([]), json!([{}]), json!([oauth, {}])] {
        security(free).adds(&[&format!(
            "POST security: credential: we have {BOTH}, the vendor has none needed"
        )]);
    }
    vendor()
        .set(&format!("{scheme}/APIKeyHeader/name"), json!("X-TOKEN"))
        .set(&format!("{GET}/security"), json!([{}]))
        .breaks_and_adds(
            &[
                "POST security: credential: we have key in header X-API-KEY, the vendor has \
               bearer token or key in header X-TOKEN",
            ],
            &[
                &format!("GET security: credential: we have {BOTH}, the vendor has none needed"),
                "POST security: credential: we have none, the vendor has key in header X-TOKEN",
            ],
        );
    vendor()
        .set(&format!("{scheme}/APIKeyHeader/name"), json!("x-api-key"))
        .same();
    // For the whole document, under other names.
    vendor()
        .set(
            &format!("{scheme}/Key"),
            json!({"type": "apiKey", "in": "header", "name": "X-API-KEY"}),
        )
        .set(
            &format!("{scheme}/Token"),
            json!({"type": "http", "scheme": "Bearer"}),
        )
        .remove(&format!("{POST}/security"))
        .set(
            "/security",
            json!([{"Token": ["onboarding.write"]}, {"Key": []}]),
        )
        .same();
    vendor()
        .set(
            &format!("{scheme}/Basic"),
            json!({"type": "http", "scheme": "basic"}),
        )
        .set(&format!("{POST}/security/-"), json!({"Basic": []}))
        .adds(&["POST security: credential: we have none, the vendor has HTTP basic"]);
}

#[test]
fn how_a_token_is_got() {
    let flows = "/components/securitySchemes/OAuth2ClientCredentials/flows";
    vendor()
        .set(
            &format!("{flows}/clientCredentials/tokenUrl"),
            json!("/oauth/v2/token"),
        )
        .breaks(&[
            "GET security: tokenUrl: we have /oauth/v1/token, the vendor has /oauth/v2/token",
            "POST security: tokenUrl: we have /oauth/v1/token, the vendor has /oauth/v2/token",
        ]);
    for same in [
        "https://login.example.com/oauth/v1/token",
        "oauth/v1/token",
        "",
    ] {
        vendor()
            .set(&format!("{flows}/clientCredentials/tokenUrl"), json!(same))
            .same();
    }
    vendor()
        .moved(
            &format!("{flows}/clientCredentials"),
            &format!("{flows}/password"),
        )
        .breaks(&[
            "GET security: flow: we have clientCredentials, the vendor has password",
            "POST security: flow: we have clientCredentials, the vendor has password",
        ]);
}
