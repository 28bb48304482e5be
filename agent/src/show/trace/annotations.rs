//! What the program says of itself: deferred calls that are annotated, regions, tasks, logs.

use super::{heading, more, spans};
use crate::report::trace::{TraceNamed, TraceSummary};
use crate::show::number;
use crate::show::page::Page;
use crate::show::table::{Cell, Column, Fit, Table};
use crate::show::text::harmless;

pub(super) fn section(page: &mut Page<'_>, trace: &TraceSummary) {
    let lists = [
        ("defers", "annotated deferred calls: from the defer statement to the call", &trace.defers),
        ("regions", "regions", &trace.regions),
        ("tasks", "tasks", &trace.tasks),
    ];
    for (list, title, all) in lists {
        if !all.is_empty() {
            heading(page, trace, title);
            page.table(&table(all));
            more(page, trace, list);
        }
    }
    if !trace.logs.is_empty() {
        heading(page, trace, "logs");
        let columns =
            [Column::new("COUNT", &["COUNT"], Fit::Right), Column::new("CATEGORY", &["CATEGORY"], Fit::Rest)];
        let mut table = Table::new(&columns);
        for log in &trace.logs {
            table.row(vec![Cell::one(number::count(log.count)), Cell::one(name(&log.category))]);
        }
        page.table(&table);
        more(page, trace, "logs");
    }
}

fn table(all: &[TraceNamed]) -> Table {
    let rare = [
        Column::new("FROM BEFORE", &["FROM BEFORE"], Fit::Right),
        Column::new("NEVER ENDED", &["NEVER ENDED"], Fit::Right),
    ];
    let mut columns = spans::COLUMNS.to_vec();
    columns.extend(rare);
    columns.push(Column::new("NAME", &["NAME"], Fit::Rest));
    let mut table = Table::new(&columns);
    for named in all {
        let mut cells: Vec<Cell> = spans::cells(&named.spans).into();
        cells.extend([counted(named.begun_before), counted(named.abandoned), Cell::one(name(&named.name))]);
        table.row(cells);
    }
    table
}

/// Nothing where there is none: a column without any takes no room.
fn counted(count: u64) -> Cell {
    Cell::one(if count == 0 { String::new() } else { number::count(count) })
}

fn name(name: &str) -> String {
    if name.is_empty() { "(no name)".to_owned() } else { harmless(name) }
}
