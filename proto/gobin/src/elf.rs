//! An ELF file as a Go program needs it read: segments by address, sections and symbols only where they are.
//!
//! Section headers are a convenience here and never needed: packers and strippers take them off, and a file whose
//! headers are damaged still runs. The format itself is read by the `object` crate.

mod note;
mod relocation;

use object::SectionIndex;
use object::elf as raw;
use object::endian::LittleEndian;
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader, SectionTable, Sym};

use crate::error::{Error, Format};

pub use note::BuildIds;

type Header = raw::FileHeader64<LittleEndian>;
const ORDER: LittleEndian = LittleEndian;

/// Most loadable segments: linkers write three to six. Every look-up of an address goes through them.
const SEGMENTS_MAX: usize = 64;

/// A machine that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// x86-64.
    Amd64,
    /// AArch64.
    Arm64,
}

impl Machine {
    /// Bytes by which program counters in Go's tables advance (Go 1.27, `cmd/internal/sys`, `MinLC`).
    #[must_use]
    pub fn quantum(self) -> u8 {
        match self {
            Self::Amd64 => 1,
            Self::Arm64 => 4,
        }
    }

    /// Its name in Go, `GOARCH`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }
}

/// A part of the file that is loaded at an address.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// Where, before the process moves it (a position-independent program is loaded elsewhere).
    pub address: u64,
    /// Where the file has it.
    pub offset: u64,
    /// What the file has for it; memory beyond starts as zeros.
    pub bytes: &'a [u8],
    /// Bytes it takes in memory.
    pub memory_bytes: u64,
    /// Whether it holds code.
    pub executable: bool,
    /// Whether the program may write to it.
    pub writable: bool,
}

impl Segment<'_> {
    /// Whether the address is in it, in memory.
    #[must_use]
    pub fn contains(&self, address: u64) -> bool {
        address.checked_sub(self.address).is_some_and(|offset| offset < self.memory_bytes)
    }
}

/// A section, where there are sections.
#[derive(Clone, Copy, Debug)]
pub struct Section<'a> {
    /// Its address when loaded; 0 for sections that are not.
    pub address: u64,
    /// Its bytes in the file, as they are.
    pub bytes: &'a [u8],
    /// Whether those are compressed, with a header that says how (`SHF_COMPRESSED`).
    pub compressed: bool,
}

/// An ELF file.
#[derive(Debug)]
pub struct Elf<'a> {
    bytes: &'a [u8],
    header: &'a Header,
    machine: Machine,
    segments: Vec<Segment<'a>>,
    dynamic: Option<&'a [raw::Dyn64<LittleEndian>]>,
    sections: SectionTable<'a, Header>,
    section_names: &'a [u8],
}

