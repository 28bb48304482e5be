//! One goroutine as `runtime.g` tells it.

use super::program::Program;
use super::wait_reason;
use crate::layout::Layout;
use crate::little_endian::{u8_at, u32_at, u64_at};
use std::fmt;

/// `_Gscan`: the collector looks at its stack just now (Go 1.21 to 1.27, runtime/runtime2.go).
const SCANNED: u32 = 0x1000;

/// What a goroutine does (Go 1.27, runtime/runtime2.go, `_Gidle` and below).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Status {
    /// Waits for a processor.
    Runnable,
    /// Runs Go code.
    Running,
    /// In a system call, or in C.
    Syscall,
    /// Waits for something.
    Waiting,
    /// Was stopped in the middle of its code.
    Preempted,
    /// Waits for something that will never come, as the collector has proven (since Go 1.26).
    Leaked,
    /// Its stack is being moved, or it is at something that no known release has.
    InMotion,
}

impl Status {
    /// Its word in tables and JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Runnable => "runnable",
            Self::Running => "running",
            Self::Syscall => "syscall",
            Self::Waiting => "waiting",
            Self::Preempted => "preempted",
            Self::Leaked => "leaked",
            Self::InMotion => "in motion",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What the number in `atomicstatus` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// It lives and is at something.
    Alive(Status),
    /// Not born or ended: `_Gidle`, `_Gdead`, `_Gdeadextra`; the runtime keeps such for later.
    None,
}

/// The fields that are used. Addresses are those of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Goroutine {
    pub(super) life: Life,
    pub(super) id: u64,
    pub(super) parent: u64,
    pub(super) stack_lo: u64,
    pub(super) stack_hi: u64,
    pub(super) defers: u64,
    /// Where its stack starts and what it runs: as saved when it was stopped or entered a system call.
    pub(super) sp: u64,
    pub(super) pc: u64,
    pub(super) wait_reason: u8,
    pub(super) wait_since: u64,
    pub(super) go_pc: u64,
    pub(super) start_pc: u64,
}

impl Goroutine {
    /// From the start of a `runtime.g`, as many bytes as the layout says.
    pub(super) fn read(layout: &Layout, bytes: &[u8]) -> Option<Self> {
        let g = &layout.g;
        let word = |at: u16| u64_at(bytes, at.into());
        let life = life(u32_at(bytes, g.atomic_status.into())?);
        let syscall_sp = word(g.syscall_sp)?;
        // The scheduler's copy is stale while it is in a system call (Go 1.27, runtime/proc.go, `reentersyscall`).
        let (sp, pc) = if life == Life::Alive(Status::Syscall) && syscall_sp != 0 {
            (syscall_sp, word(g.syscall_pc)?)
        } else {
            (word(g.sched_sp)?, word(g.sched_pc)?)
        };
        Some(Self {
            life,
            id: word(g.goid)?,
            parent: word(g.parent_goid)?,
            stack_lo: word(g.stack_lo)?,
            stack_hi: word(g.stack_hi)?,
            defers: word(g.defer)?,
            sp,
            pc,
            wait_reason: u8_at(bytes, g.wait_reason.into())?,
            wait_since: word(g.wait_since)?,
            go_pc: word(g.go_pc)?,
            start_pc: word(g.start_pc)?,
        })
    }

    /// The same goroutine on the same stack: records that were read stay what they are until their function ends.
    pub(super) fn same_stack(&self, later: &Self) -> bool {
        let stack = |g: &Self| (g.id, g.stack_lo, g.stack_hi);
        stack(self) == stack(later)
    }

    /// It has not run in between, so far as can be told: what its stack holds is what it held.
    pub(super) fn stood_still(&self, later: &Self) -> bool {
        // Everything is compared: a collection that noted since when it waits makes it look again.
        self == later && self.stands()
    }

    /// Neither runs nor is moved.
    pub(super) fn stands(&self) -> bool {
        !matches!(self.life, Life::Alive(Status::Running | Status::InMotion))
    }

    /// Why it waits, while it does.
    pub(super) fn why(&self, program: &Program) -> Option<&'static str> {
        match self.life {
            Life::Alive(Status::Waiting | Status::Leaked) => {
                wait_reason::name(program.code.minor, self.wait_reason)
            }
            _ => None,
        }
    }
}

fn life(status: u32) -> Life {
    match status & !SCANNED {
        0 | 6 | 11 => Life::None,
        1 => Life::Alive(Status::Runnable),
        2 => Life::Alive(Status::Running),
        3 => Life::Alive(Status::Syscall),
        4 => Life::Alive(Status::Waiting),
        9 => Life::Alive(Status::Preempted),
        10 => Life::Alive(Status::Leaked),
        // `_Gcopystack` is 8.
        _ => Life::Alive(Status::InMotion),
    }
}
