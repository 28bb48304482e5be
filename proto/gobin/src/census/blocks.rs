//! Blocks of memory that were read lately: records of one pile lie side by side, and a block of them is one call.

use super::memory::{Memory, Stop};

/// A few blocks, each at the place its address gives it.
#[derive(Debug)]
pub(super) struct Blocks {
    block_bytes: usize,
    slots: Vec<Slot>,
}

#[derive(Debug, Default)]
struct Slot {
    /// The block's number, if the slot holds one.
    holds: Option<u64>,
    /// Its bytes; none where it cannot be read as a whole.
    bytes: Vec<u8>,
}

impl Blocks {
    /// Room for `slots` blocks of `block_bytes`, a power of two; taken as it is needed.
    pub(super) fn new(block_bytes: usize, slots: usize) -> Self {
        Self { block_bytes, slots: std::iter::repeat_with(Slot::default).take(slots.max(1)).collect() }
    }

    /// Forgets what was read.
    pub(super) fn forget(&mut self) {
        for slot in &mut self.slots {
            slot.holds = None;
        }
    }

    /// Forgets what was read, and its memory.
    pub(super) fn let_go(&mut self) {
        self.slots.fill_with(Slot::default);
    }

    /// Fills `into` from an address, by whole blocks where those can be read; false where they and it cannot.
    ///
    /// # Errors
    ///
    /// When nothing will be readable any more.
    pub(super) fn read(
        &mut self,
        memory: &mut impl Memory,
        address: u64,
        into: &mut [u8],
    ) -> Result<bool, Stop> {
        let block_bytes = u64::try_from(self.block_bytes).unwrap_or(u64::MAX);
        let (mut at, mut rest) = (address, into);
        while !rest.is_empty() {
            let number = at / block_bytes;
            let offset = usize::try_from(at % block_bytes).unwrap_or(0);
            let length = rest.len().min(self.block_bytes - offset);
            let (part, after) = rest.split_at_mut(length);
            let block = self.block(memory, number, block_bytes)?;
            match block.get(offset..offset + length) {
                Some(bytes) => part.copy_from_slice(bytes),
                // Its block goes beyond what is mapped.
                None if !memory.read(at, part)? => return Ok(false),
                None => {}
            }
            rest = after;
            let Some(next) = at.checked_add(u64::try_from(length).unwrap_or(u64::MAX)) else {
                return Ok(rest.is_empty());
            };
            at = next;
        }
        Ok(true)
    }

    /// The bytes of a block, all or none.
    fn block(&mut self, memory: &mut impl Memory, number: u64, block_bytes: u64) -> Result<&[u8], Stop> {
        let count = u64::try_from(self.slots.len()).unwrap_or(1);
        let index = usize::try_from(number % count).unwrap_or(0);
        let Some(slot) = self.slots.get_mut(index) else { return Ok(&[]) };
        if slot.holds != Some(number) {
            slot.holds = None;
            slot.bytes.resize(self.block_bytes, 0);
            if !memory.read(number * block_bytes, &mut slot.bytes)? {
                slot.bytes.clear();
            }
            slot.holds = Some(number);
        }
        Ok(&slot.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::Blocks;
    use crate::census::recorded::Recorded;

    #[test]
    fn what_is_behind_the_end_of_a_mapping_does_not_hide_what_is_before_it() {
        let mut memory = Recorded::default();
        memory.map(0x1000, (0..100).collect());
        let mut blocks = Blocks::new(64, 2);
        let mut bytes = [0; 60];
        assert_eq!(blocks.read(&mut memory, 0x1000 + 30, &mut bytes), Ok(true));
        assert_eq!(bytes.to_vec(), (30..90).collect::<Vec<u8>>());
        assert_eq!(blocks.read(&mut memory, 0x1000 + 60, &mut bytes), Ok(false));
        assert_eq!(blocks.read(&mut memory, u64::MAX - 10, &mut bytes), Ok(false));
    }

    #[test]
    fn blocks_are_read_once_until_they_are_forgotten() {
        let mut memory = Recorded::default();
        memory.map(0x1000, vec![7; 128]);
        let mut blocks = Blocks::new(64, 2);
        let mut byte = [0];
        for _ in 0..5 {
            assert_eq!(blocks.read(&mut memory, 0x1001, &mut byte), Ok(true));
        }
        assert_eq!(memory.calls, 1);
        blocks.forget();
        assert_eq!(blocks.read(&mut memory, 0x1001, &mut byte), Ok(true));
        assert_eq!(memory.calls, 2);
    }
}
