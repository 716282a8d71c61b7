//! Assigns the users of a file to a pack, against any server that speaks the API.
//!
//! ```text
//! assign --pack N --users-file F [--json] [--plan] [--all-or-nothing]
//!        [--timeout-ms T] [--settle-ms T] [--max-requests N]
//! ```
//!
//! One id a line; blank lines and what follows a `#` are ignored; `-` is standard input. The credential comes
//! from the environment: `CONNECTEAM_API_KEY`, or `CONNECTEAM_CLIENT_ID` and `CONNECTEAM_CLIENT_SECRET`, and
//! `CONNECTEAM_BASE_URL`.
//!
//! Exit status, the first that applies: 1 bad usage or input; 4 somebody is unknown; 2 all-or-nothing refused;
//! somebody is not assigned, 1 if the cause lasts, 3 if running it again may help; 2 somebody is rejected; 0.

#[path = "support/arguments.rs"]
mod arguments;
#[path = "support/output.rs"]
mod output;
#[path = "support/stop.rs"]
mod stop;
#[path = "support/users_file.rs"]
mod users_file;

use arguments::Arguments;
use connecteam_onboarding::{
    AssignError, ClientBuilder, Error, ErrorKind, PackId, Plan, Report, UserId,
};
use futures_util::FutureExt as _;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use std::process::ExitCode;
use std::time::{Duration, UNIX_EPOCH};

const USAGE: &str = "usage: assign --pack N --users-file F [--json] [--plan] [--all-or-nothing] \
                     [--timeout-ms T] [--settle-ms T] [--max-requests N]";

/// The exit status that says: running it again may help.
const RUN_AGAIN: u8 = 3;

struct Options {
    pack: PackId,
    users: Vec<UserId>,
    json: bool,
    plan: bool,
    all_or_nothing: bool,
    timeout: Option<Duration>,
    settle: Option<Duration>,
    max_requests: Option<u64>,
}

#[tokio::main]
async fn main() -> ExitCode {
    // Asked first, so that even a wrong call is answered in JSON.
    let asked = |flag: &str| std::env::args_os().skip(1).any(|argument| argument == flag);
    let (json, plan) = (asked("--json"), asked("--plan"));
    // Heard from here on: the list may come from somebody who types it.
    let stopped = tokio::spawn(stop::stopped()).map(drop).shared();
    let options = tokio::select! {
        options = tokio::task::spawn_blocking(options) => options.unwrap_or_else(|e| Err(e.to_string())),
        () = stopped.clone() => {
            bad(json, plan, ErrorKind::Stopped.as_str(), "stopped before anything was sent");
            // Not by returning: what reads standard input would be waited for.
            std::process::exit(RUN_AGAIN.into());
        }
    };
    let options = match options {
        Ok(options) => options,
        Err(problem) => return bad(json, plan, "usage", &problem),
    };
    let mut builder = match ClientBuilder::from_env() {
        Ok(builder) => builder.user_agent_suffix("example-assign"),
        Err(error) => return bad(json, plan, error.kind().as_str(), &error.to_string()),
    };
    if let Some(timeout) = options.timeout {
        builder = builder.read_timeout(timeout);
    }
    let client = match builder.build() {
        Ok(client) => client,
        Err(error) => return bad(json, plan, error.kind().as_str(), &error.to_string()),
    };

    let mut assign = client.pack(options.pack).assign(options.users);
    if options.all_or_nothing {
        assign = assign.all_or_nothing();
    }
    if let Some(settle) = options.settle {
        assign = assign.settle(settle);
    }
    if let Some(most) = options.max_requests {
        assign = assign.max_requests(most);
    }
    if options.plan {
        return tokio::select! {
            plan = assign.plan() => show_plan(options.json, plan),
            () = stopped => {
                bad(options.json, true, ErrorKind::Stopped.as_str(), "the plan was stopped");
                ExitCode::from(RUN_AGAIN)
            }
        };
    }

    // Hidden by itself where standard error is no terminal.
    let bar = ProgressBar::new(0).with_style(
        ProgressStyle::with_template("{bar:30} {pos}/{len} users, {msg} [{elapsed}]")
            .expect("a valid template"),
    );
    let shown = bar.clone();
    let result = assign
        .on_progress(move |progress| {
            shown.set_length(progress.total);
            shown.set_position(progress.settled);
            shown.set_message(format!("{} requests", progress.requests));
        })
        .stop_when(stopped)
        .await;
    bar.finish_and_clear();
    show_report(options.json, options.all_or_nothing, result)
}

