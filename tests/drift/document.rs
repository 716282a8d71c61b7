//! Edits the document `vendor.json`, and runs the program `drift` on the edited document.

use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub const VENDOR: &str = include_str!("vendor.json");
pub const PATH: &str = "/onboarding/v1/packs/{packId}/assignments";

pub fn program() -> PathBuf {
    let test = std::env::current_exe().expect("this test");
    let folder = test.parent().and_then(Path::parent).expect("target/debug");
    folder.join("examples").join("drift")
}

/// Returns the exit status, standard output and standard error.
pub fn run(arguments: &[&str], input: &[u8]) -> (i32, String, String) {
    let mut command = Command::new(program());
    command.args(arguments).stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the example is built");
    // Write errors are ignored, because `drift` may exit before it has read its standard input.
    let _ = child.stdin.take().expect("piped").write_all(input);
    let output = child.wait_with_output().expect("an end");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    let status = output.status.code().expect("an exit status");
    (status, text(output.stdout), text(output.stderr))
}

/// Panics if `drift` prints neither a report nor a one-line error.
#[track_caller]
pub fn compare(document: &Value) -> (i32, String) {
    let (status, text, error) = run(&["-"], document.to_string().as_bytes());
    let lines = error.lines().count();
    match status {
        0 | 2 | 3 => assert_eq!((error.as_str(), text.is_empty()), ("", false), "{document}"),
        1 => assert!(
            text.is_empty() && lines == 1 && error.starts_with("error: standard input: "),
            "{error}: {document}"
        ),
        other => panic!("exit status {other}: {error}: {document}"),
    }
    (status, text + &error)
}

/// Expands the first part of an abbreviated JSON pointer, for example `GET` or `SCHEMA`.
fn pointer(short: &str) -> String {
    let (start, rest) = short.split_at(short.find('/').unwrap_or(short.len()));
    let item = format!("/paths/{}", PATH.replace('/', "~1"));
    match start {
        "PATH" => item + rest,
        "GET" | "POST" => item + "/" + &start.to_lowercase() + rest,
        "SCHEMA" => "/components/schemas".to_owned() + rest,
        "SCHEME" => "/components/securitySchemes".to_owned() + rest,
        _ => short.to_owned(),
    }
}

/// `line` has the form `PLACE = JSON`, `remove PLACE`, or `move PLACE to PLACE`.
pub fn edit(document: &mut Value, line: &str) {
    if let Some(place) = line.strip_prefix("remove ") {
        remove(document, place);
    } else if let Some(places) = line.strip_prefix("move ") {
        let (from, to) = places.split_once(" to ").expect("two places");
        let value = remove(document, from);
        set(document, to, value);
    } else {
        let (place, value) = line.split_once(" = ").expect("an edit");
        set(document, place, serde_json::from_str(value).expect("JSON"));
    }
}

fn owner<'a>(document: &'a mut Value, place: &str) -> (&'a mut Value, String) {
    let pointer = pointer(place);
    let (owner, name) = pointer.rsplit_once('/').expect("a pointer");
    // JSON string escapes are decoded before JSON pointer escapes.
    let name: String = serde_json::from_str(&format!("\"{name}\"")).expect("a name");
    let owner = document
        .pointer_mut(owner)
        .unwrap_or_else(|| panic!("no {owner}"));
    (owner, name.replace("~1", "/").replace("~0", "~"))
}

fn set(document: &mut Value, place: &str, value: Value) {
    match owner(document, place) {
        (Value::Array(items), name) if name == "-" => items.push(value),
        (Value::Array(items), name) => items[name.parse::<usize>().expect("an index")] = value,
        (owner, name) => owner[name] = value,
    }
}

fn remove(document: &mut Value, place: &str) -> Value {
    match owner(document, place) {
        (Value::Array(items), name) => items.remove(name.parse().expect("an index")),
        (Value::Object(fields), name) => {
            fields.remove(&name).unwrap_or_else(|| panic!("no {place}"))
        }
        (other, _) => panic!("{place} is in {other}"),
    }
}
