//! Which functions an instruction belongs to when some were inlined: Go 1.27, runtime/symtabinl.go, `inlinedCall`
//! and `inlineUnwinder`.

use super::Function;
use crate::little_endian::u32_at;

/// Bytes of an entry of the tree; the name is at 4, the call's place in the parent at 8, the first line at 12.
const ENTRY_BYTES: usize = 16;
/// Deepest inlining followed: the compiler stops far below, and a damaged tree may go in circles.
const DEPTH_MAX: usize = 64;

/// One function at an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Its name, as it stands in the symbol table.
    pub function: &'a str,
    /// Its source file.
    pub file: &'a str,
    /// The line in it.
    pub line: u32,
    /// The line of its `func`.
    pub start_line: u32,
}

/// The functions at one instruction, the innermost first: the last one is the one that was compiled, those before
/// were inlined into it.
#[derive(Debug)]
pub struct Frames<'a> {
    function: Function<'a>,
    pc: Option<u64>,
    left: usize,
}

impl<'a> Frames<'a> {
    pub(super) fn new(function: Function<'a>, pc: u64) -> Self {
        Self { function, pc: Some(pc), left: DEPTH_MAX }
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Frame<'a>;

    fn next(&mut self) -> Option<Frame<'a>> {
        let pc = self.pc.take()?;
        self.left = self.left.checked_sub(1)?;
        let function = self.function;
        let (file, line) = function.line(pc)?;
        let inlined = function.inlined_at(pc).and_then(|index| {
            let tree = function.inline_tree()?;
            let entry = tree.get(index.checked_mul(ENTRY_BYTES)?..)?;
            let parent = function.entry().checked_add(u32_at(entry, 8)?.into())?;
            Some((function.table().name(u32_at(entry, 4)?)?, u32_at(entry, 12)?, parent))
        });
        Some(match inlined {
            Some((name, start_line, parent)) => {
                self.pc = Some(parent);
                Frame { function: name, file, line, start_line }
            }
            None => Frame { function: function.name(), file, line, start_line: function.start_line() },
        })
    }
}
