//! Entries for fuzzing: the decoders of stored bytes, which must refuse anything without a panic and without
//! allocating more than their limits. `block` and `wal_records` take what is stored; `block_raw` and `wal_body` begin
//! behind the checksum and zstd, which chance does not get past. Each returns how many values it read.

use crate::bytes::{Cursor, Malformed};
use crate::options::BLOCK_SAMPLES_MAX;
use crate::{block, wal};
use linger_series::{TimeMs, Window};

fn memory(_: std::io::Error) -> Malformed {
    Malformed { at: 0, why: "no memory for zstd" }
}

/// Decodes a row as a sealed block with all its columns.
///
/// # Errors
/// Where and why the row does not decode.
pub fn block(row: &[u8]) -> Result<usize, Malformed> {
    let mut decoder = block::Decoder::new().map_err(memory)?;
    let block = decoder.block(row)?;
    points(&mut decoder, &block)
}

/// Decodes the mask (8 bytes), the number of samples (2 bytes) and the raw bytes of a block.
///
/// # Errors
/// Where and why they do not decode.
pub fn block_raw(bytes: &[u8]) -> Result<usize, Malformed> {
    let mut cursor = Cursor::new(bytes);
    let (mask, samples) = (cursor.u64()?, usize::from(cursor.u16()?));
    if samples == 0 || samples > BLOCK_SAMPLES_MAX {
        return cursor.fail("no number of samples of a block");
    }
    let summary = block::Summary { mask, samples, first: TimeMs(0), last: TimeMs(0) };
    let block = block::Block::parse(&summary, cursor.take(cursor.remaining())?.to_vec())?;
    points(&mut block::Decoder::new().map_err(memory)?, &block)
}

fn points(decoder: &mut block::Decoder, block: &block::Block) -> Result<usize, Malformed> {
    let mut points = 0;
    for column in 0..64 {
        let mut out = Vec::new();
        decoder.points(block, column, Window::ALL, &mut out)?;
        points += out.len();
    }
    Ok(points)
}

/// Decodes bytes as WAL records, each with its length in two bytes before it.
///
/// # Errors
/// Where and why the first bad record does not decode.
pub fn wal_records(bytes: &[u8]) -> Result<usize, Malformed> {
    let mut decoder = wal::Decoder::new().map_err(memory)?;
    let mut chain = wal::Chain::default();
    let (mut rest, mut values) = (bytes, 0);
    while let Some((length, after)) = rest.split_first_chunk::<2>() {
        let (record, after) = after.split_at(usize::from(u16::from_le_bytes(*length)).min(after.len()));
        decoder.decode(&mut chain, record)?;
        values += chain.values.len();
        rest = after;
    }
    Ok(values)
}

/// Decodes the body of a WAL record that starts a chain.
///
/// # Errors
/// Where and why it does not decode.
pub fn wal_body(bytes: &[u8]) -> Result<usize, Malformed> {
    let mut chain = wal::Chain::default();
    wal::decode_body(&mut chain, false, Cursor::new(bytes))?;
    Ok(chain.values.len())
}
