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

    /// The keys `selector` names, with or without points, in order.
    ///
    /// # Errors
    /// What the holder says.
    fn keys(&self, selector: &Selector) -> Result<Vec<SeriesKey>, String>;

    /// One series in `window`; `None` without a point there.
    ///
    /// # Errors
    /// What the holder says.
    fn one(&self, key: &SeriesKey, window: Window) -> Result<Option<Series>, String> {
        let exact =
            key.labels.iter().fold(Selector::metric(&*key.name), |s, (name, value)| s.with(name, value));
        Ok(self.select(&exact, window)?.into_iter().find(|s| s.key == *key))
    }
}

impl Reader for Store {
    fn select(&self, selector: &Selector, window: Window) -> Result<Vec<Series>, String> {
        self.select(selector, window, SelectLimits::default()).map_err(|e| e.to_string())
    }

    fn keys(&self, selector: &Selector) -> Result<Vec<SeriesKey>, String> {
        self.keys(selector).map_err(|e| e.to_string())
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

    fn keys(&self, selector: &Selector) -> Result<Vec<SeriesKey>, String> {
        Ok(self
            .series
            .keys()
            .filter(|key| selector.matches(key, |pattern, v| pattern == v))
            .cloned()
            .collect())
    }
}
