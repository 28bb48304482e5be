//! Entries for fuzzing: the decoders of stored bytes, which must refuse anything without a panic and without
//! allocating more than their limits. Each returns how much it read.

use crate::bytes::Malformed;
use crate::{block, wal};
use linger_series::Window;

/// Decodes a row as a sealed block with all its columns and counts the points.
///
/// # Errors
/// Where and why the row does not decode.
pub fn block(row: &[u8]) -> Result<usize, Malformed> {
    let mut decoder = block::Decoder::new().map_err(|_| Malformed { at: 0, why: "no memory for zstd" })?;
    let block = decoder.block(row)?;
    let mut points = 0;
    for column in 0..64 {
        let mut out = Vec::new();
        decoder.points(&block, column, Window::ALL, &mut out)?;
        points += out.len();
    }
    Ok(points)
}

/// Decodes bytes as WAL records, each with its length in two bytes before it, and counts the values.
///
/// # Errors
/// Where and why the first bad record does not decode.
pub fn wal_records(bytes: &[u8]) -> Result<usize, Malformed> {
    let mut decoder = wal::Decoder::new().map_err(|_| Malformed { at: 0, why: "no memory for zstd" })?;
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
