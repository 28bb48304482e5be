//! When events of the garbage collector and of stops of the world may come, and what they change. Go 1.27,
//! `internal/trace/order.go`, `advanceGC…` and `advanceGoRange…`.
//!
//! One counter for the whole trace puts the beginnings and ends of collections in order, since they are on any thread.

use super::fault::{Advance, Verdict, broken};
use super::goroutines::NO_SLOT;
use super::procs::NO_PLACE;
use super::state::{At, Gc, State};
use super::threads::NO_THREAD;
use crate::event::{Edge, GcPhase, GoroutineId, ProcId, Slot, StackRef, StringRef, What};
use crate::observer::Observer;
use crate::wire::event;

const TWICE: &str = "the beginning of something that has begun";
const NEVER: &str = "the end of something that did not begin";
const UNKNOWN: &str = "something under way that did not begin";

fn gc(phase: GcPhase, edge: Edge, stack: u64) -> What {
    What::Gc { phase, edge, stack: StackRef(stack) }
}

impl State {
    #[inline(never)]
    pub(super) fn stw_begin<O: Observer>(&mut self, at: &mut At<'_>, observer: &mut O) -> Verdict {
        let [kind, stack] = at.numbers()?;
        self.needs_user(at)?;
        self.check_string(at, kind)?;
        self.check_stack(at, stack)?;
        self.check_open()?;
        let kind = self.names.of(at.tables, StringRef(kind));
        let stop = (self.here(at).goroutine, kind);
        if self.stops.contains(&stop) {
            return broken(TWICE);
        }
        self.stops.push(stop);
        self.goroutines.at(self.here(at).goroutine).stops_world = true;
        self.tell(at, observer, What::StwBegin { kind, stack: StackRef(stack) });
        Ok(Advance::Done)
    }

    #[inline(never)]
    pub(super) fn stw_end<O: Observer>(&mut self, at: &mut At<'_>, observer: &mut O) -> Verdict {
        self.needs_user(at)?;
        let Some(index) = self.stops.iter().position(|(stopper, _)| *stopper == self.here(at).goroutine)
        else {
            return broken(NEVER);
        };
        let (_, kind) = self.stops.swap_remove(index);
        self.tell(at, observer, What::StwEnd { kind });
        Ok(Advance::Done)
    }

    /// Beginning, end and presence of the concurrent mark phase.
    #[inline(never)]
    pub(super) fn gc_mark<O: Observer>(&mut self, at: &mut At<'_>, observer: &mut O) -> Verdict {
        let ([seq], stack, edge) = match at.kind {
            event::GC_ACTIVE => (at.numbers::<1>()?, 0, Edge::Active),
            event::GC_BEGIN => {
                let [seq, stack] = at.numbers()?;
                self.check_stack(at, stack)?;
                ([seq], stack, Edge::Begin)
            }
            _ => (at.numbers::<1>()?, 0, Edge::End),
        };
        let first = match edge {
            Edge::Active => self.is_initial(),
            Edge::Begin => self.gc == Gc::Unknown,
            Edge::End => false,
        };
        if !first && seq != self.gc_seq.wrapping_add(1) {
            return Ok(Advance::NotYet);
        }
        match (edge, self.gc) {
            (Edge::Active, Gc::Unknown) if first => {}
            (Edge::Active, _) if first => return broken("a collection under way after another one"),
            (Edge::Begin, Gc::On) => return broken(TWICE),
            (Edge::Begin, _) | (_, Gc::On) => {}
            (Edge::Active, _) => return broken(UNKNOWN),
            (Edge::End, _) => return broken(NEVER),
        }
        if !first {
            self.needs_user(at)?;
        }
        self.gc_seq = seq;
        self.gc = if edge == Edge::End { Gc::Off } else { Gc::On };
        self.tell(at, observer, gc(GcPhase::Mark, edge, stack));
        Ok(Advance::Done)
    }

