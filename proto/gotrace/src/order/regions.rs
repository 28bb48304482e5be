//! Open regions of goroutines: a stack for each, all in one pool, innermost first.

use super::goroutines::NO_SLOT;

/// An open region, and the place of the one around it.
#[derive(Clone, Copy, Debug)]
struct Open<T> {
    region: T,
    around: u32,
}

/// The pool. A goroutine holds the place of its innermost region, [`NO_SLOT`] for none.
#[derive(Debug)]
pub(crate) struct Regions<T> {
    pool: Vec<Open<T>>,
    free: Vec<u32>,
}

impl<T: Copy> Regions<T> {
    pub(crate) fn new() -> Self {
        Self { pool: Vec::new(), free: Vec::new() }
    }

    /// How many are open.
    pub(crate) fn len(&self) -> usize {
        self.pool.len() - self.free.len()
    }

    /// Opens one within `innermost`.
    pub(crate) fn push(&mut self, innermost: &mut u32, region: T) {
        let open = Open { region, around: *innermost };
        *innermost = match self.free.pop() {
            Some(place) => {
                if let Some(free) = self.pool.get_mut(place as usize) {
                    *free = open;
                }
                place
            }
            None => {
                self.pool.push(open);
                u32::try_from(self.pool.len() - 1).unwrap_or(NO_SLOT)
            }
        };
    }

    /// The innermost one.
    pub(crate) fn top(&self, innermost: u32) -> Option<T> {
        self.pool.get(innermost as usize).map(|open| open.region)
    }

    /// Closes the innermost one.
    pub(crate) fn pop(&mut self, innermost: &mut u32) -> Option<T> {
        let open = *self.pool.get(*innermost as usize)?;
        self.free.push(*innermost);
        *innermost = open.around;
        Some(open.region)
    }
}

#[cfg(test)]
mod tests {
    use super::{NO_SLOT, Regions};

    #[test]
    fn each_goroutine_has_a_stack_of_its_own() {
        let mut regions = Regions::new();
        let (mut a, mut b) = (NO_SLOT, NO_SLOT);
        regions.push(&mut a, 1);
        regions.push(&mut b, 2);
        regions.push(&mut a, 3);
        assert_eq!((regions.top(a), regions.top(b), regions.len()), (Some(3), Some(2), 3));
        assert_eq!([regions.pop(&mut a), regions.pop(&mut a), regions.pop(&mut a)], [Some(3), Some(1), None]);
        regions.push(&mut a, 4);
        assert_eq!((regions.top(a), regions.top(b), regions.len()), (Some(4), Some(2), 2));
    }
}
