//! The execution traces that are kept.

use super::page::Page;
use super::table::{Cell, Column, Fit, Table};
use super::text::harmless;
use super::{Screen, number};
use crate::report::{KeptTrace, Traces};

const COLUMNS: [Column; 7] = [
    Column::new("TARGET", &["TARGET"], Fit::Left),
    Column::new("ID", &["ID"], Fit::Left),
    Column::new("TAKEN", &["TAKEN"], Fit::Left),
    Column::new("WINDOW", &["WINDOW"], Fit::Right),
    Column::new("EVENTS", &["EVENTS"], Fit::Right),
    Column::new("BYTES", &["BYTES"], Fit::Right),
    Column::new("NOT WHOLE", &["NOT WHOLE"], Fit::Rest),
];

/// The page.
#[must_use]
pub fn traces(traces: &Traces, screen: &Screen) -> String {
    let mut page = Page::new(screen);
    if traces.traces.is_empty() {
        page.line("no execution trace is kept yet");
        page.note("one comes with each turn of the collector `trace`: linger status says when");
        return page.finish();
    }
    let mut table = Table::new(&COLUMNS);
    for trace in &traces.traces {
        table.row(row(trace, screen));
    }
    page.table(&table);
    page.finish()
}

fn row(trace: &KeptTrace, screen: &Screen) -> Vec<Cell> {
    vec![
        Cell::one(harmless(&trace.target)),
        Cell::one(harmless(&trace.id)),
        Cell::stacked([screen.clock.at(trace.at_ms), screen.clock.ago(trace.at_ms)]),
        Cell::one(number::span(trace.window_s)),
        Cell::one(number::count(trace.events)),
        Cell::one(number::bytes(trace.bytes)),
        Cell::one(harmless(trace.cut.as_deref().unwrap_or(""))),
    ]
}

#[cfg(test)]
mod tests {
    use super::traces;
    use crate::report::Traces;
    use crate::show::samples::{check_golden, kept};

    #[test]
    fn traces_are_told_by_what_they_cover() {
        check_golden("traces", |s| traces(&kept(), s));
    }

    #[test]
    fn none_is_no_riddle() {
        check_golden("traces-none", |s| traces(&Traces::default(), s));
    }
}
