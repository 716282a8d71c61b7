//! An account with a limit by the minute and by the day, on the loopback interface and in simulated time.

#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../../tests/support/wire.rs"]
mod wire;

use crate::time::{START, Time};
use connecteam_onboarding::Clock as _;
use std::collections::BTreeMap;
use std::io::BufReader;
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};
use wire::{Answer, Request};

pub const MINUTE_LIMIT: u64 = 100;
pub const DAY_LIMIT: u64 = 10_000;
/// From the client to the server, and back again.
pub const WAY: Duration = Duration::from_millis(50);

const MINUTE: u64 = 60;
const DAY: u64 = 86_400;

#[derive(Default)]
pub struct Counts {
    /// Requests that were accepted, ours and others', by the minute.
    minutes: BTreeMap<u64, u64>,
    days: BTreeMap<u64, u64>,
    /// What others took, by the minute.
    pub others: BTreeMap<u64, u64>,
    /// Ours that were over the limit, by the minute.
    pub refused: BTreeMap<u64, u64>,
    pub accepted: u64,
    pub users: u64,
}

impl Counts {
    fn take(&mut self, second: u64) -> bool {
        let minute = self.minutes.entry(second / MINUTE).or_default();
        let day = self.days.entry(second / DAY).or_default();
        let room = *minute < MINUTE_LIMIT && *day < DAY_LIMIT;
        *minute += u64::from(room);
        *day += u64::from(room);
        room
    }
}

#[derive(Clone)]
pub struct Account {
    time: Time,
    counts: Arc<Mutex<Counts>>,
}

impl Account {
    /// Starts a server for it; its URL.
    pub fn start(time: Time) -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let account = Self {
            time,
            counts: Arc::default(),
        };
        let served = account.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let served = served.clone();
                std::thread::spawn(move || served.serve(stream));
            }
        });
        (account, url)
    }

    pub fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn second(&self) -> u64 {
        self.time.now().as_secs()
    }

    /// Another integration of the account: so many requests in each minute, at random times of its first
    /// so many milliseconds.
    pub fn spend(&self, each_minute: u64, within: u64, seed: u64) {
        let account = self.clone();
        if each_minute == 0 {
            return;
        }
        std::thread::spawn(move || {
            let mut random = fastrand::Rng::with_seed(seed);
            for minute in 0.. {
                let mut times: Vec<_> = (0..each_minute).map(|_| random.u64(0..within)).collect();
                times.sort_unstable();
                for time in times {
                    let at = Duration::from_millis(minute * 60_000 + time);
                    if !account.time.block(at.saturating_sub(account.time.now())) {
                        return;
                    }
                    let second = account.second();
                    let mut counts = account.counts();
                    if counts.take(second) {
                        *counts.others.entry(second / MINUTE).or_default() += 1;
                    }
                }
            }
        });
    }

    fn serve(&self, stream: TcpStream) -> Option<()> {
        stream.set_nodelay(true).ok()?;
        let mut out = stream.try_clone().ok()?;
        let mut input = BufReader::with_capacity(64 * 1024, stream);
        while let Some(request) = Request::read(&mut input) {
            if !self.time.block(WAY) {
                break;
            }
            let answer = self.answer(&request);
            if !self.time.block(WAY) {
                break;
            }
            answer.write(&mut out).ok()?;
            self.time.note();
        }
        Some(())
    }

    fn answer(&self, request: &Request) -> Answer {
        let second = self.second();
        let mut counts = self.counts();
        let room = counts.take(second);
        if room {
            counts.accepted += 1;
            let commas = request.body.iter().filter(|byte| **byte == b',').count() as u64;
            counts.users += if request.method == "POST" {
                commas + 1
            } else {
                0
            };
        } else {
            *counts.refused.entry(second / MINUTE).or_default() += 1;
        }
        let (status, body) = match (room, request.method.as_str()) {
            (false, _) => (429, r#"{"detail":"Too many requests"}"#),
            (true, "GET") => (200, r#"{"data":{"assignments":[]}}"#),
            (true, _) => (200, r#"{"data":{}}"#),
        };
        let mut answer = Answer::new(status, "application/json", body);
        let date = UNIX_EPOCH + START + Duration::from_secs(second);
        answer
            .headers
            .push(("date".to_owned(), httpdate::fmt_http_date(date)));
        for (name, length, limit, used) in [
            (
                "minute",
                MINUTE,
                MINUTE_LIMIT,
                counts.minutes[&(second / MINUTE)],
            ),
            ("day", DAY, DAY_LIMIT, counts.days[&(second / DAY)]),
        ] {
            let reset = START.as_secs() + (second / length + 1) * length;
            for (what, value) in [
                ("limit", limit),
                ("remaining", limit - used),
                ("reset", reset),
            ] {
                answer
                    .headers
                    .push((format!("x-ratelimit-{name}-{what}"), value.to_string()));
            }
        }
        answer
    }
}
