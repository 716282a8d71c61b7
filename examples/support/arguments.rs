//! Reads the flags and the values of the command line, and reports wrong arguments.
#![allow(dead_code, reason = "each program uses only some of the methods")]

use std::io::Write as _;
use std::str::FromStr;
use std::time::Duration;

/// The arguments of a program, and its help text.
pub struct Arguments {
    parser: lexopt::Parser,
    help: String,
}

/// Returns whether the command line has a flag, with or without a value. This function also works if other arguments
/// are wrong.
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

    /// Returns the next argument, or `None` after the last argument.
    pub fn next(&mut self) -> Result<Option<lexopt::Arg<'_>>, String> {
        self.parser.next().map_err(|e| e.to_string())
    }

    /// Returns the value of a flag, as text.
    pub fn value(&mut self, flag: &str) -> Result<String, String> {
        let value = self.parser.value();
        let value = value.map_err(|_| format!("{flag}: a value is missing"))?;
        match value.into_string() {
            Ok(value) if value.is_empty() => Err(format!("{flag}: the value is empty")),
            Ok(value) => Ok(value),
            Err(value) => Err(format!("{flag}: {value:?} is not text")),
        }
    }

    /// Parses the value of a flag. The error of the type `T` must contain the value.
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

    /// Returns the duration of a flag in milliseconds. A value of 0 is an error.
    pub fn some_milliseconds(&mut self, flag: &str) -> Result<Duration, String> {
        match self.milliseconds(flag)? {
            Duration::ZERO => Err(format!("{flag}: expected at least 1")),
            duration => Ok(duration),
        }
    }

    /// Prints the help text and ends the program with success.
    pub fn help(&self) -> ! {
        // If the pipe is closed, the error is ignored, because the reader does not want more text.
        let _ = writeln!(std::io::stdout(), "{}", self.help.trim_end());
        std::process::exit(0)
    }

    /// Returns the value of a required flag. A missing flag is an error.
    pub fn required<T>(&self, value: Option<T>, flag: &str) -> Result<T, String> {
        value.ok_or_else(|| format!("{flag} is missing"))
    }
}
