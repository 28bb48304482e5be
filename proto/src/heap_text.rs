//! `heap?debug=1`: allocation records with raw addresses, and the memory statistics of the whole process.
//!
//! It is read for what the protobuf form leaves out: the runtime's own frames at the leaf (`runtime.newdefer`), sample
//! counts that nobody has scaled yet, and the trailer, which tells one process from the next.
//! Format: Go 1.21-1.27, `runtime/pprof/pprof.go`, `writeHeapInternal` and `printStackRecord`.
//!
//! A page that was cut keeps the records before the cut, with a warning. A page that is something else is refused.

mod mem_stats;

pub use mem_stats::MemStats;

use crate::limits::Budget;
use crate::lines::{Line, file_line, hex, lines, warn};
use crate::{Error, Limits};

const FORMAT: &str = "a heap profile as text";

/// A heap profile with its statistics.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct HeapText {
    /// Mean bytes between two samples (`runtime.MemProfileRate`). The page shows twice that; it is halved here.
    pub rate_bytes: u64,
    /// Records, in the order of the page.
    pub records: Vec<HeapRecord>,
    /// The trailer; absent where the page was cut before its end.
    pub mem_stats: Option<MemStats>,
    /// What could not be read, at most 16 of them.
    pub warnings: Vec<Error>,
}

/// Allocations of one size on one stack, as sampled: not scaled up.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct HeapRecord {
    /// Objects in use at the last finished collection.
    pub in_use_objects: i64,
    /// Their bytes.
    pub in_use_bytes: i64,
    /// Objects ever allocated.
    pub alloc_objects: i64,
    /// Their bytes.
    pub alloc_bytes: i64,
    /// Return addresses, leaf first, with the runtime's own.
    pub pcs: Vec<u64>,
    /// Frames, leaf first. Go hides leading `runtime.` frames here (unless there is nothing else).
    pub frames: Vec<TextFrame>,
}

/// A frame of a text profile.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct TextFrame {
    /// The address; inlined frames repeat it.
    pub pc: u64,
    /// The function's full name; empty where the service does not know it.
    pub function: String,
    /// Bytes from the function's start.
    pub offset: u64,
    /// The file.
    pub file: String,
    /// The line.
    pub line: u32,
}

/// Reads a page.
///
/// # Errors
///
/// [`Error::NotWhatWasAsked`] where the first line is not that of a heap profile, [`Error::TooLarge`] where a limit
/// is passed.
pub fn parse(body: &[u8], limits: &Limits) -> Result<HeapText, Error> {
    if body.len() > limits.body_bytes_max {
        return Err(Error::TooLarge { limit: "body_bytes_max", bytes_max: limits.body_bytes_max });
    }
    let mut lines = lines(body, limits.line_bytes_max);
    let first = lines.next().transpose()?.and_then(|line| line.text);
    let rate_bytes = first.and_then(header_rate).ok_or_else(|| Error::not(FORMAT, body))?;
    let mut page = Page {
        heap: HeapText { rate_bytes, ..HeapText::default() },
        budget: Budget::of(limits),
        stats: mem_stats::Builder::default(),
    };
    for line in lines {
        page.line(&line?)?;
    }
    Ok(page.finish(body))
}

/// A page that is being read.
struct Page {
    heap: HeapText,
    budget: Budget,
    stats: mem_stats::Builder,
}

impl Page {
    fn line(&mut self, line: &Line<'_>) -> Result<(), Error> {
        if !line.ended {
            // Half a number is a number: what was cut is not looked at.
            return Ok(());
        }
        let outcome = match line.text {
            Some("" | "# runtime.MemStats") => Some(()),
            Some(text) if text.starts_with("#\t") => self.frame(text)?,
            Some(text) if text.starts_with("# ") => self.stats.line(text),
            Some(text) => self.record(text)?,
            None => None,
        };
        if outcome.is_none() {
            warn(&mut self.heap.warnings, line.expected("a heap record, a frame or a statistic"));
        }
        Ok(())
    }

    fn record(&mut self, text: &str) -> Result<Option<()>, Error> {
        let Some(record) = record(text) else { return Ok(None) };
        self.budget.spend(size_of::<HeapRecord>() + size_of_val(record.pcs.as_slice()))?;
        self.heap.records.push(record);
        Ok(Some(()))
    }

    fn frame(&mut self, text: &str) -> Result<Option<()>, Error> {
        self.budget.spend(size_of::<TextFrame>() + text.len())?;
        let record = self.heap.records.last_mut();
        Ok(record.zip(frame(text)).map(|(record, frame)| record.frames.push(frame)))
    }

    fn finish(mut self, body: &[u8]) -> HeapText {
        self.heap.mem_stats = self.stats.finish();
        if !body.ends_with(b"\n") || self.heap.mem_stats.is_none() {
            warn(&mut self.heap.warnings, Error::CutOff { offset: body.len() });
        }
        self.heap
    }
}

/// `heap profile: 3: 1234 [5: 6789] @ heap/1048576`: the last number, halved.
fn header_rate(text: &str) -> Option<u64> {
    let (_, rate) = text.strip_prefix("heap profile: ")?.rsplit_once(" @ heap/")?;
    Some(rate.parse::<u64>().ok()? / 2)
}

