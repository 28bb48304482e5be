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
