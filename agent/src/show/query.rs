//! `linger query`: the series a selector picks. Here in short; JSON has every point.

use super::page::Page;
use super::spark::{Marks, spark};
use super::status::labels;
use super::table::{Cell, Column, Fit, INDENT, Table};
use super::text::harmless;
use super::{Screen, empty, number};
use crate::report::{Query, QuerySeries, Range, StoreStatus};

const COLUMNS: [Column; 7] = [
    Column::new("LAST", &["LAST"], Fit::Right),
    Column::new("MIN", &["MIN"], Fit::Right),
    Column::new("MAX", &["MAX"], Fit::Right),
    Column::new("POINTS", &["POINTS"], Fit::Right),
    Column::new("TREND", &[], Fit::Left),
    Column::new("SERIES", &["SERIES"], Fit::Rest),
    Column::new("", &["TREND"], Fit::Left),
];

/// The page; `history` tells how far the store reaches when the range is empty.
#[must_use]
pub fn query(query: &Query, selector: &str, history: Option<&StoreStatus>, screen: &Screen) -> String {
    let mut page = Page::new(screen);
    page.line(&format!("{} · {}", harmless(selector), screen.clock.range(query.range)));
    if query.series.iter().all(|s| s.points.is_empty()) {
        empty::no_points(&mut page, query.range, history, screen);
        return page.finish();
    }
    page.gap();
    let mut table = Table::new(&COLUMNS);
    for series in &query.series {
        table.row(row(series, query.range, screen));
    }
    page.table(&table);
    let points: usize = query.series.iter().map(|s| s.points.len()).sum();
    let (series, points) = (number::count(query.series.len() as u64), number::plural(points as u64, "point"));
    page.note(&format!("{series} series, {points}: --output json has every one"));
    page.finish()
}

/// The name over its labels; in a pipe as Prometheus writes it.
fn series_cell(series: &QuerySeries) -> Cell {
    let (name, labels) = (harmless(&series.name), labels(&series.labels));
    let spaced = labels.trim_start_matches('{').trim_end_matches('}').replace("\",", "\", ");
    let below = if spaced.is_empty() { spaced } else { format!("{INDENT}{spaced}") };
    Cell::both(vec![name.clone(), below], vec![format!("{name}{labels}")])
}

fn row(series: &QuerySeries, range: Range, screen: &Screen) -> Vec<Cell> {
    let values = || series.points.iter().map(|&(_, v)| v).filter(|v| !v.is_nan());
    let line = spark(&series.points, range, screen.spark_cells(), Marks::NONE);
    let last = series.points.last().map(|&(_, v)| number(v));
    vec![
        Cell::one(last.unwrap_or_default()),
        Cell::one(values().reduce(f64::min).map(number).unwrap_or_default()),
        Cell::one(values().reduce(f64::max).map(number).unwrap_or_default()),
        Cell::one(number::count(series.points.len() as u64)),
        Cell::terminal(line.clone()),
        series_cell(series),
        Cell::pipe(line),
    ]
}

#[cfg(test)]
mod tests {
    use super::query;
    use crate::show::samples::{self, check_golden};

    #[test]
    fn series_come_in_short_and_cannot_forge_output() {
        check_golden("query", |s| query(&samples::query(), "linger_goroutines_at_site", None, s));
    }
}