/// `1: 1024 [1: 1024] @ 0x4a8b2c 0x4a8b00`.
fn record(text: &str) -> Option<HeapRecord> {
    let (counts, pcs) = text.split_once('@')?;
    let (in_use, alloc) = counts.trim_end().strip_suffix(']')?.split_once('[')?;
    let (in_use_objects, in_use_bytes) = pair(in_use)?;
    let (alloc_objects, alloc_bytes) = pair(alloc)?;
    let pcs = pcs.split_ascii_whitespace().map(hex).collect::<Option<Vec<u64>>>()?;
    Some(HeapRecord { in_use_objects, in_use_bytes, alloc_objects, alloc_bytes, pcs, frames: Vec::new() })
}

fn pair(text: &str) -> Option<(i64, i64)> {
    let (objects, bytes) = text.split_once(':')?;
    Some((objects.trim().parse().ok()?, bytes.trim().parse().ok()?))
}

/// `#\t0x4a8b2c\tmain.f+0x1c\t/src/main.go:12`, columns padded with more tabs; only an address where nothing is known.
fn frame(text: &str) -> Option<TextFrame> {
    let mut columns = text.split('\t').filter(|column| !column.is_empty()).skip(1);
    let pc = hex(columns.next()?)?;
    let Some(symbol) = columns.next() else { return Some(TextFrame { pc, ..TextFrame::default() }) };
    let (function, offset) = symbol.rsplit_once('+')?;
    let (file, line) = file_line(columns.next()?)?;
    Some(TextFrame { pc, function: function.to_owned(), offset: hex(offset)?, file: file.to_owned(), line })
}

#[cfg(test)]
mod tests {
    use super::{HeapText, parse};
    use crate::{Error, Limits};

    fn page(text: &str) -> HeapText {
        parse(text.as_bytes(), &Limits::default()).unwrap()
    }

    #[test]
    fn records_keep_raw_addresses_and_their_frames() {
        let heap = page(
            "heap profile: 1: 48 [2: -96] @ heap/1048576\n\
             1: 48 [2: -96] @ 0x4881ba 0x420525\n\
             #\t0x4881b9\tmain.(*T).f+0x1c\t\t/src/a b.go:12\n\
             #\t0x420524\n\
             \n\
             0: 0 [0: 0] @\n",
        );
        assert_eq!(heap.rate_bytes, 524_288);
        let first = &heap.records[0];
        assert_eq!(
            (first.in_use_objects, first.in_use_bytes, first.alloc_objects, first.alloc_bytes),
            (1, 48, 2, -96)
        );
        assert_eq!(first.pcs, [0x48_81ba, 0x42_0525]);
        let frames: Vec<_> =
            first.frames.iter().map(|f| (f.pc, &*f.function, f.offset, &*f.file, f.line)).collect();
        assert_eq!(frames, [(0x48_81b9, "main.(*T).f", 0x1c, "/src/a b.go", 12), (0x42_0524, "", 0, "", 0)]);
        assert_eq!((heap.records.len(), heap.records[1].pcs.len()), (2, 0));
        assert_eq!((heap.mem_stats, heap.warnings.len()), (None, 1), "no trailer: the page was cut");
    }

    #[test]
    fn lines_of_another_kind_are_named_and_passed_over() {
        let heap = page(
            "heap profile: 0: 0 [0: 1] @ heap/2\n#\t0x1\n1: x [1: 48] @ 0x1\n1: 48 [1: 48] @ 0x1 nil\nwhat\n\
             1: 48 [1: 48] @ 0x7\n",
        );
        let expected = "a heap record, a frame or a statistic";
        let at = |line, offset| Error::Line { line, offset, expected };
        assert_eq!(heap.warnings[..4], [at(2, 35), at(3, 41), at(4, 60), at(5, 84)]);
        assert_eq!(heap.records.len(), 1);
    }

    #[test]
    fn half_a_line_is_not_read() {
        let heap = page("heap profile: 0: 0 [0: 1] @ heap/2\n1: 48 [1: 48] @ 0x48");
        assert_eq!((heap.records.len(), &*heap.warnings), (0, [Error::CutOff { offset: 55 }].as_slice()));
    }

    #[test]
    fn other_pages_and_absurd_ones_are_refused() {
        let refuse = |body: &[u8], limits: Limits| parse(body, &limits).expect_err("refused");
        for body in [b"".as_slice(), b"<html>", b"goroutine profile: total 3\n", b"\x1f\x8b\x08\0"] {
            assert!(matches!(refuse(body, Limits::default()), Error::NotWhatWasAsked { .. }));
        }
        let head = "heap profile: 0: 0 [0: 1] @ heap/2\n";
        let records = format!("{head}{}", "0: 0 [0: 0] @\n".repeat(10_000));
        let limits = Limits { decoded_bytes_max: 1 << 16, ..Limits::default() };
        assert!(matches!(
            refuse(records.as_bytes(), limits),
            Error::TooLarge { limit: "decoded_bytes_max", .. }
        ));
        let long = format!("{head}{}", "0".repeat(1 << 17));
        let error = refuse(long.as_bytes(), Limits::default());
        assert!(matches!(error, Error::TooLarge { limit: "line_bytes_max", .. }));
    }
}
