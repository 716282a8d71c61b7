//! Follows a pack and prints a line for each change.
//!
//! ```text
//! follow --pack N [--users-file F] [--interval-ms T] [--state FILE] [--until-complete] [--json]
//! ```
//!
//! `--state` keeps what the pack looked like between runs: changes that happened meanwhile are printed first, and
//! each is printed at least once. Without it, or with a new file, the first look is the baseline and prints nothing.
//! Passing failures go to standard error; a lasting one ends the program with status 1; done or Ctrl-C with 0.

#[path = "support/input.rs"]
mod input;

use connecteam_onboarding::{Change, ChangeKind, Client, Look, PackId, Snapshot, UserId};
use futures_util::StreamExt;
use indicatif::{ProgressBar, ProgressStyle};
use input::{milliseconds, read_users, value};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

const USAGE: &str =
    "usage: follow --pack N [--users-file F] [--interval-ms T] [--state FILE] [--until-complete] [--json]";

struct Options {
    pack: PackId,
    users: Option<Vec<UserId>>,
    interval: Duration,
    state: Option<PathBuf>,
    until_complete: bool,
    json: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    match follow().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

async fn follow() -> Result<(), String> {
    let options = options()?;
    let client = Client::from_env().map_err(|e| e.to_string())?;
    let saved = options.state.as_deref().map(load).transpose()?.flatten();

    let mut watch = client.pack(options.pack).watch(options.interval).with_baseline();
    if let Some(users) = options.users {
        watch = watch.only(users);
    }
    if let Some(saved) = saved {
        watch = watch.since(saved);
    }
    if options.until_complete {
        watch = watch.until_complete();
    }

    let bar = bar();
    let mut interrupt = std::pin::pin!(tokio::signal::ctrl_c());
    loop {
        let look = tokio::select! {
            look = watch.next() => look,
            _ = &mut interrupt => None,
        };
        match look {
            None => break,
            Some(Ok(look)) => {
                show(&bar, &look, options.json).map_err(|e| format!("standard output: {e}"))?;
                if let Some(state) = &options.state {
                    save(state, &look.snapshot)?;
                }
            }
            Some(Err(error)) if error.is_lasting() => return Err(error.to_string()),
            Some(Err(error)) => bar.suspend(|| eprintln!("warning: {error}; going on")),
        }
    }
    bar.finish_and_clear();
    Ok(())
}

fn options() -> Result<Options, String> {
    use lexopt::Arg::{Long, Short};
    let (mut pack, mut users, mut state) = (None, None, None);
    let mut interval = Duration::from_secs(60);
    let (mut until_complete, mut json) = (false, false);
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next().map_err(|e| format!("{e}\n{USAGE}"))? {
        match argument {
            Long("pack") => {
                let text = value(&mut arguments, "--pack")?;
                pack = Some(text.parse::<PackId>().map_err(|e| format!("--pack: {e}"))?);
            }
            Long("users-file") => users = Some(read_users(&value(&mut arguments, "--users-file")?)?),
            Long("interval-ms") => interval = milliseconds(&mut arguments, "--interval-ms")?,
            Long("state") => state = Some(PathBuf::from(value(&mut arguments, "--state")?)),
            Long("until-complete") => until_complete = true,
            Long("json") => json = true,
            Long("help") | Short('h') => return Err(USAGE.to_owned()),
            other => return Err(format!("{}\n{USAGE}", other.unexpected())),
        }
    }
    let pack = pack.ok_or_else(|| format!("--pack is missing\n{USAGE}"))?;
    Ok(Options { pack, users, interval, state, until_complete, json })
}

/// The saved snapshot; `None` where there is no file yet. One that cannot be read is never taken for an empty one.
fn load(file: &Path) -> Result<Option<Snapshot>, String> {
    let at = |problem: &dyn std::fmt::Display| format!("--state {}: {problem}", file.display());
    match std::fs::read(file) {
        Ok(bytes) => {
            serde_json::from_slice(&bytes).map(Some).map_err(|e| at(&format!("is no saved snapshot: {e}")))
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(at(&e)),
    }
}

/// Written beside the file, then renamed: a kill at any moment leaves the old one or the new one.
fn save(file: &Path, snapshot: &Snapshot) -> Result<(), String> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || -> std::io::Result<()> {
        let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer(std::io::BufWriter::new(&mut temporary), snapshot)?;
        temporary.as_file().sync_all()?;
        temporary.persist(file)?;
        Ok(())
    };
    write().map_err(|e| format!("--state {}: cannot be saved: {e}", file.display()))
}

/// Prints the changes, flushed before the snapshot is saved: each at least once.
fn show(bar: &ProgressBar, look: &Look, json: bool) -> std::io::Result<()> {
    bar.suspend(|| {
        let mut out = std::io::stdout().lock();
        for change in &look.changes {
            if json {
                writeln!(out, "{}", object(change))?;
            } else {
                writeln!(out, "{change}")?;
            }
        }
        out.flush()
    })?;
    let progress = look.snapshot.progress();
    bar.set_length(progress.total);
    bar.set_position(progress.completed);
    bar.set_message(format!(
        "{} waiting for approval, {} in progress",
        progress.waiting_for_approval, progress.in_progress
    ));
    Ok(())
}

fn object(change: &Change) -> serde_json::Value {
    let kind = change.kind();
    let mut object = serde_json::json!({
        "change": kind.as_str(),
        "userId": change.user_id,
        "assignmentId": change.assignment_id,
    });
    if let (ChangeKind::Other, Some(after)) = (kind, &change.after) {
        object["status"] = after.status().as_str().into();
    }
    object
}

fn bar() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} completed, {msg} [{elapsed}]");
    ProgressBar::new(0).with_style(style.expect("a valid template"))
}
