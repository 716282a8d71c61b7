//! Measures three jobs of the client over the loopback interface: read a pack, assign users and watch a pack. The
//! baseline is a hand-written program. The Markdown tables show time, CPU instructions and memory. `benches/README.md`
//! explains the tables.
//!
//! - `cargo bench --bench wire` prints the tables.
//! - `cargo bench --bench wire -- growth` measures how the CPU instructions grow with the number of items. The
//!   results are written to `benches/growth.csv` and `benches/growth.svg`.
//! - `cargo bench --bench wire -- profile` prints how many CPU instructions each function executes.
//!
//! Valgrind counts the CPU instructions.

mod support;

use connecteam_onboarding::{Client, Pack};
use futures_util::StreamExt as _;
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Duration;
use support::api::wire::Answer;
use support::api::{Server, Window, pack_id};
use support::by_hand;
use support::plot::{self, Axis, Line};
use support::process;
use support::{Peak, arguments, median, order, timed, usage};
use tokio::runtime::Runtime;

const ROUNDS: usize = 7;

/// The number of reads per change. In each group of 12 reads, only the last response contains a changed assignment.
const READS_PER_CHANGE: usize = 12;

/// The first argument of a child process that runs one of the compared programs.
const CHILD: &str = "contestant";

const OURS: &str = "ours";
/// A minimal program with `reqwest` and `serde` that returns the same typed list as our client.
const BY_HAND: &str = "by-hand";
/// A variant of the hand-written program that opens a new connection for each request, as our client does.
const BY_HAND_UNPOOLED: &str = "by-hand-unpooled";

fn main() {
    let arguments = arguments();
    match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => tables(),
        ["growth"] => growth(),
        ["profile"] => profile(),
        [CHILD, name, url, job, turns] => {
            let turns = turns.parse().expect("a number");
            run_contestant(name, url, Job::parse(job), turns);
        }
        _ => usage("wire [growth|profile]"),
    }
}

#[derive(Clone, Copy)]
enum Job {
    Read,
    /// Assigns the users in a list of this length. A fifth of the listed ids are duplicates.
    Assign(usize),
    /// Polls a pack until an assignment changes. The hand-written program reads the pack as often as our client does.
    Watch,
}

impl Job {
    fn parse(text: &str) -> Self {
        match text {
            "read" => Self::Read,
            "watch" => Self::Watch,
            ids => Self::Assign(ids.parse().expect("a number of ids")),
        }
    }

    fn text(self) -> String {
        match self {
            Self::Read => "read".to_owned(),
            Self::Watch => "watch".to_owned(),
            Self::Assign(ids) => ids.to_string(),
        }
    }
}

enum Contestant {
    Ours(Pack),
    ByHand(reqwest::Client, String),
}

impl Contestant {
    fn new(name: &str, url: &str) -> Self {
        if name == OURS {
            // The default size limit for response bodies is too small for a million assignments.
            let builder = Client::builder()
                .api_key("key")
                .base_url(url)
                .max_body_bytes(1 << 30);
            return Self::Ours(builder.build().expect("a client").pack(pack_id()));
        }
        // The crate builds reqwest with the feature `rustls-no-provider`, so the program must install a crypto
        // provider.
        rustls::crypto::ring::default_provider()
            .install_default()
            .expect("the first");
        let mut builder = reqwest::Client::builder();
        if name == BY_HAND_UNPOOLED {
            builder = builder.pool_max_idle_per_host(0);
        }
        let client = builder.build().expect("a client");
        let url = format!("{url}/onboarding/v1/packs/1001/assignments");
        Self::ByHand(client, url)
    }

    /// Returns the run time of the job, without the time to create the list of ids.
    fn turn(&self, runtime: &Runtime, job: Job) -> Duration {
        let ids = match job {
            // In each group of five ids, four ids are new and the last one repeats an earlier id.
            Job::Assign(ids) => (0..ids as u64)
                .map(|i| 9_000_001 + if i % 5 == 4 { i / 2 } else { i - i / 5 })
                .collect(),
            Job::Read | Job::Watch => Vec::new(),
        };
        timed(|| self.counted(runtime, job, ids))
    }

    /// Callgrind counts only the instructions of functions whose name contains `counted`.
    #[inline(never)]
    fn counted(&self, runtime: &Runtime, job: Job, ids: Vec<u64>) {
        match self {
            Self::Ours(pack) => runtime.block_on(ours(pack, job, ids)),
            Self::ByHand(client, url) => runtime.block_on(by_hand(client, url, job, ids)),
        }
    }
}

