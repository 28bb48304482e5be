//! Where in the bytes a thread's events have been read to. What of a batch is in memory is a window of it, so a trace
//! with many threads takes little, however long its batches are.

use super::fault::Fault;
use crate::generation::{EventBatch, Stream};
use crate::source::Source;
use crate::varint::read_tagged;
use crate::wire::event::BYTES_MAX;

/// Bytes of a batch in memory. Smaller ones mean more reads, larger ones less of it in the processor's caches; from
/// 8 KiB on neither shows.
const WINDOW_BYTES: usize = 16 << 10;

/// Bytes beyond the end that may be looked at, so that a number can be read by the word. They are never believed.
const SLACK_BYTES: usize = 16;

/// Where windows are filled from.
pub(crate) struct Feed<'a, S> {
    pub(crate) source: &'a S,
    pub(crate) batches: &'a [EventBatch],
}

/// A thread's place in its events. What it says is of the next one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor {
    pub(crate) time: u64,
    /// The place in the window after the event's type and time.
    pub(crate) at: usize,
    /// Where the window's bytes end.
    pub(crate) end: usize,
    /// An event that starts here or later may not be in the window as a whole.
    full_until: usize,
    /// Where what comes after the window is.
    offset: u64,
    /// Bytes of the batch after the window.
    rest: u32,
    next: Option<u32>,
    pub(crate) thread: u32,
    pub(crate) kind: u8,
}

impl Cursor {
    /// Before the first event of a thread.
    pub(crate) fn new(stream: &Stream, thread: u32) -> Self {
        Self {
            time: 0,
            at: 0,
            end: 0,
            full_until: 0,
            offset: 0,
            rest: 0,
            next: Some(stream.first),
            thread,
            kind: 0,
        }
    }

    /// About where in the trace it is.
    pub(crate) fn offset(&self) -> u64 {
        self.offset.saturating_sub((self.end - self.at.min(self.end)) as u64)
    }

    /// Goes on to the next event; false when there is none.
    #[inline(always)]
    pub(crate) fn step<S: Source>(
        &mut self,
        window: &mut Vec<u8>,
        feed: &Feed<'_, S>,
    ) -> Result<bool, Fault> {
        if self.at >= self.full_until {
            match self.filled(window, feed)? {
                Some(filled) => *self = filled,
                None => return Ok(false),
            }
        }
        let (kind, later, after) = read_tagged(window, self.at).ok_or(Fault::BeyondBatch)?;
        if after > self.end {
            return Err(Fault::BeyondBatch);
        }
        self.kind = kind;
        self.time = self.time.wrapping_add(later);
        self.at = after;
        Ok(true)
    }

    /// The cursor when the window holds the whole next event, unless its batch ends first; none after the last event.
    /// It is given and taken as a value, so that the one in use can stay in registers.
    #[cold]
    #[inline(never)]
    fn filled<S: Source>(mut self, window: &mut Vec<u8>, feed: &Feed<'_, S>) -> Result<Option<Self>, Fault> {
        while self.at >= self.end && self.rest == 0 {
            let Some(batch) = self.next.and_then(|next| feed.batches.get(next as usize)) else {
                return Ok(None);
            };
            (self.time, self.offset, self.rest, self.next) =
                (batch.time, batch.offset, batch.bytes, batch.next);
            (self.at, self.end) = (0, 0);
        }
        if self.rest > 0 {
            window.copy_within(self.at..self.end, 0);
            let kept = self.end - self.at;
            let more = (self.rest as usize).min(WINDOW_BYTES - kept);
            let end = kept + more;
            if window.len() < end + SLACK_BYTES {
                window.resize(end + SLACK_BYTES, 0);
            }
            let room = window.get_mut(kept..end).unwrap_or(&mut []);
            feed.source.read_at(self.offset, room).map_err(Fault::Read)?;
            self.offset += more as u64;
            self.rest -= u32::try_from(more).unwrap_or(self.rest);
            (self.at, self.end) = (0, end);
        }
        self.full_until = if self.rest > 0 { self.end.saturating_sub(BYTES_MAX) } else { self.end };
        Ok(Some(self))
    }
}
