//! The small key-value interface the store stands on, so that sled stays behind one file and faults can be put
//! between in tests.

mod blobs;
mod patience;
pub(crate) mod sled;

use crate::Error;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

/// Writes that become visible and durable together or not at all.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) writes: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

impl Batch {
    pub(crate) fn put(&mut self, key: &[u8], value: impl Into<Vec<u8>>) {
        self.writes.push((key.to_vec(), Some(value.into())));
    }

    pub(crate) fn delete(&mut self, key: &[u8]) {
        self.writes.push((key.to_vec(), None));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }
}

/// Called for each row of a scan, in order of keys.
pub(crate) type Visit<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>;

/// One open folder of keys and values, in order of keys.
pub(crate) trait Kv: Send + Sync {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error>;

    /// Rows with `from <= key < to`.
    fn scan(&self, from: &[u8], to: &[u8], visit: Visit<'_>) -> Result<(), Error>;

    /// Writes a batch; it outlives this process after the next [`Kv::flush`].
    fn apply(&self, batch: Batch) -> Result<(), Error>;

    /// Hands what was applied to the operating system: it outlives a kill -9.
    fn flush(&self) -> Result<(), Error>;

    /// Hands what was flushed to the disk: it outlives a power cut.
    fn sync(&self) -> Result<(), Error>;

    /// Bytes its folder takes on disk.
    fn bytes_on_disk(&self) -> u64;
}

/// How one folder is opened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KvOptions {
    pub(crate) cache_bytes: u64,
    pub(crate) segment_bytes: usize,
}

/// Opens folders.
pub(crate) trait Engine: Send + Sync {
    /// Opens the folder at `dir`, which exists; `part` is its name in messages.
    fn open(&self, dir: &Path, part: &str, options: KvOptions) -> Result<Arc<dyn Kv>, Error>;
}
