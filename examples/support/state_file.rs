//! A snapshot in a file, between two runs.
#![allow(dead_code, reason = "each program uses its own part of it")]

use connecteam_onboarding::{PackId, Snapshot};
use std::fs::File;
use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// What the file holds; `None` if there is none. One that cannot be read is an error, not a new start:
/// everything that happened since would be lost without a word. So is one of another pack: everybody on it
/// would be told as removed.
pub fn load(file: &Path, pack: PackId) -> Result<Option<Snapshot>, String> {
    let bytes = match std::fs::read(file) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(format!("{}: cannot be read: {e}", file.display())),
    };
    let unreadable = |e: serde_json::Error| {
        let file = file.display();
        format!("{file}: not the state of an earlier run: {e}; move it away to start from now")
    };
    let snapshot: Snapshot = serde_json::from_slice(&bytes).map_err(unreadable)?;
    if snapshot.pack() != pack {
        return Err(format!(
            "{}: the state of pack {}, not of pack {pack}; each has a file of its own",
            file.display(),
            snapshot.pack()
        ));
    }
    Ok(Some(snapshot))
}

/// Replaces the file: a kill or a power cut at any moment leaves the old one or the new one.
pub fn save(file: &Path, snapshot: &Snapshot) -> Result<(), String> {
    replace(file, snapshot).map_err(|e| format!("{}: cannot be written: {e}", file.display()))
}

fn replace(file: &Path, content: &Snapshot) -> std::io::Result<()> {
    // A link stays one.
    let file = &std::fs::canonicalize(file).unwrap_or_else(|_| file.to_path_buf());
    // Beside it, as a rename does not cross file systems; always the same name, so that a kill leaves one
    // stray file at most, which the next run overwrites.
    let mut name = file.file_name().ok_or(ErrorKind::InvalidInput)?.to_owned();
    name.push(".new");
    let new = file.with_file_name(name);
    let mut writer = BufWriter::new(File::create(&new)?);
    serde_json::to_writer(&mut writer, content)?;
    writer.write_all(b"\n")?;
    writer.into_inner()?.sync_all()?;
    std::fs::rename(&new, file)?;
    sync_folder(file)
}

/// The rename itself lies in the folder.
#[cfg(unix)]
fn sync_folder(file: &Path) -> std::io::Result<()> {
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.map_or_else(|| PathBuf::from("."), Path::to_path_buf))?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> std::io::Result<()> {
    Ok(())
}
