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
        println!("{}", assign.plan().await?);
        return Ok(());
    }
    // An error carries the whole report: its text says how far the run came.
    let report = assign.await?;
    println!("{report}");
    for (user, why) in report.rejected() {
        println!("rejected {user}: {why}");
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
    Ok(Options { pack, file, column, delimiter, plan })
}

/// The ids of the column, and how many rows have none. A value that is no id is an error before anything
/// is sent: it may be the wrong column.
fn read_column(options: &Options) -> Result<(Vec<UserId>, u64), String> {
    let Options { file, column, delimiter, .. } = options;
    let at = |problem: &dyn std::fmt::Display| format!("{file}: {problem}");
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(*delimiter)
        .trim(csv::Trim::All)
        .from_path(file)
        .map_err(|e| at(&e))?;
    let headers = reader.headers().map_err(|e| at(&e))?;
    let mut places = headers.iter().enumerate().filter(|(_, name)| name == column).map(|(place, _)| place);
    let place = match (places.next(), places.next()) {
        (Some(place), None) => place,
        (Some(_), Some(_)) => return Err(at(&format_args!("several columns are named `{column}`"))),
        (None, _) => {
            let names: Vec<_> = headers.iter().collect();
            return Err(at(&format_args!("no column `{column}`; there are: {}", names.join(", "))));
        }
    };
    let (mut users, mut without) = (Vec::new(), 0);
    // Numbered as a spreadsheet does: the names are row 1.
    for (number, row) in (2_u64..).zip(reader.records()) {
        let row = row.map_err(|e| at(&e))?;
        match row.get(place) {
            None | Some("") => without += 1,
            Some(id) => users.push(id.parse().map_err(|e| format!("{file}, row {number}: {e}"))?),
        }
    }
    Ok((users, without))
}
