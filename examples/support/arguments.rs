//! The command line: what an argument's value may be, and words for what is wrong.
#![allow(dead_code, reason = "each program uses its own part of it")]

use std::io::Write as _;
use std::str::FromStr;
use std::time::Duration;

/// The arguments of a program, and how it is used.
pub struct Arguments {
    parser: lexopt::Parser,
    usage: &'static str,
}

impl Arguments {
    pub fn new(usage: &'static str) -> Self {
        Self {
            parser: lexopt::Parser::from_env(),
            usage,
        }
    }

    /// The next argument; `None` after the last.
    pub fn next(&mut self) -> Result<Option<lexopt::Arg<'_>>, String> {
        let usage = self.usage;
        self.parser.next().map_err(|e| format!("{e}\n{usage}"))
    }

    /// The value of a flag, as text.
    pub fn value(&mut self, flag: &str) -> Result<String, String> {
        let value = self
            .parser
            .value()
            .map_err(|_| format!("{flag}: a value is missing\n{}", self.usage))?;
        value
            .into_string()
            .map_err(|value| format!("{flag}: {value:?} is not text"))
    }

    /// The value of a flag, as something that names what is wrong with it itself.
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

    /// Asked how it is used, a program says so, and that is no failure.
    pub fn help(&self) -> ! {
        // To a closed pipe, too.
        let _ = writeln!(std::io::stdout(), "{}", self.usage);
        std::process::exit(0)
    }

    /// What a flag that must be there has given.
    pub fn required<T>(&self, value: Option<T>, flag: &str) -> Result<T, String> {
        value.ok_or_else(|| format!("{flag} is missing\n{}", self.usage))
    }
}
