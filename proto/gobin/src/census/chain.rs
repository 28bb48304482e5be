//! The records of one goroutine: the list that starts at `g._defer`, and of loops over functions the lists in it.
//!
//! A record is pushed at the head only, and what is below does not change until its function ends (Go 1.27,
//! runtime/panic.go, `deferproc`, `deferprocStack`, `deferrangefunc`, `deferprocat`, `popDefer`). So a list that is
//! read while it grows is right as of when its head was read, provided that the head of later still leads to it.
//!
//! Nothing that is read is believed: a record is one only if it lies where its flag says, on this stack or not, if
//! its frame is on this stack and no deeper than the one before, and if its function has a defer statement.

use super::functions::{MARKS_MAX, Mark};
use super::goroutine::Goroutine;
use super::memory::{Memory, Stop};
use super::walk::Walker;
use crate::audit::DeferKind;
use crate::little_endian::{u8_at, u64_at};

/// Bytes taken for a record; layouts have 48 and 72.
const RECORD_BYTES_MAX: usize = 128;
/// Records between two looks at the clock: about a millisecond.
const RECORDS_BETWEEN_LOOKS: u64 = 64 << 10;
/// Times that a record which cannot be right is read again: it may be being written.
const READ_AGAIN_MAX: usize = 3;
/// What the head of a loop's list is once the list was moved (Go 1.27, runtime/panic.go, `badDefer`).
const LIST_IS_MOVED: u64 = 1;
/// `_defer.started`, a bool: a panic has called it (Go 1.21, runtime/runtime2.go; later releases have no such list).
const STARTED_1_21: usize = 0;

/// How the walk along a list ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// At the last record.
    Whole,
    /// At a limit, or when time was over.
    Limit,
    /// At something that is no record.
    Broken,
}

/// What was walked.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    /// Pending by mark, in no order.
    pub(super) marks: Vec<(Mark, u64)>,
    pub(super) records: u64,
    pub(super) end: End,
    /// Some were not in what was at hand of the stack.
    pub(super) is_beyond_near: bool,
    /// The first record that counts.
    pub(super) anchor: Option<Anchor>,
}

/// A record by which the list is known again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Anchor {
    address: u64,
    record: Record,
}

/// A record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Record {
    on_heap: u8,
    /// Not a statement: a loop with a list of its own (since Go 1.22).
    is_loop: u8,
    /// Not a statement but a function with open-coded ones, or one that runs already (Go 1.21).
    is_none: bool,
    sp: u64,
    pc: u64,
    link: u64,
    head: u64,
}

/// Bytes of the goroutine's stack that are at hand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Near<'n> {
    pub(super) start: u64,
    pub(super) bytes: &'n [u8],
}

impl<'n> Near<'n> {
    fn at(&self, address: u64, length: usize) -> Option<&'n [u8]> {
        let offset = usize::try_from(address.checked_sub(self.start)?).ok()?;
        self.bytes.get(offset..offset.checked_add(length)?)
    }
}

impl Chain {
    fn add(&mut self, mark: Mark, count: u64) {
        self.records += count;
        // The one that was added to last comes first: a pile is one mark.
        match self.marks.iter().rposition(|(known, _)| *known == mark) {
            Some(at) => {
                if let Some((_, pending)) = self.marks.get_mut(at) {
                    *pending += count;
                }
            }
            None => self.marks.push((mark, count)),
        }
    }
}

