//! `linger trace summary`: what a window of an execution trace tells, most urgent first. How many goroutines there are
//! and where they come from, who never moved, where time goes, what the runtime did, what the program says of itself.

mod annotations;
mod goroutines;
mod runtime;
mod spans;
mod waiting;

use super::page::Page;
use super::paint::Paint;
use super::table::INDENT;
use super::text::harmless;
use super::{Screen, name, number};
use crate::report::trace::{TracePlace, TraceSummary};

/// The page.
#[must_use]
pub fn trace(trace: &TraceSummary, screen: &Screen) -> String {
    let mut page = Page::new(screen);
    head(&mut page, trace, screen);
    goroutines::section(&mut page, trace, screen);
    waiting::states(&mut page, trace);
    waiting::blocked(&mut page, trace);
    runtime::latency(&mut page, trace);
    waiting::syscalls(&mut page, trace);
    runtime::collector(&mut page, trace);
    annotations::section(&mut page, trace);
    waiting::samples(&mut page, trace);
    page.finish()
}

fn head(page: &mut Page<'_>, trace: &TraceSummary, screen: &Screen) {
    let facts = &trace.trace;
    let source = facts.source.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or(&facts.source);
    let source = if facts.source.contains("://") { &facts.source } else { source };
    page.line(&format!("{} · execution trace of {}", harmless(source), harmless(&facts.go)));
    let mut window = vec![format!("window {}", number::nanoseconds(trace.window_ns))];
    if let Some(start_ms) = facts.start_ms {
        window.push(format!("from {}", screen.clock.at_second(start_ms)));
    }
    window.push(number::plural(trace.events_total, "event"));
    window.push(number::bytes(facts.bytes));
    window.push(match facts.end.as_str() {
        "marked" => Paint::Good.on("whole"),
        "unmarked" => "its end is not marked".into(),
        "mark missing" => Paint::Warn.on("its end mark is missing"),
        "cut" => Paint::Warn.on("cut"),
        other => Paint::Bad.on(&harmless(other)),
    });
    page.note_of(&window);
    for missing in &trace.missing {
        let label = if trace.truncated { Paint::Warn.on("missing:") } else { "note:".to_owned() };
        page.note(&format!("{label} {}", harmless(missing)));
    }
    if trace.window_ns > 0 {
        page.note(&busy(trace));
    }
}

/// How much of the processors was used.
fn busy(trace: &TraceSummary) -> String {
    let running = trace.states.iter().filter(|state| state.state == "running");
    let running_ns: u64 = running.map(|state| state.spans.total_ns).sum();
    let share = number(running_ns as f64 / trace.window_ns as f64);
    match trace.trace.procs {
        Some(procs) => format!("goroutines ran on {share} of {} on average", number::plural(procs, "proc")),
        None => format!("goroutines ran on {share} procs on average"),
    }
}

/// `… 12 more (--limit)`, when there are.
fn more(page: &mut Page<'_>, trace: &TraceSummary, list: &str) {
    if let Some(more) = trace.left_out.get(list) {
        page.note(&format!("… {} more (--limit)", number::count(*more)));
    }
}

/// A section's heading: what follows, within the window.
fn heading(page: &mut Page<'_>, trace: &TraceSummary, text: &str) {
    page.gap();
    page.line(&format!("{text} (in {})", number::nanoseconds(trace.window_ns)));
}

/// `cart.(*Cart).hold cart.go:88`, and below where exactly, if that is elsewhere.
fn place_lines(place: &TracePlace) -> Vec<String> {
    let short =
        format!("{} {}", name::function(&place.function), name::place(&place.file, u64::from(place.line)));
    let short = short.trim_end().to_owned();
    let at = name::function_at(&place.at);
    let mut lines = vec![short];
    if !at.is_empty() && lines.first() != Some(&at) {
        lines.push(format!("{INDENT}in {at}"));
    }
    lines
}

/// The same for a pipe, whole: function, `file:line`.
fn place_fields(place: &TracePlace) -> [String; 2] {
    let at = if place.file.is_empty() { String::new() } else { format!("{}:{}", place.file, place.line) };
    [harmless(&place.function), harmless(&at)]
}

#[cfg(test)]
mod tests;
