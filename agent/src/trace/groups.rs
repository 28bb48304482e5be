//! Rows put together: many stacks lead through one place, and to who reads of it they are one.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::hash::Hash;

/// Rows by what makes them one, in the order they came.
pub(super) struct Groups<K, T> {
    rows: Vec<T>,
    by_key: HashMap<K, usize>,
}

impl<K: Eq + Hash, T> Groups<K, T> {
    pub(super) fn new() -> Self {
        Self { rows: Vec::new(), by_key: HashMap::new() }
    }

    #[expect(clippy::indexing_slicing, reason = "a place in the map is one in the list")]
    /// The row of a key, which is begun.
    pub(super) fn of(&mut self, key: K, new: impl FnOnce() -> T) -> &mut T {
        let rows = &mut self.rows;
        let place = *self.by_key.entry(key).or_insert_with(|| {
            rows.push(new());
            rows.len() - 1
        });
        &mut rows[place]
    }

    /// The largest first.
    pub(super) fn sorted(mut self, size: impl Fn(&T) -> u64) -> Vec<T> {
        self.rows.sort_by_key(|row| Reverse(size(row)));
        self.rows
    }
}