impl<M: Memory, F: Memory> Walker<'_, M, F> {
    /// Walks the list from the goroutine's head.
    pub(super) fn chain(&mut self, g: &Goroutine, near: Near<'_>) -> Result<Chain, Stop> {
        let mut chain =
            Chain { marks: Vec::new(), records: 0, end: End::Whole, is_beyond_near: false, anchor: None };
        let mut at = g.defers;
        let mut deepest = 0;
        let mut steps = Steps::new(self.limits.records_in_one);
        while at != 0 {
            if let Some(end) = self.step(&mut steps, at)? {
                chain.end = end;
                return Ok(chain);
            }
            chain.is_beyond_near |= near.at(at, self.program.layout.defer.bytes.into()).is_none();
            let Some(record) = self.checked(g, at, deepest, near)? else {
                chain.end = End::Broken;
                return Ok(chain);
            };
            deepest = record.sp.max(deepest);
            if !record.is_none {
                if chain.marks.len() >= MARKS_MAX {
                    chain.end = End::Limit;
                    return Ok(chain);
                }
                if chain.anchor.is_none() {
                    chain.anchor = Some(Anchor { address: at, record });
                }
                if record.is_loop == 1 {
                    let end = self.list_of_loop(&record, &mut steps, &mut chain)?;
                    if end != End::Whole {
                        chain.end = end;
                        return Ok(chain);
                    }
                } else {
                    let kind = if record.on_heap == 1 { DeferKind::Heap } else { DeferKind::Stack };
                    chain.add(self.mark(kind, record.pc), 1);
                }
            }
            at = record.link;
        }
        Ok(chain)
    }

    /// Whether a list that starts at `head` now still holds what was walked.
    pub(super) fn still_leads_to(
        &mut self,
        g: &Goroutine,
        head: u64,
        anchor: Option<Anchor>,
    ) -> Result<bool, Stop> {
        // Nothing was pending: that is right as of when the head was read.
        let Some(anchor) = anchor else { return Ok(true) };
        self.blocks.forget();
        let mut at = head;
        let mut steps = Steps::new(self.limits.records_in_one);
        while at != 0 {
            if at == anchor.address {
                let near = Near { start: g.stack_lo, bytes: &[] };
                // A record that was used anew since would have another link or frame.
                return Ok(self.record(at, near, true)? == Some(anchor.record));
            }
            if self.step(&mut steps, at)?.is_some() {
                return Ok(false);
            }
            let Some(record) = self.record(at, Near { start: g.stack_lo, bytes: &[] }, false)? else {
                return Ok(false);
            };
            at = record.link;
        }
        Ok(false)
    }

    fn list_of_loop(&mut self, around: &Record, steps: &mut Steps, chain: &mut Chain) -> Result<End, Stop> {
        let mut head = [0; 8];
        if around.head == 0 || !self.memory.read(around.head, &mut head)? {
            return Ok(End::Broken);
        }
        let mut at = u64::from_le_bytes(head);
        let mark = self.mark(DeferKind::Range, around.pc);
        let mut count = 0;
        let end = loop {
            match at {
                0 => break End::Whole,
                LIST_IS_MOVED => break End::Broken,
                _ => {}
            }
            if let Some(end) = self.step(steps, at)? {
                break end;
            }
            let record = self.record(at, Near { start: 0, bytes: &[] }, false)?;
            let Some(record) = record.filter(|r| r.on_heap == 1 && r.is_loop == 0) else { break End::Broken };
            count += 1;
            at = record.link;
        };
        if count > 0 {
            chain.add(mark, count);
        }
        Ok(end)
    }

    fn mark(&self, kind: DeferKind, pc: u64) -> Mark {
        Mark { kind, pc: pc.wrapping_sub(self.bias), slot: 0 }
    }

    /// One record further: whether the walk has to end here.
    fn step(&mut self, steps: &mut Steps, at: u64) -> Result<Option<End>, Stop> {
        if steps.taken == steps.max {
            return Ok(Some(End::Limit));
        }
        if steps.comes_again(at) {
            return Ok(Some(End::Broken));
        }
        if steps.taken.is_multiple_of(RECORDS_BETWEEN_LOOKS) && self.out_of_time()? {
            return Ok(Some(End::Limit));
        }
        Ok(None)
    }

    /// A record that can be right. The newest one may be half written: then its statement has not been passed yet,
    /// and it is none.
    fn checked(
        &mut self,
        g: &Goroutine,
        at: u64,
        deepest: u64,
        near: Near<'_>,
    ) -> Result<Option<Record>, Stop> {
        let mut found = self.record(at, near, false)?;
        for _ in 0..READ_AGAIN_MAX {
            match found {
                Some(record) if self.is_right(g, at, deepest, &record)? => return Ok(Some(record)),
                _ => found = self.record(at, Near { start: 0, bytes: &[] }, true)?,
            }
        }
        let half_written = |r: &Record| at == g.defers && (r.pc == 0 || r.sp == 0);
        Ok(found.filter(half_written).map(|record| Record { is_none: true, ..record }))
    }

    fn is_right(&mut self, g: &Goroutine, at: u64, deepest: u64, record: &Record) -> Result<bool, Stop> {
        let stack = g.stack_lo..g.stack_hi;
        let is_placed = match record.on_heap {
            0 => stack.contains(&at),
            1 => !stack.contains(&at),
            _ => false,
        };
        if !is_placed || record.is_loop > 1 || !stack.contains(&record.sp) || record.sp < deepest {
            return Ok(false);
        }
        if self.last_with_defers == Some(record.pc) {
            return Ok(true);
        }
        let instruction = self.functions.instruction(record.pc.wrapping_sub(self.bias))?;
        let has_defers = instruction.is_some_and(|i| i.has_defers);
        if has_defers {
            self.last_with_defers = Some(record.pc);
        }
        Ok(has_defers)
    }

    /// A record as it stands there; `anew` from memory itself.
    fn record(&mut self, at: u64, near: Near<'_>, anew: bool) -> Result<Option<Record>, Stop> {
        let layout = self.program.layout.defer;
        let mut bytes = [0; RECORD_BYTES_MAX];
        let Some(bytes) = bytes.get_mut(..layout.bytes.into()) else { return Ok(None) };
        let is_read = match near.at(at, bytes.len()) {
            Some(known) => {
                bytes.copy_from_slice(known);
                true
            }
            None if anew => self.memory.read(at, bytes)?,
            None => self.blocks.read(self.memory, at, bytes)?,
        };
        let flag = |offset: Option<u16>| offset.and_then(|o| u8_at(bytes, o.into())).unwrap_or(0);
        let word = |offset: u16| u64_at(bytes, offset.into()).unwrap_or_default();
        let runs = layout.open_defer.is_some() && u8_at(bytes, STARTED_1_21) == Some(1);
        Ok(is_read.then(|| Record {
            on_heap: flag(Some(layout.heap)),
            is_loop: flag(layout.range_func),
            is_none: flag(layout.open_defer) == 1 || runs,
            sp: word(layout.sp),
            pc: word(layout.pc),
            link: word(layout.link),
            head: layout.head.map(word).unwrap_or_default(),
        }))
    }
}

/// Steps along lists of one goroutine, which hostile memory may bend into a circle.
struct Steps {
    taken: u64,
    max: u64,
    /// An address passed, and the step at which it is exchanged for a later one (Brent's way to find a circle).
    waymark: u64,
    next_waymark: u64,
}

impl Steps {
    fn new(max: u64) -> Self {
        Self { taken: 0, max, waymark: 0, next_waymark: 1 }
    }

    fn comes_again(&mut self, at: u64) -> bool {
        self.taken += 1;
        let again = at == self.waymark;
        if self.taken == self.next_waymark {
            self.waymark = at;
            self.next_waymark *= 2;
        }
        again
    }
}
