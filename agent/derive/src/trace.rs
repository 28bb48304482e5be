//! What an execution trace says, as figures: from a [`Summary`] of its events to rates and shares of its window, by the
//! same sites as everything else.
//!
//! - Everything is over the window that was *measured*, from the first batch to the last event. A trace without one tells
//!   nothing ([`figures`] is `None`).
//! - Rows are bounded, the largest are kept, and what is beyond is summed under one name: sums stay whole.
//! - A trace tells function, file and line of a frame, but not where the function starts. A site is `pkg.Func+7` where a
//!   profile of the same process has told that ([`StartLines`]), as for the heap profile's text; until then it is
//!   `pkg.Func:123`. So a site that is in no profile changes its name with each edit above it, and once when a profile
//!   tells of it; a goroutine profile holds all that wait at its time.
//! - What the trace does not say is `unknown`, never guessed: functions and places of goroutines to which nothing
//!   happened are in no trace of Go 1.22.

mod blocked;
mod functions;
mod holds;
mod largest;
mod latency;
mod stops;

pub use blocked::{Blocked, SYSCALL};
pub use functions::FunctionRate;
pub use holds::Hold;
pub use latency::{BOUNDS, Latency};
pub use stops::Stop;

use crate::package::GoRoot;
use crate::site::StartLines;
use linger_gotrace::summary::Summary;

/// What is counted under this name was not told by the trace.
pub const UNKNOWN: &str = "unknown";

/// Longest reason, kind of stop or name of a deferred call as a label, in bytes. Those of the runtime are below 40.
pub const WORD_BYTES_MAX: usize = 100;

/// What is known besides the trace.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Where this build's standard library lies.
    pub go_root: &'a GoRoot,
    /// Where functions start.
    pub start_lines: &'a StartLines,
    /// Most functions, places and names kept apart, of each.
    pub sites_max: usize,
}

/// The figures of one trace.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    /// What all rates are over.
    pub window_seconds: f64,
    /// Events in it.
    pub events: u64,
    /// Births and deaths by the function goroutines start with, most first; the rest last.
    pub functions: Vec<FunctionRate>,
    /// Time blocked by reason and site, most first; the rest last.
    pub blocked: Vec<Blocked>,
    /// From being able to run to running.
    pub latency: Latency,
    /// Share of the window in which the collector marked.
    pub gc_mark: f64,
    /// Seconds of marking by goroutines that wanted to allocate, per second.
    pub gc_assist: f64,
    /// Seconds of sweeping per second.
    pub gc_sweep: f64,
    /// The heap's goal, where the trace told one.
    pub gc_goal_bytes: Option<u64>,
    /// Stops of the world by what for.
    pub stops: Vec<Stop>,
    /// Annotated deferred calls by name.
    pub holds: Vec<Hold>,
}

/// A shorter window gives no rates: one event in it would be said to come hundreds of times a second.
const WINDOW_MIN_NS: u64 = 10_000_000;

/// The figures of a trace; `None` when it covers less than 10 ms.
#[must_use]
pub fn figures(summary: &Summary, known: &Known<'_>) -> Option<Figures> {
    let window = Window::of(summary)?;
    let gc = &summary.gc;
    Some(Figures {
        window_seconds: window.seconds,
        events: summary.events_total,
        functions: functions::rates(&summary.functions, &window, known.sites_max),
        blocked: blocked::by_site(summary, &window, known),
        latency: Latency::of(&summary.latency),
        gc_mark: window.share(gc.mark.total_ns),
        gc_assist: window.share(gc.assist.total_ns),
        gc_sweep: window.share(gc.sweep.total_ns),
        gc_goal_bytes: (gc.goal.count > 0).then_some(gc.goal.last_bytes),
        stops: stops::by_reason(&summary.stops, &window),
        holds: holds::by_name(&summary.regions, &window, known.sites_max),
    })
}

/// What rates are over.
#[derive(Clone, Copy, Debug)]
struct Window {
    ns: u64,
    seconds: f64,
}

impl Window {
    fn of(summary: &Summary) -> Option<Self> {
        let ns = summary.window_ns;
        (ns >= WINDOW_MIN_NS).then(|| Self { ns, seconds: ns as f64 / 1e9 })
    }

    /// So many in the window, as a number per second.
    fn rate(&self, count: u64) -> f64 {
        count as f64 / self.seconds
    }

    /// So much time in the window, as seconds per second.
    fn share(&self, ns: u64) -> f64 {
        ns as f64 / self.ns as f64
    }
}

/// A word of the trace as a label.
fn word(text: &str) -> String {
    let known = if text.is_empty() { UNKNOWN } else { text };
    crate::site::bounded(known.into(), WORD_BYTES_MAX)
}

#[cfg(test)]
mod tests;
