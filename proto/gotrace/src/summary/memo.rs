//! What a number of the present generation meant before, together with a second one that nearly always is the same: one
//! look without hashing. It only remembers: what is not in it is worked out again.

/// Numbers remembered. The runtime counts stacks and strings from 1 in each generation; busy services have some
/// thousand.
const NUMBERS_MAX: usize = 1 << 14;

/// The second number of a place that holds nothing.
const NOTHING: u32 = u32::MAX;

/// Values by number and companion: the last companion's.
#[derive(Debug, Default)]
pub(super) struct Memo {
    places: Vec<(u32, u32)>,
}

impl Memo {
    /// To be called when numbers mean something else.
    pub(super) fn forget(&mut self) {
        self.places.clear();
    }

    #[inline(always)]
    pub(super) fn get(&self, number: u64, companion: u64) -> Option<u32> {
        let (there, value) = *self.places.get(usize::try_from(number).ok()?)?;
        (there != NOTHING && u64::from(there) == companion).then_some(value)
    }

    #[cold]
    pub(super) fn put(&mut self, number: u64, companion: u64, value: u32) {
        let Some(number) = usize::try_from(number).ok().filter(|number| *number < NUMBERS_MAX) else {
            return;
        };
        let Ok(companion) = u32::try_from(companion) else { return };
        if self.places.len() <= number {
            self.places.resize(number + 1, (NOTHING, 0));
        }
        if let Some(place) = self.places.get_mut(number) {
            *place = (companion, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Memo;

    #[test]
    fn the_last_companion_is_remembered() {
        let mut memo = Memo::default();
        memo.put(5, 1, 10);
        memo.put(7, 0, 11);
        assert_eq!([memo.get(5, 1), memo.get(5, 2), memo.get(7, 0)], [Some(10), None, Some(11)]);
        memo.put(5, 2, 12);
        assert_eq!([memo.get(5, 1), memo.get(5, 2), memo.get(6, 0)], [None, Some(12), None]);
        memo.put(u64::MAX, 1, 13);
        memo.put(1, u64::MAX, 14);
        memo.put(2, u64::from(u32::MAX), 15);
        assert_eq!([memo.get(u64::MAX, 1), memo.get(1, u64::MAX), memo.get(2, u32::MAX.into())], [None; 3]);
        memo.forget();
        assert_eq!(memo.get(7, 0), None);
    }
}
