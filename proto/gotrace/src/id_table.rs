//! What a generation defines by number: filled in any order, asked often. Numbers close together are asked by index;
//! a hostile one far away costs an entry of its own and nothing more.

use std::collections::HashMap;

/// Places the index may be longer than it has entries. Strings come about in the order of their numbers, stacks in none:
/// what comes far too early waits until all are there.
const SPARE_PLACES: usize = 1 << 12;

/// Values by id, each once. The id 0 always has the value given at first.
#[derive(Debug)]
pub(crate) struct IdTable<V> {
    zero: V,
    near: Vec<Option<V>>,
    early: Vec<(u64, V)>,
    far: HashMap<u64, V>,
    entries: usize,
    unique: bool,
    /// All ids below are there.
    unbroken: u64,
}

impl<V: Copy> IdTable<V> {
    pub(crate) fn new(zero: V) -> Self {
        Self {
            zero,
            near: vec![Some(zero)],
            early: Vec::new(),
            far: HashMap::new(),
            entries: 0,
            unique: true,
            unbroken: 0,
        }
    }

    /// Forgets everything but its memory.
    pub(crate) fn clear(&mut self) {
        self.near.clear();
        self.near.push(Some(self.zero));
        self.early.clear();
        self.far.clear();
        (self.entries, self.unique, self.unbroken) = (0, true, 0);
    }

    /// Adds a value; it is there after [`IdTable::seal`].
    pub(crate) fn add(&mut self, id: u64, value: V) {
        self.entries += 1;
        match usize::try_from(id).ok().filter(|place| *place < self.entries + SPARE_PLACES) {
            Some(place) => self.put(place, value),
            None => self.early.push((id, value)),
        }
    }

    fn put(&mut self, place: usize, value: V) {
        if self.near.len() <= place {
            self.near.resize(place + 1, None);
        }
        if let Some(near) = self.near.get_mut(place) {
            self.unique &= near.replace(value).is_none();
        }
    }

    /// Entries added.
    pub(crate) fn len(&self) -> usize {
        self.entries
    }

    /// Memory they take, about.
    pub(crate) fn bytes(&self) -> usize {
        self.near.len() * size_of::<Option<V>>() + self.early.len() * 3 * size_of::<(u64, V)>()
    }

    /// Makes everything added answerable; false when an id came twice.
    pub(crate) fn seal(&mut self) -> bool {
        for (id, value) in std::mem::take(&mut self.early) {
            match usize::try_from(id).ok().filter(|place| *place < 2 * self.entries + SPARE_PLACES) {
                Some(place) => self.put(place, value),
                None => self.unique &= self.far.insert(id, value).is_none(),
            }
        }
        self.unbroken = self.near.iter().take_while(|v| v.is_some()).count() as u64;
        self.unique
    }

    /// Whether there is such an id.
    #[inline(always)]
    pub(crate) fn has(&self, id: u64) -> bool {
        id < self.unbroken || self.get_slowly(id).is_some()
    }

    /// The value of an id.
    #[inline(always)]
    pub(crate) fn get(&self, id: u64) -> Option<V> {
        match usize::try_from(id).ok().and_then(|id| self.near.get(id)) {
            Some(value) => *value,
            None => self.get_slowly(id),
        }
    }

    #[cold]
    #[inline(never)]
    fn get_slowly(&self, id: u64) -> Option<V> {
        let near = usize::try_from(id).ok().and_then(|id| self.near.get(id).copied().flatten());
        near.or_else(|| self.far.get(&id).copied())
    }

    /// All values, in no order that means anything.
    pub(crate) fn values(&self) -> impl Iterator<Item = V> {
        self.near.iter().flatten().chain(self.far.values()).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::IdTable;

    #[test]
    fn near_and_far_ids_are_found_and_others_are_not() {
        let mut table = IdTable::new(0);
        for (id, value) in [(5, 50), (1, 10), (u64::MAX, 7), (2, 20), (1 << 40, 9)] {
            table.add(id, value);
        }
        assert!(table.seal());
        let found = [0, 1, 2, 3, 5, 6, 1 << 40, u64::MAX].map(|id| table.get(id));
        let expected = [Some(0), Some(10), Some(20), None, Some(50), None, Some(9), Some(7)];
        assert_eq!(found, expected);
        assert_eq!([0, 2, 3, 5, 1 << 40].map(|id| table.has(id)), [true, true, false, true, true]);
        let mut values: Vec<i32> = table.values().collect();
        values.sort_unstable();
        assert_eq!(values, [0, 7, 9, 10, 20, 50]);
        table.clear();
        assert!(table.seal());
        assert_eq!((table.get(0), table.get(1)), (Some(0), None));
    }

    #[test]
    fn an_id_that_comes_twice_or_is_zero_is_told() {
        for ids in [[3, 3], [1 << 50, 1 << 50], [0, 1]] {
            let mut table = IdTable::new(0);
            ids.into_iter().for_each(|id| table.add(id, 1));
            assert!(!table.seal(), "{ids:?}");
        }
    }
}
