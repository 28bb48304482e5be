//! One function of the table: Go 1.27, runtime/runtime2.go, `_func`; the same 44 bytes since Go 1.20.

use super::Pclntab;
use super::inline_tree::Frames;
use super::pc_values::PcValues;
use crate::little_endian::{u8_at, u32_at, varint_at};

/// Bytes of `_func`; offsets of pcdata and funcdata follow, four bytes each.
const RECORD_BYTES: usize = 44;
/// Numbers of tables (Go 1.27, internal/abi/symtab.go, `PCDATA_…` and `FUNCDATA_…`).
const PCDATA_INLINE_TREE: u32 = 2;
const FUNCDATA_INLINE_TREE: u8 = 3;
const FUNCDATA_OPEN_CODED: u8 = 4;
/// `FuncFlagTopFrame`: no caller is above it.
const FLAG_TOP_FRAME: u8 = 1;
/// Most open-coded defers of a function (Go 1.27, cmd/compile, `maxOpenDefers`): their marks are the bits of a byte.
pub(crate) const OPEN_CODED_MAX: usize = 8;
/// What stands for a table that a function has not.
const NONE: u32 = u32::MAX;
/// Shown for a name that is damaged, like the runtime does.
const UNKNOWN: &str = "?";

/// Where a function keeps its open-coded defers: bytes below `varp`, which on amd64 and arm64 is
/// stack pointer + [`Function::stack_bytes`] - 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenCoded {
    /// The byte whose bit `i` says that defer `i` was reached.
    pub bits_below: u32,
    /// How many defers there are.
    pub count: u8,
    /// Where defer `i` keeps its function value.
    slots_below: [u32; OPEN_CODED_MAX],
}

impl OpenCoded {
    /// From the function's data; [`Function::open_coded`] says what stands there.
    pub(crate) fn parse(bytes: &[u8], is_go_1_21: bool) -> Option<Self> {
        let mut at = 0;
        let mut next = || {
            let (value, taken) = varint_at(bytes, at)?;
            at += taken;
            Some(value)
        };
        let bits_below = next()?;
        let second = next()?;
        let count = usize::try_from(if is_go_1_21 { second } else { second / 8 }).ok()?;
        let mut slots_below = [0; OPEN_CODED_MAX];
        let slots = slots_below.get_mut(..count)?;
        for (i, slot) in slots.iter_mut().rev().enumerate() {
            *slot = if is_go_1_21 { next()? } else { 8 * u32::try_from(i + 1).ok()? };
        }
        let is_whole = is_go_1_21 || second % 8 == 0;
        (count > 0 && is_whole).then_some(Self { bits_below, count: u8::try_from(count).ok()?, slots_below })
    }

    /// Where defer `i` keeps its function value.
    #[must_use]
    pub fn slot_below(&self, i: usize) -> Option<u32> {
        self.slots_below.get(..self.count.into())?.get(i).copied()
    }
}

/// A function.
#[derive(Clone, Copy, Debug)]
pub struct Function<'a> {
    table: Pclntab<'a>,
    entry: u64,
    end: u64,
    record: &'a [u8],
}

impl<'a> Function<'a> {
    pub(super) fn new(table: Pclntab<'a>, entry: u64, end: u64, record: usize) -> Option<Self> {
        let record = table.functions.get(record..)?;
        (record.len() >= RECORD_BYTES).then_some(Self { table, entry, end, record })
    }

