//! A section of debug information, inflated where it is compressed: Go's linker does so by default, with a header
//! of ELF's (`SHF_COMPRESSED`); older ones wrote `.zdebug_…` sections with a header of their own.

use std::borrow::Cow;
use std::io::Read;

use flate2::bufread::ZlibDecoder;

use super::NoDwarf;
use crate::elf::Elf;
use crate::little_endian::{u32_at, u64_at};

/// `ELFCOMPRESS_ZLIB`, and the bytes of `Elf64_Chdr`, whose size is at 8.
const ZLIB: u32 = 1;
const ELF_HEADER_BYTES: usize = 24;
/// `ZLIB` and a big-endian size.
const GNU_HEADER_BYTES: usize = 12;

pub(super) fn read<'a>(
    elf: &Elf<'a>,
    name: &str,
    bytes_max: usize,
) -> Result<Option<Cow<'a, [u8]>>, NoDwarf> {
    if let Some(section) = elf.section(name) {
        if !section.compressed {
            return if section.bytes.len() > bytes_max {
                Err(NoDwarf::TooLarge)
            } else {
                Ok(Some(Cow::Borrowed(section.bytes)))
            };
        }
        if u32_at(section.bytes, 0) != Some(ZLIB) {
            return Err(NoDwarf::Damaged(format!("{name} is compressed with something else than zlib")));
        }
        let bytes = section.bytes.get(ELF_HEADER_BYTES..).unwrap_or_default();
        return inflate(name, bytes, u64_at(section.bytes, 8), bytes_max).map(Some);
    }
    let Some(section) = elf.section(&name.replacen(".debug", ".zdebug", 1)) else { return Ok(None) };
    let size = section.bytes.get(4..).and_then(|b| b.first_chunk()).copied().map(u64::from_be_bytes);
    let bytes = section.bytes.get(GNU_HEADER_BYTES..).unwrap_or_default();
    inflate(name, bytes, size, bytes_max).map(Some)
}

/// What it says it holds is only believed as far as it comes.
fn inflate(
    name: &str,
    bytes: &[u8],
    size: Option<u64>,
    bytes_max: usize,
) -> Result<Cow<'static, [u8]>, NoDwarf> {
    let damaged = |reason: String| NoDwarf::Damaged(format!("{name}: {reason}"));
    let size = size.ok_or_else(|| damaged("cut off".into()))?;
    if usize::try_from(size).map_or(true, |size| size > bytes_max) {
        return Err(NoDwarf::TooLarge);
    }
    let mut inflated = Vec::new();
    ZlibDecoder::new(bytes).take(size).read_to_end(&mut inflated).map_err(|e| damaged(e.to_string()))?;
    Ok(Cow::Owned(inflated))
}
