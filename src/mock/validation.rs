//! Validates requests and reports errors in the format of the Python framework `FastAPI`.

use super::message::{Request, Response, error, media_type};
use crate::api::{MAX_USERS_PER_REQUEST, USER_IDS_FIELD};
use crate::id::{PackId, UserId};
use serde_json::{Value, json};
use std::collections::HashSet;

/// Creates a validation error with a message and the location of the error in the request.
pub(super) fn item(place: &Value, message: &str) -> Value {
    json!({ "loc": place, "msg": message, "type": "value_error" })
}

fn invalid(place: &Value, message: &str) -> Response {
    error(422, vec![item(place, message)])
}

/// Parses the pack id from the URL path.
pub(super) fn pack_id(text: &str) -> Result<PackId, Response> {
    let integer = text.parse::<i64>().map_err(|_| NOT_AN_INTEGER);
    let id = integer.and_then(|integer| PackId::try_from(integer).map_err(|_| TOO_SMALL));
    id.map_err(|message| invalid(&json!(["path", "packId"]), message))
}

/// Returns the unvalidated `userIds` list from the request body.
pub(super) fn list(request: &Request) -> Result<Vec<Value>, Response> {
    match media_type(request).as_deref() {
        Some("application/json") => {}
        None if request.body().is_empty() => return Err(invalid(&json!(["body"]), MISSING)),
        _ => return Err(error(415, "Unsupported Media Type")),
    }
    let body = serde_json::from_slice(request.body())
        .map_err(|error| invalid(&json!(["body", error.column()]), &error.to_string()))?;
    let Value::Object(mut fields) = body else {
        return Err(invalid(&json!(["body"]), "value is not a valid dict"));
    };
    let message = match fields.remove(USER_IDS_FIELD) {
        Some(Value::Array(list)) => return Ok(list),
        Some(Value::Null) => NULL,
        Some(_) => "value is not a valid list",
        None => MISSING,
    };
    Err(invalid(&json!(["body", USER_IDS_FIELD]), message))
}

/// Parses the user ids. Returns an error response if the list is empty, is too long, or contains invalid or duplicate
/// ids.
pub(super) fn users(list: &[Value]) -> Result<Vec<UserId>, Response> {
    let refuse = |message: &str| Err(invalid(&json!(["body", USER_IDS_FIELD]), message));
    if list.is_empty() {
        return refuse("ensure this value has at least 1 items");
    }
    if list.len() > MAX_USERS_PER_REQUEST {
        let most = MAX_USERS_PER_REQUEST;
        return refuse(&format!("ensure this value has at most {most} items"));
    }
    let (mut users, mut errors) = (Vec::new(), Vec::new());
    for (index, value) in list.iter().enumerate() {
        match user_id(value) {
            Ok(user) => users.push(user),
            Err(message) => errors.push(item(&json!(["body", USER_IDS_FIELD, index]), message)),
        }
    }
    if !errors.is_empty() {
        return Err(error(422, errors));
    }
    if users.iter().collect::<HashSet<_>>().len() < users.len() {
        return refuse("the list has duplicated items");
    }
    Ok(users)
}

const MISSING: &str = "field required";
const NULL: &str = "none is not an allowed value";
const NOT_AN_INTEGER: &str = "value is not a valid integer";
const TOO_SMALL: &str = "ensure this value is greater than or equal to 1";
const TOO_LARGE: &str = "ensure this value is less than or equal to 9223372036854775807";

#[allow(clippy::cast_possible_truncation, reason = "the cast saturates")]
fn user_id(value: &Value) -> Result<UserId, &'static str> {
    let number = match value {
        Value::Number(number) => number,
        Value::Null => return Err(NULL),
        _ => return Err(NOT_AN_INTEGER),
    };
    // JSON does not distinguish integers from floats, so `12.0` is accepted as 12.
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
