//! What a start does with the WAL: acknowledged samples that are not sealed come back into the head.
//!
//! Idempotent: records up to a stream's recorded seal are ignored, and a scrape not later than the one before it is
//! one that was written twice. Records that do not decode, or that name series meta does not know, are counted and
//! skipped; the rest of their chain is refused with them, never decoded into wrong values. Those missing at the end
//! are counted by how far the log had come each minute and at the last close.

use crate::Error;
use crate::head::{Durable, Head};
use crate::id::StreamId;
use crate::meta::Meta;
use crate::wal::log::{Log, Seq};
use crate::wal::{Chain, Decoder};
use linger_series::TimeMs;
use std::collections::HashMap;

/// What replay found.
#[derive(Default)]
pub(crate) struct Replayed {
    pub(crate) head: Head,
    /// Last sequence number used in each stream.
    pub(crate) last_seqs: HashMap<StreamId, Seq>,
    /// Records that are sealed and only not yet deleted.
    pub(crate) stale: Vec<(StreamId, Seq)>,
    /// Records that could not be used.
    pub(crate) broken: u64,
}

pub(crate) fn replay(log: &Log, meta: &Meta) -> Result<Replayed, Error> {
    let sealed = meta.sealed();
    let mut replayed = Replayed::default();
    let mut decoder =
        Decoder::new().map_err(|e| Error::Engine { part: "wal".to_owned(), why: e.to_string() })?;
    let mut chain = Chain::default();
    let mut current = None;
    log.replay(|stream, seq, record| {
        if current != Some(stream) {
            current = Some(stream);
            chain.restart();
        }
        replayed.last_seqs.insert(stream, seq);
        let Some(sealed) = sealed.get(&stream) else {
            replayed.broken += 1;
            return Ok(());
        };
        if seq <= sealed.seq {
            replayed.stale.push((stream, seq));
            return Ok(());
        }
        let Ok(at) = decoder.decode(&mut chain, record) else {
            replayed.broken += 1;
            return Ok(());
        };
        let head = replayed.head.stream(stream);
        let last: Option<TimeMs> = head.and_then(|head| head.times().last().copied()).or(sealed.last);
        if last.is_some_and(|last| at <= last) {
            return Ok(());
        }
        // The writer seals before a block would be full or span two days, so there is always room.
        let room = head.is_none_or(|head| head.has_room_for(at));
        if !room || meta.check_known(stream, &chain.ordinals).is_err() {
            replayed.broken += 1;
            return Ok(());
        }
        let (ordinals, values) = (&*chain.ordinals, &*chain.values);
        replayed.head.append(stream, &Durable { seq, wal_bytes: record.len(), at, ordinals, values });
        Ok(())
    })?;
    for (&stream, sealed) in &sealed {
        // Records can be missing at the end of a damaged log without a trace in it.
        let last = replayed.last_seqs.get(&stream).copied().unwrap_or(0).max(sealed.seq);
        let reached = meta.reached(stream)?;
        replayed.broken += reached.saturating_sub(last);
        replayed.last_seqs.insert(stream, last.max(reached));
    }
    Ok(replayed)
}
