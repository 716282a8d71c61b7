//! Follows a pack and prints what changes, against any server that speaks the API.
//!
//! ```text
//! follow --pack N [--users-file F] [--interval-ms T] [--state FILE] [--until-complete] [--json]
//! ```
//!
//! Prints one line a change, or one JSON object with `--json`. With `--users-file` just these users are
//! followed: one id a line; blank lines and what follows a `#` are ignored; `-` is standard input. `--state`
//! keeps what the pack looked like between runs: it is saved after a look's changes are printed, so that each
//! is printed at least once. Without it, or on its first run, the first look prints nothing: later ones are
//! compared with it. `--interval-ms` is the time between looks (a minute if not given). The credential comes
//! from the environment: `CONNECTEAM_API_KEY`, or `CONNECTEAM_CLIENT_ID` and `CONNECTEAM_CLIENT_SECRET`, and
//! `CONNECTEAM_BASE_URL`.
//!
//! Passing failures go to standard error. Exit status: 1 bad usage or input, a state file that cannot be read
//! or written, or a failure that lasts; 0 when everybody is done (with `--until-complete`) or after Ctrl-C.

#[path = "support/arguments.rs"]
mod arguments;
#[path = "support/state_file.rs"]
mod state_file;
#[path = "support/stop.rs"]
mod stop;
#[path = "support/users_file.rs"]
mod users_file;

use arguments::Arguments;
use connecteam_onboarding::{
    Change, ChangeKind, ClientBuilder, PackId, Progress, Snapshot, UserId,
};
use futures_util::StreamExt;
use indicatif::{ProgressBar, ProgressStyle};
use std::collections::HashSet;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

const USAGE: &str = "usage: follow --pack N [--users-file F] [--interval-ms T] [--state FILE] \
                     [--until-complete] [--json]";

struct Options {
    pack: PackId,
    users: Option<HashSet<UserId>>,
    interval: Duration,
    state: Option<PathBuf>,
    until_complete: bool,
    json: bool,
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

async fn run() -> Result<(), String> {
    let options = options()?;
    let saved = options
        .state
        .as_deref()
        .map(|file| state_file::load(file, options.pack))
        .transpose()?
        .flatten();
    let builder = ClientBuilder::from_env().map_err(|e| e.to_string())?;
    let client = builder
        .user_agent_suffix("example-follow")
        .build()
        .map_err(|e| e.to_string())?;

    // The first look is yielded too, to save it and to show how far everybody is.
    let mut watch = client
        .pack(options.pack)
        .watch(options.interval)
        .with_baseline();
    if let Some(users) = &options.users {
        watch = watch.only(users.iter().copied());
    }
    if options.until_complete {
        watch = watch.until_complete();
    }
    let view = View::new();
    if let Some(snapshot) = saved {
        view.show(&options, &snapshot);
        watch = watch.since(snapshot);
    }
    let mut stop = std::pin::pin!(stop::stopped());
    loop {
        let next = tokio::select! {
            biased;
            () = &mut stop => return Ok(()),
            next = watch.next() => next,
        };
        match next {
            None => return Ok(()),
            Some(Ok(look)) => {
                view.above(|| print(&look.changes, options.json))
                    .map_err(|e| format!("cannot print: {e}"))?;
                // Only now: what is printed twice after a kill is better than what is never printed.
                if let Some(file) = &options.state {
                    state_file::save(file, &look.snapshot)?;
                }
                view.show(&options, &look.snapshot);
            }
            Some(Err(error)) if error.is_permanent() => return Err(error.to_string()),
            Some(Err(error)) => view.above(|| eprintln!("going on: {error}")),
        }
    }
}

fn options() -> Result<Options, String> {
    use lexopt::Arg::{Long, Short};
    let (mut pack, mut file, mut state) = (None, None, None);
    let mut interval = Duration::from_secs(60);
    let (mut until_complete, mut json) = (false, false);
    let mut arguments = Arguments::new(USAGE);
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("pack") => pack = Some(arguments.parsed("--pack")?),
            Long("users-file") => file = Some(arguments.value("--users-file")?),
            Long("interval-ms") => interval = arguments.milliseconds("--interval-ms")?,
            Long("state") => state = Some(PathBuf::from(arguments.value("--state")?)),
            Long("until-complete") => until_complete = true,
            Long("json") => json = true,
            Long("help") | Short('h') => arguments.help(),
            other => return Err(format!("{}\n{USAGE}", other.unexpected())),
        }
    }
    let pack = arguments.required(pack, "--pack")?;
    if interval.is_zero() {
        return Err("--interval-ms: expected at least 1".to_owned());
    }
    let users = file.map(|file| users_file::read_users(&file)).transpose()?;
    let users = users.map(|users| users.into_iter().collect());
    Ok(Options {
        pack,
        users,
        interval,
        state,
        until_complete,
        json,
    })
}

/// All of a look's changes, flushed.
fn print(changes: &[Change], json: bool) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for change in changes {
        if json {
            // One line in one write: a kill never leaves half of one.
            out.write_all(format!("{}\n", object(change)).as_bytes())?;
        } else {
            writeln!(out, "{change}")?;
        }
    }
    out.flush()
}

/// Field by field, as the order is part of what others read.
fn object(change: &Change) -> String {
    let (kind, user, assignment) = (change.kind(), change.user_id, change.assignment_id);
    let mut object = format!(r#"{{"change":"{kind}","userId":{user},"assignmentId":{assignment}"#);
    if let (ChangeKind::Other, Some(after)) = (kind, &change.after) {
        object += &format!(r#","status":{}"#, serde_json::json!(after.status()));
    }
    object + "}"
}

/// How far everybody is, on a terminal.
struct View(ProgressBar);

impl View {
    fn new() -> Self {
        // Hidden by itself where standard error is no terminal.
        let style =
            ProgressStyle::with_template("{bar:30} {pos}/{len} completed, {msg} [{elapsed}]");
        Self(ProgressBar::new(0).with_style(style.expect("a valid template")))
    }

    fn show(&self, options: &Options, snapshot: &Snapshot) {
        let followed = |user: UserId| {
            options
                .users
                .as_ref()
                .is_none_or(|users| users.contains(&user))
        };
        let progress: Progress = snapshot
            .iter()
            .filter(|entry| followed(entry.user_id()))
            .map(|entry| entry.stage())
            .collect();
        self.0.set_length(progress.total);
        self.0.set_position(progress.completed);
        let Progress {
            waiting_for_approval: waiting,
            in_progress,
            ..
        } = progress;
        self.0.set_message(format!(
            "{waiting} waiting for approval, {in_progress} in progress"
        ));
    }

    /// Prints above the bar.
    fn above<T>(&self, print: impl FnOnce() -> T) -> T {
        self.0.suspend(print)
    }
}

impl Drop for View {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
