//! Assigns the users in one column of a CSV export to a pack.
//!
//! `new_hires --help` lists the arguments, the environment variables and the exit statuses.

#![forbid(unsafe_code)]

mod support;

use connecteam_onboarding::{Assign, AssignError, PackId};
use support::arguments::Arguments;
use support::csv_file::{self, Column, Format};
use support::exit_status::{self, ExitStatus};
use support::problem::Problem;
use support::stop::{self, Stop};
use support::{bar, environment, output};

const HELP: &str = "\
usage: new_hires --pack N --csv F --column NAME [options]

Assigns the users in one column of a CSV export to an onboarding pack. Users already on the pack are skipped, and
so are rows without an id, which are counted. Shows a progress bar on a terminal.

  --pack N        the id of the pack
  --csv F         the CSV file; its first row has the names of the columns; - is standard input
  --column NAME   the name of the column with the user ids
  --delimiter C   the character between the columns (default ,)
  --multiline     permit quoted fields that span lines; without this flag such a field is refused, as it may
                  be a stray quote that hides rows
  --plan          read the pack, print what a run would do, and assign no user
  -h, --help      print this text
";

struct Options {
    pack: PackId,
    file: String,
    column: String,
    format: Format,
    plan: bool,
}

#[tokio::main]
async fn main() {
    let stop = stop::signal();
    let status = run(&stop).await.unwrap_or_else(|problem| {
        output::problem(&problem);
        problem.status
    });
    status.exit()
}

async fn run(stop: &Stop) -> Result<ExitStatus, Problem> {
    let options = options().map_err(Problem::usage)?;
    let plan = options.plan;
    let assign = stop::unless_stopped(stop, prepare(options)).await??;
    if plan {
        let plan = stop::unless_stopped(stop, assign.plan()).await??;
        output::plan(&plan);
        return Ok(ExitStatus::Success);
    }
    let result = bar::run(assign, stop.clone()).await;
    let cause = result.as_ref().err().map(|error| error.cause().clone());
    let report = result.unwrap_or_else(AssignError::into_report);
    output::report(&report, cause.as_ref().map(Problem::from).as_ref());
    Ok(ExitStatus::of_run(&report, cause.as_ref(), false))
}

/// Reads the user ids and configures the run. Sends no request.
async fn prepare(options: Options) -> Result<Assign, Problem> {
    let Options {
        pack,
        file,
        column,
        format,
        ..
    } = options;
    let name = column.clone();
    let read = stop::blocking(move || csv_file::read(&file, &name, format)).await;
    let Column { users, without_id } = read.map_err(Problem::input)?;
    match without_id {
        0 => {}
        1 => output::note(format_args!("1 row has no id in `{column}`")),
        rows => output::note(format_args!("{rows} rows have no id in `{column}`")),
    }
    let client = environment::client("example-new-hires")?.build()?;
    Ok(client.pack(pack).assign(users))
}

fn options() -> Result<Options, String> {
    use lexopt::Arg::{Long, Short};
    let (mut pack, mut file, mut column) = (None, None, None);
    let mut format = Format {
        delimiter: b',',
        multiline: false,
    };
    let mut plan = false;
    let mut arguments = Arguments::new([HELP, environment::HELP, exit_status::HELP].concat());
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("pack") => pack = Some(arguments.parsed("--pack")?),
            Long("csv") => file = Some(arguments.value("--csv")?),
            Long("column") => column = Some(arguments.value("--column")?),
            Long("delimiter") => format.delimiter = delimiter(&arguments.value("--delimiter")?)?,
            Long("multiline") => format.multiline = true,
            Long("plan") => plan = true,
            Long("help") | Short('h') => arguments.help(),
            other => return Err(other.unexpected().to_string()),
        }
    }
    Ok(Options {
        pack: arguments.required(pack, "--pack")?,
        file: arguments.required(file, "--csv")?,
        column: arguments.required(column, "--column")?,
        format,
        plan,
    })
}

fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        b"\\t" => Ok(b'\t'),
        [byte] if !b"\"\r\n".contains(byte) && byte.is_ascii() => Ok(*byte),
        _ => Err(format!(
            "--delimiter: `{text}` is not one ASCII character, such as `;` or `\\t`"
        )),
    }
}
