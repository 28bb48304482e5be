//! Live goroutines by id. Each has a slot for as long as it lives, which is what everything else refers to.
//!
//! The runtime hands ids out in runs of 16 to each proc, so neighbours are asked for together: ids are kept in pages of
//! 16, each a cache line. Pages are found by a multiplier of chance, so that no trace can make them collide.

use std::hash::{BuildHasher, RandomState};

use crate::event::State;

/// The slot of no goroutine, and the page of none.
pub(crate) const NO_SLOT: u32 = u32::MAX;

/// Ids of a page.
const PAGE: usize = 16;

/// Places of an empty index of pages.
const PLACES_MIN: usize = 1 << 8;

/// A goroutine as the order knows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Goroutine {
    /// The last sequence number, counted within a generation.
    pub(crate) seq: u32,
    /// The generation of it.
    pub(crate) epoch: u32,
    /// The innermost open region, as a place in the pool.
    pub(crate) region: u32,
    pub(crate) state: State,
    /// It helps the garbage collector to mark.
    pub(crate) assists: bool,
    /// It has stopped the world.
    pub(crate) stops_world: bool,
}

/// Slots of ids that only differ in their last bits.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Page([u32; PAGE]);

/// All of them.
#[derive(Debug)]
pub(crate) struct Goroutines {
    slots: Vec<Goroutine>,
    free: Vec<u32>,
    pages: Vec<Page>,
    /// Ids on each page that are taken.
    taken: Vec<u8>,
    free_pages: Vec<u32>,
    used_pages: usize,
    /// Pages by the first bits of ids, with linear probing.
    index: Vec<(u64, u32)>,
    multiplier: u64,
    /// The page looked for last by those who come in the order of ids.
    last: (u64, u32),
    live: u32,
}

