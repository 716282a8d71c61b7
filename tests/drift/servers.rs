//! Where an operation is: the path of its server and its own path together, which must be ours.

use crate::document::{Document, GET, POST, vendor};
use serde_json::{Value, json};

const SHORT: &str = "/paths/~1v1~1packs~1{packId}~1assignments";
const ITEM: &str = "/paths/~1onboarding~1v1~1packs~1{packId}~1assignments";

fn server(url: &str) -> Value {
    json!([{"url": url}])
}

/// The path without `/onboarding`, which a server is to bring.
fn short() -> Document {
    vendor().moved(ITEM, SHORT)
}

fn elsewhere(method: &str, prefix: &str) -> String {
    format!(
        "{method}: operation: we have it, the vendor has it at \
         {prefix}/onboarding/v1/packs/{{packId}}/assignments, by its servers"
    )
}

fn gone(method: &str) -> String {
    format!(
        "{method}: operation: we have it, the vendor has no such path; the nearest is \
         /v1/packs/{{packId}}/assignments"
    )
}

#[test]
fn another_host_is_no_difference() {
    for url in [
        "https://api.example.com",
        "https://other.example.com:8443/",
        "/",
        "",
        "./",
        "//a.example",
    ] {
        vendor().set("/servers", server(url)).same();
    }
    // None, or none yet, is `/`.
    vendor().remove("/servers").same();
    vendor().set("/servers", json!([])).same();
}

#[test]
fn a_path_of_the_server_that_is_not_ours_breaks() {
    let both = [elsewhere("GET", "/v2"), elsewhere("POST", "/v2")];
    let both = both.each_ref().map(String::as_str);
    for url in [
        "https://api.connecteam.com/v2",
        "https://api.connecteam.com/v2/",
        "/v2",
        "v2",
    ] {
        vendor().set("/servers", server(url)).breaks(&both);
        vendor()
            .set(&format!("{ITEM}/servers"), server(url))
            .breaks(&both);
        vendor()
            .set(&format!("{POST}/servers"), server(url))
            .breaks(&both[1..]);
        vendor()
            .set(&format!("{GET}/servers"), server(url))
            .breaks(&both[..1]);
    }
    let variable = json!([{"url": "https://a.example/{version}", "variables": {"version": {"default": "v2"}}}]);
    vendor().set("/servers", variable).breaks(&both);
    let own = "https://api.connecteam.com/onboarding";
    let twice = [
        elsewhere("GET", "/onboarding"),
        elsewhere("POST", "/onboarding"),
    ];
    vendor()
        .set("/servers", server(own))
        .breaks(&twice.each_ref().map(String::as_str));
}

#[test]
fn a_path_that_a_server_completes_is_no_difference() {
    for url in [
        "https://api.example.com/onboarding/",
        "https://a.example/onboarding",
        "/onboarding",
        "onboarding",
    ] {
        short().set("/servers", server(url)).same();
        short().set(&format!("{SHORT}/servers"), server(url)).same();
    }
    let variables = json!({"host": {"default": "a.example"}, "area": {"default": "onboarding"}});
    short()
        .set(
            "/servers",
            json!([{"url": "https://{host}/{area}", "variables": variables}]),
        )
        .same();
    // By another name of the parameter, which is compared all the same.
    let renamed = "/paths/~1v1~1packs~1{pack}~1assignments";
    let document = vendor()
        .set(&format!("{GET}/parameters/0/name"), json!("pack"))
        .set(&format!("{POST}/parameters/0/name"), json!("pack"))
        .moved(ITEM, renamed)
        .set("/servers", server("/onboarding"));
    document.same();
    document
        .set(
            &format!("{renamed}/get/parameters/0/schema"),
            json!({"type": "string"}),
        )
        .breaks(&["GET path.packId: type: we have integer, the vendor has string"]);
    short().breaks(&[&gone("GET"), &gone("POST")]);
}

