//! The units of `.debug_info`, one after the other out of its stream: a length, then as many bytes (DWARF 5, 7.4).

use std::io::Read;

use super::section;
use crate::elf::Elf;
use crate::layout::NoDwarf;
use crate::little_endian::{u32_at, u64_at};

/// Largest unit held, one for each package: all of Caddy's together have 20 MB.
const UNIT_BYTES_MAX: usize = 32 << 20;
/// Most bytes of all units that are looked at.
const BYTES_MAX: usize = 256 << 20;
/// What stands in place of a length where a 64-bit one follows.
const LONG: u32 = u32::MAX;

pub(super) struct Units<'a> {
    stream: Box<dyn Read + 'a>,
    bytes_left: usize,
    unit: Vec<u8>,
}

impl<'a> Units<'a> {
    /// `None` where there is no debug information.
    pub(super) fn open(elf: &Elf<'a>) -> Result<Option<Self>, NoDwarf> {
        let stream = section::open(elf, ".debug_info")?;
        Ok(stream.map(|stream| Self { stream, bytes_left: BYTES_MAX, unit: Vec::new() }))
    }

    /// The next one with its length before it; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<&[u8]>, NoDwarf> {
        self.unit.clear();
        self.read(4)?;
        if self.unit.is_empty() {
            return Ok(None);
        }
        let cut_off = || NoDwarf::Damaged("units cut off".into());
        let length = match u32_at(&self.unit, 0).ok_or_else(cut_off)? {
            LONG => {
                self.read(8)?;
                u64_at(&self.unit, 4).ok_or_else(cut_off)?
            }
            length => length.into(),
        };
        let length = usize::try_from(length).ok().filter(|length| *length <= UNIT_BYTES_MAX);
        let length = length.ok_or(NoDwarf::TooLarge)?;
        let whole = self.unit.len() + length;
        self.read(length)?;
        if self.unit.len() < whole { Err(cut_off()) } else { Ok(Some(&self.unit)) }
    }

    /// Appends so many bytes, or as many as there are.
    fn read(&mut self, bytes: usize) -> Result<(), NoDwarf> {
        self.bytes_left = self.bytes_left.checked_sub(bytes).ok_or(NoDwarf::TooLarge)?;
        section::read_to(&mut self.unit, &mut self.stream, bytes)
    }
}

impl std::fmt::Debug for Units<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Units").field("bytes_left", &self.bytes_left).finish_non_exhaustive()
    }
}
