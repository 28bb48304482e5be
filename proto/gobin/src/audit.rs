//! Every defer statement of a program: its kind, function, file and line, from the machine code alone.
//!
//! | kind | in the code | which |
//! |---|---|---|
//! | stack | a call of `runtime.deferprocStack` | outside of loops, where open coding does not pay or is not allowed |
//! | heap | a call of `runtime.deferproc` | in a loop: one record more with each turn |
//! | range | a call of `runtime.deferprocat` | in the body of a `for … range f` over a function |
//! | open | a store into a slot that the function's list of open-coded defers names | the usual case |
//!
//! Which kind a statement becomes is decided by the compiler: Go 1.27, cmd/compile/internal/ssagen/ssa.go (`ODEFER`),
//! and escape/call.go (`goDeferStmt`): only a statement outside of every loop gets a record on the stack, so that
//! a record on the heap says that the statement is in a loop, or behind a label that is jumped back to.
//! Code that the linker dropped has no statements; a function that was copied into several, as instances of a
//! generic one or with an inlined caller, has one.

mod calls;
pub(crate) mod open_coded;
mod statements;

use std::collections::HashSet;
use std::fmt;

use crate::binary::Binary;
use crate::error::Error;

/// Most calls, and most open-coded statements: Caddy (81 MB) has 1,975 open-coded ones and 154 others.
const STATEMENTS_MAX: usize = 1 << 17;

pub use calls::{Callee, RuntimeCalls};
pub use statements::{Defer, Site};

/// How a defer statement keeps its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeferKind {
    /// On the heap.
    Heap,
    /// On the heap, in a list of the loop's function.
    Range,
    /// On the stack.
    Stack,
    /// As a bit and a function value in the function's frame.
    Open,
}

impl DeferKind {
    /// Its word in tables and JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Heap => "heap",
            Self::Range => "range",
            Self::Stack => "stack",
            Self::Open => "open",
        }
    }

    /// Whether statements of this kind are in a loop, so that records pile up until their function returns.
    #[must_use]
    pub fn in_loop(self) -> bool {
        matches!(self, Self::Heap | Self::Range)
    }
}

impl fmt::Display for DeferKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What an audit found.
#[derive(Clone, Debug)]
pub struct Audit<'a> {
    /// Every statement, in the order of files and lines.
    pub defers: Vec<Defer<'a>>,
    /// Where the runtime's defer functions are called.
    pub calls: RuntimeCalls,
    /// Functions whose code was not understood, each with how many statements at least are missing in `defers`: the
    /// function table says that there are some, or how many.
    pub not_placed: Vec<(&'a str, u8)>,
    by_return: Vec<(u64, usize)>,
    by_slot: Vec<((u64, u8), usize)>,
}

impl<'a> Audit<'a> {
    pub(crate) fn of(binary: &Binary<'a>) -> Result<Self, Error> {
        let calls = RuntimeCalls::scan(binary)?;
        let mut open = open_coded::find(binary)?;
        open.not_placed.extend(unexplained(binary, &calls, &open.functions)?);
        let defers = statements::group(binary, &calls, open.placed)?;
        let mut by_return = Vec::new();
        let mut by_slot = Vec::new();
        for (index, defer) in defers.iter().enumerate() {
            for site in &defer.sites {
                match *site {
                    Site::Call { pc } => by_return.push((calls.return_address(pc), index)),
                    Site::Slot { function, slot, .. } => by_slot.push(((function, slot), index)),
                }
            }
        }
        by_return.sort_unstable();
        by_slot.sort_unstable();
        Ok(Self { defers, calls, not_placed: open.not_placed, by_return, by_slot })
    }

    /// The statement that made a record whose `pc` is this address (before the process was moved).
    #[must_use]
    pub fn by_return_address(&self, address: u64) -> Option<&Defer<'a>> {
        let at = self.by_return.binary_search_by_key(&address, |(key, _)| *key).ok()?;
        self.defers.get(self.by_return.get(at)?.1)
    }

    /// The open-coded statement behind bit `slot` of the function that starts here (before the process was moved).
    #[must_use]
    pub fn by_slot(&self, function: u64, slot: u8) -> Option<&Defer<'a>> {
        let at = self.by_slot.binary_search_by_key(&(function, slot), |(key, _)| *key).ok()?;
        self.defers.get(self.by_slot.get(at)?.1)
    }
}

/// Functions that run deferred calls before they return, and in which nothing was seen that defers any.
fn unexplained<'a>(
    binary: &Binary<'a>,
    calls: &RuntimeCalls,
    open_coded: &HashSet<u64>,
) -> Result<Vec<(&'a str, u8)>, Error> {
    let deferring = calls.iter().filter(|(_, callee)| *callee != Callee::Return);
    let entries = deferring.filter_map(|(pc, _)| binary.functions().find(pc).map(|f| f.entry()));
    let calling: HashSet<u64> = entries.collect();
    let mut unexplained = Vec::new();
    for function in binary.functions().functions().filter(|f| f.defer_return().is_some()) {
        if !calling.contains(&function.entry()) && !open_coded.contains(&function.entry()) {
            unexplained.push((function.name(), 1));
        }
        if unexplained.len() > STATEMENTS_MAX {
            return Err(Error::TooMany { what: "functions that defer", max: STATEMENTS_MAX });
        }
    }
    Ok(unexplained)
}
