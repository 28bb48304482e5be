//! What the summary of a trace does not keep of it: the wall clock at its start, and GOMAXPROCS.

use linger_gotrace::event::{Event, Ticks, What};
use linger_gotrace::summary::Clock;
use linger_gotrace::{ClockSnapshot, GenerationStart, Observer, Scene};

/// Watches a trace for them.
#[derive(Debug, Default)]
pub(super) struct Facts {
    start: Option<Ticks>,
    /// The first one, and the units it counts in.
    snapshot: Option<(ClockSnapshot, u64)>,
    /// GOMAXPROCS as it was last said.
    pub(super) procs: Option<u64>,
}

impl Facts {
    /// The wall clock at the start of the window, in milliseconds since the Unix epoch.
    pub(super) fn start_ms(&self) -> Option<i64> {
        let (snapshot, units_per_second) = self.snapshot?;
        let clock = Clock::new(units_per_second);
        let at_ns = u128::from(snapshot.wall_s) * 1_000_000_000 + u128::from(snapshot.wall_ns);
        let at_ns = i128::try_from(at_ns).ok()?;
        let since_ns = i128::from(clock.ns(snapshot.time)) - i128::from(clock.ns(self.start?));
        i64::try_from((at_ns - since_ns) / 1_000_000).ok()
    }
}

impl Observer for Facts {
    fn generation(&mut self, generation: &GenerationStart, scene: &Scene<'_>) {
        self.start.get_or_insert(generation.start);
        if self.snapshot.is_none() {
            self.snapshot = generation.snapshot.map(|snapshot| (snapshot, scene.tables.units_per_second()));
        }
    }

    #[inline(always)]
    fn event(&mut self, event: &Event, _: &Scene<'_>) {
        if let What::Procs { count, .. } = event.what {
            self.procs = Some(count);
        }
    }
}
