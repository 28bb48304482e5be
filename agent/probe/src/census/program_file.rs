//! A program's file read in parts. To look at it as a whole it stands in memory of its full length of which only the
//! parts that are needed were ever written: the kernel gives pages when they are touched, and zeros until then.

use super::NoCensus;
use crate::memory::Identity;
use crate::pid::{Pid, StartTime};
use crate::proc::Proc;
use linger_gobin::census::{Memory, Stop};
use linger_gobin::elf::Segment;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// The file of the program that a process runs, with the process it was opened for: one of the same PID that is another, or
/// that runs another program by now, is refused.
pub(super) fn of(proc: &Proc, pid: Pid, started: StartTime) -> Result<(Identity, File), NoCensus> {
    let identity = Identity::of(proc, pid).map_err(NoCensus::Stopped)?;
    if identity.started() != started {
        return Err(NoCensus::Stopped(Stop::Replaced));
    }
    let file = File::open(proc.of(pid, "exe")).map_err(|e| NoCensus::File(e.to_string()))?;
    if !identity.runs(&file) {
        return Err(NoCensus::Stopped(Stop::Replaced));
    }
    Ok((identity, file))
}

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
/// Largest section of debug information read, compressed as it mostly is. Of a larger one only the start is, which
/// breaks off for its reader: such a program goes by the table of its release.
const DEBUG_BYTES_MAX: u64 = 16 << 20;
const DEBUG_START_BYTES: u64 = 64;

/// Largest section of variables read as a whole: larger ones hold what the program embeds, and are looked through for
/// the module data, around which so many bytes are read.
const VARIABLES_BYTES_MAX: u64 = 4 << 20;
const AROUND_BYTES: u64 = 4 << 10;
/// Most such places read; there is one, and there may be others by chance.
const PLACES_MAX: usize = 64;
const CHUNK_BYTES: usize = 1 << 20;
/// Bytes of an entry of a relocation table; the address is its first word, the pointer written there its last.
const RELOCATION_BYTES: usize = 24;

/// Where what is needed may stand.
const DATA: [&[u8]; 7] =
    [b".go.buildinfo", b".go.module", b".rela", b".rela.dyn", b".dynamic", b".symtab", b".strtab"];
/// Of those, what only [`Part::Data`] needs.
const SYMBOLS: [&[u8]; 2] = [b".symtab", b".strtab"];
const RELOCATIONS: [&[u8]; 2] = [b".rela", b".rela.dyn"];
const VARIABLES: [&[u8]; 3] = [b".data", b".noptrdata", b".data.rel.ro"];
const TABLES: [&[u8]; 2] = [b".gopclntab", b".data.rel.ro.gopclntab"];
const DEBUG: [&[u8]; 6] =
    [b".debug_info", b".debug_abbrev", b".debug_str", b".zdebug_info", b".zdebug_abbrev", b".zdebug_str"];

/// How much of a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// What its function table is found by.
    Functions,
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
    let table = sections.iter().find(|s| TABLES.contains(&s.name.as_slice())).map(|s| s.address);
    for Section { name, offset, bytes, .. } in &sections {
        let (offset, bytes) = (*offset, *bytes);
        let is_of = |names: &[&[u8]]| names.contains(&name.as_slice());
        let wanted = if part == Part::Functions && (is_of(&SYMBOLS) || is_of(&DEBUG)) {
            0
        } else if is_of(&DATA) || name.starts_with(b".note") {
            bytes
        } else if is_of(&TABLES) {
            if part == Part::DataAndCode { bytes } else { bytes.min(TABLE_START_BYTES) }
        } else if name == b".text" && part == Part::DataAndCode {
            bytes
        } else if is_of(&DEBUG) {
            if bytes > DEBUG_BYTES_MAX { DEBUG_START_BYTES } else { bytes }
        } else if is_of(&VARIABLES) {
            if bytes > VARIABLES_BYTES_MAX { 0 } else { bytes }
        } else {
            0
        };
        fill(file, &mut image, offset, wanted)?;
    }
    if let Some(table) = table {
        fill_module_data(file, &mut image, &sections, table)?;
    }
    Ok(image)
}

