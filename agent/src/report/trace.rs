//! `linger trace summary`: what a window of an execution trace tells. Times are nanoseconds here, since that is what a
//! trace measures in; all are as of the start of the window or lengths within it.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TraceSummary {
    /// Shape version.
    pub version: u32,
    /// The trace and how far it could be read.
    pub trace: TraceFacts,
    /// The window that was measured, from the first batch to the last event; what was asked for may be another.
    pub window_ns: u64,
    /// Events told. A switch between coroutines counts as its three parts.
    pub events_total: u64,
    /// Events by kind, as Go's tools name them.
    pub events: BTreeMap<String, u64>,
    /// Whether something of the trace is missing for certain.
    pub truncated: bool,
    /// What is missing, or may be, in sentences.
    pub missing: Vec<String>,
    /// Goroutines over time.
    pub goroutines: TraceGoroutines,
    /// The runtime's own goroutines and those of the tracer, which are in no list.
    pub runtime_own: RuntimeOwn,
    /// The program's goroutines by the function they start with.
    pub functions: Vec<TraceFunction>,
    /// Goroutines to which nothing happened in the whole window, by where they wait.
    pub suspects: Vec<TraceSuspects>,
    /// Time of all goroutines by state and reason, the runtime's included.
    pub states: Vec<TraceState>,
    /// Time blocked by reason and place.
    pub waits: Vec<TraceWait>,
    /// From being able to run to running; without those that were able before the trace, or that yielded.
    pub scheduler_latency: Latency,
    /// The same of goroutines that yielded with `runtime.Gosched`.
    pub scheduler_latency_yielded: Latency,
    /// Time in system calls and in C by place.
    pub syscalls: Vec<TraceSyscall>,
    /// The garbage collector.
    pub gc: TraceGc,
    /// Stops of the world by what for. The time is that of stopping and of standing.
    pub stops: Vec<TraceNamed>,
    /// User tasks by type.
    pub tasks: Vec<TraceNamed>,
    /// Regions by type, without those that are deferred calls.
    pub regions: Vec<TraceNamed>,
    /// Deferred calls that their author annotated as regions `defer:NAME`, by NAME: from the statement to the call.
    pub defers: Vec<TraceNamed>,
    /// User logs by category.
    pub logs: Vec<TraceLog>,
    /// CPU samples by place, where a CPU profile ran at the same time.
    pub cpu_samples: Vec<TraceSamples>,
    /// How many of each list are left out, by the list's name.
    pub left_out: BTreeMap<String, u64>,
}

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceFacts {
    /// Where it is from: a file, an address, a target.
    pub source: String,
    /// Version of the format, as its header has it: `go 1.26`.
    pub format: String,
    /// The releases of Go that write it.
    pub go: String,
    /// Its size, inflated.
    pub bytes: u64,
    /// Generations told.
    pub generations: u32,
    /// How it ended: `marked`, `unmarked` (before Go 1.26 there is no mark), `mark missing`, `cut`, `broken`.
    pub end: String,
    /// The wall clock at the start of the window; since Go 1.25.
    pub start_ms: Option<i64>,
    /// GOMAXPROCS, as it was last said.
    pub procs: Option<u64>,
}

/// Goroutines in the window.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TraceGoroutines {
    /// Alive when it began.
    pub at_start: u64,
    /// Created in it.
    pub created: u64,
    /// Ended in it.
    pub ended: u64,
    /// Alive when it ended.
    pub alive: u64,
    /// The mean count, weighted by time.
    pub mean: f64,
    /// The least count.
    pub min: u64,
    /// The greatest count.
    pub max: u64,
    /// Created per second of the window.
    pub created_per_second: f64,
    /// Ended per second of the window.
    pub ended_per_second: f64,
    /// False when the counts are too low, because the trace was cut before it named its silent goroutines.
    pub complete: bool,
    /// Width of a point of the timeline.
    pub point_ns: u64,
    /// The count over time: start of a point, least, most, last.
    pub timeline: Vec<[u64; 4]>,
}

/// What is the runtime's and the tracer's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuntimeOwn {
    /// Goroutines alive at the start.
    pub at_start: u64,
    /// Created in the window.
    pub created: u64,
    /// Ended in the window.
    pub ended: u64,
    /// Time they ran.
    pub running_ns: u64,
    /// Goroutines to which nothing happened in the whole window.
    pub silent: u64,
    /// Time they were blocked.
    pub blocked_ns: u64,
    /// Time they were in system calls.
    pub syscalls_ns: u64,
}

/// How many, how long, the longest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceSpans {
    /// Those that ended in the window.
    pub count: u64,
    /// Those still under way at its end.
    pub open: u64,
    /// Time of all of them within the window.
    pub total_ns: u64,
    /// The longest one, within the window.
    pub max_ns: u64,
}

