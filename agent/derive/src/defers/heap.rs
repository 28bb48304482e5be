//! Method A: pending heap defers, estimated from `heap?debug=1`.
//!
//! A `defer` in a loop puts a record of 48 bytes (80 in Go 1.21) on the heap, and the heap profile samples it
//! like any object, with the stack of its `defer` statement. The text form keeps the raw addresses of the
//! runtime's frames, which tell a defer record from any other 48 bytes once they have names. What is in use is
//! known as of the last finished garbage collection, and says so. Where the program's file can be read it tells
//! the records by those addresses itself, with the line of the `defer`, and nobody has to be asked for names.
//!
//! It never guesses: a record whose runtime frames have no names yet is counted as unresolved, a pile whose
//! user frames have no names as unnamed.

use super::cpu::written_in;
use super::program::{Program, is_named};
use crate::interval::{Interval, poisson};
use crate::package::readable;
use crate::site::{Site, StartLines};
use crate::{Frame, defers::Kind};
use linger_gobin::audit::Callee;
use linger_gobin::census::{DeferCall, Stop};
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

/// Pending heap defers by site, by the names that the service gave its addresses.
#[must_use]
pub fn pending(heap: &HeapText, symbols: &Symbols, start_lines: &StartLines) -> HeapDefers {
    let found = of_defer_size(heap).map(|(record, objects, size)| {
        let found = match allocated_by(record, symbols) {
            Allocator::Defer(kind) => Found::Defer(kind, by_name(kind, record, start_lines)),
            Allocator::Other => Found::Other,
            Allocator::Unresolved => Found::Unresolved,
        };
        (found, objects, size)
    });
    summed(heap, found)
}

/// Pending heap defers by site, by what the program's file says of their addresses. Records whose functions the profile
/// calls by other names are unresolved: it is another program's file.
///
/// # Errors
///
/// When the file cannot be read any more.
pub fn pending_by_program(heap: &HeapText, program: &mut dyn Program) -> Result<HeapDefers, Stop> {
    let mut found = Vec::new();
    for (record, objects, size) in of_defer_size(heap) {
        found.push((by_program(record, program)?, objects, size));
    }
    Ok(summed(heap, found))
}

/// Records in use whose objects have a defer's size, with their number and size.
fn of_defer_size(heap: &HeapText) -> impl Iterator<Item = (&HeapRecord, u64, i64)> {
    heap.records.iter().filter_map(|record| {
        let (objects, size) = sampled_of_defer_size(record)?;
        Some((record, objects, size))
    })
}

/// What the objects of a record are.
enum Found {
    /// Defers of a kind, and their statement where it has a name.
    Defer(Kind, Option<Site>),
    Other,
    Unresolved,
}

