//! One generation: about a second of the trace that can be read by itself. Loading it reads the headers of its batches
//! and its tables; events stay where they are until their turn comes.
//!
//! Refuses what contradicts the format, as long as it is whole. Where the bytes end first, what is there is kept and
//! [`Ending`] says so.

use crate::batch::{Batch, Framed, read_framed};
use crate::error::Error;
use crate::limits::{Limits, within};
use crate::samples::{self, Sample};
use crate::source::Source;
use crate::sync::Sync;
use crate::tables::Tables;
use crate::{Version, wire};

/// How a generation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// With its mark, or with the start of the next one.
    Whole,
    /// With the bytes, at the edge of a batch. Before 1.26 the last one always ends so.
    Bytes,
    /// With the bytes, within a batch.
    Cut,
}

/// Events of one thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EventBatch {
    pub(crate) time: u64,
    pub(crate) offset: u64,
    pub(crate) bytes: u32,
    /// The thread's next batch, as an index.
    pub(crate) next: Option<u32>,
}

/// The batches of a thread: the first and the last, as indices.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stream {
    pub(crate) thread: u64,
    pub(crate) first: u32,
    last: u32,
}

/// A generation, ready to be put in order.
#[derive(Debug)]
pub(crate) struct Generation {
    pub(crate) version: Version,
    pub(crate) number: u64,
    pub(crate) ending: Ending,
    /// The earliest time of a batch.
    pub(crate) start: u64,
    pub(crate) sync: Sync,
    pub(crate) tables: Tables,
    pub(crate) batches: Vec<EventBatch>,
    /// By thread, in the order of their first batches.
    pub(crate) streams: Vec<Stream>,
    pub(crate) samples: Vec<Sample>,
    stream_of: std::collections::HashMap<u64, u32>,
    payload: Vec<u8>,
}

impl Generation {
    pub(crate) fn new(version: Version) -> Self {
        Self {
            version,
            number: 0,
            ending: Ending::Whole,
            start: u64::MAX,
            sync: Sync::default(),
            tables: Tables::new(version),
            batches: Vec::new(),
            streams: Vec::new(),
            samples: Vec::new(),
            stream_of: std::collections::HashMap::new(),
            payload: Vec::new(),
        }
    }

    fn clear(&mut self) {
        self.ending = Ending::Whole;
        self.start = u64::MAX;
        self.sync = Sync::default();
        self.tables.clear();
        self.batches.clear();
        self.streams.clear();
        self.samples.clear();
        self.stream_of.clear();
    }

    /// Loads the generation that starts at `offset`, in place of the one before, and moves `offset` behind it. False
    /// when there is none.
    pub(crate) fn load<S: Source>(
        &mut self,
        source: &S,
        offset: &mut u64,
        limits: &Limits,
    ) -> Result<bool, Error> {
        self.clear();
        let before = self.number;
        let mut empty = true;
        loop {
            let at = *offset;
            let batch = match read_framed(source, self.version, at)? {
                Framed::Batch(batch) => batch,
                Framed::EndOfGeneration if empty => {
                    return Err(Error::Format { offset: at, reason: "a generation without a batch" });
                }
                Framed::EndOfGeneration => {
                    *offset += 1;
                    return Ok(true);
                }
                Framed::End if empty => return Ok(false),
                Framed::End => {
                    self.ending = Ending::Bytes;
                    return Ok(true);
                }
                Framed::Cut => {
                    *offset = source.bytes();
                    self.ending = Ending::Cut;
                    return Ok(true);
                }
            };
            if empty {
                if batch.generation == 0 || (before != 0 && batch.generation != after(before)) {
                    return Err(Error::Format { offset: at, reason: "generations out of order" });
                }
                self.number = batch.generation;
                empty = false;
            } else if batch.generation != self.number {
                if !self.version.marks_ends() && batch.generation == after(self.number) {
                    return Ok(true);
                }
                return Err(Error::Format { offset: at, reason: "generations out of order" });
            }
            *offset = batch.end();
            if batch.cut {
                self.ending = Ending::Cut;
            }
            match self.add(source, &batch) {
                // Half a table is better than none.
                Err(Error::Format { .. }) if batch.cut => {}
                added => added?,
            }
            self.check(limits)?;
        }
    }

    /// Makes the tables answerable, leniently for a generation that was cut.
    pub(crate) fn seal(&mut self, lenient: bool) -> Result<(), &'static str> {
        self.sync.check(self.version)?;
        self.tables.units_per_second = self.sync.units_per_second;
        self.samples.sort_by_key(|sample| sample.time);
        self.tables.seal(lenient)
    }

    /// Whether nothing shows that the bytes ended too early: stacks come last but for strings.
    pub(crate) fn is_whole(&self) -> bool {
        self.ending != Ending::Cut && self.tables.is_whole()
    }

    fn add<S: Source>(&mut self, source: &S, batch: &Batch) -> Result<(), Error> {
        self.start = self.start.min(batch.time);
        let marker_of_sync = if self.version.has_clock_snapshots() { wire::SYNC } else { wire::FREQUENCY };
        let tables = [wire::STACKS, wire::STRINGS, wire::CPU_SAMPLES, marker_of_sync];
        if batch.marker == 0 {
            return Ok(()); // nothing in it, or an experiment's
        }
        if !tables.contains(&batch.marker) {
            self.add_events(batch);
            return Ok(());
        }
        let offset = batch.offset;
        self.payload.resize(batch.bytes as usize, 0);
        source.read_at(offset, &mut self.payload).map_err(|reason| Error::Read { offset, reason })?;
        let entries = self.payload.get(1..).unwrap_or(&[]);
        match batch.marker {
            wire::STACKS => self.tables.add_stacks(entries),
            wire::STRINGS => self.tables.add_strings(entries),
            wire::CPU_SAMPLES => samples::add(&mut self.samples, entries),
            _ => self.sync.add(self.version, batch.time, &self.payload),
        }
        .map_err(|reason| Error::Format { offset, reason })
    }

    fn add_events(&mut self, batch: &Batch) {
        let index = u32::try_from(self.batches.len()).unwrap_or(u32::MAX);
        let Batch { time, offset, bytes, .. } = *batch;
        self.batches.push(EventBatch { time, offset, bytes, next: None });
        let new = u32::try_from(self.streams.len()).unwrap_or(u32::MAX);
        let stream = *self.stream_of.entry(batch.thread).or_insert(new);
        match self.streams.get_mut(stream as usize) {
            Some(stream) => {
                if let Some(last) = self.batches.get_mut(stream.last as usize) {
                    last.next = Some(index);
                }
                stream.last = index;
            }
            None => self.streams.push(Stream { thread: batch.thread, first: index, last: index }),
        }
    }

    fn check(&self, limits: &Limits) -> Result<(), Error> {
        let index_bytes = self.batches.len() * size_of::<EventBatch>()
            + self.samples.len() * size_of::<Sample>()
            + self.streams.len() * (size_of::<Stream>() + 32);
        within("index_bytes_max", limits.index_bytes_max, index_bytes as u64)?;
        self.tables.check(limits)
    }
}

/// The number of the next generation. The runtime wraps around to 4, so that small numbers stay its own.
fn after(generation: u64) -> u64 {
    generation.checked_add(1).unwrap_or(4)
}
