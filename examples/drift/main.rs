//! Compares the vendor's OpenAPI document with `spec/onboarding.yaml`. `--help` lists arguments and exit statuses.
//!
//! For each document, the program creates a sorted table of facts about the operations that the crate uses. Each line
//! of the table is one fact, for example:
//!
//! ```text
//! POST /onboarding/v1/packs/{packId}/assignments · request · userIds · maxItems = 500
//! ```
//!
//! The rules in `compare.rs` decide which differences between the two tables are breaking.

mod compare;
mod document;
mod facts;
mod operation;
mod schema;

use compare::Report;
use std::io::{self, Read, Write};
use std::process::ExitCode;

const OURS: &str = include_str!("../../spec/onboarding.yaml");
const USAGE: &str = "usage: drift FILE [--json]";
const HELP: &str = "
Compares this crate's specification with the vendor's OpenAPI document.

arguments:
  FILE        the vendor's document: OpenAPI 3.x, JSON or YAML; `-` is standard input
  --json      print one JSON object: {\"breaking\":[],\"additive\":[],\"error\":null}
  -h, --help  print this text

exit status:
  0  no difference
  1  bad usage, or a document that cannot be compared
  2  additive differences only
  3  breaking differences";

fn main() -> ExitCode {
    // `--json` is read first, so that errors in the other arguments can be printed as JSON.
    let mut arguments = std::env::args_os().take_while(|argument| argument != "--");
    let json = arguments.any(|argument| argument == "--json");
    let report = match file() {
        Ok(None) => {
            print(io::stdout(), &format!("{USAGE}\n{HELP}"));
            return ExitCode::SUCCESS;
        }
        Ok(Some(file)) => run(&file).unwrap_or_else(Report::failed),
        Err(problem) => Report::failed(format!("{problem}; {USAGE}")),
    };
    match &report.error {
        _ if json => print(io::stdout(), &serde_json::json!(report).to_string()),
        Some(error) => print(io::stderr(), &format!("error: {}", compare::shown(error))),
        None => print(io::stdout(), &report.text()),
    }
    ExitCode::from(report.status())
}

/// Returns the file name of the vendor's document, or `None` if the arguments contain `--help`.
fn file() -> Result<Option<String>, String> {
    use lexopt::Arg::{Long, Short, Value};
    let mut parser = lexopt::Parser::from_env();
    let mut file = None;
    while let Some(argument) = parser.next().map_err(|e| e.to_string())? {
        match argument {
            Long("json") => {}
            Long("help") | Short('h') => return Ok(None),
            Value(name) if file.is_none() => file = Some(name),
            other => return Err(other.unexpected().to_string()),
        }
    }
    let file = file.ok_or("FILE is missing")?.into_string();
    file.map(Some)
        .map_err(|name| format!("{name:?} is not UTF-8"))
}

fn run(file: &str) -> Result<Report, String> {
    let (name, content) = match file {
        "-" => ("standard input", io::stdin().lock().bytes().collect()),
        _ => (file, std::fs::read(file)),
    };
    let content: Vec<u8> = content.map_err(|e| format!("{name}: cannot be read: {e}"))?;
    let ours = document::parse(OURS.as_bytes())?;
    let operations = operation::operations(&ours)?;
    let ours = operation::facts(&ours, &operations)?;
    let vendor = document::parse(&content);
    let vendor = vendor.and_then(|vendor| operation::facts(&vendor, &operations));
    let vendor = vendor.map_err(|e| format!("{name}: {e}"))?;
    Ok(compare::compare(&ours, &vendor))
}

/// A failure to print does not end the program, because the exit status still reports the result.
fn print(mut output: impl Write, line: &str) {
    let printed = writeln!(output, "{line}").and_then(|()| output.flush());
    if let Err(error) = printed {
        let _ = writeln!(io::stderr(), "error: cannot print: {error}");
    }
}
