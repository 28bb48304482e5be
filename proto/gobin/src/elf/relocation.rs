//! Relocations of a position-independent program: pointers in its data are zero in the file (GNU ld) and written by
//! the loader. Only the kind that adds the load address is read; Go's own data has no other.

use object::elf as raw;
use object::endian::LittleEndian;
use object::read::elf::{Dyn, Rela};

use super::{Elf, Machine, ORDER};

/// `R_X86_64_RELATIVE` and `R_AARCH64_RELATIVE`.
const RELATIVE_AMD64: u32 = 8;
const RELATIVE_ARM64: u32 = 1027;
/// Most bytes of an image made with [`Elf::image`]: the module data takes about 600.
const IMAGE_BYTES_MAX: usize = 4 << 10;

impl Elf<'_> {
    /// Where the loader writes a pointer, and which (before the program is moved).
    pub(crate) fn relative_relocations(&self) -> impl Iterator<Item = (u64, u64)> {
        let wanted = match self.machine() {
            Machine::Amd64 => RELATIVE_AMD64,
            Machine::Arm64 => RELATIVE_ARM64,
        };
        let entries = self.rela().unwrap_or_default();
        entries.iter().filter(move |rela| rela.r_type(ORDER, false).0 == wanted).filter_map(|rela| {
            let addend: i64 = rela.r_addend(ORDER);
            Some((rela.r_offset(ORDER), u64::try_from(addend).ok()?))
        })
    }

    /// A piece of data as the loader leaves it, before the program is moved.
    pub(crate) fn image(&self, address: u64, length: usize) -> Option<Vec<u8>> {
        if length > IMAGE_BYTES_MAX {
            return None;
        }
        let mut image = self.at(address, length)?.to_vec();
        for (at, pointer) in self.relative_relocations() {
            let Some(offset) = at.checked_sub(address).and_then(|o| usize::try_from(o).ok()) else {
                continue;
            };
            if let Some(word) = image.get_mut(offset..).and_then(|rest| rest.first_chunk_mut()) {
                *word = pointer.to_le_bytes();
            }
        }
        Some(image)
    }

    fn rela(&self) -> Option<&[raw::Rela64<LittleEndian>]> {
        let (mut address, mut bytes) = (None, None);
        for entry in self.dynamic? {
            match entry.tag(ORDER) {
                raw::DT_RELA => address = Some(entry.val(ORDER)),
                raw::DT_RELASZ => bytes = Some(entry.val(ORDER)),
                raw::DT_NULL => break,
                _ => {}
            }
        }
        let table = self.at(address?, usize::try_from(bytes?).ok()?)?;
        object::pod::slice_from_all_bytes(table).ok()
    }
}
