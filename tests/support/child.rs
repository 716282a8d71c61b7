//! Runs a test in a separate process with its own environment.

use std::process::Command;

/// Returns a command that runs one ignored test of the current test file in an empty environment.
pub fn child(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this test"));
    command.env_clear().args([
        "--exact",
        test,
        "--ignored",
        "--nocapture",
        "--test-threads=1",
    ]);
    command
}

pub fn output(mut command: Command) -> String {
    let output = command.output().expect("it starts");
    let text =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let text = text.concat();
    assert!(output.status.success(), "{command:?}: {text}");
    text
}
