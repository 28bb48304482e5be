//! Does a series grow, how fast, and how sure is that? Theil-Sen's slope with Sen's interval and the
//! Mann-Kendall test: both look at the order of pairs only, so a spike or a gap moves them little.
//!
//! Deterministic. It refuses fewer than [`POINTS_MIN`] points, and never sees across a restart if the caller
//! cuts with [`since_last`]: no slope is computed from two processes.

use crate::interval::normal_above;
use linger_series::{Point, TimeMs};

/// Fewest points a slope is computed from (LEAKS.md): below it an interval says nothing.
pub const POINTS_MIN: usize = 8;

/// Most points that enter: more are reduced to the medians of this many equal stretches of time. Raw scrapes
/// are correlated with their neighbours, and the work is quadratic (32,640 slopes at 256 points).
pub const POINTS_MAX: usize = 256;

/// The 97.5 % quantile of the standard normal distribution.
const Z_95: f64 = 1.959_963_984_540_054;

const MS_PER_HOUR: f64 = 3_600_000.0;

/// How a series grows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slope {
    /// Median of the slopes of all pairs, units per hour.
    pub per_hour: f64,
    /// Lower end of Sen's 95 % interval. It takes the points for independent: with correlated ones it is
    /// too narrow, which the medians soften and do not remove.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Points, or medians of points, that entered.
    pub points_used: usize,
}

impl Slope {
    /// The slope per second, as `linger_defers_pending_growth_per_second` wants it.
    #[must_use]
    pub fn per_second(self) -> f64 {
        self.per_hour / 3600.0
    }
}

/// Kendall's comparison of all pairs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MannKendall {
    /// Rising pairs minus falling pairs.
    pub score: i64,
    /// One-sided: the probability of such a score or a higher one in a series that does not rise. Normal
    /// approximation with continuity correction and the variance corrected for ties.
    pub p_rising: f64,
    /// Points, or medians of points, that entered.
    pub points_used: usize,
}

/// Theil-Sen's slope with Sen's interval (Sen 1968). `None` below [`POINTS_MIN`] points at different times, or
/// when a value is not finite.
#[must_use]
pub fn theil_sen(points: &[Point]) -> Option<Slope> {
    let points = reduced(points)?;
    // Most sites most of the time: nothing moves, and all slopes are 0.
    if points.windows(2).all(|pair| matches!(pair, [a, b] if a.y == b.y)) {
        return Some(Slope { per_hour: 0.0, low: 0.0, high: 0.0, points_used: points.len() });
    }
    let mut slopes = Vec::with_capacity(points.len() * (points.len() - 1) / 2);
    for (i, later) in points.iter().enumerate() {
        for earlier in points.iter().take(i) {
            slopes.push((later.y - earlier.y) / (later.hours - earlier.hours));
        }
    }
    let width = Z_95 * kendall_variance(&points).sqrt();
    let count = slopes.len() as f64;
    let last = slopes.len() - 1;
    let low = nearest_index((count - width) / 2.0 - 1.0, last);
    let high = nearest_index((count + width) / 2.0, last);
    // Selection, not sorting: four ranks of up to 32,640 slopes, for hundreds of sites.
    let mut at = |rank: usize| *slopes.select_nth_unstable_by(rank, f64::total_cmp).1;
    let per_hour = f64::midpoint(at(last / 2), at(last.div_ceil(2)));
    Some(Slope { per_hour, low: at(low), high: at(high), points_used: points.len() })
}

/// The Mann-Kendall test for a rise. `None` as for [`theil_sen`].
#[must_use]
pub fn mann_kendall(points: &[Point]) -> Option<MannKendall> {
    let points = reduced(points)?;
    let mut score = 0_i64;
    for (i, later) in points.iter().enumerate() {
        for earlier in points.iter().take(i) {
            score += i64::from(later.y > earlier.y) - i64::from(later.y < earlier.y);
        }
    }
    let deviation = kendall_variance(&points).sqrt();
    let corrected = (score - score.signum()) as f64;
    // All values equal: nothing rises, and nothing could have been seen to.
    let p_rising = if deviation > 0.0 { normal_above(corrected / deviation) } else { 1.0 };
    Some(MannKendall { score, p_rising, points_used: points.len() })
}

/// The points at or after the last of `boundaries` (process starts) that lies at or before the newest point.
#[must_use]
pub fn since_last<'a>(points: &'a [Point], boundaries: &[TimeMs]) -> &'a [Point] {
    let newest = points.last().map_or(TimeMs::MIN, |p| p.t);
    let boundary = boundaries.iter().copied().filter(|&b| b <= newest).max();
    let from = boundary.map_or(0, |b| points.partition_point(|p| p.t < b));
    points.get(from..).unwrap_or(&[])
}

