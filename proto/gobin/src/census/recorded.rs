//! Memory for tests: pieces that are mapped, and a hand that changes them between two reads.

use super::memory::{Memory, Stop};
use std::collections::BTreeMap;

/// What a test does to memory at a certain read.
type Change = Box<dyn FnMut(&mut Mapped, u64)>;

/// Memory by the address at which a piece starts.
pub(super) type Mapped = BTreeMap<u64, Vec<u8>>;

#[derive(Default)]
pub(super) struct Recorded {
    mapped: Mapped,
    /// Called before each read with its address.
    pub(super) change: Option<Change>,
    pub(super) calls: usize,
    /// After so many reads time is over.
    pub(super) calls_max: Option<usize>,
}

impl Recorded {
    pub(super) fn map(&mut self, address: u64, bytes: Vec<u8>) {
        self.mapped.insert(address, bytes);
    }

    pub(super) fn put(&mut self, address: u64, value: u64) {
        put(&mut self.mapped, address, value);
    }
}

/// Writes a word to what is mapped.
#[track_caller]
pub(super) fn put(mapped: &mut Mapped, address: u64, value: u64) {
    let (start, bytes) = mapped.range_mut(..=address).next_back().expect("mapped");
    let at = usize::try_from(address - start).expect("small");
    bytes.get_mut(at..at + 8).expect("mapped").copy_from_slice(&value.to_le_bytes());
}

impl Memory for Recorded {
    fn read(&mut self, address: u64, into: &mut [u8]) -> Result<bool, Stop> {
        self.calls += 1;
        if let Some(change) = &mut self.change {
            change(&mut self.mapped, address);
        }
        let found = self.mapped.range(..=address).next_back().and_then(|(start, bytes)| {
            let at = usize::try_from(address - start).ok()?;
            bytes.get(at..at.checked_add(into.len())?)
        });
        if let Some(bytes) = found {
            into.copy_from_slice(bytes);
        }
        Ok(found.is_some())
    }

    fn confirm(&mut self) -> Result<(), Stop> {
        if self.calls_max.is_some_and(|max| self.calls > max) { Err(Stop::OutOfTime) } else { Ok(()) }
    }
}
