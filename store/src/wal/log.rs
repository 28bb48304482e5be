//! The log itself: records in their own key-value folder, keyed `stream u32 | seq u64`.
//!
//! Streams seal apart, so each has its own range of keys and its own sequence: a stream that scrapes rarely keeps
//! its records and no one else's.

use crate::Error;
use crate::id::StreamId;
use crate::kv::{Batch, Kv};
use std::ops::ControlFlow;
use std::sync::Arc;

/// Position of a record in its stream, from 1.
pub(crate) type Seq = u64;

pub(crate) struct Log {
    kv: Arc<dyn Kv>,
}

fn key(stream: StreamId, seq: Seq) -> [u8; 12] {
    let mut key = [0; 12];
    let (to_stream, to_seq) = key.split_at_mut(4);
    to_stream.copy_from_slice(&stream.0.to_be_bytes());
    to_seq.copy_from_slice(&seq.to_be_bytes());
    key
}

fn parse(key: &[u8]) -> Option<(StreamId, Seq)> {
    let (stream, seq) = key.split_first_chunk::<4>()?;
    Some((StreamId(u32::from_be_bytes(*stream)), u64::from_be_bytes(seq.try_into().ok()?)))
}

impl Log {
    pub(crate) fn new(kv: Arc<dyn Kv>) -> Self {
        Self { kv }
    }

    /// Makes records durable against the death of this process by one flush. Each is whole by itself, and after an
    /// error any of them may be there.
    pub(crate) fn append(&self, records: Vec<(StreamId, Seq, Vec<u8>)>) -> Result<(), Error> {
        for (stream, seq, record) in records {
            let mut row = Batch::default();
            row.put(&key(stream, seq), record);
            self.kv.apply(row)?;
        }
        self.kv.flush()
    }

    /// Makes what was flushed durable against a power cut.
    pub(crate) fn sync(&self) -> Result<(), Error> {
        self.kv.sync()
    }

    /// Forgets a stream's records up to and with `last`. Durable with the next flush: until then replay ignores
    /// them by the recorded seal.
    pub(crate) fn delete(&self, stream: StreamId, first: Seq, last: Seq) -> Result<(), Error> {
        let mut batch = Batch::default();
        for seq in first..=last {
            batch.delete(&key(stream, seq));
        }
        self.kv.apply(batch)
    }

    /// Forgets single records.
    pub(crate) fn delete_all(&self, records: &[(StreamId, Seq)]) -> Result<(), Error> {
        let mut batch = Batch::default();
        for &(stream, seq) in records {
            batch.delete(&key(stream, seq));
        }
        if batch.is_empty() { Ok(()) } else { self.kv.apply(batch) }
    }

    /// All records, stream by stream in order.
    pub(crate) fn replay(
        &self,
        mut visit: impl FnMut(StreamId, Seq, &[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut result = Ok(());
        self.kv.scan(&[], &[0xff; 13], &mut |key, record| {
            let Some((stream, seq)) = parse(key) else { return ControlFlow::Continue(()) };
            result = visit(stream, seq, record);
            if result.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        result
    }

    /// Bytes of its folder.
    pub(crate) fn bytes_on_disk(&self) -> u64 {
        self.kv.bytes_on_disk()
    }
}
