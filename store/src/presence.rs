//! Which samples of a block a series is present in: a scrape in which it is absent gives no point, never a zero.
//!
//! In memory a bitmap; on disk runs of absent and present, because a series mostly comes once and goes once.

use crate::bytes::{Cursor, Malformed, put_count};
use crate::options::BLOCK_SAMPLES_MAX;

const WORD_BITS: usize = 64;
const WORDS: usize = BLOCK_SAMPLES_MAX.div_ceil(WORD_BITS);

/// A set of sample indexes below [`BLOCK_SAMPLES_MAX`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Presence([u64; WORDS]);

impl Presence {
    /// Marks a sample. Indexes at or above the maximum are not kept; a block never has them.
    #[inline]
    pub(crate) fn set(&mut self, index: usize) {
        debug_assert!(index < BLOCK_SAMPLES_MAX, "a block holds at most {BLOCK_SAMPLES_MAX} samples");
        if let Some(word) = self.0.get_mut(index / WORD_BITS) {
            *word |= 1 << (index % WORD_BITS);
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Present sample indexes in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> {
        self.0.iter().enumerate().flat_map(|(i, &word)| {
            std::iter::successors((word != 0).then_some(word), |w| {
                let rest = w & (w - 1);
                (rest != 0).then_some(rest)
            })
            .map(move |w| i * WORD_BITS + w.trailing_zeros() as usize)
        })
    }

    /// Writes the runs for a block of `samples`: their number, then absent and present lengths in turn. A series
    /// present throughout is the single byte 0.
    pub(crate) fn encode(&self, samples: usize, out: &mut Vec<u8>) {
        if self.count() == samples {
            return put_count(out, 0);
        }
        let mut runs: Vec<(usize, usize)> = Vec::new();
        let mut after = 0;
        for index in self.iter() {
            match runs.last_mut() {
                Some(run) if index == after => run.1 += 1,
                _ => runs.push((index - after, 1)),
            }
            after = index + 1;
        }
        put_count(out, runs.len());
        for (absent, present) in runs {
            put_count(out, absent);
            put_count(out, present);
        }
    }

    /// Reads the runs back.
    pub(crate) fn decode(samples: usize, from: &mut Cursor<'_>) -> Result<Self, Malformed> {
        let runs = from.count(samples, "more runs than samples")?;
        let mut presence = Self::default();
        if runs == 0 {
            (0..samples).for_each(|index| presence.set(index));
            return Ok(presence);
        }
        let mut at = 0;
        for _ in 0..runs {
            at += from.count(samples - at, "absent run beyond the block")?;
            let present = from.count(samples - at, "present run beyond the block")?;
            (at..at + present).for_each(|index| presence.set(index));
            at += present;
        }
        Ok(presence)
    }
}

#[cfg(test)]
mod tests {
    use super::Presence;
    use crate::bytes::Cursor;
    use proptest::prelude::{any, prop, prop_assert_eq, proptest};

    proptest! {
        #[test]
        fn any_set_of_samples_comes_back(bits in prop::collection::vec(any::<bool>(), 1..=480)) {
            let mut presence = Presence::default();
            for (i, _) in bits.iter().enumerate().filter(|(_, set)| **set) {
                presence.set(i);
            }
            let expected: Vec<usize> = (0..bits.len()).filter(|&i| bits[i]).collect();
            prop_assert_eq!(presence.count(), expected.len());
            prop_assert_eq!(presence.iter().collect::<Vec<_>>(), expected);
            // A series without any sample has no column, so the empty set is never encoded.
            if presence.count() > 0 {
                let mut out = Vec::new();
                presence.encode(bits.len(), &mut out);
                let mut cursor = Cursor::new(&out);
                prop_assert_eq!(Presence::decode(bits.len(), &mut cursor), Ok(presence));
                prop_assert_eq!(cursor.end(), Ok(()));
            }
        }
    }

    #[test]
    fn the_common_case_is_one_byte() {
        let mut presence = Presence::default();
        (0..480).for_each(|i| presence.set(i));
        let mut out = Vec::new();
        presence.encode(480, &mut out);
        assert_eq!(out, [0]);
    }
}
