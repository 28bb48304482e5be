//! `STR Xt, [SP, #distance]` and `STP Xt, Xu, [SP, #distance]`. Stores of the zero register are left out: a function
//! clears its slots with them when it starts.
//!
//! What one instruction does not reach is reached through R27, which Go's assembler keeps for itself (Go 1.27,
//! cmd/internal/obj/arm64/a.out.go, `REGTMP`): it is loaded and used in a row, so that no jump comes between.

use super::Store;
use crate::little_endian::u32_at;

/// The number that stands for the stack pointer as a base, and for zero as a value.
const SP_OR_ZERO: u32 = 31;
/// The assembler's own register.
const TEMPORARY: u32 = 27;
/// `ADD R27, SP, R27`.
const ADD_TEMPORARY_TO_SP: u32 = 0x8b3b_63fb;

/// What is known of R27.
#[derive(Clone, Copy)]
enum Temporary {
    Unknown,
    Number(u64),
    /// So many bytes above the stack pointer.
    Above(u64),
}

pub(super) fn stores(code: &[u8], entry: u64) -> impl Iterator<Item = Store> {
    let (words, _) = code.as_chunks::<4>();
    let mut temporary = Temporary::Unknown;
    words.iter().enumerate().zip((entry..).step_by(4)).flat_map(move |((i, word), pc)| {
        let word = u32::from_le_bytes(*word);
        let base = match ((word >> 5) & 31, temporary) {
            (SP_OR_ZERO, _) => Some(0),
            (TEMPORARY, Temporary::Above(above)) => Some(above),
            _ => None,
        };
        temporary = after(temporary, word, || literal(code, i, word));
        let [first, second] = stored(word);
        let above = |distance: i64| base.and_then(|base| u64::checked_add_signed(base, distance));
        let stores = first.and_then(above).into_iter().chain(second.and_then(above));
        stores.map(move |above| Store { pc, above })
    })
}

/// Where an instruction stores registers other than zero, as distances from its base.
fn stored(word: u32) -> [Option<i64>; 2] {
    let is_value = |shift: u32| (word >> shift) & 31 != SP_OR_ZERO;
    match word & 0xffc0_0000 {
        // STR: words of 8 bytes.
        0xf900_0000 => [is_value(0).then(|| i64::from((word >> 10) & 0xfff) * 8), None],
        // STP: the same, signed.
        0xa900_0000 => {
            let distance = i64::from((((word >> 15) & 0x7f) << 25).cast_signed() >> 25) * 8;
            [is_value(0).then_some(distance), is_value(10).then_some(distance + 8)]
        }
        _ => [None, None],
    }
}

/// What is known of R27 behind an instruction.
fn after(before: Temporary, word: u32, literal: impl FnOnce() -> Option<u32>) -> Temporary {
    if word & 31 != TEMPORARY {
        return before;
    }
    let source = (word >> 5) & 31;
    let half = u64::from((word >> 5) & 0xffff);
    let half_shift = 16 * ((word >> 21) & 3);
    match (word, before) {
        (ADD_TEMPORARY_TO_SP, Temporary::Number(number)) => Temporary::Above(number),
        // ADD of a 12-bit number, perhaps 4096 times as large.
        (w, _) if w & 0xff80_0000 == 0x9100_0000 => {
            let number = u64::from((w >> 10) & 0xfff) << (12 * ((w >> 22) & 1));
            match before {
                _ if source == SP_OR_ZERO => Temporary::Above(number),
                Temporary::Above(above) if source == TEMPORARY => Temporary::Above(above + number),
                _ => Temporary::Unknown,
            }
        }
        // MOVZ, MOVK, and LDR of a 32-bit number behind the code.
        (w, _) if w & 0xff80_0000 == 0xd280_0000 => Temporary::Number(half << half_shift),
        (w, Temporary::Number(number)) if w & 0xff80_0000 == 0xf280_0000 => {
            Temporary::Number((number & !(0xffff << half_shift)) | (half << half_shift))
        }
        (w, _) if w & 0xff00_0000 == 0x1800_0000 => {
            literal().map_or(Temporary::Unknown, |number| Temporary::Number(number.into()))
        }
        _ => Temporary::Unknown,
    }
}

/// The number that an `LDR` at the word `i` of the code refers to.
fn literal(code: &[u8], i: usize, word: u32) -> Option<u32> {
    let words = ((word >> 5) << 13).cast_signed() >> 13;
    u32_at(code, i.checked_add_signed(isize::try_from(words).ok()?)?.checked_mul(4)?)
}

#[cfg(test)]
mod tests {
    use super::{Store, stores};

    #[track_caller]
    fn check(word: u32, expected: &[u64]) {
        check_all(&[word], expected);
    }

    #[track_caller]
    fn check_all(words: &[u32], expected: &[u64]) {
        let code: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let above: Vec<u64> = stores(&code, 0x1000).map(|Store { above, .. }| above).collect();
        assert_eq!(above, expected, "{words:08x?}");
    }

    #[test]
    fn stores_far_from_the_stack_pointer_go_through_the_temporary() {
        // add x27, sp, #8<<12; str x3, [x27, #8296]
        check_all(&[0x9140_23fb, 0xf910_3763], &[0x8000 + 8_296]);
        // add x27, sp, #64; add x27, x27, #10<<12; stp x4, x1, [x27]
        check_all(&[0x9101_03fb, 0x9140_2b7b, 0xa900_0764], &[0xa040, 0xa048]);
        // movz x27, #41088; add x27, sp, x27; str x3, [x27, #8]
        check_all(&[0xd294_101b, 0x8b3b_63fb, 0xf900_0763], &[41_096]);
        // movz x27, #1; movk x27, #2, lsl #16; add x27, sp, x27; str x3, [x27]
        check_all(&[0xd280_003b, 0xf2a0_005b, 0x8b3b_63fb, 0xf900_0363], &[0x2_0001]);
        // ldr w27, 12 bytes on; add x27, sp, x27; str x3, [x27]; the number
        check_all(&[0x1800_007b, 0x8b3b_63fb, 0xf900_0363, 50_000], &[50_000]);
        // adrp x27, 0; str x3, [x27]: not the stack
        check_all(&[0x9140_23fb, 0x9000_001b, 0xf900_0363], &[]);
        // ldr w27 of a number beyond the code
        check_all(&[0x18ff_ff1b, 0x8b3b_63fb, 0xf900_0363], &[]);
    }

    #[test]
    fn stores_to_the_stack_are_found_alone_and_in_pairs() {
        check(0xf900_2fe0, &[88]); // str x0, [sp, #88]
        check(0xa905_87e0, &[88, 96]); // stp x0, x1, [sp, #88]
    }

    #[test]
    fn loads_other_bases_and_narrow_stores_are_not() {
        check(0xf940_2fe0, &[]); // ldr x0, [sp, #88]
        check(0xf900_2c20, &[]); // str x0, [x1, #88]
        check(0xb900_5be0, &[]); // str w0, [sp, #88]
        check(0xa93f_87e0, &[0]); // stp x0, x1, [sp, #-8]: the first one below the stack pointer
    }

    #[test]
    fn clearing_a_slot_is_no_store_into_it() {
        check(0xf900_2fff, &[]); // str xzr, [sp, #88]
        check(0xa905_ffff, &[]); // stp xzr, xzr, [sp, #88]
        check(0xa905_83ff, &[96]); // stp xzr, x0, [sp, #88]
    }
}
