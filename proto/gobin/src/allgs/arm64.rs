//! Words that arm64 code reads or writes by a page (`ADRP`) and a distance in it.

use crate::little_endian::u32_at;

/// Registers; the last number is the stack pointer or zero.
const REGISTERS: usize = 32;

/// What 64-bit loads and stores refer to. Registers keep what was put into them until something else is: jumps are
/// not followed, since the caller asks for three neighbours and gets no false ones by chance.
pub(super) fn words(code: &[u8], entry: u64) -> Vec<u64> {
    let mut words = Vec::new();
    let mut registers = [None::<u64>; REGISTERS];
    let get = |registers: &[Option<u64>; REGISTERS], n: usize| registers.get(n).copied().flatten();
    for (i, at) in (0..code.len()).step_by(4).zip((entry..).step_by(4)) {
        let Some(word) = u32_at(code, i) else { break };
        let field = |shift: u32, bits: u32| (word >> shift) & ((1 << bits) - 1);
        let register = |shift| field(shift, 5) as usize;
        if word & 0x9f00_0000 == 0x9000_0000 {
            // ADRP: 21 bits of pages, the lowest two apart.
            let pages = (field(5, 19) << 2 | field(29, 2)) << 11;
            let distance = i64::from(pages.cast_signed() >> 11) << 12;
            if let Some(to) = registers.get_mut(register(0)) {
                *to = (at & !0xfff).checked_add_signed(distance);
            }
        } else if word & 0xff80_0000 == 0x9100_0000 {
            // ADD of a 12-bit number, perhaps 4096 times as large.
            let number = u64::from(field(10, 12)) << (field(22, 1) * 12);
            let sum = get(&registers, register(5)).and_then(|base| base.checked_add(number));
            if let Some(to) = registers.get_mut(register(0)) {
                *to = sum;
            }
        } else if word & 0xff80_0000 == 0xf900_0000 {
            // STR and LDR of 64 bits at a distance in words.
            let base = get(&registers, register(5));
            words.extend(base.and_then(|base| base.checked_add(u64::from(field(10, 12)) * 8)));
        } else if word & 0xff80_0000 == 0xa900_0000 {
            // STP and LDP: two neighbours, the distance signed.
            let distance = i64::from((field(15, 7) << 25).cast_signed() >> 25) * 8;
            let base = get(&registers, register(5)).and_then(|base| base.checked_add_signed(distance));
            words.extend(base.into_iter().chain(base.and_then(|base| base.checked_add(8))));
        }
    }
    words
}
