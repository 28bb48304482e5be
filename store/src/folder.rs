//! The store's folder: what lies where, its lock, its permissions.
//!
//! ```text
//! MANIFEST            which partitions there are (crate::manifest)
//! LOCK                held by the one process that has the store open
//! meta/               sled: series, labels, streams, seals, notes
//! wal/                sled: scrapes not yet sealed
//! raw/2026-11-24/     sled: one day of sealed blocks
//! raw/….quarantine/   a part found damaged, kept for inspection until retention takes it
//! ```
//!
//! Folders are 0700: evidence and labels can tell about the service.

use crate::Error;
use crate::manifest::{self, Manifest};
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const DIR_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// Depth to which sizes are summed: partition folders lie two below the root, sled keeps blobs one below that.
const DEPTH_MAX: usize = 5;

/// A store's folder, locked by this process.
pub(crate) struct Folder {
    dir: PathBuf,
    /// Held for as long as the store is open; the lock goes with the handle.
    _lock: File,
}

impl Folder {
    /// Finds or makes the store in `dir` and locks it.
    pub(crate) fn open(dir: &Path, read_only: bool) -> Result<(Self, Manifest), Error> {
        if read_only && !dir.is_dir() {
            return Err(Error::Missing { dir: dir.to_owned() });
        }
        if !dir.is_dir() {
            create_dir(dir)?;
        }
        let manifest_path = dir.join(manifest::NAME);
        let new = !manifest_path.exists();
        if new && !is_empty(dir)? {
            return Err(Error::NotAStore { dir: dir.to_owned() });
        }
        if new && read_only {
            return Err(Error::Missing { dir: dir.to_owned() });
        }
        let lock = lock(dir)?;
        let folder = Self { dir: dir.to_owned(), _lock: lock };
        if new {
            let manifest = Manifest::default();
            manifest.write(dir)?;
        }
        let manifest = Manifest::read(dir)?;
        if !read_only {
            // A mount point may belong to another user; the folders below are made 0700 in any case.
            let _ = fs::set_permissions(dir, fs::Permissions::from_mode(DIR_MODE));
            for part in ["meta", "wal", "raw"] {
                create_dir(&dir.join(part))?;
            }
        }
        Ok((folder, manifest))
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The folder of a part such as `wal` or `raw/2026-11-24`.
    pub(crate) fn part(&self, part: &str) -> PathBuf {
        self.dir.join(part)
    }

    /// Renames a damaged part so that nothing opens it again, and returns the part's new name.
    pub(crate) fn quarantine(&self, part: &str) -> Result<String, Error> {
        let mut name = format!("{part}{QUARANTINE}");
        for again in 1..QUARANTINES_MAX {
            if !self.part(&name).exists() {
                break;
            }
            name = format!("{part}.{again}{QUARANTINE}");
        }
        let from = self.part(part);
        fs::rename(&from, self.part(&name)).map_err(|e| Error::io(&from, e))?;
        Ok(name)
    }

    /// Removes a part's folder; one that is gone already is no error.
    pub(crate) fn remove(&self, part: &str) -> Result<(), Error> {
        let path = self.part(part);
        match fs::remove_dir_all(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(Error::io(&path, e)),
            _ => Ok(()),
        }
    }
}

/// Ending of a damaged part's name.
pub(crate) const QUARANTINE: &str = ".quarantine";

/// Names tried for one part: a WAL damaged a hundred times wants a person.
const QUARANTINES_MAX: u32 = 100;

/// Makes a folder, and those above it, for this user only.
pub(crate) fn create_dir(dir: &Path) -> Result<(), Error> {
    DirBuilder::new().recursive(true).mode(DIR_MODE).create(dir).map_err(|e| Error::io(dir, e))
}

/// Whether there is nothing in the way of a new store: a file system's own `lost+found`, and what a first start
/// that was interrupted leaves, are not.
fn is_empty(dir: &Path) -> Result<bool, Error> {
    let ours =
        |name: &std::ffi::OsStr| [manifest::NEW_NAME, "LOCK", "lost+found"].iter().any(|own| name == *own);
    for entry in fs::read_dir(dir).map_err(|e| Error::io(dir, e))? {
        if !ours(&entry.map_err(|e| Error::io(dir, e))?.file_name()) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn lock(dir: &Path) -> Result<File, Error> {
    let path = dir.join("LOCK");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(FILE_MODE)
        .open(&path)
        .map_err(|e| Error::io(&path, e))?;
    let started = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if started.elapsed() < LOCK_WAIT => std::thread::sleep(LOCK_POLL),
            Err(TryLockError::WouldBlock) => return Err(Error::Locked { dir: dir.to_owned() }),
            Err(TryLockError::Error(e)) => return Err(Error::io(&path, e)),
        }
    }
}

/// How long an open waits for the lock, and how often it looks: a process that was just started by the former owner
/// holds it between fork and exec.
const LOCK_WAIT: Duration = Duration::from_millis(200);
const LOCK_POLL: Duration = Duration::from_millis(5);

/// Writes a small file whole or not at all: beside it, synced, renamed over it, the folder synced.
pub(crate) fn replace_file(dir: &Path, name: &str, new_name: &str, content: &str) -> Result<(), Error> {
    let new = dir.join(new_name);
    let write = || -> io::Result<()> {
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(FILE_MODE).open(&new)?;
        io::Write::write_all(&mut file, content.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, dir.join(name))?;
        File::open(dir)?.sync_all()
    };
    write().map_err(|e| Error::io(&new, e))
}

/// Makes a folder's names durable: those of files and folders made, renamed or removed in it.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), Error> {
    File::open(dir).and_then(|file| file.sync_all()).map_err(|e| Error::io(dir, e))
}

/// Bytes that a folder takes on disk, in blocks as the file system counts them; what cannot be read counts nothing.
pub(crate) fn bytes_on_disk(dir: &Path) -> u64 {
    fn sum(dir: &Path, depth: usize) -> u64 {
        let entries = fs::read_dir(dir).into_iter().flatten().flatten();
        entries
            .filter_map(|entry| Some((entry.path(), fs::symlink_metadata(entry.path()).ok()?)))
            .map(|(path, meta)| match meta.is_dir() {
                true if depth < DEPTH_MAX => sum(&path, depth + 1),
                true => 0,
                false => meta.blocks() * 512,
            })
            .sum()
    }
    sum(dir, 0)
}
