//! What the user may set, and the fixed limits with their reasons.

use std::time::Duration;

/// How a store is opened. Every field has a default that suits an agent beside one service.
#[derive(Clone, Debug)]
pub struct Options {
    /// Page cache of all open sled folders together, in bytes. 8 MiB: sled's resident size reaches several
    /// times its setting, and the whole agent is to stay under 20 MiB.
    pub cache_bytes: u64,
    /// Longest wait of a scrape for its flush, and so for being seen by who asks; one that comes this long after the
    /// last flush does not wait. 5 s, as often as one service is scraped: a flush costs about 0.3 ms of CPU whatever it
    /// holds, most of it in waking sled's threads, so everything that arrived is flushed together, about once in this
    /// time.
    pub commit_every: Duration,
    /// Longest time between two `fdatasync`: what a power cut may lose. 5 s.
    pub sync_every: Duration,
    /// Scrapes that may wait for the writer. 256: more than a minute of scrapes of one service.
    pub queue_scrapes_max: usize,
    /// Age at which a day partition is dropped. 14 days.
    pub retention_age: Duration,
    /// Bytes on disk above which the oldest day partitions are dropped. 256 MiB.
    pub retention_bytes: u64,
    /// Age of a stream's oldest unsealed sample at which it is sealed although its block is not full. 6 h:
    /// streams that scrape rarely must not hold the WAL.
    pub head_age_max: Duration,
    /// Day partitions kept open, each 1.6 MiB resident (measured at 350 series). 8: a query over a week finds its
    /// days open the second time; those unused for five minutes are closed by [`crate::Store::maintain`].
    pub open_partitions_max: usize,
    /// Series the store may know at a time. 100,000: twenty times what one service has. On disk a series takes up to
    /// 1.6 KB (measured on 60,000 registered in one go); none of it need be in memory.
    pub series_max: usize,
    /// Open for reading only: the WAL is replayed in memory, nothing is written logically, no thread is started.
    pub read_only: bool,
    /// Whether the machine's clock can be trusted already: not in the first minutes after it booted, when a bad battery
    /// clock is still waiting for its first NTP answer.
    pub clock_settled: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cache_bytes: 8 * 1024 * 1024,
            commit_every: Duration::from_secs(5),
            sync_every: Duration::from_secs(5),
            queue_scrapes_max: 256,
            retention_age: Duration::from_secs(14 * 86_400),
            retention_bytes: 256 * 1024 * 1024,
            head_age_max: Duration::from_secs(6 * 3600),
            open_partitions_max: 8,
            series_max: 100_000,
            clock_settled: true,
            read_only: false,
        }
    }
}

/// How much one `select` may return.
#[derive(Clone, Copy, Debug)]
pub struct SelectLimits {
    /// Most series that have points in the window, to the day where they are sealed; 20,000 is ten metrics of 200
    /// sites each, all replaced ten times. Registered ones without points do not count.
    pub series_max: usize,
    /// Most points of all series together; a million are 16 MB, or 25 series over a week at 15 s.
    pub points_max: usize,
}

impl Default for SelectLimits {
    fn default() -> Self {
        Self { series_max: 20_000, points_max: 1_000_000 }
    }
}

/// Samples of one stream in one sealed block: 2 h at 15 s. Longer blocks compress hardly better and would make
/// the head, the WAL and the replay larger.
pub(crate) const BLOCK_SAMPLES_MAX: usize = 480;

/// Samples in one scrape: a hundred times what the limit of sites lets through.
pub(crate) const SCRAPE_SAMPLES_MAX: usize = 65_536;

/// Samples waiting in the queue, 16 bytes each: 4 MiB, however few scrapes they form.
pub(crate) const QUEUE_SAMPLES_MAX: usize = 262_144;

/// Samples that make the writer flush before `commit_every` is over: 1 MiB of pending scrapes.
pub(crate) const COMMIT_SAMPLES_MAX: usize = 65_536;

/// Bytes of unsealed samples in memory; when a commit ends above, the largest stream is sealed early. This is what bounds memory
/// when thousands of short-lived series come and go: each counts with its column's overhead.
pub(crate) const HEAD_BYTES_MAX: usize = 6 * 1024 * 1024;

/// Bytes of WAL records not yet sealed; above, the stream with the oldest sample is sealed early. Replay at open
/// reads at most this much.
pub(crate) const WAL_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Streams: 7 collectors on more than a hundred targets.
pub(crate) const STREAMS_MAX: usize = 1024;

/// Labels of one series.
pub(crate) const LABELS_MAX: usize = 64;

/// Bytes of a metric name with all its labels: Go symbols with type parameters reach kilobytes.
pub(crate) const KEY_BYTES_MAX: usize = 16 * 1024;

/// Bytes of a note's value: alert states and incarnations are kilobytes.
pub(crate) const NOTE_BYTES_MAX: usize = 1024 * 1024;

/// Bytes of a note's name.
pub(crate) const NOTE_NAME_BYTES_MAX: usize = 256;

/// Compiled size of one regular expression in a selector: what the `regex` crate needs for a few hundred
/// alternatives; matching is linear in any case.
pub(crate) const REGEX_BYTES_MAX: usize = 1024 * 1024;

/// 9999-12-31T23:59:59.999Z, the last time a day's name has four digits of year.
pub(crate) const TIME_MS_MAX: i64 = 253_402_300_799_999;
