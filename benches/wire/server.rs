//! A server on the loopback interface that answers at once with bytes made beforehand, so that it costs
//! both contestants the same. Every connection has a thread.

#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../../tests/support/wire.rs"]
mod wire;

use std::io::{BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use wire::{Answer, Request};

/// Every so many reads of the list show one change; the others show none.
pub const READS_PER_CHANGE: usize = 12;

struct Answers {
    list: Vec<u8>,
    changed: Vec<u8>,
    assigned: Vec<u8>,
    delay: Duration,
    reads: AtomicUsize,
}

/// Starts a server with so many assignments; the URL of it. It runs until the process ends.
pub fn start(assignments: usize, delay: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let answers = Arc::new(Answers {
        list: list(assignments, false),
        changed: list(assignments, true),
        assigned: answer(
            r#"{"requestId":"d4e5f6a7-8901-23bc-def4-567890abcdef","data":{}}"#.to_owned(),
        ),
        delay,
        reads: AtomicUsize::new(0),
    });
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answers = Arc::clone(&answers);
            std::thread::spawn(move || serve(stream, &answers));
        }
    });
    url
}

/// As the vendor's guide shows a list, without spaces.
fn list(assignments: usize, changed: bool) -> Vec<u8> {
    let mut rows = Vec::with_capacity(assignments);
    for i in 1..=assignments {
        let status = if i % 3 == 0 || (changed && i == 1) {
            "completed"
        } else {
            "in_progress"
        };
        let (id, user, waiting) = (i * 7, 9_000_000 + i, i % 5 == 0);
        rows.push(format!(
            r#"{{"id":{id},"userId":{user},"status":"{status}","isWaitingApproval":{waiting}}}"#
        ));
    }
    answer(format!(
        r#"{{"requestId":"d4e5f6a7-8901-23bc-def4-567890abcdef","data":{{"assignments":[{}]}}}}"#,
        rows.join(",")
    ))
}

fn answer(body: String) -> Vec<u8> {
    let mut answer = Answer::new(200, "application/json", body);
    // Windows as wide as can be, until the year 2100: they are read and reckoned with, and never in the way.
    for window in ["minute", "day"] {
        for (what, value) in [
            ("limit", 1_000_000_000_u64),
            ("remaining", 999_999_999),
            ("reset", 4_102_444_800),
        ] {
            answer
                .headers
                .push((format!("x-ratelimit-{window}-{what}"), value.to_string()));
        }
    }
    let mut bytes = answer.head(answer.body.len() as u64);
    bytes.append(&mut answer.body);
    bytes
}

fn serve(stream: TcpStream, answers: &Answers) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut out = stream.try_clone().ok()?;
    let mut input = BufReader::with_capacity(64 * 1024, stream);
    while let Some(request) = Request::read(&mut input) {
        std::thread::sleep(answers.delay);
        let bytes = if request.method != "GET" {
            &answers.assigned
        } else if (answers.reads.fetch_add(1, Ordering::SeqCst) + 1)
            .is_multiple_of(READS_PER_CHANGE)
        {
            &answers.changed
        } else {
            &answers.list
        };
        out.write_all(bytes).ok()?;
    }
    Some(())
}
