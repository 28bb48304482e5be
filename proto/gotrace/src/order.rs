//! Puts the events of all threads into one order that can have been.
//!
//! Each thread's events are in order already. Of the threads' next events the earliest is tried first; the rules
//! ([`state`] and the files of rules beside it) say whether it may come now. If not, the others are tried by time. So
//! clocks only choose among possible orders: what must come before what is said by sequence numbers.
//!
//! Go 1.27, `internal/trace/reader.go` and `order.go`. An event is decoded once, from its bytes, when its turn comes.

mod annotation_rules;
mod cursor;
mod fault;
mod frontier;
mod goroutine_rules;
mod goroutines;
mod proc_rules;
mod procs;
mod range_rules;
pub(crate) mod regions;
pub(crate) mod state;
mod threads;

use cursor::{Cursor, Feed};
use fault::{Advance, Fault, Verdict, broken};
use frontier::{Frontier, Next};
use state::{At, State};
use threads::NO_THREAD;

use crate::error::Error;
use crate::event::{Event, GoroutineId, ProcId, Slot, StackRef, ThreadId, Ticks, What};
use crate::generation::Generation;
use crate::limits::Limits;
use crate::observer::{GenerationStart, Observer, Scene};
use crate::samples::Sample;
use crate::source::Source;
use crate::tables::Tables;
use crate::wire::event;

/// The order, generation after generation.
#[derive(Debug)]
pub(crate) struct Order {
    state: State,
    frontier: Frontier,
    cursors: Vec<Cursor>,
    /// What of each cursor's batch is in memory.
    windows: Vec<Vec<u8>>,
    pub(crate) events: u64,
    /// How often the earliest event had to wait for another.
    pub(crate) fallbacks: u64,
    /// Threads looked at for that.
    tries: u64,
}

