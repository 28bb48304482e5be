//! What a pair of numbers of the present generation meant before: asked for nearly every event, so it must be one look.
//! It only remembers: a pair that is too large or has no room is worked out again.

use std::hash::{BuildHasher, RandomState};

/// Pairs remembered. Programs have some hundreds of places that matter; 4,096 take 64 KiB.
const PLACES: usize = 1 << 12;

/// Values by pairs of numbers below 2^31, a place for each hash.
#[derive(Debug)]
pub(super) struct PairCache {
    places: Vec<(u64, u32)>,
    /// Of chance, so that no trace can make all pairs meet.
    multiplier: u64,
}

/// A pair that no two such numbers make.
const NOTHING: u64 = u64::MAX;

impl PairCache {
    pub(super) fn new() -> Self {
        Self { places: vec![(NOTHING, 0); PLACES], multiplier: RandomState::new().hash_one(0) | 1 }
    }

    /// To be called when numbers mean something else.
    pub(super) fn forget(&mut self) {
        self.places.fill((NOTHING, 0));
    }

    #[expect(clippy::cast_possible_truncation, reason = "the shift leaves as many bits as there are places")]
    #[inline(always)]
    fn place(&self, pair: u64) -> usize {
        (pair.wrapping_mul(self.multiplier) >> (u64::BITS - PLACES.trailing_zeros())) as usize
    }

    #[inline(always)]
    pub(super) fn get(&self, a: u64, b: u64) -> Option<u32> {
        let pair = a << 32 | b & 0xffff_ffff;
        match self.places.get(self.place(pair)) {
            Some((there, value)) if *there == pair && (a | b) >> 31 == 0 => Some(*value),
            _ => None,
        }
    }

    pub(super) fn put(&mut self, a: u64, b: u64, value: u32) {
        let pair = a << 32 | b;
        if (a | b) >> 31 != 0 {
            return;
        }
        let place = self.place(pair);
        if let Some(place) = self.places.get_mut(place) {
            *place = (pair, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::PairCache;

    #[test]
    fn what_it_says_is_what_it_was_told() {
        let mut cache = PairCache::new();
        for a in 0..100 {
            for b in 0..100 {
                cache.put(a, b, u32::try_from(a * 1000 + b).unwrap());
                assert_eq!(cache.get(a, b), Some(u32::try_from(a * 1000 + b).unwrap()));
            }
        }
        assert!((0..100).all(|a| cache.get(a, 5).is_none_or(|v| u64::from(v) == a * 1000 + 5)));
        cache.put(1 << 32, 1, 7);
        cache.put(u32::MAX.into(), u32::MAX.into(), 7);
        assert_eq!((cache.get(1 << 32, 1), cache.get(0, 1 << 32 | 1)), (None, None));
        cache.forget();
        assert_eq!(cache.get(u32::MAX.into(), u32::MAX.into()), None);
        assert!((0..100).all(|a| (0..100).all(|b| cache.get(a, b).is_none())));
    }
}
