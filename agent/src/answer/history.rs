//! What a target's history says before any figure is drawn from it: restarts, gaps, when a rise began.

use crate::reader::Reader;
use linger_series::{Labels, Point, Selector, Series, TimeMs, Window, metric};
use std::collections::HashMap;
use std::time::Duration;

/// How far before the asked range readings of the incarnation are looked for: longer than their interval is ever
/// widened to.
const READING_LOOKBACK: Duration = Duration::from_secs(24 * 3600);
/// A gap is a pause this many times the usual distance between scrapes.
const GAP_FACTOR: i64 = 3;
/// A rise begins where the values last were this close (as a share of the rise) to their lowest.
const ONSET_SHARE: f64 = 0.05;
/// A rise that begins within the first tenth of the points began before them: the first ones are above
/// the lowest already.
const ALREADY_RISING_SHARE: usize = 10;
/// A series whose first point comes this many steps after the first scrape was absent before.
const ABSENT_STEPS: f64 = 2.5;
/// Points kept per series in answers that are drawn; `query` gives all.
pub const POINTS_DRAWN_MAX: usize = 512;

/// Times from which a new process of the target is known: points since the last reading of the old process
/// belong to the new one (nobody knows when in between it started).
///
/// # Errors
/// What the reader says.
pub fn restarts(reader: &dyn Reader, target: &str, window: Window) -> Result<Vec<TimeMs>, String> {
    let wider = Window { from: window.from - READING_LOOKBACK, to: window.to };
    // A target whose labels were changed has a series for each set of labels.
    let series = reader.select(&Selector::metric(metric::INCARNATION).with("target", target), wider)?;
    let mut readings: Vec<Point> = series.into_iter().flat_map(|s| s.points).collect();
    readings.sort_by_key(|p| p.t);
    let changes = readings.windows(2).filter_map(|pair| match pair {
        [a, b] if b.v > a.v => Some(TimeMs(a.t.0 + 1)),
        _ => None,
    });
    Ok(changes.filter(|t| window.contains(*t)).collect())
}

/// The newest points that one method told as figures: a count in memory and a sampled profile differ by more than what
/// grew between them, and a lower bound by what was missed, so that no slope goes across. `counts` are the times of counts
/// in memory, `figures` those at which an upper end was told too, both in order.
#[must_use]
pub fn of_one_method<'p>(points: &'p [Point], counts: &[TimeMs], figures: &[TimeMs]) -> &'p [Point] {
    let counted = |p: &Point| counts.binary_search(&p.t).is_ok();
    let is_figure = |p: &Point| figures.binary_search(&p.t).is_ok();
    let Some(last) = points.last() else { return points };
    let others = points.iter().rposition(|p| counted(p) != counted(last) || !is_figure(p));
    points.get(others.map_or(0, |i| i + 1)..).unwrap_or_default()
}

/// When points were told, by labels.
#[must_use]
pub fn times_by_labels(series: &[Series]) -> HashMap<Labels, Vec<TimeMs>> {
    series.iter().map(|s| (s.key.labels.clone(), s.points.iter().map(|p| p.t).collect())).collect()
}

/// When pending defers were counted in memory, in order.
///
/// # Errors
/// What the reader says.
pub fn counts(reader: &dyn Reader, target: &str, window: Window) -> Result<Vec<TimeMs>, String> {
    let exact = Selector::metric(metric::CENSUS_GOROUTINES).with("target", target).with("outcome", "exact");
    let points = reader.select(&exact, window)?.into_iter().flat_map(|s| s.points);
    let mut times: Vec<TimeMs> = points.map(|p| p.t).collect();
    times.sort_unstable();
    Ok(times)
}

/// Of several series (a target's labels were changed) the one with the newest point.
#[must_use]
pub fn newest(series: Vec<Series>) -> Option<Series> {
    series.into_iter().max_by_key(|s| s.points.last().map(|p| p.t))
}

/// Stretches longer than three usual distances in which nothing was scraped, as `(last before, first after)`.
#[must_use]
pub fn gaps(points: &[Point]) -> Vec<(TimeMs, TimeMs)> {
    let distances = || points.windows(2).filter_map(|w| Some((w.first()?.t, w.get(1)?.t)));
    let mut lengths: Vec<i64> = distances().map(|(a, b)| b.0 - a.0).collect();
    if lengths.len() < 2 {
        return Vec::new();
    }
    let middle = lengths.len() / 2;
    let (_, usual, _) = lengths.select_nth_unstable(middle);
    let limit = (*usual).max(1).saturating_mul(GAP_FACTOR);
    distances().filter(|(a, b)| b.0 - a.0 > limit).collect()
}

