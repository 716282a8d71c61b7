//! What is measured: the crate, and the shortest program that somebody would write by hand.

use crate::server::READS_PER_CHANGE;
use crate::support::timed;
use connecteam_onboarding::{Assignment, Client, MAX_USERS_PER_REQUEST, Pack, PackId};
use futures_util::StreamExt as _;
use serde::Deserialize;
use std::collections::HashSet;
use std::hint::black_box;
use std::time::Duration;

/// One thing to do, as often as it is asked for.
#[derive(Clone, Copy)]
pub enum Job {
    /// Reads the list of a pack.
    Read,
    /// Assigns so many ids, a fifth of them repeated.
    Assign(usize),
    /// Looks at a pack until something changes; by hand, reads the list as often.
    Watch,
}

/// Runs a job, and says how long it took. Making the list of ids is no part of it.
pub fn contest(runtime: &tokio::runtime::Runtime, contestant: &Contestant, job: Job) -> Duration {
    let ids = match job {
        Job::Assign(ids) => list(ids),
        Job::Read | Job::Watch => Vec::new(),
    };
    timed(|| counted(runtime, contestant, job, ids))
}

/// Not inlined, and of this name: callgrind counts what happens in here, and nothing else.
#[inline(never)]
fn counted(runtime: &tokio::runtime::Runtime, contestant: &Contestant, job: Job, ids: Vec<u64>) {
    match contestant {
        Contestant::Ours(pack) => runtime.block_on(ours(pack, job, ids)),
        Contestant::ByHand(http, url) => runtime.block_on(by_hand(http, url, job, ids)),
    }
}

/// Four of five are new; the fifth repeats one of them.
fn list(ids: usize) -> Vec<u64> {
    (0..ids as u64)
        .map(|i| 9_000_001 + if i % 5 == 4 { i / 2 } else { i - i / 5 })
        .collect()
}

pub enum Contestant {
    Ours(Pack),
    ByHand(reqwest::Client, String),
}

impl Contestant {
    pub fn new(name: &str, url: &str) -> Self {
        if name == "ours" {
            // A million assignments are more than the most that is read by default.
            let builder = Client::builder()
                .api_key("key")
                .base_url(url)
                .max_body_bytes(1 << 30);
            let client = builder.build().expect("a client");
            return Self::Ours(client.pack(PackId::try_from(1001).expect("an id")));
        }
        // What a program with reqwest's own default would have done for it.
        rustls::crypto::ring::default_provider()
            .install_default()
            .expect("the first");
        Self::ByHand(
            reqwest::Client::new(),
            format!("{url}/onboarding/v1/packs/1001/assignments"),
        )
    }
}

async fn ours(pack: &Pack, job: Job, ids: Vec<u64>) {
    match job {
        Job::Read => drop(black_box(pack.assignments().await.expect("a list"))),
        Job::Assign(_) => drop(black_box(pack.assign(ids).await.expect("a report"))),
        Job::Watch => {
            let look = pack
                .watch(Duration::ZERO)
                .next()
                .await
                .expect("goes on")
                .expect("a look");
            assert_eq!(look.changes.len(), 1);
        }
    }
}

#[derive(Deserialize)]
struct Answer {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    assignments: Vec<Assignment>,
}

async fn read(http: &reqwest::Client, url: &str) -> Vec<Assignment> {
    let answer = http
        .get(url)
        .header("X-API-KEY", "key")
        .send()
        .await
        .expect("an answer");
    answer
        .error_for_status()
        .expect("a success")
        .json::<Answer>()
        .await
        .expect("a list")
        .data
        .assignments
}

async fn by_hand(http: &reqwest::Client, url: &str, job: Job, ids: Vec<u64>) {
    match job {
        Job::Read => drop(black_box(read(http, url).await)),
        Job::Assign(_) => {
            let mut seen = HashSet::new();
            let unique: Vec<u64> = ids.into_iter().filter(|id| seen.insert(*id)).collect();
            for chunk in unique.chunks(MAX_USERS_PER_REQUEST) {
                let body = serde_json::json!({ "userIds": chunk });
                let request = http.post(url).header("X-API-KEY", "key").json(&body);
                let answer = request
                    .send()
                    .await
                    .expect("an answer")
                    .error_for_status()
                    .expect("a success");
                // Read to the end, or the connection is not used again.
                answer.bytes().await.expect("a body");
            }
        }
        Job::Watch => {
            for _ in 0..READS_PER_CHANGE {
                black_box(read(http, url).await);
            }
        }
    }
}