#[test]
fn the_innermost_servers_count() {
    let (right, wrong) = (
        || server("https://a.example"),
        || server("https://a.example/v2"),
    );
    vendor()
        .set("/servers", wrong())
        .set(&format!("{ITEM}/servers"), right())
        .same();
    vendor()
        .set("/servers", right())
        .set(&format!("{ITEM}/servers"), wrong())
        .breaks(&[&elsewhere("GET", "/v2"), &elsewhere("POST", "/v2")]);
    vendor()
        .set(&format!("{ITEM}/servers"), wrong())
        .set(&format!("{POST}/servers"), right())
        .breaks(&[&elsewhere("GET", "/v2")]);
    vendor()
        .set("/servers", wrong())
        .set(&format!("{ITEM}/servers"), right())
        .set(&format!("{POST}/servers"), wrong())
        .breaks(&[&elsewhere("POST", "/v2")]);
    // Of a path item that is referred to.
    vendor()
        .set("/components/pathItems", json!({}))
        .set(&format!("{ITEM}/servers"), wrong())
        .moved(ITEM, "/components/pathItems/Assignments")
        .set(ITEM, json!({"$ref": "#/components/pathItems/Assignments"}))
        .breaks(&[&elsewhere("GET", "/v2"), &elsewhere("POST", "/v2")]);
}

#[test]
fn each_operation_has_its_own() {
    let get = || short().set(&format!("{SHORT}/get/servers"), server("/onboarding"));
    get().breaks(&["POST: operation: we have it, the vendor has only GET at this path"]);
    get()
        .set(&format!("{SHORT}/post/servers"), server("/onboarding"))
        .same();
    // In two places, of which one is ours.
    vendor()
        .set(SHORT, json!({}))
        .moved(POST, &format!("{SHORT}/post"))
        .set(&format!("{SHORT}/post/servers"), server("/onboarding"))
        .same();
}

#[test]
fn one_of_several_is_enough() {
    let several = || json!([{"url": "https://a.example/v2"}, {"url": "https://a.example"}]);
    vendor().set("/servers", several()).same();
    vendor().set(&format!("{POST}/servers"), several()).same();
    let wrong = json!([{"url": "/v2"}, {"url": "/v3"}]);
    let line = "POST: operation: we have it, the vendor has it at \
                /v2/onboarding/v1/packs/{packId}/assignments or \
                /v3/onboarding/v1/packs/{packId}/assignments, by its servers";
    vendor()
        .set(&format!("{POST}/servers"), wrong)
        .breaks(&[line]);
}

#[test]
fn servers_that_cannot_be_read() {
    let servers = |value| vendor().set(&format!("{POST}/servers"), value);
    servers(json!({})).fails(&["assignments", "`servers`: expected a list, found an object"]);
    servers(json!([{"url": "https://:x"}])).breaks(&[
        "POST: operation: we have it, the vendor has it at https://:x/onboarding/v1/packs/{packId}/assignments, \
         by its servers",
    ]);
    servers(json!([{}])).breaks(&[
        "POST: operation: we have it, the vendor has it at {}/onboarding/v1/packs/{packId}/assignments, \
         by its servers",
    ]);
    // Not at a path of ours.
    vendor()
        .set("/paths/~1users~1v1~1users/servers", json!(7))
        .same();
}

#[test]
fn a_number_in_the_path_is_written_plainly() {
    let style = |value| vendor().set(&format!("{GET}/parameters/0/style"), value);
    style(json!("simple")).same();
    style(json!("simple"))
        .set(&format!("{GET}/parameters/0/explode"), json!(true))
        .same();
    for other in ["matrix", "label"] {
        style(json!(other)).breaks(&[&format!(
            "GET path.packId: style: we have simple, the vendor has {other}"
        )]);
    }
    style(json!(7)).fails(&["GET", "`style`: expected a text, found a number"]);
}
