//! The content of a file that is named on the command line.

use std::io::Read;

/// What the file is called in messages, and its content without a byte order mark; `-` is standard input.
pub fn read(file: &str) -> Result<(&str, Vec<u8>), String> {
    let (name, mut bytes) = (
        if file == "-" { "standard input" } else { file },
        Vec::new(),
    );
    let read = if file == "-" {
        std::io::stdin().lock().read_to_end(&mut bytes).map(drop)
    } else {
        std::fs::read(file).map(|content| bytes = content)
    };
    read.map_err(|e| format!("{name}: cannot be read: {e}"))?;
    if bytes.starts_with("\u{feff}".as_bytes()) {
        bytes.drain(.."\u{feff}".len());
    }
    Ok((name, bytes))
}