    #[inline(never)]
    pub(super) fn gc_sweep<O: Observer>(&mut self, at: &mut At<'_>, observer: &mut O) -> Verdict {
        let place = match at.kind {
            event::GC_SWEEP_ACTIVE => {
                let [id] = at.numbers()?;
                let place = self.procs.find(id);
                if place == NO_PLACE {
                    return broken("a sweep on a proc that nobody knows");
                }
                let initial = self.is_initial();
                let proc = self.procs.at(place);
                if proc.sweeps == initial {
                    return broken(if initial { TWICE } else { UNKNOWN });
                }
                proc.sweeps = true;
                let phase = GcPhase::Sweep { proc: ProcId(id), swept_bytes: 0, reclaimed_bytes: 0 };
                self.tell(at, observer, gc(phase, Edge::Active, 0));
                return Ok(Advance::Done);
            }
            _ => self.here(at).proc,
        };
        if place == NO_PLACE || at.place == NO_THREAD {
            return broken("a sweep on a thread without a proc");
        }
        let begins = at.kind == event::GC_SWEEP_BEGIN;
        let ([swept_bytes, reclaimed_bytes], stack) = if begins {
            let [stack] = at.numbers()?;
            self.check_stack(at, stack)?;
            ([0, 0], stack)
        } else {
            (at.numbers()?, 0)
        };
        let proc = self.procs.at(place);
        if proc.sweeps == begins {
            return broken(if begins { TWICE } else { NEVER });
        }
        proc.sweeps = begins;
        let phase = GcPhase::Sweep { proc: ProcId(self.here(at).proc_id), swept_bytes, reclaimed_bytes };
        self.tell(at, observer, gc(phase, if begins { Edge::Begin } else { Edge::End }, stack));
        Ok(Advance::Done)
    }

    #[inline(never)]
    pub(super) fn gc_assist<O: Observer>(&mut self, at: &mut At<'_>, observer: &mut O) -> Verdict {
        let edge = match at.kind {
            event::GC_MARK_ASSIST_ACTIVE => Edge::Active,
            event::GC_MARK_ASSIST_BEGIN => Edge::Begin,
            _ => Edge::End,
        };
        let (mut slot, mut id, mut stack) = (self.here(at).goroutine, self.here(at).goroutine_id, 0);
        match edge {
            Edge::Active => {
                [id] = at.numbers()?;
                slot = self.goroutines.find(id);
                if slot == NO_SLOT {
                    return broken("help of a goroutine that nobody knows");
                }
            }
            Edge::Begin => {
                [stack] = at.numbers()?;
                self.needs_user(at)?;
                self.check_stack(at, stack)?;
            }
            Edge::End => self.needs_user(at)?,
        }
        let initial = self.is_initial();
        let goroutine = self.goroutines.at(slot);
        match (edge, goroutine.assists) {
            (Edge::Begin, true) => return broken(TWICE),
            (Edge::Active, true) if initial => return broken(TWICE),
            (Edge::Active, false) if !initial => return broken(UNKNOWN),
            (Edge::End, false) => return broken(NEVER),
            _ => goroutine.assists = edge != Edge::End,
        }
        let phase = GcPhase::Assist { id: GoroutineId(id), slot: Slot(slot) };
        self.tell(at, observer, gc(phase, edge, stack));
        Ok(Advance::Done)
    }

    #[inline(always)]
    pub(super) fn heap<O: Observer>(&mut self, at: &mut At<'_>, observer: &mut O) -> Verdict {
        let [bytes] = at.numbers()?;
        if self.here(at).proc == NO_PLACE || at.place == NO_THREAD {
            return broken("a heap size on a thread without a proc");
        }
        let goal = at.kind == event::HEAP_GOAL;
        self.tell(at, observer, if goal { What::HeapGoal { bytes } } else { What::HeapAlloc { bytes } });
        Ok(Advance::Done)
    }
}
