//! Standard output: what it is (a terminal of some width, or a pipe) and how reports get there.

use super::args::Output;
use super::failure::Failure;
use crate::report::Check;
use crate::show::{self, Clock, Layout, Screen};
use serde::Serialize;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// Width of a terminal that does not tell its own.
const WIDTH_UNKNOWN: usize = 100;

/// Narrower terminals are drawn for this width and wrap by themselves: records would be one word a line.
const WIDTH_MIN: usize = 60;

/// What standard output is.
pub(super) fn screen() -> Screen {
    let layout = if io::stdout().is_terminal() {
        let width = terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0));
        Layout::Terminal { width: width.filter(|&w| w > 0).unwrap_or(WIDTH_UNKNOWN).max(WIDTH_MIN) }
    } else {
        Layout::Pipe
    };
    Screen { layout, clock: Clock::system() }
}

/// The report itself as JSON, or the page drawn from it.
pub(super) fn report(
    report: &impl Serialize,
    output: Output,
    page: impl FnOnce() -> String,
) -> Result<(), Failure> {
    match output {
        Output::Table => text(&page()),
        Output::Json => json(report),
    }
}

/// A verdict that no agent gave, in Nagios' words.
pub(super) fn unanswered(check: &Check) -> Result<(), Failure> {
    text(&show::check(check, false))
}

/// A page; colours are taken out unless a terminal wants them.
pub(super) fn text(page: &str) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    out.write_all(page.as_bytes())?;
    Ok(out.flush()?)
}

/// Indented for eyes, in one line for programs.
pub(super) fn json(report: &impl Serialize) -> Result<(), Failure> {
    let eyes = io::stdout().is_terminal();
    let text = if eyes { serde_json::to_string_pretty(report) } else { serde_json::to_string(report) };
    let text = text.map_err(|e| Failure::new(format!("writing JSON: {e}")))?;
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}

/// Least time between two lines of progress.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);

/// What is waited for, on standard error while that is a terminal; nothing anywhere else. It leaves no line behind.
#[derive(Debug)]
pub(super) struct Progress {
    what: Option<String>,
    shown: Instant,
}

impl Progress {
    pub(super) fn new(what: &str) -> Self {
        let what = io::stderr().is_terminal().then(|| show::harmless(what));
        let progress = Self { what, shown: Instant::now() };
        progress.show("");
        progress
    }

    pub(super) fn bytes(&mut self, bytes: u64) {
        if self.shown.elapsed() >= PROGRESS_EVERY {
            self.shown = Instant::now();
            self.show(&format!(", {} so far", show::bytes(bytes)));
        }
    }

    fn show(&self, more: &str) {
        if let Some(what) = &self.what {
            // Nothing is left to be done when standard error is closed.
            let _ = write!(io::stderr(), "\r\x1b[K{what}{more} …");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.what.is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
