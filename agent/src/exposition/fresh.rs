//! Which of the newest values may still be told.
//!
//! The rule: a value is told while it is younger than [`STALE_AFTER_INTERVALS`] intervals of the collector that gave
//! it, as they were in force when it did, and [`STALE_AFTER_LEAST`] at least. Then it is left out and Prometheus marks its series stale: an old
//! number without its time would be a false one. Exceptions:
//!
//! - the agent's own counters (failed scrapes, cost) are true for as long as the agent runs;
//! - `linger_up` is always there for every target: 0 before the first answer, and when nobody looked in time;
//! - a site's description lives as long as a series of that site does, one per site: the newest, so that a join in
//!   PromQL finds exactly one;
//! - the summed rest of a counter (`site="other"`) is not told: a site that leaves the rest would lower it, which
//!   every reader takes for a restart.

use super::latest::{Latest, Place, Value, name_of, place_of};
use crate::alert::{JUDGE_EVERY, collectors_of};
use crate::report::{Status, TargetStatus};
use linger_series::{Labels, Stream, metric};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

/// Intervals after which a value is no longer told: two scrapes may fail.
pub const STALE_AFTER_INTERVALS: f64 = 3.0;
/// No value goes stale sooner, whatever the interval: Prometheus' usual interval must find it.
pub const STALE_AFTER_LEAST: Duration = Duration::from_secs(15);

/// Series of one metric.
pub(super) type Rows = Vec<(Labels, f64)>;

/// What may be told of the watched targets, by metric, in the order of [`metric::ALL`].
pub(super) fn derived(latest: &Latest, status: &Status, now: Instant) -> BTreeMap<Place, Rows> {
    let intervals = Intervals::of(status);
    let mut told: HashMap<(Place, Labels), Value> = HashMap::new();
    let mut descriptions: HashMap<(Box<str>, Box<str>), (Labels, Instant)> = HashMap::new();
    let (info, up) = (place_of(metric::SITE_INFO), place_of(metric::UP));
    latest.each(|stream, place, labels, value| {
        if !intervals.watched(&stream.target) {
            return;
        }
        if Some(place) == info {
            let site = (stream.target.clone(), labels.get("site").into());
            let known = descriptions.get(&site).is_some_and(|(_, taken)| *taken > value.taken);
            if !known {
                descriptions.insert(site, (labels.clone(), value.taken));
            }
        } else if Some(place) != up
            && intervals.is_fresh(stream, place, value.taken, now)
            && !is_rest_of_counter(place, labels)
        {
            // Two streams may count the goroutines of one target: the newer one knows.
            let key = (place, labels.clone());
            if told.get(&key).is_none_or(|there| there.taken <= value.taken) {
                told.insert(key, value);
            }
        }
    });
    // The ends of an interval belong to the figure told with them: another method's may lie beside it.
    let [figure, low, high] =
        [metric::DEFERS_PENDING, metric::DEFERS_PENDING_LOW, metric::DEFERS_PENDING_HIGH].map(place_of);
    let taken_of = |told: &HashMap<(Place, Labels), Value>, labels: &Labels| {
        told.get(&(figure?, labels.clone())).map(|value| value.taken)
    };
    let strays: Vec<(Place, Labels)> = told
        .iter()
        .filter(|((place, _), _)| [low, high].contains(&Some(*place)))
        .filter(|((_, labels), value)| taken_of(&told, labels) != Some(value.taken))
        .map(|(key, _)| key.clone())
        .collect();
    for key in &strays {
        told.remove(key);
    }
    let mut families: BTreeMap<Place, Rows> = BTreeMap::new();
    let mut sites = HashSet::new();
    for ((place, labels), value) in told {
        if !labels.get("site").is_empty() {
            sites.insert((Box::from(labels.get("target")), Box::from(labels.get("site"))));
        }
        families.entry(place).or_default().push((labels, value.value));
    }
    let described = descriptions.into_iter().filter(|(site, _)| sites.contains(site));
    if let Some(info) = info {
        families.entry(info).or_default().extend(described.map(|(_, (labels, _))| (labels, 1.0)));
    }
    if let Some(up) = up {
        families.insert(up, up_rows(latest, up, status, &intervals, now));
    }
    for rows in families.values_mut() {
        rows.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    }
    families
}

/// One row for each target that is watched, whatever is known of it.
fn up_rows(latest: &Latest, up: Place, status: &Status, intervals: &Intervals, now: Instant) -> Rows {
    let mut seen: HashMap<Box<str>, f64> = HashMap::new();
    latest.each(|stream, place, _, value| {
        if place == up && intervals.is_fresh(stream, place, value.taken, now) {
            seen.insert(stream.target.clone(), value.value);
        }
    });
    let row = |t: &TargetStatus| (base_labels(t), seen.get(t.target.as_str()).copied().unwrap_or_default());
    status.targets.iter().map(row).collect()
}

/// The labels every series of a target carries.
pub(super) fn base_labels(target: &TargetStatus) -> Labels {
    let given = target.labels.iter().map(|(n, v)| (n.as_str(), v.as_str()));
    Labels::new(given.chain([("target", target.target.as_str())]))
}

fn is_rest_of_counter(place: Place, labels: &Labels) -> bool {
    name_of(place).ends_with("_total") && labels.get("site") == metric::OTHER_SITE
}

/// When the next values of every collector of every watched target were due.
struct Intervals {
    of: HashMap<Box<str>, HashMap<Box<str>, Duration>>,
    judged_every: Duration,
}

