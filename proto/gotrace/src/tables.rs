//! The strings and stacks of one generation. Each generation numbers them anew, so a number means something only
//! together with the tables that came with its event.

use std::num::NonZeroU32;

use crate::event::{StackRef, StringRef};
use crate::id_table::IdTable;
use crate::limits::{Limits, within};
use crate::varint::{read, read_all};
use crate::wire;
use crate::{Error, Version};

/// One frame of a stack as it stands in the trace: the names are strings of the same generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Address in the program.
    pub pc: u64,
    /// Name of the function.
    pub function: StringRef,
    /// Path of its file.
    pub file: StringRef,
    /// Line in it.
    pub line: u64,
}

/// A part of a list. One more than its length is kept, so that none of it takes no memory of its own.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: u32,
    length_and_one: NonZeroU32,
}

impl Span {
    const EMPTY: Self = Self { start: 0, length_and_one: NonZeroU32::MIN };

    fn new(start: usize, length: u32) -> Result<Self, &'static str> {
        let start = u32::try_from(start).map_err(|_| "tables that are too long")?;
        Ok(Self { start, length_and_one: NonZeroU32::MIN.saturating_add(length) })
    }

    fn of<T>(self, all: &[T]) -> &[T] {
        let start = self.start as usize;
        let length = self.length_and_one.get() as usize - 1;
        all.get(start..start + length).unwrap_or(&[])
    }
}

/// What strings and stacks of the present generation mean, and how long its units of time are.
#[derive(Debug)]
pub struct Tables {
    version: Version,
    pub(crate) units_per_second: u64,
    text: Vec<u8>,
    strings: IdTable<Span>,
    frames: Vec<Frame>,
    stacks: IdTable<Span>,
    /// Numbers that mean nothing are taken for unknown: the generation was cut before its tables.
    pub(crate) lenient: bool,
}

impl Tables {
    pub(crate) fn new(version: Version) -> Self {
        Self {
            version,
            units_per_second: 0,
            text: Vec::new(),
            strings: IdTable::new(Span::EMPTY),
            frames: Vec::new(),
            stacks: IdTable::new(Span::EMPTY),
            lenient: false,
        }
    }

    /// The version of the trace.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Units of time per second. 15,625,000 (64 ns) everywhere but on Windows.
    pub fn units_per_second(&self) -> u64 {
        self.units_per_second
    }

    /// The bytes of a string, which need not be UTF-8. `None` when it came after the cut of a trace.
    pub fn string(&self, string: StringRef) -> Option<&[u8]> {
        self.strings.get(string.0).map(|span| span.of(&self.text))
    }

    /// The frames of a stack, the innermost first. Empty for "no stack", `None` when they came after the cut of a trace.
    pub fn stack(&self, stack: StackRef) -> Option<&[Frame]> {
        self.stacks.get(stack.0).map(|span| span.of(&self.frames))
    }

    #[inline(always)]
    pub(crate) fn has_string(&self, id: u64) -> bool {
        self.strings.has(id)
    }

    #[inline(always)]
    pub(crate) fn has_stack(&self, id: u64) -> bool {
        self.stacks.has(id)
    }

    /// Whether there are stacks and all their names, as at the end of each generation.
    pub(crate) fn is_whole(&self) -> bool {
        self.stacks.len() > 0 && self.names_frames()
    }

    fn names_frames(&self) -> bool {
        let named = |f: &Frame| self.strings.has(f.function.0) && self.strings.has(f.file.0);
        self.stacks.values().all(|stack| stack.of(&self.frames).iter().all(named))
    }

    pub(crate) fn clear(&mut self) {
        self.units_per_second = 0;
        self.text.clear();
        self.strings.clear();
        self.frames.clear();
        self.stacks.clear();
        self.lenient = false;
    }

