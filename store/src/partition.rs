//! Day partitions: one sled folder per UTC day of sealed blocks, opened when asked for and closed when idle, so that
//! retention removes whole folders and memory holds a few of them at a time.
//!
//! A partition found damaged is renamed, counted and left out; the rest serves on. Only damage does that: a full
//! disk or a missing permission is an error and changes nothing.
//!
//! Rows: `stream u32 | group u32 | start_ms u64` -> one block ([`crate::block`]); after rewriting, a few rows with many
//! blocks each ([`crate::container`]).

use crate::Error;
use crate::block::Decoder;
use crate::bytes::Malformed;
use crate::container;
use crate::day::Day;
use crate::folder::{self, Folder};
use crate::id::{Group, StreamId};
use crate::kv::{Batch, Engine, Kv, KvOptions};
use crate::manifest::{self, Manifest, Partition, Quarantined};
use crate::meta::row::GroupFacts;
use crate::sync::lock;
use linger_series::{TimeMs, Window};
use std::fs;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// sled's unit of reuse in a partition. Small: a day of one service is about a megabyte, and what is left empty at the
/// end of a file is space on disk. 64 KiB took a fifth less than 128 KiB and half of 512 KiB, at the same CPU.
const SEGMENT_BYTES: usize = 64 * 1024;

pub(crate) struct Partitions {
    folder: Arc<Folder>,
    engine: Arc<dyn Engine>,
    cache_bytes: u64,
    open_max: usize,
    read_only: bool,
    state: Mutex<State>,
}

struct State {
    manifest: Manifest,
    open: Vec<Open>,
    /// A folder being written to that the manifest does not name yet.
    rewriting: Option<Partition>,
}

struct Open {
    partition: Partition,
    kv: Arc<dyn Kv>,
    used: Instant,
}

/// An open partition, kept open for as long as this is held.
pub(crate) struct Lease {
    partition: Partition,
    kv: Arc<dyn Kv>,
}

/// Which block of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockKey {
    pub(crate) stream: StreamId,
    pub(crate) group: Group,
    pub(crate) start: TimeMs,
}

impl BlockKey {
    /// The key back from its bytes.
    pub(crate) fn parse(key: &[u8]) -> Option<Self> {
        let (stream, rest) = key.split_first_chunk::<4>()?;
        let (group, start) = rest.split_first_chunk::<4>()?;
        let start = i64::try_from(u64::from_be_bytes(start.try_into().ok()?)).ok()?;
        Some(Self {
            stream: StreamId(u32::from_be_bytes(*stream)),
            group: Group(u32::from_be_bytes(*group)),
            start: TimeMs(start),
        })
    }

    pub(crate) fn to_bytes(self) -> [u8; 16] {
        let series = u64::from(self.stream.0) << 32 | u64::from(self.group.0);
        let start = u64::try_from(self.start.0).unwrap_or(0);
        (u128::from(series) << 64 | u128::from(start)).to_be_bytes()
    }
}

/// The blocks in one row of a partition: itself, or those of a container.
fn rows_of<'a>(key: &[u8], row: &'a [u8]) -> Result<Vec<(BlockKey, &'a [u8])>, Malformed> {
    if container::is_container(row) {
        return container::blocks(row);
    }
    let key = BlockKey::parse(key).ok_or(Malformed { at: 0, why: "not the key of a block" })?;
    Ok(vec![(key, row)])
}

impl Lease {
    /// Writes blocks and makes them durable, even against a power cut: their WAL records go next.
    pub(crate) fn write(&self, blocks: Vec<(BlockKey, Vec<u8>)>) -> Result<(), Error> {
        let mut batch = Batch::default();
        for (key, row) in blocks {
            batch.put(&key.to_bytes(), row);
        }
        self.kv.apply(batch)?;
        self.kv.flush()?;
        self.kv.sync()
    }

    pub(crate) fn partition(&self) -> Partition {
        self.partition
    }

    pub(crate) fn kv(&self) -> &dyn Kv {
        &*self.kv
    }

    /// Says that the partition has fewer blocks than were recorded.
    pub(crate) fn missing_blocks(&self) -> Error {
        self.corrupt(Malformed { at: 0, why: "sealed blocks are missing" })
    }

