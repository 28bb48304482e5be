//! What spreads turns, so that not all targets and collectors come at once: nothing here is random, a target keeps its
//! place over restarts.

/// FNV-1a (64 bit): spreads first turns, nothing depends on its strength.
pub(super) fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}

/// A number in `[0, 1)` from the high bits of a hash.
pub(super) fn fraction(h: u64) -> f64 {
    let mixed = h.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 40) as f64 / (1_u64 << 24) as f64
}
