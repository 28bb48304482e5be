//! Columns for how many, how long together, how long each.

use crate::report::trace::TraceSpans;
use crate::show::number;
use crate::show::table::{Cell, Column, Fit};

/// The columns.
pub(super) const COLUMNS: [Column; 5] = [
    Column::new("TOTAL", &["TOTAL"], Fit::Right),
    Column::new("COUNT", &["COUNT"], Fit::Right),
    Column::new("MEAN", &["MEAN"], Fit::Right),
    Column::new("LONGEST", &["LONGEST"], Fit::Right),
    Column::new("OPEN", &["OPEN"], Fit::Right),
];

/// Their cells. The mean is of those that ended and of those still open, within the window.
pub(super) fn cells(spans: &TraceSpans) -> [Cell; 5] {
    let all = spans.count.saturating_add(spans.open);
    let mean = spans.total_ns.checked_div(all);
    [
        Cell::one(number::nanoseconds(spans.total_ns)),
        Cell::one(number::count(spans.count)),
        Cell::one(mean.map(number::nanoseconds).unwrap_or_default()),
        Cell::one(number::nanoseconds(spans.max_ns)),
        Cell::one(if spans.open == 0 { String::new() } else { number::count(spans.open) }),
    ]
}

/// Columns of a list: these, and one that says what of.
pub(super) fn with(first: &[Column], last: Column) -> Vec<Column> {
    [first, &COLUMNS, &[last]].concat()
}

/// A row of such a list.
pub(super) fn row(first: Vec<Cell>, spans: &TraceSpans, last: Cell) -> Vec<Cell> {
    first.into_iter().chain(cells(spans)).chain([last]).collect()
}

/// `3 (4.1 ms, longest 2 ms)`, with what is under way.
pub(super) fn phrase(spans: &TraceSpans) -> String {
    let mut text = format!(
        "{} in {}, longest {}",
        number::count(spans.count),
        number::nanoseconds(spans.total_ns),
        number::nanoseconds(spans.max_ns)
    );
    if spans.open > 0 {
        text += &format!(", {} still under way", number::count(spans.open));
    }
    text
}
