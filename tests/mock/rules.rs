//! Tests that the fake API server enforces the rules of the API.

use crate::{JSON, MAX, PATH, TOKEN_PATH, assign, call, fake, pack, send, users, validated};
use connecteam_onboarding::MAX_USERS_PER_REQUEST;
use connecteam_onboarding::mock::{Fault, Reassignment, RefusalStyle};
use serde_json::json;

#[test]
fn checks_api_keys_and_packs() {
    let fake = fake();
    fake.add_read_only_key("reader")
        .add_key_without_access("no-plan");
    let list = call(&fake, "GET", fake.api_key(), "").json();
    assert_eq!(
        list["data"]["assignments"].as_array().map(Vec::len),
        Some(2)
    );
    for (key, read, write) in [
        ("unknown", 401, 401),
        ("reader", 200, 403),
        ("no-plan", 403, 403),
    ] {
        assert_eq!(call(&fake, "GET", key, "").status, read, "{key}");
        assert_eq!(call(&fake, "POST", key, &users([3])).status, write, "{key}");
    }
    let reason = |key| call(&fake, "POST", key, &users([3])).json()["detail"].clone();
    assert_eq!(
        reason("no-plan"),
        "The plan of this account has no API access"
    );
    assert_eq!(
        reason("reader"),
        "API key missing required permission: onboarding.write"
    );
    assert_eq!(send(&fake, "GET", PATH, &[], "").status, 401);
    assert_eq!(fake.assignments(pack()).len(), 2);

    let key = format!("x-api-key: {}", fake.api_key());
    for (id, status) in [
        ("9", 404),
        ("nine", 422),
        ("0", 422),
        ("-1", 422),
        ("1.5", 422),
    ] {
        let path = PATH.replace("1001", id);
        for (method, headers) in [("GET", &[&*key][..]), ("POST", &[&*key, JSON])] {
            let response = send(&fake, method, &path, headers, &users([3]));
            assert_eq!(validated(method, response).status, status, "{method} {id}");
        }
    }
}

