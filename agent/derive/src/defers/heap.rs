//! Method A: pending heap defers, estimated from `heap?debug=1`.
//!
//! A `defer` in a loop puts a record of 48 bytes (80 in Go 1.21) on the heap, and the heap profile samples it
//! like any object, with the stack of its `defer` statement. The text form keeps the raw addresses of the
//! runtime's frames, which tell a defer record from any other 48 bytes once they have names. What is in use is
//! known as of the last finished garbage collection, and says so.
//!
//! It never guesses: a record whose runtime frames have no names yet is counted as unresolved, a pile whose
//! user frames have no names as unnamed.

use crate::interval::{Interval, poisson};
use crate::site::{Site, StartLines};
use crate::{Frame, defers::Kind};
use linger_proto::heap_text::{HeapRecord, HeapText, MemStats};
use std::collections::{BTreeMap, BTreeSet};

/// Size classes of a heap-allocated `_defer`: 48 bytes from Go 1.22, 72 rounded up to 80 in 1.21 and before
/// (runtime/runtime2.go `_defer`, runtime/sizeclasses.go), on 64-bit machines.
const RECORD_BYTES: [i64; 2] = [48, 80];

/// Runtime frames looked at from the leaf. The deepest seen is 4, `mallocgc < newobject < newdefer <
/// deferproc` (Go 1.27); twice that leaves room for versions to come.
const PREFIX_PCS_MAX: usize = 8;

/// Most addresses asked for in one go: some 100 call paths are in use in a large server, and one POST of this
/// many is 40 KiB.
pub const PCS_TO_RESOLVE_MAX: usize = 2048;

/// The smaller of them has the higher floor.
const RECORD_BYTES_MIN: i64 = 48;

/// Names of code addresses, as POST `/debug/pprof/symbol` answers. Addresses are those of
/// [`pcs_to_resolve`], one less than the return addresses in the profile, so that they lie inside the call.
/// Belongs to one process: a position-independent binary lies elsewhere after a restart.
pub type Symbols = BTreeMap<u64, String>;

/// When the figures were true.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AsOfGc {
    /// Number of the last finished collection; 0 when there was none, and then nothing shows.
    pub num_gc: u32,
    /// When it finished, nanoseconds since 1970.
    pub last_gc_ns: u64,
}

impl From<&MemStats> for AsOfGc {
    fn from(m: &MemStats) -> Self {
        Self { num_gc: m.num_gc, last_gc_ns: m.last_gc_ns }
    }
}

/// A sampled number of pending defers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Most likely number.
    pub value: f64,
    /// 95 % interval. Without width when the service samples every allocation.
    pub interval: Interval,
    /// Records really seen: the estimate rests on these.
    pub sampled_objects: u64,
}

/// Defers pending at one site.
#[derive(Clone, Debug, PartialEq)]
pub struct Pending {
    /// Always [`Kind::Heap`], or [`Kind::Range`] for a loop over a function.
    pub kind: Kind,
    /// The line of the `defer` statement.
    pub site: Site,
    /// How many.
    pub estimate: f64,
    /// Lower end of the 95 % interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Records really seen.
    pub sampled_objects: u64,
}

/// What a heap profile says about defers.
#[derive(Clone, Debug, PartialEq)]
pub enum HeapDefers {
    /// The service samples no allocations (`MemProfileRate` 0): nothing can be said.
    ProfilingOff,
    /// It does.
    Sampled(Sampled),
}

/// Pending heap defers by site, and what could not be seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampled {
    /// By site, in order of site id.
    pub pending: Vec<Pending>,
    /// Piles none of whose frames has a name.
    pub unnamed: Option<Estimate>,
    /// Records of a defer's size whose runtime frames have no name yet: defers or not, nobody knows.
    pub unresolved: Unresolved,
    /// This many pending at one site are seen with a probability of 95 %; fewer may be missing.
    pub floor: f64,
    /// When this was true; `None` without memory statistics.
    pub as_of_gc: Option<AsOfGc>,
}

/// Records that may be defers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unresolved {
    /// Profile records.
    pub records: usize,
    /// Objects sampled in them.
    pub sampled_objects: u64,
}

/// Addresses whose names decide which records are defers and which are not known yet, at most
/// [`PCS_TO_RESOLVE_MAX`]. Empty in most services most of the time: few objects in use have a defer's size,
/// and each call path is asked for once.
#[must_use]
pub fn pcs_to_resolve(heap: &HeapText, known: &Symbols) -> Vec<u64> {
    let wanted: BTreeSet<u64> = heap
        .records
        .iter()
        .filter(|r| sampled_of_defer_size(r).is_some() && allocated_by(r, known) == Allocator::Unresolved)
        .flat_map(hidden_call_pcs)
        .filter(|pc| !known.contains_key(pc))
        .take(PCS_TO_RESOLVE_MAX)
        .collect();
    wanted.into_iter().collect()
}

