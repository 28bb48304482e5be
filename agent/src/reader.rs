//! Reading points, whoever holds them: the open store, or the few minutes that `linger scrape` watched.

use linger_series::{Point, Selector, Series, SeriesKey, Stream, TimeMs, Window};
use linger_store::{SelectLimits, Store};
use std::collections::BTreeMap;

/// Where points are read from.
pub trait Reader {
    /// All series `selector` names with their points inside `window`, ordered by key. Series without a point
    /// there are left out.
    ///
    /// # Errors
    /// What the holder says: a limit, a bad regular expression, a damaged partition.
    fn select(&self, selector: &Selector, window: Window) -> Result<Vec<Series>, String>;
}

impl Reader for Store {
    fn select(&self, selector: &Selector, window: Window) -> Result<Vec<Series>, String> {
        self.select(selector, window, SelectLimits::default()).map_err(|e| e.to_string())
    }
}

/// Points in memory: a scrape without a store. Bounded by the time it watches and by the limit of sites.
#[derive(Debug, Default)]
pub struct Memory {
    series: BTreeMap<SeriesKey, Vec<Point>>,
}

impl Memory {
    /// Takes the samples of one scrape.
    pub fn append(&mut self, _stream: &Stream, at: TimeMs, samples: &[(SeriesKey, f64)]) {
        for (key, value) in samples {
            let points = self.series.entry(key.clone()).or_default();
            if points.last().is_none_or(|last| last.t < at) {
                points.push(Point::new(at, *value));
            }
        }
    }
}

impl Reader for Memory {
    fn select(&self, selector: &Selector, window: Window) -> Result<Vec<Series>, String> {
        // The questions answered from memory compare by equality only.
        let found = self.series.iter().filter(|(key, _)| selector.matches(key, |pattern, v| pattern == v));
        let inside = found.map(|(key, points)| Series {
            key: key.clone(),
            points: points.iter().copied().filter(|p| window.contains(p.t)).collect(),
        });
        Ok(inside.filter(|s| !s.points.is_empty()).collect())
    }
}
