//! The head: samples of each stream that are acknowledged and not yet sealed, in memory.
//!
//! Readers copy out of it under a read lock; the writer alone changes it. Its size is counted as it grows, so that
//! the writer can seal early ([`crate::options::HEAD_BYTES_MAX`]).

use crate::day::Day;
use crate::id::{Ordinal, StreamId};
use crate::options::BLOCK_SAMPLES_MAX;
use crate::presence::Presence;
use crate::wal::log::Seq;
use linger_series::{Point, TimeMs, Window};
use std::borrow::Cow;
use std::collections::HashMap;

/// All streams' unsealed samples.
#[derive(Default)]
pub(crate) struct Head {
    streams: HashMap<StreamId, HeadStream>,
}

/// One stream's unsealed samples: one block's worth at most, all of one day.
#[derive(Default)]
pub(crate) struct HeadStream {
    times: Vec<TimeMs>,
    columns: Vec<(Ordinal, Column)>,
    first_seq: Seq,
    last_seq: Seq,
    wal_bytes: usize,
    value_bytes: usize,
}

/// One series' unsealed values.
pub(crate) struct Column {
    pub(crate) presence: Presence,
    values: Values,
}

/// Most series do not change for hours: they cost no memory per sample.
enum Values {
    Same { value: f64, count: usize },
    Each(Vec<f64>),
}

impl Column {
    fn new(value: f64) -> Self {
        Self { presence: Presence::default(), values: Values::Same { value, count: 0 } }
    }

    /// Appends a value and returns the bytes it took.
    #[inline]
    fn push(&mut self, index: usize, next: f64) -> usize {
        self.presence.set(index);
        match &mut self.values {
            Values::Same { value, count } if value.to_bits() == next.to_bits() => {
                *count += 1;
                0
            }
            Values::Same { value, count } => {
                let mut each = vec![*value; *count];
                each.push(next);
                let bytes = size_of_val(&*each);
                self.values = Values::Each(each);
                bytes
            }
            Values::Each(each) => {
                each.push(next);
                size_of::<f64>()
            }
        }
    }

    pub(crate) fn values(&self) -> Cow<'_, [f64]> {
        match &self.values {
            Values::Same { value, count } => Cow::Owned(vec![*value; *count]),
            Values::Each(each) => Cow::Borrowed(each),
        }
    }
}

/// A scrape on its way into the head: durable already.
pub(crate) struct Durable<'a> {
    pub(crate) seq: Seq,
    pub(crate) wal_bytes: usize,
    pub(crate) at: TimeMs,
    pub(crate) ordinals: &'a [Ordinal],
    pub(crate) values: &'a [f64],
}

impl HeadStream {
    pub(crate) fn times(&self) -> &[TimeMs] {
        &self.times
    }

    /// Columns in rising order.
    pub(crate) fn columns(&self) -> &[(Ordinal, Column)] {
        &self.columns
    }

    pub(crate) fn seqs(&self) -> (Seq, Seq) {
        (self.first_seq, self.last_seq)
    }

    pub(crate) fn day(&self) -> Option<Day> {
        self.times.first().map(|&first| Day::of(first))
    }

    pub(crate) fn bytes(&self) -> usize {
        self.value_bytes
            + self.columns.capacity() * size_of::<(Ordinal, Column)>()
            + self.times.capacity() * size_of::<TimeMs>()
    }

    /// Whether a scrape at `at` has room in this block and belongs to its day.
    pub(crate) fn has_room_for(&self, at: TimeMs) -> bool {
        self.times.len() < BLOCK_SAMPLES_MAX && self.day().is_none_or(|day| day == Day::of(at))
    }

    /// Appends a scrape whose ordinals rise strictly; the caller has checked room, day and time.
    fn append(&mut self, scrape: &Durable<'_>) {
        let index = self.times.len();
        if index == 0 {
            self.first_seq = scrape.seq;
        }
        self.last_seq = scrape.seq;
        self.wal_bytes += scrape.wal_bytes;
        self.times.push(scrape.at);
        let mut fresh = Vec::new();
        let mut columns = self.columns.iter_mut().peekable();
        for (&ordinal, &value) in scrape.ordinals.iter().zip(scrape.values) {
            while columns.next_if(|(o, _)| *o < ordinal).is_some() {}
            match columns.next_if(|(o, _)| *o == ordinal) {
                Some((_, column)) => self.value_bytes += column.push(index, value),
                None => {
                    let mut column = Column::new(value);
                    column.push(index, value);
                    fresh.push((ordinal, column));
                }
            }
        }
        if !fresh.is_empty() {
            // Exactly: doubling would take megabytes when thousands of series come and go.
            self.columns.reserve_exact(fresh.len());
            self.columns.extend(fresh);
            self.columns.sort_unstable_by_key(|(ordinal, _)| *ordinal);
        }
    }
}

impl Head {
    pub(crate) fn stream(&self, stream: StreamId) -> Option<&HeadStream> {
        self.streams.get(&stream)
    }

    pub(crate) fn append(&mut self, stream: StreamId, scrape: &Durable<'_>) {
        self.streams.entry(stream).or_default().append(scrape);
    }

