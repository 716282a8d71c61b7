//! Assigns the new hires of a CSV export to a pack.
//!
//! ```text
//! new_hires --pack N --csv F --column NAME [--delimiter C] [--plan]
//! ```
//!
//! The ids are in the column of that name, which any other columns may surround. Rows without an id are
//! skipped and counted: not everybody has an account yet. The credential comes from the environment, as
//! everywhere: `CONNECTEAM_API_KEY`, or `CONNECTEAM_CLIENT_ID` and `CONNECTEAM_CLIENT_SECRET`.

#[path = "support/arguments.rs"]
mod arguments;
#[path = "support/output.rs"]
mod output;

use arguments::Arguments;
use connecteam_onboarding::{Client, PackId, UserId};
use std::process::ExitCode;

const USAGE: &str = "usage: new_hires --pack N --csv F --column NAME [--delimiter C] [--plan]";

struct Options {
    pack: PackId,
    file: String,
    column: String,
    delimiter: u8,
    plan: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let options = options()?;
    let (users, without) = read_column(&options)?;
    if without > 0 {
        eprintln!("{without} rows have no id in `{}`", options.column);
    }
    let assign = Client::from_env()?.pack(options.pack).assign(users);
    if options.plan {
        output::line(format_args!("{}", assign.plan().await?));
        return Ok(());
    }
    // An error carries the whole report: its text says how far the run came.
    let report = assign.await?;
    output::line(format_args!("{report}"));
    for (user, why) in report.rejected() {
        output::line(format_args!("rejected {user}: {why}"));
    }
    Ok(())
}

fn options() -> Result<Options, String> {
    use lexopt::Arg::{Long, Short};
    let (mut pack, mut file, mut column) = (None, None, None);
    let (mut delimiter, mut plan) = (b',', false);
    let mut arguments = Arguments::new(USAGE);
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("pack") => pack = Some(arguments.parsed("--pack")?),
            Long("csv") => file = Some(arguments.value("--csv")?),
            Long("column") => column = Some(arguments.value("--column")?),
            Long("delimiter") => match arguments.value("--delimiter")?.as_bytes() {
                [byte] => delimiter = *byte,
                _ => return Err("--delimiter: expected one character, such as `;`".to_owned()),
            },
            Long("plan") => plan = true,
            Long("help") | Short('h') => arguments.help(),
            other => return Err(format!("{}\n{USAGE}", other.unexpected())),
        }
    }
    let pack = arguments.required(pack, "--pack")?;
    let file = arguments.required(file, "--csv")?;
    let column = arguments.required(column, "--column")?;
    Ok(Options {
        pack,
        file,
        column,
        delimiter,
        plan,
    })
}

/// The ids of the column, and how many rows have none. A value that is no id is an error before anything
/// is sent: it may be the wrong column.
fn read_column(options: &Options) -> Result<(Vec<UserId>, u64), String> {
    let Options {
        file,
        column,
        delimiter,
        ..
    } = options;
    let at = |problem: &dyn std::fmt::Display| format!("{file}: {problem}");
    let content = std::fs::read(file).map_err(|e| at(&e))?;
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(*delimiter)
        .trim(csv::Trim::All)
        .from_reader(&content[..]);
    // In bytes: the other columns may be in any encoding.
    let headers = reader.byte_headers().map_err(|e| at(&e))?;
    let named = headers
        .iter()
        .enumerate()
        .filter(|(_, name)| *name == column.as_bytes());
    let mut places = named.map(|(place, _)| place);
    let place = match (places.next(), places.next()) {
        (Some(place), None) => place,
        (Some(_), Some(_)) => {
            return Err(at(&format_args!("several columns are named `{column}`")));
        }
        (None, _) => {
            let names: Vec<_> = headers
                .iter()
                .map(|name| String::from_utf8_lossy(name).escape_debug().to_string())
                .collect();
            return Err(at(&format_args!(
                "no column `{column}`; there are: {}",
                names.join(", ")
            )));
        }
    };
    let (mut users, mut without) = (Vec::new(), 0);
    for row in reader.byte_records() {
        let row = row.map_err(|e| at(&e))?;
        let id = row.get(place).unwrap_or_default();
        if id.is_empty() {
            without += 1;
            continue;
        }
        let at = |problem: &dyn std::fmt::Display| {
            format!("{file}, line {}: {problem}", line(&content, row.position()))
        };
        let id = std::str::from_utf8(id).map_err(|_| at(&"this is not text"))?;
        users.push(id.parse().map_err(|e| at(&e))?);
    }
    Ok((users, without))
}

/// The line on which a record begins, as an editor counts; the reader takes what ends a line, and lines that are
/// empty, for a part of the next record.
fn line(content: &[u8], position: Option<&csv::Position>) -> usize {
    let from = position
        .and_then(|position| usize::try_from(position.byte()).ok())
        .unwrap_or_default();
    let ends = content
        .iter()
        .enumerate()
        .skip(from)
        .find(|(_, byte)| !b"\r\n".contains(byte));
    let start = ends.map_or(content.len(), |(start, _)| start);
    1 + content[..start]
        .iter()
        .filter(|byte| **byte == b'\n')
        .count()
}
