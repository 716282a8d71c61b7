//! Assigns the users listed in a file to a pack. The program can use the real API or the fake API server.
//!
//! `assign --help` lists the arguments, the environment variables and the exit statuses. With `--json`, the program
//! prints one JSON object to standard output, even if it fails. A second stop signal ends the program at once, without
//! a JSON object.

#![forbid(unsafe_code)]

mod support;

use connecteam_onboarding::{Assign, AssignError, PackId, Plan, Report};
use serde::Serialize;
use std::time::Duration;
use support::arguments::{self, Arguments};
use support::exit_status::{self, ExitStatus};
use support::problem::Problem;
use support::stop::{self, Stop};
use support::{bar, environment, output, users_file};

const HELP: &str = "\
usage: assign --pack N --users-file F [options]

Assigns the users of a file to an onboarding pack. Users already on the pack are skipped, so a list can be run
again. Shows a progress bar on a terminal.

  --pack N           the id of the pack
  --users-file F     a file of user ids, one a line; blank lines and text after a # are ignored;
                     - is standard input
  --json             print one JSON object instead of text, on errors too
  --plan             read the pack, print what a run would do, and assign no user
  --all-or-nothing   assign all users in one request, or none
  --timeout-ms T     give up an attempt when the server sends nothing for T ms (default 60000)
  --settle-ms T      a request that was given up is executed within T ms or never (default 3000)
  --max-requests N   send at most N requests (default: 1 read, 1 request per chunk, and for the search for
                     rejected users 256 requests or a tenth of the users, whichever is larger)
  -h, --help         print this text
";

/// The default of [`connecteam_onboarding::ClientBuilder::connect_timeout`].
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

struct Options {
    pack: PackId,
    file: String,
    all_or_nothing: bool,
    timeout: Option<Duration>,
    settle: Option<Duration>,
    max_requests: Option<u64>,
}

#[tokio::main]
async fn main() {
    let stop = stop::signal();
    // `--json` and `--plan` are read first, so that errors in the other arguments are printed in the requested format.
    let print = Print {
        json: arguments::has("--json"),
        plan: arguments::has("--plan"),
    };
    let status = run(&stop, print).await;
    status
        .unwrap_or_else(|problem| print.problem(problem))
        .exit()
}

async fn run(stop: &Stop, print: Print) -> Result<ExitStatus, Problem> {
    let options = options().map_err(Problem::usage)?;
    let all_or_nothing = options.all_or_nothing;
    let assign = stop::unless_stopped(stop, prepare(options)).await??;
    if print.plan {
        let plan = stop::unless_stopped(stop, assign.plan()).await??;
        print.plan(plan);
        return Ok(ExitStatus::Success);
    }
    let result = bar::run(assign, stop.clone()).await;
    let cause = result.as_ref().err().map(|error| error.cause().clone());
    let report = result.unwrap_or_else(AssignError::into_report);
    let status = ExitStatus::of_run(&report, cause.as_ref(), all_or_nothing);
    print.report(report, cause.as_ref().map(Problem::from));
    Ok(status)
}

/// Reads the user ids and configures the run. Sends no request.
async fn prepare(options: Options) -> Result<Assign, Problem> {
    let users = stop::blocking(move || users_file::read(&options.file)).await;
    let users = users.map_err(Problem::input)?;
    let mut builder = environment::client("example-assign")?;
    if let Some(timeout) = options.timeout {
        builder = builder
            .read_timeout(timeout)
            .connect_timeout(timeout.min(CONNECT_TIMEOUT));
    }
    let mut assign = builder.build()?.pack(options.pack).assign(users);
    if options.all_or_nothing {
        assign = assign.all_or_nothing();
    }
    if let Some(settle) = options.settle {
        assign = assign.settle(settle);
    }
    if let Some(requests) = options.max_requests {
        assign = assign.max_requests(requests);
    }
    Ok(assign)
}

fn options() -> Result<Options, String> {
    use lexopt::Arg::{Long, Short};
    let (mut pack, mut file) = (None, None);
    let (mut timeout, mut settle, mut max_requests) = (None, None, None);
    let mut all_or_nothing = false;
    let mut arguments = Arguments::new([HELP, environment::HELP, exit_status::HELP].concat());
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("pack") => pack = Some(arguments.parsed("--pack")?),
            Long("users-file") => file = Some(arguments.value("--users-file")?),
            Long("timeout-ms") => timeout = Some(arguments.some_milliseconds("--timeout-ms")?),
            Long("settle-ms") => settle = Some(arguments.milliseconds("--settle-ms")?),
            Long("max-requests") => max_requests = Some(arguments.number("--max-requests")?),
            Long("all-or-nothing") => all_or_nothing = true,
            Long("json" | "plan") => {}
            Long("help") | Short('h') => arguments.help(),
            other => return Err(other.unexpected().to_string()),
        }
    }
    Ok(Options {
        pack: arguments.required(pack, "--pack")?,
        file: arguments.required(file, "--users-file")?,
        all_or_nothing,
        timeout,
        settle,
        max_requests,
    })
}

/// Selects what to print (a report or a plan) and in which format (text or JSON).
#[derive(Clone, Copy)]
struct Print {
    json: bool,
    plan: bool,
}

impl Print {
    fn plan(self, plan: Plan) {
        if self.json {
            print_object(PlanObject::from(plan), None);
        } else {
            output::plan(&plan);
        }
    }

    fn report(self, report: Report, cause: Option<Problem>) {
        if self.json {
            print_object(report, cause);
        } else {
            output::report(&report, cause.as_ref());
        }
    }

    /// Prints an error that occurred before a plan or report was available.
    fn problem(self, problem: Problem) -> ExitStatus {
        let status = problem.status;
        match self {
            Self { json: false, .. } => output::problem(&problem),
            Self { plan: true, .. } => print_object(PlanObject::default(), Some(problem)),
            Self { plan: false, .. } => print_object(no_report(), Some(problem)),
        }
        status
    }
}

#[derive(Serialize)]
struct Object<T> {
    #[serde(flatten)]
    result: T,
    error: Option<Problem>,
}

fn print_object(result: impl Serialize, error: Option<Problem>) {
    let object = serde_json::to_string(&Object { result, error });
    output::line(object.expect("plain data"));
}

/// The JSON form of a plan. If an error occurs before a plan is available, all counts are 0.
#[derive(Default, Serialize)]
struct PlanObject {
    unique: u64,
    duplicates: u64,
    already_assigned: u64,
    to_assign: u64,
    requests: u64,
    requests_if_rejected: u64,
    max_requests: u64,
    fits_today: Option<bool>,
}

impl From<Plan> for PlanObject {
    fn from(plan: Plan) -> Self {
        Self {
            unique: plan.unique,
            duplicates: plan.duplicates,
            already_assigned: plan.already_assigned,
            to_assign: plan.to_assign,
            requests: plan.requests,
            requests_if_rejected: output::requests_if_some_are_rejected(&plan),
            max_requests: plan.max_requests,
            fits_today: plan.fits_today,
        }
    }
}

fn no_report() -> Report {
    let empty = r#"{"assigned":[],"already_assigned":[],"rejected":[],"not_assigned":[],"unknown":[],
        "duplicates":0,"requests":0}"#;
    serde_json::from_str(empty).expect("every field of a report")
}
