//! What the store says of the judged metrics: their newest points, lower bounds and slopes.

use crate::answer::history::{counts, of_one_method, restarts, times_by_labels};
use crate::reader::Reader;
use linger_derive::growth::{Slope, since_last, theil_sen};
use linger_derive::threshold::Rule;
use linger_series::{Labels, Point, Selector, SeriesKey, TimeMs, Window, metric};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

/// What the store says of the judged metrics.
pub(super) struct Seen {
    pub(super) series: BTreeMap<SeriesKey, Vec<Point>>,
    lows: HashMap<Labels, f64>,
    pub(super) slopes: HashMap<SeriesKey, Slope>,
    /// By target, since when its present process is known to be another one than before.
    restarted: HashMap<String, TimeMs>,
}

/// Metrics whose growth is stored, and as what.
const GROWING: [(&str, &str); 2] = [
    (metric::GOROUTINES_AT_SITE, metric::GOROUTINE_GROWTH),
    (metric::DEFERS_PENDING, metric::DEFERS_PENDING_GROWTH),
];

impl Seen {
    /// `span` gives how far back a metric of a target is read.
    pub(super) fn read(
        reader: &dyn Reader,
        rules: &[Rule],
        targets: &BTreeSet<String>,
        now: TimeMs,
        span: &dyn Fn(&str, &str) -> Duration,
    ) -> Result<Self, String> {
        let mut names: BTreeSet<&str> = rules.iter().map(|r| r.series.as_str()).collect();
        names.extend(GROWING.iter().map(|(of, _)| *of));
        let mut seen = Self {
            series: BTreeMap::new(),
            lows: HashMap::new(),
            slopes: HashMap::new(),
            restarted: HashMap::new(),
        };
        for target in targets {
            let longest = names.iter().map(|name| span(target, name)).max().unwrap_or_default();
            let restarts = restarts(reader, target, Window::ending(now, longest))?;
            seen.restarted.extend(restarts.last().map(|t| (target.clone(), *t)));
            for name in &names {
                seen.add(reader, target, name, Window::ending(now, span(target, name)), &restarts)?;
            }
        }
        Ok(seen)
    }

    /// One metric of one target, which was restarted at these times.
    fn add(
        &mut self,
        reader: &dyn Reader,
        target: &str,
        name: &str,
        window: Window,
        restarts: &[TimeMs],
    ) -> Result<(), String> {
        let of = |name: &str| reader.select(&Selector::metric(name).with("target", target), window);
        let found = of(name)?;
        if found.is_empty() {
            return Ok(());
        }
        if name == metric::DEFERS_PENDING {
            let lows = of(metric::DEFERS_PENDING_LOW)?;
            self.lows
                .extend(lows.into_iter().filter_map(|s| Some((s.key.labels.clone(), s.points.last()?.v))));
        }
        let figures = match name {
            metric::DEFERS_PENDING => {
                Some((counts(reader, target, window)?, times_by_labels(&of(metric::DEFERS_PENDING_HIGH)?)))
            }
            _ => None,
        };
        for s in found {
            let points = match &figures {
                Some((counts, figures)) => {
                    let figures = figures.get(&s.key.labels).map_or(&[][..], Vec::as_slice);
                    of_one_method(&s.points, counts, figures)
                }
                None => &s.points,
            };
            if let Some(slope) = theil_sen(since_last(points, restarts)) {
                self.slopes.insert(s.key.clone(), slope);
            }
            self.series.insert(s.key, s.points);
        }
        Ok(())
    }

    /// Whether a point of this time is of a process of the target that is gone.
    pub(super) fn is_former(&self, target: &str, at: TimeMs) -> bool {
        self.restarted.get(target).is_some_and(|restarted| at < *restarted)
    }

    pub(super) fn newest(&self, key: &SeriesKey) -> Option<Point> {
        self.series.get(key)?.last().copied()
    }

    /// The lower bound of an estimate.
    pub(super) fn low(&self, key: &SeriesKey) -> Option<f64> {
        (&*key.name == metric::DEFERS_PENDING).then(|| self.lows.get(&key.labels).copied()).flatten()
    }

    /// Slopes to store: of series with a point since the last turn. What stopped does not grow.
    pub(super) fn growth(&self, last_turn: TimeMs) -> BTreeMap<String, Vec<(SeriesKey, f64)>> {
        let mut by_target: BTreeMap<String, Vec<(SeriesKey, f64)>> = BTreeMap::new();
        let fresh = |key: &SeriesKey| self.newest(key).is_some_and(|p| p.t > last_turn);
        for (key, slope) in self.slopes.iter().filter(|(key, _)| fresh(key)) {
            let Some((_, stored_as)) = GROWING.iter().find(|(of, _)| *of == &*key.name) else { continue };
            let value =
                if *stored_as == metric::DEFERS_PENDING_GROWTH { slope.per_second() } else { slope.per_hour };
            let target = key.labels.get("target").to_owned();
            by_target
                .entry(target)
                .or_default()
                .push((SeriesKey::new(*stored_as, key.labels.clone()), value));
        }
        by_target
    }
}
