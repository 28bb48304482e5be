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