async fn ours(pack: &Pack, job: Job, ids: Vec<u64>) {
    match job {
        Job::Read => drop(black_box(pack.assignments().await.expect("a list"))),
        Job::Assign(_) => drop(black_box(pack.assign(ids).await.expect("a report"))),
        Job::Watch => {
            let mut watch = pack.watch(Duration::ZERO);
            let update = watch.next().await.expect("an update").expect("no failure");
            assert_eq!(update.changes.len(), 1);
        }
    }
}

async fn by_hand(client: &reqwest::Client, url: &str, job: Job, ids: Vec<u64>) {
    match job {
        Job::Read => drop(black_box(by_hand::read(client, url).await)),
        Job::Assign(_) => by_hand::assign(client, url, ids).await,
        Job::Watch => {
            for _ in 0..READS_PER_CHANGE {
                black_box(by_hand::read(client, url).await);
            }
        }
    }
}

/// Prints the median time in seconds, and the peak memory in KiB.
fn run_contestant(name: &str, url: &str, job: Job, turns: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let contestant = runtime.block_on(async { Contestant::new(name, url) });
    let peak = Peak::start();
    let times = (0..turns).map(|_| contestant.turn(&runtime, job));
    let time = median(times.collect());
    println!("{} {}", time.as_secs_f64(), peak.kibibytes());
}

fn contestant(name: &str, server: &Server, job: Job, turns: usize) -> Vec<String> {
    let turns = turns.to_string();
    [CHILD, name, &server.base_url(), &job.text(), &turns]
        .map(str::to_owned)
        .to_vec()
}

/// Returns the number of CPU instructions per repetition of the job, or `None` if valgrind is not installed.
fn instructions(name: &str, server: &Server, job: Job) -> Option<f64> {
    let [one, two] = [1, 2].map(|turns| contestant(name, server, job, turns));
    // One process runs the job once, and the other runs it twice. Each process sets up one client, so the difference
    // between the two counts is the cost of one repetition.
    Some(process::instructions(&two)? - process::instructions(&one)?)
}

