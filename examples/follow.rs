//! Follows a pack and prints each change. The program can use the real API or the fake API server.
//!
//! `follow --help` lists the arguments, the environment variables and the exit statuses.

#![forbid(unsafe_code)]

mod support;

use connecteam_onboarding::{Change, PackId, Progress, Snapshot, SnapshotEntry, UserId};
use futures_util::StreamExt as _;
use indicatif::ProgressBar;
use std::collections::HashSet;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;
use support::arguments::Arguments;
use support::exit_status::ExitStatus;
use support::problem::Problem;
use support::state_file::StateFile;
use support::stop;
use support::{bar, environment, output, users_file};

const HELP: &str = "\
usage: follow --pack N [options]

Follows an onboarding pack and prints a line per change. The first poll without a saved state prints nothing: later
polls are compared with it. Shows a progress bar on a terminal.

  --pack N           the id of the pack
  --users-file F     follow these users only: a file of user ids, one a line; blank lines and text after a # are
                     ignored; - is standard input
  --interval-ms T    the time between two polls in ms (default 60000)
  --state FILE       keep the state of the pack in FILE between two runs; it is saved after the changes are
                     printed, so each change is printed at least once; FILE.lock keeps a second follower away
  --until-complete   end when all users followed have completed the pack
  --json             print a JSON object per change instead of text
  -h, --help         print this text
";

const EXIT_STATUS: &str = "
Transient errors are printed to standard error, and the program goes on.

Exit status:
  0  all users have completed the pack (--until-complete), or Ctrl-C, SIGTERM or SIGHUP
  1  bad usage or input, a state file that cannot be used, output that cannot be printed, or a permanent error
A second signal ends the program at once, with 128 + the signal's number.
";

struct Options {
    pack: PackId,
    file: Option<String>,
    interval: Duration,
    state: Option<PathBuf>,
    until_complete: bool,
    json: bool,
}

#[tokio::main]
async fn main() {
    let stop = stop::signal();
    let status = match stop::unless_stopped(&stop, run()).await {
        Ok(Err(problem)) => {
            output::problem(&problem);
            ExitStatus::Permanent
        }
        // The program exits successfully after a stop signal. The state is saved after each poll, so no final save is
        // needed.
        Ok(Ok(())) | Err(_) => ExitStatus::Success,
    };
    status.exit()
}

async fn run() -> Result<(), Problem> {
    let options = options().map_err(Problem::usage)?;
    let users = users(options.file).await.map_err(Problem::input)?;
    let mut state = match &options.state {
        Some(file) => Some(StateFile::open(file, options.pack).map_err(Problem::input)?),
        None => None,
    };
    let saved = match &state {
        Some(state) => state.load().map_err(Problem::input)?,
        None => None,
    };
    let client = environment::client("example-follow")?.build()?;
    let view = View::new(users.clone());

    // `with_baseline` makes the watch yield its first poll, even if the poll finds no change. The program uses the
    // first poll to save a snapshot and to show the progress.
    let pack = client.pack(options.pack);
    let mut watch = pack.watch(options.interval).with_baseline();
    if let Some(users) = users {
        watch = watch.only(users);
    }
    if options.until_complete {
        watch = watch.until_complete();
    }
    if let Some(snapshot) = saved {
        view.show(&snapshot);
        watch = watch.since(snapshot);
    }
    while let Some(poll) = watch.next().await {
        match poll {
            Ok(poll) => {
                view.print(poll.changes, options.json).await?;
                // The state is saved after the changes are printed. If the program is killed between printing and
                // saving, the next run prints some changes again, but no change is lost.
                if let Some(state) = &mut state {
                    let saved = view.bar.suspend(|| state.save(&poll.snapshot));
                    saved.map_err(Problem::input)?;
                }
                view.show(&poll.snapshot);
            }
            Err(error) if ExitStatus::of_error(&error) == ExitStatus::Permanent => {
                return Err(error.into());
            }
            Err(error) => view.bar.suspend(|| {
                output::note(format_args!("warning: {error}; the next poll follows"));
            }),
        }
    }
    Ok(())
}

async fn users(file: Option<String>) -> Result<Option<HashSet<UserId>>, String> {
    let Some(file) = file else { return Ok(None) };
    let users = stop::blocking(move || users_file::read(&file)).await?;
    Ok(Some(users.into_iter().collect()))
}

fn options() -> Result<Options, String> {
    use lexopt::Arg::{Long, Short};
    let (mut pack, mut file, mut state) = (None, None, None);
    let mut interval = Duration::from_secs(60);
    let (mut until_complete, mut json) = (false, false);
    let mut arguments = Arguments::new([HELP, environment::HELP, EXIT_STATUS].concat());
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("pack") => pack = Some(arguments.parsed("--pack")?),
            Long("users-file") => file = Some(arguments.value("--users-file")?),
            Long("interval-ms") => interval = arguments.some_milliseconds("--interval-ms")?,
            Long("state") => state = Some(PathBuf::from(arguments.value("--state")?)),
            Long("until-complete") => until_complete = true,
            Long("json") => json = true,
            Long("help") | Short('h') => arguments.help(),
            other => return Err(other.unexpected().to_string()),
        }
    }
    Ok(Options {
        pack: arguments.required(pack, "--pack")?,
        file,
        interval,
        state,
        until_complete,
        json,
    })
}

fn print(changes: &[Change], json: bool) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for change in changes {
        let mut line = if json {
            serde_json::to_string(change)?
        } else {
            change.to_string()
        };
        line.push('\n');
        // Each line is written with one call, so that a kill cannot leave an incomplete line.
        out.write_all(line.as_bytes())?;
    }
    out.flush()
}

/// Prints changes above a progress bar.
struct View {
    bar: ProgressBar,
    users: Option<HashSet<UserId>>,
}

impl View {
    fn new(users: Option<HashSet<UserId>>) -> Self {
        let bar = bar::new("{bar:30} {pos}/{len} completed, {msg} [{elapsed}]");
        Self { bar, users }
    }

    fn show(&self, snapshot: &Snapshot) {
        let followed = |user| {
            self.users
                .as_ref()
                .is_none_or(|users| users.contains(&user))
        };
        let progress: Progress = snapshot
            .iter()
            .filter(|entry| followed(entry.user_id()))
            .map(SnapshotEntry::stage)
            .collect();
        self.bar.set_length(progress.total);
        self.bar.set_position(progress.completed);
        self.bar.set_message(format!(
            "{} waiting for approval, {} in progress",
            progress.waiting_for_approval, progress.in_progress
        ));
    }

    /// Prints on another thread, so that a stop signal is handled even if the output blocks.
    async fn print(&self, changes: Vec<Change>, json: bool) -> Result<(), Problem> {
        let bar = self.bar.clone();
        let printed = stop::blocking(move || bar.suspend(|| print(&changes, json))).await;
        printed.map_err(|e| Problem::input(format!("cannot print: {e}")))
    }
}
