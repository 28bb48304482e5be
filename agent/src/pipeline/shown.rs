//! Which sites a former agent stored last. What ended while no agent ran still needs its closing point: without
//! one its threshold would never learn that it is over.

use super::pending::believed_until;
use crate::answer::history::counts;
use crate::reader::Reader;
use linger_derive::goroutines::SiteKey;
use linger_series::{Labels, Point, Selector, TimeMs, Window, metric};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How far back a former agent's points are looked for: a threshold quiet for longer is nobody's alarm.
const LOOKBACK: Duration = Duration::from_secs(24 * 3600);

/// Sites of one target with a last value above zero.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// With goroutines.
    pub goroutines: Vec<SiteKey>,
    /// With pending defers.
    pub defers: ShownDefers,
}

/// Pending defers told last.
#[derive(Clone, Debug, Default)]
pub struct ShownDefers {
    /// Kind and site, how many, and whether they were counted in memory.
    pub pending: Vec<((String, String), f64, bool)>,
    /// Until when the last count in memory is believed.
    pub counted_until: Option<TimeMs>,
    /// Sites that hold what will never run.
    pub stranded: BTreeSet<String>,
}

impl Shown {
    /// As the store has them. A store that cannot be read has none: the scrapes to come matter more. `count_due` is within
    /// which time of the last count in memory the next was due, where that is known.
    pub fn last(reader: &dyn Reader, target: &str, now: TimeMs, count_due: Option<Duration>) -> Self {
        let window = Window::ending(now, LOOKBACK);
        let of = |name: &str| -> Vec<(Labels, Point)> {
            let selector = Selector::metric(name).with("target", target);
            let series = reader.select(&selector, window).unwrap_or_else(|e| unsaid(target, &e));
            let newest = series.into_iter().filter_map(|s| Some((s.key.labels, *s.points.last()?)));
            newest.filter(|(_, p)| p.v > 0.0).collect()
        };
        let sites = of(metric::GOROUTINES_AT_SITE).into_iter();
        let site = |l: &Labels| (l.get("site") != metric::OTHER_SITE).then(|| l.get("site").to_owned());
        // A target whose labels were changed has each site once for each set of labels.
        let goroutines: BTreeSet<SiteKey> =
            sites.filter_map(|(l, _)| Some((l.get("class").parse().ok()?, site(&l)?))).collect();
        let counts = counts(reader, target, window).unwrap_or_else(|e| unsaid(target, &e));
        let mut pending: BTreeMap<(String, String), Point> = BTreeMap::new();
        for (labels, point) in of(metric::DEFERS_PENDING) {
            let place = (labels.get("kind").to_owned(), labels.get("site").to_owned());
            let known = pending.entry(place).or_insert(point);
            if known.t < point.t {
                *known = point;
            }
        }
        let counted = |p: Point| counts.binary_search(&p.t).is_ok();
        let until = |at: &TimeMs| {
            let due_ms = i64::try_from(count_due?.as_millis()).unwrap_or(i64::MAX);
            Some(believed_until(*at, due_ms))
        };
        let defers = ShownDefers {
            pending: pending.into_iter().map(|(place, p)| (place, p.v, counted(p))).collect(),
            counted_until: counts.last().and_then(until),
            stranded: of(metric::DEFERS_STRANDED).iter().map(|(l, _)| l.get("site").to_owned()).collect(),
        };
        Self { goroutines: goroutines.into_iter().collect(), defers }
    }
}

fn unsaid<T>(target: &str, why: &str) -> Vec<T> {
    tracing::warn!(target, "what ended while no agent ran stays unsaid: {why}");
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::Shown;
    use crate::reader::Memory;
    use linger_derive::WaitClass;
    use linger_series::{Labels, SeriesKey, Stream, TimeMs, metric};
    use std::time::Duration;

    #[test]
    fn only_what_had_not_ended_is_shown() {
        let mut memory = Memory::default();
        let stream = Stream::new("api", "goroutine");
        let key = |name: &str, kind: &str, word: &str, site: &str| {
            SeriesKey::new(name, Labels::new([("target", "api"), (kind, word), ("site", site)]))
        };
        let goroutines = |site: &str| key(metric::GOROUTINES_AT_SITE, "class", "chan send", site);
        let first =
            [(goroutines("main.a+1"), 3.0), (goroutines("main.b+1"), 3.0), (goroutines("other"), 9.0)];
        memory.append(&stream, TimeMs(1), &first);
        let pile = |site| key(metric::DEFERS_PENDING, "kind", "heap", site);
        memory.append(&stream, TimeMs(2), &[(goroutines("main.b+1"), 0.0), (pile("main.c+1"), 5e4)]);
        let census = key(metric::CENSUS_GOROUTINES, "outcome", "exact", "");
        let stranded =
            SeriesKey::new(metric::DEFERS_STRANDED, Labels::new([("target", "api"), ("site", "main.d+1")]));
        let counted = [(pile("main.d+1"), 3.0), (census, 9.0), (stranded, 2.0)];
        memory.append(&Stream::new("api", "defers"), TimeMs(3), &counted);
        let shown = Shown::last(&memory, "api", TimeMs(10), Some(Duration::from_millis(100)));
        assert_eq!(shown.goroutines, [(WaitClass::ChanSend, "main.a+1".to_owned())]);
        let heap = |site: &str| ("heap".to_owned(), site.to_owned());
        let pending = [(heap("main.c+1"), 5e4, false), (heap("main.d+1"), 3.0, true)];
        assert_eq!((shown.defers.pending, shown.defers.counted_until), (pending.into(), Some(TimeMs(303))));
        assert_eq!(shown.defers.stranded.into_iter().collect::<Vec<_>>(), ["main.d+1"]);
    }
}
