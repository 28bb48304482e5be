//! What the writer and the readers share: the open parts of the store.

use crate::day::Day;
use crate::folder::Folder;
use crate::head::Head;
use crate::kv::{Engine, KvOptions};
use crate::manifest::{Manifest, Quarantined};
use crate::meta::row::DayFacts;
use crate::meta::{self, Meta};
use crate::partition::Partitions;
use crate::replay::{self, Replayed};
use crate::stats::{Counters, Stats, get};
use crate::sync::{lock, read};
use crate::wal::log::Log;
use crate::{Error, Options};
use linger_series::TimeMs;
use std::fmt::Display;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

/// Folder of the WAL.
const WAL: &str = "wal";

/// sled's unit of reuse in the WAL and in meta: two hours of one service's records are about 200 KB.
const SEGMENT_BYTES: usize = 128 * 1024;

pub(crate) struct Parts {
    pub(crate) options: Options,
    pub(crate) meta: Meta,
    pub(crate) log: Log,
    pub(crate) head: RwLock<Head>,
    pub(crate) partitions: Partitions,
    pub(crate) counters: Counters,
    /// Age and bytes above which day partitions go; begins as the options have it.
    pub(crate) retention: Mutex<(Duration, u64)>,
    /// Samples waiting for the writer.
    pub(crate) queued_samples: AtomicUsize,
    /// Last, so that the lock is freed after everything is closed.
    folder: Arc<Folder>,
}

impl Parts {
    /// Opens all parts and replays the WAL.
    pub(crate) fn open(
        dir: &Path,
        options: Options,
        engine: Arc<dyn Engine>,
    ) -> Result<(Self, Replayed), Error> {
        let (folder, mut manifest) = Folder::open(dir, options.read_only)?;
        let folder = Arc::new(folder);
        // An eighth for the WAL, an eighth for meta, the rest for the partitions that may be open.
        let eighth = options.cache_bytes / 8;
        let small = KvOptions { cache_bytes: eighth, segment_bytes: SEGMENT_BYTES };
        let kv = engine.open(&folder.part(meta::PART), meta::PART, small)?;
        let meta = Meta::open(kv, options.series_max)?;
        let (log, replayed) = match open_log(&folder, &*engine, small, &meta, options.read_only) {
            Err(error) if error.is_corruption() && !options.read_only => {
                put_log_aside(&folder, &mut manifest)?;
                open_log(&folder, &*engine, small, &meta, false)?
            }
            opened => opened?,
        };
        check_meta_is_there(&meta, &manifest, &replayed)?;
        let partition_cache = 6 * eighth / options.open_partitions_max.max(1) as u64;
        let partitions = Partitions::open(folder.clone(), engine, manifest, &options, partition_cache)?;
        let retention = Mutex::new((options.retention_age, options.retention_bytes));
        let shared = Self {
            options,
            retention,
            meta,
            log,
            head: RwLock::new(Head::default()),
            partitions,
            counters: Counters::default(),
            queued_samples: AtomicUsize::new(0),
            folder,
        };
        shared.counters.wal_records_broken.store(replayed.broken, Ordering::Relaxed);
        Ok((shared, replayed))
    }

    /// Notes a failure that no caller waits for.
    pub(crate) fn fault(&self, what: &str, error: &dyn Display) {
        crate::stats::raise(&self.counters.faults, 1);
        *lock(&self.counters.last_fault) = Some(format!("{what}: {error}"));
    }

