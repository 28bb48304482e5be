//! A program's file read in parts. To look at it as a whole it stands in memory of its full length of which only the
//! parts that are needed were ever written: the kernel gives pages when they are touched, and zeros until then.

use linger_gobin::census::{Memory, Piece, Stop};
use linger_gobin::elf::Segment;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Longest file; Kubernetes' programs have up to 130 MB.
const FILE_BYTES_MAX: u64 = 1 << 30;
/// Longest file read as a whole, for want of a section that holds the function table.
const WHOLE_FILE_BYTES_MAX: u64 = 32 << 20;
/// The ELF header and the program headers behind it.
const START_BYTES: usize = 64 << 10;
const SECTION_HEADER_BYTES: usize = 64;
/// Most sections looked at; Go programs have up to 39.
const SECTIONS_MAX: usize = 512;
const NAMES_BYTES_MAX: u64 = 64 << 10;
/// Enough of the function table for its header.
const TABLE_START_BYTES: u64 = 4 << 10;
/// Largest section of debug information read: larger ones inflate to more than is wanted, and their start says so.
const DEBUG_BYTES_MAX: u64 = 6 << 20;
const DEBUG_START_BYTES: u64 = 64;

/// Where what is needed may stand.
const DATA: [&[u8]; 10] = [
    b".go.buildinfo",
    b".go.module",
    b".data",
    b".noptrdata",
    b".data.rel.ro",
    b".rela",
    b".rela.dyn",
    b".dynamic",
    b".symtab",
    b".strtab",
];
const TABLES: [&[u8]; 2] = [b".gopclntab", b".data.rel.ro.gopclntab"];
const DEBUG: [&[u8]; 6] =
    [b".debug_info", b".debug_abbrev", b".debug_str", b".zdebug_info", b".zdebug_abbrev", b".zdebug_str"];

/// How much of a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// What a program with symbols is told by.
    Data,
    /// The function table and the code besides.
    DataAndCode,
}

/// The file's bytes as far as they are needed; the rest is zeros.
pub(super) fn read(file: &File, part: Part) -> io::Result<Vec<u8>> {
    let length = file.metadata()?.len();
    let too_long = || io::Error::new(io::ErrorKind::FileTooLarge, format!("{length} bytes"));
    if length > FILE_BYTES_MAX {
        return Err(too_long());
    }
    let mut image = vec![0; usize::try_from(length).map_err(|_| too_long())?];
    fill(file, &mut image, 0, u64::try_from(START_BYTES).unwrap_or(u64::MAX))?;
    let sections = sections(file, &mut image)?.unwrap_or_default();
    let has_table = sections.iter().any(|s| TABLES.contains(&s.name.as_slice()));
    if !has_table && length <= WHOLE_FILE_BYTES_MAX {
        fill(file, &mut image, 0, length)?;
        return Ok(image);
    }
    if sections.is_empty() {
        return Err(too_long());
    }
    for Section { name, offset, bytes } in sections {
        let is_of = |names: &[&[u8]]| names.contains(&name.as_slice());
        let wanted = if is_of(&DATA) || name.starts_with(b".note") {
            bytes
        } else if is_of(&TABLES) {
            if part == Part::Data { bytes.min(TABLE_START_BYTES) } else { bytes }
        } else if name == b".text" && part == Part::DataAndCode {
            bytes
        } else if is_of(&DEBUG) {
            if bytes > DEBUG_BYTES_MAX { DEBUG_START_BYTES } else { bytes }
        } else {
            0
        };
        fill(file, &mut image, offset, wanted)?;
    }
    Ok(image)
}

struct Section {
    name: Vec<u8>,
    offset: u64,
    bytes: u64,
}