impl Intervals {
    fn of(status: &Status) -> Self {
        let collectors = |t: &TargetStatus| {
            t.collectors.iter().map(|c| (c.collector.as_str().into(), c.answer_due_within())).collect()
        };
        let of = status.targets.iter().map(|t| (t.target.as_str().into(), collectors(t))).collect();
        Self { of, judged_every: JUDGE_EVERY.div_f64(status.agent.time_scale.max(1.0)) }
    }

    fn watched(&self, target: &str) -> bool {
        self.of.contains_key(target)
    }

    fn is_fresh(&self, stream: &Stream, place: Place, taken: Instant, now: Instant) -> bool {
        let name = name_of(place);
        if name == metric::SCRAPE_FAILURES || name == metric::TARGET_COST {
            return true;
        }
        let (collectors, least): (&[&str], Duration) = match &*stream.collector {
            "total" => (&["goroutine"], Duration::ZERO),
            "incarnation" => (&["heap"], Duration::ZERO),
            "growth" => (collectors_of(name), self.judged_every),
            own => (&[own], Duration::ZERO),
        };
        let of_target = self.of.get(&stream.target);
        let intervals = collectors.iter().filter_map(|c| of_target.and_then(|of| of.get(*c)).copied());
        let interval = intervals.fold(least, Duration::max).as_secs_f64();
        let most = Duration::try_from_secs_f64(interval * STALE_AFTER_INTERVALS).unwrap_or(Duration::MAX);
        now.saturating_duration_since(taken) <= most.max(STALE_AFTER_LEAST)
    }
}

#[cfg(test)]
mod tests {
    use super::derived;
    use crate::exposition::latest::{Latest, name_of};
    use crate::exposition::tests::{status, target};
    use linger_series::{Labels, SeriesKey, metric};
    use std::time::{Duration, Instant};

    fn key(name: &str, labels: &[(&str, &str)]) -> SeriesKey {
        SeriesKey::new(name, Labels::new(labels.iter().copied().chain([("target", "api")])))
    }

    /// What is told `later` seconds after everything came at once: names with their sites and values.
    #[track_caller]
    fn check(later: u64, points: &[(&str, SeriesKey, f64)], expected: &[&str]) {
        let (latest, start) = (Latest::default(), Instant::now());
        for (collector, key, value) in points {
            latest.take("api", collector, &[(key.clone(), *value)], start);
        }
        latest.take("gone", "count", &[(key(metric::GOROUTINES, &[]), 1.0)], start);
        let of = [("count", 5.0), ("goroutine", 15.0), ("heap", 60.0), ("mutex", 60.0)];
        let found = derived(&latest, &status(vec![target("api", &of)]), start + Duration::from_secs(later));
        let mut told = Vec::new();
        for (place, rows) in found {
            for (labels, value) in rows {
                told.push(format!("{} {} {value}", &name_of(place)[7..], labels.get("site")));
            }
        }
        assert_eq!(told, expected);
    }

    #[test]
    fn values_go_stale_with_their_collector_and_up_stays() {
        let points = [
            ("count", key(metric::UP, &[]), 1.0),
            ("count", key(metric::SCRAPE_FAILURES, &[("reason", "refused")]), 2.0),
            ("total", key(metric::GOROUTINES, &[]), 7.0),
            ("goroutine", key(metric::GOROUTINES_AT_SITE, &[("site", "f+1")]), 3.0),
            ("heap", key(metric::DEFERS_PENDING, &[("site", "g+1")]), 4.0),
            ("growth", key(metric::GOROUTINE_GROWTH, &[("site", "f+1")]), 5.0),
        ];
        check(
            10,
            &points,
            &[
                "up  1",
                "scrape_failures_total  2",
                "goroutines  7",
                "goroutines_at_site f+1 3",
                "goroutine_growth_per_hour f+1 5",
                "defers_pending g+1 4",
            ],
        );
        check(
            60,
            &points,
            &["up  0", "scrape_failures_total  2", "goroutine_growth_per_hour f+1 5", "defers_pending g+1 4"],
        );
        check(200, &points, &["up  0", "scrape_failures_total  2"]);
        check(0, &[], &["up  0"]);
    }

    #[test]
    fn failures_that_make_a_collector_rarer_make_nothing_fresher() {
        let (latest, start) = (Latest::default(), Instant::now());
        latest.take("api", "heap", &[(key(metric::DEFERS_PENDING, &[("site", "g+1")]), 4.0)], start);
        let told_after = |seconds, last_ok_every_s| {
            let mut api = target("api", &[("heap", 60.0)]);
            for c in &mut api.collectors {
                (c.every_s, c.last_ok_every_s) = (480.0, last_ok_every_s);
            }
            let told = derived(&latest, &status(vec![api]), start + Duration::from_secs(seconds));
            told.keys().any(|place| name_of(*place) == metric::DEFERS_PENDING)
        };
        assert_eq!((told_after(170, Some(60.0)), told_after(190, Some(60.0))), (true, false));
        assert!(
            told_after(1_400, Some(480.0)),
            "what was rare for good reasons when it came is told until the next"
        );
    }

    #[test]
    fn a_site_is_described_once_while_it_has_a_series_and_the_rest_of_a_counter_is_untold() {
        let info = |site, line| key(metric::SITE_INFO, &[("site", site), ("line", line)]);
        let points = [
            ("goroutine", info("f+1", "10"), 1.0),
            ("goroutine", info("f+1", "11"), 1.0),
            ("goroutine", info("h+1", "5"), 1.0),
            ("goroutine", key(metric::GOROUTINES_AT_SITE, &[("site", "f+1")]), 3.0),
            ("mutex", key(metric::CONTENTION, &[("site", "other"), ("profile", "mutex")]), 3.0),
        ];
        check(1, &points, &["up  0", "goroutines_at_site f+1 3", "site_info f+1 1"]);
    }
}
