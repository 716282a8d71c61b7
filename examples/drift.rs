//! Says what the vendor's OpenAPI document has otherwise than `spec/onboarding.yaml`.
//!
//! ```text
//! drift FILE [--json]
//! ```
//!
//! `FILE` is the vendor's document: JSON, OpenAPI 3, of any size; `-` is standard input. Compared are our
//! operations only: path, method, parameters, fields of request and answer, required, types, values, limits,
//! scopes and credentials. One line a difference, in two groups: `breaking` is what the vendor's server would
//! refuse a client of ours for, or send that it cannot read; `additive` is the rest. Other words for the same
//! are no difference; `support/drift/mod.rs` says what counts.
//!
//! `--json` prints one object instead, on every exit: `{"breaking":[],"additive":[],"error":null}`.
//!
//! Exit status: 0 no difference; 2 additive ones only; 3 a breaking one; 1 bad usage, or a document that cannot
//! be compared.

#[path = "support/arguments.rs"]
mod arguments;
#[path = "support/drift/mod.rs"]
mod drift;
#[path = "support/input.rs"]
mod input;

use arguments::Arguments;
use drift::Report;
use serde_json::{Value, json};
use std::io::Write;
use std::process::ExitCode;

const USAGE: &str = "usage: drift FILE [--json]";
const OURS: &str = include_str!("../spec/onboarding.yaml");

fn main() -> ExitCode {
    // Asked first, so that even a wrong call is answered in JSON.
    let json = std::env::args_os()
        .skip(1)
        .any(|argument| argument == "--json");
    let result = file().and_then(|file| run(&file));
    let status = result.as_ref().map_or(1, Report::status);
    let text = match (&result, json) {
        (Ok(report), false) => report.to_string(),
        (Ok(report), true) => format!("{}\n", report.object()),
        (Err(problem), true) => {
            format!(
                "{}\n",
                json!({"breaking": [], "additive": [], "error": problem})
            )
        }
        (Err(problem), false) => {
            eprintln!("error: {problem}");
            return ExitCode::FAILURE;
        }
    };
    let mut out = std::io::stdout().lock();
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        eprintln!("error: cannot print: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::from(status)
}

fn file() -> Result<String, String> {
    use lexopt::Arg::{Long, Short, Value};
    let mut file = None;
    let mut arguments = Arguments::new(USAGE);
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("json") => {}
            Long("help") | Short('h') => arguments.help(),
            Value(name) if file.is_none() => {
                let name = name.into_string();
                file = Some(name.map_err(|name| format!("FILE: {} is not text", name.display()))?);
            }
            other => return Err(format!("{}\n{USAGE}", other.unexpected())),
        }
    }
    arguments.required(file, "FILE")
}

fn run(file: &str) -> Result<Report, String> {
    let (name, content) = input::read(file)?;
    let vendor: Value = serde_json::from_slice(&content).map_err(|e| {
        let hint = if content.trim_ascii().is_empty() {
            "it is empty"
        } else if e.is_syntax() && !content.trim_ascii_start().starts_with(b"{") {
            "if it is YAML, convert it to JSON first"
        } else {
            "expected the OpenAPI document as JSON"
        };
        format!("{name}: not JSON: {e}; {hint}")
    })?;
    let ours: Value =
        yaml_serde::from_str(OURS).map_err(|e| format!("spec/onboarding.yaml: {e}"))?;
    drift::compare(&ours, &vendor).map_err(|e| format!("{name}: {e}"))
}