impl Order {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            state: State::new(limits),
            frontier: Frontier::default(),
            cursors: Vec::new(),
            windows: Vec::new(),
            events: 0,
            fallbacks: 0,
            tries: 0,
        }
    }

    /// What was missing in the last generation, which was cut: numbers of strings and stacks that mean nothing, and ends
    /// of events.
    pub(crate) fn unresolved(&self) -> u64 {
        self.state.unresolved
    }

    /// Delivers the events of a generation. In a cut one a thread whose bytes end within an event just ends; whatever
    /// else is wrong ends the order.
    pub(crate) fn run<S: Source, O: Observer>(
        &mut self,
        generation: &Generation,
        source: &S,
        observer: &mut O,
    ) -> Result<(), Error> {
        self.state.start_generation();
        let start = GenerationStart {
            number: generation.number,
            start: Ticks(generation.start),
            snapshot: generation.sync.snapshot,
            may_be_cut: generation.tables.lenient,
        };
        observer.generation(&start, &Scene { tables: &generation.tables, names: &self.state.names });
        let feed = Feed { source, batches: &generation.batches };
        let result = self.start(generation, &feed).and_then(|()| self.merge(generation, &feed, observer));
        result.map_err(|(fault, offset)| located(fault, generation.number, offset))
    }

    /// Puts each thread's first event on the frontier.
    fn start<S: Source>(&mut self, generation: &Generation, feed: &Feed<'_, S>) -> Result<(), (Fault, u64)> {
        self.frontier.clear();
        self.cursors.clear();
        self.windows.resize_with(generation.streams.len().max(self.windows.len()), Vec::new);
        for (stream, window) in generation.streams.iter().zip(&mut self.windows) {
            let thread = self.state.thread_place(stream.thread).map_err(|fault| (fault, 0))?;
            let mut cursor = Cursor::new(stream, thread);
            let more = match cursor.step(window, feed) {
                Err(Fault::BeyondBatch) if generation.tables.lenient => {
                    self.state.unresolved += 1;
                    false
                }
                stepped => stepped.map_err(|fault| (fault, cursor.offset()))?,
            };
            if more {
                let place = u32::try_from(self.cursors.len()).unwrap_or(u32::MAX);
                self.frontier.insert(Next { time: cursor.time, cursor: place });
            }
            self.cursors.push(cursor);
        }
        Ok(())
    }

    fn merge<S: Source, O: Observer>(
        &mut self,
        generation: &Generation,
        feed: &Feed<'_, S>,
        observer: &mut O,
    ) -> Result<(), (Fault, u64)> {
        let tables = &generation.tables;
        let mut samples = generation.samples.as_slice();
        while let Some(first) = self.frontier.get(0) {
            let mut limit = self.frontier.limit();
            if let Some((sample, rest)) = samples.split_first() {
                if sample.time < first.time {
                    self.sample(sample, tables, observer).map_err(|fault| (fault, 0))?;
                    samples = rest;
                    continue;
                }
                limit = limit.min(sample.time);
            }
            let turn = Turn { place: 0, next: first, until: limit };
            if !self.take_turn(&turn, tables, feed, observer)? {
                self.fall_back(tables, feed, observer)?;
            }
        }
        for sample in samples {
            self.sample(sample, tables, observer).map_err(|fault| (fault, 0))?;
        }
        Ok(())
    }

    /// The earliest event must wait: the others by time, one event of the first that may come.
    #[cold]
    #[inline(never)]
    fn fall_back<S: Source, O: Observer>(
        &mut self,
        tables: &Tables,
        feed: &Feed<'_, S>,
        observer: &mut O,
    ) -> Result<(), (Fault, u64)> {
        self.fallbacks += 1;
        self.tries = self.tries.saturating_add(self.frontier.len() as u64);
        let most = self.state.limits.tries_max;
        if self.tries > most {
            return Err((Fault::Limit { limit: "tries_max", max: most }, 0));
        }
        self.frontier.sort();
        let mut place = 1;
        while let Some(next) = self.frontier.get(place) {
            if self.take_turn(&Turn { place, next, until: 0 }, tables, feed, observer)? {
                return Ok(());
            }
            place += 1;
        }
        let stuck = self.frontier.get(0).and_then(|next| self.cursors.get(next.cursor as usize));
        broken("no thread's next event may come").map_err(|fault| (fault, stuck.map_or(0, Cursor::offset)))
    }

    /// Events of one thread, as long as they may come and are not later than others. False when not even one may; a
    /// thread whose bytes end within its first one is out of the way.
    #[inline(always)]
    fn take_turn<S: Source, O: Observer>(
        &mut self,
        turn: &Turn,
        tables: &Tables,
        feed: &Feed<'_, S>,
        observer: &mut O,
    ) -> Result<bool, (Fault, u64)> {
        let index = turn.next.cursor as usize;
        let (Some(cursor), Some(window)) = (self.cursors.get_mut(index), self.windows.get_mut(index)) else {
            return Ok(false);
        };
        let now = cursor;
        self.state.threads.at(now.thread).seen = true;
        let mut taken = 0;
        let more = loop {
            let mut at = At {
                time: now.time,
                kind: now.kind,
                place: now.thread,
                window,
                at: now.at,
                end: now.end,
                tables,
            };
            match advance(&mut self.state, &mut at, observer) {
                Ok(Advance::Done) => {}
                Ok(Advance::NotYet) => break true,
                Err(Fault::BeyondBatch) if tables.lenient => {
                    self.state.unresolved += 1;
                    break false;
                }
                Err(fault) => return Err((fault, now.offset())),
            }
            taken += 1;
            now.at = at.at;
            if now.thread == NO_THREAD {
                self.state.threads.leave_none();
            }
            match now.step(window, feed) {
                Ok(true) => {}
                Ok(false) => break false,
                Err(Fault::BeyondBatch) if tables.lenient => {
                    self.state.unresolved += 1;
                    break false;
                }
                Err(fault) => return Err((fault, now.offset())),
            }
            if now.time > turn.until || turn.place != 0 {
                break true;
            }
        };
        self.events += taken;
        if !more {
            self.frontier.remove(turn.place);
        } else if taken > 0 {
            self.frontier.update(turn.place, now.time);
        }
        Ok(taken > 0 || !more)
    }

    fn sample<O: Observer>(
        &mut self,
        sample: &Sample,
        tables: &Tables,
        observer: &mut O,
    ) -> Result<(), Fault> {
        if !tables.has_stack(sample.stack) {
            if !tables.lenient {
                return broken("a stack that is not there");
            }
            self.state.unresolved += 1;
        }
        let event = Event {
            time: Ticks(sample.time),
            thread: ThreadId(sample.thread),
            proc: ProcId(sample.proc),
            goroutine: GoroutineId(sample.goroutine),
            slot: Slot(self.state.goroutines.find(sample.goroutine)),
            what: What::CpuSample { stack: StackRef(sample.stack) },
        };
        self.events += 1;
        observer.event(&event, &Scene { tables, names: &self.state.names });
        Ok(())
    }
}

