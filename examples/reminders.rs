//! Lists whom to remind: whose approval is pending, and who is stuck since a number of days.
//!
//! ```text
//! reminders --pack N --days D --state FILE
//! ```
//!
//! `FILE` is what `follow --state FILE` keeps: the API does not tell since when somebody is so, the saved
//! snapshot does. It is only read. The credential comes from the environment, as everywhere:
//! `CONNECTEAM_API_KEY`, or `CONNECTEAM_CLIENT_ID` and `CONNECTEAM_CLIENT_SECRET`.

#[path = "support/arguments.rs"]
mod arguments;
#[path = "support/output.rs"]
mod output;
#[path = "support/state_file.rs"]
mod state_file;

use arguments::Arguments;
use connecteam_onboarding::{Client, PackId, Snapshot, Stage};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

const USAGE: &str = "usage: reminders --pack N --days D --state FILE";
const DAY: u64 = 24 * 60 * 60;

struct Options {
    pack: PackId,
    days: u64,
    state: PathBuf,
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
    let Options { pack, days, state } = options()?;
    let saved = state_file::load(&state, pack)?
        .ok_or_else(|| format!("{}: no such file", state.display()))?;
    let now = SystemTime::now();
    let assignments = Client::from_env()?.pack(pack).assignments().await?;
    let snapshot = Snapshot::after(&saved, now, assignments);

    output::line(format_args!("{}", snapshot.progress()));
    let age = |since| now.duration_since(since).unwrap_or_default().as_secs() / DAY;
    for entry in snapshot.iter().filter(|entry| age(entry.since()) >= days) {
        let (user, age) = (entry.user_id(), age(entry.since()));
        match entry.stage() {
            Stage::WaitingForApproval => output::line(format_args!(
                "user {user} waits for approval since {age} days"
            )),
            Stage::Completed => {}
            _ => output::line(format_args!(
                "user {user} is stuck since {age} days: {}",
                entry.state()
            )),
        }
    }
    Ok(())
}

fn options() -> Result<Options, String> {
    use lexopt::Arg::{Long, Short};
    let (mut pack, mut days, mut state) = (None, None, None);
    let mut arguments = Arguments::new(USAGE);
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("pack") => pack = Some(arguments.parsed("--pack")?),
            Long("days") => days = Some(arguments.number("--days")?),
            Long("state") => state = Some(PathBuf::from(arguments.value("--state")?)),
            Long("help") | Short('h') => arguments.help(),
            other => return Err(format!("{}\n{USAGE}", other.unexpected())),
        }
    }
    let pack = arguments.required(pack, "--pack")?;
    let days = arguments.required(days, "--days")?;
    let state = arguments.required(state, "--state")?;
    Ok(Options { pack, days, state })
}
