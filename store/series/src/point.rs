//! Points and the series they form.

use crate::{SeriesKey, TimeMs};

/// One value at one time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// When the scrape that gave it was made.
    pub t: TimeMs,
    /// The value, in the unit its metric's name ends in.
    pub v: f64,
}

impl Point {
    /// A point.
    #[must_use]
    pub fn new(t: TimeMs, v: f64) -> Self {
        Self { t, v }
    }
}

/// A key and its points in order of time. A missing scrape is a missing point, never a zero.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// What it measures.
    pub key: SeriesKey,
    /// Points, times strictly rising.
    pub points: Vec<Point>,
}
