//! Values of the meta folder's rows that have more than one field.

use crate::bytes::{Cursor, Malformed, put_count, put_text, put_varint, put_zigzag};
use crate::options::{KEY_BYTES_MAX, LABELS_MAX};
use crate::wal::log::Seq;
use linger_series::{Labels, SeriesKey, Stream, TimeMs};

/// How far a stream is sealed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sealed {
    /// Replay ignores records up to and with this one.
    pub(crate) seq: Seq,
    /// Last sealed time; none before the first seal.
    pub(crate) last: Option<TimeMs>,
}

impl Sealed {
    pub(super) fn encode(self) -> Vec<u8> {
        let mut out = Vec::new();
        put_varint(&mut out, self.seq);
        if let Some(last) = self.last {
            put_zigzag(&mut out, last.0);
        }
        out
    }

    pub(super) fn decode(row: &[u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(row);
        let seq = cursor.varint()?;
        let last = if cursor.remaining() > 0 { Some(TimeMs(cursor.zigzag()?)) } else { None };
        cursor.end()?;
        Ok(Self { seq, last })
    }
}

/// What a day holds of a group of series.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct GroupFacts {
    /// Columns with samples, a bit each, in any generation of the day's partition.
    pub(crate) mask: u64,
    /// Generation of the partition's content that `blocks` counts in.
    pub(crate) generation: u32,
    /// Blocks recorded as sealed. sled can open a damaged folder as one with fewer rows; a partition that has fewer
    /// blocks of a group than this is damaged.
    pub(crate) blocks: u64,
    /// Start of the last of them.
    pub(crate) last_start: TimeMs,
}

impl GroupFacts {
    /// With one block more. A seal that is tried again after a failure comes with the same start and counts once;
    /// blocks of an older generation do not count any more.
    pub(crate) fn with_block(self, mask: u64, generation: u32, start: TimeMs) -> Self {
        let blocks = match self.generation == generation {
            true if self.last_start == start => self.blocks,
            true => self.blocks + 1,
            false => 1,
        };
        Self { mask: self.mask | mask, generation, blocks, last_start: start }
    }

    pub(super) fn encode(self) -> Vec<u8> {
        let mut out = self.mask.to_le_bytes().to_vec();
        put_varint(&mut out, u64::from(self.generation));
        put_varint(&mut out, self.blocks);
        put_zigzag(&mut out, self.last_start.0);
        out
    }

    pub(super) fn decode(row: &[u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(row);
        let (mask, generation) = (cursor.u64()?, cursor.number()?);
        let (blocks, last_start) = (cursor.varint()?, TimeMs(cursor.zigzag()?));
        cursor.end()?;
        Ok(Self { mask, generation, blocks, last_start })
    }
}

/// What is known of a day without opening its partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DayFacts {
    /// Generation of the partition's content that all else is of.
    pub(crate) generation: u32,
    pub(crate) first: TimeMs,
    pub(crate) last: TimeMs,
    pub(crate) samples: u64,
    pub(crate) block_bytes: u64,
}

impl DayFacts {
    /// With what was sealed later; an older generation does not count any more.
    pub(crate) fn and(self, later: Self) -> Self {
        if self.generation != later.generation {
            return later;
        }
        Self {
            generation: self.generation,
            first: self.first.min(later.first),
            last: self.last.max(later.last),
            samples: self.samples + later.samples,
            block_bytes: self.block_bytes + later.block_bytes,
        }
    }

    pub(super) fn encode(self) -> Vec<u8> {
        let mut out = Vec::new();
        put_varint(&mut out, u64::from(self.generation));
        put_zigzag(&mut out, self.first.0);
        put_zigzag(&mut out, self.last.0);
        put_varint(&mut out, self.samples);
        put_varint(&mut out, self.block_bytes);
        out
    }

    pub(super) fn decode(row: &[u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(row);
        let generation = cursor.number()?;
        let (first, last) = (TimeMs(cursor.zigzag()?), TimeMs(cursor.zigzag()?));
        let (samples, block_bytes) = (cursor.varint()?, cursor.varint()?);
        let facts = Self { generation, first, last, samples, block_bytes };
        cursor.end()?;
        Ok(facts)
    }
}

pub(super) fn encode_stream(stream: &Stream) -> Vec<u8> {
    let mut out = Vec::new();
    put_text(&mut out, &stream.target);
    put_text(&mut out, &stream.collector);
    out
}

pub(super) fn decode_stream(row: &[u8]) -> Result<Stream, Malformed> {
    let mut cursor = Cursor::new(row);
    let stream = Stream::new(cursor.text(KEY_BYTES_MAX)?, cursor.text(KEY_BYTES_MAX)?);
    cursor.end()?;
    Ok(stream)
}

pub(super) fn encode_series(key: &SeriesKey) -> Vec<u8> {
    let mut out = Vec::new();
    put_text(&mut out, &key.name);
    put_count(&mut out, key.labels.len());
    for (name, value) in key.labels.iter() {
        put_text(&mut out, name);
        put_text(&mut out, value);
    }
    out
}

pub(super) fn decode_series(row: &[u8]) -> Result<SeriesKey, Malformed> {
    let mut cursor = Cursor::new(row);
    let name = cursor.text(KEY_BYTES_MAX)?;
    let count = cursor.count(LABELS_MAX, "more labels than a series may have")?;
    let mut labels = Vec::with_capacity(count);
    for _ in 0..count {
        labels.push((cursor.text(KEY_BYTES_MAX)?, cursor.text(KEY_BYTES_MAX)?));
    }
    cursor.end()?;
    Ok(SeriesKey::new(name, Labels::new(labels)))
}

#[cfg(test)]
mod tests {
    use super::{DayFacts, GroupFacts, Sealed, decode_series, decode_stream, encode_series, encode_stream};
    use linger_series::{Labels, SeriesKey, Stream, TimeMs};

    #[test]
    fn rows_come_back_and_their_cuts_do_not() {
        let key = SeriesKey::new("m", Labels::new([("a", "1"), ("site", "pkg.F[…]+7")]));
        assert_eq!(decode_series(&encode_series(&key)), Ok(key.clone()));
        let stream = Stream::new("api", "goroutine");
        assert_eq!(decode_stream(&encode_stream(&stream)), Ok(stream));
        for sealed in [Sealed::default(), Sealed { seq: u64::MAX, last: Some(TimeMs(-1)) }] {
            assert_eq!(Sealed::decode(&sealed.encode()), Ok(sealed));
        }
        let facts =
            DayFacts { generation: 1, first: TimeMs(1), last: TimeMs(9), samples: 3, block_bytes: 400 };
        assert_eq!(DayFacts::decode(&facts.encode()), Ok(facts));
        let facts = GroupFacts { mask: 5 << 60, generation: 300, blocks: 12, last_start: TimeMs(9) };
        assert_eq!(GroupFacts::decode(&facts.encode()), Ok(facts));
        let row = encode_series(&key);
        assert!((0..row.len()).all(|cut| decode_series(&row[..cut]).is_err()));
    }

    #[test]
    fn a_block_counts_once_and_a_new_generation_starts_anew() {
        let first = GroupFacts::default().with_block(1, 0, TimeMs(5));
        let second = first.with_block(2, 0, TimeMs(6));
        assert_eq!(second, GroupFacts { mask: 3, generation: 0, blocks: 2, last_start: TimeMs(6) });
        assert_eq!(second.with_block(2, 0, TimeMs(6)), second);
        let other = second.with_block(4, 1, TimeMs(6));
        assert_eq!(other, GroupFacts { mask: 7, generation: 1, blocks: 1, last_start: TimeMs(6) });
    }
}
