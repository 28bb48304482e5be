//! What was found of one goroutine, and how far it holds.

use super::functions::Mark;
use super::goroutine::{Goroutine, Life, Status};
use super::program::Program;
use super::stack::Stack;

/// How far the number of records (heap, stack, range) holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Records {
    /// Exactly as of when the goroutine was first looked at.
    Exact,
    /// At least so many: the walk came to a limit, or the goroutine returned from functions meanwhile.
    LowerBound,
    /// The list changed under each attempt; what was walked of it is told, and is neither a number nor zero.
    Unstable,
}

/// How far the number of open-coded defers holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OpenCoded {
    /// Exactly.
    Exact,
    /// At least so many: some of its frames could not be told.
    LowerBound,
    /// It runs or never stood still: its frames change while they are read.
    Unreadable,
}

impl Records {
    /// Its word in tables and JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::LowerBound => "lower bound",
            Self::Unstable => "unstable",
        }
    }
}

impl OpenCoded {
    /// Its word in tables and JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::LowerBound => "lower bound",
            Self::Unreadable => "unreadable",
        }
    }
}

/// Reasons to wait that never end.
const FOR_EVER: [&str; 3] = ["chan receive (nil chan)", "chan send (nil chan)", "select (no cases)"];

/// A goroutine that lives. Instructions are told as addresses of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walked {
    /// `goid`.
    pub id: u64,
    /// `goid` of the one that made it; 0 for those the runtime made.
    pub parent_id: u64,
    /// What it does.
    pub status: Status,
    /// Why it waits, while it does.
    pub wait_reason: Option<&'static str>,
    /// Since when it waits, on the process's monotonic clock in nanoseconds: noted by the garbage collector, so
    /// later than true, and 0 until it did.
    pub wait_since_ns: u64,
    /// Its stack pointer. With [`Self::id`], [`Self::pc`] and [`Self::wait_since_ns`] the same and not zero in two
    /// censuses it has not run in between.
    pub sp: u64,
    /// Where it stopped.
    pub pc: u64,
    /// The `go` statement that made it (the return address of its call).
    pub go_pc: u64,
    /// The function it began with.
    pub start_pc: u64,
    /// How far its records hold.
    pub records: Records,
    /// How far its open-coded defers hold.
    pub open_coded: OpenCoded,
    pub(super) marks: Vec<(Mark, u64)>,
    /// Its frames, none where it runs.
    pub(super) stack: Stack,
}

impl Walked {
    pub(super) fn new(
        g: &Goroutine,
        program: &Program,
        bias: u64,
        records: Records,
        open_coded: OpenCoded,
        marks: Vec<(Mark, u64)>,
        stack: Stack,
    ) -> Self {
        let status = match g.life {
            Life::Alive(status) => status,
            Life::None => Status::InMotion,
        };
        Self {
            id: g.id,
            parent_id: g.parent,
            status,
            wait_reason: g.why(program),
            wait_since_ns: g.wait_since,
            sp: g.sp,
            pc: g.pc.wrapping_sub(bias),
            go_pc: g.go_pc.wrapping_sub(bias),
            start_pc: g.start_pc.wrapping_sub(bias),
            records,
            open_coded,
            marks,
            stack,
        }
    }

    /// It waits for what cannot come, so that nothing of what it defers will ever run: a nil channel, a `select` without
    /// cases (Go 1.21 to 1.27, runtime/chan.go and runtime/select.go, `block`: nobody knows of it to wake it), or the
    /// collector has proven that nobody can reach what it waits for.
    #[must_use]
    pub fn never_runs_on(&self) -> bool {
        self.status == Status::Leaked || self.wait_reason.is_some_and(|why| FOR_EVER.contains(&why))
    }

    /// Defers of all kinds that were found pending.
    #[must_use]
    pub fn pending(&self) -> u64 {
        self.marks.iter().map(|(_, count)| *count).sum()
    }
}
