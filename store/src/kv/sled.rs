//! sled 0.34.7 behind the key-value interface. The only file that names it.
//!
//! No flusher thread of sled's own (`flush_every_ms(None)`): the writer flushes. Never `flush_async`, which can
//! deadlock. sled reports some damage by panicking, so calls that read from disk are fenced by `catch_unwind` and a
//! panic becomes an error that names the part.

use super::{Batch, Engine, Kv, KvOptions, Visit};
use crate::Error;
use crate::folder;
use std::fs::File;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Opens sled folders.
pub(crate) struct SledEngine;

struct SledKv {
    db: sled::Db,
    /// sled's data file, opened a second time to be synced: `flush` only starts the writeback.
    file: File,
    dir: PathBuf,
    part: String,
}

impl Engine for SledEngine {
    fn open(&self, dir: &Path, part: &str, options: KvOptions) -> Result<Arc<dyn Kv>, Error> {
        let config = sled::Config::new()
            .path(dir)
            .mode(sled::Mode::LowSpace)
            .cache_capacity(options.cache_bytes)
            .segment_size(options.segment_bytes)
            .flush_every_ms(None);
        let db = open_patiently(part, &config)?;
        let path = dir.join("db");
        let file = File::open(&path).map_err(|e| Error::io(&path, e))?;
        Ok(Arc::new(SledKv { db, file, dir: dir.to_owned(), part: part.to_owned() }))
    }
}

/// How long a folder may stay locked after its last handle was dropped, and how often that is looked at: sled's I/O
/// threads can hold the file a little longer, and so can a process between fork and exec.
const LOCK_WAIT: Duration = Duration::from_secs(2);
const LOCK_POLL: Duration = Duration::from_millis(5);

/// Opens, waiting for an earlier handle of this process to let go. No other process can be in the way: the store's
/// own lock comes before.
fn open_patiently(part: &str, config: &sled::Config) -> Result<sled::Db, Error> {
    let started = Instant::now();
    loop {
        match fenced(part, || config.open()) {
            Err(Error::Io { source, .. })
                if source.to_string().contains("could not acquire lock") && started.elapsed() < LOCK_WAIT =>
            {
                std::thread::sleep(LOCK_POLL);
            }
            result => return result,
        }
    }
}

/// Runs a call of sled and names the part in its error.
fn fenced<T>(part: &str, call: impl FnOnce() -> sled::Result<T>) -> Result<T, Error> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(sled::Error::Io(source))) => Err(Error::Io { path: part.into(), source: Arc::new(source) }),
        Ok(Err(sled::Error::Corruption { at, .. })) => Err(Error::Corrupt {
            part: part.to_owned(),
            at: 0,
            why: match at {
                Some(at) => format!("sled found damage at {at:?}"),
                None => "sled found damage".to_owned(),
            },
        }),
        Ok(Err(error)) => Err(Error::Engine { part: part.to_owned(), why: error.to_string() }),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
            Err(Error::Corrupt { part: part.to_owned(), at: 0, why: format!("sled panicked: {text}") })
        }
    }
}

impl Kv for SledKv {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        fenced(&self.part, || Ok(self.db.get(key)?.map(|value| value.to_vec())))
    }

    fn scan(&self, from: &[u8], to: &[u8], visit: Visit<'_>) -> Result<(), Error> {
        fenced(&self.part, || {
            for row in self.db.range(from..to) {
                let (key, value) = row?;
                if visit(&key, &value) == ControlFlow::Break(()) {
                    break;
                }
            }
            Ok(())
        })
    }

    fn apply(&self, batch: Batch) -> Result<(), Error> {
        let mut writes = sled::Batch::default();
        for (key, value) in batch.writes {
            match value {
                Some(value) => writes.insert(key, value),
                None => writes.remove(key),
            }
        }
        fenced(&self.part, || self.db.apply_batch(writes))
    }

    fn flush(&self) -> Result<(), Error> {
        fenced(&self.part, || self.db.flush().map(|_| ()))
    }

    fn sync(&self) -> Result<(), Error> {
        self.file.sync_data().map_err(|e| Error::io(&self.dir, e))
    }

    fn bytes_on_disk(&self) -> u64 {
        folder::bytes_on_disk(&self.dir)
    }
}