/// When the present rise began, and whether it began before all points there are: `known_from` is when the first
/// scrape was made that could have shown this series.
#[must_use]
pub fn rising_since(points: &[Point], known_from: TimeMs) -> Option<(TimeMs, bool)> {
    let (first, last) = (points.first()?, points.last()?);
    let low = points.iter().map(|p| p.v).fold(f64::INFINITY, f64::min);
    if last.v <= low {
        return None;
    }
    let near_low = low + (last.v - low) * ONSET_SHARE;
    let onset = points.iter().rposition(|p| p.v <= near_low)?;
    let from_the_start = onset <= points.len() / ALREADY_RISING_SHARE;
    // Who was missing from earlier scrapes has not been rising before.
    let step = last.t.since(first.t).div_f64(points.len().saturating_sub(1).max(1) as f64);
    let was_there = first.t.since(known_from) <= step.mul_f64(ABSENT_STEPS);
    let shown = if from_the_start { first } else { points.get(onset)? };
    Some((shown.t, from_the_start && was_there))
}

/// At most [`POINTS_DRAWN_MAX`] points: medians of equally many points each, at the time of the bin's last
/// point, so that the newest value stays what it is when bins hold one point.
#[must_use]
pub fn drawn(points: &[Point]) -> Vec<(i64, f64)> {
    let size = points.len().div_ceil(POINTS_DRAWN_MAX).max(1);
    let bins = points.chunks(size).filter_map(|bin| {
        let mut values: Vec<f64> = bin.iter().map(|p| p.v).collect();
        let middle = values.len() / 2;
        let (_, median, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
        Some((bin.last()?.t.0, *median))
    });
    bins.collect()
}

#[cfg(test)]
mod tests {
    use super::{drawn, gaps, of_one_method, restarts, rising_since};
    use crate::reader::Memory;
    use linger_series::{Labels, Point, SeriesKey, Stream, TimeMs, Window, metric};

    fn points(values: &[(i64, f64)]) -> Vec<Point> {
        values.iter().map(|(t, v)| Point::new(TimeMs(*t), *v)).collect()
    }

    #[test]
    fn no_slope_goes_from_one_method_to_the_other_or_over_a_bound() {
        let points: Vec<Point> = (0..8).map(|i| Point::new(TimeMs(i), 1.0)).collect();
        let check = |counts: &[i64], bounds: &[i64], expected: usize| {
            let counts: Vec<TimeMs> = counts.iter().copied().map(TimeMs).collect();
            let figures: Vec<TimeMs> = (0..8).filter(|t| !bounds.contains(t)).map(TimeMs).collect();
            assert_eq!(of_one_method(&points, &counts, &figures).len(), expected);
        };
        check(&[], &[], 8);
        check(&[5, 6, 7], &[], 3);
        check(&[0, 1, 2], &[], 5);
        check(&[0, 1, 2, 3, 4, 5, 6, 7], &[3], 4);
        check(&[0, 1, 2, 3, 4, 5, 6, 7], &[7], 0);
    }

    #[test]
    fn points_since_the_last_reading_of_the_old_process_belong_to_the_new_one() {
        let mut memory = Memory::default();
        let key = SeriesKey::new(metric::INCARNATION, Labels::new([("target", "api")]));
        for (t, v) in [(0, 1.0), (60, 1.0), (120, 2.0), (180, 2.0)] {
            memory.append(&Stream::new("api", "heap"), TimeMs(t), &[(key.clone(), v)]);
        }
        let found = restarts(&memory, "api", Window { from: TimeMs(0), to: TimeMs(500) }).unwrap();
        assert_eq!(found, [TimeMs(61)]);
    }

    #[test]
    fn a_pause_of_more_than_three_scrapes_is_a_gap() {
        let p = points(&[(0, 1.0), (10, 1.0), (20, 1.0), (50, 1.0), (60, 1.0), (95, 1.0)]);
        assert_eq!(gaps(&p), [(TimeMs(60), TimeMs(95))]);
        assert!(gaps(&p[..2]).is_empty());
    }

    #[test]
    fn a_rise_begins_where_the_values_last_were_low() {
        let p = points(&[(0, 5.0), (1, 9.0), (2, 5.0), (3, 30.0), (4, 105.0)]);
        let start = TimeMs(0);
        assert_eq!(rising_since(&p, start), Some((TimeMs(2), false)));
        assert_eq!(rising_since(&p[2..], TimeMs(1)), Some((TimeMs(2), true)));
        assert_eq!(rising_since(&p[..3], start), None);
        assert_eq!(rising_since(&[], start), None);
    }

    #[test]
    fn a_site_that_earlier_scrapes_did_not_show_has_not_been_rising_before() {
        let late: Vec<Point> =
            (10..40_u32).map(|i| Point::new(TimeMs(i64::from(i) * 100), f64::from(i))).collect();
        assert_eq!(rising_since(&late, TimeMs(0)), Some((TimeMs(1_000), false)));
        assert_eq!(rising_since(&late, TimeMs(900)), Some((TimeMs(1_000), true)));
    }

    #[test]
    fn long_series_are_drawn_as_medians() {
        let long: Vec<Point> =
            (0..2048_u32).map(|i| Point::new(TimeMs(i64::from(i)), f64::from(i))).collect();
        let short = drawn(&long);
        assert_eq!((short.len(), short.first().copied()), (512, Some((3, 2.0))));
    }
}
