//! Trace events as JSON text, one a line. Texts are the service's and may hold anything: JSON escapes what acts, and
//! what is not UTF-8 is replaced.

use super::Exported;
use crate::report::trace::TraceSummary;
use std::borrow::Cow;
use std::cell::Cell;
use std::io::{self, Write};

/// A track: a process and a thread of it, in the words of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) process: u32,
    pub(super) thread: u32,
}

/// The processes of the file.
pub(super) const GOROUTINES: u32 = 1;
pub(super) const PROCS: u32 = 2;
pub(super) const RUNTIME: u32 = 3;
pub(super) const TASKS: u32 = 4;

const PROCESSES: [(u32, &str); 4] =
    [(GOROUTINES, "goroutines"), (PROCS, "procs"), (RUNTIME, "runtime"), (TASKS, "tasks")];

/// Bytes gathered before they are handed on.
const PIECE_BYTES: usize = 64 << 10;

/// Where events go.
pub(super) struct Out<'a, W> {
    to: W,
    text: Vec<u8>,
    told: Exported,
    failed: Option<io::Error>,
    /// Set when nobody takes them any more.
    stop: &'a Cell<bool>,
}

impl<'a, W: Write> Out<'a, W> {
    pub(super) fn new(to: W, stop: &'a Cell<bool>) -> Self {
        let text = Vec::with_capacity(PIECE_BYTES * 2);
        Self { to, text, told: Exported::default(), failed: None, stop }
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failed.is_some()
    }

    /// The head of the file: which processes there are, in which order.
    pub(super) fn begin(&mut self) {
        self.text.extend_from_slice(b"{\"displayTimeUnit\":\"ns\",\"traceEvents\":[");
        for (process, name) in PROCESSES {
            let place = Place { process, thread: 0 };
            self.named("process_name", place, name.as_bytes());
            let mut event = self.event("M", place);
            event.text("name", b"process_sort_index");
            event.open("args");
            event.number("sort_index", process.into());
            event.close();
        }
    }

    /// The end of the file, with what it lacks.
    pub(super) fn end(mut self, summary: &TraceSummary) -> io::Result<Exported> {
        self.text.extend_from_slice(b"\n],\"otherData\":");
        let trace = &summary.trace;
        let other = serde_json::json!({
            "source": trace.source,
            "written_by": trace.go,
            "start_ms": trace.start_ms,
            "window_ns": summary.window_ns,
            "events": summary.events_total,
            "truncated": summary.truncated,
            "missing": summary.missing,
        });
        self.text.extend_from_slice(other.to_string().as_bytes());
        self.text.extend_from_slice(b"}\n");
        self.hand_on();
        match self.failed {
            Some(error) => Err(error),
            None => self.to.flush().map(|()| self.told),
        }
    }

    /// `thread_name` or `process_name`.
    pub(super) fn named(&mut self, what: &str, place: Place, name: &[u8]) {
        let mut event = self.event("M", place);
        event.text("name", what.as_bytes());
        event.open("args");
        event.text("name", name);
        event.close();
    }

    /// An event of a phase on a track, to be completed.
    pub(super) fn event(&mut self, phase: &str, place: Place) -> Line<'_> {
        if self.text.len() >= PIECE_BYTES {
            self.hand_on();
        }
        self.text.extend_from_slice(if self.told.events == 0 { b"\n{" } else { b",\n{" });
        self.told.events += 1;
        let mut line = Line { text: &mut self.text, is_first: true };
        line.text("ph", phase.as_bytes());
        line.number("pid", place.process.into());
        line.number("tid", place.thread.into());
        line
    }

    fn hand_on(&mut self) {
        self.told.bytes += self.text.len() as u64;
        if self.failed.is_none()
            && let Err(error) = self.to.write_all(&self.text)
        {
            self.failed = Some(error);
            self.stop.set(true);
        }
        self.text.clear();
    }
}

/// An event that is being written; it is whole when this goes.
pub(super) struct Line<'a> {
    text: &'a mut Vec<u8>,
    is_first: bool,
}

impl Line<'_> {
    fn key(&mut self, key: &str) {
        if !self.is_first {
            self.text.push(b',');
        }
        self.is_first = false;
        self.text.push(b'"');
        self.text.extend_from_slice(key.as_bytes());
        self.text.extend_from_slice(b"\":");
    }

    pub(super) fn text(&mut self, key: &str, text: &[u8]) {
        self.key(key);
        push_text(self.text, text);
    }

    pub(super) fn number(&mut self, key: &str, number: u64) {
        self.key(key);
        self.text.extend_from_slice(number.to_string().as_bytes());
    }

    /// Microseconds to the nanosecond, as the format wants them.
    pub(super) fn time(&mut self, ns: u64) {
        self.key("ts");
        self.text.extend_from_slice(format!("{}.{:03}", ns / 1000, ns % 1000).as_bytes());
    }

    /// Members that are JSON already.
    pub(super) fn members(&mut self, members: &str) {
        if members.is_empty() {
            return;
        }
        if !self.is_first {
            self.text.push(b',');
        }
        self.is_first = false;
        self.text.extend_from_slice(members.as_bytes());
    }

    pub(super) fn open(&mut self, key: &str) {
        self.key(key);
        self.text.push(b'{');
        self.is_first = true;
    }

    pub(super) fn close(&mut self) {
        self.text.push(b'}');
        self.is_first = false;
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        self.text.push(b'}');
    }
}

/// A text as JSON.
pub(super) fn push_text(into: &mut Vec<u8>, text: &[u8]) {
    let text: Cow<'_, str> = String::from_utf8_lossy(text);
    if let Ok(json) = serde_json::to_string(&*text) {
        into.extend_from_slice(json.as_bytes());
    }
}
