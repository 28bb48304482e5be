//! How many goroutines there are, where they come from and go, and which never moved.

use super::{heading, more, place_fields, place_lines};
use crate::report::Range;
use crate::report::trace::{TraceFunction, TraceGoroutines, TraceSummary, TraceSuspects};
use crate::show::page::Page;
use crate::show::paint::Paint;
use crate::show::spark::{Marks, spark};
use crate::show::table::{Cell, Column, Fit, INDENT, Table};
use crate::show::text::harmless;
use crate::show::{Screen, name, number};

const FUNCTIONS: [Column; 6] = [
    Column::new("START", &["START"], Fit::Right),
    Column::new("CREATED", &["CREATED"], Fit::Right),
    Column::new("ENDED", &["ENDED"], Fit::Right),
    Column::new("END", &["END"], Fit::Right),
    Column::new("RAN", &["RAN"], Fit::Right),
    Column::new("FUNCTION", &["FUNCTION", "CREATED AT"], Fit::Rest),
];

const SUSPECTS: [Column; 3] = [
    Column::new("COUNT", &["COUNT"], Fit::Right),
    Column::new("WAIT FOR", &["WAIT FOR"], Fit::Left),
    Column::new("WHERE", &["FUNCTION", "FILE:LINE", "STARTED AS", "GOROUTINES"], Fit::Rest),
];

/// Places of `go` statements named of one function.
const PLACES_MAX: usize = 2;

/// Goroutines named of one group.
const EXAMPLES_MAX: usize = 3;

pub(super) fn section(page: &mut Page<'_>, trace: &TraceSummary, screen: &Screen) {
    let g = &trace.goroutines;
    heading(page, trace, "goroutines");
    let mut facts = vec![
        format!("{} at the start", bounded(g.at_start, g.complete)),
        format!("{} created ({}/s)", number::count(g.created), number(g.created_per_second)),
        format!("{} ended ({}/s)", number::count(g.ended), number(g.ended_per_second)),
        format!("{} at the end", bounded(g.alive, g.complete)),
    ];
    if g.min != g.max && g.complete {
        let (least, most) = (number::count(g.min), number::count(g.max));
        facts.push(format!("between {least} and {most}, {} on average", number(g.mean)));
    }
    page.note_of(&facts);
    page.sparkline(&line(g, trace.window_ns, screen));
    functions(page, trace);
    suspects(page, trace);
}

/// `≥ 12` where some are missing.
fn bounded(count: u64, complete: bool) -> String {
    format!("{}{}", if complete { "" } else { "≥ " }, number::count(count))
}

fn line(g: &TraceGoroutines, window_ns: u64, screen: &Screen) -> String {
    let time = |ns: u64| i64::try_from(ns).unwrap_or(i64::MAX);
    let points: Vec<(i64, f64)> =
        g.timeline.iter().map(|[start_ns, _, _, last]| (time(*start_ns), *last as f64)).collect();
    let range = Range { from_ms: 0, to_ms: time(window_ns) };
    spark(&points, range, screen.wide_spark_cells(), Marks::NONE)
}

fn functions(page: &mut Page<'_>, trace: &TraceSummary) {
    let own = &trace.runtime_own;
    if !trace.functions.is_empty() {
        let mut table = Table::new(&FUNCTIONS);
        for function in &trace.functions {
            table.row(function_row(function));
        }
        page.table(&table);
    }
    more(page, trace, "functions");
    let count = own.at_start + own.created;
    if count > 0 {
        page.note(&format!(
            "and the runtime's own: {} at the start, {} created, {} ended, ran {}",
            number::count(own.at_start),
            number::count(own.created),
            number::count(own.ended),
            number::nanoseconds(own.running_ns)
        ));
    }
}

fn function_row(f: &TraceFunction) -> Vec<Cell> {
    let mut lines = vec![name::function(&f.function)];
    for creation in f.created_at.iter().take(PLACES_MAX) {
        let place = place_lines(&creation.place).into_iter().next().unwrap_or_default();
        lines.push(format!("{INDENT}{} by {place}", number::count(creation.created)));
    }
    if f.created_at.len() > PLACES_MAX {
        lines.push(format!("{INDENT}and by others"));
    }
    let first = f.created_at.first();
    let created_at = first.map(|creation| place_fields(&creation.place).join(" ")).unwrap_or_default();
    vec![
        Cell::one(number::count(f.at_start)),
        Cell::one(number::count(f.created)),
        Cell::one(number::count(f.ended)),
        Cell::one(number::count(f.alive)),
        Cell::one(number::nanoseconds(f.running_ns)),
        Cell::both(lines, vec![harmless(&f.function), created_at.trim().to_owned()]),
    ]
}

fn suspects(page: &mut Page<'_>, trace: &TraceSummary) {
    if trace.suspects.is_empty() {
        return;
    }
    let listed: u64 = trace.suspects.iter().map(|group| group.count).sum();
    let all = if trace.left_out.contains_key("suspects") { "at least " } else { "" };
    heading(page, trace, &Paint::Warn.on("leak suspects"));
    page.note(&format!(
        "{all}{} to which nothing happened in the whole window. In a short one that is true of every idle worker: look \
         again for those here in a longer or a later trace; `linger trend` shows which places grow",
        number::plural(listed, "goroutine")
    ));
    let mut table = Table::new(&SUSPECTS);
    for group in &trace.suspects {
        table.row(suspects_row(group));
    }
    page.table(&table);
    more(page, trace, "suspects");
    if trace.runtime_own.silent > 0 {
        page.note(&format!("and {} of the runtime's own", number::count(trace.runtime_own.silent)));
    }
}

fn suspects_row(group: &TraceSuspects) -> Vec<Cell> {
    let named = |most: usize| {
        let ids: Vec<String> = group.examples.iter().take(most).map(|id| format!("G{id}")).collect();
        ids.join(" ")
    };
    let mut lines = place_lines(&group.place);
    if !group.function.is_empty() && group.function != group.place.function {
        lines.push(format!("{INDENT}started as {}", name::function(&group.function)));
    }
    let rest = if group.count > EXAMPLES_MAX as u64 { " …" } else { "" };
    lines.push(format!("{INDENT}{}{rest}", named(EXAMPLES_MAX)));
    let [function, at] = place_fields(&group.place);
    let ids = named(usize::MAX).replace(' ', ",");
    vec![
        Cell::one(number::count(group.count)),
        Cell::one(reason(&group.reason)),
        Cell::both(lines, vec![function, at, harmless(&group.function), ids]),
    ]
}

/// What is waited for; nothing is said where the trace does not.
pub(super) fn reason(reason: &str) -> String {
    if reason.is_empty() { "(not said)".to_owned() } else { harmless(reason) }
}