    /// Forgets a stream's samples, sealed by now.
    pub(crate) fn clear(&mut self, stream: StreamId) {
        self.streams.remove(&stream);
    }

    /// Appends a series' unsealed points inside the window.
    pub(crate) fn points(&self, stream: StreamId, ordinal: Ordinal, window: Window, out: &mut Vec<Point>) {
        let Some(head) = self.streams.get(&stream) else { return };
        let found = head.columns.binary_search_by_key(&ordinal, |(o, _)| *o).ok();
        let Some((_, column)) = found.and_then(|i| head.columns.get(i)) else { return };
        let times = column.presence.iter().filter_map(|index| head.times.get(index));
        out.extend(
            times.zip(&*column.values()).filter(|(t, _)| window.contains(**t)).map(|(&t, &v)| Point { t, v }),
        );
    }

    /// Whether a series has unsealed samples.
    pub(crate) fn has(&self, stream: StreamId, ordinal: Ordinal) -> bool {
        self.streams
            .get(&stream)
            .is_some_and(|head| head.columns.binary_search_by_key(&ordinal, |(o, _)| *o).is_ok())
    }

    pub(crate) fn bytes(&self) -> usize {
        self.streams.values().map(HeadStream::bytes).sum()
    }

    pub(crate) fn wal_bytes(&self) -> usize {
        self.streams.values().map(|head| head.wal_bytes).sum()
    }

    pub(crate) fn samples(&self) -> u64 {
        let of_stream =
            |head: &HeadStream| head.columns.iter().map(|(_, c)| c.presence.count() as u64).sum::<u64>();
        self.streams.values().map(of_stream).sum()
    }

    /// The stream that takes the most memory.
    pub(crate) fn largest(&self) -> Option<StreamId> {
        self.streams.iter().max_by_key(|(_, head)| head.bytes()).map(|(stream, _)| *stream)
    }

    /// The stream whose first unsealed sample is the oldest.
    pub(crate) fn oldest(&self) -> Option<StreamId> {
        self.first_times().min_by_key(|(_, first)| *first).map(|(stream, _)| stream)
    }

    /// Each stream with the time of its first unsealed sample.
    pub(crate) fn first_times(&self) -> impl Iterator<Item = (StreamId, TimeMs)> {
        self.streams.iter().filter_map(|(stream, head)| Some((*stream, *head.times.first()?)))
    }

    /// Each stream's last unsealed time.
    pub(crate) fn last_times(&self) -> impl Iterator<Item = TimeMs> {
        self.streams.values().filter_map(|head| head.times.last().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::{Durable, Head};
    use crate::id::StreamId;
    use crate::options::BLOCK_SAMPLES_MAX;
    use linger_series::{TimeMs, Window};

    fn append(head: &mut Head, at: i64, ordinals: &[u32], value: f64) {
        let values = vec![value; ordinals.len()];
        let scrape = Durable { seq: 1, wal_bytes: 10, at: TimeMs(at), ordinals, values: &values };
        head.append(StreamId(0), &scrape);
    }

    fn points(head: &Head, ordinal: u32) -> Vec<(i64, f64)> {
        let mut out = Vec::new();
        head.points(StreamId(0), ordinal, Window::ALL, &mut out);
        out.into_iter().map(|p| (p.t.0, p.v)).collect()
    }

    #[test]
    fn a_series_that_comes_and_goes_has_points_only_where_it_was() {
        let mut head = Head::default();
        append(&mut head, 1, &[5], 1.0);
        append(&mut head, 2, &[3, 5, 9], 2.0);
        append(&mut head, 3, &[9], 2.0);
        append(&mut head, 4, &[3, 5], 2.0);
        assert_eq!(points(&head, 3), [(2, 2.0), (4, 2.0)]);
        assert_eq!(points(&head, 5), [(1, 1.0), (2, 2.0), (4, 2.0)]);
        assert_eq!(points(&head, 9), [(2, 2.0), (3, 2.0)]);
        assert_eq!(points(&head, 4), []);
        assert_eq!((head.samples(), head.wal_bytes()), (7, 40));
    }

    #[test]
    fn constant_series_take_no_memory_per_sample_and_short_lived_ones_are_counted() {
        let mut head = Head::default();
        for i in 0..400 {
            append(&mut head, i, &[0], 1.0);
        }
        let constant = head.bytes();
        assert!(constant < 8 * 1024, "{constant}");
        for (i, ordinal) in (400..BLOCK_SAMPLES_MAX as i64).zip(1..) {
            append(&mut head, i, &[ordinal * 2], 1.0);
        }
        assert!(head.bytes() >= constant + 80 * 64);
    }

    #[test]
    fn a_block_never_spans_two_days() {
        let mut head = Head::default();
        append(&mut head, 86_399_999, &[0], 1.0);
        let stream = head.stream(StreamId(0)).unwrap();
        assert!(!stream.has_room_for(TimeMs(86_400_000)));
        assert!(stream.has_room_for(TimeMs(86_399_999)));
    }
}
