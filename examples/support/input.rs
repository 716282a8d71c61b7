//! Reads a file that is named on the command line, and splits the file into lines.
#![allow(dead_code, reason = "each program uses only some of the functions")]

use std::fs::File;
use std::io::Read;

/// The maximum file size, in bytes. Without a limit, reading a wrong file could use up all memory.
const LARGEST: u64 = 1 << 30;

/// The byte order mark of a UTF-8 file.
const MARK: &[u8] = "\u{feff}".as_bytes();

/// Reads a file with [`read`], and checks that it contains text. The text may have any encoding that extends ASCII.
pub fn read_text(file: &str) -> Result<(&str, Vec<u8>), String> {
    let (name, content) = read(file)?;
    check(&content).map_err(|problem| format!("{name}: {problem}"))?;
    Ok((name, content))
}

/// Returns a name for error messages, and the content of the file without a byte order mark. The file name `-` means
/// standard input.
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
    if content.starts_with(MARK) {
        content.drain(..MARK.len());
    }
    Ok((name, content))
}

/// Returns an error for UTF-16 files and for files that are not text.
fn check(content: &[u8]) -> Result<(), &'static str> {
    if content.starts_with(b"\xff\xfe") || content.starts_with(b"\xfe\xff") {
        return Err("this file is UTF-16; save it as UTF-8");
    }
    if content.starts_with(b"PK\x03\x04") {
        return Err("this file is a workbook or another ZIP archive; save it as plain text or CSV");
    }
    if content.contains(&0) {
        return Err("this file has NUL bytes; save it as plain text or CSV, in UTF-8");
    }
    Ok(())
}

/// Returns each line with its line number. The first line has number 1. A line ends with `\n`, `\r\n` or a single
/// `\r`.
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
