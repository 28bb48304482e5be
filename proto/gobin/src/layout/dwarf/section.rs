//! A section of debug information, inflated where it is compressed: Go's linker does so by default, with a header
//! of ELF's (`SHF_COMPRESSED`); older ones wrote `.zdebug_…` sections with a header of their own.

use std::io::Read;

use flate2::bufread::ZlibDecoder;

use super::NoDwarf;
use crate::elf::Elf;
use crate::little_endian::u32_at;

/// `ELFCOMPRESS_ZLIB`, and the bytes of `Elf64_Chdr`.
const ZLIB: u32 = 1;
const ELF_HEADER_BYTES: usize = 24;
/// `ZLIB` and a big-endian size.
const GNU_HEADER_BYTES: usize = 12;

/// A section as a stream of what it holds; `None` where there is none.
pub(super) fn open<'a>(elf: &Elf<'a>, name: &str) -> Result<Option<Box<dyn Read + 'a>>, NoDwarf> {
    if let Some(section) = elf.section(name) {
        if !section.compressed {
            return Ok(Some(Box::new(section.bytes)));
        }
        if u32_at(section.bytes, 0) != Some(ZLIB) {
            return Err(NoDwarf::Damaged(format!("{name} is compressed with something else than zlib")));
        }
        return Ok(Some(inflated(section.bytes.get(ELF_HEADER_BYTES..))));
    }
    let old = elf.section(&name.replacen(".debug", ".zdebug", 1));
    Ok(old.map(|section| inflated(section.bytes.get(GNU_HEADER_BYTES..))))
}

/// A section as a whole; empty where there is none.
pub(super) fn read(elf: &Elf<'_>, name: &str, bytes_max: usize) -> Result<Vec<u8>, NoDwarf> {
    let mut bytes = Vec::new();
    if let Some(section) = open(elf, name)? {
        read_to(&mut bytes, section, bytes_max)?;
    }
    if bytes.len() == bytes_max { Err(NoDwarf::TooLarge) } else { Ok(bytes) }
}

/// Appends at most so many bytes. What a header says of sizes is not asked: the bytes come or they do not.
pub(super) fn read_to(bytes: &mut Vec<u8>, stream: impl Read, bytes_max: usize) -> Result<(), NoDwarf> {
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX);
    stream.take(limit).read_to_end(bytes).map_err(|e| NoDwarf::Damaged(e.to_string()))?;
    Ok(())
}

fn inflated<'a>(bytes: Option<&'a [u8]>) -> Box<dyn Read + 'a> {
    Box::new(ZlibDecoder::new(bytes.unwrap_or_default()))
}
