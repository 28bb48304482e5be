//! What a scrape cost the service, in CPU time: measured where its process is on this machine, else predicted.
//!
//! [`predicted`] is what can be said over HTTP alone. A goroutine profile keeps a core busy for as long as it takes,
//! so its own duration is the bound. The other endpoints' figures were measured per request on Go 1.26 (26 frames a
//! stack) and grow with the goroutine count as given; a handler that sleeps (VictoriaMetrics' mutex endpoint
//! waits 10 s) would be misjudged by its duration.
//!
//! [`Meter`] measures: CPU time of the process during a request, less what it uses anyway in that time. `ledger.rs`
//! has the rules and says when the noise is too large to believe it; `process.rs` looks for the process.

mod ledger;
mod process;

use ledger::{Ledger, Reading, Told};
use linger_config::CollectorKind;
use linger_probe::{Absent, Address, Process};
use process::Watched;
pub use process::{Found, Search};
use std::time::Duration;

use super::schedule::Tick;

/// Most that a failed request is taken to have cost: at half a percent of a core it is tried again within ten minutes.
pub const FAILED_MAX: Duration = Duration::from_secs(3);

/// What a page of `/debug/pprof/symbol` is taken to cost: a look-up in a table for each address.
pub const SYMBOL_PAGE: Duration = Duration::from_millis(1);

/// How long after the last byte [`Meter::after`] is best called: what the service's threads do last is on its clock
/// only once they sleep. Measured on Go 1.26 on a machine with more to do than cores: at once 7 to 20 % are missed,
/// after 2 ms up to 8 %, after 5 ms 1 to 3 %. Longer only adds the service's own work.
pub const SETTLE: Duration = Duration::from_millis(5);

/// What a scrape cost the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// CPU time.
    pub cpu: Duration,
    /// How it is known.
    pub basis: Basis,
}

/// How a cost is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// From the CPU clock of the process.
    Measured,
    /// From the request's duration and the goroutine count; no more than all the process used meanwhile, where that
    /// is known.
    Predicted,
}

impl Basis {
    /// The word for it in JSON and on pages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Predicted => "predicted",
        }
    }
}

/// CPU time one request of `kind` costs a service with `goroutines`, when it took `took` from request to last
/// byte.
#[must_use]
pub fn predicted(kind: CollectorKind, took: Duration, window_s: u64, goroutines: u64) -> Duration {
    let micros = |base: f64, per_goroutine: f64| {
        Duration::from_secs_f64((base + per_goroutine * goroutines as f64) / 1e6)
    };
    match kind {
        CollectorKind::Goroutine => took,
        CollectorKind::Count => micros(500.0, 0.0),
        CollectorKind::Heap | CollectorKind::Mutex | CollectorKind::Block => took.min(micros(3_000.0, 0.0)),
        // Measured: 3.2 ms for 5 s, 3.3 to 3.9 ms for 1 s, at 100 goroutines: writing the profile is most of it.
        CollectorKind::Cpu => micros(3_000.0 + 100.0 * window_s as f64, 0.9),
        CollectorKind::Trace => micros(10_000.0 * window_s as f64, 1.3),
        // The service is not asked.
        CollectorKind::Defers => Duration::ZERO,
    }
}

/// Measures what the requests to one target cost it. Shared by the target's lanes; each call is one system call
/// at most. Time is the schedule's.
#[derive(Debug)]
pub struct Meter {
    watched: Watched,
    ledger: Ledger,
}

impl Meter {
    /// A meter of the target reached at `address`, whose process is not known yet.
    #[must_use]
    pub fn new(address: Address) -> Self {
        Self { watched: Watched::new(address), ledger: Ledger::default() }
    }

    /// The search that is due now, if any: to be run where blocking is allowed, and its finding brought to
    /// [`Meter::searched`]. Until then no other is due.
    #[must_use]
    pub fn search_due(&mut self, now: Tick) -> Option<Search> {
        self.watched.search_due(now)
    }

    /// Takes what a search found.
    pub fn searched(&mut self, found: Found, now: Tick) {
        if self.watched.searched(found, now) {
            self.ledger = Ledger::default();
        }
    }

    /// Takes note of which program answers, as the file name of a profile's main mapping: where the process found
    /// runs another (docker-proxy, a Go program itself, listens for a container), it is not the one that works for us.
    pub fn answers(&mut self, program: &str) {
        if self.watched.answers(program) {
            self.ledger = Ledger::default();
        }
    }

    /// To be called right before a request of `kind` is made. One of the same lane that never came to its end (its
    /// task was stopped) is forgotten.
    pub fn before(&mut self, kind: CollectorKind, now: Tick) {
        let reading = self.read(now);
        self.ledger.begin(kind, reading);
    }

    /// To be called once all that `kind` asked for has come, best [`SETTLE`] later. `took` is from request to last
    /// byte, `predicted` what that costs by [`predicted`].
    pub fn after(&mut self, kind: CollectorKind, took: Duration, predicted: Duration, now: Tick) -> Cost {
        let reading = self.read(now);
        match self.ledger.end(kind, took, predicted, reading) {
            Some(Told::Cost(cpu)) => Cost { cpu, basis: Basis::Measured },
            Some(Told::AtMost(max)) => Cost { cpu: predicted.min(max), basis: Basis::Predicted },
            None => Cost { cpu: predicted, basis: Basis::Predicted },
        }
    }

    /// The process behind the target.
    ///
    /// # Errors
    ///
    /// Why it is not known; `None` before the first search.
    pub fn process(&self) -> Result<&Process, Option<&Absent>> {
        self.watched.process()
    }

    /// Whether a profile said that the process found is the one that answers; before, it may be a proxy's.
    #[must_use]
    pub fn answers_itself(&self) -> bool {
        self.watched.answers_itself()
    }

    /// Why costs are not measured although the process is known.
    #[must_use]
    pub fn unmeasured_because(&self) -> Option<&'static str> {
        self.watched.unmeasured_because()
    }

    fn read(&mut self, now: Tick) -> Option<Reading> {
        self.watched.cpu(now).map(|cpu| Reading { at: now, cpu })
    }
}

#[cfg(test)]
mod tests {
    use super::predicted;
    use linger_config::CollectorKind as Kind;
    use std::time::Duration;

    #[test]
    fn a_sleeping_handler_is_not_taken_for_a_busy_one() {
        let slow = Duration::from_secs(10);
        assert_eq!(predicted(Kind::Mutex, slow, 0, 100), Duration::from_millis(3));
        assert_eq!(predicted(Kind::Goroutine, slow, 0, 100), slow);
        assert!(predicted(Kind::Cpu, slow, 5, 100_000) > Duration::from_millis(80));
    }
}
