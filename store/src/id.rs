//! Numbers that stand for streams and series, and where a series lives: its group of 64 and its column there.

use std::fmt;

/// A stream's number in this store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct StreamId(pub(crate) u32);

/// A series' number within its stream, in order of registration, never given twice.
pub(crate) type Ordinal = u32;

/// A group of 64 series of one stream that share blocks. Registered together means scraped together, so groups
/// follow the order of registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Group(pub(crate) u32);

/// Series in a group: one bit each in a block's mask.
pub(crate) const GROUP_SERIES: u32 = 64;

pub(crate) fn group_of(ordinal: Ordinal) -> Group {
    Group(ordinal / GROUP_SERIES)
}

pub(crate) fn column_of(ordinal: Ordinal) -> u8 {
    (ordinal % GROUP_SERIES) as u8
}

pub(crate) fn mask_of(ordinal: Ordinal) -> u64 {
    1 << column_of(ordinal)
}

/// A series of a store, as `register` gave it. It is valid while the store is open; after
/// [`crate::Error::UnknownSeries`] the series has aged out and is to be registered again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeriesId(u64);

impl SeriesId {
    pub(crate) fn new(stream: StreamId, ordinal: Ordinal) -> Self {
        Self(u64::from(stream.0) << 32 | u64::from(ordinal))
    }

    pub(crate) fn from_be_bytes(bytes: [u8; 8]) -> Self {
        Self(u64::from_be_bytes(bytes))
    }

    pub(crate) fn to_be_bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }

    pub(crate) fn stream(self) -> StreamId {
        StreamId((self.0 >> 32) as u32)
    }

    pub(crate) fn ordinal(self) -> Ordinal {
        (self.0 & 0xffff_ffff) as u32
    }
}

impl fmt::Display for SeriesId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.stream().0, self.ordinal())
    }
}
