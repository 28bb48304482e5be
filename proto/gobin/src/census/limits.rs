//! How much a census may look at. Time is limited by the memory it reads through ([`super::Memory::confirm`]).

/// Bounds of a census; what lies beyond is said to be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Entries of the list of goroutines: its length is the most that ever lived at once. 4 million are beyond what
    /// services have (a stack of 2 KiB each makes 8 GB).
    pub goroutines: u64,
    /// Records walked in one goroutine: 50 million of 48 bytes are 2.4 GB.
    pub records_in_one: u64,
    /// Goroutines told by name, those with the most pending.
    pub most_loaded: usize,
    /// Groups of goroutines told with where they stand, of all statements together: services have some hundred.
    pub holders: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { goroutines: 4_000_000, records_in_one: 50_000_000, most_loaded: 20, holders: 200 }
    }
}
