//! A snapshot in a file, between two runs.

use super::output;
use connecteam_onboarding::{PackId, Snapshot};
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

/// Reads the snapshot; `None` if there is no file or an empty one.
///
/// A file that cannot be read is an error, not a new start: the changes since would be lost without a message.
/// So is the file of another pack: all its users would be reported as removed.
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
    // A pipe would block, and a device has no end.
    if !std::fs::metadata(file)?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    std::fs::read(file)
}

/// A state file that this program owns until it ends.
pub struct StateFile {
    path: PathBuf,
    pack: PackId,
    /// The temporary file of a replacement.
    new: PathBuf,
    /// Whether the file is overwritten, as it cannot be replaced.
    in_place: bool,
    /// Held as long as the program runs.
    _lock: Option<File>,
}

impl StateFile {
    /// Takes the lock `FILE.lock`. Fails if another program has it.
    pub fn open(file: &Path, pack: PackId) -> Result<Self, String> {
        let path = resolve(file);
        let lock = lock(&path)?;
        // A fixed name leaves at most one file behind after a kill. Without the lock, another program may use
        // the same name at the same time.
        let new = if lock.is_some() {
            let new = in_same_folder(&path, ".new");
            // Of a run that was killed.
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

    /// Reads the snapshot; `None` if there is no file or an empty one.
    pub fn load(&self) -> Result<Option<Snapshot>, String> {
        load(&self.path, self.pack)
    }

    /// Replaces the file: a kill or a power cut at any moment leaves the old content or the new one.
    ///
    /// Overwrites a file that cannot be replaced.
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

/// Follows symbolic links, so that a link stays a link, also while its target does not exist.
fn resolve(file: &Path) -> PathBuf {
    let mut path = file.to_path_buf();
    // Linux follows 40 links at most.
    for _ in 0..40 {
        let Ok(target) = std::fs::read_link(&path) else {
            break;
        };
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    path
}

/// Returns a path in the same folder, as a rename does not cross file systems.
fn in_same_folder(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Takes the lock; `None` where there are no locks, after a warning. The lock file stays, as its removal could
/// let two programs hold a lock each.
fn lock(path: &Path) -> Result<Option<File>, String> {
    let name = in_same_folder(path, ".lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&name);
    // By its full name: newer releases of the standard library have a method of the same name.
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

/// Whether the file may be writable although it cannot be replaced: it is a mount point, or its folder is not
/// writable. A full disk is not in the list, as overwriting would then destroy the old content.
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
    // Some file systems have no permissions to set.
    if let Ok(old) = std::fs::metadata(old) {
        let _ = file.set_permissions(old.permissions());
    }
    file.write_all(content)?;
    sync(&file)
}

/// Cut to its length last: a kill in between leaves a file that is refused, not an empty one.
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

/// Some file systems cannot sync, which is no failure of the write.
fn sync(file: &File) -> io::Result<()> {
    match file.sync_all() {
        Err(e) if matches!(e.kind(), ErrorKind::Unsupported | ErrorKind::InvalidInput) => Ok(()),
        result => result,
    }
}

/// Makes the rename itself durable, where the system can. The new content is in place anyway, and a power cut
/// that brings the old one back repeats changes but loses none.
fn sync_folder(path: &Path) {
    let folder = path.parent().unwrap_or(Path::new(""));
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    // Windows opens no folder.
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
}
