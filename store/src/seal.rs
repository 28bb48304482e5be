//! Sealing: a stream's unsealed samples become blocks of its day's partition.
//!
//! The order makes it safe to die anywhere: blocks, durable; then the seal's record in meta, durable; then the WAL
//! records go; then the head lets go. Dying before the record, replay brings the samples back and the next seal
//! writes the same keys again; dying after it, replay ignores them. A reader takes from the head first and from the
//! blocks then, so in between it sees samples twice at most, and drops the second.

use crate::Error;
use crate::block::{ColumnPart, Encoder};
use crate::id::{StreamId, column_of, group_of, mask_of};
use crate::manifest::Partition;
use crate::meta::SealRecord;
use crate::meta::row::{DayFacts, Sealed};
use crate::partition::BlockKey;
use crate::parts::Parts;
use crate::sync::{read, write};

/// Seals a stream; one without unsealed samples is left alone.
pub(crate) fn seal(shared: &Parts, encoder: &mut Encoder, stream: StreamId) -> Result<(), Error> {
    let day = read(&shared.head).stream(stream).and_then(|unsealed| unsealed.day());
    let Some(day) = day else { return Ok(()) };
    let partition = shared.partitions.write(day)?;
    let Some((seal, first_seq, blocks)) = encode(shared, encoder, stream, partition.partition())? else {
        return Ok(());
    };
    partition.write(blocks)?;
    shared.meta.record_seal(&seal)?;
    let deleted = shared.log.delete(stream, first_seq, seal.sealed.seq);
    // Whether or not the WAL's rows are gone: the seal is recorded, replay ignores them.
    write(&shared.head).clear(stream);
    deleted
}

type Encoded = (SealRecord, crate::wal::log::Seq, Vec<(BlockKey, Vec<u8>)>);

/// Encodes under the read lock: readers go on, and only this thread would write.
fn encode(
    shared: &Parts,
    encoder: &mut Encoder,
    stream: StreamId,
    partition: Partition,
) -> Result<Option<Encoded>, Error> {
    let head = read(&shared.head);
    let Some(unsealed) = head.stream(stream) else { return Ok(None) };
    let times = unsealed.times();
    let (Some(&first), Some(&last)) = (times.first(), times.last()) else { return Ok(None) };
    let Partition { day, content: generation, .. } = partition;
    let mut facts = DayFacts { generation, first, last, samples: 0, block_bytes: 0 };
    let (mut groups, mut blocks) = (Vec::new(), Vec::new());
    for columns in unsealed.columns().chunk_by(|(a, _), (b, _)| group_of(*a) == group_of(*b)) {
        let Some(group) = columns.first().map(|(ordinal, _)| group_of(*ordinal)) else { continue };
        let parts: Vec<ColumnPart<'_>> = columns
            .iter()
            .map(|(ordinal, column)| ColumnPart {
                column: column_of(*ordinal),
                presence: &column.presence,
                values: column.values(),
            })
            .collect();
        let row = encoder
            .encode(times, &parts)
            .map_err(|e| Error::Engine { part: partition.part(), why: e.to_string() })?;
        facts.samples += parts.iter().map(|part| part.values.len() as u64).sum::<u64>();
        facts.block_bytes += row.len() as u64;
        groups.push((group, columns.iter().fold(0, |mask, (ordinal, _)| mask | mask_of(*ordinal))));
        blocks.push((BlockKey { stream, group, start: first }, row));
    }
    let (first_seq, last_seq) = unsealed.seqs();
    let sealed = Sealed { seq: last_seq, last: Some(last) };
    Ok(Some((SealRecord { stream, sealed, day, groups, facts }, first_seq, blocks)))
}
