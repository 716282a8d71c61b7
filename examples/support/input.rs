//! Reading arguments and files of user ids; bad input names itself.
#![allow(dead_code, reason = "each program uses its own part of it")]

use connecteam_onboarding::UserId;
use std::io::Read;
use std::time::Duration;

pub fn value(arguments: &mut lexopt::Parser, flag: &str) -> Result<String, String> {
    let value = arguments.value().map_err(|_| format!("{flag}: a value is missing"))?;
    value.into_string().map_err(|value| format!("{flag}: {value:?} is not text"))
}

pub fn number(arguments: &mut lexopt::Parser, flag: &str) -> Result<u64, String> {
    let text = value(arguments, flag)?;
    text.parse().map_err(|_| format!("{flag}: `{text}` is not a whole number"))
}

pub fn milliseconds(arguments: &mut lexopt::Parser, flag: &str) -> Result<Duration, String> {
    Ok(Duration::from_millis(number(arguments, flag)?))
}

/// One id a line. The first line that is none is an error, before anything is sent.
pub fn read_users(file: &str) -> Result<Vec<UserId>, String> {
    let (name, mut bytes) = (if file == "-" { "standard input" } else { file }, Vec::new());
    let read = if file == "-" {
        std::io::stdin().lock().read_to_end(&mut bytes).map(drop)
    } else {
        std::fs::read(file).map(|content| bytes = content)
    };
    read.map_err(|e| format!("{name}: cannot be read: {e}"))?;
    let content = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes);
    let mut users = Vec::new();
    for (index, line) in content.split(|byte| *byte == b'\n').enumerate() {
        let at = |problem: &dyn std::fmt::Display| format!("{name}, line {}: {problem}", index + 1);
        let line = std::str::from_utf8(line).map_err(|_| at(&"this is not text"))?;
        let id = line.split('#').next().unwrap_or_default().trim();
        if !id.is_empty() {
            users.push(id.parse::<UserId>().map_err(|e| at(&e))?);
        }
    }
    Ok(users)
}
