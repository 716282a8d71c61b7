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
At the end of the input, or at Ctrl-C, SIGTERM or SIGHUP, it sends the last batch and ends.

Exit status:
  0  each user is on the pack
  1  bad usage or input
  2  some users are rejected
  3  some users are not assigned: run them again
  4  some users are unknown
A second signal ends the program at once, with 128 + the signal's number.
";

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
    let mut status = ExitStatus::Success;
    let input = loop {
        let line = tokio::select! {
            biased;
            () = stop.clone() => break Ok(()),
            Some(Ok(reply)) = replies.join_next() => {
                status = worse(status, show(reply));
                continue;
            }
            line = lines.recv() => line,
        };
        let Some(line) = line else { break Ok(()) };
        match parse(&line) {
            Ok((pack, user)) => {
                let batcher = batcher.clone();
                replies.spawn(async move { (pack, user, batcher.assign(pack, user).await) });
            }
            Err(problem) => break Err(Problem::input(problem)),
        }
    };
    drop(batcher);
    while let Some(Ok(reply)) = replies.join_next().await {
        status = worse(status, show(reply));
    }
    // All replies have arrived, so the batcher task is about to end.
    let _ = task.await;
    input.map(|()| status)
}

fn show((pack, user, reply): (PackId, UserId, Option<Reply>)) -> ExitStatus {
    let Some((outcome, cause)) = reply else {
        return ExitStatus::RunAgain;
    };
    let cause = cause.map_or(String::new(), |cause| format!(": {cause}"));
    output::line(format_args!("pack {pack}, user {user}: {outcome}{cause}"));
    match outcome {
        Outcome::Unknown => ExitStatus::Unknown,
        Outcome::NotAssigned => ExitStatus::RunAgain,
        Outcome::Rejected(_) => ExitStatus::Rejected,
        _ => ExitStatus::Success,
    }
}

fn worse(a: ExitStatus, b: ExitStatus) -> ExitStatus {
    if a as u8 >= b as u8 { a } else { b }
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