impl Goroutines {
    pub(crate) fn new() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            pages: Vec::new(),
            taken: Vec::new(),
            free_pages: Vec::new(),
            used_pages: 0,
            index: vec![(0, NO_SLOT); PLACES_MIN],
            multiplier: RandomState::new().hash_one(0) | 1,
            last: (0, NO_SLOT),
            live: 0,
        }
    }

    pub(crate) fn live(&self) -> u32 {
        self.live
    }

    /// The goroutine in a slot.
    #[expect(
        clippy::indexing_slicing,
        reason = "slots come from `find` and `insert` alone and are never taken back"
    )]
    #[inline(always)]
    pub(crate) fn at(&mut self, slot: u32) -> &mut Goroutine {
        &mut self.slots[slot as usize]
    }

    /// Where a page is looked for first.
    #[expect(clippy::cast_possible_truncation, reason = "the shift leaves as many bits as the index has")]
    #[inline(always)]
    fn home(&self, page: u64) -> usize {
        (page.wrapping_mul(self.multiplier) >> (self.index.len().leading_zeros() + 1)) as usize
    }

    #[inline(always)]
    fn find_page(&self, page: u64) -> u32 {
        let mask = self.index.len() - 1;
        let mut place = self.home(page) & mask;
        loop {
            match self.index.get(place) {
                Some(&(there, number)) if there == page || number == NO_SLOT => return number,
                Some(_) => place = (place + 1) & mask,
                None => return NO_SLOT,
            }
        }
    }

    /// The slot of an id, or [`NO_SLOT`].
    #[inline(always)]
    pub(crate) fn find(&self, id: u64) -> u32 {
        let (page, line) = split(id);
        self.get(self.find_page(page), line)
    }

    /// The same where ids mostly come one after the other: in lists, and with new goroutines.
    #[inline]
    pub(crate) fn find_in_order(&mut self, id: u64) -> u32 {
        let (page, line) = split(id);
        let number = self.find_page_in_order(page);
        self.get(number, line)
    }

    #[inline]
    fn find_page_in_order(&mut self, page: u64) -> u32 {
        if self.last.0 != page || self.last.1 == NO_SLOT {
            self.last = (page, self.find_page(page));
        }
        self.last.1
    }

    #[inline(always)]
    fn get(&self, page: u32, line: usize) -> u32 {
        match self.pages.get(page as usize) {
            Some(page) => page.0.get(line).copied().unwrap_or(NO_SLOT),
            None => NO_SLOT,
        }
    }

    /// Adds one that is not there yet.
    pub(crate) fn insert(&mut self, id: u64, state: State, epoch: u32) -> u32 {
        self.live += 1;
        let new = Goroutine { seq: 0, epoch, region: NO_SLOT, state, assists: false, stops_world: false };
        let slot = match self.free.pop() {
            Some(slot) => {
                *self.at(slot) = new;
                slot
            }
            None => {
                self.slots.push(new);
                u32::try_from(self.slots.len() - 1).unwrap_or(NO_SLOT)
            }
        };
        let (page, line) = split(id);
        let number = match self.find_page_in_order(page) {
            NO_SLOT => self.insert_page(page),
            number => number,
        };
        self.set(number, line, slot);
        if let Some(taken) = self.taken.get_mut(number as usize) {
            *taken += 1;
        }
        slot
    }

    #[inline]
    fn set(&mut self, page: u32, line: usize, slot: u32) {
        if let Some(place) = self.pages.get_mut(page as usize).and_then(|page| page.0.get_mut(line)) {
            *place = slot;
        }
    }

    fn insert_page(&mut self, page: u64) -> u32 {
        if (self.used_pages + 1) * 2 > self.index.len() {
            let twice = vec![(0, NO_SLOT); self.index.len() * 2];
            let old = std::mem::replace(&mut self.index, twice);
            for (page, number) in old.into_iter().filter(|(_, number)| *number != NO_SLOT) {
                self.place_page(page, number);
            }
        }
        self.used_pages += 1;
        let number = self.free_pages.pop().unwrap_or_else(|| {
            self.pages.push(Page([NO_SLOT; PAGE]));
            self.taken.push(0);
            u32::try_from(self.pages.len() - 1).unwrap_or(NO_SLOT)
        });
        self.place_page(page, number);
        self.last = (page, number);
        number
    }

    fn place_page(&mut self, page: u64, number: u32) {
        let mask = self.index.len() - 1;
        let mut place = self.home(page) & mask;
        loop {
            match self.index.get_mut(place) {
                Some(free) if free.1 == NO_SLOT => {
                    *free = (page, number);
                    return;
                }
                _ => place = (place + 1) & mask,
            }
        }
    }

    /// Takes out a goroutine, by its slot and its id.
    pub(crate) fn remove(&mut self, slot: u32, id: u64) {
        let (page, line) = split(id);
        self.live -= 1;
        self.free.push(slot);
        let number = self.find_page(page);
        self.set(number, line, NO_SLOT);
        let Some(taken) = self.taken.get_mut(number as usize) else { return };
        *taken -= 1;
        if *taken == 0 {
            self.remove_page(page, number);
        }
    }

    fn remove_page(&mut self, page: u64, number: u32) {
        self.used_pages -= 1;
        self.free_pages.push(number);
        self.last = (0, NO_SLOT);
        let mask = self.index.len() - 1;
        let mut hole = self.home(page) & mask;
        while self.index.get(hole).is_some_and(|(_, there)| *there != number) {
            hole = (hole + 1) & mask;
        }
        let mut next = hole;
        loop {
            next = (next + 1) & mask;
            let Some(&moved) = self.index.get(next).filter(|(_, there)| *there != NO_SLOT) else { break };
            let home = self.home(moved.0) & mask;
            // It may move into the hole unless its home lies between the two.
            if next.wrapping_sub(home) & mask >= next.wrapping_sub(hole) & mask {
                if let Some(place) = self.index.get_mut(hole) {
                    *place = moved;
                }
                hole = next;
            }
        }
        if let Some(place) = self.index.get_mut(hole) {
            *place = (0, NO_SLOT);
        }
    }
}

/// The page of an id, and its line there.
#[expect(clippy::cast_possible_truncation, reason = "a remainder by 16")]
#[inline(always)]
fn split(id: u64) -> (u64, usize) {
    (id / PAGE as u64, (id % PAGE as u64) as usize)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::{any, prop};
    use proptest::{prop_assert_eq, proptest};

    use super::{Goroutines, NO_SLOT, State};

    proptest! {
        #[test]
        fn it_is_a_map(steps in prop::collection::vec((any::<bool>(), 0_u64..3000, any::<bool>()), 0..4000)) {
            let mut ours = Goroutines::new();
            let mut truth = HashMap::new();
            for (insert, id, far) in steps {
                let id = if far { id << 52 | 3 } else { id };
                prop_assert_eq!(ours.find_in_order(id), truth.get(&id).copied().unwrap_or(NO_SLOT));
                match (insert, truth.get(&id)) {
                    (true, None) => {
                        truth.insert(id, ours.insert(id, State::Runnable, 1));
                    }
                    (false, Some(slot)) => {
                        ours.remove(*slot, id);
                        truth.remove(&id);
                    }
                    _ => {}
                }
                prop_assert_eq!(ours.live() as usize, truth.len());
            }
            for id in (0..3000).flat_map(|id| [id, id << 52 | 3]) {
                let slot = truth.get(&id).copied().unwrap_or(NO_SLOT);
                prop_assert_eq!((ours.find(id), ours.find_in_order(id)), (slot, slot));
            }
        }
    }
}
