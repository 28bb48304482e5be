//! A sealed block: up to 480 samples of up to 64 series of one stream, with one shared column of times.
//!
//! Row value, little-endian: `version u8, crc32 u32 of all that follows, mask u64 of the columns, samples u16,
//! first_ms i64, last_ms i64, raw_bytes u32, zstd(raw)`. Raw: the times (first step, then changes of the step, as
//! zigzag varints); for each column of the mask the lengths of its four pieces; then the pieces of all columns,
//! like with like: presence runs, heads, ints, planes ([`crate::column`]).
//!
//! Decoding trusts nothing: the checksum first, every length against its limit before anything is allocated.

use crate::bytes::{Cursor, Malformed, put_count, put_zigzag};
use crate::column::{self, Streams};
use crate::options::BLOCK_SAMPLES_MAX;
use crate::presence::Presence;
use linger_series::{Point, TimeMs, Window};
use std::io;

const VERSION: u8 = 1;

/// Bytes before the part the checksum covers.
const CRC_END: usize = 5;

/// Decompressed bytes of a block. The worst is 64 columns of 480 ten-byte varints with every other sample absent:
/// about 370 KiB.
const RAW_BYTES_MAX: usize = 512 * 1024;

/// zstd level at seal: level 19 saves about 5 % more at thirty times the CPU; that is for closed partitions.
pub(crate) const SEAL_LEVEL: i32 = 3;

/// One series' part of a block to be.
pub(crate) struct ColumnPart<'a> {
    /// Place in the group, below 64.
    pub(crate) column: u8,
    /// Samples it is present in: at least one.
    pub(crate) presence: &'a Presence,
    /// One value for each of those.
    pub(crate) values: std::borrow::Cow<'a, [f64]>,
}

/// Encodes blocks; keeps the compressor's memory between them.
pub(crate) struct Encoder {
    zstd: zstd::bulk::Compressor<'static>,
    raw: Vec<u8>,
}

impl Encoder {
    pub(crate) fn new(level: i32) -> io::Result<Self> {
        Ok(Self { zstd: zstd::bulk::Compressor::new(level)?, raw: Vec::new() })
    }

    /// One row from the stream's times (strictly rising, 1 to 480) and its columns in rising order.
    pub(crate) fn encode(&mut self, times: &[TimeMs], columns: &[ColumnPart<'_>]) -> io::Result<Vec<u8>> {
        let (Some(&first), Some(&last)) = (times.first(), times.last()) else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a block without samples"));
        };
        let raw = &mut self.raw;
        raw.clear();
        encode_times(times, raw);
        let (mut presence, mut streams) = (Vec::new(), Streams::<Vec<u8>>::default());
        let mut mask = 0_u64;
        for part in columns {
            mask |= 1 << part.column;
            let lengths =
                |p: &Vec<u8>, s: &Streams<Vec<u8>>| [p.len(), s.heads.len(), s.ints.len(), s.planes.len()];
            let before = lengths(&presence, &streams);
            part.presence.encode(times.len(), &mut presence);
            column::encode(&part.values, &mut streams);
            for (after, before) in lengths(&presence, &streams).into_iter().zip(before) {
                put_count(raw, after - before);
            }
        }
        for piece in [presence, streams.heads, streams.ints, streams.planes] {
            raw.extend_from_slice(&piece);
        }
        let fits = |_| io::Error::new(io::ErrorKind::InvalidInput, "a block above its limits");
        let samples = u16::try_from(times.len()).map_err(fits)?;
        let raw_bytes = u32::try_from(raw.len()).map_err(fits)?;
        let packed = self.zstd.compress(raw)?;
        let mut row = Vec::with_capacity(CRC_END + 30 + packed.len());
        row.push(VERSION);
        row.extend_from_slice(&[0; 4]);
        row.extend_from_slice(&mask.to_le_bytes());
        row.extend_from_slice(&samples.to_le_bytes());
        row.extend_from_slice(&first.0.to_le_bytes());
        row.extend_from_slice(&last.0.to_le_bytes());
        row.extend_from_slice(&raw_bytes.to_le_bytes());
        row.extend_from_slice(&packed);
        let crc = crc32fast::hash(row.get(CRC_END..).unwrap_or_default());
        for (to, from) in row.iter_mut().skip(1).zip(crc.to_le_bytes()) {
            *to = from;
        }
        Ok(row)
    }
}

fn encode_times(times: &[TimeMs], out: &mut Vec<u8>) {
    let mut step_before = 0;
    for (a, b) in times.iter().zip(times.iter().skip(1)) {
        let step = b.0.wrapping_sub(a.0);
        put_zigzag(out, step.wrapping_sub(step_before));
        step_before = step;
    }
}

/// What a block's row says before anything is decompressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Summary {
    /// Columns that have samples, a bit each.
    pub(crate) mask: u64,
    /// Samples of the stream.
    pub(crate) samples: usize,
    /// Time of the first.
    pub(crate) first: TimeMs,
    /// Time of the last.
    pub(crate) last: TimeMs,
}

/// Decodes blocks; keeps the decompressor's memory between them.
pub(crate) struct Decoder {
    zstd: zstd::bulk::Decompressor<'static>,
    values: Vec<f64>,
}

/// A decompressed block, columns still packed.
pub(crate) struct Block {
    times: Vec<TimeMs>,
    raw: Vec<u8>,
    columns: Vec<Extent>,
}

