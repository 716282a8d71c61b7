//! A server on the loopback interface that answers at once with bytes made beforehand, so that it costs
//! both contestants the same. Every connection has a thread.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

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
        assigned: answer(r#"{"requestId":"d4e5f6a7-8901-23bc-def4-567890abcdef","data":{}}"#),
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
        let status = if i % 3 == 0 || (changed && i == 1) { "completed" } else { "in_progress" };
        let (id, user, waiting) = (i * 7, 9_000_000 + i, i % 5 == 0);
        rows.push(format!(
            r#"{{"id":{id},"userId":{user},"status":"{status}","isWaitingApproval":{waiting}}}"#
        ));
    }
    answer(&format!(
        r#"{{"requestId":"d4e5f6a7-8901-23bc-def4-567890abcdef","data":{{"assignments":[{}]}}}}"#,
        rows.join(",")
    ))
}

fn answer(body: &str) -> Vec<u8> {
    // Windows as wide as can be: they are read and reckoned with, and never in the way.
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         x-ratelimit-limit-minute: 1000000\r\nx-ratelimit-remaining-minute: 999999\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn serve(stream: TcpStream, answers: &Answers) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut out = stream.try_clone().ok()?;
    let mut input = BufReader::with_capacity(64 * 1024, stream);
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        let (mut get, mut length, mut first) = (false, 0, true);
        loop {
            line.clear();
            if input.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if std::mem::take(&mut first) {
                get = line.starts_with("GET ");
            } else if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
            if line == "\r\n" {
                break;
            }
        }
        body.resize(length, 0);
        input.read_exact(&mut body).ok()?;
        std::thread::sleep(answers.delay);
        let bytes = if !get {
            &answers.assigned
        } else if (answers.reads.fetch_add(1, Ordering::SeqCst) + 1).is_multiple_of(READS_PER_CHANGE) {
            &answers.changed
        } else {
            &answers.list
        };
        out.write_all(bytes).ok()?;
    }
}