/// The stretches between `boundaries` (in any order), empty ones left out: each belongs to one process.
#[must_use]
pub fn split_at<'a>(points: &'a [Point], boundaries: &[TimeMs]) -> Vec<&'a [Point]> {
    let mut cuts: Vec<usize> = boundaries.iter().map(|&b| points.partition_point(|p| p.t < b)).collect();
    cuts.push(points.len());
    cuts.sort_unstable();
    let mut from = 0;
    let mut stretches = Vec::with_capacity(cuts.len());
    for cut in cuts {
        stretches.extend(points.get(from..cut).filter(|s| !s.is_empty()));
        from = cut;
    }
    stretches
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Reduced {
    /// Hours since the first point: small numbers, so that differences keep their digits.
    hours: f64,
    y: f64,
}

/// Points as (hours, value) with times strictly rising, at most [`POINTS_MAX`] of them.
fn reduced(points: &[Point]) -> Option<Vec<Reduced>> {
    if points.iter().any(|p| !p.v.is_finite()) {
        return None;
    }
    let (first, last) = (points.first()?.t, points.last()?.t);
    let hours = |t: TimeMs| t.0.saturating_sub(first.0) as f64 / MS_PER_HOUR;
    let mut all: Vec<Reduced> = Vec::with_capacity(points.len().min(POINTS_MAX));
    if points.len() <= POINTS_MAX {
        all.extend(points.iter().map(|p| Reduced { hours: hours(p.t), y: p.v }));
    } else {
        // Wide integers: times may be anything an i64 holds.
        let span = i128::from(last.0) - i128::from(first.0) + 1;
        let bin_of = |p: &Point| (i128::from(p.t.0) - i128::from(first.0)) * POINTS_MAX as i128 / span;
        all.extend(points.chunk_by(|a, b| bin_of(a) == bin_of(b)).map(|bin| Reduced {
            hours: median(bin.iter().map(|p| hours(p.t)).collect()),
            y: median(bin.iter().map(|p| p.v).collect()),
        }));
    }
    all.dedup_by(|later, earlier| later.hours <= earlier.hours);
    (all.len() >= POINTS_MIN).then_some(all)
}

/// The median of values that are not empty.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    let at = |i: usize| values.get(i).copied().unwrap_or(f64::NAN);
    f64::midpoint(at(last / 2), at(last.div_ceil(2)))
}

/// The variance of Kendall's score when nothing rises, corrected for tied values (Kendall 1975); times are
/// never tied.
fn kendall_variance(points: &[Reduced]) -> f64 {
    let term = |n: f64| n * (n - 1.0) * (2.0 * n + 5.0);
    let mut values: Vec<f64> = points.iter().map(|p| p.y).collect();
    values.sort_unstable_by(f64::total_cmp);
    let ties: f64 = values.chunk_by(|a, b| a == b).map(|tied| term(tied.len() as f64)).sum();
    (term(points.len() as f64) - ties) / 18.0
}

/// The whole number nearest to `x` within `0..=last`.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float saturates; NaN gives 0")]
fn nearest_index(x: f64, last: usize) -> usize {
    let index = x.round_ties_even().max(0.0) as usize;
    index.min(last)
}

#[cfg(test)]
mod tests {
    use super::{POINTS_MAX, POINTS_MIN, mann_kendall, since_last, split_at, theil_sen};
    use linger_series::{Point, TimeMs};
    use proptest::prelude::{prop, proptest};

