//! `trend`: goroutines in all and by site, each with the slope since the last restart.

use super::history::{drawn, gaps, newest, restarts, rising_since};
use super::site::Sites;
use crate::reader::Reader;
use crate::report::{TargetTrend, TrendSeries};
use linger_derive::growth::{POINTS_MIN, since_last, theil_sen};
use linger_series::{Point, Selector, Series, TimeMs, Window, metric};

/// The trend of one target.
///
/// # Errors
/// What the reader says.
pub fn trend(reader: &dyn Reader, target: &str, window: Window, limit: usize) -> Result<TargetTrend, String> {
    let restarts = restarts(reader, target, window)?;
    let sites = Sites::read(reader, target, window)?;
    let total = newest(reader.select(&Selector::metric(metric::GOROUTINES).with("target", target), window)?);
    let known_from = |points: &[Point]| points.first().map_or(window.from, |p| p.t);
    let scraped_from = total.as_ref().map_or(window.from, |s| known_from(&s.points));

    // One site at a time: a week of all of them does not fit the memory we allow ourselves.
    let mut series = Vec::new();
    let mut sites_as_of = None;
    for key in reader.keys(&Selector::metric(metric::GOROUTINES_AT_SITE).with("target", target))? {
        let Some(found) = reader.one(&key, window)? else { continue };
        sites_as_of = sites_as_of.max(found.points.last().map(|p| p.t));
        series.extend(one(&found, &restarts, scraped_from, Some(&sites)));
    }
    series.retain(|s| is_worth_a_line(s, sites_as_of));
    series.sort_by(|a, b| rank(b).total_cmp(&rank(a)).then(b.last.total_cmp(&a.last)));
    let sites_left_out = series.len().saturating_sub(limit);
    series.truncate(limit);

    let gaps = total.as_ref().map(|s| gaps(&s.points)).unwrap_or_default();
    Ok(TargetTrend {
        target: target.to_owned(),
        total: total.and_then(|s| one(&s, &restarts, scraped_from, None)),
        series,
        sites_left_out,
        restarts_ms: restarts.iter().map(|t| t.0).collect(),
        gaps_ms: gaps.iter().map(|(a, b)| [a.0, b.0]).collect(),
        sites_as_of_ms: sites_as_of.map(|t| t.0),
    })
}

/// Sites that come and go with every request would fill the table with zeros.
const WORTH_A_LINE: f64 = 10.0;

fn is_worth_a_line(series: &TrendSeries, as_of: Option<TimeMs>) -> bool {
    // A series that stopped without a closing zero went into `other`, which counts its goroutines already.
    let present = as_of.is_some_and(|t| series.last_ms == t.0) && series.last > 0.0;
    let ended = series.last == 0.0 && series.points.iter().any(|(_, v)| *v >= WORTH_A_LINE);
    present || ended
}

/// Only a rise that the interval is sure of leads the list; everything else goes by size.
fn rank(series: &TrendSeries) -> f64 {
    series.interval.map_or(0.0, |[low, _]| low.max(0.0))
}

fn one(
    series: &Series,
    restarts: &[TimeMs],
    scraped_from: TimeMs,
    sites: Option<&Sites>,
) -> Option<TrendSeries> {
    let last = series.points.last()?;
    let mine = since_last(&series.points, restarts);
    let slope = theil_sen(mine);
    // After a restart everything begins with the process.
    let known_from = if mine.len() < series.points.len() { TimeMs::MIN } else { scraped_from };
    let rising = slope.filter(|s| s.low > 0.0).and_then(|_| rising_since(mine, known_from));
    let label = |name: &str| series.key.labels.get(name);
    let class = label("class");
    Some(TrendSeries {
        name: series.key.name.to_string(),
        labels: series.key.labels.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect(),
        class: (!class.is_empty()).then(|| class.to_owned()),
        site: sites.map(|sites| sites.get(label("site"))),
        last: last.v,
        last_ms: last.t.0,
        slope_per_hour: slope.map(|s| s.per_hour),
        interval: slope.map(|s| [s.low, s.high]),
        no_slope_because: slope.is_none().then(|| too_few(mine.len(), restarts)),
        rising_since_ms: rising.map(|(t, _)| t.0),
        rising_since_before: rising.is_some_and(|(_, before)| before),
        points: drawn(&series.points),
    })
}

/// Why a slope is not given.
pub fn too_few(points: usize, restarts: &[TimeMs]) -> String {
    let points = if points == 1 { "1 point".into() } else { format!("{points} points") };
    let since = if restarts.is_empty() { "" } else { " since the restart" };
    format!("{points}{since}, {POINTS_MIN} needed")
}

#[cfg(test)]
mod tests {
    use super::trend;
    use crate::reader::Memory;
    use linger_series::{Labels, SeriesKey, Stream, TimeMs, Window, metric};

    fn memory(growing: impl Fn(i64) -> f64, restart_at: Option<i64>) -> Memory {
        let mut memory = Memory::default();
        let key = |name: &str, site: &str| {
            SeriesKey::new(name, Labels::new([("target", "api"), ("class", "chan send"), ("site", site)]))
        };
        for i in 0..40 {
            let at = TimeMs(i * 15_000);
            let incarnation = if restart_at.is_some_and(|r| i >= r) { 2.0 } else { 1.0 };
            memory.append(
                &Stream::new("api", "goroutine"),
                at,
                &[
                    (key(metric::GOROUTINES_AT_SITE, "main.leak+3"), growing(i)),
                    (key(metric::GOROUTINES_AT_SITE, "main.pool+1"), 500.0),
                    (
                        SeriesKey::new(metric::GOROUTINES, Labels::new([("target", "api")])),
                        500.0 + growing(i),
                    ),
                    (SeriesKey::new(metric::INCARNATION, Labels::new([("target", "api")])), incarnation),
                ],
            );
        }
        memory
    }

    #[test]
    fn what_surely_grows_leads_over_what_is_merely_large() {
        let t = trend(&memory(|i| 3.0 * i as f64, None), "api", Window::ALL, 1).unwrap();
        let first = &t.series[0];
        assert_eq!(first.labels["site"], "main.leak+3");
        assert!((first.slope_per_hour.unwrap() - 720.0).abs() < 1e-6, "{first:?}");
        assert!(first.rising_since_ms.is_some() && first.rising_since_before);
        assert_eq!((t.sites_left_out, t.gaps_ms.len()), (1, 0));
    }

    #[test]
    fn no_slope_crosses_a_restart() {
        let saw = |i: i64| if i < 35 { 10.0 * i as f64 } else { 0.0 };
        let t = trend(&memory(saw, Some(36)), "api", Window::ALL, 10).unwrap();
        assert_eq!(t.restarts_ms, [35 * 15_000 + 1]);
        let leak = t.series.iter().find(|s| s.labels["site"] == "main.leak+3").unwrap();
        assert_eq!(leak.slope_per_hour, None);
        assert_eq!(leak.no_slope_because.as_deref(), Some("4 points since the restart, 8 needed"));
    }
}
