//! Tests the example program `fake_server`.

use crate::{PATH, Response, exchange};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

struct Server {
    process: Child,
    base_url: String,
    variables: Vec<String>,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// `cargo test` builds the examples in a folder next to the test executables.
fn program() -> PathBuf {
    let test = std::env::current_exe().expect("this test");
    let target = test
        .parent()
        .and_then(Path::parent)
        .expect("the target folder");
    target.join("examples").join("fake_server")
}

fn start(arguments: &[&str]) -> Server {
    let mut command = Command::new(program());
    command.args(arguments).stdout(Stdio::piped());
    let mut process = command.spawn().expect("the example is built");
    let lines = BufReader::new(process.stdout.take().expect("a pipe")).lines();
    let variables: Vec<_> = lines.take(5).map(|line| line.expect("text")).collect();
    let base_url = variables[0].trim_start_matches("export CONNECTEAM_BASE_URL=");
    Server {
        base_url: base_url.to_owned(),
        process,
        variables,
    }
}

fn get(server: &Server, path: &str) -> Response {
    let key = format!(
        "x-api-key: {}",
        server.variables[1].trim_start_matches("export CONNECTEAM_API_KEY=")
    );
    exchange(&server.base_url, "GET", path, &[&key], "")
}

#[test]
fn serves_packs_with_limits_and_faults() {
    let server = start(&[
        "--pack",
        "1001",
        "--pack",
        "5",
        "--users",
        "1-600,700",
        "--assigned",
        "7,8-9",
        "--limits",
        "100,200",
        "--fail",
        "after-502@3",
        "--fail",
        "before-503@1",
    ]);
    assert_eq!(get(&server, PATH).status, 503);
    let list = get(&server, &PATH.replace("1001", "5"));
    assert_eq!(
        list.json()["data"]["assignments"].as_array().map(Vec::len),
        Some(3)
    );
    assert_eq!(list.header("x-ratelimit-minute-limit"), ["100"]);
    assert_eq!(list.header("x-ratelimit-day-limit"), ["200"]);
    assert_eq!(get(&server, PATH).status, 502);
    assert_eq!(get(&server, PATH).status, 200);
    assert!(server.variables[3].starts_with("# export CONNECTEAM_CLIENT_ID="));
    assert!(server.variables[4].starts_with("# export CONNECTEAM_CLIENT_SECRET="));
}

#[test]
fn moves_users_until_they_complete_the_pack() {
    let server = start(&["--assigned", "7", "--move-ms", "1"]);
    loop {
        let list = get(&server, PATH).json();
        if list["data"]["assignments"][0]["status"] == "completed" {
            break;
        }
    }
}

#[test]
fn refuses_bad_usage() {
    for arguments in [
        &["--users", "5-1"][..],
        &["--users", "0"],
        &["--limits", "5"],
        &["--fail", "after-100@2"],
        &["--fail", "after-502@0"],
        &["--fail", "before-503@1", "--fail", "after-502@1"],
        &["--move-ms", "0"],
        &["--pack"],
        &["--unknown"],
    ] {
        let output = Command::new(program())
            .args(arguments)
            .output()
            .expect("the example is built");
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {message}");
        assert!(
            message.starts_with("error: ") && message.contains(arguments[0]),
            "{message}"
        );
    }
    let help = Command::new(program())
        .arg("--help")
        .output()
        .expect("the example is built");
    assert!(help.status.success() && help.stdout.starts_with(b"usage: fake_server"));
}
