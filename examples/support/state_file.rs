//! Saves a snapshot in a file between two runs of a program.

use super::output;
use connecteam_onboarding::{PackId, Snapshot};
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

/// Returns the saved snapshot, or `None` if the file does not exist or is empty.
///
/// A file that cannot be read is an error. If such a file was ignored, the changes since the last save would be lost
/// without a message. A file with the snapshot of another pack is also an error, because all users of that pack would
/// be reported as removed.
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
    // Only regular files are read, because a pipe could block and a device may have no end.
    if !std::fs::metadata(file)?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    std::fs::read(file)
}

/// A state file that this program has locked until the program ends.
pub struct StateFile {
    path: PathBuf,
    pack: PackId,
    /// The temporary file with the new content. A rename of the temporary file replaces the state file.
    new: PathBuf,
    /// Whether the state file is overwritten, because it cannot be replaced.
    in_place: bool,
    /// The open lock file. The program holds the lock until this file is closed.
    _lock: Option<File>,
}

impl StateFile {
    /// Locks the file `FILE.lock`. Returns an error if another program has locked `FILE.lock`.
    pub fn open(file: &Path, pack: PackId) -> Result<Self, String> {
        let path = resolve(file);
        let lock = lock(&path)?;
        // With the lock, the temporary file has a fixed name, so that killed runs leave at most one temporary file.
        // Without the lock, the name is random, because another program may save the same state file at the same
        // time.
        let new = if lock.is_some() {
            let new = in_same_folder(&path, ".new");
            // An earlier run that was killed may have left this temporary file.
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

    /// Returns the saved snapshot, or `None` if the file does not exist or is empty.
    pub fn load(&self) -> Result<Option<Snapshot>, String> {
        load(&self.path, self.pack)
    }

    /// Replaces the state file. After a kill or a power failure, the file contains the old snapshot or the new
    /// snapshot.
    ///
    /// If the file cannot be replaced, this method overwrites it.
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

/// Returns the target of a symbolic link, so that the target is replaced instead of the link. The target of the link
/// does not need to exist.
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

/// Returns the path with this suffix added to the file name. The new file is in the same folder, because a rename
/// cannot move a file to another file system.
fn in_same_folder(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Locks the state file with a lock file. If the system cannot lock the lock file, prints a warning and returns
/// `None`.
///
/// The lock file is never removed. If it was removed, a second program could create and lock a new lock file at the
/// same time.
fn lock(path: &Path) -> Result<Option<File>, String> {
    let name = in_same_folder(path, ".lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&name);
    // The call names the trait, because newer releases of the standard library have a method with the same name.
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

/// Returns whether the state file may be writable although it cannot be replaced. For example, the file is a mount
/// point, or its folder is not writable.
///
/// The error of a full disk is not in this list. On a full disk, overwriting the file would destroy the old content.
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
    // A failure to set the permissions is ignored, because some file systems have no permissions.
    if let Ok(old) = std::fs::metadata(old) {
        let _ = file.set_permissions(old.permissions());
    }
    file.write_all(content)?;
    sync(&file)
}

/// Writes the new content first and sets the file length last. A kill between these steps leaves a damaged file, and
/// the next run reports it as an error. An empty file would be read as a missing state.
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

/// Syncs a file to the disk. If a file system does not support the sync, this is not an error.
fn sync(file: &File) -> io::Result<()> {
    match file.sync_all() {
        Err(e) if matches!(e.kind(), ErrorKind::Unsupported | ErrorKind::InvalidInput) => Ok(()),
        result => result,
    }
}

/// Syncs the folder, so that the rename survives a power failure. An error of this sync is ignored, because the
/// rename has already succeeded. If a power failure restores the old content, changes are repeated but not lost.
fn sync_folder(path: &Path) {
    let folder = path.parent().unwrap_or(Path::new(""));
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    // On Windows, a folder cannot be opened.
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
}
