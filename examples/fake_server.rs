//! Runs the fake API server, so that the other example programs can be tried without an account. The server uses the
//! system clock.
//!
//! ```text
//! $ cargo run --features mock --example fake_server -- --users 1-600,700 --assigned 7,8 --move-ms 2000
//! export CONNECTEAM_BASE_URL=http://127.0.0.1:40123
//! export CONNECTEAM_API_KEY=fake-api-key
//! …
//! ```
//!
//! Paste the printed lines into a second terminal, then run `assign` and `follow` there.

#![forbid(unsafe_code)]

mod support;

use connecteam_onboarding::mock::{FakeOnboarding, Fault};
use connecteam_onboarding::{AssignmentStatus, PackId, UserId};
use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;
use support::arguments::Arguments;
use support::exit_status::ExitStatus;
use support::problem::Problem;
use support::{output, stop};

const HELP: &str = "\
usage: fake_server [--pack N]... [--users LIST] [--assigned LIST] [--limits MINUTE,DAY]
                   [--fail WHEN-STATUS@N]... [--delay-ms T] [--move-ms T]

Runs the fake of the Connecteam onboarding API until Ctrl-C, SIGTERM or SIGHUP, and prints the variables that
clients need.

  --pack N                a pack; may be repeated (default: 1001)
  --users LIST            the users of the account, for example 1-600,700 (default: 1-1000)
  --assigned LIST         users who are on each pack from the start (default: none)
  --limits MINUTE,DAY     the rate limits, in requests per minute and per day (default: none)
  --fail WHEN-STATUS@N    responds to the Nth request for assignments with this status; WHEN is `before`
                          (the request is not executed) or `after` (it is executed); may be repeated
  --delay-ms T            delays each response (default: 0)
  --move-ms T             at this interval, moves one user per pack along: from in progress to waiting
                          for approval, then to completed (default: never)
  -h, --help              prints this text

Exit status: 0 after a stop signal, 1 for bad usage.";

const CLIENT_ID: &str = "fake-client";
const CLIENT_SECRET: &str = "fake-secret";

struct Options {
    packs: Vec<PackId>,
    users: List,
    assigned: List,
    limits: Option<(u64, u64)>,
    /// Maps the number of a request to the fault that affects this request. The first request has number 1.
    faults: BTreeMap<usize, Fault>,
    delay: Option<Duration>,
    moves: Option<Duration>,
}

#[tokio::main]
async fn main() {
    let stop = stop::signal();
    let status = match run(stop).await {
        Ok(()) => ExitStatus::Success,
        Err(problem) => {
            output::problem(&problem);
            problem.status
        }
    };
    status.exit()
}

async fn run(stop: stop::Stop) -> Result<(), Problem> {
    let options = options().map_err(Problem::usage)?;
    let fake = FakeOnboarding::start_async().await;
    set_up(&fake, &options);
    print_variables(&fake).map_err(|e| Problem::input(format!("cannot print: {e}")))?;
    tokio::select! {
        () = move_users(&fake, &options) => {}
        () = stop => {}
    }
    output::note(format_args!(
        "{} requests: {} reads, {} writes, {} for a token; {} rate-limited",
        fake.requests(),
        fake.reads(),
        fake.writes(),
        fake.tokens(),
        fake.rate_limited(),
    ));
    Ok(())
}

fn set_up(fake: &FakeOnboarding, options: &Options) {
    fake.real_time()
        .add_oauth_client(CLIENT_ID, CLIENT_SECRET)
        .add_users(options.users.ids());
    for pack in &options.packs {
        fake.add_pack(*pack)
            .put_on_pack(*pack, options.assigned.ids());
    }
    if let Some((minute, day)) = options.limits {
        fake.limits(minute, day);
    }
    let mut next = 1;
    for (number, fault) in &options.faults {
        fake.pass_next(number - next).fail_next(fault.clone());
        next = number + 1;
    }
    if let Some(delay) = options.delay {
        fake.delay_responses(delay);
    }
}

