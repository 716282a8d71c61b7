//! A file of user ids, one id a line.

use super::input;
use connecteam_onboarding::UserId;

/// Reads a file of user ids; `-` is standard input.
pub fn read(file: &str) -> Result<Vec<UserId>, String> {
    let (name, content) = input::read_text(file)?;
    parse(&content).map_err(|problem| format!("{name}, {problem}"))
}

/// Returns the ids in their order. Ignores blank lines and the part of a line after a `#`.
pub fn parse(content: &[u8]) -> Result<Vec<UserId>, String> {
    let mut users = Vec::new();
    for (number, line) in input::lines(content) {
        let at = |problem: &dyn std::fmt::Display| format!("line {number}: {problem}");
        // Cut in bytes: a comment may be in any encoding.
        let id = line.split(|byte| *byte == b'#').next().unwrap_or_default();
        let id = std::str::from_utf8(id).map_err(|_| at(&"this is not text"))?;
        let id = id.trim();
        if !id.is_empty() {
            users.push(id.parse().map_err(|e| at(&e))?);
        }
    }
    Ok(users)
}
