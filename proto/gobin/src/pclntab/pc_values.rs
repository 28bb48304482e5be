//! Tables of values by program counter: line, file, stack size, inlining. They are written as differences (Go 1.27,
//! runtime/symtab.go, `pcvalue` and `step`). Every run holds for at least one instruction, so that looking up an
//! address takes no more steps than there are instructions before it, whatever the file says.

use crate::little_endian::varint_at;

/// A value and the instructions it holds for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// First address.
    pub start: u64,
    /// The address behind the last one.
    pub end: u64,
    /// The value.
    pub value: i32,
}

/// The runs of one table, in the order of their addresses. A damaged table ends early.
#[derive(Clone, Debug)]
pub struct PcValues<'a> {
    table: &'a [u8],
    at: usize,
    quantum: u64,
    pc: u64,
    value: i32,
    first: bool,
}

impl<'a> PcValues<'a> {
    pub(super) fn new(tables: &'a [u8], offset: u32, entry: u64, quantum: u8) -> Self {
        // Offset 0 says that there is no table.
        let table = usize::try_from(offset).ok().filter(|o| *o != 0).and_then(|o| tables.get(o..));
        Self::over(table.unwrap_or_default(), entry, quantum)
    }

    /// The table that starts with these bytes.
    pub(crate) fn over(table: &'a [u8], entry: u64, quantum: u8) -> Self {
        Self { table, at: 0, quantum: quantum.into(), pc: entry, value: -1, first: true }
    }

    /// The value at an address.
    #[must_use]
    pub fn at(mut self, pc: u64) -> Option<i32> {
        self.find(|run| pc < run.end).filter(|run| pc >= run.start).map(|run| run.value)
    }
}

impl Iterator for PcValues<'_> {
    type Item = Run;

    fn next(&mut self) -> Option<Run> {
        let (difference, taken) = varint_at(self.table, self.at)?;
        if difference == 0 && !self.first {
            return None;
        }
        let (advance, taken_too) =
            varint_at(self.table, self.at + taken).filter(|(advance, _)| *advance > 0)?;
        self.first = false;
        self.at += taken + taken_too;
        // Zig-zag: the lowest bit is the sign.
        let magnitude = (difference >> 1).cast_signed();
        self.value = self.value.wrapping_add(if difference & 1 == 0 { magnitude } else { !magnitude });
        let start = self.pc;
        self.pc = start.checked_add(u64::from(advance) * self.quantum)?;
        Some(Run { start, end: self.pc, value: self.value })
    }
}

#[cfg(test)]
mod tests {
    use super::{PcValues, Run};

    /// Three runs: 0 for 4 instructions, 16 for 300, 8 for 2.
    const TABLE: [u8; 9] = [0xff, 2, 4, 32, 0xac, 0x02, 15, 2, 0];

    #[test]
    fn differences_become_runs() {
        let runs: Vec<Run> = PcValues::new(&TABLE, 1, 0x1000, 4).collect();
        let expected = [(0x1000, 0x1010, 0), (0x1010, 0x14c0, 16), (0x14c0, 0x14c8, 8)];
        assert_eq!(runs, expected.map(|(start, end, value)| Run { start, end, value }));
    }

    #[test]
    fn a_value_holds_from_its_first_to_its_last_instruction() {
        let at = |pc| PcValues::new(&TABLE, 1, 0x1000, 4).at(pc);
        assert_eq!([at(0xfff), at(0x1000), at(0x100f), at(0x1010)], [None, Some(0), Some(0), Some(16)]);
        assert_eq!([at(0x14c7), at(0x14c8)], [Some(8), None]);
    }

    #[test]
    fn no_table_and_a_cut_table_have_no_values() {
        assert_eq!(PcValues::new(&TABLE, 0, 0, 1).count(), 0);
        assert_eq!(PcValues::new(&TABLE, 99, 0, 1).count(), 0);
        for cut in 1..TABLE.len() {
            assert!(PcValues::new(&TABLE[..cut], 1, 0, 1).count() <= 3);
        }
        assert_eq!(PcValues::new(&[0xff, 2, 0, 2, 0, 2, 0], 1, 0, 1).count(), 0, "no run is empty");
    }
}