fn options() -> Result<Options, String> {
    use lexopt::Arg::{Long, Short};
    let (mut pack, mut file) = (None, None);
    let (mut timeout, mut settle, mut max_requests) = (None, None, None);
    let (mut json, mut plan, mut all_or_nothing) = (false, false, false);
    let mut arguments = Arguments::new(USAGE);
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("pack") => pack = Some(arguments.parsed("--pack")?),
            Long("users-file") => file = Some(arguments.value("--users-file")?),
            Long("timeout-ms") => timeout = Some(arguments.milliseconds("--timeout-ms")?),
            Long("settle-ms") => settle = Some(arguments.milliseconds("--settle-ms")?),
            Long("max-requests") => max_requests = Some(arguments.number("--max-requests")?),
            Long("json") => json = true,
            Long("plan") => plan = true,
            Long("all-or-nothing") => all_or_nothing = true,
            Long("help") | Short('h') => arguments.help(),
            other => return Err(format!("{}\n{USAGE}", other.unexpected())),
        }
    }
    let pack = arguments.required(pack, "--pack")?;
    let file = arguments.required(file, "--users-file")?;
    if timeout.is_some_and(|timeout| timeout.is_zero()) {
        return Err("--timeout-ms: expected at least 1".to_owned());
    }
    let users = users_file::read_users(&file)?;
    Ok(Options {
        pack,
        users,
        json,
        plan,
        all_or_nothing,
        timeout,
        settle,
        max_requests,
    })
}

fn show_report(json: bool, all_or_nothing: bool, result: Result<Report, AssignError>) -> ExitCode {
    let cause = result.as_ref().err().map(|error| error.cause().clone());
    let report = result.unwrap_or_else(AssignError::into_report);
    if json {
        let text = serde_json::to_string(&report).expect("a report is plain data");
        print_object(&text, &cause.as_ref().map_or(Value::Null, error_object));
    } else {
        output::line(format_args!("{report}"));
        for (id, why) in report.rejected() {
            output::line(format_args!("rejected {id}: {why}"));
        }
        if let Some(cause) = &cause {
            eprintln!("error: {cause}");
        }
    }
    let refused = all_or_nothing
        && cause
            .as_ref()
            .is_some_and(|cause| cause.kind() == ErrorKind::Validation);
    ExitCode::from(if report.unknown().next().is_some() {
        4
    } else if refused {
        2
    } else if let Some(cause) =
        cause.filter(|cause| cause.is_permanent() || report.not_assigned().next().is_some())
    {
        failure(&cause)
    } else if report.rejected().next().is_some() {
        2
    } else {
        0
    })
}

fn show_plan(json: bool, result: Result<Plan, Error>) -> ExitCode {
    let status = result.as_ref().map_or_else(failure, |_| 0);
    match (json, result) {
        (true, Ok(plan)) => {
            print_object(
                &serde_json::to_string(&plan).expect("a plan is plain data"),
                &Value::Null,
            );
        }
        (true, Err(error)) => print_object(NO_PLAN, &error_object(&error)),
        (false, Ok(plan)) => output::line(format_args!("{plan}")),
        (false, Err(error)) => eprintln!("error: {error}"),
    }
    ExitCode::from(status)
}

/// 1 where somebody must mend something first, 3 where running it again may do.
fn failure(error: &Error) -> u8 {
    if error.is_permanent() { 1 } else { RUN_AGAIN }
}

fn error_object(error: &Error) -> Value {
    let seconds = |at: std::time::SystemTime| {
        at.duration_since(UNIX_EPOCH)
            .ok()
            .map(|since| since.as_secs())
    };
    serde_json::json!({
        "kind": error.kind().as_str(),
        "message": error.to_string(),
        "retry_at": error.retry_at().and_then(seconds),
    })
}

/// What a call that did nothing has to tell.
const NO_REPORT: &str = r#"{"assigned":[],"already_assigned":[],"rejected":[],"not_assigned":[],"unknown":[],"duplicates":0,"requests":0}"#;
const NO_PLAN: &str = r#"{"unique":0,"duplicates":0,"already_assigned":0,"to_assign":0,"requests":0,"max_requests":0,"fits_today":null}"#;

/// An object with one field more, in its order.
fn print_object(object: &str, error: &Value) {
    let fields = object.strip_suffix('}').unwrap_or(object);
    output::line(format_args!("{fields},\"error\":{error}}}"));
}

fn bad(json: bool, plan: bool, kind: &str, problem: &str) -> ExitCode {
    if json {
        let error = serde_json::json!({"kind": kind, "message": problem, "retry_at": null});
        print_object(if plan { NO_PLAN } else { NO_REPORT }, &error);
    } else {
        eprintln!("error: {problem}");
    }
    ExitCode::FAILURE
}
