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
        let packed = self.zstd.compress(raw)?;
        let summary = Summary { mask, samples: times.len(), first, last };
        assemble(&summary, raw.len(), &packed)
    }
}

fn assemble(summary: &Summary, raw_bytes: usize, packed: &[u8]) -> io::Result<Vec<u8>> {
    let fits = |_| io::Error::new(io::ErrorKind::InvalidInput, "a block above its limits");
    let samples = u16::try_from(summary.samples).map_err(fits)?;
    let raw_bytes = u32::try_from(raw_bytes).map_err(fits)?;
    let mut row = Vec::with_capacity(CRC_END + 30 + packed.len());
    row.push(VERSION);
    row.extend_from_slice(&[0; 4]);
    row.extend_from_slice(&summary.mask.to_le_bytes());
    row.extend_from_slice(&samples.to_le_bytes());
    row.extend_from_slice(&summary.first.0.to_le_bytes());
    row.extend_from_slice(&summary.last.0.to_le_bytes());
    row.extend_from_slice(&raw_bytes.to_le_bytes());
    row.extend_from_slice(packed);
    let crc = crc32fast::hash(row.get(CRC_END..).unwrap_or_default());
    for (to, from) in row.iter_mut().skip(1).zip(crc.to_le_bytes()) {
        *to = from;
    }
    Ok(row)
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

/// Packs rows again at another level; what is inside stays as it is.
pub(crate) struct Repacker {
    packer: zstd::bulk::Compressor<'static>,
    unpacker: zstd::bulk::Decompressor<'static>,
}

impl Repacker {
    pub(crate) fn new(level: i32) -> io::Result<Self> {
        let packer = zstd::bulk::Compressor::new(level)?;
        Ok(Self { packer, unpacker: zstd::bulk::Decompressor::new()? })
    }

    pub(crate) fn repack(&mut self, row: &[u8]) -> Result<Vec<u8>, Malformed> {
        let (summary, raw_bytes, packed) = open(row)?;
        let malformed = |why| Malformed { at: row.len() - packed.len(), why };
        let raw = self.unpacker.decompress(packed, raw_bytes).map_err(|_| malformed("zstd of a block"))?;
        // What cannot be packed smaller stays as it is: the block is sound.
        let smaller = self.packer.compress(&raw).ok().filter(|smaller| smaller.len() < packed.len());
        Ok(smaller
            .and_then(|smaller| assemble(&summary, raw.len(), &smaller).ok())
            .unwrap_or_else(|| row.to_vec()))
    }
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

impl Block {
    /// Finds times and columns in the raw bytes.
    pub(crate) fn parse(summary: &Summary, raw: Vec<u8>) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(&raw);
        let times = decode_times(summary, &mut cursor)?;
        let mut lengths = Vec::new();
        for column in (0..64).filter(|column| summary.mask >> column & 1 == 1) {
            let mut pieces = [0; 4];
            for piece in &mut pieces {
                *piece = cursor.count(raw.len(), "a piece longer than its block")?;
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
        Ok(Self { times, raw, columns })
    }
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
        let malformed = |why| Malformed { at: row.len() - packed.len(), why };
        let raw = self.zstd.decompress(packed, raw_bytes).map_err(|_| malformed("zstd of a block"))?;
        if raw.len() != raw_bytes {
            return Err(malformed("a block of another length than it says"));
        }
        let block = Block::parse(&summary, raw)?;
        if block.times.last() != Some(&summary.last) {
            return Err(malformed("the last time of a block is not its end"));
        }
        Ok(block)
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
    Ok(times)
}

#[cfg(test)]
mod tests {
    use super::{ColumnPart, Decoder, Encoder, SEAL_LEVEL};
    use crate::column::tests::column;
    use crate::hostile;
    use crate::presence::Presence;
    use linger_series::{Point, TimeMs, Window};
    use proptest::prelude::{Strategy, any, prop, prop_assert, prop_assert_eq, proptest};
    use std::borrow::Cow;

    type Column = (Presence, Vec<f64>);

    /// Times, and columns at random places with samples in some of them.
    fn block(samples: usize) -> impl Strategy<Value = (Vec<TimeMs>, Vec<(u8, Column)>)> {
        let times = prop::collection::vec(1..100_000_i64, 1..=samples);
        let gaps = prop::collection::vec(any::<bool>(), samples);
        let columns = prop::collection::btree_map(0..64_u8, (column(samples), gaps, any::<bool>()), 0..8);
        (times, columns).prop_map(|(steps, columns)| {
            let times: Vec<TimeMs> = steps
                .iter()
                .scan(1_795_000_000_000, |t, step| {
                    *t += step;
                    Some(TimeMs(*t))
                })
                .collect();
            let columns = columns.into_iter().map(|(place, (values, gaps, full))| {
                let mut presence = Presence::default();
                let chosen = (0..times.len()).filter(|&i| full || gaps[i]).take(values.len());
                chosen.for_each(|i| presence.set(i));
                let values = values[..presence.count()].to_vec();
                (place, (presence, values))
            });
            let columns = columns.filter(|(_, (_, values))| !values.is_empty()).collect();
            (times, columns)
        })
    }

    fn encoded(times: &[TimeMs], columns: &[(u8, Column)]) -> Vec<u8> {
        let parts: Vec<ColumnPart<'_>> = columns
            .iter()
            .map(|(column, (presence, values))| ColumnPart {
                column: *column,
                presence,
                values: Cow::Borrowed(values),
            })
            .collect();
        Encoder::new(SEAL_LEVEL).unwrap().encode(times, &parts).unwrap()
    }

    fn bits(points: impl IntoIterator<Item = Point>) -> Vec<(i64, u64)> {
        points.into_iter().map(|p| (p.t.0, p.v.to_bits())).collect()
    }

    proptest! {
        #[test]
        fn every_column_comes_back_with_its_gaps((times, columns) in block(480)) {
            let row = encoded(&times, &columns);
            let mut decoder = Decoder::new().unwrap();
            let block = decoder.block(&row).unwrap();
            let window = Window { from: times[times.len() / 4], to: times[times.len() - 1] };
            for (place, (presence, values)) in &columns {
                let points = presence.iter().zip(values).map(|(i, &v)| Point { t: times[i], v });
                let expected: Vec<Point> = points.collect();
                let mut all = Vec::new();
                decoder.points(&block, *place, Window::ALL, &mut all).unwrap();
                prop_assert_eq!(bits(all.clone()), bits(expected.clone()));
                let mut some = Vec::new();
                decoder.points(&block, *place, window, &mut some).unwrap();
                prop_assert_eq!(bits(some), bits(expected.into_iter().filter(|p| window.contains(p.t))));
                // What is there already is not given again.
                decoder.points(&block, *place, Window::ALL, &mut all.clone()).unwrap();
            }
            let absent = (0..64).find(|place| columns.iter().all(|(other, _)| other != place));
            let mut none = Vec::new();
            decoder.points(&block, absent.unwrap(), Window::ALL, &mut none).unwrap();
            prop_assert!(none.is_empty());
        }

        #[test]
        fn hostile_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = hostile::block(&bytes);
            let _ = hostile::block_raw(&bytes);
        }

        #[test]
        fn changed_raw_bytes_never_panic(
            (times, columns) in block(40),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
            cut in any::<prop::sample::Index>(),
        ) {
            // Behind checksum and zstd, where chance alone never gets.
            let row = encoded(&times, &columns);
            let mut raw = row[5..15].to_vec();
            raw.extend(zstd::bulk::decompress(&row[35..], super::RAW_BYTES_MAX).unwrap());
            prop_assert!(hostile::block_raw(&raw).is_ok());
            for (at, byte) in changes {
                let at = at.index(raw.len());
                raw[at] ^= byte;
            }
            let _ = hostile::block_raw(&raw);
            raw.truncate(cut.index(raw.len()));
            let _ = hostile::block_raw(&raw);
        }
    }

    #[test]
    fn a_repacked_block_reads_the_same() {
        let row = example();
        let smaller = super::Repacker::new(19).unwrap().repack(&row).unwrap();
        assert!(smaller.len() <= row.len());
        assert_eq!(Decoder::summary(&smaller), Decoder::summary(&row));
        let mut decoder = Decoder::new().unwrap();
        let read = |decoder: &mut Decoder, row: &[u8], column| {
            let block = decoder.block(row).unwrap();
            let mut out = Vec::new();
            decoder.points(&block, column, Window::ALL, &mut out).unwrap();
            bits(out)
        };
        for column in 0..64 {
            assert_eq!(read(&mut decoder, &smaller, column), read(&mut decoder, &row, column));
        }
        let cut = &row[..row.len() - 1];
        assert!(super::Repacker::new(19).unwrap().repack(cut).is_err());
    }

    fn example() -> Vec<u8> {
        let times: Vec<TimeMs> = (0..100).map(|i| TimeMs(1_795_000_000_000 + i * 15_000 + i % 3)).collect();
        let columns: Vec<(u8, Column)> = (0..10)
            .map(|c| {
                let mut presence = Presence::default();
                (usize::from(c)..100).for_each(|i| presence.set(i));
                let values =
                    presence.iter().map(|i| if c % 2 == 0 { 3.0 } else { (i as f64).sqrt() }).collect();
                (c * 6, (presence, values))
            })
            .collect();
        encoded(&times, &columns)
    }

    #[test]
    fn every_cut_and_every_flipped_bit_is_refused() {
        let row = example();
        let mut decoder = Decoder::new().unwrap();
        assert!(decoder.block(&row).is_ok());
        for cut in 0..row.len() {
            assert!(decoder.block(&row[..cut]).is_err(), "cut at {cut}");
        }
        for bit in 0..row.len() * 8 {
            let mut flipped = row.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(decoder.block(&flipped).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_block_that_claims_to_be_huge_is_refused_before_it_is_unpacked() {
        let mut row = example();
        row[31..35].copy_from_slice(&u32::MAX.to_le_bytes());
        let crc = crc32fast::hash(&row[5..]);
        row[1..5].copy_from_slice(&crc.to_le_bytes());
        let error = Decoder::new().unwrap().block(&row).map(|_| ()).unwrap_err();
        assert_eq!(error.why, "a block larger than its limit");
    }
}
