//! What a window of a trace tells: goroutines over time, where they come from, where their time goes, what the runtime
//! did, and who never moved.
//!
//! [`Summarizer`] watches the events, and [`Summarizer::finish`] makes a [`Summary`] of them. Truth before convenience:
//! durations are those between times as they were written, the time of a status is not one, and the window is what was
//! measured, not what was asked for. Whatever goes beyond a limit is counted under a common name, never dropped.

mod accounts;
mod annotations;
mod clock;
mod collection;
mod finish;
mod histogram;
mod lives;
mod memo;
mod origins;
mod pair_cache;
mod park;
mod population;
mod report;
mod since;
mod sites;
mod spans;

pub use annotations::{Annotated, DEFER_PREFIX};
pub use clock::Clock;
pub use collection::{Gc, HeapSize};
pub use histogram::{BUCKETS, Histogram};
pub use population::{Goroutines, Point};
pub use report::{
    Birth, Frame, FunctionCount, Named, Site, SiteId, StateTime, Summary, Suspects, Wait, WokenBy,
};
pub use spans::Spans;

use crate::event::{Cause, Event, Name, ProcCause, State, What};
use crate::observer::{GenerationStart, Observer, Scene};
use annotations::Annotations;
use collection::Collection;
use lives::Lives;
use sites::{Frames, Sites};

/// Watches a trace and keeps count.
#[derive(Debug)]
pub struct Summarizer {
    clock: Clock,
    /// The start of the window: the earliest time of the first generation.
    start_ns: Option<u64>,
    /// The latest time so far, since the start.
    end_ns: u64,
    kinds: [u64; 256],
    generations: u32,
    /// The first generation may lack its silent goroutines.
    first_may_be_cut: bool,
    sites: Sites,
    /// The trace's long-lived names as ours.
    own_names: Vec<Option<Name>>,
    lives: Lives,
    collection: Collection,
    annotations: Annotations,
    /// CPU samples by site.
    samples: Vec<u64>,
}

impl Default for Summarizer {
    fn default() -> Self {
        Self::new()
    }
}

impl Summarizer {
    /// Nothing seen yet.
    pub fn new() -> Self {
        let mut sites = Sites::new();
        let lives = Lives::new(&mut sites);
        Self {
            clock: Clock::new(1),
            start_ns: None,
            end_ns: 0,
            kinds: [0; 256],
            generations: 0,
            first_may_be_cut: false,
            sites,
            own_names: Vec::new(),
            lives,
            collection: Collection::default(),
            annotations: Annotations::new(),
            samples: Vec::new(),
        }
    }

    /// Time since the start of the window.
    #[inline(always)]
    fn since_start(&self, event: &Event) -> u64 {
        self.clock.ns(event.time).saturating_sub(self.start_ns.unwrap_or(0))
    }

    /// The name of the trace as one of ours, which outlive it.
    fn own_name(&mut self, scene: &Scene<'_>, name: Name) -> Name {
        let number = name.0 as usize;
        if let Some(Some(own)) = self.own_names.get(number) {
            return *own;
        }
        let own = self.sites.names.of_text(scene.names.text(name));
        if self.own_names.len() <= number {
            self.own_names.resize(number + 1, None);
        }
        if let Some(place) = self.own_names.get_mut(number) {
            *place = Some(own);
        }
        own
    }

    #[inline(never)]
    fn other(&mut self, ns: u64, event: &Event, scene: &Scene<'_>) {
        match event.what {
            What::StwBegin { kind, .. } => {
                let kind = self.own_name(scene, kind);
                self.collection.stop_begins(ns, event.slot.0, kind);
            }
            What::StwEnd { kind } => {
                let kind = self.own_name(scene, kind);
                self.collection.stop_ends(ns, event.slot.0, kind);
            }
            What::TaskBegin { task, name, .. } => {
                let name = self.own_name(scene, name);
                self.annotations.task_begins(ns, task, name);
            }
            What::TaskEnd { task, name, .. } => {
                let name = self.own_name(scene, name);
                self.annotations.task_ends(ns, task, name);
            }
            What::RegionBegin { name, .. } => {
                let name = self.own_name(scene, name);
                let life = self.lives.at(event.slot.index());
                self.annotations.region_begins(ns, &mut life.region, name);
            }
            What::RegionEnd { name, .. } => {
                let name = self.own_name(scene, name);
                let life = self.lives.at(event.slot.index());
                self.annotations.region_ends(ns, &mut life.region, name);
            }
            What::Log { key, .. } => self.annotations.log(scene.tables.string(key).unwrap_or(b"")),
            What::CpuSample { stack } => {
                let site = self.sites.of(scene.tables, stack, Frames::All) as usize;
                if self.samples.len() <= site {
                    self.samples.resize(site + 1, 0);
                }
                if let Some(count) = self.samples.get_mut(site) {
                    *count += 1;
                }
            }
            _ => {}
        }
    }
}

impl Observer for Summarizer {
    fn generation(&mut self, generation: &GenerationStart, scene: &Scene<'_>) {
        self.clock = Clock::new(scene.tables.units_per_second());
        if self.start_ns.is_none() {
            self.start_ns = Some(self.clock.ns(generation.start));
            self.first_may_be_cut = generation.may_be_cut;
        }
        self.generations += 1;
        self.sites.forget_numbers();
        self.lives.forget_numbers();
    }

    #[inline(always)]
    fn event(&mut self, event: &Event, scene: &Scene<'_>) {
        if let Some(count) = self.kinds.get_mut(usize::from(event.what.kind())) {
            *count += 1;
        }
        let ns = self.since_start(event);
        match &event.what {
            What::Goroutine(t) => {
                if !matches!(t.cause, Cause::Status { .. }) {
                    self.end_ns = self.end_ns.max(ns);
                }
                if t.to == State::Gone {
                    self.collection.gone(t.slot.0);
                    let region = self.lives.at(t.slot.index()).region;
                    self.annotations.gone(region);
                }
                self.lives.step(ns, t, scene.tables, &mut self.sites);
            }
            What::Proc { cause: ProcCause::Status(_), .. } => {}
            What::HeapAlloc { bytes } => self.collection.gc.heap.add(*bytes),
            What::HeapGoal { bytes } => self.collection.gc.goal.add(*bytes),
            What::Gc { phase, edge, .. } => {
                self.end_ns = self.end_ns.max(ns);
                self.collection.phase(ns, phase, *edge);
            }
            What::Proc { .. } => self.end_ns = self.end_ns.max(ns),
            _ => {
                self.end_ns = self.end_ns.max(ns);
                self.other(ns, event, scene);
            }
        }
    }
}
