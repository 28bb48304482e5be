//! Where time goes: by state, blocked by place and by who ended it, in system calls, on processors.

use super::goroutines::reason;
use super::{heading, more, place_fields, place_lines, spans};
use crate::report::trace::{TraceState, TraceSummary, TraceWait};
use crate::show::number;
use crate::show::page::Page;
use crate::show::table::{Cell, Column, Fit, INDENT, Table};
use crate::show::text::harmless;

/// Who woke, named of one wait.
const WOKEN_BY_MAX: usize = 2;

const PLACE: Column = Column::new("WHERE", &["FUNCTION", "FILE:LINE"], Fit::Rest);

pub(super) fn states(page: &mut Page<'_>, trace: &TraceSummary) {
    if trace.states.is_empty() {
        return;
    }
    heading(page, trace, "time of all goroutines, by what they were at");
    let first = [Column::new("STATE", &["STATE"], Fit::Left), Column::new("SHARE", &["SHARE"], Fit::Right)];
    let columns = spans::with(&first, Column::new("WHY", &["WHY"], Fit::Left));
    let mut table = Table::new(&columns);
    // Goroutines' time in the window, all of it, whatever is listed.
    let all_ns = trace.goroutines.mean * trace.window_ns as f64;
    for state in &trace.states {
        let share = if all_ns > 0.0 { state.spans.total_ns as f64 / all_ns } else { 0.0 };
        let first = vec![Cell::one(harmless(&state.state)), Cell::one(share_of(share))];
        table.row(spans::row(first, &state.spans, Cell::one(why(state))));
    }
    page.table(&table);
    more(page, trace, "states");
}

/// `12.3 %`; a share that is there and rounds to nothing is not nothing.
fn share_of(share: f64) -> String {
    match share {
        s if s > 0.0 && s < 0.0005 => "< 0.1 %".into(),
        s => format!("{:.1} %", s * 100.0),
    }
}

fn why(state: &TraceState) -> String {
    match (state.state.as_str(), state.reason.as_str()) {
        ("waiting", "") => "(not said)".into(),
        (_, reason) => harmless(reason),
    }
}

pub(super) fn blocked(page: &mut Page<'_>, trace: &TraceSummary) {
    if trace.waits.is_empty() && trace.runtime_own.blocked_ns == 0 {
        return;
    }
    heading(page, trace, "blocked, and by whom it ended");
    if !trace.waits.is_empty() {
        let first = [Column::new("FOR", &["FOR"], Fit::Left)];
        let place = Column::new("WHERE", &["FUNCTION", "FILE:LINE", "ENDED BY"], Fit::Rest);
        let mut table = Table::new(&spans::with(&first, place));
        for wait in &trace.waits {
            table.row(spans::row(vec![Cell::one(reason(&wait.reason))], &wait.spans, woken(wait)));
        }
        page.table(&table);
    }
    more(page, trace, "waits");
    if trace.runtime_own.blocked_ns > 0 {
        let time = number::nanoseconds(trace.runtime_own.blocked_ns);
        page.note(&format!("and {time} of the runtime's own goroutines"));
    }
}

fn woken(wait: &TraceWait) -> Cell {
    let mut lines = place_lines(&wait.place);
    for by in wait.woken_by.iter().take(WOKEN_BY_MAX) {
        let place = place_lines(&by.place).into_iter().next().unwrap_or_default();
        lines.push(format!("{INDENT}{} ended by {place}", number::count(by.count)));
    }
    let others: u64 = wait.woken_by.iter().skip(WOKEN_BY_MAX).map(|by| by.count).sum();
    let others = others + wait.woken_by_others;
    if others > 0 {
        let whom = if wait.woken_by.is_empty() { "the runtime" } else { "others or the runtime" };
        lines.push(format!("{INDENT}{} ended by {whom}", number::count(others)));
    }
    let [function, at] = place_fields(&wait.place);
    let first = wait.woken_by.first().map(|by| place_fields(&by.place).join(" "));
    Cell::both(lines, vec![function, at, first.unwrap_or_default()])
}

pub(super) fn syscalls(page: &mut Page<'_>, trace: &TraceSummary) {
    let own_ns = trace.runtime_own.syscalls_ns;
    if trace.syscalls.is_empty() && own_ns == 0 {
        return;
    }
    heading(page, trace, "system calls and C");
    let mut table = Table::new(&spans::with(&[], PLACE));
    for call in &trace.syscalls {
        let place = Cell::both(place_lines(&call.place), place_fields(&call.place).into());
        table.row(spans::row(Vec::new(), &call.spans, place));
    }
    if !trace.syscalls.is_empty() {
        page.table(&table);
    }
    more(page, trace, "syscalls");
    if own_ns > 0 {
        page.note(&format!("and {} of the runtime's own goroutines", number::nanoseconds(own_ns)));
    }
}

pub(super) fn samples(page: &mut Page<'_>, trace: &TraceSummary) {
    if trace.cpu_samples.is_empty() {
        return;
    }
    heading(page, trace, "CPU samples, of a profile that ran at the same time");
    let mut table = Table::new(&[Column::new("SAMPLES", &["SAMPLES"], Fit::Right), PLACE]);
    for group in &trace.cpu_samples {
        let place = Cell::both(place_lines(&group.place), place_fields(&group.place).into());
        table.row(vec![Cell::one(number::count(group.samples)), place]);
    }
    page.table(&table);
    more(page, trace, "cpu_samples");
}
