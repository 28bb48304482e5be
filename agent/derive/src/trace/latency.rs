//! From being able to run to running, as a classic histogram: of a window, or of many windows added up.

use linger_gotrace::summary::{BUCKETS, Histogram};

/// Upper bounds as powers of two nanoseconds: from a microsecond to a second, each four times the one before. The
/// summary's own 40 would be as many series for every target.
const BOUNDS_LOG2: [usize; BOUNDS.len()] = [10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30];

/// The same as labels `le`, in seconds. The summary counts lengths *below* a power of two, and lengths are whole
/// nanoseconds, so the largest that counts is one less.
pub const BOUNDS: [&str; 11] = [
    "0.000001023",
    "0.000004095",
    "0.000016383",
    "0.000065535",
    "0.000262143",
    "0.001048575",
    "0.004194303",
    "0.016777215",
    "0.067108863",
    "0.268435455",
    "1.073741823",
];

/// Lengths of waits for a processor.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Latency {
    /// How many were at most as long as each of [`BOUNDS`].
    pub at_most: [u64; BOUNDS.len()],
    /// How many there were.
    pub count: u64,
    /// All of them together.
    pub seconds: f64,
}

impl Latency {
    /// Of one window.
    pub(super) fn of(histogram: &Histogram) -> Self {
        let below = |log2: usize| {
            let counts = histogram.buckets.iter().take((log2 + 1).min(BUCKETS));
            counts.fold(0, |sum: u64, count| sum.saturating_add(*count))
        };
        Self {
            at_most: BOUNDS_LOG2.map(below),
            count: histogram.buckets.iter().fold(0, |sum, count| sum.saturating_add(*count)),
            seconds: histogram.spans.total_ns as f64 / 1e9,
        }
    }

    /// Adds another window.
    pub fn add(&mut self, other: &Self) {
        for (sum, more) in self.at_most.iter_mut().zip(other.at_most) {
            *sum = sum.saturating_add(more);
        }
        self.count = self.count.saturating_add(other.count);
        self.seconds += other.seconds;
    }
}

#[cfg(test)]
mod tests {
    use super::{BOUNDS, BOUNDS_LOG2, Latency};
    use linger_gotrace::summary::Histogram;

    #[test]
    fn the_labels_are_the_bounds_in_seconds() {
        for (label, log2) in BOUNDS.iter().zip(BOUNDS_LOG2) {
            let ns = (1_u64 << log2) - 1;
            assert_eq!(format!("{}.{:09}", ns / 1_000_000_000, ns % 1_000_000_000), *label);
        }
    }

    #[test]
    fn buckets_add_up_and_count_holds_the_longest_too() {
        let mut histogram = Histogram::default();
        // 0 ns; 512 to 1023 ns; 1024 to 2047 ns; above four minutes.
        for (bucket, count) in [(0, 1), (10, 2), (11, 4), (39, 8)] {
            histogram.buckets[bucket] = count;
        }
        histogram.spans.total_ns = 1_500_000_000;
        let mut latency = Latency::of(&histogram);
        assert_eq!((latency.at_most[..3].to_vec(), latency.at_most[10]), (vec![3, 7, 7], 7));
        assert_eq!((latency.count, latency.seconds), (15, 1.5));
        latency.add(&latency.clone());
        assert_eq!((latency.at_most[0], latency.count, latency.seconds), (6, 30, 3.0));
    }
}
