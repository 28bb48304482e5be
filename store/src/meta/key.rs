//! Keys of the meta folder. The first byte says what a row is; numbers are big-endian, so that rows lie in order.
//!
//! | key | value |
//! |---|---|
//! | `t` stream | target, collector |
//! | `o` stream | next ordinal |
//! | `w` stream | sealed seq, last sealed time |
//! | `q` stream | a seq the WAL had reached |
//! | `s` stream ordinal | name, labels |
//! | `h` hash128 | stream, ordinal |
//! | `l` label NUL value NUL stream ordinal | nothing |
//! | `c` | number of series |
//! | `p` day | generation, first and last time, samples, bytes of blocks |
//! | `d` day stream group | columns the day holds of the group, generation, number of blocks, start of the last |
//! | `n` name | a note |

use crate::day::Day;
use crate::id::{Group, SeriesId, StreamId};

/// Bytes of a label value kept in a posting's key. Longer values share postings by their start; whoever reads
/// postings compares the whole labels afterwards.
const POSTING_VALUE_BYTES_MAX: usize = 128;

pub(super) const COUNT: &[u8] = b"c";

fn joined(tag: u8, pieces: &[&[u8]]) -> Vec<u8> {
    let mut key = vec![tag];
    for piece in pieces {
        key.extend_from_slice(piece);
    }
    key
}

pub(super) fn stream(id: StreamId) -> Vec<u8> {
    joined(b't', &[&id.0.to_be_bytes()])
}

pub(super) fn next_ordinal(id: StreamId) -> Vec<u8> {
    joined(b'o', &[&id.0.to_be_bytes()])
}

pub(super) fn sealed(id: StreamId) -> Vec<u8> {
    joined(b'w', &[&id.0.to_be_bytes()])
}

pub(super) fn reached(id: StreamId) -> Vec<u8> {
    joined(b'q', &[&id.0.to_be_bytes()])
}

pub(super) fn series(id: SeriesId) -> Vec<u8> {
    joined(b's', &[&id.to_be_bytes()])
}

pub(super) fn hash(hash: u128) -> Vec<u8> {
    joined(b'h', &[&hash.to_be_bytes()])
}

/// Start of the postings of one label value, of one label, or of nothing.
pub(super) fn posting_prefix(label: &str, value: &str) -> Vec<u8> {
    let value = value.as_bytes();
    let value = value.get(..POSTING_VALUE_BYTES_MAX).unwrap_or(value);
    joined(b'l', &[label.as_bytes(), &[0], value, &[0]])
}

pub(super) fn posting(label: &str, value: &str, id: SeriesId) -> Vec<u8> {
    let mut key = posting_prefix(label, value);
    key.extend_from_slice(&id.to_be_bytes());
    key
}

pub(super) fn day(day: Day) -> Vec<u8> {
    joined(b'p', &[&day.0.to_be_bytes()])
}

pub(super) fn group(day: Day, stream: StreamId, group: Group) -> Vec<u8> {
    joined(b'd', &[&day.0.to_be_bytes(), &stream.0.to_be_bytes(), &group.0.to_be_bytes()])
}

/// Start of the rows of a day's groups.
pub(super) fn groups(day: Day) -> Vec<u8> {
    joined(b'd', &[&day.0.to_be_bytes()])
}

pub(super) fn note(name: &str) -> Vec<u8> {
    joined(b'n', &[name.as_bytes()])
}

/// The id at the end of a series' or posting's key.
pub(super) fn trailing_id(key: &[u8]) -> Option<SeriesId> {
    key.last_chunk::<8>().map(|id| SeriesId::from_be_bytes(*id))
}

/// The big-endian number in a key after its tag.
pub(super) fn number(key: &[u8]) -> Option<u32> {
    number_at(key, 1)
}

/// Stream and group at the end of a group's key.
pub(super) fn stream_and_group(key: &[u8]) -> Option<(StreamId, Group)> {
    Some((StreamId(number_at(key, 5)?), Group(number_at(key, 9)?)))
}

fn number_at(key: &[u8], at: usize) -> Option<u32> {
    key.get(at..)?.first_chunk::<4>().map(|bytes| u32::from_be_bytes(*bytes))
}

/// The first key after all that start with `prefix`.
pub(super) fn after(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return end;
        }
    }
    vec![u8::MAX; 2]
}
