//! The frames of a goroutine that does not run: where it stands, and for each frame the byte that says which of its
//! open-coded defers were reached. As the runtime unwinds (Go 1.27, runtime/traceback.go, `unwinder.resolveInternal`), by the stack sizes of
//! the function table; frames are looked for on the goroutine's own stack only.

use super::functions::{Functions, MARKS_MAX, Mark};
use super::memory::{Memory, Stop};
use crate::audit::DeferKind;
use crate::elf::Machine;
use crate::little_endian::{u8_at, u64_at};

/// Deepest stack followed: Go ends a program at 1 GB of stack, which is some ten million frames.
const FRAMES_MAX: u32 = 1_000_000;
/// Innermost frames kept: enough for a server's stack with all its middleware. Of a recursion the rest is more of it.
const FRAMES_KEPT_MAX: usize = 48;
const WORD: u64 = 8;

/// How far a stack was followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// Bytes from this address on are needed to go on.
    Needs(u64),
    /// To its outermost frame.
    Whole,
    /// To a frame behind which nothing can be told.
    Stopped,
}

/// The frames that were passed, as instructions of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Stack {
    /// Where each goes on, the innermost first.
    pub(super) frames: Vec<u64>,
    /// Further ones that were not kept.
    pub(super) left_out: u32,
    /// Followed to the outermost frame.
    pub(super) is_whole: bool,
}

/// A stack on the way to its outermost frame.
#[derive(Clone, Debug)]
pub(super) struct Unwinding {
    sp: u64,
    pc: u64,
    /// The end of the stack: frames go towards it.
    hi: u64,
    bias: u64,
    frames: u32,
    stack: Stack,
    /// What open-coded defers were reached.
    pub(super) marks: Vec<(Mark, u64)>,
    /// One of them a function cannot have.
    is_odd: bool,
}

impl Unwinding {
    pub(super) fn new(sp: u64, pc: u64, hi: u64, bias: u64) -> Self {
        Self { sp, pc, hi, bias, frames: 0, stack: Stack::default(), marks: Vec::new(), is_odd: false }
    }

    /// What was passed.
    pub(super) fn stack(self) -> (Stack, Vec<(Mark, u64)>) {
        (self.stack, self.marks)
    }

    /// Goes on with bytes of the stack that start at `start`.
    pub(super) fn advance<F: Memory>(
        &mut self,
        functions: &mut Functions<F>,
        start: u64,
        bytes: &[u8],
    ) -> Result<Progress, Stop> {
        let at = |address: u64| usize::try_from(address.wrapping_sub(start)).unwrap_or(usize::MAX);
        while self.frames < FRAMES_MAX && self.marks.len() < MARKS_MAX {
            let Some(here) = functions.instruction(self.pc.wrapping_sub(self.bias))? else {
                return Ok(Progress::Stopped);
            };
            if here.is_top {
                self.stack.is_whole = !self.is_odd;
                return Ok(if self.is_odd { Progress::Stopped } else { Progress::Whole });
            }
            self.note();
            // Of the innermost frame the stack pointer is known; above, such a function may have come from anywhere.
            if here.writes_sp && self.frames > 0 {
                return Ok(Progress::Stopped);
            }
            let size = u64::from(here.stack_bytes);
            let Some(frame) =
                Frame::of(functions.machine(), self.sp, size).filter(|f| f.caller_sp <= self.hi)
            else {
                return Ok(Progress::Stopped);
            };
            let bits_at = here.open.filter(|_| size > 0).map(|open| {
                let below = u64::from(open.bits_below);
                (open, (self.sp + size).checked_sub(WORD + below).filter(|at| *at >= self.sp))
            });
            let lowest = bits_at.and_then(|(_, at)| at).unwrap_or(u64::MAX).min(frame.return_at);
            let Some(caller) = u64_at(bytes, at(frame.return_at)) else { return Ok(Progress::Needs(lowest)) };
            if let Some((open, bits_at)) = bits_at {
                let Some(bits_at) = bits_at else { return Ok(Progress::Stopped) };
                let Some(bits) = u8_at(bytes, at(bits_at)) else { return Ok(Progress::Needs(lowest)) };
                self.is_odd |= u32::from(bits) >> open.count != 0;
                for slot in (0..open.count).filter(|slot| bits >> slot & 1 == 1) {
                    self.add(Mark { kind: DeferKind::Open, pc: here.entry, slot });
                }
            }
            (self.sp, self.pc) = (frame.caller_sp, caller);
            self.frames += 1;
        }
        Ok(Progress::Stopped)
    }

    /// Keeps the frame it is at; it may be at the same one again, with more bytes.
    fn note(&mut self) {
        let kept = u32::try_from(self.stack.frames.len()).unwrap_or(u32::MAX);
        if self.frames < kept + self.stack.left_out {
            return;
        }
        if self.stack.frames.len() < FRAMES_KEPT_MAX {
            self.stack.frames.push(self.pc.wrapping_sub(self.bias));
        } else {
            self.stack.left_out += 1;
        }
    }

    fn add(&mut self, mark: Mark) {
        match self.marks.iter_mut().rev().find(|(known, _)| *known == mark) {
            Some((_, count)) => *count += 1,
            None => self.marks.push((mark, 1)),
        }
    }
}

/// Where a frame keeps what its caller is.
struct Frame {
    return_at: u64,
    caller_sp: u64,
}

impl Frame {
    /// `None` where the return address is in a register, or the stack would go beyond all addresses.
    fn of(machine: Machine, sp: u64, size: u64) -> Option<Self> {
        let end = sp.checked_add(size)?;
        match machine {
            Machine::Amd64 => Some(Self { return_at: end, caller_sp: end.checked_add(WORD)? }),
            Machine::Arm64 => (size > 0).then_some(Self { return_at: sp, caller_sp: end }),
        }
    }
}
