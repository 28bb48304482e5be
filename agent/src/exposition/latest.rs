//! The newest value of every series, kept in memory beside the store so that a scrape by Prometheus reads no disk.
//!
//! Fed by the pipeline's sink ([`Tee`]). Keys share their labels with the sink's own table of ids, so a series costs
//! about 90 bytes here (48 in a table that is half full). A scrape that gave values replaces all that its stream said before: what it does not name is
//! gone, and must not be exported for ever. How old a value may be is [`super::fresh`]'s business.

use crate::pipeline::sink::Sink;
use linger_series::{Labels, SeriesKey, Stream, TimeMs, metric};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Series kept, of all targets together: as many as the sink remembers ids of. A target of a thousand sites has
/// about three thousand.
pub const LATEST_SERIES_MAX: usize = 50_000;
/// Values that no scrape replaces (growth, descriptions of sites) are dropped after a day, which is how far back the
/// store's readers look for a description.
const KEPT_FOR: Duration = Duration::from_secs(24 * 3600);
/// The stream of the judge: it names what has new points, so what it leaves out is not gone.
const GROWTH_STREAM: &str = "growth";

/// A metric by its place in [`metric::ALL`].
pub(super) type Place = u8;

/// A value, and when it came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value {
    /// In the unit its metric's name ends in.
    pub(super) value: f64,
    /// When the scrape was taken in, by a clock that does not jump.
    pub(super) taken: Instant,
}

/// What one stream said last.
type Said = HashMap<(Place, Labels), Value>;

/// The table.
#[derive(Debug)]
pub struct Latest {
    table: Mutex<Table>,
    series_max: usize,
}

#[derive(Debug, Default)]
struct Table {
    streams: HashMap<Stream, Said>,
    series: usize,
    /// Series that found no place at their stream's last scrape.
    refused: HashMap<Stream, usize>,
}

impl Default for Latest {
    fn default() -> Self {
        Self::new(LATEST_SERIES_MAX)
    }
}

impl Latest {
    /// An empty table for at most so many series.
    #[must_use]
    pub fn new(series_max: usize) -> Self {
        Self { table: Mutex::default(), series_max }
    }

    /// Takes the points of one scrape.
    pub fn take(&self, target: &str, collector: &str, points: &[(SeriesKey, f64)], now: Instant) {
        let stream = Stream::new(target, collector);
        let mut table = self.table();
        let mut said = table.streams.remove(&stream).unwrap_or_default();
        let before = said.len();
        // The places of this stream are its own to fill again.
        let most = self.series_max.saturating_sub(table.series - before);
        let mut refused = 0;
        let mut gave_values = false;
        for (key, value) in points {
            let Some(place) = place_of(&key.name) else { continue };
            gave_values |= !is_health(&key.name);
            let value = Value { value: *value, taken: now };
            let room = said.len() < most;
            match said.entry((place, key.labels.clone())) {
                Entry::Occupied(mut there) => *there.get_mut() = value,
                Entry::Vacant(free) if room => {
                    free.insert(value);
                }
                Entry::Vacant(_) => refused += 1,
            }
        }
        let replaces = gave_values && collector != GROWTH_STREAM;
        said.retain(|(place, _), v| {
            let name = name_of(*place);
            let old = now.saturating_duration_since(v.taken) > KEPT_FOR;
            if name == metric::SITE_INFO || !replaces {
                !old || is_health(name)
            } else {
                v.taken == now || is_health(name)
            }
        });
        table.series = table.series - before + said.len();
        if refused == 0 {
            table.refused.remove(&stream);
        } else {
            table.refused.insert(stream.clone(), refused);
        }
        table.streams.insert(stream, said);
    }

    /// Forgets a target that is not watched any more.
    pub fn forget(&self, target: &str) {
        let mut table = self.table();
        table.streams.retain(|stream, _| &*stream.target != target);
        table.refused.retain(|stream, _| &*stream.target != target);
        table.series = table.streams.values().map(HashMap::len).sum();
    }

    /// Shows every value there is to `look`: stream, metric, labels, value.
    pub(super) fn each(&self, mut look: impl FnMut(&Stream, Place, &Labels, Value)) {
        for (stream, said) in &self.table().streams {
            for ((place, labels), value) in said {
                look(stream, *place, labels, *value);
            }
        }
    }

    /// Series kept.
    #[must_use]
    pub fn series(&self) -> usize {
        self.table().series
    }

    /// Series that have no place in the table at present.
    #[must_use]
    pub fn refused(&self) -> usize {
        self.table().refused.values().sum()
    }

    /// A panic of one writer leaves a whole table behind, without that writer's stream.
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The name at a place.
pub(super) fn name_of(place: Place) -> &'static str {
    metric::ALL.get(usize::from(place)).map_or("", |m| m.name)
}

/// The place of a name; none for what is no metric of ours.
pub(super) fn place_of(name: &str) -> Option<Place> {
    metric::ALL.iter().position(|m| m.name == name).and_then(|at| Place::try_from(at).ok())
}

