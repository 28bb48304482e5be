//! Sparklines: a series in one line of blocks, true to time and to size.
//!
//! Columns are equal stretches of the asked range, whatever the spacing of the points. A stretch without
//! points is blank where the series really stopped, and holds the last value where points are merely further
//! apart than columns. A series that hardly moves stays in the middle: full height is kept for change.

use crate::report::{Dot, Range};

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The target's process was another one before this column.
const RESTART: char = '╎';

/// Neighbours further apart than this many usual steps have a gap between them. Scrapes are late by less
/// than one step; collectors widen their interval by 2.
const GAP_STEPS: f64 = 3.0;

/// A series that moves by less than this share of its size is drawn flatter than full height.
const FULL_HEIGHT_CHANGE_MIN: f64 = 0.1;

/// What is known beside the points.
#[derive(Clone, Copy, Debug)]
pub(super) struct Marks<'a> {
    /// Stretches without a scrape.
    pub(super) gaps_ms: &'a [[i64; 2]],
    /// Proven restarts.
    pub(super) restarts_ms: &'a [i64],
}

impl Marks<'_> {
    /// Nothing is known.
    pub(super) const NONE: Self = Self { gaps_ms: &[], restarts_ms: &[] };
}

/// `columns` characters for `range`; empty when there is no point to draw.
pub(super) fn spark(points: &[Dot], range: Range, columns: usize, marks: Marks<'_>) -> String {
    let axis = Axis { from: range.from_ms, to: range.to_ms, columns };
    let points: Vec<Dot> =
        points.iter().copied().filter(|&(t, v)| v.is_finite() && axis.column(t).is_some()).collect();
    if points.is_empty() || columns == 0 {
        return String::new();
    }
    let values = columns_of(&points, axis, marks);
    let (low, high) = bounds(&values);
    let mut line: Vec<char> = values.iter().map(|v| v.map_or(' ', |v| block(v, low, high))).collect();
    for &t in marks.restarts_ms {
        if let Some(place) = axis.column(t).and_then(|c| line.get_mut(c)) {
            *place = RESTART;
        }
    }
    line.into_iter().collect()
}

#[derive(Clone, Copy)]
struct Axis {
    from: i64,
    to: i64,
    columns: usize,
}

impl Axis {
    fn column(self, t: i64) -> Option<usize> {
        if t < self.from || t > self.to {
            return None;
        }
        let length = i128::from(self.to) - i128::from(self.from) + 1;
        let at = (i128::from(t) - i128::from(self.from)) * self.columns as i128 / length;
        usize::try_from(at).ok()
    }
}

/// The mean of each column's points; between points that belong together the earlier one's value holds.
fn columns_of(points: &[Dot], axis: Axis, marks: Marks<'_>) -> Vec<Option<f64>> {
    let mut sums = vec![(0.0, 0_u32); axis.columns];
    for &(t, v) in points {
        if let Some((sum, n)) = axis.column(t).and_then(|c| sums.get_mut(c)) {
            *sum += v;
            *n += 1;
        }
    }
    let mut values: Vec<Option<f64>> =
        sums.iter().map(|&(sum, n)| (n > 0).then(|| sum / f64::from(n))).collect();
    let reach = usual_step(points).map_or(0.0, |step| step * GAP_STEPS);
    for pair in points.windows(2) {
        let [(t0, v0), (t1, _)] = *pair else { continue };
        let apart = t1.saturating_sub(t0) as f64 > reach;
        // Gaps are told as stretches: a pair that spans one does not belong together.
        if apart || marks.gaps_ms.iter().any(|&[from, to]| t0 <= from && to <= t1) {
            continue;
        }
        let (Some(c0), Some(c1)) = (axis.column(t0), axis.column(t1)) else { continue };
        for value in values.iter_mut().take(c1).skip(c0 + 1) {
            value.get_or_insert(v0);
        }
    }
    values
}

/// The median distance of neighbours.
fn usual_step(points: &[Dot]) -> Option<f64> {
    let mut steps: Vec<i64> =
        points.iter().zip(points.iter().skip(1)).map(|(a, b)| b.0.saturating_sub(a.0)).collect();
    steps.sort_unstable();
    steps.get(steps.len() / 2).map(|&step| step as f64)
}

fn bounds(values: &[Option<f64>]) -> (f64, f64) {
    let drawn = values.iter().flatten();
    drawn.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &v| (low.min(v), high.max(v)))
}

fn block(value: f64, low: f64, high: f64) -> char {
    let size = high.abs().max(low.abs());
    let least = size * FULL_HEIGHT_CHANGE_MIN;
    let span = (high - low).max(least);
    // Centred: with `span == high - low` this is (value - low) / span. Halves, so that sums cannot overflow.
    let height = if size == 0.0 { 0.0 } else { (value - (low / 2.0 + high / 2.0)) / span + 0.5 };
    // A flat series lands on 0.5 exactly: the lower of the two middle blocks.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped to 0..=7
    let level = (height * 7.0 - 1e-9).round().clamp(0.0, 7.0) as usize;
    BLOCKS.get(level).copied().unwrap_or(' ')
}

