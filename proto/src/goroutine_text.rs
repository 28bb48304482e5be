//! `goroutine?debug=2`: one goroutine after the other as text, read as a stream, holding one of them at a time.
//!
//! A dump can have 64 MiB, so it is never held whole: [`DumpParser::push`] takes whatever arrived and gives back the
//! goroutines that it completed. Go stops silently at 64 MiB (`runtime/pprof/pprof.go`, `writeGoroutineStacks`); the
//! last goroutine is then kept as far as it got, with a warning.
//!
//! Format: `runtime/traceback.go` of Go 1.21-1.27, `goroutineheader`, `traceback2`, `printcreatedby1`.
//! Stacks of ancestors (`GODEBUG=tracebackancestors`) are passed over: they are of other goroutines.

mod block;
mod header;
mod labels;

use std::mem;

use crate::lines::warn;
use crate::{Error, Limits};

const FORMAT: &str = "a goroutine dump (debug=2)";

/// Where Go stops printing (`runtime/pprof/pprof.go`, `writeGoroutineStacks`).
const GO_STOPS_AT_BYTES: usize = 64 << 20;

/// One goroutine of a dump.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Goroutine {
    /// Its id, unique within the process.
    pub id: u64,
    /// What it does or waits for, as Go prints it without its suffixes: `chan send`, `IO wait`, `select (no cases)`.
    pub state: String,
    /// Since when it waits. Absent below one minute, and always for goroutines proven leaked; Go counts from the last
    /// collection that saw it wait, so this may be off by the time between two of them.
    pub wait_minutes: Option<u64>,
    /// Whether it is bound to a system thread.
    pub locked_to_thread: bool,
    /// Whether the last leak detection (Go 1.26+) proved that nothing can wake it.
    pub leaked: bool,
    /// Whether it waits durably within a `testing/synctest` bubble.
    pub durable: bool,
    /// The bubble it is in.
    pub synctest_bubble: Option<u64>,
    /// Its profiler labels: Go 1.27, or 1.26 with `GODEBUG=tracebacklabels=1`.
    pub labels: Vec<(String, String)>,
    /// Its frames, leaf first.
    pub frames: Vec<DumpFrame>,
    /// Whether frames are missing in the middle: Go prints the 50 innermost and the 50 outermost.
    pub frames_elided: bool,
    /// Whether it ran on another thread, so that no frame could be read.
    pub stack_unavailable: bool,
    /// Where it was started; absent for the main goroutine.
    pub created_by: Option<CreatedBy>,
}

/// A frame of a dump.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DumpFrame {
    /// The function's full name, without arguments; empty for code that is not Go's.
    pub function: String,
    /// The file; empty where unknown.
    pub file: String,
    /// The line; 0 where unknown.
    pub line: u32,
    /// Bytes from the function's start to the return address; absent for inlined frames.
    pub offset: Option<u64>,
    /// Whether it was inlined into the next frame.
    pub inlined: bool,
}

/// Where a goroutine was started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CreatedBy {
    /// The function with the `go` statement.
    pub function: String,
    /// Its file; empty where the dump was cut.
    pub file: String,
    /// The line of the statement; 0 where the dump was cut.
    pub line: u32,
    /// The goroutine that ran it.
    pub parent: Option<u64>,
}

/// What is left when a dump ends.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct DumpEnd {
    /// The last goroutine; only as far as it was printed where `truncated`.
    pub last: Option<Goroutine>,
    /// Whether the dump stops before its end: there are more goroutines than it shows.
    pub truncated: bool,
    /// Goroutines whose first line could not be read, so that they are missing.
    pub unreadable: u64,
    /// What could not be read, at most 16 of them.
    pub warnings: Vec<Error>,
}

/// A streaming parser. Its memory is bounded by one goroutine.
#[derive(Debug)]
pub struct DumpParser {
    limits: Limits,
    /// The goroutine that is being received.
    block: Vec<u8>,
    /// Where `block` starts in the dump: line, from 1, and byte.
    block_line: usize,
    block_offset: usize,
    /// Lines of `block` so far, and where the current one starts in it.
    lines: usize,
    line_start: usize,
    bytes: usize,
    seen_any: bool,
    unreadable: u64,
    warnings: Vec<Error>,
}

impl DumpParser {
    /// A parser at the start of a dump.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            block: Vec::new(),
            block_line: 1,
            block_offset: 0,
            lines: 0,
            line_start: 0,
            bytes: 0,
            seen_any: false,
            unreadable: 0,
            warnings: Vec::new(),
        }
    }

    /// Takes the next bytes of the dump, however they were cut, and gives back the goroutines they complete.
    ///
    /// # Errors
    ///
    /// [`Error::NotWhatWasAsked`] where the dump does not start with a goroutine, [`Error::TooLarge`] where the dump
    /// or one goroutine passes its limit. The parser is of no use afterwards.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Goroutine>, Error> {
        self.bytes = self.bytes.saturating_add(bytes.len());
        if self.bytes > self.limits.decompressed_bytes_max {
            let bytes_max = self.limits.decompressed_bytes_max;
            return Err(Error::TooLarge { limit: "decompressed_bytes_max", bytes_max });
        }
        let mut done = Vec::new();
        for piece in bytes.split_inclusive(|b| *b == b'\n') {
            let bytes_max = self.limits.goroutine_bytes_max;
            if self.block.len() + piece.len() > bytes_max {
                return Err(Error::TooLarge { limit: "goroutine_bytes_max", bytes_max });
            }
            self.block.extend_from_slice(piece);
            if !piece.ends_with(b"\n") {
                continue;
            }
            let is_blank = self.block.get(self.line_start..).is_some_and(|line| line.trim_ascii().is_empty());
            self.line_start = self.block.len();
            self.lines += 1;
            if is_blank {
                done.extend(self.take_block()?);
            }
        }
        Ok(done)
    }

    /// Ends the dump.
    ///
    /// # Errors
    ///
    /// [`Error::NotWhatWasAsked`] where it was no goroutine dump at all.
    pub fn finish(mut self) -> Result<DumpEnd, Error> {
        let cut_within_line = self.line_start < self.block.len();
        let truncated = cut_within_line || self.bytes >= GO_STOPS_AT_BYTES;
        if truncated {
            warn(&mut self.warnings, Error::CutOff { offset: self.bytes });
        }
        let nothing = Error::not(FORMAT, &self.block);
        // Half a line number is a number, and a wrong one.
        self.block.truncate(self.line_start);
        let last = self.take_block()?;
        if !self.seen_any {
            return Err(nothing);
        }
        Ok(DumpEnd { last, truncated, unreadable: self.unreadable, warnings: self.warnings })
    }

    /// Parses the goroutine received so far and starts the next one.
    fn take_block(&mut self) -> Result<Option<Goroutine>, Error> {
        let block = mem::take(&mut self.block);
        let (line, offset) = (self.block_line, self.block_offset);
        self.block_line += mem::take(&mut self.lines);
        self.block_offset += block.len();
        self.line_start = 0;
        if block.trim_ascii().is_empty() {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&block);
        let goroutine = block::parse(&text, line, offset, &mut self.warnings);
        match &goroutine {
            Some(_) => self.seen_any = true,
            None if !self.seen_any => return Err(Error::not(FORMAT, &block)),
            None => self.unreadable += 1,
        }
        Ok(goroutine)
    }
}

#[cfg(test)]
mod tests;
