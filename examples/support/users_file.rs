//! Reads a file with one user id per line.

use super::input;
use connecteam_onboarding::UserId;

/// Reads the user ids in a file. The file name `-` means standard input.
pub fn read(file: &str) -> Result<Vec<UserId>, String> {
    let (name, content) = input::read_text(file)?;
    parse(&content).map_err(|problem| format!("{name}, {problem}"))
}

/// Returns the ids in file order. Ignores blank lines and the text after a `#`.
pub fn parse(content: &[u8]) -> Result<Vec<UserId>, String> {
    let mut users = Vec::new();
    for (number, line) in input::lines(content) {
        let at = |problem: &dyn std::fmt::Display| format!("line {number}: {problem}");
        // The comment is removed before the line is decoded, because a comment may have any encoding.
        let id = line.split(|byte| *byte == b'#').next().unwrap_or_default();
        let id = std::str::from_utf8(id).map_err(|_| at(&"this is not text"))?;
        let id = id.trim();
        if !id.is_empty() {
            users.push(id.parse().map_err(|e| at(&e))?);
        }
    }
    Ok(users)
}
