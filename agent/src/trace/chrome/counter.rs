//! A number over time. What changes more often than a line of a screen can show is told at its last value.

use super::json::{Out, Place, RUNTIME};
use std::io::Write;

/// Least time between two values: 20,000 a second.
const STEP_NS: u64 = 50_000;

/// The number.
#[derive(Debug)]
pub(super) struct Counter {
    name: &'static str,
    unit: &'static str,
    written: Option<(u64, u64)>,
    pending: Option<(u64, u64)>,
    last_ns: u64,
}

impl Counter {
    pub(super) fn new(name: &'static str, unit: &'static str) -> Self {
        Self { name, unit, written: None, pending: None, last_ns: 0 }
    }

    pub(super) fn set<W: Write>(&mut self, ns: u64, value: u64, out: &mut Out<'_, W>) {
        let ns = ns.max(self.last_ns);
        self.last_ns = ns;
        let due = self.written.is_none_or(|(at, _)| ns - at >= STEP_NS);
        if due {
            self.flush(out);
            self.write(ns, value, out);
        } else {
            self.pending = Some((ns, value));
        }
    }

    /// What has not been written yet.
    pub(super) fn flush<W: Write>(&mut self, out: &mut Out<'_, W>) {
        if let Some((ns, value)) = self.pending.take() {
            self.write(ns, value, out);
        }
    }

    fn write<W: Write>(&mut self, ns: u64, value: u64, out: &mut Out<'_, W>) {
        self.pending = None;
        if self.written.is_some_and(|(_, before)| before == value) {
            return;
        }
        self.written = Some((ns, value));
        let mut event = out.event("C", Place { process: RUNTIME, thread: 0 });
        event.time(ns);
        event.text("name", self.name.as_bytes());
        event.open("args");
        event.number(self.unit, value);
        event.close();
    }
}
