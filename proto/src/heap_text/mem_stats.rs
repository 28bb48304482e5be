//! The trailer of a heap page: `runtime.MemStats`, the one thing over HTTP that tells a process from its successor.

use std::collections::HashMap;

/// Length of the two rings of pauses (Go, `runtime/mstats.go`, `MemStats.PauseNs`).
const PAUSES: usize = 256;

/// Lines of the trailer: Go 1.27 writes 27.
const LINES_MAX: usize = 64;

/// Memory statistics of a Go process, named after Go's fields.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct MemStats {
    /// Finished collections.
    pub num_gc: u32,
    /// Those among them that were asked for.
    pub num_forced_gc: u32,
    /// When the last one finished, Unix time in nanoseconds; 0 before the first.
    pub last_gc_ns: u64,
    /// Bytes ever allocated; never falls within a process.
    pub total_alloc_bytes: u64,
    /// Objects ever allocated.
    pub mallocs: u64,
    /// Objects ever freed.
    pub frees: u64,
    /// Bytes of heap objects, those not yet swept included.
    pub heap_alloc_bytes: u64,
    /// Bytes of spans that hold an object.
    pub heap_inuse_bytes: u64,
    /// Bytes of spans that hold none.
    pub heap_idle_bytes: u64,
    /// Address space of the heap.
    pub heap_sys_bytes: u64,
    /// Bytes given back to the system.
    pub heap_released_bytes: u64,
    /// Heap objects.
    pub heap_objects: u64,
    /// Bytes of goroutine stacks.
    pub stack_inuse_bytes: u64,
    /// All memory from the system.
    pub sys_bytes: u64,
    /// Heap size at which the next collection starts.
    pub next_gc_bytes: u64,
    /// Share of the CPU that collections took since the start, 0 to 1.
    pub gc_cpu_fraction: f64,
    /// Pauses, a ring of 256: slot `(n + 255) % 256` is that of collection `n`, counted from 1.
    pub pause_ns: Vec<u64>,
    /// When each of them ended, Unix time in nanoseconds; the same slots.
    pub pause_end_ns: Vec<u64>,
    /// Largest resident set so far. Not on every platform.
    pub max_rss_bytes: Option<u64>,
}

/// Collects `# Name = value` lines.
#[derive(Debug, Default)]
pub(super) struct Builder {
    values: HashMap<String, String>,
}

impl Builder {
    /// Takes a line, or says that it is none of these.
    pub(super) fn line(&mut self, text: &str) -> Option<()> {
        let (name, value) = text.strip_prefix("# ")?.split_once(" = ")?;
        if self.values.len() < LINES_MAX {
            self.values.insert(name.to_owned(), value.to_owned());
        }
        Some(())
    }

    /// The statistics, where all of them are there. Half of them could make a new process look like the old one.
    pub(super) fn finish(&self) -> Option<MemStats> {
        Some(MemStats {
            num_gc: self.number("NumGC")?.try_into().ok()?,
            num_forced_gc: self.number("NumForcedGC")?.try_into().ok()?,
            last_gc_ns: self.number("LastGC")?,
            total_alloc_bytes: self.number("TotalAlloc")?,
            mallocs: self.number("Mallocs")?,
            frees: self.number("Frees")?,
            heap_alloc_bytes: self.number("HeapAlloc")?,
            heap_inuse_bytes: self.number("HeapInuse")?,
            heap_idle_bytes: self.number("HeapIdle")?,
            heap_sys_bytes: self.number("HeapSys")?,
            heap_released_bytes: self.number("HeapReleased")?,
            heap_objects: self.number("HeapObjects")?,
            // "in use / from the system"
            stack_inuse_bytes: self.values.get("Stack")?.split_once(" / ")?.0.parse().ok()?,
            sys_bytes: self.number("Sys")?,
            next_gc_bytes: self.number("NextGC")?,
            gc_cpu_fraction: self.values.get("GCCPUFraction")?.parse().ok()?,
            pause_ns: self.ring("PauseNs")?,
            pause_end_ns: self.ring("PauseEnd")?,
            max_rss_bytes: self.number("MaxRSS"),
        })
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.values.get(name)?.parse().ok()
    }

    /// `[1 2 3 …]`, 256 of them.
    fn ring(&self, name: &str) -> Option<Vec<u64>> {
        let numbers = self.values.get(name)?.strip_prefix('[')?.strip_suffix(']')?;
        let ring = numbers.split(' ').map(|n| n.parse().ok()).collect::<Option<Vec<u64>>>()?;
        (ring.len() == PAUSES).then_some(ring)
    }
}