impl<'a> Elf<'a> {
    /// Reads headers; everything else is read when it is asked for.
    ///
    /// # Errors
    ///
    /// What is no ELF program for a machine that is read, by name; damaged program headers.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let ident = bytes.get(..16).filter(|ident| ident.starts_with(b"\x7fELF"));
        let Some(ident) = ident else { return Err(Error::NotElf { format: Format::of(bytes) }) };
        let number_at = |at: usize| -> u16 {
            let two = bytes.get(at..at + 2).and_then(|b| b.first_chunk::<2>()).copied().unwrap_or_default();
            if ident.get(5) == Some(&2) { u16::from_be_bytes(two) } else { u16::from_le_bytes(two) }
        };
        // e_type at 16 and e_machine at 18 stand at the same place in every ELF file.
        let machine = machine(ident, number_at(18))?;
        match number_at(16) {
            2 | 3 => {}
            1 => return Err(Error::NotAProgram { what: "an object file" }),
            4 => return Err(Error::NotAProgram { what: "a core dump" }),
            _ => return Err(Error::NotAProgram { what: "an ELF file of an unknown type" }),
        }
        let damaged = |part, at: u64, e: object::read::Error| Error::damaged(part, at, e.to_string());
        let header = Header::parse(bytes).map_err(|e| damaged("ELF header", 0, e))?;
        let programs = header
            .program_headers(ORDER, bytes)
            .map_err(|e| damaged("program headers", header.e_phoff(ORDER), e))?;
        let mut segments = Vec::new();
        let mut dynamic = None;
        for program in programs {
            match program.p_type(ORDER) {
                raw::PT_LOAD if segments.len() == SEGMENTS_MAX => {
                    return Err(Error::TooMany { what: "segments", max: SEGMENTS_MAX });
                }
                raw::PT_LOAD => segments.push(segment(program, bytes)),
                raw::PT_DYNAMIC => dynamic = program.dynamic(ORDER, bytes).ok().flatten(),
                _ => {}
            }
        }
        if segments.is_empty() {
            return Err(Error::damaged("program headers", header.e_phoff(ORDER), "nothing is loaded"));
        }
        let sections = header.sections(ORDER, bytes).unwrap_or_default();
        let names = header.shstrndx(ORDER, bytes).ok().and_then(|index| usize::try_from(index).ok());
        let names = names.and_then(|index| sections.section(SectionIndex(index)).ok());
        let section_names = names.and_then(|section| section.data(ORDER, bytes).ok()).unwrap_or_default();
        Ok(Self { bytes, header, machine, segments, dynamic, sections, section_names })
    }

    /// The machine it is for.
    #[must_use]
    pub fn machine(&self) -> Machine {
        self.machine
    }

    /// Whether it may be loaded at any address (`ET_DYN`: a PIE, or a shared object).
    #[must_use]
    pub fn is_position_independent(&self) -> bool {
        self.header.e_type(ORDER) == raw::ET_DYN
    }

    /// What is loaded, in the order of the file.
    #[must_use]
    pub fn segments(&self) -> &[Segment<'a>] {
        &self.segments
    }

    /// The bytes of the file from an address to the end of its segment; `None` where the file has none.
    #[must_use]
    pub fn from(&self, address: u64) -> Option<&'a [u8]> {
        self.segments.iter().find_map(|segment| {
            let offset = usize::try_from(address.checked_sub(segment.address)?).ok()?;
            segment.bytes.get(offset..).filter(|bytes| !bytes.is_empty())
        })
    }

    /// So many bytes of the file at an address.
    #[must_use]
    pub fn at(&self, address: u64, length: usize) -> Option<&'a [u8]> {
        self.from(address)?.get(..length)
    }

    /// Bytes from `start` to `end`, addresses.
    #[must_use]
    pub fn between(&self, start: u64, end: u64) -> Option<&'a [u8]> {
        self.at(start, usize::try_from(end.checked_sub(start)?).ok()?)
    }

    /// A section by name; `None` too where there are no section headers.
    #[must_use]
    pub fn section(&self, name: &str) -> Option<Section<'a>> {
        let mut sections = self.sections.iter();
        let section = sections.find(|s| is_named(self.section_names, s.sh_name(ORDER), name))?;
        Some(Section {
            address: section.sh_addr(ORDER),
            bytes: section.data(ORDER, self.bytes).ok()?,
            compressed: section.sh_flags(ORDER).0 & raw::SHF_COMPRESSED.0 != 0,
        })
    }

    /// The addresses of these symbols, in their order, from the symbol table; none where it was stripped.
    #[must_use]
    pub fn symbols<const N: usize>(&self, names: [&str; N]) -> [Option<u64>; N] {
        let mut addresses = [None; N];
        let Ok(table) = self.sections.symbols(ORDER, self.bytes, raw::SHT_SYMTAB) else { return addresses };
        let texts = self.sections.section(table.string_section()).ok();
        let texts = texts.and_then(|section| section.data(ORDER, self.bytes).ok()).unwrap_or_default();
        for symbol in table.iter() {
            for (name, address) in names.iter().zip(&mut addresses) {
                if is_named(texts, symbol.st_name(ORDER), name) {
                    *address = Some(symbol.st_value(ORDER));
                }
            }
        }
        addresses
    }

    /// The ids that linkers left.
    #[must_use]
    pub fn build_ids(&self) -> BuildIds {
        note::build_ids(self.header, &self.sections, self.bytes)
    }
}

/// Whether this text stands in a table of texts at an offset. The text there is compared, not measured: it may go on
/// to the end of the file.
fn is_named(texts: &[u8], offset: u32, name: &str) -> bool {
    let text = usize::try_from(offset).ok().and_then(|offset| texts.get(offset..)).unwrap_or_default();
    text.strip_prefix(name.as_bytes()).is_some_and(|rest| rest.first() == Some(&0))
}

fn segment<'a>(program: &raw::ProgramHeader64<LittleEndian>, bytes: &'a [u8]) -> Segment<'a> {
    let flags = program.p_flags(ORDER).0;
    // A file that was cut off still has the start of its segment.
    let start = usize::try_from(program.p_offset(ORDER)).unwrap_or(usize::MAX).min(bytes.len());
    let length = usize::try_from(program.p_filesz(ORDER)).unwrap_or(usize::MAX);
    let end = start.saturating_add(length).min(bytes.len());
    Segment {
        address: program.p_vaddr(ORDER),
        offset: program.p_offset(ORDER),
        bytes: bytes.get(start..end).unwrap_or_default(),
        memory_bytes: program.p_memsz(ORDER),
        executable: flags & raw::PF_X.0 != 0,
        writable: flags & raw::PF_W.0 != 0,
    }
}

/// Class, byte order and machine together, since each of them decides what a program is for.
fn machine(ident: &[u8], machine: u16) -> Result<Machine, Error> {
    let is_64_bit = ident.get(4) == Some(&2);
    let is_little_endian = ident.get(5) == Some(&1);
    let name = match machine {
        62 if is_64_bit && is_little_endian => return Ok(Machine::Amd64),
        183 if is_64_bit && is_little_endian => return Ok(Machine::Arm64),
        3 => "386",
        8 => "mips",
        20 | 21 => "ppc64",
        22 => "s390x",
        40 => "arm",
        62 => "amd64 with 32-bit pointers",
        183 => "big-endian or 32-bit arm64",
        243 => "riscv64",
        258 => "loong64",
        other => return Err(Error::Machine { machine: format!("machine {other} of the ELF list") }),
    };
    Err(Error::Machine { machine: name.into() })
}
