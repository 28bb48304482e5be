//! A trace as Chrome's JSON trace events, which Perfetto (ui.perfetto.dev) and chrome://tracing open: a track for each
//! goroutine with what it was at, one for each P with who ran on it, collections and stops of the world, tasks, counters,
//! and arrows from who woke to who was woken. Format: Google's "Trace Event Format", JSON object form.
//!
//! It is written as the events come and held as little as they are: what is kept is what is open. Within a track slices
//! nest and times never go back; where threads' clocks disagree a slice starts when the one before it ended.

mod counter;
mod json;
mod lives;
mod procs;
mod runtime;
mod texts;
mod track;

use crate::report::trace::TraceSummary;
use json::Out;
use linger_gotrace::event::{Cause, Event, GcPhase, State, What};
use linger_gotrace::summary::Clock;
use linger_gotrace::{Error, GenerationStart, Observer, Options, Scene, Source, read};
use lives::Lives;
use procs::Procs;
use runtime::Runtime;
use std::cell::Cell;
use std::io::{self, Write};
use texts::Texts;

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// Trace events.
    pub events: u64,
    /// Bytes.
    pub bytes: u64,
}

/// Why it could not be written to its end.
#[derive(Debug)]
pub enum ExportError {
    /// Whoever takes it failed.
    Write(io::Error),
    /// The trace is broken. What was written is whole all the same, up to there.
    Trace(Error),
}

/// Writes a trace as JSON. `summary` is that of the same trace: how many goroutines there were at the start is known
/// only once they have all been named, and what is missing is told in the file as well.
///
/// # Errors
///
/// An [`ExportError`].
pub fn export<S: Source>(
    source: &S,
    summary: &TraceSummary,
    to: impl Write,
) -> Result<Exported, ExportError> {
    let stop = Cell::new(false);
    let mut chrome = Chrome::new(summary.goroutines.at_start, Out::new(to, &stop));
    let read = read(&Until { source, stop: &stop }, &Options::default(), &mut chrome);
    let exported = chrome.finish(summary).map_err(ExportError::Write)?;
    read.map_err(ExportError::Trace)?;
    Ok(exported)
}

/// A trace that ends when nobody takes what is made of it any more.
struct Until<'a, S> {
    source: &'a S,
    stop: &'a Cell<bool>,
}

impl<S: Source> Source for Until<'_, S> {
    fn bytes(&self) -> u64 {
        self.source.bytes()
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        if self.stop.get() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.source.read_at(offset, into)
    }
}

struct Chrome<'a, W> {
    out: Out<'a, W>,
    clock: Clock,
    start_ns: Option<u64>,
    end_ns: u64,
    texts: Texts,
    lives: Lives,
    procs: Procs,
    runtime: Runtime,
}

impl<'a, W: Write> Chrome<'a, W> {
    fn new(goroutines: u64, mut out: Out<'a, W>) -> Self {
        out.begin();
        Self {
            clock: Clock::new(1),
            start_ns: None,
            end_ns: 0,
            texts: Texts::default(),
            lives: Lives::default(),
            procs: Procs::default(),
            runtime: Runtime::new(goroutines, &mut out),
            out,
        }
    }

    fn finish(mut self, summary: &TraceSummary) -> io::Result<Exported> {
        self.lives.finish(self.end_ns, &mut self.out);
        self.procs.finish(self.end_ns, &mut self.out);
        self.runtime.finish(self.end_ns, &mut self.out);
        self.out.end(summary)
    }

