//! Frames as people read them: a frame of the stack is one function's code, into which others may have been inlined. As
//! the runtime tells them (Go 1.27, runtime/symtabinl.go, `inlineUnwinder`).

use super::super::memory::{Memory, Stop};
use super::{Function, Functions, Place, RECORD_BYTES};
use crate::little_endian::u32_at;
use std::sync::Arc;

/// Functions inlined into each other at one instruction; the compiler's budget leaves room for a dozen.
const INLINED_MAX: usize = 64;
/// Frames kept: a service of 100,000 goroutines stands at some hundred.
const FRAMES_MAX: usize = 4 << 10;
/// Numbers of tables, as in `pclntab/function.rs`.
const PCDATA_INLINE_TREE: u32 = 2;
const FUNCDATA_INLINE_TREE: u8 = 3;
const ENTRY_BYTES: u64 = 16;

/// One frame of a stack: the functions that were inlined at its instruction, the innermost first, and the one whose code
/// it is. Shared by all stacks that go through it.
pub type Frame = Arc<[Place]>;

/// A function that was inlined.
pub(super) struct Inlined {
    pub(super) name: u32,
    pub(super) start_line: u32,
    /// Where in the code it was inlined into, in bytes from its function's start, stands what its call became.
    called_at: u32,
}

impl<F: Memory> Functions<F> {
    /// The functions at a frame's instruction: a return address, or of a goroutine that has not begun yet the first
    /// instruction of its function.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub(in crate::census) fn frame(&mut self, pc: u64) -> Result<Frame, Stop> {
        if let Some(known) = self.frames.get(&pc) {
            return Ok(known.clone());
        }
        let has_begun = self.instruction(pc)?.is_none_or(|i| i.entry != pc);
        // The byte before a return address belongs to the call.
        let frame: Frame = self.places(if has_begun { pc.wrapping_sub(1) } else { pc })?.into();
        if self.frames.len() >= FRAMES_MAX {
            self.frames.clear();
        }
        self.frames.insert(pc, frame.clone());
        Ok(frame)
    }

    fn places(&mut self, pc: u64) -> Result<Vec<Place>, Stop> {
        let Some(function) = self.find(pc)? else { return Ok(vec![Place::unknown()]) };
        let (mut places, mut at) = (Vec::new(), pc);
        while places.len() < INLINED_MAX {
            let inlined = self.inlined(&function, at)?;
            places.push(self.place_in(&function, at, inlined.as_ref())?);
            let Some(inlined) = inlined else { break };
            at = function.entry.saturating_add(inlined.called_at.into());
        }
        Ok(places)
    }

    /// The innermost function that was inlined at an instruction.
    pub(super) fn inlined(&mut self, function: &Function, pc: u64) -> Result<Option<Inlined>, Stop> {
        let at = RECORD_BYTES + 4 * usize::try_from(PCDATA_INLINE_TREE).unwrap_or_default();
        if PCDATA_INLINE_TREE >= function.number(28) {
            return Ok(None);
        }
        let Some(tree) = self.function_data(function, FUNCDATA_INLINE_TREE) else { return Ok(None) };
        let index = self.value(u32_at(&function.record, at).unwrap_or_default(), function, pc)?;
        let Some(index) = index.and_then(|index| u64::try_from(index).ok()) else { return Ok(None) };
        let Some(entry) = self.bytes::<16>(tree.saturating_add(index * ENTRY_BYTES))? else {
            return Ok(None);
        };
        let number = |at| u32_at(&entry, at).unwrap_or_default();
        Ok(Some(Inlined { name: number(4), called_at: number(8), start_line: number(12) }))
    }
}