    /// Rows of one group's blocks that can have samples in the window, in order of time. All of the group's rows are
    /// counted against what was recorded: sled can open a damaged folder as one that has fewer.
    pub(crate) fn blocks(
        &self,
        stream: StreamId,
        group: Group,
        facts: &GroupFacts,
        window: Window,
    ) -> Result<Vec<Vec<u8>>, Error> {
        let mut found = self.group_rows(stream, group)?;
        let count = found.len() as u64;
        if self.partition.content == facts.generation && count < facts.blocks {
            return Err(self.missing_blocks());
        }
        // A block that came late lies beside the container of its day.
        found.sort_by_key(|(start, _)| *start);
        // The blocks before the last that starts at the window's start or earlier end before that.
        let first = found.iter().rposition(|(start, _)| *start <= window.from).unwrap_or(0);
        let inside = found.into_iter().skip(first).filter(|(start, _)| *start < window.to);
        Ok(inside.map(|(_, row)| row).collect())
    }

    /// All rows of a group with their starts. A rewritten partition has few rows, each with blocks of many groups, and
    /// is looked through from its beginning.
    fn group_rows(&self, stream: StreamId, group: Group) -> Result<Vec<(TimeMs, Vec<u8>)>, Error> {
        let key = |start| BlockKey { stream, group, start }.to_bytes();
        let (first, last) = (key(TimeMs(0)), key(TimeMs::MAX));
        let from = if self.partition.is_rewritten() { &[][..] } else { &first };
        let (mut found, mut result) = (Vec::new(), Ok(()));
        self.kv.scan(from, &last, &mut |key, row| {
            match rows_of(key, row) {
                Ok(blocks) => found.extend(
                    blocks
                        .into_iter()
                        .filter(|(key, _)| (key.stream, key.group) == (stream, group))
                        .map(|(key, row)| (key.start, row.to_vec())),
                ),
                Err(malformed) => result = Err(self.corrupt(malformed)),
            }
            if result.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        result.map(|()| found)
    }

    /// Checks a group's blocks: their number, and each one's checksum. Returns how many there are.
    pub(crate) fn check(&self, stream: StreamId, group: Group, facts: &GroupFacts) -> Result<u64, Error> {
        let rows = self.blocks(stream, group, facts, Window::ALL)?;
        for row in &rows {
            Decoder::summary(row).map_err(|malformed| self.corrupt(malformed))?;
        }
        Ok(rows.len() as u64)
    }

    /// Says where malformed bytes were found.
    pub(crate) fn corrupt(&self, error: Malformed) -> Error {
        Error::Corrupt { part: self.partition.part(), at: error.at, why: error.why.to_owned() }
    }
}

/// What one partition takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionStats {
    /// Its folder below the store's, such as `raw/2026-11-24`.
    pub part: String,
    /// Bytes on disk.
    pub bytes: u64,
    /// Whether it is open now.
    pub open: bool,
    /// Whether it was found damaged and put aside.
    pub quarantined: bool,
}

impl Partitions {
    /// Takes the manifest's partitions; removes folders it does not name and puts aside those it names in vain.
    pub(crate) fn open(
        folder: Arc<Folder>,
        engine: Arc<dyn Engine>,
        mut manifest: Manifest,
        options: &crate::Options,
        cache_bytes: u64,
    ) -> Result<Self, Error> {
        if !options.read_only {
            let missing: Vec<Partition> = manifest
                .raw
                .values()
                .copied()
                .filter(|partition| !folder.part(&partition.part()).is_dir())
                .collect();
            for partition in &missing {
                // A quarantine renames first and rewrites the manifest then: this is one that was interrupted.
                manifest.raw.remove(&partition.day);
                let part = format!("{}{}", partition.part(), folder::QUARANTINE);
                manifest.quarantined.push(Quarantined { part, day: partition.day });
            }
            if !missing.is_empty() {
                manifest.write(folder.dir())?;
            }
            remove_orphans(&folder, &manifest)?;
        }
        Ok(Self {
            folder,
            engine,
            cache_bytes,
            open_max: options.open_partitions_max.max(1),
            read_only: options.read_only,
            state: Mutex::new(State { manifest, open: Vec::new(), rewriting: None }),
        })
    }

