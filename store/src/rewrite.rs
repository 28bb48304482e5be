//! Rewriting a day that is over: its blocks are packed again at a high level and copied in order into a fresh folder,
//! in the few rows that sled stores without waste ([`crate::container`]).
//!
//! In small steps on the writer's thread, between commits. Until the manifest names the new folder nothing has
//! happened: a crash leaves an orphan that the next start removes, and the day is rewritten again.

use crate::Error;
use crate::block::Repacker;
use crate::bytes::Malformed;
use crate::container::{Builder, CONTAINERS_MAX};
use crate::day::Day;
use crate::kv::Batch;
use crate::partition::{BlockKey, Lease, Partitions};
use crate::parts::Parts;
use crate::sync::read;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// zstd level of days that are over: about 5 % smaller than at seal, for thirty times the CPU, once.
const LEVEL: i32 = 19;

/// Rows per step: about 50 ms, which is what a commit may have to wait.
const STEP_ROWS: usize = 4;

/// Smallest container that is written before the last.
const CONTAINER_BYTES_MIN: u64 = 64 * 1024;

/// Rest after a step, as a multiple of its length: a tenth of a core while a day is rewritten, a few seconds of CPU
/// per day in all.
const REST: u32 = 9;

pub(crate) struct Rewrite {
    source: Lease,
    target: Lease,
    repacker: Repacker,
    /// Where the next step starts.
    next: Vec<u8>,
    rows: u64,
    container: Builder,
    /// Size at which a container is written.
    container_bytes: u64,
    due: Instant,
}

/// What a step did.
pub(crate) enum Progress {
    More,
    Done,
}

impl Rewrite {
    /// Starts with the oldest day that is over, sealed, and not yet rewritten.
    pub(crate) fn begin(shared: &Parts, is_over: impl Fn(Day) -> bool) -> Result<Option<Self>, Error> {
        let partitions = &shared.partitions;
        let unsealed: Vec<Day> = read(&shared.head).first_times().map(|(_, first)| Day::of(first)).collect();
        let ready = |day: &Day| {
            is_over(*day)
                && !unsealed.contains(day)
                && partitions.partition(*day).is_some_and(|partition| !partition.is_rewritten())
        };
        let Some(day) = partitions.days().into_iter().find(ready) else { return Ok(None) };
        let Some(source) = partitions.read(day)? else { return Ok(None) };
        let target = partitions.begin_rewrite(source.partition())?;
        let zstd = |e: std::io::Error| Error::Engine { part: target.partition().part(), why: e.to_string() };
        let repacker = Repacker::new(LEVEL).map_err(zstd)?;
        let block_bytes = shared.meta.days().get(&day).map_or(0, |facts| facts.block_bytes);
        Ok(Some(Self {
            source,
            target,
            repacker,
            next: Vec::new(),
            rows: 0,
            container: Builder::default(),
            container_bytes: (block_bytes / CONTAINERS_MAX).max(CONTAINER_BYTES_MIN),
            due: Instant::now(),
        }))
    }

    pub(crate) fn day(&self) -> Day {
        self.source.partition().day
    }

    /// Time until the next step.
    pub(crate) fn rest(&self) -> Duration {
        self.due.saturating_duration_since(Instant::now())
    }

    /// Copies a few rows; after the last, puts the new folder in the old one's place.
    pub(crate) fn step(&mut self, shared: &Parts) -> Result<Progress, Error> {
        let started = Instant::now();
        let mut rows = Vec::new();
        self.source.kv().scan(&self.next, &[u8::MAX; 17], &mut |key, row| {
            rows.push((key.to_vec(), row.to_vec()));
            if rows.len() < STEP_ROWS { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        let Some((last, _)) = rows.last() else { return self.finish(shared) };
        self.next.clone_from(last);
        self.next.push(0);
        self.rows += rows.len() as u64;
        for (key, row) in rows {
            let corrupt = |malformed| self.source.corrupt(malformed);
            let no_key = Malformed { at: 0, why: "not the key of a block" };
            let key = BlockKey::parse(&key).ok_or(no_key).map_err(corrupt)?;
            let packed = self.repacker.repack(&row).map_err(corrupt)?;
            self.container.push(key, &packed);
        }
        if self.container.bytes() as u64 >= self.container_bytes {
            self.write_container()?;
        }
        self.due = Instant::now() + started.elapsed() * REST;
        Ok(Progress::More)
    }

    /// One row at a time, flushed: what sled gathers unflushed it lays out worse.
    fn write_container(&mut self) -> Result<(), Error> {
        let Some((key, row)) = self.container.take() else { return Ok(()) };
        let mut batch = Batch::default();
        batch.put(&key.to_bytes(), row);
        self.target.kv().apply(batch)?;
        self.target.kv().flush()
    }

    fn finish(&mut self, shared: &Parts) -> Result<Progress, Error> {
        let partition = self.source.partition();
        let groups = shared.meta.groups(partition.day)?;
        let current = groups.values().filter(|facts| facts.generation == partition.content);
        if self.rows < current.map(|facts| facts.blocks).sum() {
            return Err(self.source.missing_blocks());
        }
        self.write_container()?;
        self.target.kv().sync()?;
        shared.partitions.finish_rewrite(partition, &self.target)?;
        Ok(Progress::Done)
    }

    /// Gives up: a damaged source is put aside, the unfinished folder goes.
    pub(crate) fn abandon(self, partitions: &Partitions, error: Option<&Error>) -> Result<(), Error> {
        if error.is_some_and(Error::is_corruption) {
            partitions.quarantine(&self.source)?;
        }
        let unfinished = self.target.partition();
        drop(self.target);
        partitions.abandon_rewrite(unfinished)
    }
}
