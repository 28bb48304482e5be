//! The frame around everything: batches, each of one generation and one thread.
//!
//! Go 1.27, `internal/trace/batch.go` `readBatch`. Lengths are often padded, because the runtime leaves ten bytes for
//! one and fills them in at the end.

use crate::error::Error;
use crate::source::Source;
use crate::varint::{VARINT_BYTES_MAX, read_all};
use crate::{Version, wire};

/// Most bytes of a header, with the experiment's byte and the first one of the payload.
const HEAD_BYTES_MAX: usize = 2 + 4 * VARINT_BYTES_MAX + 1;

/// What stands at a place where a batch may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framed {
    /// A batch.
    Batch(Batch),
    /// The mark at the end of a generation.
    EndOfGeneration,
    /// The trace ends here, between batches.
    End,
    /// The trace ends within a header.
    Cut,
}

/// The header of a batch, and where its payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) generation: u64,
    pub(crate) thread: u64,
    pub(crate) time: u64,
    /// Offset of the payload.
    pub(crate) offset: u64,
    /// Bytes of the payload that are there.
    pub(crate) bytes: u32,
    /// The trace ends within the payload.
    pub(crate) cut: bool,
    /// What the payload is: its first byte, or 0 when it is empty or of an experiment.
    pub(crate) marker: u8,
}

impl Batch {
    /// Where the next thing starts.
    pub(crate) fn end(&self) -> u64 {
        self.offset + u64::from(self.bytes)
    }
}

/// Reads what starts at `offset`.
pub(crate) fn read_framed<S: Source>(source: &S, version: Version, offset: u64) -> Result<Framed, Error> {
    let left = source.bytes().saturating_sub(offset);
    let mut head = [0; HEAD_BYTES_MAX];
    let there = usize::try_from(left).unwrap_or(usize::MAX).min(HEAD_BYTES_MAX);
    let head = head.get_mut(..there).unwrap_or(&mut []);
    source.read_at(offset, head).map_err(|reason| Error::Read { offset, reason })?;
    let broken = |reason| Error::Format { offset, reason };

    let (experiment, numbers) = match head.first() {
        None => return Ok(Framed::End),
        Some(&wire::END_OF_GENERATION) if version.marks_ends() => return Ok(Framed::EndOfGeneration),
        Some(&wire::BATCH) => (false, 1),
        Some(&wire::EXPERIMENTAL_BATCH) if version.has_experiments() => (true, 2),
        Some(_) => return Err(broken("no batch where one should start")),
    };
    let Some(([generation, thread, time, size], after)) = read_all::<4>(head, numbers) else {
        return if head.len() < HEAD_BYTES_MAX {
            Ok(Framed::Cut)
        } else {
            Err(broken("a batch without its length"))
        };
    };
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    if size > wire::BATCH_BYTES_MAX {
        return Err(broken("a batch that is too long"));
    }
    let left = usize::try_from(left).unwrap_or(usize::MAX) - after;
    let bytes = u32::try_from(size.min(left)).map_err(|_| broken("a batch that is too long"))?;
    let marker = head.get(after).copied().filter(|_| bytes > 0 && !experiment).unwrap_or(0);
    let offset = offset + after as u64;
    Ok(Framed::Batch(Batch { generation, thread, time, offset, bytes, cut: left < size, marker }))
}

#[cfg(test)]
mod tests {
    use super::{Batch, Framed, read_framed};
    use crate::Version;

    #[track_caller]
    fn check(bytes: &[u8], expected: Framed) {
        assert_eq!(read_framed(&bytes, Version::Go1_26, 0).unwrap(), expected);
    }

    const BATCH: Batch =
        Batch { generation: 1, thread: 2, time: 300, offset: 15, bytes: 2, cut: false, marker: 0x0e };

    #[test]
    fn lengths_may_be_padded_to_ten_bytes() {
        let padded = b"\x01\x01\x02\xac\x02\x82\x80\x80\x80\x80\x80\x80\x80\x80\x00\x0e\x00\x34";
        check(padded, Framed::Batch(BATCH));
        check(b"\x01\x01\x02\xac\x02\x02\x0e\x00", Framed::Batch(Batch { offset: 6, ..BATCH }));
    }

    #[test]
    fn an_experiment_has_a_byte_more_and_no_marker() {
        check(
            b"\x31\x01\x01\x02\xac\x02\x02\x0e\x00",
            Framed::Batch(Batch { offset: 7, marker: 0, ..BATCH }),
        );
    }

    #[test]
    fn a_cut_is_told_wherever_it_is() {
        let batch = b"\x01\x01\x02\xac\x02\x02\x0e\x00";
        check(&batch[..0], Framed::End);
        for cut in 1..6 {
            check(&batch[..cut], Framed::Cut);
        }
        let cut = Batch { offset: 6, cut: true, ..BATCH };
        check(&batch[..6], Framed::Batch(Batch { bytes: 0, marker: 0, ..cut }));
        check(&batch[..7], Framed::Batch(Batch { bytes: 1, ..cut }));
    }

    #[test]
    fn end_marks_and_experiments_are_of_their_versions() {
        check(b"\x34", Framed::EndOfGeneration);
        assert!(read_framed(&&b"\x34"[..], Version::Go1_25, 0).is_err());
        assert!(read_framed(&&b"\x31\x01\x01\x02\x03\x00"[..], Version::Go1_22, 0).is_err());
    }

    #[test]
    fn a_batch_longer_than_the_format_allows_is_refused() {
        assert!(read_framed(&&b"\x01\x01\x02\x03\x81\x80\x04\x0e"[..], Version::Go1_26, 0).is_err());
    }
}
