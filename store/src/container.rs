//! Many sealed blocks in one row: what a rewritten partition holds.
//!
//! sled appends each row to its page and rewrites the whole page at the tenth, and again whenever a page is split; for
//! rows of 10 KB that came to 1.4 to 2.9 bytes on disk per byte (measured on days of 1 and 4 MB). A partition of at
//! most [`CONTAINERS_MAX`] rows is written once: 1.01.
//!
//! Row value: `version u8, crc32 u32 of the directory, number varint, for each block stream, group, start and length
//! as varints` (the directory), then the blocks' rows as they are, each with its own checksum.

use crate::bytes::{Cursor, Malformed, put_count, put_varint};
use crate::id::{Group, StreamId};
use crate::partition::BlockKey;
use linger_series::TimeMs;

/// First byte of a container's row; a block's is 1.
const VERSION: u8 = 2;

/// Rows of a rewritten partition: below the ten at which sled rewrites a page.
pub(crate) const CONTAINERS_MAX: u64 = 8;

/// Blocks in one container: a day of 40,000 series in one.
const BLOCKS_MAX: usize = 65_536;

pub(crate) fn is_container(row: &[u8]) -> bool {
    row.first() == Some(&VERSION)
}

/// Gathers rows in order of their keys.
#[derive(Default)]
pub(crate) struct Builder {
    blocks: Vec<(BlockKey, usize)>,
    rows: Vec<u8>,
}

impl Builder {
    pub(crate) fn push(&mut self, key: BlockKey, row: &[u8]) {
        self.blocks.push((key, row.len()));
        self.rows.extend_from_slice(row);
    }

    pub(crate) fn bytes(&self) -> usize {
        self.rows.len()
    }

    /// The key and value of the row, and a builder as new; none if nothing was gathered.
    pub(crate) fn take(&mut self) -> Option<(BlockKey, Vec<u8>)> {
        let Self { blocks, rows } = std::mem::take(self);
        let key = blocks.first()?.0;
        let mut directory = Vec::new();
        put_count(&mut directory, blocks.len());
        for (BlockKey { stream, group, start }, length) in blocks {
            put_varint(&mut directory, u64::from(stream.0));
            put_varint(&mut directory, u64::from(group.0));
            put_varint(&mut directory, u64::try_from(start.0).unwrap_or(0));
            put_count(&mut directory, length);
        }
        let mut row = vec![VERSION];
        row.extend_from_slice(&crc32fast::hash(&directory).to_le_bytes());
        row.extend_from_slice(&directory);
        row.extend_from_slice(&rows);
        Some((key, row))
    }
}

/// The blocks of a container, in order of their keys.
pub(crate) fn blocks(container: &[u8]) -> Result<Vec<(BlockKey, &[u8])>, Malformed> {
    let mut cursor = Cursor::new(container);
    if cursor.u8()? != VERSION {
        return cursor.fail("unknown version of a container");
    }
    let crc = cursor.u32()?;
    let directory_start = container.len() - cursor.remaining();
    // A block takes four bytes of directory at least, so that this bounds what is allocated.
    let count = cursor.count(BLOCKS_MAX.min(cursor.remaining() / 4), "more blocks than a container holds")?;
    let mut directory = Vec::with_capacity(count);
    for _ in 0..count {
        let (stream, group) = (StreamId(cursor.number()?), Group(cursor.number()?));
        let Ok(start) = i64::try_from(cursor.varint()?) else { return cursor.fail("start above 63 bits") };
        let length = cursor.count(container.len(), "a block longer than its container")?;
        directory.push((BlockKey { stream, group, start: TimeMs(start) }, length));
    }
    let directory_end = container.len() - cursor.remaining();
    if crc32fast::hash(container.get(directory_start..directory_end).unwrap_or_default()) != crc {
        return cursor.fail("checksum of a container's directory does not match");
    }
    let blocks = directory.into_iter().map(|(key, length)| Ok((key, cursor.take(length)?)));
    let blocks = blocks.collect::<Result<Vec<_>, Malformed>>()?;
    cursor.end()?;
    Ok(blocks)
}

#[cfg(test)]
mod tests {
    use super::{Builder, blocks, is_container};
    use crate::id::{Group, StreamId};
    use crate::partition::BlockKey;
    use linger_series::TimeMs;
    use proptest::prelude::{any, prop, proptest};

    fn key(n: u32) -> BlockKey {
        let start = TimeMs(1_795_000_000_000 + i64::from(n % 12) * 7_200_000);
        BlockKey { stream: StreamId(n / 36), group: Group(n / 12 % 3), start }
    }

    fn example() -> Vec<u8> {
        let mut builder = Builder::default();
        (0..100).for_each(|n| builder.push(key(n.into()), &vec![n; n.into()]));
        builder.take().unwrap().1
    }

    #[test]
    fn blocks_come_back_with_their_keys() {
        let row = example();
        assert!(is_container(&row));
        let found = blocks(&row).unwrap();
        assert_eq!(found.len(), 100);
        for (n, (k, block)) in (0_u8..).zip(found) {
            assert_eq!((k, block), (key(n.into()), &*vec![n; n.into()]));
        }
        assert!(Builder::default().take().is_none());
    }

    #[test]
    fn every_cut_and_every_flip_in_the_directory_is_refused() {
        let row = example();
        for cut in 0..row.len() {
            assert!(blocks(&row[..cut]).is_err(), "cut at {cut}");
        }
        let directory = row.len() - (0..100).sum::<usize>();
        for bit in 0..directory * 8 {
            let mut flipped = row.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(blocks(&flipped).is_err(), "bit {bit}");
        }
    }

    proptest! {
        #[test]
        fn hostile_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200), fix in any::<bool>()) {
            if fix && bytes.len() > 5 {
                bytes[0] = 2;
                let crc = crc32fast::hash(&bytes[5..]);
                bytes[1..5].copy_from_slice(&crc.to_le_bytes());
            }
            let _ = blocks(&bytes);
        }
    }
}
