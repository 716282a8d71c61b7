//! Measures how long the client needs to assign a million users. The rate limits are 100 requests per minute and
//! 10,000 per day, and time is simulated.
//!
//! The baseline is the shortest time that the rate limits permit. In the first row of the table, only the client sends
//! requests. In the other rows, another program uses a third of the per-minute limit.
//!
//! `cargo bench --bench quota` prints a Markdown table. The benchmark runs the complete client over real connections.

mod support;

use connecteam_onboarding::{Client, Clock, Sleep};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use support::api::wire::{Answer, Request};
use support::api::{Server, Window, pack_id};
use support::median;
use tokio::sync::oneshot;

const USERS: u64 = 1_000_000;
const MINUTE_LIMIT: u64 = 100;
const DAY_LIMIT: u64 = 10_000;
/// The client's default limit for requests in flight.
const IN_FLIGHT: u32 = 4;
/// The simulated one-way latency, for requests and for responses.
const WAY: Duration = Duration::from_millis(50);
/// Simulated time starts at 2026-01-01T00:00:00Z, so that the per-minute and per-day windows start together with the
/// run.
const START: Duration = Duration::from_secs(1_767_225_600);

fn main() {
    println!(
        "| on the account | others' requests | simulated time | the windows permit | ratio | refused | most in a minute |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|");
    row("alone", 0, 0, 0);
    let mut ratios = Vec::new();
    for seed in 1..=3 {
        for (when, within) in [("all minute", 60_000), ("with ours", 2_000)] {
            let what = format!("another, {when}, seed {seed}");
            ratios.push(row(&what, MINUTE_LIMIT / 3, within, seed));
        }
    }
    println!("\nmedian ratio with another: {:.4}", median(ratios));
}

/// Returns the client's time divided by the shortest time that the rate limits permit.
fn row(what: &str, others_per_minute: u64, within: u64, seed: u64) -> f64 {
    let (time, _running) = Time::start();
    let assigned = Arc::new(AtomicU64::new(0));
    let server = Arc::new(server(&time, &assigned));
    let others = Arc::new(Mutex::new(BTreeMap::new()));
    if others_per_minute > 0 {
        let (server, others, time) = (Arc::clone(&server), Arc::clone(&others), time.clone());
        std::thread::spawn(move || {
            let mut random = fastrand::Rng::with_seed(seed);
            for minute in 0.. {
                let mut times: Vec<_> = (0..others_per_minute)
                    .map(|_| Duration::from_millis(minute * 60_000 + random.u64(0..within)))
                    .collect();
                times.sort_unstable();
                for at in times {
                    if !time.block(at.saturating_sub(time.now())) {
                        return;
                    }
                    if server.with(|world| world.take()) {
                        let minute = time.now().as_secs() / 60;
                        *lock(&others).entry(minute).or_default() += 1;
                    }
                }
            }
        });
    }
    let client = Client::builder()
        .api_key("key")
        .base_url(server.base_url())
        .clock(time.clone())
        // The read time-out uses real time. The time-out must not expire while the server delays a response in
        // simulated time.
        .read_timeout(Duration::from_secs(600))
        .build()
        .expect("a client");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let run = async { client.pack(pack_id()).assign(1..=USERS).await };
    let report = runtime.block_on(run).expect("all users are assigned");
    let took = time.now();
    assert_eq!(report.assigned().count() as u64, USERS);
    assert_eq!(assigned.load(Ordering::Relaxed), USERS);

    let mut refused = BTreeMap::<u64, u64>::new();
    for at in server.with(|world| std::mem::take(&mut world.refused_at)) {
        *refused.entry((at - START).as_secs() / 60).or_default() += 1;
    }
    let (most, refused) = (
        refused.values().max().unwrap_or(&0),
        refused.values().sum::<u64>(),
    );
    let others = lock(&others);
    let permitted = permitted(report.requests() - refused, &others);
    let ratio = took.as_secs_f64() / permitted.as_secs_f64();
    println!(
        "| {what} | {} | {:.1} s | {:.1} s | {ratio:.4} | {refused} of {} | {most} |",
        others.values().sum::<u64>(),
        took.as_secs_f64(),
        permitted.as_secs_f64(),
        report.requests(),
    );
    ratio
}

