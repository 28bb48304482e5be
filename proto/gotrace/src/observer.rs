//! Who is told the events. A trace is read once and never held, so whoever wants something of it watches it go by.

use crate::event::{Event, Ticks};
use crate::names::Names;
use crate::sync::ClockSnapshot;
use crate::tables::Tables;

/// A watcher. Calls come in the order of events.
pub trait Observer {
    /// A generation starts; numbers of strings and stacks mean something else from here on.
    fn generation(&mut self, generation: &GenerationStart, scene: &Scene<'_>);

    /// Something happened.
    fn event(&mut self, event: &Event, scene: &Scene<'_>);
}

/// What the numbers in an event mean.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// Strings and stacks of the generation.
    pub tables: &'a Tables,
    /// Names that outlive it.
    pub names: &'a Names,
}

/// What is known at the start of a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GenerationStart {
    /// Its number. The first one of a trace need not be 1.
    pub number: u64,
    /// The earliest time of a batch.
    pub start: Ticks,
    /// The clocks of one moment in it; since Go 1.25.
    pub snapshot: Option<ClockSnapshot>,
    /// The trace ends within it, so it may lack its stacks and its silent goroutines.
    pub may_be_cut: bool,
}

/// Two watchers at once.
impl<A: Observer, B: Observer> Observer for (A, B) {
    fn generation(&mut self, generation: &GenerationStart, scene: &Scene<'_>) {
        self.0.generation(generation, scene);
        self.1.generation(generation, scene);
    }

    fn event(&mut self, event: &Event, scene: &Scene<'_>) {
        self.0.event(event, scene);
        self.1.event(event, scene);
    }
}