    /// Noise that any language can reproduce: the upper 31 bits of Knuth's 64-bit generator.
    fn noise(seed: u64, n: usize) -> impl Iterator<Item = i64> {
        let next =
            |s: &u64| Some(s.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407));
        std::iter::successors(next(&seed), next).take(n).map(|s| (s >> 33) as i64)
    }

    fn series(seed: u64, n: usize, at: impl Fn(i64) -> i64, value: impl Fn(i64, i64) -> i64) -> Vec<Point> {
        (0..).zip(noise(seed, n)).map(|(i, v)| Point::new(TimeMs(at(i)), value(i, v) as f64)).collect()
    }

    /// Expected values: `scipy.stats.theilslopes(y, hours, 0.95)` of scipy 1.17.1, and of pymannkendall 1.4.3
    /// `original_test(y)` the score and `norm.sf` of its z.
    #[track_caller]
    fn check(points: &[Point], slope: [f64; 3], score: i64, p: f64) {
        let close = |a: f64, b: f64, relative: f64| (a - b).abs() <= relative * b.abs().max(1e-300);
        let s = theil_sen(points).unwrap();
        for (got, expected) in [s.per_hour, s.low, s.high].into_iter().zip(slope) {
            assert!(close(got, expected, 1e-9), "{s:?}, expected {slope:?}");
        }
        let m = mann_kendall(points).unwrap();
        assert_eq!(m.score, score);
        assert!(close(m.p_rising, p, 1e-8), "{m:?}, expected p {p}");
    }

    #[test]
    fn slopes_and_tests_agree_with_reference_implementations() {
        let every_15_s = |i| i * 15_000;
        check(
            &series(1, 40, every_15_s, |i, v| 3 * i + v % 20),
            [705.882352941, 666.666666667, 745.263157895],
            737,
            4.80752523637e-18,
        );
        check(
            &series(2, 24, |i| i * 60_000, |i, v| i / 5 + v % 3),
            [13.7412587413, 10.0, 18.0],
            187,
            1.34141717624e-06,
        );
        check(
            &series(3, 30, every_15_s, |_, v| 50 + v % 10),
            [-20.8695652174, -51.4285714286, 0.0],
            -80,
            0.923573690287,
        );
        check(
            &series(4, 20, |i| i * 15_000 + if i >= 10 { 3_600_000 } else { 0 }, |i, v| 10 * i + v % 40),
            [138.899790746, 100.398406375, 1680.0],
            178,
            4.66063442317e-09,
        );
        check(
            &series(5, 50, every_15_s, |i, v| 500 - 2 * i + v % 30),
            [-525.0, -556.595744681, -480.0],
            -1067,
            1.0,
        );
        check(
            &series(6, 256, every_15_s, |i, v| i + v % 300),
            [240.0, 203.571428571, 276.0],
            14104,
            3.5343049607e-25,
        );
        let eight = [0.0, 1.0, 3.0, 2.0, 5.0, 4.0, 7.0, 9.0];
        let eight: Vec<Point> = (0..).zip(eight).map(|(i, v)| Point::new(TimeMs(i * 60_000), v)).collect();
        check(&eight, [72.0, 45.0, 105.0], 24, 0.00221700415155);
    }

    #[test]
    fn too_few_points_or_values_that_are_none_give_no_slope() {
        let mut points = series(1, POINTS_MIN, |i| i * 1000, |i, _| i);
        assert!(theil_sen(&points).is_some());
        assert!(theil_sen(&points[1..]).is_none() && mann_kendall(&points[1..]).is_none());
        assert!(theil_sen(&[]).is_none());
        points[3].v = f64::NAN;
        assert!(theil_sen(&points).is_none());
        let one_moment = series(1, 20, |_| 7, |i, _| i);
        assert!(theil_sen(&one_moment).is_none());
    }

    #[test]
    fn a_constant_series_does_not_grow() {
        let points = series(1, 100, |i| i * 1000, |_, _| 50);
        let slope = theil_sen(&points).unwrap();
        assert_eq!((slope.per_hour, slope.low, slope.high), (0.0, 0.0, 0.0));
        assert_eq!(mann_kendall(&points).unwrap().p_rising, 1.0);
    }

    #[test]
    fn a_day_of_points_is_reduced_and_keeps_its_slope() {
        // 3 goroutines per scrape of 15 s are 720 an hour.
        let points = series(7, 5760, |i| i * 15_000, |i, v| 3 * i + v % 100);
        let slope = theil_sen(&points).unwrap();
        assert_eq!(slope.points_used, POINTS_MAX);
        assert!(slope.low < 720.0 && 720.0 < slope.high, "{slope:?}");
        assert!((slope.per_hour - 720.0).abs() < 1.0, "{slope:?}");
    }

    #[test]
    fn points_of_two_processes_are_told_apart() {
        let points = series(1, 10, |i| i * 10, |i, _| i);
        let times = |p: &[Point]| p.iter().map(|p| p.t.0).collect::<Vec<_>>();
        assert_eq!(times(since_last(&points, &[TimeMs(30), TimeMs(65)])), [70, 80, 90]);
        assert_eq!(times(since_last(&points, &[TimeMs(70)])), [70, 80, 90]);
        assert_eq!(since_last(&points, &[]).len(), 10);
        // A boundary after the newest point is not one yet.
        assert_eq!(since_last(&points, &[TimeMs(1000)]).len(), 10);
        let split: Vec<_> =
            split_at(&points, &[TimeMs(65), TimeMs(-5), TimeMs(30)]).into_iter().map(times).collect();
        assert_eq!(split, [vec![0, 10, 20], vec![30, 40, 50, 60], vec![70, 80, 90]]);
        assert!(split_at(&[], &[TimeMs(1)]).is_empty());
    }

    proptest! {
        #[test]
        fn any_times_and_values_give_an_interval_around_the_slope(
            times in prop::collection::btree_set(proptest::num::i64::ANY, 0..400),
            seed in proptest::num::u64::ANY,
        ) {
            let points: Vec<Point> = times.into_iter().zip(noise(seed, 400)).map(|(t, v)| Point::new(TimeMs(t), (v % 50) as f64)).collect();
            if let Some(s) = theil_sen(&points) {
                assert!(s.low <= s.per_hour && s.per_hour <= s.high, "{s:?}");
                assert!((POINTS_MIN..=POINTS_MAX).contains(&s.points_used));
            }
            let p = mann_kendall(&points).map_or(0.5, |m| m.p_rising);
            assert!((0.0..=1.0).contains(&p));
        }
    }
}
