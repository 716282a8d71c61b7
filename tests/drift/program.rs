//! Tests the arguments, the file formats, the output and the exit status of `drift`.

use crate::document::{PATH, VENDOR, edit, program, run};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Stdio};

const OURS: &str = include_str!("../../spec/onboarding.yaml");

fn object(arguments: &[&str], input: &str) -> (i32, Value) {
    let (status, text, error) = run(arguments, input.as_bytes());
    assert_eq!((text.lines().count(), error.as_str()), (1, ""), "{text}");
    (status, serde_json::from_str(&text).expect("JSON"))
}

#[test]
fn reads_json_and_yaml_from_a_file_or_standard_input() {
    let value: Value = serde_json::from_str(VENDOR).expect("JSON");
    let yaml = yaml_serde::to_string(&value).expect("YAML");
    // This YAML document contains numeric keys, an anchor, an alias and an empty field.
    let by_hand = OURS.replace("'200'", "200").replace(
        "    UserId:\n      type: integer",
        "    Unused:\n    Key: &integer integer\n    UserId:\n      type: *integer",
    );
    assert_ne!(by_hand, OURS);
    let mark = format!("\u{feff}{VENDOR}");
    let texts = [VENDOR, &yaml, OURS, &by_hand, &mark];
    for (index, text) in texts.into_iter().enumerate() {
        let same = (0, "no difference\n".to_owned(), String::new());
        assert_eq!(run(&["-"], text.as_bytes()), same, "{index}");
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("drift-{index}"));
        std::fs::write(&file, text).expect("a file");
        let file = file.to_str().expect("UTF-8");
        assert_eq!(run(&["--", file], b""), same, "{index}");
    }
}

#[test]
fn prints_one_json_object_on_every_exit() {
    let clean = json!({"breaking": [], "additive": [], "error": null});
    assert_eq!(object(&["--json", "-"], VENDOR), (0, clean));
    let mut document = serde_json::from_str(VENDOR).expect("JSON");
    let cap = "SCHEMA/AssignUsers/properties/userIds/maxItems = 400";
    edit(&mut document, cap);
    edit(&mut document, "SCHEMA/EmptyData/properties/count = {}");
    let place = |rest: &str| format!("POST {PATH} · {rest}");
    let expected = json!({
        "breaking": [{"place": place("request · userIds"), "what": "maxItems", "ours": "500", "vendor": "400"}],
        "additive": [{"place": place("200 · data.count"), "what": "presence", "ours": null, "vendor": "optional"}],
        "error": null,
    });
    assert_eq!(
        object(&["-", "--json"], &document.to_string()),
        (3, expected)
    );
    for arguments in [
        &["--json"][..],
        &["--json", "-"],
        &["--json", "no-such-file"],
        &["-", "--json", "--no"],
    ] {
        let (status, object) = object(arguments, "");
        let expected = json!({"breaking": [], "additive": [], "error": object["error"]});
        assert_eq!(
            (status, object["error"].is_string(), &object),
            (1, true, &expected)
        );
    }
}

#[test]
fn help_lists_arguments_and_exit_statuses() {
    for arguments in [
        &["--help"][..],
        &["-h"],
        &["vendor.json", "--help"],
        &["--json", "--help"],
    ] {
        let (status, text, error) = run(arguments, b"");
        assert_eq!((status, error.as_str()), (0, ""), "{arguments:?}");
        assert!(text.starts_with("usage: drift FILE [--json]\n"), "{text}");
        for start in ["FILE", "--json", "-h, --help", "0", "1", "2", "3"] {
            assert!(text.contains(&format!("\n  {start} ")), "{start}: {text}");
        }
    }
}

#[test]
fn reports_bad_usage() {
    let cases: [(&[&str], &str); 5] = [
        (&[], "FILE is missing; usage: drift FILE [--json]"),
        (&["a", "b"], "usage: drift FILE"),
        (&["--no"], "--no"),
        (&["--json=x", "a"], "--json"),
        (&["no-such-file"], "no-such-file: cannot be read: "),
    ];
    for (arguments, words) in cases {
        fails(arguments, b"", words);
    }
}

#[test]
fn reports_documents_that_cannot_be_read() {
    let cases: [(&[u8], &str); 8] = [
        (b"", "standard input: the document is empty; save it again"),
        (b"\xef\xbb\xbf \n", "the document is empty"),
        (br#"{"openapi": "3.1.0", "#, "not JSON: EOF while parsing"),
        (b"\xff\xfe{}", "standard input: neither JSON nor YAML: "),
        (b"<!DOCTYPE html><html></html>", "standard input: "),
        (b"openapi: [3.1.0", "neither JSON nor YAML: "),
        (b"openapi: 3.1.0\nx: &x\n  y: *x", "neither JSON nor YAML: "),
        (b"[]", "`openapi`: expected 3.x, found null"),
    ];
    for (input, words) in cases {
        fails(&["-"], input, words);
    }
}

#[track_caller]
fn fails(arguments: &[&str], input: &[u8], words: &str) {
    let (status, text, error) = run(arguments, input);
    assert_eq!((status, text.as_str()), (1, ""), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(error.starts_with("error: "), "{error}");
    assert!(error.contains(words), "{words}: {error}");
}

#[cfg(unix)]
#[test]
fn a_closed_output_does_not_change_the_exit_status() {
    let vendor = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/drift/vendor.json");
    for (argument, status) in [
        (vendor.as_os_str(), 0),
        ("--help".as_ref(), 0),
        ("--no".as_ref(), 1),
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = Command::new(program());
        let error = writer.try_clone().expect("a pipe");
        let found = command
            .arg(argument)
            .stdin(Stdio::null())
            .stdout(writer)
            .stderr(error)
            .status();
        assert_eq!(found.expect("an end").code(), Some(status), "{argument:?}");
    }
}
