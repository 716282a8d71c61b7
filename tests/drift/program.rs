//! The program itself: its file, its output, its exit status. `cargo test` builds it beside the tests.

use crate::document::{schema, vendor};
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Exit status, standard output, standard error.
fn run(arguments: &[&str], input: &[u8]) -> (i32, String, String) {
    let tests = std::env::current_exe().expect("this test");
    let program = tests
        .parent()
        .and_then(Path::parent)
        .expect("target/debug")
        .join("examples")
        .join("drift");
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("the example is built");
    // It may end without reading what it is given.
    let _ = child.stdin.take().expect("piped").write_all(input);
    let output = child.wait_with_output().expect("ends");
    let utf8 = |bytes| String::from_utf8(bytes).expect("text");
    (
        output.status.code().expect("an exit"),
        utf8(output.stdout),
        utf8(output.stderr),
    )
}

#[test]
fn the_exit_status_tells_how_bad_it_is() {
    let list = schema("AssignUsers/properties/userIds/maxItems");
    let line = |cap| {
        format!(
            "  POST /onboarding/v1/packs/{{packId}}/assignments request.userIds: maxItems: we have 500, the vendor has {cap}\n"
        )
    };
    for (document, status, expected) in [
        (vendor(), 0, "no difference\n".to_owned()),
        (
            vendor().set(&list, json!(600)),
            2,
            format!("additive:\n{}", line(600)),
        ),
        (
            vendor().set(&list, json!(400)),
            3,
            format!("breaking:\n{}", line(400)),
        ),
    ] {
        let text = document.0.to_string();
        assert_eq!(
            run(&["-"], text.as_bytes()),
            (status, expected, String::new())
        );
        // A byte order mark, and a file.
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("drift-{status}.json"));
        std::fs::write(&file, format!("\u{feff}{text}")).expect("a file");
        assert_eq!(run(&[file.to_str().expect("text")], b"").0, status);
    }
}

#[test]
fn json_is_one_object_on_every_exit() {
    let object = |arguments: &[&str], input: &str| {
        let (status, text, problem) = run(arguments, input.as_bytes());
        assert_eq!((text.lines().count(), problem.as_str()), (1, ""), "{text}");
        (status, serde_json::from_str::<Value>(&text).expect("JSON"))
    };
    let clean = json!({"breaking": [], "additive": [], "error": null});
    assert_eq!(
        object(&["--json", "-"], &vendor().0.to_string()),
        (0, clean)
    );
    let edited = vendor()
        .set(
            &schema("AssignUsers/properties/userIds/maxItems"),
            json!(400),
        )
        .set(
            &schema("EmptyData/properties/count"),
            json!({"type": "integer"}),
        );
    let operation = "POST /onboarding/v1/packs/{packId}/assignments";
    let expected = json!({
        "breaking": [{"operation": operation, "place": "request.userIds", "what": "maxItems", "ours": "500",
            "vendor": "400"}],
        "additive": [{"operation": operation, "place": "answer.data.count", "what": "field", "ours": "none",
            "vendor": "integer, optional"}],
        "error": null,
    });
    assert_eq!(
        object(&["-", "--json"], &edited.0.to_string()),
        (3, expected)
    );
    for (arguments, input) in [
        (&["--json"][..], ""),
        (&["--json", "-"], ""),
        (&["--json", "no-such-file"], ""),
    ] {
        let (status, object) = object(arguments, input);
        assert_eq!(
            (status, &object["breaking"], object["error"].is_string()),
            (1, &json!([]), true)
        );
    }
}

#[test]
fn help_is_the_usage_alone() {
    for arguments in [
        &["--help"][..],
        &["-h"],
        &["vendor.json", "--help"],
        &["--json", "--help"],
    ] {
        let usage = "usage: drift FILE [--json]\n".to_owned();
        assert_eq!(
            run(arguments, b""),
            (0, usage, String::new()),
            "{arguments:?}"
        );
    }
}

#[test]
fn what_cannot_be_compared_says_why_and_exits_1() {
    let nested = "[".repeat(1_000_000);
    let swagger = r#"{"swagger": "2.0"}"#;
    let own = include_str!("../../spec/onboarding.yaml");
    let cases: [(&[&str], &[u8], &str); 11] = [
        (&[], b"", "FILE is missing"),
        (&["a", "b"], b"", "usage: drift FILE"),
        (&["--frobnicate"], b"", "--frobnicate"),
        (
            &["no-such-file.json"],
            b"",
            "no-such-file.json: cannot be read",
        ),
        (
            &["-"],
            b"",
            "standard input: not JSON: EOF while parsing a value at line 1 column 0; it is empty",
        ),
        (&["-"], b" \n", "it is empty"),
        (
            &["-"],
            own.as_bytes(),
            "if it is YAML, convert it to JSON first",
        ),
        (
            &["-"],
            br#"{"openapi": "3.1.0", "#,
            "expected the OpenAPI document as JSON",
        ),
        (&["-"], b"\xff\xfe{}", "not JSON"),
        (&["-"], nested.as_bytes(), "recursion limit exceeded"),
        (
            &["-"],
            swagger.as_bytes(),
            "it is Swagger \"2.0\"; expected OpenAPI 3.x",
        ),
    ];
    for (arguments, input, words) in cases {
        let (status, text, problem) = run(arguments, input);
        assert_eq!((status, text.as_str()), (1, ""), "{arguments:?}");
        assert!(
            problem.starts_with("error: ") && problem.contains(words),
            "expected {words:?} in: {problem}"
        );
    }
}