/// The sections by name; `None` where the file has none. What cannot be right is left to the reader
/// of the image to refuse.
fn sections(file: &File, image: &mut [u8]) -> io::Result<Option<Vec<Section>>> {
    // Elf64_Ehdr: e_shoff at 40, e_shnum at 60, e_shstrndx at 62.
    let (Some(table), Some(count), Some(names)) = (u64_at(image, 40), u16_at(image, 60), u16_at(image, 62))
    else {
        return Ok(None);
    };
    let (count, names) = (usize::from(count), usize::from(names));
    if table == 0 || count == 0 || count > SECTIONS_MAX || names >= count {
        return Ok(None);
    }
    let header_bytes = u64::try_from(count * SECTION_HEADER_BYTES).unwrap_or(u64::MAX);
    fill(file, image, table, header_bytes)?;
    // Elf64_Shdr: sh_name at 0, sh_type at 4, sh_offset at 24, sh_size at 32.
    let header = |image: &[u8], i: usize| {
        let at = usize::try_from(table).ok()?.checked_add(i * SECTION_HEADER_BYTES)?;
        let is_in_file = u32_at(image, at + 4)? != 8;
        let bytes = if is_in_file { u64_at(image, at + 32)? } else { 0 };
        Some((u32_at(image, at)?, u64_at(image, at + 24)?, bytes))
    };
    let Some((_, names_at, names_bytes)) = header(image, names) else { return Ok(None) };
    fill(file, image, names_at, names_bytes.min(NAMES_BYTES_MAX))?;
    let name = |image: &[u8], offset: u32| {
        let start = usize::try_from(names_at).ok()?.checked_add(usize::try_from(offset).ok()?)?;
        let rest = image.get(start..)?;
        Some(rest.get(..rest.iter().take(64).position(|b| *b == 0)?)?.to_vec())
    };
    let found: Vec<Section> = (0..count)
        .filter_map(|i| {
            let (offset_of_name, offset, bytes) = header(image, i)?;
            Some(Section { name: name(image, offset_of_name)?, offset, bytes })
        })
        .collect();
    Ok(Some(found))
}

/// Reads a part of the file to its place, as much of it as there is.
fn fill(file: &File, image: &mut [u8], offset: u64, bytes: u64) -> io::Result<()> {
    let start = usize::try_from(offset).unwrap_or(usize::MAX).min(image.len());
    let end = start.saturating_add(usize::try_from(bytes).unwrap_or(usize::MAX)).min(image.len());
    let Some(part) = image.get_mut(start..end) else { return Ok(()) };
    file.read_exact_at(part, offset)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().copied().map(u64::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_le_bytes)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().copied().map(u16::from_le_bytes)
}

/// A loaded part of the file.
#[derive(Clone, Copy, Debug)]
struct Loaded {
    address: u64,
    memory_bytes: u64,
    offset: u64,
    file_bytes: u64,
}

/// The file by address, before the process was moved. Behind a segment's bytes come zeros, also beyond its end, so
/// that a table at its end can be read in blocks.
#[derive(Debug)]
pub(super) struct FileMemory {
    file: File,
    loaded: Vec<Loaded>,
}

impl FileMemory {
    pub(super) fn new(file: File, segments: &[Segment<'_>]) -> Self {
        let loaded = segments.iter().map(|segment| Loaded {
            address: segment.address,
            memory_bytes: segment.memory_bytes,
            offset: segment.offset,
            file_bytes: u64::try_from(segment.bytes.len()).unwrap_or(u64::MAX),
        });
        let loaded = loaded.collect();
        Self { file, loaded }
    }
}

impl Memory for FileMemory {
    fn read_pieces(
        &mut self,
        pieces: &[Piece],
        into: &mut [u8],
        readable: &mut Vec<bool>,
    ) -> Result<(), Stop> {
        let mut rest = into;
        for piece in pieces {
            let Some((part, after)) = rest.split_at_mut_checked(piece.bytes) else { break };
            readable.push(self.read(piece.address, part)?);
            rest = after;
        }
        Ok(())
    }

    fn read(&mut self, address: u64, into: &mut [u8]) -> Result<bool, Stop> {
        let found = self.loaded.iter().find_map(|loaded| {
            let at = address.checked_sub(loaded.address).filter(|at| *at < loaded.memory_bytes)?;
            Some((loaded.offset.checked_add(at)?, loaded.file_bytes.saturating_sub(at)))
        });
        let Some((offset, left)) = found else { return Ok(false) };
        let from_file = into.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let (part, zeros) = into.split_at_mut(from_file);
        zeros.fill(0);
        self.file.read_exact_at(part, offset).map_err(|e| Stop::File(e.to_string()))?;
        Ok(true)
    }

    fn confirm(&mut self) -> Result<(), Stop> {
        Ok(())
    }
}
