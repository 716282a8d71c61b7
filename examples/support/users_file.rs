//! A file of user ids.

#[path = "input.rs"]
mod input;

use connecteam_onboarding::UserId;

/// One id a line; blank lines and what follows a `#` are ignored; `-` is standard input. The first line
/// that is no id is an error.
pub fn read_users(file: &str) -> Result<Vec<UserId>, String> {
    let (name, content) = input::read(file)?;
    let mut users = Vec::new();
    for (index, line) in content.split(|byte| *byte == b'\n').enumerate() {
        let at = |problem: &dyn std::fmt::Display| format!("{name}, line {}: {problem}", index + 1);
        // A comment may be in any encoding.
        let id = line.split(|byte| *byte == b'#').next().unwrap_or_default();
        let id = std::str::from_utf8(id)
            .map_err(|_| at(&"this is not text"))?
            .trim();
        if !id.is_empty() {
            users.push(id.parse::<UserId>().map_err(|e| at(&e))?);
        }
    }
    Ok(users)
}
