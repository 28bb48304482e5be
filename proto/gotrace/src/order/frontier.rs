//! The next event of each thread, the earliest first: a heap of times.
//!
//! Which of two events of one time comes first shows in the output, so moves are those of Go's reader (Go 1.27,
//! `internal/trace/batchcursor.go`): comparisons are strict, and after a fall-back the heap is left sorted.

/// A thread's next event: its time, and the thread's cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Next {
    pub(crate) time: u64,
    pub(crate) cursor: u32,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Frontier {
    heap: Vec<Next>,
}

impl Frontier {
    pub(crate) fn clear(&mut self) {
        self.heap.clear();
    }

    /// Threads that have one.
    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }

    /// The event at a place; 0 is the earliest.
    #[inline(always)]
    pub(crate) fn get(&self, place: usize) -> Option<Next> {
        self.heap.get(place).copied()
    }

    /// Up to which time the earliest thread stays the earliest.
    #[inline(always)]
    pub(crate) fn limit(&self) -> u64 {
        let time = |place| self.heap.get(place).map_or(u64::MAX, |next: &Next| next.time);
        time(1).min(time(2))
    }

    pub(crate) fn insert(&mut self, next: Next) {
        self.heap.push(next);
        self.up(self.heap.len() - 1);
    }

    /// Sorts: the rest of the heap can be tried in the order of time.
    pub(crate) fn sort(&mut self) {
        self.heap.sort_by_key(|next| next.time);
    }

    /// The thread at a place goes on at another time.
    #[inline(always)]
    pub(crate) fn update(&mut self, place: usize, time: u64) {
        if let Some(next) = self.heap.get_mut(place) {
            next.time = time;
        }
        if place == 0 || self.up(place) == place {
            self.down(place);
        }
    }

    /// The thread at a place has no more events.
    pub(crate) fn remove(&mut self, mut place: usize) {
        while place > 0 {
            self.heap.swap((place - 1) / 2, place);
            place = (place - 1) / 2;
        }
        if !self.heap.is_empty() {
            self.heap.swap_remove(0);
        }
        self.down(0);
    }

    fn up(&mut self, mut place: usize) -> usize {
        while place > 0 {
            let parent = (place - 1) / 2;
            match (self.heap.get(parent), self.heap.get(place)) {
                (Some(above), Some(below)) if above.time > below.time => self.heap.swap(parent, place),
                _ => break,
            }
            place = parent;
        }
        place
    }

    #[inline(always)]
    fn down(&mut self, mut place: usize) {
        let Some(moved) = self.heap.get(place).copied() else { return };
        loop {
            let (mut least, mut time) = (place, moved.time);
            for child in [2 * place + 1, 2 * place + 2] {
                match self.heap.get(child) {
                    Some(next) if next.time < time => (least, time) = (child, next.time),
                    _ => {}
                }
            }
            if least == place {
                return;
            }
            self.heap.swap(least, place);
            place = least;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Frontier, Next};

    fn frontier(times: &[u64]) -> Frontier {
        let mut frontier = Frontier::default();
        for (cursor, time) in (0..).zip(times) {
            frontier.insert(Next { time: *time, cursor });
        }
        frontier
    }

    fn drain(mut frontier: Frontier) -> Vec<u64> {
        let mut times = Vec::new();
        while let Some(next) = frontier.get(0) {
            times.push(next.time);
            frontier.remove(0);
        }
        times
    }

    #[test]
    fn the_earliest_comes_first() {
        let mut all = frontier(&[5, 3, 9, 1, 7, 1]);
        assert_eq!(all.limit(), 1);
        all.update(0, 8);
        assert_eq!(drain(all), [1, 3, 5, 7, 8, 9]);
    }

    #[test]
    fn a_sorted_frontier_may_lose_a_thread_anywhere() {
        for place in 0..6 {
            let mut all = frontier(&[5, 3, 9, 1, 7, 2]);
            all.sort();
            all.remove(place);
            let mut expected = vec![1, 2, 3, 5, 7, 9];
            expected.remove(place);
            assert_eq!(drain(all), expected);
        }
    }

    #[test]
    fn the_limit_of_the_last_thread_is_never() {
        assert_eq!(frontier(&[4]).limit(), u64::MAX);
    }
}