/// Where a column's four pieces lie in the raw bytes.
struct Extent {
    column: u32,
    pieces: [std::ops::Range<usize>; 4],
}

/// Checks a row and returns its summary and packed bytes with their raw length.
fn open(row: &[u8]) -> Result<(Summary, usize, &[u8]), Malformed> {
    let mut cursor = Cursor::new(row);
    if cursor.u8()? != VERSION {
        return cursor.fail("unknown version of a block");
    }
    let crc = cursor.u32()?;
    if crc != crc32fast::hash(row.get(CRC_END..).unwrap_or_default()) {
        return cursor.fail("checksum of a block does not match");
    }
    let mask = cursor.u64()?;
    let samples = usize::from(cursor.u16()?);
    let (first, last) = (TimeMs(cursor.i64()?), TimeMs(cursor.i64()?));
    let raw_bytes = usize::try_from(cursor.u32()?).unwrap_or(usize::MAX);
    if samples == 0 || samples > BLOCK_SAMPLES_MAX || first > last {
        return cursor.fail("a block without samples, with too many, or that ends before it starts");
    }
    if raw_bytes > RAW_BYTES_MAX {
        return cursor.fail("a block larger than its limit");
    }
    let packed = cursor.take(cursor.remaining())?;
    Ok((Summary { mask, samples, first, last }, raw_bytes, packed))
}

impl Decoder {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { zstd: zstd::bulk::Decompressor::new()?, values: Vec::new() })
    }

    /// The row's summary, its checksum checked.
    pub(crate) fn summary(row: &[u8]) -> Result<Summary, Malformed> {
        open(row).map(|(summary, _, _)| summary)
    }

    /// Decompresses a row and finds its columns.
    pub(crate) fn block(&mut self, row: &[u8]) -> Result<Block, Malformed> {
        let (summary, raw_bytes, packed) = open(row)?;
        let at = row.len() - packed.len();
        let malformed = |why| Malformed { at, why };
        let raw = self.zstd.decompress(packed, raw_bytes).map_err(|_| malformed("zstd of a block"))?;
        if raw.len() != raw_bytes {
            return Err(malformed("a block of another length than it says"));
        }
        let mut cursor = Cursor::new(&raw);
        let times = decode_times(&summary, &mut cursor)?;
        let mut lengths = Vec::new();
        for column in (0..64).filter(|column| summary.mask >> column & 1 == 1) {
            let mut pieces = [0; 4];
            for piece in &mut pieces {
                *piece = cursor.count(raw_bytes, "a piece longer than its block")?;
            }
            lengths.push((column, pieces));
        }
        let mut starts = [raw.len() - cursor.remaining(); 4];
        for (piece, start) in starts.iter_mut().enumerate() {
            // Each kind of piece starts where the kinds before it end, summed over all columns.
            *start += lengths.iter().flat_map(|(_, pieces)| pieces.iter().take(piece)).sum::<usize>();
        }
        let columns = lengths
            .into_iter()
            .map(|(column, pieces)| {
                let mut ranges = pieces.map(|length| 0..length);
                for (range, start) in ranges.iter_mut().zip(&mut starts) {
                    *range = *start..*start + range.end;
                    *start = range.end;
                }
                Extent { column, pieces: ranges }
            })
            .collect();
        if starts.last() != Some(&raw.len()) {
            return cursor.fail("pieces do not fill the block");
        }
        Ok(Block { times, raw, columns })
    }

    /// Appends the points of one column that are inside `window` and later than those already there. A column the
    /// block does not have appends none.
    pub(crate) fn points(
        &mut self,
        block: &Block,
        column: u8,
        window: Window,
        out: &mut Vec<Point>,
    ) -> Result<(), Malformed> {
        let Some(extent) = block.columns.iter().find(|extent| extent.column == u32::from(column)) else {
            return Ok(());
        };
        let [presence, heads, ints, planes] = extent
            .pieces
            .each_ref()
            .map(|range| Cursor::new(block.raw.get(range.clone()).unwrap_or_default()));
        let mut presence_from = presence;
        let presence = Presence::decode(block.times.len(), &mut presence_from)?;
        let mut streams = Streams { heads, ints, planes };
        column::decode(presence.count(), &mut streams, &mut self.values)?;
        for end in [presence_from.end(), streams.heads.end(), streams.ints.end(), streams.planes.end()] {
            end?;
        }
        let times = presence.iter().filter_map(|index| block.times.get(index));
        let after = out.last().map(|point| point.t);
        out.extend(
            times
                .zip(&self.values)
                .filter(|(t, _)| window.contains(**t) && Some(**t) > after)
                .map(|(&t, &v)| Point { t, v }),
        );
        Ok(())
    }
}

fn decode_times(summary: &Summary, cursor: &mut Cursor<'_>) -> Result<Vec<TimeMs>, Malformed> {
    let mut times = Vec::with_capacity(summary.samples);
    let (mut t, mut step) = (summary.first.0, 0_i64);
    times.push(summary.first);
    for _ in 1..summary.samples {
        step = step.wrapping_add(cursor.zigzag()?);
        match t.checked_add(step) {
            Some(next) if step > 0 => t = next,
            _ => return cursor.fail("times of a block do not rise"),
        }
        times.push(TimeMs(t));
    }
    if t == summary.last.0 { Ok(times) } else { cursor.fail("the last time is not the block's end") }
}
