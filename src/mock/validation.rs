//! Checks the form of a request, and reports errors as `FastAPI` does.

use super::message::{Request, Response, media_type};
use crate::api::MAX_USERS_PER_REQUEST;
use crate::id::{PackId, UserId};
use serde_json::{Value, json};
use std::collections::HashSet;

/// One error: its place, the message for people and the type for programs.
pub(super) fn item(place: &Value, message: &str, kind: &str) -> Value {
    json!({ "loc": place, "msg": message, "type": kind })
}

fn invalid(place: &Value, message: &str, kind: &str) -> Response {
    Response::error(422, vec![item(place, message, kind)])
}

/// The pack in a path.
pub(super) fn pack_id(text: &str) -> Result<PackId, Response> {
    let integer = text.parse::<i64>().map_err(|_| NOT_AN_INTEGER);
    let id = integer.and_then(|integer| PackId::try_from(integer).map_err(|_| TOO_SMALL));
    id.map_err(|(message, kind)| invalid(&json!(["path", "packId"]), message, kind))
}

/// The `userIds` of the body, not yet checked one by one.
pub(super) fn list(request: &Request) -> Result<Vec<Value>, Response> {
    let missing = |place: Value| invalid(&place, "field required", "value_error.missing");
    match media_type(request).as_deref() {
        Some("application/json") => {}
        None if request.body().is_empty() => return Err(missing(json!(["body"]))),
        _ => return Err(Response::error(415, "Unsupported Media Type")),
    }
    let body = serde_json::from_slice(request.body()).map_err(|error| {
        let column = error.column();
        let message = error.to_string();
        invalid(&json!(["body", column]), &message, "value_error.jsondecode")
    })?;
    let Value::Object(mut fields) = body else {
        let message = "value is not a valid dict";
        return Err(invalid(&json!(["body"]), message, "type_error.dict"));
    };
    let place = json!(["body", "userIds"]);
    match fields.remove("userIds") {
        Some(Value::Array(list)) => Ok(list),
        Some(Value::Null) => Err(invalid(&place, NULL.0, NULL.1)),
        Some(_) => Err(invalid(
            &place,
            "value is not a valid list",
            "type_error.list",
        )),
        None => Err(missing(place)),
    }
}

/// The users of a list that the API accepts: not empty, not too long, and each an id that occurs once.
pub(super) fn users(list: &[Value]) -> Result<Vec<UserId>, Response> {
    let place = json!(["body", "userIds"]);
    if list.is_empty() {
        let message = "ensure this value has at least 1 items";
        return Err(invalid(&place, message, "value_error.list.min_items"));
    }
    if list.len() > MAX_USERS_PER_REQUEST {
        let message = format!("ensure this value has at most {MAX_USERS_PER_REQUEST} items");
        return Err(invalid(&place, &message, "value_error.list.max_items"));
    }
    let (mut users, mut errors) = (Vec::new(), Vec::new());
    for (index, value) in list.iter().enumerate() {
        match user_id(value) {
            Ok(user) => users.push(user),
            Err((message, kind)) => {
                errors.push(item(&json!(["body", "userIds", index]), message, kind));
            }
        }
    }
    if !errors.is_empty() {
        return Err(Response::error(422, errors));
    }
    if users.iter().collect::<HashSet<_>>().len() < users.len() {
        let message = "the list has duplicated items";
        return Err(invalid(&place, message, "value_error.list.unique_items"));
    }
    Ok(users)
}

type Reason = (&'static str, &'static str);

const NULL: Reason = (
    "none is not an allowed value",
    "type_error.none.not_allowed",
);
const NOT_AN_INTEGER: Reason = ("value is not a valid integer", "type_error.integer");
const TOO_SMALL: Reason = (
    "ensure this value is greater than or equal to 1",
    "value_error.number.not_ge",
);
const TOO_LARGE: Reason = (
    "ensure this value is less than or equal to 9223372036854775807",
    "value_error.number.not_le",
);

#[allow(clippy::cast_possible_truncation, reason = "the cast saturates")]
fn user_id(value: &Value) -> Result<UserId, Reason> {
    let Value::Number(number) = value else {
        return Err(if value.is_null() {
            NULL
        } else {
            NOT_AN_INTEGER
        });
    };
    // JSON has one type of number: 12.0 is the integer 12.
    let integer = match (number.as_i64(), number.as_f64()) {
        (Some(integer), _) => integer.into(),
        (None, Some(float)) if float.fract() == 0.0 => float as i128,
        _ => return Err(NOT_AN_INTEGER),
    };
    if integer < 1 {
        return Err(TOO_SMALL);
    }
    UserId::try_from(integer).map_err(|_| TOO_LARGE)
}