/// A place in the program.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TracePlace {
    /// The first function outside the standard library; empty where there was no stack.
    pub function: String,
    /// Its file.
    pub file: String,
    /// Line; 0 when unknown.
    pub line: u32,
    /// Where exactly, `func file:line`: the first frame outside the runtime and the sync packages.
    pub at: String,
    /// The stack, innermost first, each `func file:line`; no more than 32.
    pub stack: Vec<String>,
}

/// Goroutines that start with one function.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceFunction {
    /// The function; empty for those of which it is not known.
    pub function: String,
    /// Alive at the start.
    pub at_start: u64,
    /// Created in the window.
    pub created: u64,
    /// Ended in the window.
    pub ended: u64,
    /// Alive at its end.
    pub alive: u64,
    /// Time they ran on a processor.
    pub running_ns: u64,
    /// Where those of the window were created; most first, no more than 8.
    pub created_at: Vec<TraceCreation>,
}

/// Creations by one `go` statement.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceCreation {
    /// Where it is.
    pub place: TracePlace,
    /// Created there in the window.
    pub created: u64,
    /// Of these, ended in it.
    pub ended: u64,
}

/// Goroutines that waited in one place through the whole window.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceSuspects {
    /// How many.
    pub count: u64,
    /// What for, as the stack tells; empty where it does not.
    pub reason: String,
    /// The function they started with; empty when unknown.
    pub function: String,
    /// Where they wait. Before Go 1.23 traces have no stacks of such goroutines.
    pub place: TracePlace,
    /// Some of them by number, to be looked for in a dump or a later trace; at most 16.
    pub examples: Vec<u64>,
}

/// Time in one state for one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceState {
    /// `running`, `runnable`, `waiting`, `syscall`.
    pub state: String,
    /// Why, in the words of the runtime; of those that are able to run, what made them so.
    pub reason: String,
    /// Its time.
    #[serde(flatten)]
    pub spans: TraceSpans,
}

/// Time blocked for one reason at one place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceWait {
    /// Why, in the words of the runtime; empty where it is not known.
    pub reason: String,
    /// Its time.
    #[serde(flatten)]
    pub spans: TraceSpans,
    /// Where.
    pub place: TracePlace,
    /// Who ended it: most time first, no more than 8.
    pub woken_by: Vec<TraceWoken>,
    /// Waits that the others not named here ended, or the runtime, as a timer does.
    pub woken_by_others: u64,
}

/// Waits that one place ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceWoken {
    /// Where.
    pub place: TracePlace,
    /// How many waits.
    pub count: u64,
    /// How long they had been, together.
    pub total_ns: u64,
}

/// Lengths as a histogram.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// How many and how long.
    #[serde(flatten)]
    pub spans: TraceSpans,
    /// Half are at most so long: a power of two, or the longest.
    pub p50_ns: u64,
    /// 90 % are at most so long.
    pub p90_ns: u64,
    /// 99 % are at most so long.
    pub p99_ns: u64,
    /// Pairs of a bound and how many are below it and not below half of it. The last one has no bound.
    pub buckets: Vec<[u64; 2]>,
}

/// System calls at one place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceSyscall {
    /// Their time.
    #[serde(flatten)]
    pub spans: TraceSpans,
    /// Where.
    pub place: TracePlace,
}

/// What the collector did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceGc {
    /// Marking, beside the program: one for each collection.
    pub mark: TraceSpans,
    /// Sweeping, by procs.
    pub sweep: TraceSpans,
    /// Helping to mark, by goroutines that wanted to allocate.
    pub assist: TraceSpans,
    /// Bytes that were swept.
    pub swept_bytes: u64,
    /// And found free.
    pub reclaimed_bytes: u64,
    /// Live heap; null when it was not said.
    pub heap: Option<TraceHeap>,
    /// The size at which a collection is to end; null when it was not said.
    pub goal: Option<TraceHeap>,
}

/// A size over time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceHeap {
    /// The first.
    pub first_bytes: u64,
    /// The least.
    pub min_bytes: u64,
    /// The most.
    pub max_bytes: u64,
    /// The last.
    pub last_bytes: u64,
}

/// Stops, tasks or regions of one name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceNamed {
    /// The name; empty for tasks that began before the trace.
    pub name: String,
    /// How long. What is still open counts as open.
    #[serde(flatten)]
    pub spans: TraceSpans,
    /// Begun in the window.
    pub begun: u64,
    /// Ended in it, though begun before: of unknown length.
    pub begun_before: u64,
    /// Never ended, because their goroutine did.
    pub abandoned: u64,
}

/// Logs of one category.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceLog {
    /// The category.
    pub category: String,
    /// How many.
    pub count: u64,
}

/// CPU samples at one place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceSamples {
    /// How many.
    pub samples: u64,
    /// Where.
    pub place: TracePlace,
}
