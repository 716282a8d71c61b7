//! Keeps a snapshot in a file from one run of a program to the next.

use super::output;
use connecteam_onboarding::{PackId, Snapshot};
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

/// Returns the saved snapshot, or `None` if the file does not exist or is empty.
///
/// A file that cannot be read is an error, because ignoring the file would silently lose the changes since the last
/// save. A snapshot of another pack is an error, because all users of that pack would be reported as removed.
pub fn load(file: &Path, pack: PackId) -> Result<Option<Snapshot>, String> {
    let at = |problem: &dyn std::fmt::Display| format!("{}: {problem}", file.display());
    let content = match read(file) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(at(&format_args!("cannot be read: {e}"))),
        Ok(content) if content.trim_ascii().is_empty() => return Ok(None),
        Ok(content) => content,
    };
    let snapshot: Snapshot = serde_json::from_slice(&content).map_err(|e| {
        at(&format_args!(
            "not the state of an earlier run: {e}; move it away to start from now"
        ))
    })?;
    if snapshot.pack() != pack {
        return Err(at(&format_args!(
            "the state of pack {}, not of pack {pack}; use one file per pack",
            snapshot.pack()
        )));
    }
    Ok(Some(snapshot))
}

fn read(file: &Path) -> io::Result<Vec<u8>> {
    // Only regular files are read, because a pipe may block and a device may have no end.
    if !std::fs::metadata(file)?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    std::fs::read(file)
}

/// A state file that stays locked while this value exists.
pub struct StateFile {
    path: PathBuf,
    pack: PackId,
    /// A save writes this temporary file, and then renames it over the state file.
    new: PathBuf,
    /// Whether a save overwrites the state file in place. This is necessary if a rename cannot replace the file.
    in_place: bool,
    /// The open lock file. Closing the file releases the lock.
    _lock: Option<File>,
}

impl StateFile {
    /// Locks the file `FILE.lock`. Returns an error if another program holds the lock.
    pub fn open(file: &Path, pack: PackId) -> Result<Self, String> {
        let path = resolve(file);
        let lock = lock(&path)?;
        // While this program holds the lock, the temporary file has a fixed name, so killed runs leave at most one
        // temporary file behind. Without the lock, the temporary file gets a random name, because another program may
        // be saving the same state file.
        let new = if lock.is_some() {
            let new = in_same_folder(&path, ".new");
            // Removes the temporary file that a killed run may have left behind.
            let _ = std::fs::remove_file(&new);
            new
        } else {
            in_same_folder(&path, &format!(".{:016x}.new", fastrand::u64(..)))
        };
        Ok(Self {
            path,
            pack,
            new,
            in_place: false,
            _lock: lock,
        })
    }

    pub fn load(&self) -> Result<Option<Snapshot>, String> {
        load(&self.path, self.pack)
    }

    /// Replaces the state file. After a kill or a power failure, the file contains either the old snapshot or the new
    /// snapshot.
    ///
    /// If a rename cannot replace the file, this method overwrites the file in place.
    pub fn save(&mut self, snapshot: &Snapshot) -> Result<(), String> {
        self.write(snapshot)
            .map_err(|e| format!("{}: cannot be written: {e}", self.path.display()))
    }

    fn write(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        let mut content = serde_json::to_vec(snapshot)?;
        content.push(b'\n');
        if self.in_place {
            return overwrite(&self.path, &content);
        }
        match self.replace(&content) {
            Err(error) if cannot_replace(&error) => {
                overwrite(&self.path, &content)?;
                self.in_place = true;
                output::note(format_args!(
                    "warning: {}: cannot be replaced ({error}), so it is overwritten; a kill may damage it",
                    self.path.display()
                ));
                Ok(())
            }
            result => result,
        }
    }

    fn replace(&self, content: &[u8]) -> io::Result<()> {
        let result = create(&self.new, &self.path, content)
            .and_then(|()| std::fs::rename(&self.new, &self.path));
        if result.is_err() {
            let _ = std::fs::remove_file(&self.new);
        }
        result?;
        sync_folder(&self.path);
        Ok(())
    }
}

/// Returns the target of a symbolic link, so that a save replaces the target and keeps the link. The target of the link
/// may be missing.
fn resolve(file: &Path) -> PathBuf {
    let mut path = file.to_path_buf();
    // Linux follows at most 40 symbolic links in a path.
    for _ in 0..40 {
        let Ok(target) = std::fs::read_link(&path) else {
            break;
        };
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    path
}

/// Appends a suffix to the file name, so that the new path is in the same folder as `path`. A rename cannot move a file
/// to another file system.
fn in_same_folder(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Locks the state file through a separate lock file. If the system does not support the lock, prints a warning and
/// returns `None`.
///
/// The lock file is never removed. If the file were removed, a second program could lock a new lock file while the old
/// lock is still held.
fn lock(path: &Path) -> Result<Option<File>, String> {
    let name = in_same_folder(path, ".lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&name);
    // Calls the trait method explicitly, because newer releases of the standard library have their own
    // `File::try_lock`.
    let locked = file.and_then(|file| match fs4::FileExt::try_lock(&file) {
        Ok(()) => Ok(Some(file)),
        Err(fs4::TryLockError::WouldBlock) => Ok(None),
        Err(fs4::TryLockError::Error(error)) => Err(error),
    });
    match locked {
        Ok(Some(file)) => Ok(Some(file)),
        Ok(None) => Err(format!(
            "{}: another program uses this state file; use one file per follower",
            path.display()
        )),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(format!("{}: cannot be written: {error}", path.display()))
        }
        Err(error) => {
            output::note(format_args!(
                "warning: {}: cannot be locked ({error}); do not start a second follower with this state file",
                name.display()
            ));
            Ok(None)
        }
    }
}

/// Returns whether the state file may be overwritten after a rename failed with this error. For example, the file is a
/// mount point, or its folder is read-only.
///
/// If the disk is full, the file must not be overwritten, because the old content would be destroyed and the new
/// content would not fit.
fn cannot_replace(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ResourceBusy
            | ErrorKind::CrossesDevices
            | ErrorKind::PermissionDenied
            | ErrorKind::ReadOnlyFilesystem
    )
}

fn create(new: &Path, old: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = File::create(new)?;
    // A failure to copy the permissions is ignored, because some file systems do not support permissions.
    if let Ok(old) = std::fs::metadata(old) {
        let _ = file.set_permissions(old.permissions());
    }
    file.write_all(content)?;
    sync(&file)
}

/// Writes the new content, and then removes the rest of the old content. If the program is killed during the write, the
/// file is damaged, and the next run reports an error. If the file were emptied first, a kill could leave an empty
/// file, which would be treated as a missing state.
fn overwrite(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)?;
    file.write_all(content)?;
    file.set_len(content.len() as u64)?;
    sync(&file)
}

/// Syncs a file to the disk. Ignores the error of a file system that does not support syncing.
fn sync(file: &File) -> io::Result<()> {
    match file.sync_all() {
        Err(e) if matches!(e.kind(), ErrorKind::Unsupported | ErrorKind::InvalidInput) => Ok(()),
        result => result,
    }
}

/// Syncs the folder, so that the rename survives a power failure. A sync error is ignored, because the rename has
/// already succeeded. If a power failure restores the old content, the next run reports some changes again, but no
/// change is lost.
fn sync_folder(path: &Path) {
    let folder = path.parent().unwrap_or(Path::new(""));
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    // On Windows, a folder cannot be opened, so it is not synced.
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
}
