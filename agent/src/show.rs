//! Reports as people read them: tables, sparklines and sentences, for a terminal or for a pipe.
//!
//! Drawn from [`crate::report`] and from nothing else. Everything that came from a watched service passes
//! `text::harmless` on its way here. Nothing in here asks, prints or looks at the clock.

mod audit;
mod check;
mod clock;
mod defers;
mod empty;
mod growth;
mod holders;
mod name;
mod number;
mod page;
mod paint;
mod query;
mod running;
#[cfg(test)]
mod samples;
mod scraped;
mod spark;
mod status;
mod table;
mod text;
mod trace;
mod traces;
mod trend;

pub use audit::audit;
pub use check::check;
pub use clock::Clock;
pub use defers::defers;
pub use empty::has_no_points;
pub use name::site as short_place;
pub use number::{bytes, number};
pub use query::query;
pub use scraped::scraped;
pub use status::status;
pub use trace::trace;
pub use traces::traces;
pub use trend::trend;

/// Text from outside, harmless on a terminal and on one line.
#[must_use]
pub fn harmless(text: &str) -> String {
    text::harmless(text)
}

/// How a page is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// For eyes: records of several short lines, wrapped at `width` cells.
    Terminal {
        /// Cells in a line.
        width: usize,
    },
    /// For grep and awk: one record a line, columns two spaces apart, nothing cut.
    Pipe,
}

/// What a page is drawn for.
#[derive(Clone, Debug)]
pub struct Screen {
    /// Its layout.
    pub layout: Layout,
    /// Its time.
    pub clock: Clock,
}

/// Width of sparklines in a pipe.
const PIPE_SPARK_CELLS: usize = 24;

impl Screen {
    /// The same screen for a report made at `now_ms`.
    fn as_of(&self, now_ms: i64) -> Self {
        Self { layout: self.layout, clock: self.clock.at_ms(now_ms) }
    }

    /// Room for a sparkline in a table: an eighth of the line.
    fn spark_cells(&self) -> usize {
        match self.layout {
            Layout::Terminal { width } => (width / 8).clamp(8, 32),
            Layout::Pipe => PIPE_SPARK_CELLS,
        }
    }

    /// Room for a sparkline on a line of its own.
    fn wide_spark_cells(&self) -> usize {
        match self.layout {
            Layout::Terminal { width } => width.saturating_sub(4).clamp(8, 120),
            Layout::Pipe => 2 * PIPE_SPARK_CELLS,
        }
    }
}

#[cfg(test)]
impl Screen {
    /// 2026-11-24 13:12:05 in Berlin.
    fn for_tests(layout: Layout) -> Self {
        let zone = jiff::tz::TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        Self { layout, clock: Clock { now_ms: 1_795_522_325_000, zone } }
    }
}