    /// Days that have a partition, in order.
    pub(crate) fn days(&self) -> Vec<Day> {
        lock(&self.state).manifest.raw.keys().copied().collect()
    }

    /// The partition of a day, if it has one.
    pub(crate) fn partition(&self, day: Day) -> Option<Partition> {
        lock(&self.state).manifest.partition(day)
    }

    /// A day's partition for reading; none if the store has none, or if it turns out to be damaged.
    pub(crate) fn read(&self, day: Day) -> Result<Option<Lease>, Error> {
        let state = &mut *lock(&self.state);
        let Some(partition) = state.manifest.partition(day) else { return Ok(None) };
        match self.lease(state, partition) {
            Err(error) if error.is_corruption() => {
                self.put_aside(state, partition)?;
                Ok(None)
            }
            lease => lease.map(Some),
        }
    }

    /// A day's partition for writing, made if there is none.
    pub(crate) fn write(&self, day: Day) -> Result<Lease, Error> {
        let state = &mut *lock(&self.state);
        if let Some(partition) = state.manifest.partition(day) {
            match self.lease(state, partition) {
                Err(error) if error.is_corruption() => self.put_aside(state, partition)?,
                lease => return lease,
            }
        }
        // The folder first, then the manifest: a crash in between leaves an orphan, never a name without a folder.
        let generation = Self::next_generation(state, day);
        let partition = Partition { day, folder: generation, content: generation };
        folder::create_dir(&self.folder.part(&partition.part()))?;
        let lease = self.lease(state, partition)?;
        let mut manifest = state.manifest.clone();
        manifest.raw.insert(day, partition);
        manifest.write(self.folder.dir())?;
        state.manifest = manifest;
        Ok(lease)
    }

    fn next_generation(state: &State, day: Day) -> u32 {
        let rewriting = state.rewriting.filter(|partition| partition.day == day).map_or(0, |p| p.folder + 1);
        state.manifest.next_generation(day).max(rewriting)
    }

    /// A fresh folder for the content of a partition; nothing reads from it before [`Partitions::finish_rewrite`].
    pub(crate) fn begin_rewrite(&self, source: Partition) -> Result<Lease, Error> {
        let state = &mut *lock(&self.state);
        let partition = Partition { folder: Self::next_generation(state, source.day), ..source };
        let part = partition.part();
        folder::create_dir(&self.folder.part(&part))?;
        let kv = self.engine.open(&self.folder.part(&part), &part, self.kv_options())?;
        state.rewriting = Some(partition);
        Ok(Lease { partition, kv })
    }

    /// Puts a rewritten folder in the place of the one it was made from, and removes that.
    pub(crate) fn finish_rewrite(&self, source: Partition, target: &Lease) -> Result<(), Error> {
        let state = &mut *lock(&self.state);
        let mut manifest = state.manifest.clone();
        if manifest.partition(source.day) != Some(source) {
            // Retention or a quarantine took it meanwhile.
            state.rewriting = None;
            return self.folder.remove(&target.partition.part());
        }
        manifest.raw.insert(source.day, target.partition);
        manifest.write(self.folder.dir())?;
        state.manifest = manifest;
        state.rewriting = None;
        state.open.retain(|open| open.partition != source);
        let kv = target.kv.clone();
        state.open.push(Open { partition: target.partition, kv, used: Instant::now() });
        // A reader that still holds the old folder reads on: its file goes with the last handle.
        self.folder.remove(&source.part())
    }

    /// Removes a folder whose rewriting was given up.
    pub(crate) fn abandon_rewrite(&self, target: Partition) -> Result<(), Error> {
        let state = &mut *lock(&self.state);
        state.rewriting = None;
        match state.manifest.partition(target.day) == Some(target) {
            true => Ok(()),
            false => self.folder.remove(&target.part()),
        }
    }

    fn kv_options(&self) -> KvOptions {
        KvOptions { cache_bytes: self.cache_bytes, segment_bytes: SEGMENT_BYTES }
    }

