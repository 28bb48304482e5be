//! `MOV [RSP+distance], r64`, found by its bytes wherever they stand: a register prefix, `89`, a mode with RSP as the
//! base, no index. That the same bytes stand inside another instruction and name exactly a slot does not happen by
//! chance: a full disassembly of the programs compared with the compiler's list finds the same.

use memchr::memchr_iter;

use super::Store;
use crate::little_endian::{u8_at, u32_at};

pub(super) fn stores(code: &[u8], entry: u64) -> impl Iterator<Item = Store> {
    memchr_iter(0x89, code).filter_map(move |i| {
        let start = i.checked_sub(1)?;
        let is_store = matches!(u8_at(code, start)?, 0x48 | 0x4c) && u8_at(code, i + 2)? == 0x24;
        let distance = match u8_at(code, i + 1)? & 0xc7 {
            _ if !is_store => return None,
            0x04 => 0,
            0x44 => u64::try_from(u8_at(code, i + 3)?.cast_signed()).ok()?,
            0x84 => u64::try_from(u32_at(code, i + 3)?.cast_signed()).ok()?,
            _ => return None,
        };
        Some(Store { pc: entry.checked_add(u64::try_from(start).ok()?)?, above: distance })
    })
}

#[cfg(test)]
mod tests {
    use super::{Store, stores};

    #[track_caller]
    fn check(code: &[u8], expected: &[(u64, u64)]) {
        let expected: Vec<Store> = expected.iter().map(|&(pc, above)| Store { pc, above }).collect();
        assert_eq!(stores(code, 0x1000).collect::<Vec<_>>(), expected, "{code:02x?}");
    }

    #[test]
    fn stores_to_the_stack_are_found_with_every_width_of_distance() {
        check(&[0x48, 0x89, 0x04, 0x24], &[(0x1000, 0)]);
        check(&[0x90, 0x48, 0x89, 0x44, 0x24, 0x58], &[(0x1001, 0x58)]);
        check(&[0x4c, 0x89, 0xbc, 0x24, 0x98, 0x01, 0, 0], &[(0x1000, 0x198)]);
    }

    #[test]
    fn loads_other_bases_and_narrow_stores_are_not() {
        check(&[0x48, 0x8b, 0x44, 0x24, 0x58], &[]);
        check(&[0x48, 0x89, 0x45, 0x58, 0x24], &[]);
        check(&[0x40, 0x89, 0x44, 0x24, 0x58], &[]);
        check(&[0x48, 0x89, 0x44, 0x24, 0xf8], &[]); // below the stack pointer
        check(&[0x89, 0x44, 0x24], &[]);
        check(&[0x48, 0x89, 0x84, 0x24, 0x98], &[]); // cut off
    }
}
