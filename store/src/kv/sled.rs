//! sled 0.34.7 behind the key-value interface. The only file that names it.
//!
//! Items above a quarter of a segment lie in files of their own, which sled does not sync: [`super::blobs`] does. Its
//! seven I/O threads are kept from waking each second for nothing: [`super::patience`].
//!
//! No flusher thread of sled's own (`flush_every_ms(None)`): the writer flushes. Never `flush_async`, which can
//! deadlock. sled reports some damage by panicking, so calls that read from disk are fenced by `catch_unwind` and a
//! panic becomes an error that names the part.

use super::blobs::Blobs;
use super::{Batch, Engine, Kv, KvOptions, Visit, patience};
use crate::Error;
use crate::folder;
use std::fs::File;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Opens sled folders.
pub(crate) struct SledEngine;

struct SledKv {
    db: sled::Db,
    /// sled's data file, opened a second time to be synced: `flush` only starts the writeback.
    file: File,
    blobs: Blobs,
    /// The folder's own name, and those sled made in it when it was opened, are durable.
    named: AtomicBool,
    dir: PathBuf,
    part: String,
}

impl Engine for SledEngine {
    fn open(&self, dir: &Path, part: &str, options: KvOptions) -> Result<Arc<dyn Kv>, Error> {
        Ok(Arc::new(SledKv::open(dir, part, options)?))
    }
}

impl SledKv {
    fn open(dir: &Path, part: &str, options: KvOptions) -> Result<Self, Error> {
        let config = sled::Config::new()
            .path(dir)
            .mode(sled::Mode::LowSpace)
            .cache_capacity(options.cache_bytes)
            .segment_size(options.segment_bytes)
            .flush_every_ms(None);
        let db = open_unlocked(part, &config)?;
        let path = dir.join("db");
        let file = File::open(&path).map_err(|e| Error::io(&path, e))?;
        Ok(Self {
            db,
            file,
            blobs: Blobs::new(dir),
            named: AtomicBool::new(false),
            dir: dir.to_owned(),
            part: part.to_owned(),
        })
    }
}

/// How long a folder may stay locked after its last handle was dropped, and how often that is looked at: sled's I/O
/// threads can hold the file a little longer, and so can a process between fork and exec.
const LOCK_WAIT: Duration = Duration::from_secs(2);
const LOCK_POLL: Duration = Duration::from_millis(5);

