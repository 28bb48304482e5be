//! Offsets in the runtime's structures, as a walk over a process' memory needs them: from the program's own debug
//! information, else from a table by the release of Go.
//!
//! Neither is guessed: a release that is in no table is refused.

mod dwarf;
mod table;

use std::fmt;

use crate::elf::Elf;
use crate::go_version::GoVersion;

/// All offsets, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// What says so.
    pub source: LayoutSource,
    /// `runtime.g`.
    pub g: GLayout,
    /// `runtime._defer`.
    pub defer: DeferLayout,
    /// `runtime._panic`.
    pub panic: PanicLayout,
    /// `runtime.m`.
    pub m: MLayout,
}

/// What a layout rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LayoutSource {
    /// The program's own debug information.
    Dwarf,
    /// What is known of the release.
    Table {
        /// Why the debug information was not used.
        because: NoDwarf,
    },
}

/// Why there is no debug information to go by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoDwarf {
    /// It was stripped, or never written.
    Absent,
    /// It takes more bytes, or more steps, than are spent on it.
    TooLarge,
    /// It cannot be read.
    Damaged(String),
    /// It does not tell this.
    Lacks(&'static str),
}

impl fmt::Display for NoDwarf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("no debug information"),
            Self::TooLarge => f.write_str("more debug information than is read"),
            Self::Damaged(reason) => write!(f, "damaged debug information: {reason}"),
            Self::Lacks(what) => write!(f, "debug information without {what}"),
        }
    }
}

/// `runtime.g`, a goroutine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GLayout {
    /// Bytes from its start that hold all that is named here.
    pub bytes: u16,
    /// `stack.lo`, 8 bytes.
    pub stack_lo: u16,
    /// `stack.hi`, 8 bytes.
    pub stack_hi: u16,
    /// `_panic`, a pointer.
    pub panic: u16,
    /// `_defer`, a pointer.
    pub defer: u16,
    /// `m`, a pointer.
    pub m: u16,
    /// `sched.sp`, 8 bytes.
    pub sched_sp: u16,
    /// `sched.pc`, 8 bytes.
    pub sched_pc: u16,
    /// `syscallsp`, 8 bytes.
    pub syscall_sp: u16,
    /// `syscallpc`, 8 bytes.
    pub syscall_pc: u16,
    /// `atomicstatus`, 4 bytes.
    pub atomic_status: u16,
    /// `goid`, 8 bytes.
    pub goid: u16,
    /// `waitsince`, 8 bytes.
    pub wait_since: u16,
    /// `waitreason`, 1 byte.
    pub wait_reason: u16,
    /// `parentGoid`, 8 bytes.
    pub parent_goid: u16,
    /// `gopc`, 8 bytes.
    pub go_pc: u16,
    /// `startpc`, 8 bytes.
    pub start_pc: u16,
}

/// `runtime._defer`, a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeferLayout {
    /// Bytes of a record.
    pub bytes: u16,
    /// `heap`, a bool.
    pub heap: u16,
    /// `openDefer`, a bool: not a statement but a function with open-coded ones (Go 1.21 only).
    pub open_defer: Option<u16>,
    /// `rangefunc`, a bool: a list of records at `head` (since Go 1.22).
    pub range_func: Option<u16>,
    /// `sp`, 8 bytes.
    pub sp: u16,
    /// `pc`, 8 bytes.
    pub pc: u16,
    /// `fn`, a pointer.
    pub function: u16,
    /// `link`, a pointer.
    pub link: u16,
    /// `head`, a pointer (since Go 1.22).
    pub head: Option<u16>,
}

/// `runtime._panic`, a panic or a `Goexit` that runs deferred calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PanicLayout {
    /// Bytes of it.
    pub bytes: u16,
    /// `link`, a pointer.
    pub link: u16,
    /// `goexit`, a bool.
    pub goexit: u16,
    /// `deferBitsPtr`, a pointer to the bits of the frame whose open-coded defers run now (since Go 1.22).
    pub defer_bits: Option<u16>,
}

/// `runtime.m`, a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MLayout {
    /// `procid`, 8 bytes: the thread's id.
    pub thread_id: u16,
    /// `curg`, a pointer to the goroutine that runs.
    pub current_g: u16,
}

impl Layout {
    /// From the debug information if it tells all of it, else from the table; `None` where the release is not known
    /// either, which [`crate::Binary::read`] refuses.
    pub(crate) fn of(elf: &Elf<'_>, version: &GoVersion) -> Option<Self> {
        dwarf::layout(elf).map_or_else(|because| table::of(version, because), Some)
    }
}