    /// Something that is a slice of a goroutine's, a proc's or the collector's.
    fn range(&mut self, ns: u64, event: &Event, scene: &Scene<'_>) {
        let Self { out, texts, lives, procs, runtime, .. } = self;
        match event.what {
            What::Gc { phase: GcPhase::Mark, edge, stack } => {
                runtime.mark(ns, edge, texts.stack(scene.tables, stack), scene, out);
            }
            What::Gc { phase: GcPhase::Sweep { proc, .. }, edge, .. } => {
                procs.sweep(ns, proc, edge, scene, out);
            }
            What::Gc { phase: GcPhase::Assist { slot, .. }, edge, .. } => {
                lives.assist(ns, slot, edge, scene, out);
            }
            What::StwBegin { kind, stack } => {
                let (who, at) = (lives.label(event.slot, texts), texts.stack(scene.tables, stack));
                runtime.stop_begins(ns, event.slot, kind, &who, at, scene, out);
            }
            What::StwEnd { .. } => runtime.stop_ends(ns, event.slot, scene, out),
            What::RegionBegin { name, stack, .. } => {
                lives.region_begins(ns, event.slot, name, texts.stack(scene.tables, stack), scene, out);
            }
            What::RegionEnd { name, .. } => lives.region_ends(ns, event.slot, name, scene, out),
            _ => {}
        }
    }

    /// Something that is a moment, a task, or a number.
    fn moment(&mut self, ns: u64, event: &Event, scene: &Scene<'_>) {
        let Self { out, texts, lives, runtime, .. } = self;
        match event.what {
            What::HeapAlloc { bytes } => runtime.heap.set(ns, bytes, out),
            What::HeapGoal { bytes } => runtime.goal.set(ns, bytes, out),
            What::Procs { count, .. } => runtime.procs.set(ns, count, out),
            What::TaskBegin { task, parent, name, .. } => {
                runtime.task_begins(ns, task, parent, name, scene, out);
            }
            What::TaskEnd { task, .. } => runtime.task_ends(ns, task, out),
            What::Log { key, value, .. } => {
                let text = |string| scene.tables.string(string).unwrap_or(b"");
                lives.log(ns, event.slot, text(key), text(value), out);
            }
            What::CpuSample { stack } => {
                let at = texts.stack(scene.tables, stack);
                if !lives.sample(ns, event.slot, at, out) {
                    runtime.sample(ns, at, out);
                }
            }
            _ => {}
        }
    }
}

impl<W: Write> Observer for Chrome<'_, W> {
    fn generation(&mut self, generation: &GenerationStart, scene: &Scene<'_>) {
        self.clock = Clock::new(scene.tables.units_per_second());
        if self.start_ns.is_none() {
            self.start_ns = Some(self.clock.ns(generation.start));
        }
        self.texts.forget_numbers();
    }

    fn event(&mut self, event: &Event, scene: &Scene<'_>) {
        if self.out.has_failed() {
            return;
        }
        let ns = self.clock.ns(event.time).saturating_sub(self.start_ns.unwrap_or(0));
        match &event.what {
            What::Goroutine(t) => {
                // The time of a status says nothing.
                let is_status = matches!(t.cause, Cause::Status { .. });
                let ns = if is_status { 0 } else { ns };
                self.end_ns = self.end_ns.max(ns);
                self.runtime.goroutine(ns, t, &mut self.out);
                if t.to == State::Gone {
                    self.runtime.gone(ns, t.slot, scene, &mut self.out);
                }
                self.lives.step(ns, event, t, scene, &mut self.texts, &mut self.out);
                self.procs.step(ns, event, t, &self.lives, &self.texts, scene, &mut self.out);
                if t.to == State::Gone {
                    self.lives.forget(t.slot);
                }
            }
            What::Proc { proc, cause } => {
                if self.procs.hands(ns, *proc, *cause, scene, &mut self.out) {
                    self.end_ns = self.end_ns.max(ns);
                }
            }
            What::Gc { .. }
            | What::StwBegin { .. }
            | What::StwEnd { .. }
            | What::RegionBegin { .. }
            | What::RegionEnd { .. } => {
                self.end_ns = self.end_ns.max(ns);
                self.range(ns, event, scene);
            }
            _ => {
                self.end_ns = self.end_ns.max(ns);
                self.moment(ns, event, scene);
            }
        }
    }
}

#[cfg(test)]
mod tests;