/// Opens, waiting for an earlier handle of this process to let go. No other process can be in the way: the store's
/// own lock comes before.
fn open_unlocked(part: &str, config: &sled::Config) -> Result<sled::Db, Error> {
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

/// Runs a call of sled and names the part in its error. Any of them may start threads of sled's pool, which gets more
/// than the first seven in a rush and keeps them.
fn fenced<T>(part: &str, call: impl FnOnce() -> sled::Result<T>) -> Result<T, Error> {
    match patience::given(|| catch_unwind(AssertUnwindSafe(call))) {
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

    fn apply(&self, mut batch: Batch) -> Result<(), Error> {
        // One write is whole by itself. sled writes and syncs a batch's manifest apart from its rows (`pin_log`), and
        // each of these writes wakes all of its I/O threads.
        if batch.writes.len() == 1
            && let Some((key, value)) = batch.writes.pop()
        {
            return fenced(&self.part, || match value {
                Some(value) => self.db.insert(key, value).map(|_| ()),
                None => self.db.remove(key).map(|_| ()),
            });
        }
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
        self.file.sync_data().map_err(|e| Error::io(&self.dir, e))?;
        // After the data file: whatever it points to is there by now.
        self.blobs.sync()?;
        if !self.named.load(Ordering::Acquire) {
            // What sled was opened with, written by it at the first open and not synced either.
            let conf = self.dir.join("conf");
            File::open(&conf).and_then(|file| file.sync_all()).map_err(|e| Error::io(&conf, e))?;
            folder::sync_dir(&self.dir)?;
            self.dir.parent().map_or(Ok(()), folder::sync_dir)?;
            self.named.store(true, Ordering::Release);
        }
        Ok(())
    }

    fn bytes_on_disk(&self) -> u64 {
        folder::bytes_on_disk(&self.dir)
    }
}

#[cfg(test)]
mod tests {
    use super::SledKv;
    use crate::kv::{Batch, Engine, Kv, KvOptions};
    use crate::store::{Scrape, Store};
    use crate::{Error, Options};
    use linger_series::{Labels, SeriesKey, Stream, TimeMs};
    use std::ffi::OsString;
    use std::path::Path;
    use std::sync::{Arc, Mutex, Weak};
    use std::time::Duration;

    const OPTIONS: KvOptions = KvOptions { cache_bytes: 1024 * 1024, segment_bytes: 64 * 1024 };

    /// Names in a folder's `blobs/`, in order.
    fn blobs(dir: &Path) -> Vec<OsString> {
        let mut names: Vec<_> =
            std::fs::read_dir(dir.join("blobs")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    }

    fn put(kv: &SledKv, key: &str, bytes: usize) {
        let mut batch = Batch::default();
        batch.put(key.as_bytes(), vec![7; bytes]);
        kv.apply(batch).unwrap();
        kv.flush().unwrap();
    }

    #[test]
    fn each_blob_is_synced_once_and_again_after_opening() {
        let dir = tempfile::tempdir().unwrap();
        let kv = SledKv::open(dir.path(), "test", OPTIONS).unwrap();
        put(&kv, "small", 100);
        assert_eq!(kv.blobs.sync().unwrap(), Vec::<OsString>::new());
        put(&kv, "large", 100_000);
        let mut first = kv.blobs.sync().unwrap();
        first.sort();
        assert!(!first.is_empty());
        assert_eq!(first, blobs(dir.path()));
        assert_eq!(kv.blobs.sync().unwrap(), Vec::<OsString>::new());
        put(&kv, "larger", 200_000);
        let second = kv.blobs.sync().unwrap();
        assert!(!second.is_empty() && second.iter().all(|name| !first.contains(name)), "{second:?}");
        drop(kv);
        let kv = SledKv::open(dir.path(), "test", OPTIONS).unwrap();
        kv.sync().unwrap();
        assert_eq!(kv.blobs.synced(), blobs(dir.path()));
    }

    /// Remembers what it opened, without keeping it open.
    #[derive(Default)]
    struct Watching(Mutex<Vec<Weak<SledKv>>>);

    impl Engine for Watching {
        fn open(&self, dir: &Path, part: &str, options: KvOptions) -> Result<Arc<dyn Kv>, Error> {
            let kv = Arc::new(SledKv::open(dir, part, options)?);
            self.0.lock().unwrap().push(Arc::downgrade(&kv));
            Ok(kv)
        }
    }

    #[test]
    fn every_blob_of_a_sealed_and_of_a_rewritten_day_is_synced() {
        const DAY_MS: i64 = 86_400_000;
        let dir = tempfile::tempdir().unwrap();
        let engine = Arc::new(Watching::default());
        let options = Options { commit_every: Duration::ZERO, ..Options::default() };
        let store = Store::open_on(dir.path(), options, engine.clone()).unwrap();
        let stream = Stream::new("api", "heap");
        let key = |site: u32| SeriesKey::new("m", Labels::new([("site", site.to_string())]));
        let ids: Vec<_> = (0..60).map(|site| store.register(&stream, &key(site)).unwrap()).collect();
        // Values that do not pack: a block is far above a quarter of a segment.
        let mut noise = 1_u64;
        for i in 0..480 {
            let samples = ids.iter().map(|id| {
                noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (*id, f64::from_bits(noise >> 12 | 0x3ff << 52))
            });
            let scrape = Scrape { stream: stream.clone(), at: TimeMs(i), samples: samples.collect() };
            store.append(scrape, |result| result.unwrap()).unwrap();
            if i % 100 == 0 {
                store.flush().unwrap();
            }
        }
        store.flush().unwrap();
        check_synced(&engine, "raw/1970-01-01");
        for _ in 0..600 {
            store.maintain(TimeMs(2 * DAY_MS)).unwrap();
            store.flush().unwrap();
            if store.stats().partitions.iter().any(|p| p.part == "raw/1970-01-01.1") {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        check_synced(&engine, "raw/1970-01-01.1");
    }

    /// A partition that is open has blobs, and all of them were synced.
    #[track_caller]
    fn check_synced(engine: &Watching, part: &str) {
        let opened = engine.0.lock().unwrap();
        let kv = opened.iter().filter_map(Weak::upgrade).find(|kv| kv.part == part).unwrap();
        let (synced, present) = (kv.blobs.synced(), blobs(&kv.dir));
        assert!(!present.is_empty());
        assert!(present.iter().all(|name| synced.contains(name)), "{present:?}, synced {synced:?}");
    }
}