/// The server creates its responses in advance, so that the response time is equal for all compared programs.
fn server(assignments: usize) -> Server {
    let list =
        |changed| {
            let rows = (1..=assignments).map(|i| {
            let completed = i % 3 == 0 || (changed && i == 1);
            let status = if completed { "completed" } else { "in_progress" };
            let (id, user, waiting) = (i * 7, 9_000_000 + i, i % 5 == 0);
            format!(
                r#"{{"id":{id},"userId":{user},"status":"{status}","isWaitingApproval":{waiting}}}"#
            )
        });
            let rows = rows.collect::<Vec<_>>().join(",");
            json_response(format!(r#""data":{{"assignments":[{rows}]}}"#))
        };
    let (list, changed) = (list(false), list(true));
    let assigned = json_response(r#""data":{}"#.to_owned());
    let mut reads = 0_usize;
    let server = Server::start();
    server.with(|world| {
        // The client reads the rate-limit headers, but never waits, because the limits are very high.
        world.minute = Some(Window::new(1_000_000_000, 60.0));
        world.day = Some(Window::new(1_000_000_000, 86_400.0));
        world.canned = Some(Box::new(move |request| {
            if request.method != "GET" {
                return assigned.clone();
            }
            reads += 1;
            if reads.is_multiple_of(READS_PER_CHANGE) {
                changed.clone()
            } else {
                list.clone()
            }
        }));
    });
    server
}

fn json_response(data: String) -> Answer {
    let id = r#""requestId":"d4e5f6a7-8901-23bc-def4-567890abcdef""#;
    Answer::new(200, "application/json", format!("{{{id},{data}}}"))
}

fn tables() {
    let servers = [0, 10_000, 100_000].map(server);
    let [empty, small, large] = &servers;
    println!("| what | ours | by hand | time | instructions | peak memory |");
    println!("|---|--:|--:|--:|--:|--:|");
    row("read 10,000 assignments", small, Job::Read, 15, true);
    row("read 100,000 assignments", large, Job::Read, 5, true);
    let assign = Job::Assign(100_000);
    row(
        "assign 100,000 ids, a fifth repeated",
        empty,
        assign,
        5,
        true,
    );
    let assign_more = Job::Assign(1_000_000);
    row(
        "assign 1,000,000 ids, a fifth repeated",
        empty,
        assign_more,
        3,
        false,
    );
    let slow = server(0);
    slow.delay(Duration::from_millis(50));
    row(
        "assign 100,000 ids, 50 ms per response",
        &slow,
        assign,
        1,
        false,
    );
    row(
        "12 polls of 100,000, the last finds a change",
        large,
        Job::Watch,
        3,
        true,
    );

    println!(
        "\n| what | ours | by hand, a connection per request | time | by hand, one connection | a connection costs |"
    );
    println!("|---|--:|--:|--:|--:|--:|");
    connections("read 10,000 assignments", small, Job::Read, 15, 1);
    connections("read 100,000 assignments", large, Job::Read, 5, 1);
    connections("assign 100,000 ids", empty, assign, 5, 160);
}

/// Returns the median time in seconds and the median peak memory in KiB, for each compared program.
fn measure<const N: usize>(
    names: [&str; N],
    server: &Server,
    job: Job,
    turns: usize,
) -> [(f64, f64); N] {
    let rounds = if turns == 1 { 3 } else { ROUNDS };
    let mut taken = [const { Vec::new() }; N];
    for round in 0..rounds {
        for place in order(names.len(), round) {
            let arguments = contestant(names[place], server, job, turns);
            taken[place].push(process::numbers(&arguments));
        }
    }
    taken.map(|taken| {
        let [seconds, memory] =
            [0, 1].map(|column| median(taken.iter().map(|row| row[column]).collect()));
        (seconds, memory)
    })
}

fn row(what: &str, server: &Server, job: Job, turns: usize, count: bool) {
    let names = [OURS, BY_HAND];
    let [(ours, our_memory), (by_hand, memory)] = measure(names, server, job, turns);
    let counts = names.map(|name| count.then(|| instructions(name, server, job)).flatten());
    let counts = match counts {
        [Some(ours), Some(by_hand)] => {
            let (ratio, ours, by_hand) = (ours / by_hand, ours / 1e6, by_hand / 1e6);
            format!("{ours:.1} / {by_hand:.1} M = {ratio:.2}")
        }
        _ => "–".to_owned(),
    };
    println!(
        "| {what} | {:.2} ms | {:.2} ms | {:.2} | {counts} | {:.1} / {:.1} MiB = {:.2} |",
        ours * 1e3,
        by_hand * 1e3,
        ours / by_hand,
        our_memory / 1024.0,
        memory / 1024.0,
        our_memory / memory
    );
}

/// Prints how much time a program loses if it opens a new connection for each request.
fn connections(what: &str, server: &Server, job: Job, turns: usize, requests: u32) {
    let names = [OURS, BY_HAND_UNPOOLED, BY_HAND];
    let [ours, each, one] = measure(names, server, job, turns).map(|(seconds, _)| seconds * 1e3);
    println!(
        "| {what} | {ours:.2} ms | {each:.2} ms | {:.2} | {one:.2} ms | {:.2} ms |",
        ours / each,
        (each - one) / f64::from(requests)
    );
}

fn profile() {
    let servers = [0, 100_000].map(server);
    let [empty, large] = &servers;
    for (what, server, job) in [
        ("read 100,000 assignments", large, Job::Read),
        ("assign 100,000 ids", empty, Job::Assign(100_000)),
        ("12 polls of 100,000", large, Job::Watch),
    ] {
        let text = process::profile(&contestant(OURS, server, job, 2));
        let text = text.unwrap_or_else(|| "no valgrind".to_owned());
        println!("== {what}\n{text}");
    }
}

fn growth() {
    const SIZES: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];
    let mut table = String::from("what,items,instructions,instructions per item\n");
    let mut lines = Vec::new();
    for (what, color, name, assigns) in [
        ("read, ours", "#0b6e4f", OURS, false),
        ("read, by hand", "#7fc8a9", BY_HAND, false),
        ("assign, ours", "#1f4e9e", OURS, true),
        ("assign, by hand", "#8fb3e8", BY_HAND, true),
    ] {
        let mut points = Vec::new();
        for size in SIZES {
            let (on_pack, job) = if assigns {
                (0, Job::Assign(size))
            } else {
                (size, Job::Read)
            };
            let Some(count) = instructions(name, &server(on_pack), job) else {
                eprintln!("valgrind is missing");
                std::process::exit(1);
            };
            let each = count / size as f64;
            let _ = writeln!(table, "\"{what}\",{size},{count:.0},{each:.0}");
            points.push((size as f64, count));
        }
        lines.push(Line {
            name: what,
            color,
            points,
        });
    }
    let items = Axis {
        name: "items",
        from: 3,
        to: 6,
    };
    let count = Axis {
        name: "instructions of one turn",
        from: 5,
        to: 10,
    };
    print!("{table}");
    let picture = plot::svg(items, count, &lines);
    for (name, text) in [("growth.csv", table), ("growth.svg", picture)] {
        let path = format!("{}/benches/{name}", env!("CARGO_MANIFEST_DIR"));
        std::fs::write(path, text).expect("the folder can be written");
    }
}
