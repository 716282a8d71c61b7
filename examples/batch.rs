//! Reads users from standard input as they arrive. Users that arrive within a short interval are assigned together.
//!
//! `batch --help` lists the arguments, the environment variables and the exit statuses. To batch assignments in your
//! own service, copy the file `support/batcher.rs`.

#![forbid(unsafe_code)]

mod support;

use connecteam_onboarding::{Outcome, PackId, UserId};
use std::time::Duration;
use support::arguments::Arguments;
use support::batcher::{Batcher, Reply};
use support::exit_status::ExitStatus;
use support::problem::Problem;
use support::stop::{self, Stop};
use support::{environment, output};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

const HELP: &str = "\
usage: batch [--interval-ms T]

Reads lines from standard input, each with the id of a pack and the id of a user: `1001 7031021`. Assigns the
users that arrive within an interval together, in one run per pack, and prints the outcome of each.

  --interval-ms T   how long the first user of a batch waits for others (default 2000)
  -h, --help        print this text
";

const EXIT_STATUS: &str = "
Exit status, the first that applies:
  1  bad usage or input
  4  some users are unknown
  1  some users are not assigned, and the cause is permanent: correct it first
  3  some users are not assigned, and the cause is transient: run them again
  2  some users are rejected
  0  all users are on the pack
At the end of the input, it waits for the last batch. The first Ctrl-C, SIGTERM or SIGHUP sends the last batch
immediately, and stops each run that takes longer than 10 s. A second signal ends the program at once, with
128 + the signal's number.
";

/// How long a run may continue after a stop signal.
const GRACE: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() {
    let stop = stop::signal();
    let status = run(stop).await.unwrap_or_else(|problem| {
        output::problem(&problem);
        problem.status
    });
    status.exit()
}

async fn run(stop: Stop) -> Result<ExitStatus, Problem> {
    let interval = interval().map_err(Problem::usage)?;
    let client = environment::client("example-batch")?.build()?;
    let (batcher, task) = Batcher::start(client, interval);
    let (mut lines, mut replies) = (lines(), JoinSet::new());
    let (mut status, mut result) = (ExitStatus::Success, Ok(()));
    let (mut is_open, mut is_stopped) = (true, false);
    while is_open || !replies.is_empty() {
        tokio::select! {
            biased;
            () = stop.clone(), if !is_stopped => {
                batcher.stop(GRACE);
                (is_open, is_stopped) = (false, true);
            }
            Some(Ok(reply)) = replies.join_next() => status = worse(status, show(reply)),
            line = lines.recv(), if is_open => match line.map(|line| parse(&line)) {
                Some(Ok((pack, user))) => {
                    let batcher = batcher.clone();
                    replies.spawn(async move { (pack, user, batcher.assign(pack, user).await) });
                }
                Some(Err(problem)) => (is_open, result) = (false, Err(Problem::input(problem))),
                None => is_open = false,
            }
        }
    }
    drop(batcher);
    // The last clone of the batcher was just dropped, so the batcher task ends.
    let _ = task.await;
    result.map(|()| status)
}

fn show((pack, user, reply): (PackId, UserId, Option<Reply>)) -> ExitStatus {
    let Some((outcome, cause)) = reply else {
        return ExitStatus::RunAgain;
    };
    let reason = cause.as_ref();
    let reason = reason.map_or(String::new(), |cause| format!(": {cause}"));
    output::line(format_args!("pack {pack}, user {user}: {outcome}{reason}"));
    match outcome {
        Outcome::Unknown => ExitStatus::Unknown,
        Outcome::NotAssigned => {
            cause.map_or(ExitStatus::RunAgain, |cause| ExitStatus::of_error(&cause))
        }
        Outcome::Rejected(_) => ExitStatus::Rejected,
        _ => ExitStatus::Success,
    }
}

/// Returns the more severe of two exit statuses.
fn worse(a: ExitStatus, b: ExitStatus) -> ExitStatus {
    let order = [
        ExitStatus::Unknown,
        ExitStatus::Permanent,
        ExitStatus::RunAgain,
        ExitStatus::Rejected,
    ];
    let first = order.into_iter().find(|status| [a, b].contains(status));
    first.unwrap_or(ExitStatus::Success)
}

/// Reads standard input on a separate thread, so that a slow input does not block the program.
fn lines() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(1);
    std::thread::spawn(move || {
        let lines = std::io::stdin().lines().map_while(Result::ok);
        for line in lines {
            if sender.blocking_send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

fn parse(line: &str) -> Result<(PackId, UserId), String> {
    let (pack, user) = line
        .trim()
        .split_once(char::is_whitespace)
        .ok_or_else(|| format!("`{line}` is not the id of a pack and the id of a user"))?;
    let pack = pack.parse().map_err(|e| format!("`{line}`: {e}"))?;
    let user = user.trim().parse().map_err(|e| format!("`{line}`: {e}"))?;
    Ok((pack, user))
}

fn interval() -> Result<Duration, String> {
    use lexopt::Arg::{Long, Short};
    let mut interval = Duration::from_secs(2);
    let mut arguments = Arguments::new([HELP, environment::HELP, EXIT_STATUS].concat());
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("interval-ms") => interval = arguments.milliseconds("--interval-ms")?,
            Long("help") | Short('h') => arguments.help(),
            other => return Err(other.unexpected().to_string()),
        }
    }
    Ok(interval)
}
