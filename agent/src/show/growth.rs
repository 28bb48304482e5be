//! How growth and its beginning are written in a table.

use super::Clock;
use super::number::{signed, signed_interval};
use super::table::Cell;
use super::text::{harmless, wrap};

/// Cells for a reason in place of a slope.
const REASON_CELLS: usize = 20;

/// Slope per hour over its 95 % interval, or why there is none. Pipe: `GROWTH/H`, `INTERVAL OR REASON`.
pub(super) fn cell(slope: Option<f64>, interval: Option<[f64; 2]>, because: Option<&str>) -> Cell {
    match slope {
        Some(slope) => Cell::stacked([signed(slope), interval.map(signed_interval).unwrap_or_default()]),
        None => {
            let reason = harmless(because.unwrap_or(""));
            Cell::both(wrap(&reason, REASON_CELLS), vec![String::new(), reason])
        }
    }
}

/// When the present rise began, over how long ago that was. Pipe: `RISING SINCE`, `AGO`.
pub(super) fn since(clock: &Clock, since_ms: Option<i64>, before: bool) -> Cell {
    match since_ms {
        Some(ms) if before => Cell::stacked([format!("before {}", clock.at(ms)), over(clock, ms)]),
        Some(ms) => Cell::stacked([clock.at(ms), clock.ago(ms)]),
        None => Cell::stacked([String::new(), String::new()]),
    }
}

/// `+1,230/h [+1,100 … +1,300]`, or why not, in a sentence.
pub(super) fn phrase(slope: Option<f64>, interval: Option<[f64; 2]>, because: Option<&str>) -> String {
    match (slope, interval) {
        (Some(slope), Some(interval)) => format!("{}/h {}", signed(slope), signed_interval(interval)),
        (Some(slope), None) => format!("{}/h", signed(slope)),
        (None, _) => match because {
            Some(reason) => format!("no growth figure: {}", harmless(reason)),
            None => "no growth figure".into(),
        },
    }
}

/// `rising since 12:41 CET (31m ago)`.
pub(super) fn since_phrase(clock: &Clock, since_ms: Option<i64>, before: bool) -> Option<String> {
    since_ms.map(|ms| match before {
        true => format!("rising since before {} ({})", clock.at(ms), over(clock, ms)),
        false => format!("rising since {} ({})", clock.at(ms), clock.ago(ms)),
    })
}

fn over(clock: &Clock, ms: i64) -> String {
    format!("over {}", clock.since(ms))
}

/// `+3.3/s`.
pub(super) fn per_second(rate: f64) -> String {
    format!("{}/s", signed(rate))
}
