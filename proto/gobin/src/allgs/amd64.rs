//! Words that amd64 code reads or writes by their distance from the instruction.

use crate::little_endian::{u8_at, u32_at};

/// `MOV r64, [RIP+disp32]` and back: REX.W (with or without an extended register), 8B or 89, a mode of 00 with the
/// base 101, the distance.
pub(super) fn words(code: &[u8], entry: u64) -> Vec<u64> {
    let at = |i: usize| {
        let is_move = matches!(u8_at(code, i)?, 0x48 | 0x4c)
            && matches!(u8_at(code, i + 1)?, 0x8b | 0x89)
            && u8_at(code, i + 2)? & 0xc7 == 0x05;
        let distance = i64::from(u32_at(code, i + 3)?.cast_signed());
        let next = entry.checked_add(u64::try_from(i).ok()? + 7)?;
        is_move.then(|| next.checked_add_signed(distance)).flatten()
    };
    (0..code.len()).filter_map(at).collect()
}
