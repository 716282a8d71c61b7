//! A file of user ids.

use connecteam_onboarding::UserId;
use std::io::Read;

/// One id a line; blank lines and what follows a `#` are ignored; `-` is standard input. The first line
/// that is no id is an error.
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
        // A comment may be in any encoding.
        let id = line.split(|byte| *byte == b'#').next().unwrap_or_default();
        let id = std::str::from_utf8(id).map_err(|_| at(&"this is not text"))?.trim();
        if !id.is_empty() {
            users.push(id.parse::<UserId>().map_err(|e| at(&e))?);
        }
    }
    Ok(users)
}