#[test]
fn rejects_invalid_bodies_with_the_messages_of_fastapi() {
    let fake = fake();
    let too_many = format!("ensure this value has at most {MAX} items");
    for (body, message) in [
        (users([]), "ensure this value has at least 1 items"),
        (users(1..=MAX + 1), &*too_many),
        (users([3, 4, 3]), "the list has duplicated items"),
        (
            r#"{"userIds":[3,3.0]}"#.into(),
            "the list has duplicated items",
        ),
        (
            users([3, 0]),
            "ensure this value is greater than or equal to 1",
        ),
        (
            r#"{"userIds":[-1,-2]}"#.into(),
            "ensure this value is greater than or equal to 1",
        ),
        (
            r#"{"userIds":[9223372036854775808]}"#.into(),
            "ensure this value is less than or equal to 9223372036854775807",
        ),
        (
            r#"{"userIds":[1e300]}"#.into(),
            "ensure this value is less than or equal to 9223372036854775807",
        ),
        (
            r#"{"userIds":[-1e300]}"#.into(),
            "ensure this value is greater than or equal to 1",
        ),
        (
            r#"{"userIds":[1.5]}"#.into(),
            "value is not a valid integer",
        ),
        (
            r#"{"userIds":[true]}"#.into(),
            "value is not a valid integer",
        ),
        (
            r#"{"userIds":["4"]}"#.into(),
            "value is not a valid integer",
        ),
        (
            r#"{"userIds":[[4]]}"#.into(),
            "value is not a valid integer",
        ),
        (
            r#"{"userIds":[null]}"#.into(),
            "none is not an allowed value",
        ),
        (r#"{"userIds":null}"#.into(), "none is not an allowed value"),
        (r#"{"userIds":3}"#.into(), "value is not a valid list"),
        ("{}".into(), "field required"),
        ("[3]".into(), "value is not a valid dict"),
        ("userIds".into(), "expected value at line 1 column 1"),
        (
            String::new(),
            "EOF while parsing a value at line 1 column 0",
        ),
    ] {
        let response = assign(&fake, &body);
        assert_eq!(
            (response.status, &*response.message()),
            (422, message),
            "{body}"
        );
    }
    let place =
        |body: &str, index: usize| assign(&fake, body).json()["detail"][index]["loc"].clone();
    let body = r#"{"userIds":[3,-1,4,"5"]}"#;
    assert_eq!(place(body, 0), json!(["body", "userIds", 1]));
    assert_eq!(place(body, 1), json!(["body", "userIds", 3]));
    assert_eq!(fake.assignments(pack()).len(), 2, "all or nothing");
    assert_eq!(fake.largest_request(), MAX_USERS_PER_REQUEST + 1);
}

#[test]
fn accepts_valid_bodies() {
    let fake = fake();
    assert_eq!(assign(&fake, &users(101..101 + MAX)).status, 200);
    assert_eq!(fake.assignments(pack()).len(), 2 + MAX_USERS_PER_REQUEST);
    let body = r#"{"userIds":[12.0, 13, 1.4e1],"notify":true}"#;
    assert_eq!(assign(&fake, body).status, 200);
    let assigned = fake
        .assignments(pack())
        .split_off(2 + MAX_USERS_PER_REQUEST);
    let assigned: Vec<_> = assigned.iter().map(|row| row.user_id.get()).collect();
    assert_eq!(assigned, [12, 13, 14]);
}

#[test]
fn checks_the_content_type_of_a_write() {
    let fake = fake();
    let key = format!("x-api-key: {}", fake.api_key());
    for (content_type, status) in [
        ("application/json", 200),
        ("Application/JSON; charset=utf-8", 200),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("", 415),
    ] {
        let content_type = format!("content-type: {content_type}");
        let response = send(&fake, "POST", PATH, &[&key, &content_type], &users([3]));
        assert_eq!(validated("POST", response).status, status, "{content_type}");
    }
    assert_eq!(send(&fake, "POST", PATH, &[&key], &users([3])).status, 415);
    let empty = send(&fake, "POST", PATH, &[&key], "");
    assert_eq!((empty.status, &*empty.message()), (422, "field required"));
}

#[test]
fn lists_the_allowed_methods() {
    let fake = fake();
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"] {
        let response = call(&fake, method, fake.api_key(), "");
        assert_eq!(
            (response.status, &*response.header("allow")),
            (405, &["GET, POST"][..])
        );
    }
    let head = send(&fake, "HEAD", PATH, &[], "");
    assert_eq!(
        (head.status, &*head.header("allow"), &*head.body),
        (405, &["GET, POST"][..], "")
    );
    let token = send(&fake, "GET", TOKEN_PATH, &[], "");
    assert_eq!(
        (token.status, &*token.header("allow")),
        (405, &["POST"][..])
    );
    assert_eq!(
        (fake.requests(), fake.reads(), fake.writes(), fake.tokens()),
        (7, 0, 0, 0)
    );
}

#[test]
fn serves_a_web_page_for_unknown_paths() {
    let fake = fake();
    fake.limits(1, 1).fail_next(Fault::before(500, "{}"));
    for path in [
        "/",
        "/v1/onboarding/v1/packs/1001/assignments",
        "/onboarding/v1/packs//assignments",
        "/onboarding/v1/packs/1/2/assignments",
    ] {
        let page = send(&fake, "GET", path, &[], "");
        assert_eq!(
            (page.status, page.header("content-type")[0]),
            (200, "text/html; charset=utf-8")
        );
        assert!(page.body.starts_with("<!doctype html>"), "{path}");
    }
    assert_eq!(
        call(&fake, "GET", fake.api_key(), "").status,
        500,
        "the fault is still there"
    );
}

#[test]
fn names_rejected_users_in_each_style() {
    let fake = fake();
    for (style, expected) in [
        (RefusalStyle::Silent, (false, false, false)),
        (RefusalStyle::Indices, (true, true, false)),
        (RefusalStyle::FirstIndex, (true, false, false)),
        (RefusalStyle::Text, (false, false, true)),
        (RefusalStyle::Echo, (false, false, true)),
    ] {
        fake.refusals(style);
        let response = assign(&fake, &users([3, 801, 4, 802]));
        let detail = response.json()["detail"].to_string();
        let found = (
            detail.contains(r#""userIds",1]"#),
            detail.contains(r#""userIds",3]"#),
            detail.contains("801"),
        );
        assert_eq!(
            (response.status, found),
            (422, expected),
            "{style:?}: {detail}"
        );
        assert_eq!(detail.contains('4'), style == RefusalStyle::Echo);
    }
}

#[test]
fn assigns_again_by_default() {
    let fake = fake();
    assert_eq!(assign(&fake, &users([1])).status, 200);
    assert_eq!(
        fake.assignments(pack()).len(),
        3,
        "by default, users are assigned twice"
    );
    for (reassignment, status, rows) in [
        (Reassignment::Ignore, 200, 3),
        (Reassignment::Refuse, 422, 3),
        (Reassignment::AssignAgain, 200, 4),
    ] {
        fake.reassignment(reassignment);
        assert_eq!(assign(&fake, &users([1])).status, status);
        assert_eq!(fake.assignments(pack()).len(), rows);
    }
}