    pub(super) fn table(&self) -> &Pclntab<'a> {
        &self.table
    }

    /// Its first instruction.
    #[must_use]
    pub fn entry(&self) -> u64 {
        self.entry
    }

    /// The address behind it: where the next function starts.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Its name, `pkg/path.(*Type).Method`; `?` when that is damaged.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.table.name(self.name_offset()).unwrap_or(UNKNOWN)
    }

    pub(super) fn name_offset(&self) -> u32 {
        self.number(4)
    }

    /// The line of its `func`; 0 where it is not known.
    #[must_use]
    pub fn start_line(&self) -> u32 {
        self.number(36)
    }

    /// The address of its call of `runtime.deferreturn`: only functions with a defer statement have one.
    #[must_use]
    pub fn defer_return(&self) -> Option<u64> {
        match self.number(12) {
            0 => None,
            offset => self.entry.checked_add(offset.into()),
        }
    }

    /// Whether no caller is above it: a walk up the stack ends here.
    #[must_use]
    pub fn is_top_frame(&self) -> bool {
        u8_at(self.record, 41).is_some_and(|flags| flags & FLAG_TOP_FRAME != 0)
    }

    /// Bytes of stack in use at an instruction, without the return address on amd64.
    #[must_use]
    pub fn stack_bytes(&self, pc: u64) -> Option<u32> {
        self.stack_sizes().at(pc).and_then(|bytes| u32::try_from(bytes).ok())
    }

    /// [`Self::stack_bytes`] of every instruction.
    #[must_use]
    pub fn stack_sizes(&self) -> PcValues<'a> {
        self.table.pc_values(self.number(16), self.entry)
    }

    /// Lines of all instructions; [`Self::line`] tells the file of each.
    #[must_use]
    pub fn line_numbers(&self) -> PcValues<'a> {
        self.table.pc_values(self.number(24), self.entry)
    }

    /// File and line of an instruction, of the innermost function where some were inlined.
    #[must_use]
    pub fn line(&self, pc: u64) -> Option<(&'a str, u32)> {
        let number = self.table.pc_values(self.number(20), self.entry).at(pc)?;
        let line = self.line_numbers().at(pc)?;
        Some((self.table.file(self.number(32), number)?, u32::try_from(line).ok()?))
    }

    /// The functions at an instruction, the innermost first. Nothing where its line is not known.
    #[must_use]
    pub fn frames(&self, pc: u64) -> Frames<'a> {
        Frames::new(*self, pc)
    }

    /// Where it keeps its open-coded defers, if it has any. `is_go_1_21` because the list of slots changed with
    /// Go 1.22: before, each is written, the last one first (Go 1.21, cmd/compile/internal/ssagen/ssa.go,
    /// `emitOpenDeferInfo`). Since, only that of the first is; they follow each other up to `varp`, since they are
    /// laid out before all other variables (Go 1.27, pgen.go, `cmpstackvarlt`), so that its distance tells their
    /// number.
    #[must_use]
    pub fn open_coded(&self, is_go_1_21: bool) -> Option<OpenCoded> {
        OpenCoded::parse(self.function_data(FUNCDATA_OPEN_CODED)?, is_go_1_21)
    }

    pub(super) fn inline_tree(&self) -> Option<&'a [u8]> {
        self.function_data(FUNCDATA_INLINE_TREE)
    }

    pub(super) fn inlined_at(&self, pc: u64) -> Option<usize> {
        let table = self.pc_data(PCDATA_INLINE_TREE)?;
        usize::try_from(self.table.pc_values(table, self.entry).at(pc)?).ok()
    }

    fn pc_data(&self, table: u32) -> Option<u32> {
        let at = RECORD_BYTES + usize::try_from(table).ok()? * 4;
        (table < self.number(28)).then(|| u32_at(self.record, at)).flatten()
    }

    fn function_data(&self, table: u8) -> Option<&'a [u8]> {
        if table >= u8_at(self.record, 43)? {
            return None;
        }
        let pc_data_bytes = usize::try_from(self.number(28)).ok()?.checked_mul(4)?;
        let at = RECORD_BYTES.checked_add(pc_data_bytes)?.checked_add(usize::from(table) * 4)?;
        let offset = u32_at(self.record, at).filter(|offset| *offset != NONE)?;
        self.table.function_data.get(usize::try_from(offset).ok()?..)
    }

    /// A number of the record, which is whole.
    fn number(&self, at: usize) -> u32 {
        u32_at(self.record, at).unwrap_or_default()
    }
}