/// Whether a metric tells of the scrape itself, so that failed scrapes have it too.
pub(super) fn is_health(name: &str) -> bool {
    [metric::UP, metric::SCRAPE_DURATION, metric::SCRAPE_BYTES, metric::SCRAPE_FAILURES, metric::TARGET_COST]
        .contains(&name)
}

/// Points to two places: what `to` does with them, and the table of the newest.
#[derive(Clone)]
pub struct Tee<S> {
    to: S,
    latest: Arc<Latest>,
}

impl<S> Tee<S> {
    /// Points go to `to` and to `latest`.
    pub fn new(to: S, latest: Arc<Latest>) -> Self {
        Self { to, latest }
    }
}

impl<S: Sink> Sink for Tee<S> {
    fn append(&mut self, target: &str, collector: &str, at: TimeMs, points: &[(SeriesKey, f64)]) {
        self.to.append(target, collector, at, points);
        self.latest.take(target, collector, points, Instant::now());
    }

    fn remember(&mut self, name: &str, value: &[u8]) {
        self.to.remember(name, value);
    }

    fn forget(&mut self, target: &str) {
        self.to.forget(target);
        self.latest.forget(target);
    }
}

#[cfg(test)]
mod tests {
    use super::{Latest, name_of};
    use linger_series::{Labels, SeriesKey, metric};
    use std::time::{Duration, Instant};

    fn key(name: &str, site: &str) -> SeriesKey {
        SeriesKey::new(name, Labels::new([("target", "api"), ("site", site)]))
    }

    fn sites(latest: &Latest, name: &str) -> Vec<String> {
        let mut seen = Vec::new();
        latest.each(|_, place, labels, _| {
            if name_of(place) == name {
                seen.push(labels.get("site").to_owned());
            }
        });
        seen.sort();
        seen
    }

    #[test]
    fn a_scrape_with_values_replaces_what_its_stream_said_and_a_failed_one_does_not() {
        let (latest, start) = (Latest::default(), Instant::now());
        let at = |s| start + Duration::from_secs(s);
        let (sites_of, failures) = (metric::GOROUTINES_AT_SITE, metric::SCRAPE_FAILURES);
        latest.take("api", "goroutine", &[(key(sites_of, "a"), 1.0), (key(sites_of, "b"), 2.0)], at(0));
        latest.take("api", "heap", &[(key(metric::DEFERS_PENDING, "c"), 3.0)], at(1));
        latest.take("api", "goroutine", &[(key(failures, ""), 1.0)], at(2));
        assert_eq!(sites(&latest, sites_of), ["a", "b"]);
        latest.take("api", "goroutine", &[(key(sites_of, "b"), 2.0)], at(3));
        assert_eq!(sites(&latest, sites_of), ["b"]);
        assert_eq!((sites(&latest, failures).len(), sites(&latest, metric::DEFERS_PENDING).len()), (1, 1));
        latest.forget("api");
        assert_eq!(latest.series(), 0);
    }

    #[test]
    fn descriptions_and_growth_stay_until_a_day_has_passed() {
        let (latest, start) = (Latest::default(), Instant::now());
        let (info, growth) = (metric::SITE_INFO, metric::GOROUTINE_GROWTH);
        let scraped = |site: &str| [(key(metric::GOROUTINES_AT_SITE, site), 1.0)];
        latest.take("api", "goroutine", &[(key(info, "a"), 1.0)], start);
        latest.take("api", "growth", &[(key(growth, "a"), 1.0)], start);
        let hours = |h: u64| start + Duration::from_secs(h * 3600);
        latest.take("api", "goroutine", &scraped("a"), hours(1));
        latest.take("api", "growth", &[(key(growth, "b"), 1.0)], hours(1));
        assert_eq!((sites(&latest, info).len(), sites(&latest, growth).len()), (1, 2));
        latest.take("api", "goroutine", &scraped("a"), hours(25));
        latest.take("api", "growth", &[(key(growth, "b"), 1.0)], hours(25));
        assert_eq!((sites(&latest, info).len(), sites(&latest, growth)), (0, vec!["b".to_owned()]));
    }

    #[test]
    fn beyond_the_limit_series_are_refused_and_counted_until_there_is_room() {
        let (latest, now) = (Latest::new(3), Instant::now());
        let of = |n: usize| -> Vec<_> {
            (0..n).map(|i| (key(metric::GOROUTINES_AT_SITE, &i.to_string()), 1.0)).collect()
        };
        latest.take("api", "goroutine", &of(2), now);
        latest.take("web", "goroutine", &of(4), now);
        assert_eq!((latest.series(), latest.refused()), (3, 3));
        latest.take("web", "goroutine", &of(1), now + Duration::from_secs(1));
        assert_eq!((latest.series(), latest.refused()), (3, 0));
        latest.take("web", "goroutine", &[(SeriesKey::new("go_goroutines", Labels::empty()), 1.0)], now);
        assert_eq!(latest.refused(), 0);
    }
}