/// A thread's turn: its place on the frontier, and until when it lasts.
struct Turn {
    place: usize,
    next: Next,
    until: u64,
}

/// Asks the rule for the event.
#[inline(always)]
fn advance<O: Observer>(state: &mut State, at: &mut At<'_>, observer: &mut O) -> Verdict {
    match at.kind {
        event::GO_START => state.go_start(at, observer),
        event::GO_BLOCK => state.go_block(at, observer),
        event::GO_UNBLOCK => state.go_unblock(at, observer),
        event::GO_STOP => state.go_stop(at, observer),
        event::GO_DESTROY => state.go_destroy(at, observer),
        event::GO_CREATE => state.go_create(at, observer),
        event::GO_SYSCALL_BEGIN => state.go_syscall_begin(at, observer),
        event::GO_SYSCALL_END => state.go_syscall_end(at, observer),
        event::GO_SYSCALL_END_BLOCKED => state.go_syscall_end_blocked(at, observer),
        event::PROC_START => state.proc_start(at, observer),
        event::PROC_STOP => state.proc_stop(at, observer),
        event::PROC_STEAL => state.proc_steal(at, observer),
        event::HEAP_ALLOC | event::HEAP_GOAL => state.heap(at, observer),
        // Copies, so that the original can stay in registers.
        event::GO_STATUS | event::GO_STATUS_STACK => {
            let mut apart = *at;
            let verdict = state.go_status(&mut apart, observer);
            at.at = apart.at;
            verdict
        }
        _ => {
            let mut apart = *at;
            let verdict = advance_rare(state, &mut apart, observer);
            at.at = apart.at;
            verdict
        }
    }
}

#[inline(never)]
fn advance_rare<O: Observer>(state: &mut State, at: &mut At<'_>, observer: &mut O) -> Verdict {
    if at.kind >= event::GO_SWITCH && !at.tables.version().has_experiments() {
        return broken("an event of a later version");
    }
    match at.kind {
        event::GO_STATUS | event::GO_STATUS_STACK => state.go_status(at, observer),
        event::PROC_STATUS => state.proc_status(at, observer),
        event::PROCS_CHANGE => state.procs_change(at, observer),
        event::GO_CREATE_BLOCKED => state.go_create(at, observer),
        event::GO_CREATE_SYSCALL => state.go_create_syscall(at, observer),
        event::GO_DESTROY_SYSCALL => state.go_destroy_syscall(at, observer),
        event::GO_SWITCH | event::GO_SWITCH_DESTROY => state.go_switch(at, observer),
        event::STW_BEGIN => state.stw_begin(at, observer),
        event::STW_END => state.stw_end(at, observer),
        event::GC_ACTIVE | event::GC_BEGIN | event::GC_END => state.gc_mark(at, observer),
        event::GC_SWEEP_ACTIVE | event::GC_SWEEP_BEGIN | event::GC_SWEEP_END => state.gc_sweep(at, observer),
        event::GC_MARK_ASSIST_ACTIVE | event::GC_MARK_ASSIST_BEGIN | event::GC_MARK_ASSIST_END => {
            state.gc_assist(at, observer)
        }
        event::GO_LABEL => state.label(at, observer),
        event::USER_TASK_BEGIN => state.task_begin(at, observer),
        event::USER_TASK_END => state.task_end(at, observer),
        event::USER_REGION_BEGIN => state.region_begin(at, observer),
        event::USER_REGION_END => state.region_end(at, observer),
        event::USER_LOG => state.log(at, observer),
        event::SPAN..=event::GOROUTINE_STACK_FREE => state.experimental(at, observer),
        _ => broken("an event of no known kind"),
    }
}

fn located(fault: Fault, generation: u64, offset: u64) -> Error {
    match fault {
        Fault::BeyondBatch => {
            Error::Events { generation, offset, reason: "an event that goes on beyond its batch" }
        }
        Fault::Broken(reason) => Error::Events { generation, offset, reason },
        Fault::Read(reason) => Error::Read { offset, reason },
        Fault::Limit { limit, max } => Error::Limit { limit, max },
    }
}