/// Pending heap defers by site.
#[must_use]
pub fn pending(heap: &HeapText, symbols: &Symbols, start_lines: &StartLines) -> HeapDefers {
    if heap.rate_bytes == 0 {
        return HeapDefers::ProfilingOff;
    }
    let mut by_site: BTreeMap<(Kind, String), Pile> = BTreeMap::new();
    let mut unnamed: Option<Pile> = None;
    let mut unresolved = Unresolved::default();
    for record in &heap.records {
        let Some((objects, size)) = sampled_of_defer_size(record) else { continue };
        let kind = match allocated_by(record, symbols) {
            Allocator::Defer(kind) => kind,
            Allocator::Other => continue,
            Allocator::Unresolved => {
                unresolved.records += 1;
                unresolved.sampled_objects = unresolved.sampled_objects.saturating_add(objects);
                continue;
            }
        };
        // Go 1.27 splits one visible stack into several records, and many callers lead to one statement: all
        // are summed as whole objects before any interval is taken.
        let pile = match Site::of_statement(record.frames.iter().map(Frame::from), start_lines) {
            Some(site) => by_site.entry((kind, site.id.clone())).or_insert(Pile { site, objects: 0, size }),
            None => unnamed.get_or_insert(Pile { site: Site::unknown(), objects: 0, size }),
        };
        pile.objects = pile.objects.saturating_add(objects);
    }
    let named = by_site.into_iter().map(|((kind, _), pile)| {
        let e = estimate(pile.objects, pile.size, heap.rate_bytes);
        Pending {
            kind,
            site: pile.site,
            estimate: e.value,
            low: e.interval.low,
            high: e.interval.high,
            sampled_objects: pile.objects,
        }
    });
    HeapDefers::Sampled(Sampled {
        pending: named.collect(),
        unnamed: unnamed.map(|pile| estimate(pile.objects, pile.size, heap.rate_bytes)),
        unresolved,
        floor: floor(RECORD_BYTES_MIN, heap.rate_bytes),
        as_of_gc: heap.mem_stats.as_ref().map(AsOfGc::from),
    })
}

/// Objects sampled at one site so far.
struct Pile {
    site: Site,
    objects: u64,
    size: i64,
}

/// How many objects `sampled` sampled ones of `size` bytes stand for at one sample every `rate_bytes` on
/// average: an object is sampled with probability 1 - exp(-size / rate) (runtime/pprof/pprof.go,
/// `scaleHeapSample`). The interval is Garwood's for a Poisson count, scaled alike; it never goes below the
/// objects that were seen.
#[must_use]
pub fn estimate(sampled: u64, size: i64, rate_bytes: u64) -> Estimate {
    let probability = sampling_probability(size, rate_bytes);
    if probability >= 1.0 {
        let value = sampled as f64;
        return Estimate { value, interval: Interval::exact(value), sampled_objects: sampled };
    }
    let mut interval = poisson(sampled).times(1.0 / probability);
    interval.low = interval.low.max(sampled as f64);
    Estimate { value: sampled as f64 / probability, interval, sampled_objects: sampled }
}

/// The number of objects of which at least one is sampled with a probability of 95 %.
#[must_use]
pub fn floor(size: i64, rate_bytes: u64) -> f64 {
    let probability = sampling_probability(size, rate_bytes);
    if probability >= 1.0 { 1.0 } else { (0.05_f64.ln() / (-probability).ln_1p()).max(1.0) }
}

fn sampling_probability(size: i64, rate_bytes: u64) -> f64 {
    // At rate 1 every allocation is recorded and Go scales nothing.
    if rate_bytes <= 1 { 1.0 } else { -(-(size as f64) / rate_bytes as f64).exp_m1() }
}

/// Objects in use and their size, where that is a defer record's.
fn sampled_of_defer_size(record: &HeapRecord) -> Option<(u64, i64)> {
    let objects = u64::try_from(record.in_use_objects).ok().filter(|&n| n > 0)?;
    let size = RECORD_BYTES
        .into_iter()
        .find(|&size| record.in_use_objects.checked_mul(size) == Some(record.in_use_bytes))?;
    Some((objects, size))
}

/// What allocated the objects of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Allocator {
    Defer(Kind),
    Other,
    Unresolved,
}

fn allocated_by(record: &HeapRecord, symbols: &Symbols) -> Allocator {
    let mut all_named = true;
    let mut found = Allocator::Other;
    // Where a stack is all runtime, Go prints the runtime's frames too.
    let printed = record.frames.iter().take(PREFIX_PCS_MAX).map(|f| f.function.as_str());
    let hidden = hidden_call_pcs(record).map(|pc| symbols.get(&pc).map_or("", String::as_str));
    for name in hidden.chain(printed) {
        match name {
            "" => all_named = false,
            // The record of a range-over-func loop itself, not of a defer in it.
            "runtime.deferrangefunc" => return Allocator::Other,
            "runtime.deferprocat" => return Allocator::Defer(Kind::Range),
            "runtime.newdefer" | "runtime.deferproc" => found = Allocator::Defer(Kind::Heap),
            _ => {}
        }
    }
    if found == Allocator::Other && !all_named { Allocator::Unresolved } else { found }
}

/// Call addresses of the runtime frames that Go leaves out of the printed stack, leaf first.
fn hidden_call_pcs(record: &HeapRecord) -> impl Iterator<Item = u64> {
    let first_printed = record.frames.first().map(|f| f.pc);
    record
        .pcs
        .iter()
        .map(|&return_pc| return_pc.saturating_sub(1))
        .take_while(move |&call_pc| Some(call_pc) != first_printed && Some(call_pc + 1) != first_printed)
        .take(PREFIX_PCS_MAX)
}
