//! sled's blob files, synced: sled 0.34.7 writes what does not fit a quarter of a segment to `blobs/<lsn>`
//! (`pagecache/blob_io.rs`, `write_blob`) and never syncs it, so that its data file could outlive what it points to.
//!
//! Remembers what was synced by name and length: a file that another thread is still writing is synced again. Starts
//! with nothing, because what an earlier process wrote may not have reached the disk either.

use crate::Error;
use crate::folder::sync_dir;
use crate::sync::lock;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

pub(super) struct Blobs {
    dir: PathBuf,
    /// Length of each file when it was synced; files that are gone are forgotten.
    synced: Mutex<BTreeMap<OsString, u64>>,
}

impl Blobs {
    /// Those of the sled folder `dir`.
    pub(super) fn new(dir: &Path) -> Self {
        Self { dir: dir.join("blobs"), synced: Mutex::new(BTreeMap::new()) }
    }

    /// Syncs the files that are new, then the folder that names them; returns their names.
    pub(super) fn sync(&self) -> Result<Vec<OsString>, Error> {
        let at = |e: io::Error| Error::io(&self.dir, e);
        let mut synced = lock(&self.synced);
        let (mut current, mut new) = (BTreeMap::new(), Vec::new());
        for entry in fs::read_dir(&self.dir).map_err(at)? {
            let name = entry.map_err(at)?.file_name();
            let path = self.dir.join(&name);
            let Some(meta) = unless_gone(fs::metadata(&path)).map_err(at)? else { continue };
            let length = meta.len();
            if synced.get(&name) != Some(&length) {
                let Some(file) = unless_gone(File::open(&path)).map_err(at)? else { continue };
                file.sync_data().map_err(|e| Error::io(&path, e))?;
                new.push(name.clone());
            }
            current.insert(name, length);
        }
        if !new.is_empty() {
            sync_dir(&self.dir)?;
        }
        *synced = current;
        Ok(new)
    }

    #[cfg(test)]
    pub(super) fn synced(&self) -> Vec<OsString> {
        lock(&self.synced).keys().cloned().collect()
    }
}

/// sled removes replaced blobs on whichever thread notices: one that is gone needs no sync.
fn unless_gone<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}
