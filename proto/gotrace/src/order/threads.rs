//! Threads by id, and what each has in hand. The first one is none: events of it belong to no thread.

use std::collections::HashMap;

use super::goroutines::NO_SLOT;
use super::procs::NO_PLACE;
use crate::wire;

/// The place of events that belong to no thread.
pub(crate) const NO_THREAD: u32 = 0;

/// A thread, and the proc and the goroutine it has in hand: each by its place and by its id.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Thread {
    pub(crate) id: u64,
    pub(crate) proc_id: u64,
    pub(crate) goroutine_id: u64,
    pub(crate) proc: u32,
    pub(crate) goroutine: u32,
    /// One of its events was tried, or another thread's told what it is at.
    pub(crate) seen: bool,
}

impl Thread {
    fn new(id: u64) -> Self {
        Self {
            id,
            proc_id: wire::NONE,
            goroutine_id: wire::NONE,
            proc: NO_PLACE,
            goroutine: NO_SLOT,
            seen: false,
        }
    }

    #[inline(always)]
    pub(crate) fn take_goroutine(&mut self, slot: u32, id: u64) {
        (self.goroutine, self.goroutine_id) = (slot, id);
    }

    #[inline(always)]
    pub(crate) fn leave_goroutine(&mut self) {
        (self.goroutine, self.goroutine_id) = (NO_SLOT, wire::NONE);
    }

    #[inline(always)]
    pub(crate) fn take_proc(&mut self, place: u32, id: u64) {
        (self.proc, self.proc_id) = (place, id);
    }

    #[inline(always)]
    pub(crate) fn leave_proc(&mut self) {
        (self.proc, self.proc_id) = (NO_PLACE, wire::NONE);
    }
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Threads {
    all: Vec<Thread>,
    by_id: HashMap<u64, u32>,
}

impl Threads {
    pub(crate) fn new() -> Self {
        Self { all: vec![Thread::new(wire::NONE)], by_id: HashMap::from([(wire::NONE, NO_THREAD)]) }
    }

    /// The place of an id, if it has one.
    pub(crate) fn find(&self, id: u64) -> Option<u32> {
        self.by_id.get(&id).copied()
    }

    /// The place of an id, which gets one.
    pub(crate) fn place(&mut self, id: u64) -> u32 {
        let new = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        let place = *self.by_id.entry(id).or_insert(new);
        if place == new {
            self.all.push(Thread::new(id));
        }
        place
    }

    /// The thread at a place, to be looked at.
    #[expect(
        clippy::indexing_slicing,
        reason = "places come from `find` and `place` alone; threads never go away"
    )]
    #[inline(always)]
    pub(crate) fn get(&self, place: u32) -> &Thread {
        &self.all[place as usize]
    }

    /// The thread at a place.
    #[expect(
        clippy::indexing_slicing,
        reason = "places come from `find` and `place` alone; threads never go away"
    )]
    #[inline(always)]
    pub(crate) fn at(&mut self, place: u32) -> &mut Thread {
        &mut self.all[place as usize]
    }

    /// The thread that has a proc in hand. Slow, for what is rare.
    pub(crate) fn with_proc(&self, proc: u32) -> Option<Thread> {
        self.all.iter().skip(1).find(|thread| thread.proc == proc).copied()
    }

    /// Events that belong to no thread leave nothing in hand.
    #[inline(always)]
    pub(crate) fn leave_none(&mut self) {
        let none = self.at(NO_THREAD);
        none.leave_goroutine();
        none.leave_proc();
    }
}
