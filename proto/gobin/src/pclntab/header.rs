//! The table's header, and how it is found: by its section, or by its first bytes where there are no sections.

use memchr::memmem;

use crate::elf::Elf;
use crate::error::Error;
use crate::little_endian::{u8_at, u64_at};

/// First bytes since Go 1.20 (Go 1.27, internal/abi/symtab.go, `Go120PCLnTabMagic`), little-endian, with the two zeros.
const MAGIC: [u8; 6] = [0xf1, 0xff, 0xff, 0xff, 0, 0];
/// The header's own bytes; the first table starts at or behind them.
const HEADER_BYTES: usize = 72;
/// What a pointer takes on the machines read.
const POINTER_BYTES: u8 = 8;
/// Places looked at that only start like it.
const CANDIDATES_MAX: usize = 1_000;
/// Go's linker; with position-independent code, and with GNU ld.
const SECTIONS: [&str; 2] = [".gopclntab", ".data.rel.ro.gopclntab"];

/// The header and the tables it names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header<'a> {
    pub(crate) address: u64,
    pub(crate) quantum: u8,
    pub(crate) function_count: usize,
    pub(crate) names: &'a [u8],
    pub(crate) units: &'a [u8],
    pub(crate) files: &'a [u8],
    pub(crate) pc_values: &'a [u8],
    pub(crate) functions: &'a [u8],
    /// Addresses of `names` and `units`, by which the module data is known.
    pub(crate) names_address: u64,
    pub(crate) units_address: u64,
}

impl<'a> Header<'a> {
    pub(crate) fn find(elf: &Elf<'a>) -> Result<Self, Error> {
        let sections = SECTIONS.iter().filter_map(|name| elf.section(name));
        // Through the segment: a section's own file offset may be anything.
        let named = sections.filter_map(|s| Some((s.address, elf.from(s.address)?.get(..s.bytes.len())?)));
        for (address, bytes) in named {
            if let Some(header) = Self::read(elf, address, bytes) {
                return Ok(header);
            }
        }
        let mut looked_at = 0;
        for segment in elf.segments() {
            for at in memmem::find_iter(segment.bytes, &MAGIC) {
                looked_at += 1;
                if looked_at > CANDIDATES_MAX {
                    return Err(Error::TooMany { what: "places like a function table", max: CANDIDATES_MAX });
                }
                let header = segment.bytes.get(at..).and_then(|bytes| {
                    Self::read(elf, segment.address.checked_add(u64::try_from(at).ok()?)?, bytes)
                });
                if let Some(header) = header {
                    return Ok(header);
                }
            }
        }
        Err(Error::Missing { what: "function table (pclntab)" })
    }

    fn read(elf: &Elf<'_>, address: u64, bytes: &'a [u8]) -> Option<Self> {
        let quantum = elf.machine().quantum();
        let fits = bytes.starts_with(&MAGIC)
            && u8_at(bytes, 6) == Some(quantum)
            && u8_at(bytes, 7) == Some(POINTER_BYTES);
        if !fits {
            return None;
        }
        let number = |at| u64_at(bytes, at).and_then(|n| usize::try_from(n).ok());
        // In the order in which the linker writes them, so that each ends where the next one starts.
        let [names, units, files, pc_values, functions] =
            [number(32)?, number(40)?, number(48)?, number(56)?, number(64)?];
        let address_of = |offset: usize| address.checked_add(u64::try_from(offset).ok()?);
        if names < HEADER_BYTES {
            return None;
        }
        Some(Self {
            address,
            quantum,
            function_count: number(8).filter(|count| *count > 0)?,
            names: bytes.get(names..units)?,
            units: bytes.get(units..files)?,
            files: bytes.get(files..pc_values)?,
            pc_values: bytes.get(pc_values..functions)?,
            functions: bytes.get(functions..)?,
            names_address: address_of(names)?,
            units_address: address_of(units)?,
        })
    }
}
