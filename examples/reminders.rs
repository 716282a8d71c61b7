//! Lists the users that need a reminder. A user needs a reminder after a given number of days without approval or
//! without progress.
//!
//! `reminders --help` lists the arguments, the environment variables and the exit statuses.

#![forbid(unsafe_code)]

mod support;

use connecteam_onboarding::{PackId, SnapshotEntry, Stage};
use std::path::PathBuf;
use support::arguments::Arguments;
use support::exit_status::ExitStatus;
use support::problem::Problem;
use support::stop::{self, Stop};
use support::{environment, output, state_file};

const HELP: &str = "\
usage: reminders --pack N --days D --state FILE

Prints the progress of an onboarding pack, and a line for each user that has been waiting for approval, or has
been in progress without a change, for D days or longer.

  --pack N       the id of the pack
  --days D       the number of days
  --state FILE   the file that `follow --state FILE` keeps; it has the time of each last change, which the API
                 does not report; it is only read
  -h, --help     print this text
";

const EXIT_STATUS: &str = "
Exit status:
  0  the list is complete
  1  bad usage or input, or a permanent error
  3  a transient error, or Ctrl-C, SIGTERM or SIGHUP: run it again
A second signal ends the program at once, with 128 + the signal's number.
";

const DAY: u64 = 24 * 60 * 60;

struct Options {
    pack: PackId,
    days: u64,
    state: PathBuf,
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
    let Options { pack, days, state } = options().map_err(Problem::usage)?;
    let saved = state_file::load(&state, pack).map_err(Problem::input)?;
    let saved = saved.ok_or_else(|| {
        let state = state.display();
        Problem::input(format!(
            "{state}: there is no state; run `follow --state` first"
        ))
    })?;
    let client = environment::client("example-reminders")?.build()?;
    let pack = client.pack(pack);
    let snapshot = stop::unless_stopped(stop, pack.snapshot_after(&saved)).await??;
    let now = snapshot.taken_at();
    output::line(snapshot.progress());
    for entry in &snapshot {
        let age = now.duration_since(entry.since()).unwrap_or_default();
        if age.as_secs() / DAY >= days {
            remind(entry, age.as_secs() / DAY);
        }
    }
    Ok(ExitStatus::Success)
}

fn remind(entry: &SnapshotEntry, days: u64) {
    let user = entry.user_id();
    match entry.stage() {
        Stage::Completed => {}
        Stage::WaitingForApproval => output::line(format_args!(
            "user {user} has been waiting for approval for {days} days"
        )),
        _ => output::line(format_args!(
            "user {user} has been stuck for {days} days: {}",
            entry.state()
        )),
    }
}

fn options() -> Result<Options, String> {
    use lexopt::Arg::{Long, Short};
    let (mut pack, mut days, mut state) = (None, None, None);
    let mut arguments = Arguments::new([HELP, environment::HELP, EXIT_STATUS].concat());
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("pack") => pack = Some(arguments.parsed("--pack")?),
            Long("days") => days = Some(arguments.number("--days")?),
            Long("state") => state = Some(PathBuf::from(arguments.value("--state")?)),
            Long("help") | Short('h') => arguments.help(),
            other => return Err(other.unexpected().to_string()),
        }
    }
    Ok(Options {
        pack: arguments.required(pack, "--pack")?,
        days: arguments.required(days, "--days")?,
        state: arguments.required(state, "--state")?,
    })
}