fn print_variables(fake: &FakeOnboarding) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "export CONNECTEAM_BASE_URL={}", fake.base_url())?;
    writeln!(out, "export CONNECTEAM_API_KEY={}", fake.api_key())?;
    writeln!(out, "# OAuth 2.0, without CONNECTEAM_API_KEY:")?;
    writeln!(out, "# export CONNECTEAM_CLIENT_ID={CLIENT_ID}")?;
    writeln!(out, "# export CONNECTEAM_CLIENT_SECRET={CLIENT_SECRET}")?;
    out.flush()
}

/// After each interval, advances one user per pack by one stage. Picks the first user that has not completed the pack.
/// The returned future never completes.
async fn move_users(fake: &FakeOnboarding, options: &Options) {
    let Some(interval) = options.moves else {
        return std::future::pending().await;
    };
    loop {
        tokio::time::sleep(interval).await;
        for pack in &options.packs {
            let assignments = fake.assignments(*pack);
            let open = |status: &AssignmentStatus| *status != AssignmentStatus::Completed;
            match assignments.iter().find(|row| open(&row.status)) {
                Some(row) if row.is_waiting_approval => fake.approve(*pack, row.user_id),
                Some(row) => fake.finish_steps(*pack, row.user_id),
                None => continue,
            };
        }
    }
}

fn options() -> Result<Options, String> {
    use lexopt::Arg::{Long, Short};
    let mut options = Options {
        packs: Vec::new(),
        users: List(vec![1..=1_000]),
        assigned: List(Vec::new()),
        limits: None,
        faults: BTreeMap::new(),
        delay: None,
        moves: None,
    };
    let mut arguments = Arguments::new(HELP);
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("pack") => options.packs.push(arguments.parsed("--pack")?),
            Long("users") => options.users = arguments.parsed("--users")?,
            Long("assigned") => options.assigned = arguments.parsed("--assigned")?,
            Long("limits") => {
                let Pair(minute, day) = arguments.parsed("--limits")?;
                options.limits = Some((minute, day));
            }
            Long("fail") => {
                let At(number, fault) = arguments.parsed("--fail")?;
                if options.faults.insert(number, fault).is_some() {
                    return Err(format!("--fail: two faults for request {number}"));
                }
            }
            Long("delay-ms") => options.delay = Some(arguments.some_milliseconds("--delay-ms")?),
            Long("move-ms") => options.moves = Some(arguments.some_milliseconds("--move-ms")?),
            Long("help") | Short('h') => arguments.help(),
            other => return Err(other.unexpected().to_string()),
        }
    }
    if options.packs.is_empty() {
        options.packs.push(PackId::new(1001).expect("an id"));
    }
    Ok(options)
}

/// A list of ids and ranges of ids, for example `1-600,700`.
struct List(Vec<RangeInclusive<u64>>);

impl List {
    fn ids(&self) -> impl Iterator<Item = u64> {
        self.0.iter().cloned().flatten()
    }
}

impl FromStr for List {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let id = |text: &str| text.parse::<UserId>().map_err(|e| e.to_string());
        let range = |part: &str| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let range = id(first)?.get()..=id(last)?.get();
            if range.is_empty() {
                return Err(format!("`{part}` is an empty range"));
            }
            Ok(range)
        };
        text.split(',')
            .map(range)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

/// Two comma-separated numbers, for example `100,10000`.
struct Pair(u64, u64);

impl FromStr for Pair {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text
            .split_once(',')
            .and_then(|(minute, day)| Some((minute.parse().ok()?, day.parse().ok()?)));
        let (minute, day) =
            numbers.ok_or(format!("`{text}` is not MINUTE,DAY, for example 100,10000"))?;
        Ok(Self(minute, day))
    }
}

/// The number of a request, and the fault that affects this request. `after-502@2` is the fault `after-502` for request
/// 2.
struct At(usize, Fault);

impl FromStr for At {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = || {
            let (fault, number) = text.split_once('@')?;
            let (when, status) = fault.split_once('-')?;
            let number = number.parse().ok().filter(|number| *number > 0)?;
            let status = status
                .parse()
                .ok()
                .filter(|status| (200..=999).contains(status))?;
            let body = r#"{"detail":"a fault of the fake server"}"#;
            match when {
                "before" => Some(Self(number, Fault::before(status, body))),
                "after" => Some(Self(number, Fault::after(status, body))),
                _ => None,
            }
        };
        parse().ok_or(format!(
            "`{text}` is not WHEN-STATUS@N, for example after-502@2"
        ))
    }
}