fn summed(heap: &HeapText, found: impl IntoIterator<Item = (Found, u64, i64)>) -> HeapDefers {
    if heap.rate_bytes == 0 {
        return HeapDefers::ProfilingOff;
    }
    let mut by_site: BTreeMap<(Kind, String), Pile> = BTreeMap::new();
    let mut unnamed: Option<Pile> = None;
    let mut unresolved = Unresolved::default();
    for (found, objects, size) in found {
        // Go 1.27 splits one visible stack into several records, and many callers lead to one statement: all
        // are summed as whole objects before any interval is taken.
        let pile = match found {
            Found::Defer(kind, Some(site)) => {
                by_site.entry((kind, site.id.clone())).or_insert(Pile { site, objects: 0, size })
            }
            Found::Defer(_, None) => unnamed.get_or_insert(Pile { site: Site::unknown(), objects: 0, size }),
            Found::Other => continue,
            Found::Unresolved => {
                unresolved.records += 1;
                unresolved.sampled_objects = unresolved.sampled_objects.saturating_add(objects);
                continue;
            }
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

/// The statement by the frames that Go printed.
fn by_name(kind: Kind, record: &HeapRecord, start_lines: &StartLines) -> Option<Site> {
    let frames = record.frames.iter().map(Frame::from);
    let is_loops = kind == Kind::Range;
    let the_loop =
        record.frames.first().filter(|_| is_loops).and_then(|body| loop_of(record, &body.function));
    match the_loop {
        Some((frame, _)) => Site::of_statement([frame], start_lines),
        None => Site::of_statement(frames, start_lines),
    }
}

fn by_program(record: &HeapRecord, program: &mut dyn Program) -> Result<Found, Stop> {
    // The statement's own return address stands behind those of the runtime's frames.
    for &return_address in record.pcs.iter().take(PREFIX_PCS_MAX + 1) {
        let Some(call) = program.before(return_address)? else { continue };
        let kind = match call.callee {
            Callee::Proc => Kind::Heap,
            Callee::ProcAt => Kind::Range,
            Callee::ProcStack | Callee::RangeFunc | Callee::Return => return Ok(Found::Other),
        };
        let mut named = record.frames.iter().filter(|f| !f.function.is_empty()).peekable();
        if named.peek().is_some() && !named.any(|f| is_named(&call, &f.function)) {
            return Ok(Found::Unresolved);
        }
        return Ok(Found::Defer(kind, Some(statement(kind, &call, record, program)?)));
    }
    Ok(Found::Other)
}

/// A statement as its program tells it; of one in a loop over a function the loop, as a census does.
fn statement(
    kind: Kind,
    call: &DeferCall,
    record: &HeapRecord,
    program: &mut dyn Program,
) -> Result<Site, Stop> {
    let place = &call.place;
    let own = || Site::of_line(&place.function, &place.file, place.line, place.start_line);
    let Some((frame, pc)) = loop_of(record, &place.function).filter(|_| kind == Kind::Range) else {
        return Ok(own());
    };
    let start_line = program.start_line(pc)?.unwrap_or(0);
    let line = u32::try_from(frame.line).unwrap_or(0);
    Ok(Site::of_line(&readable(frame.function), frame.file, line, start_line))
}

/// The loop over a function whose body `body` is: the first frame of the function that the body was written in.
fn loop_of<'a>(record: &'a HeapRecord, body: &str) -> Option<(Frame<'a>, u64)> {
    let outer = Some(written_in(body)).filter(|outer| *outer != body)?;
    let frame = record.frames.iter().find(|f| readable(&f.function) == readable(outer))?;
    Some((Frame::from(frame), frame.pc))
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

#[cfg(test)]
mod tests {
    use super::{HeapDefers, Sampled, Symbols, estimate, floor, pcs_to_resolve, pending, pending_by_program};
    use crate::defers::Kind;
    use crate::defers::program::tests::MadeUp;
    use crate::site::StartLines;
    use linger_gobin::audit::Callee;
    use linger_proto::heap_text::{HeapRecord, HeapText, MemStats, TextFrame};

    const DEFAULT_RATE_BYTES: u64 = 512 * 1024;

    /// Return addresses of the runtime's frames in these tests.
    const NAMES: [(u64, &str); 8] = [
        (0x101, "runtime.mallocgc"),
        (0x201, "runtime.newobject"),
        (0x301, "runtime.newdefer"),
        (0x401, "runtime.deferproc"),
        (0x501, "runtime.deferprocat"),
        (0x601, "runtime.deferrangefunc"),
        (0x701, "runtime.makeslice"),
        (0x801, "runtime.growslice"),
    ];

    fn symbols() -> Symbols {
        NAMES.into_iter().map(|(return_pc, name)| (return_pc - 1, name.to_owned())).collect()
    }

    fn record(objects: i64, size: i64, hidden: &[u64], function: &str, line: u32) -> HeapRecord {
        let mut r = HeapRecord::default();
        (r.in_use_objects, r.in_use_bytes) = (objects, objects * size);
        r.pcs = hidden.iter().copied().chain([0x9001, 0x9101]).collect();
        if !function.is_empty() {
            let mut frame = TextFrame::default();
            (frame.pc, frame.line) = (0x9000, line);
            function.clone_into(&mut frame.function);
            r.frames = vec![frame];
        }
        r
    }

    fn heap(rate_bytes: u64, records: Vec<HeapRecord>) -> HeapText {
        let mut heap = HeapText::default();
        (heap.rate_bytes, heap.records) = (rate_bytes, records);
        heap
    }

    fn sampled(heap: &HeapText, symbols: &Symbols) -> Sampled {
        match pending(heap, symbols, &StartLines::default()) {
            HeapDefers::Sampled(s) => s,
            HeapDefers::ProfilingOff => panic!("profiling is on"),
        }
    }

    /// Expected values: n/p, chi2.ppf(.025, 2n)/2/p and chi2.ppf(.975, 2n+2)/2/p for p = 1 - exp(-48/524288),
    /// by scipy 1.17.1.
    #[test]
    fn estimates_are_unbiased_and_carry_garwoods_interval() {
        #[track_caller]
        fn check(sampled: u64, expected: [f64; 3]) {
            let e = estimate(sampled, 48, DEFAULT_RATE_BYTES);
            for (got, expected) in [e.value, e.interval.low, e.interval.high].into_iter().zip(expected) {
                assert!((got - expected).abs() < 1e-9 * expected, "{e:?}");
            }
        }
        check(1, [10923.16667429606, 276.5506364402219, 60859.989408965674]);
        check(10, [109231.66674296062, 52380.829995889835, 200880.9242466078]);
        check(100, [1092316.6674296062, 888752.4377197999, 1328549.740654911]);
    }

    #[test]
    fn a_service_that_samples_all_gives_exact_numbers() {
        for rate_bytes in [0, 1] {
            let e = estimate(7, 48, rate_bytes);
            assert_eq!((e.value, e.interval.low, e.interval.high), (7.0, 7.0, 7.0));
        }
        assert_eq!(floor(48, 1), 1.0);
        // What was seen is there, however wide the interval.
        assert!(estimate(3, 48, 64).interval.low >= 3.0);
    }

    #[test]
    fn the_floor_is_where_ninety_five_percent_are_seen() {
        assert!((floor(48, DEFAULT_RATE_BYTES) - 32721.385046605723).abs() < 1e-6);
        assert!((floor(80, DEFAULT_RATE_BYTES) - 19632.831027963435).abs() < 1e-6);
    }

    #[test]
    fn only_stacks_through_the_defer_machinery_are_piles() {
        let records = vec![
            record(9, 48, &[0x101, 0x201, 0x301, 0x401], "main.pile", 22),
            record(4, 48, &[0x301, 0x401], "main.pile", 22),
            record(5, 48, &[0x101, 0x201], "main.capture", 22),
            record(2, 48, &[0x101, 0x301, 0x501], "main.loop-range1", 30),
            record(1, 48, &[0x101, 0x301, 0x601], "main.loop", 29),
            record(8, 48, &[], "main.other", 1),
            record(7, 64, &[0x301, 0x401], "main.size", 1),
            record(0, 48, &[0x301, 0x401], "main.none", 1),
            record(-3, 48, &[0x301, 0x401], "main.negative", 1),
            record(3, 80, &[0x301, 0x401], "main.old", 5),
        ];
        let mut heap = heap(DEFAULT_RATE_BYTES, records);
        let mut stats = MemStats::default();
        (stats.num_gc, stats.last_gc_ns) = (12, 99);
        heap.mem_stats = Some(stats);
        let s = sampled(&heap, &symbols());
        let got: Vec<_> = s.pending.iter().map(|p| (p.kind, &*p.site.id, p.sampled_objects)).collect();
        let expected = [
            (Kind::Heap, "main.old:5", 3),
            (Kind::Heap, "main.pile:22", 13),
            (Kind::Range, "main.loop-range1:30", 2),
        ];
        assert_eq!(got, expected);
        // Summed first, the interval after.
        assert_eq!(s.pending[1].high, estimate(13, 48, DEFAULT_RATE_BYTES).interval.high);
        assert_eq!((s.unresolved.records, s.unnamed), (0, None));
        assert_eq!(s.as_of_gc.map(|gc| (gc.num_gc, gc.last_gc_ns)), Some((12, 99)));
    }

    #[test]
    fn what_has_no_name_is_said_and_not_guessed() {
        let records = vec![
            record(9, 48, &[0x101, 0x201, 0x301, 0x401], "main.pile", 22),
            record(6, 48, &[0xa01], "main.maybe", 3),
            record(4, 48, &[0x301, 0x401], "", 0),
        ];
        let heap = heap(DEFAULT_RATE_BYTES, records);
        let s = sampled(&heap, &Symbols::new());
        assert!(s.pending.is_empty());
        assert_eq!((s.unresolved.records, s.unresolved.sampled_objects), (3, 19));
        let s = sampled(&heap, &symbols());
        assert_eq!((s.unresolved.records, s.unresolved.sampled_objects), (1, 6));
        assert_eq!(s.pending.len(), 1);
        assert_eq!(s.unnamed.map(|e| e.sampled_objects), Some(4));
        assert_eq!(
            pending(&self::heap(0, vec![]), &symbols(), &StartLines::default()),
            HeapDefers::ProfilingOff
        );
    }

    #[test]
    fn few_addresses_are_asked_for_and_each_once() {
        let heap = heap(
            DEFAULT_RATE_BYTES,
            vec![
                record(9, 48, &[0x101, 0x201, 0x301, 0x401], "main.pile", 22),
                record(9, 48, &[0x101, 0x701], "main.small", 22),
                record(9, 64, &[0x801], "main.size", 22),
                record(0, 0, &[0x801], "main.freed", 22),
                record(1, 48, &(1..100).map(|i| 0xb000 + i).collect::<Vec<_>>(), "", 0),
            ],
        );
        let asked = pcs_to_resolve(&heap, &Symbols::new());
        assert_eq!(asked.get(..5), Some(&[0x100, 0x200, 0x300, 0x400, 0x700][..]));
        assert_eq!(asked.len(), 5 + super::PREFIX_PCS_MAX);
        let mut known = symbols();
        known.extend(asked.iter().map(|&pc| (pc, "x.f".to_owned())));
        assert!(pcs_to_resolve(&heap, &known).is_empty());
    }

    #[test]
    fn the_program_tells_kind_and_line_without_a_name_asked_for() {
        // Behind the runtime's frames the statement returns to 0x9001.
        let records = || {
            vec![
                record(9, 48, &[0x101, 0x201, 0x301, 0x401], "main.pile", 22),
                record(4, 48, &[0x301, 0x401], "", 0),
                record(7, 64, &[0x301, 0x401], "main.pile", 22),
            ]
        };
        #[track_caller]
        fn check(program: MadeUp, records: Vec<HeapRecord>, expected: (&[(Kind, &str, u64)], usize)) {
            let mut program = program;
            let told = pending_by_program(&heap(DEFAULT_RATE_BYTES, records), &mut program).unwrap();
            let HeapDefers::Sampled(s) = told else { panic!("profiling is on") };
            let told: Vec<_> = s.pending.iter().map(|p| (p.kind, &*p.site.id, p.sampled_objects)).collect();
            assert_eq!((told.as_slice(), s.unresolved.records), expected);
        }
        let program = |callee, function| MadeUp::default().with(0x9001, callee, function, 23);
        check(program(Callee::Proc, "main.pile"), records(), (&[(Kind::Heap, "main.pile+13", 13)], 0));
        // What a deferred call allocates, and what another program's file says.
        check(program(Callee::Return, "main.pile"), records(), (&[], 0));
        check(program(Callee::Proc, "main.other"), records(), (&[(Kind::Heap, "main.other+13", 4)], 1));
        check(MadeUp::default(), records(), (&[], 0));
        // A loop over a function is told by its own line, as in memory.
        let mut looped = record(5, 48, &[0x101, 0x301, 0x501], "main.walk-range1", 31);
        for (pc, function, line) in [(0x9100, "main.countTo.func1", 6), (0x9200, "main.walk", 29)] {
            let mut frame = TextFrame::default();
            (frame.pc, frame.line, frame.function) = (pc, line, function.to_owned());
            looped.frames.push(frame);
        }
        let range = program(Callee::ProcAt, "main.walk-range1");
        check(range, vec![looped.clone()], (&[(Kind::Range, "main.walk+19", 5)], 0));
        let by_name = sampled(&heap(DEFAULT_RATE_BYTES, vec![looped]), &symbols());
        assert_eq!((by_name.pending[0].kind, &*by_name.pending[0].site.id), (Kind::Range, "main.walk:29"));
    }

    #[test]
    fn start_lines_make_a_site_that_survives_a_rebuild() {
        let mut lines = StartLines::default();
        lines.learn([crate::Frame { start_line: 20, ..crate::Frame::named("main.pile") }]);
        let heap = heap(DEFAULT_RATE_BYTES, vec![record(9, 48, &[0x301, 0x401], "main.pile", 22)]);
        let HeapDefers::Sampled(s) = pending(&heap, &symbols(), &lines) else { panic!("profiling is on") };
        assert_eq!(s.pending[0].site.id, "main.pile+2");
    }
}
