//! The content of a file that is named on the command line, and its lines.
#![allow(dead_code, reason = "each program uses only some of the functions")]

use std::fs::File;
use std::io::Read;

/// Files above this size are refused, so that a wrong file does not fill the memory.
const LARGEST: u64 = 1 << 30;

/// Reads a text file. Returns its name for messages, and its content without a byte order mark.
///
/// `-` is standard input. The content may be in any encoding that extends ASCII.
pub fn read(file: &str) -> Result<(&str, Vec<u8>), String> {
    let name = if file == "-" { "standard input" } else { file };
    let mut content = Vec::new();
    let read = if file == "-" {
        std::io::stdin()
            .lock()
            .take(LARGEST + 1)
            .read_to_end(&mut content)
    } else {
        File::open(file).and_then(|open| open.take(LARGEST + 1).read_to_end(&mut content))
    };
    read.map_err(|e| format!("{name}: cannot be read: {e}"))?;
    if content.len() as u64 > LARGEST {
        return Err(format!("{name}: larger than 1 GiB"));
    }
    let content = text(content).map_err(|problem| format!("{name}: {problem}"))?;
    Ok((name, content))
}

/// Removes the byte order mark of UTF-8. Refuses UTF-16 and files that hold no text.
pub fn text(mut content: Vec<u8>) -> Result<Vec<u8>, &'static str> {
    const MARK: &[u8] = "\u{feff}".as_bytes();
    if content.starts_with(b"\xff\xfe") || content.starts_with(b"\xfe\xff") {
        return Err("this file is UTF-16; save it as UTF-8");
    }
    if content.starts_with(b"PK\x03\x04") {
        return Err("this file is a workbook or another ZIP archive; save it as plain text or CSV");
    }
    if content.contains(&0) {
        return Err("this file has NUL bytes; save it as plain text or CSV, in UTF-8");
    }
    if content.starts_with(MARK) {
        content.drain(..MARK.len());
    }
    Ok(content)
}

/// Returns each line with its number, as an editor counts. `\n`, `\r\n` and a lone `\r` end a line.
pub fn lines(mut content: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    (1..).map_while(move |number| {
        if content.is_empty() {
            return None;
        }
        let end = content
            .iter()
            .position(|byte| b"\r\n".contains(byte))
            .unwrap_or(content.len());
        let (line, rest) = content.split_at(end);
        content = rest
            .strip_prefix(b"\r\n")
            .or_else(|| rest.get(1..))
            .unwrap_or_default();
        Some((number, line))
    })
}
