//! What the order knows at a point of the trace: threads, procs, goroutines and all that is open. Rules look at it to
//! say whether an event may come now, and change it when it does.

use std::collections::HashMap;

use super::fault::{Fault, broken};
use super::goroutines::Goroutines;
use super::procs::Procs;
use super::regions::Regions;
use super::threads::{Thread, Threads};
use crate::event::{
    Cause, Event, GoroutineId, Name, ProcId, Slot, StackRef, State as GoState, TaskId, ThreadId, Ticks,
    Transition, What,
};
use crate::limits::Limits;
use crate::names::Names;
use crate::observer::{Observer, Scene};
use crate::tables::Tables;
use crate::varint::read_all;

/// What is known of garbage collections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gc {
    Unknown,
    Off,
    On,
}

/// All of it.
#[derive(Debug)]
pub(crate) struct State {
    pub(super) limits: Limits,
    pub(super) threads: Threads,
    pub(super) procs: Procs,
    pub(super) goroutines: Goroutines,
    pub(super) regions: Regions<(TaskId, Name)>,
    /// Who stopped the world, and what for.
    pub(super) stops: Vec<(u32, Name)>,
    /// Open tasks and their types.
    pub(super) tasks: HashMap<u64, Name>,
    pub(super) names: Names,
    pub(super) gc: Gc,
    pub(super) gc_seq: u64,
    /// Counts generations from 1. In the first one everything is new.
    pub(super) epoch: u32,
    /// Numbers of strings and stacks that mean nothing, and events that do not end, in a generation that was cut.
    pub(crate) unresolved: u64,
}

impl State {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            limits: *limits,
            threads: Threads::new(),
            procs: Procs::default(),
            goroutines: Goroutines::new(),
            regions: Regions::new(),
            stops: Vec::new(),
            tasks: HashMap::new(),
            names: Names::default(),
            gc: Gc::Unknown,
            gc_seq: 0,
            epoch: 0,
            unresolved: 0,
        }
    }

    pub(crate) fn start_generation(&mut self) {
        self.epoch += 1;
        self.unresolved = 0;
        self.names.forget_numbers();
    }

    /// Whether this is the first generation.
    #[inline(always)]
    pub(super) fn is_initial(&self) -> bool {
        self.epoch == 1
    }

    #[inline(always)]
    pub(super) fn tell<O: Observer>(&self, at: &At<'_>, observer: &mut O, what: What) {
        observer.event(&self.event(at, what), &Scene { tables: at.tables, names: &self.names });
    }

    /// The thread of an event, which is as before it until the event is told: rules change it last.
    #[inline(always)]
    pub(super) fn here(&self, at: &At<'_>) -> &Thread {
        self.threads.get(at.place)
    }

    #[inline(always)]
    pub(super) fn event(&self, at: &At<'_>, what: What) -> Event {
        let here = self.here(at);
        Event {
            time: Ticks(at.time),
            thread: ThreadId(here.id),
            proc: ProcId(here.proc_id),
            goroutine: GoroutineId(here.goroutine_id),
            slot: Slot(here.goroutine),
            what,
        }
    }

    /// The goroutine on the thread went from one state to another.
    #[inline(always)]
    pub(super) fn own(&self, at: &At<'_>, from: GoState, to: GoState, cause: Cause, stack: u64) -> What {
        let here = self.here(at);
        At::other(here.goroutine, here.goroutine_id, from, to, cause, stack)
    }

    #[inline(always)]
    pub(super) fn check_stack(&mut self, at: &At<'_>, stack: u64) -> Result<(), Fault> {
        if at.tables.has_stack(stack) {
            Ok(())
        } else {
            self.miss(at.tables.lenient, "a stack that is not there")
        }
    }

    #[inline(always)]
    pub(super) fn check_string(&mut self, at: &At<'_>, string: u64) -> Result<(), Fault> {
        if at.tables.has_string(string) {
            Ok(())
        } else {
            self.miss(at.tables.lenient, "a string that is not there")
        }
    }

    #[cold]
    #[inline(never)]
    fn miss(&mut self, lenient: bool, reason: &'static str) -> Result<(), Fault> {
        if !lenient {
            return broken(reason);
        }
        self.unresolved += 1;
        Ok(())
    }

    /// A goroutine that was not there before.
    #[inline(always)]
    pub(super) fn add_goroutine(&mut self, id: u64, state: GoState) -> Result<u32, Fault> {
        let max = self.limits.goroutines_max;
        if self.goroutines.live() >= max {
            return Err(Fault::Limit { limit: "goroutines_max", max: max.into() });
        }
        Ok(self.goroutines.insert(id, state, self.epoch))
    }

    /// The goroutine on a thread is no more, with all that it had open.
    pub(super) fn drop_goroutine_of(&mut self, thread: u32) {
        let Thread { goroutine: slot, goroutine_id: id, .. } = *self.threads.get(thread);
        let goroutine = self.goroutines.at(slot);
        let mut region = goroutine.region;
        if goroutine.stops_world {
            self.stops.retain(|(stopper, _)| *stopper != slot);
        }
        while self.regions.pop(&mut region).is_some() {}
        self.goroutines.remove(slot, id);
    }

    /// Counts one more open task or region.
    pub(super) fn check_open(&self) -> Result<(), Fault> {
        let max = self.limits.open_max;
        if self.tasks.len() + self.regions.len() >= max as usize {
            return Err(Fault::Limit { limit: "open_max", max: max.into() });
        }
        if self.names.len() >= self.limits.names_max as usize {
            return Err(Fault::Limit { limit: "names_max", max: self.limits.names_max.into() });
        }
        Ok(())
    }
}

/// An event that is tried: its bytes, and the thread it is of.
#[derive(Clone, Copy)]
pub(crate) struct At<'a> {
    pub(super) time: u64,
    pub(super) kind: u8,
    /// The place of the thread.
    pub(super) place: u32,
    pub(super) window: &'a [u8],
    /// What of the window was read.
    pub(super) at: usize,
    pub(super) end: usize,
    pub(super) tables: &'a Tables,
}

impl At<'_> {
    /// The numbers of the event.
    #[inline(always)]
    pub(super) fn numbers<const N: usize>(&mut self) -> Result<[u64; N], Fault> {
        let (numbers, after) = read_all::<N>(self.window, self.at).ok_or(Fault::BeyondBatch)?;
        if after > self.end {
            return Err(Fault::BeyondBatch);
        }
        self.at = after;
        Ok(numbers)
    }

    /// Some goroutine went from one state to another.
    #[inline(always)]
    pub(super) fn other(slot: u32, id: u64, from: GoState, to: GoState, cause: Cause, stack: u64) -> What {
        What::Goroutine(Transition {
            id: GoroutineId(id),
            slot: Slot(slot),
            from,
            to,
            cause,
            stack: StackRef(stack),
        })
    }
}
