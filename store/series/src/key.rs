//! What names a series, and the stream of scrapes it comes from.

use crate::Labels;
use std::fmt;

/// A metric name and its labels: one series.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeriesKey {
    /// Metric name, one of [`crate::metric`].
    pub name: Box<str>,
    /// All labels, `target` among them.
    pub labels: Labels,
}

impl SeriesKey {
    /// A key from a name and labels.
    pub fn new(name: impl Into<Box<str>>, labels: Labels) -> Self {
        Self { name: name.into(), labels }
    }
}

impl fmt::Display for SeriesKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.name, self.labels)
    }
}

/// Where scrapes come from: all series of one stream are sampled at the same moments, so they share a time
/// column in the store.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Stream {
    /// The target's name as shown to the user.
    pub target: Box<str>,
    /// The collector that scraped (`count`, `goroutine`, …) or the stage that derived.
    pub collector: Box<str>,
}

impl Stream {
    /// A stream of `collector` on `target`.
    pub fn new(target: impl Into<Box<str>>, collector: impl Into<Box<str>>) -> Self {
        Self { target: target.into(), collector: collector.into() }
    }
}