    /// Takes the strings of a batch, whose payload follows its marker.
    pub(crate) fn add_strings(&mut self, payload: &[u8]) -> Result<(), &'static str> {
        let mut at = 0;
        while at < payload.len() {
            if payload.get(at) != Some(&wire::STRING) {
                return Err("something else among strings");
            }
            let ([id, length], start) =
                read_all::<2>(payload, at + 1).ok_or("a string without its length")?;
            if length > wire::STRING_BYTES_MAX {
                return Err("a string that is too long");
            }
            let length = u32::try_from(length).map_err(|_| "a string that is too long")?;
            let end = start + length as usize;
            let bytes = payload.get(start..end).ok_or("a string beyond its batch")?;
            let span = Span::new(self.text.len(), length)?;
            self.text.extend_from_slice(bytes);
            self.strings.add(id, span);
            at = end;
        }
        Ok(())
    }

    /// Takes the stacks of a batch, whose payload follows its marker.
    pub(crate) fn add_stacks(&mut self, payload: &[u8]) -> Result<(), &'static str> {
        let mut at = 0;
        while at < payload.len() {
            if payload.get(at) != Some(&wire::STACK) {
                return Err("something else among stacks");
            }
            let ([id, length], after) = read_all::<2>(payload, at + 1).ok_or("a stack without its length")?;
            at = after;
            if length > wire::FRAMES_MAX {
                return Err("a stack that is too deep");
            }
            let length = u32::try_from(length).map_err(|_| "a stack that is too deep")?;
            let span = Span::new(self.frames.len(), length)?;
            for _ in 0..length {
                let (pc, after) = read(payload, at).ok_or("a stack beyond its batch")?;
                let ([function, file, line], after) =
                    read_all::<3>(payload, after).ok_or("a stack beyond its batch")?;
                self.frames.push(Frame { pc, function: StringRef(function), file: StringRef(file), line });
                at = after;
            }
            self.stacks.add(id, span);
        }
        Ok(())
    }

    /// The memory taken so far against its limit.
    pub(crate) fn check(&self, limits: &Limits) -> Result<(), Error> {
        let ids = self.strings.bytes() + self.stacks.bytes();
        let bytes = self.text.len() + self.frames.len() * size_of::<Frame>() + ids;
        within("tables_bytes_max", limits.tables_bytes_max, bytes as u64)
    }

    /// Makes everything taken answerable. Unless the generation was cut, all names of frames must be there.
    pub(crate) fn seal(&mut self, lenient: bool) -> Result<(), &'static str> {
        self.lenient = lenient;
        if !self.strings.seal() {
            return Err("two strings of one number");
        }
        if !self.stacks.seal() {
            return Err("two stacks of one number");
        }
        if !lenient && !self.names_frames() {
            return Err("a frame whose function or file has no name");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{StackRef, StringRef, Tables};
    use crate::Version;

    fn tables() -> Tables {
        Tables::new(Version::Go1_26)
    }

    #[test]
    fn strings_and_stacks_are_found_by_number() {
        let mut tables = tables();
        tables.add_strings(b"\x05\x01\x03abc\x05\x80\x02\x00").unwrap();
        tables.add_stacks(b"\x03\x07\x02\x10\x01\x01\x05\x11\x00\x80\x02\x06\x03\x08\x00").unwrap();
        tables.seal(false).unwrap();
        assert_eq!(tables.string(StringRef(1)), Some(&b"abc"[..]));
        assert_eq!(tables.string(StringRef(256)), Some(&b""[..]));
        assert_eq!(tables.string(StringRef(9)), None);
        let lines = |id| tables.stack(StackRef(id)).map(|s| s.iter().map(|f| f.line).collect::<Vec<_>>());
        assert_eq!([0, 7, 8, 9].map(lines), [Some(vec![]), Some(vec![5, 6]), Some(vec![]), None]);
    }

    #[test]
    fn a_frame_without_a_name_is_refused_unless_the_trace_was_cut() {
        for (lenient, accepted) in [(false, false), (true, true)] {
            let mut tables = tables();
            tables.add_stacks(b"\x03\x07\x01\x10\x01\x01\x05").unwrap();
            assert_eq!(tables.seal(lenient).is_ok(), accepted);
        }
    }

    #[test]
    fn what_is_no_table_is_refused() {
        let long = [b"\x05\x01\x81\x08".as_slice(), &[b'x'; 1025]].concat();
        for payload in [&b"\x04"[..], b"\x05\x01", b"\x05\x01\x02a", &long] {
            assert!(tables().add_strings(payload).is_err());
        }
        for payload in [&b"\x05"[..], b"\x03\x01", b"\x03\x01\x01\x01", b"\x03\x01\x81\x01"] {
            assert!(tables().add_stacks(payload).is_err());
        }
    }
}