    fn lease(&self, state: &mut State, partition: Partition) -> Result<Lease, Error> {
        let now = Instant::now();
        if let Some(open) = state.open.iter_mut().find(|open| open.partition == partition) {
            open.used = now;
            return Ok(Lease { partition, kv: open.kv.clone() });
        }
        while state.open.len() >= self.open_max {
            // Those in use stay: closing is only possible, and the lock of sled only free, when no one holds them.
            let idle = state.open.iter().enumerate().filter(|(_, open)| Arc::strong_count(&open.kv) == 1);
            let Some((oldest, _)) = idle.min_by_key(|(_, open)| open.used) else { break };
            state.open.swap_remove(oldest);
        }
        let part = partition.part();
        let kv = self.engine.open(&self.folder.part(&part), &part, self.kv_options())?;
        state.open.push(Open { partition, kv: kv.clone(), used: now });
        Ok(Lease { partition, kv })
    }

    /// Puts a partition aside in which a reader found damage.
    pub(crate) fn quarantine(&self, lease: &Lease) -> Result<(), Error> {
        let state = &mut *lock(&self.state);
        match state.manifest.partition(lease.partition.day) {
            Some(current) if current == lease.partition => self.put_aside(state, current),
            // Someone else did, or retention took it.
            _ => Ok(()),
        }
    }

    /// Renames, then rewrites the manifest: a crash in between is finished at the next start.
    fn put_aside(&self, state: &mut State, partition: Partition) -> Result<(), Error> {
        let part = match self.read_only {
            true => format!("{}{}", partition.part(), folder::QUARANTINE),
            false => self.folder.quarantine(&partition.part())?,
        };
        state.open.retain(|open| open.partition != partition);
        state.manifest.raw.remove(&partition.day);
        state.manifest.quarantined.push(Quarantined { part, day: partition.day });
        if self.read_only { Ok(()) } else { state.manifest.write(self.folder.dir()) }
    }

    /// Drops days with all they hold, quarantined parts too. First from the manifest, then from the disk.
    pub(crate) fn remove(&self, days: &[Day]) -> Result<(), Error> {
        let state = &mut *lock(&self.state);
        let mut manifest = state.manifest.clone();
        let mut parts = Vec::new();
        for &day in days {
            parts.extend(manifest.partition(day).map(Partition::part));
            manifest.raw.remove(&day);
        }
        let (gone, kept) = manifest.quarantined.into_iter().partition(|q| days.contains(&q.day));
        manifest.quarantined = kept;
        manifest.write(self.folder.dir())?;
        state.manifest = manifest;
        state.open.retain(|open| !days.contains(&open.partition.day));
        let gone: Vec<Quarantined> = gone;
        parts.extend(gone.into_iter().map(|quarantined| quarantined.part));
        parts.iter().try_for_each(|part| self.folder.remove(part))
    }

    /// Closes partitions nobody used for a while.
    pub(crate) fn close_idle(&self, after: Duration) {
        lock(&self.state).open.retain(|open| open.used.elapsed() < after || Arc::strong_count(&open.kv) > 1);
    }

    /// Each partition with its day and size, quarantined ones among them.
    pub(crate) fn stats(&self) -> Vec<(Day, PartitionStats)> {
        let state = lock(&self.state);
        let serving = state.manifest.raw.values().map(|partition| {
            let open = state.open.iter().any(|open| open.partition == *partition);
            (partition.day, partition.part(), open, false)
        });
        let aside = state.manifest.quarantined.iter().map(|q| (q.day, q.part.clone(), false, true));
        let parts: Vec<_> = serving.chain(aside).collect();
        drop(state);
        parts
            .into_iter()
            .map(|(day, part, open, quarantined)| {
                let bytes = folder::bytes_on_disk(&self.folder.part(&part));
                (day, PartitionStats { part, bytes, open, quarantined })
            })
            .collect()
    }
}

/// Removes folders in `raw/` that look like partitions and that the manifest does not name: what an interrupted
/// creation, rewriting or removal leaves. Nothing else is touched.
fn remove_orphans(folder: &Folder, manifest: &Manifest) -> Result<(), Error> {
    let raw = folder.part("raw");
    for entry in fs::read_dir(&raw).map_err(|e| Error::io(&raw, e))? {
        let name = entry.map_err(|e| Error::io(&raw, e))?.file_name();
        let Some(name) = name.to_str() else { continue };
        let Some((day, generation)) = manifest::parse_folder(name) else { continue };
        if manifest.partition(day).is_none_or(|partition| partition.folder != generation) {
            folder.remove(&format!("raw/{name}"))?;
        }
    }
    Ok(())
}