/// Starts a server that enforces the account's rate limits in simulated time. The server adds the number of users in
/// each assign request to `assigned`.
fn server(time: &Time, assigned: &Arc<AtomicU64>) -> Server {
    let server = Server::start();
    let (way, clock) = (time.clone(), time.clone());
    server.travel(move || {
        way.block(WAY);
    });
    let assigned = Arc::clone(assigned);
    let respond = move |request: &Request| {
        if request.method == "GET" {
            return Answer::json(200, &json!({"data": {"assignments": []}}));
        }
        let commas = request.body.iter().filter(|byte| **byte == b',').count();
        assigned.fetch_add(commas as u64 + 1, Ordering::Relaxed);
        Answer::json(200, &json!({"data": {}}))
    };
    server.with(|world| {
        world.minute = Some(Window::aligned(MINUTE_LIMIT, 60.0));
        world.day = Some(Window::aligned(DAY_LIMIT, 86_400.0));
        world.clock = Some(Box::new(move || START + clock.now()));
        world.canned = Some(Box::new(respond));
    });
    server
}

/// Returns the time that an ideal client needs. An ideal client knows how many requests the other program sends in each
/// minute. At the start of each minute, it sends as many requests as the limit still permits.
fn permitted(mut requests: u64, others: &BTreeMap<u64, u64>) -> Duration {
    let mut minute = 0;
    loop {
        let left = MINUTE_LIMIT - others.get(&minute).unwrap_or(&0);
        if requests <= left {
            let round_trips = u32::try_from(requests).expect("few").div_ceil(IN_FLIGHT);
            return Duration::from_secs(minute * 60) + round_trips * 2 * WAY;
        }
        requests -= left;
        minute += 1;
    }
}

/// Simulated time advances when no event has occurred for this period of real time.
const QUIET: Duration = Duration::from_millis(1);

/// When all threads are waiting, simulated time advances to the time at which the first wait ends.
#[derive(Clone, Debug, Default)]
struct Time(Arc<Mutex<TimeState>>);

#[derive(Debug, Default)]
struct TimeState {
    now: Duration,
    /// A key consists of the end time of a wait and a unique number.
    waits: BTreeMap<(Duration, u64), oneshot::Sender<()>>,
    events: u64,
    ended: bool,
}

impl Time {
    fn start() -> (Self, Running) {
        let time = Self::default();
        let ticking = time.clone();
        std::thread::spawn(move || ticking.run());
        (time.clone(), Running(time))
    }

    fn run(&self) {
        let mut seen = 0;
        while !lock(&self.0).ended {
            std::thread::sleep(QUIET);
            let busy = is_busy();
            let mut state = lock(&self.0);
            if std::mem::replace(&mut seen, state.events) != state.events || busy {
                continue;
            }
            // A canceled wait is skipped and does not advance simulated time.
            while let Some(((end, _), sender)) = state.waits.pop_first() {
                if !sender.is_closed() {
                    state.now = state.now.max(end);
                    state.events += 1;
                    let _ = sender.send(());
                    break;
                }
            }
        }
    }

    fn wait(&self, duration: Duration) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        let mut state = lock(&self.0);
        state.events += 1;
        let key = (state.now + duration, state.events);
        state.waits.insert(key, sender);
        receiver
    }

    /// Returns `false` if the simulation has stopped.
    fn block(&self, duration: Duration) -> bool {
        self.wait(duration).blocking_recv().is_ok()
    }
}

/// Returns whether another thread of this process is running or ready to run. On systems other than Linux, always
/// returns `false`.
fn is_busy() -> bool {
    let Ok(threads) = std::fs::read_dir("/proc/self/task") else {
        return false;
    };
    let runs = |thread: &std::fs::DirEntry| {
        let stat = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        // In `/proc/self/task/*/stat`, the thread state follows the thread name, which is in parentheses.
        stat.rsplit(") ")
            .next()
            .is_some_and(|stat| stat.starts_with('R'))
    };
    // The current thread is always running, so it is not counted.
    threads.flatten().filter(|thread| runs(thread)).count() > 1
}

/// When this guard is dropped, the simulation stops and all waits end.
struct Running(Time);

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = lock(&self.0.0);
        state.ended = true;
        state.waits.clear();
    }
}

impl Clock for Time {
    fn now(&self) -> Duration {
        lock(&self.0).now
    }

    fn wall(&self) -> SystemTime {
        UNIX_EPOCH + START + self.now()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        let receiver = self.wait(duration);
        Box::pin(async move {
            let _ = receiver.await;
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
