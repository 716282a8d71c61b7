//! How long it takes to assign a million users at 100 requests a minute and 10,000 a day, in simulated time,
//! beside what the windows themselves allow: alone on the account, and beside another integration that
//! wants a third of the minute's requests, at random times of the minute, or of the seconds in which we
//! spend ours, too.
//!
//! `cargo bench --bench quota` prints a Markdown table. The whole client runs, over real connections.

mod server;
mod time;

use connecteam_onboarding::{Client, Clock as _, PackId};
use server::{Account, Counts, MINUTE_LIMIT, WAY};
use std::time::Duration;
use time::Time;

const USERS: u64 = 1_000_000;
/// The default of the crate.
const IN_FLIGHT: u32 = 4;

fn main() {
    println!(
        "| on the account | others took | simulated time | the windows allow | ratio | refused | most in a minute |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|");
    row("alone", 0, 0, 0);
    for seed in 1..=3 {
        row(
            &format!("another, all minute, seed {seed}"),
            MINUTE_LIMIT / 3,
            60_000,
            seed,
        );
        row(
            &format!("another, at once with us, seed {seed}"),
            MINUTE_LIMIT / 3,
            2_000,
            seed,
        );
    }
}

fn row(what: &str, others_each_minute: u64, within: u64, seed: u64) {
    let (time, running) = Time::start();
    let (account, url) = Account::start(time.clone());
    account.spend(others_each_minute, within, seed);
    let client = Client::builder()
        .api_key("key")
        .base_url(url)
        .clock(time.clone())
        // Real time, of which simulated waits take little.
        .read_timeout(Duration::from_secs(600))
        .build()
        .expect("a client");
    let pack = client.pack(PackId::try_from(1001).expect("an id"));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let report = runtime
        .block_on(async { pack.assign(1..=USERS).await })
        .expect("everybody is assigned");
    let took = time.now();
    drop(running);
    let counts = account.counts();
    assert_eq!(
        (report.assigned().count() as u64, counts.users),
        (USERS, USERS)
    );
    let allowed = allowed(&counts);
    println!(
        "| {what} | {} | {:.1} s | {:.1} s | {:.4} | {} of {} | {} |",
        counts.others.values().sum::<u64>(),
        took.as_secs_f64(),
        allowed.as_secs_f64(),
        took.as_secs_f64() / allowed.as_secs_f64(),
        counts.refused.values().sum::<u64>(),
        report.requests(),
        counts.refused.values().max().unwrap_or(&0)
    );
}

/// The time of somebody who knows in advance what the others take, and spends what they leave of each
/// minute at once.
fn allowed(counts: &Counts) -> Duration {
    let (mut open, mut minute) = (counts.accepted, 0);
    loop {
        let left = MINUTE_LIMIT - counts.others.get(&minute).unwrap_or(&0);
        if open <= left {
            let round_trips = u32::try_from(open).expect("few").div_ceil(IN_FLIGHT);
            return Duration::from_secs(minute * 60) + round_trips * 2 * WAY;
        }
        open -= left;
        minute += 1;
    }
}
