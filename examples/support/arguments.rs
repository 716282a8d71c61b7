//! Reads command-line flags and their values, and reports wrong arguments.
#![allow(dead_code, reason = "each program uses only some of the methods")]

use std::io::Write as _;
use std::str::FromStr;
use std::time::Duration;

pub struct Arguments {
    parser: lexopt::Parser,
    help: String,
}

/// Returns whether the command line contains a flag, with or without a value. The other arguments may be invalid.
pub fn has(flag: &str) -> bool {
    std::env::args_os().skip(1).any(|argument| {
        let rest = argument.as_encoded_bytes().strip_prefix(flag.as_bytes());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"="))
    })
}

impl Arguments {
    pub fn new(help: impl Into<String>) -> Self {
        Self {
            parser: lexopt::Parser::from_env(),
            help: help.into(),
        }
    }

    pub fn next(&mut self) -> Result<Option<lexopt::Arg<'_>>, String> {
        self.parser.next().map_err(|e| e.to_string())
    }

    pub fn value(&mut self, flag: &str) -> Result<String, String> {
        let value = self.parser.value();
        let value = value.map_err(|_| format!("{flag}: a value is missing"))?;
        match value.into_string() {
            Ok(value) if value.is_empty() => Err(format!("{flag}: the value is empty")),
            Ok(value) => Ok(value),
            Err(value) => Err(format!("{flag}: {value:?} is not text")),
        }
    }

    /// Parses the value of a flag. The parse error of `T` must contain the invalid value, because this method adds only
    /// the name of the flag.
    pub fn parsed<T: FromStr<Err: std::fmt::Display>>(&mut self, flag: &str) -> Result<T, String> {
        self.value(flag)?
            .parse()
            .map_err(|e| format!("{flag}: {e}"))
    }

    pub fn number(&mut self, flag: &str) -> Result<u64, String> {
        let text = self.value(flag)?;
        text.parse()
            .map_err(|_| format!("{flag}: `{text}` is not a whole number"))
    }

    pub fn milliseconds(&mut self, flag: &str) -> Result<Duration, String> {
        Ok(Duration::from_millis(self.number(flag)?))
    }

    /// Parses a duration in milliseconds, which must be at least 1.
    pub fn some_milliseconds(&mut self, flag: &str) -> Result<Duration, String> {
        match self.milliseconds(flag)? {
            Duration::ZERO => Err(format!("{flag}: expected at least 1")),
            duration => Ok(duration),
        }
    }

    /// Prints the help text and exits with status 0.
    pub fn help(&self) -> ! {
        // A write error is ignored, because it usually means that the reader has closed the pipe.
        let _ = writeln!(std::io::stdout(), "{}", self.help.trim_end());
        std::process::exit(0)
    }

    /// Returns an error if `value` is missing.
    pub fn required<T>(&self, value: Option<T>, flag: &str) -> Result<T, String> {
        value.ok_or_else(|| format!("{flag} is missing"))
    }
}
