//! The result: plain values, in which sites are referred to by number. Texts are the service's and may hold anything;
//! what is not UTF-8 in them is replaced.

use std::sync::Arc;

use super::annotations::Annotated;
use super::collection::Gc;
use super::histogram::Histogram;
use super::population::Goroutines;
use super::spans::Spans;
use crate::event::{GoroutineId, State};

/// A site of [`Summary::sites`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SiteId(pub usize);

impl SiteId {
    /// The site of whatever had no stack, or whose stack did not come.
    pub const UNKNOWN: Self = Self(super::sites::UNKNOWN as usize);
    /// The site of everything beyond the limit of sites.
    pub const OTHER: Self = Self(super::sites::OTHER as usize);
}

/// A place in the program: a stack, the innermost frame first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Site {
    /// Its frames; none for [`SiteId::UNKNOWN`] and [`SiteId::OTHER`].
    pub frames: Vec<Frame>,
}

/// A frame of a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Name of the function; one text for all frames that have it, of which there may be half a million.
    pub function: Arc<str>,
    /// Path of its file.
    pub file: Arc<str>,
    /// Line in it.
    pub line: u32,
}

/// Everything a window tells. Lists start with what matters most.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Summary {
    /// The window that was measured, from the first batch to the last event; what was asked for may be another.
    pub window_ns: u64,
    /// Generations in it.
    pub generations: u32,
    /// Events told. A switch between coroutines counts as its three parts.
    pub events_total: u64,
    /// Events by kind, as Go's tools name them.
    pub events: Vec<(&'static str, u64)>,
    /// Goroutines over time.
    pub goroutines: Goroutines,
    /// Creations by where they are, and by what is run.
    pub births: Vec<Birth>,
    /// The same by the function goroutines start with, with those from before the trace.
    pub functions: Vec<FunctionCount>,
    /// Time of all goroutines by state and reason.
    pub states: Vec<StateTime>,
    /// Time blocked by reason and site.
    pub waits: Vec<Wait>,
    /// Time in system calls by site.
    pub syscalls: Vec<(SiteId, Spans)>,
    /// From being able to run to running; without those that were able before the trace, or that yielded.
    pub latency: Histogram,
    /// The same of goroutines that yielded with `runtime.Gosched`.
    pub latency_yielded: Histogram,
    /// The garbage collector.
    pub gc: Gc,
    /// Stops of the world by what for. The time is that of stopping and of standing.
    pub stops: Vec<(String, Spans)>,
    /// User tasks by type.
    pub tasks: Vec<Named>,
    /// Regions by type. Those that start with [`super::DEFER_PREFIX`] are annotated deferred calls.
    pub regions: Vec<Named>,
    /// User logs by category.
    pub logs: Vec<(String, u64)>,
    /// CPU samples by stack, where a CPU profile ran at the same time.
    pub samples: Vec<(SiteId, u64)>,
    /// Goroutines to which nothing happened in the whole window, by where they wait.
    pub suspects: Vec<Suspects>,
    /// The sites that others refer to.
    pub sites: Vec<Site>,
}

/// Goroutines created at one place with one function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Birth {
    /// Where the `go` statement is.
    pub site: SiteId,
    /// The function it starts; empty when unknown.
    pub function: String,
    /// Created in the window.
    pub created: u64,
    /// Of these, ended in it.
    pub ended: u64,
}

/// Goroutines that started with one function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionCount {
    /// The function; empty for those of which it is not known.
    pub function: String,
    /// Whether it is the runtime's, or the tracer's: no program's own goroutine.
    pub system: bool,
    /// Alive when the trace began.
    pub at_start: u64,
    /// Created in the window.
    pub created: u64,
    /// Ended in the window.
    pub ended: u64,
    /// Time they ran on a processor.
    pub running_ns: u64,
}

/// Time in one state for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateTime {
    /// The state.
    pub state: State,
    /// Why, in the words of the runtime; of those that are able to run, what made them so.
    pub reason: String,
    /// Its time.
    pub spans: Spans,
}

/// Time blocked for one reason at one site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// Why, in the words of the runtime.
    pub reason: String,
    /// Where, without the runtime's own frames.
    pub site: SiteId,
    /// Its time.
    pub spans: Spans,
    /// Who ended it.
    pub woken_by: Vec<WokenBy>,
}

/// Waits that one place ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WokenBy {
    /// Where.
    pub site: SiteId,
    /// How many, and how long they had been.
    pub spans: Spans,
}

/// Tasks or regions of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The name.
    pub name: String,
    /// How many and how long.
    pub annotated: Annotated,
}

/// Goroutines that waited in one place through the whole window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspects {
    /// Why, as the stack tells; empty where it does not.
    pub reason: String,
    /// Where. Before Go 1.23 traces have no stacks of such goroutines.
    pub site: SiteId,
    /// The function they started with; empty when unknown.
    pub function: String,
    /// Whether that function is the runtime's or the tracer's.
    pub system: bool,
    /// How many.
    pub count: u64,
    /// Some of them, to be looked for in later windows; at most 16.
    pub examples: Vec<GoroutineId>,
}