/// Of large sections of variables what stands around a pointer to the function table: that of the module data.
fn fill_module_data(file: &File, image: &mut [u8], sections: &[Section], table: u64) -> io::Result<()> {
    let large = |s: &&Section| VARIABLES.contains(&s.name.as_slice()) && s.bytes > VARIABLES_BYTES_MAX;
    let mut places = Vec::new();
    for section in sections.iter().filter(large) {
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut at = 0;
        while at < section.bytes {
            let length = CHUNK_BYTES.min(usize::try_from(section.bytes - at).unwrap_or(CHUNK_BYTES));
            let Some(part) = chunk.get_mut(..length) else { break };
            file.read_exact_at(part, section.offset.saturating_add(at))?;
            let words = part.chunks_exact(8).zip((section.offset.saturating_add(at)..).step_by(8));
            places.extend(words.filter(|(word, _)| u64_at(word, 0) == Some(table)).map(|(_, place)| place));
            at += u64::try_from(length).unwrap_or(u64::MAX);
        }
        // Where the loader will write it.
        for relocations in sections.iter().filter(|s| RELOCATIONS.contains(&s.name.as_slice())) {
            let start = usize::try_from(relocations.offset).unwrap_or(usize::MAX);
            let end = start.saturating_add(usize::try_from(relocations.bytes).unwrap_or(usize::MAX));
            let entries = image.get(start..end).unwrap_or_default().chunks_exact(RELOCATION_BYTES);
            let writes = entries.filter(|entry| u64_at(entry, 16) == Some(table));
            places.extend(writes.filter_map(|entry| {
                let at = u64_at(entry, 0)?.checked_sub(section.address).filter(|at| *at < section.bytes)?;
                section.offset.checked_add(at)
            }));
        }
    }
    for place in places.into_iter().take(PLACES_MAX) {
        fill(file, image, place, AROUND_BYTES)?;
    }
    Ok(())
}

struct Section {
    name: Vec<u8>,
    address: u64,
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
    // Elf64_Shdr: sh_name at 0, sh_type at 4, sh_addr at 16, sh_offset at 24, sh_size at 32.
    let header = |image: &[u8], i: usize| {
        let at = usize::try_from(table).ok()?.checked_add(i * SECTION_HEADER_BYTES)?;
        let is_in_file = u32_at(image, at + 4)? != 8;
        let bytes = if is_in_file { u64_at(image, at + 32)? } else { 0 };
        Some((u32_at(image, at)?, [u64_at(image, at + 16)?, u64_at(image, at + 24)?, bytes]))
    };
    let Some((_, [_, names_at, names_bytes])) = header(image, names) else { return Ok(None) };
    fill(file, image, names_at, names_bytes.min(NAMES_BYTES_MAX))?;
    let name = |image: &[u8], offset: u32| {
        let start = usize::try_from(names_at).ok()?.checked_add(usize::try_from(offset).ok()?)?;
        let rest = image.get(start..)?;
        Some(rest.get(..rest.iter().take(64).position(|b| *b == 0)?)?.to_vec())
    };
    let found: Vec<Section> = (0..count)
        .filter_map(|i| {
            let (offset_of_name, [address, offset, bytes]) = header(image, i)?;
            Some(Section { name: name(image, offset_of_name)?, address, offset, bytes })
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
pub(super) struct Loaded {
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
    pub(super) fn new(file: File, loaded: Vec<Loaded>) -> Self {
        Self { file, loaded }
    }
}

/// What of a file is loaded where.
pub(super) fn loaded(segments: &[Segment<'_>]) -> Vec<Loaded> {
    let each = segments.iter().map(|segment| Loaded {
        address: segment.address,
        memory_bytes: segment.memory_bytes,
        offset: segment.offset,
        file_bytes: u64::try_from(segment.bytes.len()).unwrap_or(u64::MAX),
    });
    each.collect()
}

impl Memory for FileMemory {
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
