//! The garbage collector, stops of the world and the heap.

use std::collections::{BTreeMap, HashMap};

use super::spans::Spans;
use crate::event::{Edge, GcPhase, Name};

/// Procs whose sweeping is timed; procs are counted from 0.
const PROCS_TIMED_MAX: usize = 1 << 10;

/// Bytes over time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeapSize {
    /// How often it was said.
    pub count: u64,
    /// The first.
    pub first_bytes: u64,
    /// The least.
    pub min_bytes: u64,
    /// The most.
    pub max_bytes: u64,
    /// The last.
    pub last_bytes: u64,
}

impl HeapSize {
    #[inline]
    pub(super) fn add(&mut self, bytes: u64) {
        if self.count == 0 {
            (self.first_bytes, self.min_bytes) = (bytes, bytes);
        }
        self.count += 1;
        self.min_bytes = self.min_bytes.min(bytes);
        self.max_bytes = self.max_bytes.max(bytes);
        self.last_bytes = bytes;
    }
}

/// What the collector did in the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Gc {
    /// Marking, beside the program.
    pub mark: Spans,
    /// Sweeping, by procs.
    pub sweep: Spans,
    /// Helping to mark, by goroutines that wanted to allocate.
    pub assist: Spans,
    /// Bytes that were swept.
    pub swept_bytes: u64,
    /// And found free.
    pub reclaimed_bytes: u64,
    /// Live heap.
    pub heap: HeapSize,
    /// The size at which the next collection is to end.
    pub goal: HeapSize,
}

/// The collector as it is watched.
#[derive(Debug, Default)]
pub(super) struct Collection {
    pub(super) gc: Gc,
    pub(super) stops: BTreeMap<Name, Spans>,
    marks_since: Option<u64>,
    sweeps_since: Vec<Option<u64>>,
    assists_since: HashMap<u32, u64>,
    stops_since: Vec<(u32, Name, u64)>,
}

impl Collection {
    #[inline(always)]
    pub(super) fn phase(&mut self, ns: u64, phase: &GcPhase, edge: Edge) {
        match (*phase, edge) {
            (GcPhase::Mark, Edge::Begin) => self.marks_since = Some(ns),
            (GcPhase::Mark, Edge::Active) => {
                self.marks_since.get_or_insert(0);
            }
            (GcPhase::Mark, Edge::End) => {
                if let Some(since) = self.marks_since.take() {
                    self.gc.mark.add(ns.saturating_sub(since));
                }
            }
            (GcPhase::Sweep { proc, swept_bytes, reclaimed_bytes }, edge) => {
                self.gc.swept_bytes = self.gc.swept_bytes.saturating_add(swept_bytes);
                self.gc.reclaimed_bytes = self.gc.reclaimed_bytes.saturating_add(reclaimed_bytes);
                self.sweep(ns, proc.0, edge);
            }
            (GcPhase::Assist { slot, .. }, Edge::Begin) => {
                self.assists_since.insert(slot.0, ns);
            }
            (GcPhase::Assist { slot, .. }, Edge::Active) => {
                self.assists_since.entry(slot.0).or_insert(0);
            }
            (GcPhase::Assist { slot, .. }, Edge::End) => {
                if let Some(since) = self.assists_since.remove(&slot.0) {
                    self.gc.assist.add(ns.saturating_sub(since));
                }
            }
        }
    }

    fn sweep(&mut self, ns: u64, proc: u64, edge: Edge) {
        let Some(proc) = usize::try_from(proc).ok().filter(|proc| *proc < PROCS_TIMED_MAX) else { return };
        if self.sweeps_since.len() <= proc {
            self.sweeps_since.resize(proc + 1, None);
        }
        let Some(since) = self.sweeps_since.get_mut(proc) else { return };
        match edge {
            Edge::Begin => *since = Some(ns),
            Edge::Active => *since = since.or(Some(0)),
            Edge::End => {
                if let Some(since) = since.take() {
                    self.gc.sweep.add(ns.saturating_sub(since));
                }
            }
        }
    }

    pub(super) fn stop_begins(&mut self, ns: u64, slot: u32, kind: Name) {
        self.stops_since.push((slot, kind, ns));
    }

    pub(super) fn stop_ends(&mut self, ns: u64, slot: u32, kind: Name) {
        let open = |stop: &(u32, Name, u64)| (stop.0, stop.1) == (slot, kind);
        if let Some(index) = self.stops_since.iter().position(open) {
            let (_, _, since) = self.stops_since.swap_remove(index);
            self.stops.entry(kind).or_default().add(ns.saturating_sub(since));
        }
    }

    /// A goroutine ended with whatever it had begun.
    #[inline(always)]
    pub(super) fn gone(&mut self, slot: u32) {
        if !self.assists_since.is_empty() {
            self.assists_since.remove(&slot);
        }
        if !self.stops_since.is_empty() {
            self.stops_since.retain(|(stopper, ..)| *stopper != slot);
        }
    }

    /// What is under way when the window ends.
    pub(super) fn finish(&mut self, end_ns: u64) {
        if let Some(since) = self.marks_since.take() {
            self.gc.mark.add_open(end_ns.saturating_sub(since));
        }
        for since in self.sweeps_since.drain(..).flatten() {
            self.gc.sweep.add_open(end_ns.saturating_sub(since));
        }
        for (_, since) in self.assists_since.drain() {
            self.gc.assist.add_open(end_ns.saturating_sub(since));
        }
        for (_, kind, since) in self.stops_since.drain(..) {
            self.stops.entry(kind).or_default().add_open(end_ns.saturating_sub(since));
        }
    }
}
