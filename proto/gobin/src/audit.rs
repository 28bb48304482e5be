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

use std::fmt;

use crate::binary::Binary;
use crate::error::Error;

/// Most calls, and most open-coded statements: cmd/go has 1,500 and 600, and is a sixteenth of the largest programs.
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
    /// Functions with open-coded defers whose code was not understood, each with how many statements; they are
    /// missing in `defers`.
    pub not_placed: Vec<(&'a str, u8)>,
    by_return: Vec<(u64, usize)>,
    by_slot: Vec<((u64, u8), usize)>,
}

impl<'a> Audit<'a> {
    pub(crate) fn of(binary: &Binary<'a>) -> Result<Self, Error> {
        let calls = RuntimeCalls::scan(binary)?;
        let open = open_coded::find(binary)?;
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
