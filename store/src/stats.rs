//! What the store says about itself: for the status page, the agent's own metrics and `linger store stats`.

use crate::partition::PartitionStats;
use linger_series::TimeMs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A snapshot; counts run since the store was opened.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Oldest sample that can be read.
    pub oldest: Option<TimeMs>,
    /// Newest sample that can be read.
    pub newest: Option<TimeMs>,
    /// Series known.
    pub series: usize,
    /// Streams known.
    pub streams: usize,
    /// Samples made durable.
    pub samples_acknowledged: u64,
    /// Scrapes made durable.
    pub scrapes_acknowledged: u64,
    /// Scrapes dropped because the queue was full.
    pub scrapes_dropped: u64,
    /// Samples of those.
    pub samples_dropped: u64,
    /// Scrapes refused: time not rising or far ahead, unknown series, or a failed write.
    pub scrapes_refused: u64,
    /// Why the last of them was refused, failed writes aside: it names the stream whose samples lie in the future.
    pub last_refusal: Option<String>,
    /// Samples in sealed blocks.
    pub samples_sealed: u64,
    /// Bytes of sealed blocks, without sled's own.
    pub block_bytes: u64,
    /// Samples acknowledged and not yet sealed.
    pub head_samples: u64,
    /// Memory they take.
    pub head_bytes: usize,
    /// Day partitions, quarantined parts among them.
    pub partitions: Vec<PartitionStats>,
    /// Parts put aside because they were damaged.
    pub quarantined: usize,
    /// Bytes of the whole folder on disk.
    pub disk_bytes: u64,
    /// Bytes of the WAL's folder on disk.
    pub wal_bytes: u64,
    /// WAL records that did not decode when the store was opened.
    pub wal_records_broken: u64,
    /// How long the last flush took.
    pub last_flush: Duration,
    /// Seals, syncs and retention runs that failed.
    pub faults: u64,
    /// What the last of them said.
    pub last_fault: Option<String>,
}

/// Counters the writer and the callers raise.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) samples_acknowledged: AtomicU64,
    pub(crate) scrapes_acknowledged: AtomicU64,
    pub(crate) scrapes_dropped: AtomicU64,
    pub(crate) samples_dropped: AtomicU64,
    pub(crate) scrapes_refused: AtomicU64,
    pub(crate) last_refusal: Mutex<Option<String>>,
    pub(crate) wal_records_broken: AtomicU64,
    pub(crate) last_flush_us: AtomicU64,
    pub(crate) faults: AtomicU64,
    pub(crate) last_fault: Mutex<Option<String>>,
}

pub(crate) fn raise(counter: &AtomicU64, by: usize) {
    counter.fetch_add(by as u64, Ordering::Relaxed);
}

pub(crate) fn get(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