#[cfg(test)]
mod tests {
    use super::{Marks, spark};
    use crate::report::{Dot, Range};

    const RANGE: Range = Range { from_ms: 0, to_ms: 9_999 };

    /// Ten columns of one second; one value a second, `None` where nothing was measured.
    #[track_caller]
    fn check(values: &[Option<f64>], marks: Marks<'_>, expected: &str) {
        let points: Vec<Dot> =
            (0_i64..).zip(values).filter_map(|(i, v)| v.map(|v| (i * 1_000 + 500, v))).collect();
        assert_eq!(spark(&points, RANGE, 10, marks), expected, "{values:?}");
    }

    fn all(values: [f64; 10]) -> Vec<Option<f64>> {
        values.into_iter().map(Some).collect()
    }

    #[test]
    fn change_takes_the_full_height_and_stillness_does_not() {
        let none = Marks::NONE;
        check(&all([0., 1., 2., 3., 4., 5., 6., 7., 7., 0.]), none, "▁▂▃▄▅▆▇██▁");
        check(&all([1_000.; 10]), none, "▄▄▄▄▄▄▄▄▄▄");
        check(&all([0.; 10]), none, "▁▁▁▁▁▁▁▁▁▁");
        check(&all([-5.; 10]), none, "▄▄▄▄▄▄▄▄▄▄");
        check(
            &all([1_000., 1_001., 999., 1_000., 1_001., 999., 1_000., 1_001., 999., 1_000.]),
            none,
            "▄▅▄▄▅▄▄▅▄▄",
        );
        check(&all([f64::MAX, 0., 0., 0., 0., 0., 0., 0., 0., -f64::MAX]), none, "▄▄▄▄▄▄▄▄▄▄");
    }

    #[test]
    fn a_gap_is_blank_and_never_zero() {
        let x = Some(5.0);
        check(&[x, x, x, None, None, None, None, x, x, x], Marks::NONE, "▄▄▄    ▄▄▄");
        check(&[None, None, None, None, None, x, x, x, x, x], Marks::NONE, "     ▄▄▄▄▄");
        check(&[x, x, x, x, None, None, None, None, None, None], Marks::NONE, "▄▄▄▄      ");
        let told = Marks { gaps_ms: &[[3_000, 4_000]], restarts_ms: &[] };
        check(&[x, x, x, None, x, x, x, x, x, x], told, "▄▄▄ ▄▄▄▄▄▄");
        check(&[None; 10], Marks::NONE, "");
        check(&[Some(f64::NAN); 10], Marks::NONE, "");
    }

    #[test]
    fn points_wider_apart_than_columns_hold_their_value() {
        let (a, b) = (Some(0.0), Some(7.0));
        check(&[a, None, a, None, b, None, b, None, b, None], Marks::NONE, "▁▁▁▁█████ ");
        check(&[a, None, None, None, None, None, None, None, None, b], Marks::NONE, "▁▁▁▁▁▁▁▁▁█");
        check(&[a, None, None, None, None, None, None, None, None, None], Marks::NONE, "▁         ");
    }

    #[test]
    fn a_restart_is_marked_where_it_was() {
        let marks = Marks { gaps_ms: &[], restarts_ms: &[5_200, 50_000] };
        check(&all([0., 2., 4., 6., 7., 0., 0., 1., 1., 2.]), marks, "▁▃▅▇█╎▁▂▂▃");
    }

    proptest::proptest! {
        #[test]
        fn a_line_is_as_wide_as_asked_or_empty(
            points in proptest::collection::vec((proptest::num::i64::ANY, proptest::num::f64::ANY), 0..50),
            from_ms in proptest::num::i64::ANY,
            to_ms in proptest::num::i64::ANY,
            columns in 0_usize..40,
        ) {
            let line = spark(&points, Range { from_ms, to_ms }, columns, Marks::NONE);
            proptest::prop_assert!(line.is_empty() || line.chars().count() == columns);
        }
    }

    #[test]
    fn columns_follow_time_not_points() {
        let points: Vec<Dot> = (0..100).map(|i| (i * 10, 1.0)).chain([(9_999, 2.0)]).collect();
        assert_eq!(spark(&points, RANGE, 10, Marks::NONE), "▁        █");
        assert_eq!(
            spark(&points, Range { from_ms: i64::MIN, to_ms: i64::MAX }, 3, Marks::NONE).chars().count(),
            3
        );
        assert_eq!(spark(&points, RANGE, 0, Marks::NONE), "");
        let ends = [(i64::MIN, 0.0), (i64::MAX, 7.0)]; // further apart than an i64 counts
        assert_eq!(spark(&ends, Range { from_ms: i64::MIN, to_ms: i64::MAX }, 3, Marks::NONE), "▁▁█");
        assert_eq!(spark(&[(5, 1.0)], Range { from_ms: 5, to_ms: 5 }, 4, Marks::NONE), "▄   ");
    }
}
