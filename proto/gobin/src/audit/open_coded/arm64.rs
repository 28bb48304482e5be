//! `STR Xt, [SP, #distance]` and `STP Xt, Xu, [SP, #distance]`. Stores of the zero register are left out: a function
//! clears its slots with them when it starts.

use super::Store;

/// The number that stands for the stack pointer as a base, and for zero as a value.
const SP_OR_ZERO: u32 = 31;

pub(super) fn stores(code: &[u8], entry: u64) -> impl Iterator<Item = Store> {
    let (words, _) = code.as_chunks::<4>();
    words.iter().zip((entry..).step_by(4)).flat_map(|(word, pc)| {
        let word = u32::from_le_bytes(*word);
        let register = |shift: u32| (word >> shift) & 31;
        let (first, second) = match word & 0xffc0_0000 {
            _ if register(5) != SP_OR_ZERO => (None, None),
            0xf900_0000 => (Some(u64::from((word >> 10) & 0xfff) * 8), None),
            0xa900_0000 => {
                let words = (((word >> 15) & 0x7f) << 25).cast_signed() >> 25;
                let first = u64::try_from(words).ok().map(|words| words * 8);
                (first, first.map(|first| first + 8))
            }
            _ => (None, None),
        };
        let first = first.filter(|_| register(0) != SP_OR_ZERO);
        let second = second.filter(|_| register(10) != SP_OR_ZERO);
        first.into_iter().chain(second).map(move |above| Store { pc, above })
    })
}

#[cfg(test)]
mod tests {
    use super::{Store, stores};

    #[track_caller]
    fn check(word: u32, expected: &[u64]) {
        let above: Vec<u64> = stores(&word.to_le_bytes(), 0x1000).map(|Store { above, .. }| above).collect();
        assert_eq!(above, expected, "{word:08x}");
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
        check(0xa93f_87e0, &[]); // stp x0, x1, [sp, #-8]
    }

    #[test]
    fn clearing_a_slot_is_no_store_into_it() {
        check(0xf900_2fff, &[]); // str xzr, [sp, #88]
        check(0xa905_ffff, &[]); // stp xzr, xzr, [sp, #88]
        check(0xa905_83ff, &[96]); // stp xzr, x0, [sp, #88]
    }
}