    pub(crate) fn stats(&self) -> Stats {
        let counters = &self.counters;
        let (streams, series) = self.meta.counts();
        let partitions = self.partitions.stats();
        let current = |day, facts: &DayFacts| {
            self.partitions.partition(day).is_some_and(|partition| partition.content == facts.generation)
        };
        let days = self.meta.days().into_iter().filter(|(day, facts)| current(*day, facts));
        let days: Vec<DayFacts> = days.map(|(_, facts)| facts).collect();
        let head = read(&self.head);
        let firsts = days.iter().map(|facts| facts.first).chain(head.first_times().map(|(_, first)| first));
        let lasts = days.iter().map(|facts| facts.last).chain(head.last_times());
        let wal_bytes = self.log.bytes_on_disk();
        Stats {
            oldest: firsts.min(),
            newest: lasts.max(),
            series,
            streams,
            samples_acknowledged: get(&counters.samples_acknowledged),
            scrapes_acknowledged: get(&counters.scrapes_acknowledged),
            scrapes_dropped: get(&counters.scrapes_dropped),
            samples_dropped: get(&counters.samples_dropped),
            scrapes_refused: get(&counters.scrapes_refused),
            last_refusal: lock(&counters.last_refusal).clone(),
            samples_sealed: days.iter().map(|facts| facts.samples).sum(),
            block_bytes: days.iter().map(|facts| facts.block_bytes).sum(),
            head_samples: head.samples(),
            head_bytes: head.bytes(),
            quarantined: partitions.iter().filter(|(_, p)| p.quarantined).count(),
            disk_bytes: wal_bytes
                + self.meta.bytes_on_disk()
                + partitions.iter().map(|(_, p)| p.bytes).sum::<u64>(),
            partitions: partitions.into_iter().map(|(_, partition)| partition).collect(),
            wal_bytes,
            wal_records_broken: get(&counters.wal_records_broken),
            last_flush: Duration::from_micros(get(&counters.last_flush_us)),
            faults: get(&counters.faults),
            last_fault: lock(&counters.last_fault).clone(),
        }
    }

    /// Checks all sealed blocks, puts damaged partitions aside, and returns the number of sound blocks.
    pub(crate) fn check(&self) -> Result<u64, Error> {
        let mut blocks = 0;
        for day in self.partitions.days() {
            let Some(lease) = self.partitions.read(day)? else { continue };
            let sound = self.meta.groups(day)?.iter().try_fold(0, |blocks, (&(stream, group), facts)| {
                Ok(blocks + lease.check(stream, group, facts)?)
            });
            match sound {
                Err(error) if Error::is_corruption(&error) => self.partitions.quarantine(&lease)?,
                sound => blocks += sound?,
            }
        }
        Ok(blocks)
    }

    pub(crate) fn dir(&self) -> &Path {
        self.folder.dir()
    }
}

/// Refuses a store with samples whose meta knows no stream: sled opens a folder whose files were lost as an empty one,
/// and streams numbered anew would find the samples of others.
fn check_meta_is_there(meta: &Meta, manifest: &Manifest, replayed: &Replayed) -> Result<(), Error> {
    let (streams, _) = meta.counts();
    let has_samples = !manifest.raw.is_empty() || !replayed.last_seqs.is_empty();
    match streams == 0 && has_samples {
        true => Err(Error::Corrupt {
            part: meta::PART.to_owned(),
            at: 0,
            why: "rows were lost: there are samples, but no stream is known".to_owned(),
        }),
        false => Ok(()),
    }
}

fn open_log(
    folder: &Folder,
    engine: &dyn Engine,
    options: KvOptions,
    meta: &Meta,
    read_only: bool,
) -> Result<(Log, Replayed), Error> {
    let log = Log::new(engine.open(&folder.part(WAL), WAL, options)?);
    let replayed = replay::replay(&log, meta)?;
    if !read_only {
        log.delete_all(&replayed.stale)?;
    }
    Ok((log, replayed))
}

/// A damaged WAL is put aside like a partition: up to two hours per stream are lost, and said to be; what is sealed
/// serves on. It goes with the day it was last written, so that retention takes it in its time.
fn put_log_aside(folder: &Folder, manifest: &mut Manifest) -> Result<(), Error> {
    let written = std::fs::metadata(folder.part(WAL).join("db")).and_then(|meta| meta.modified()).ok();
    let since_epoch = written.and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok()).unwrap_or_default();
    let day = Day::of(TimeMs(0) + since_epoch);
    let part = folder.quarantine(WAL)?;
    manifest.quarantined.push(Quarantined { part, day });
    manifest.write(folder.dir())?;
    crate::folder::create_dir(&folder.part(WAL))
}
