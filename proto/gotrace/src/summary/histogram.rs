//! A histogram by powers of two: what 40 numbers can tell of latencies between a nanosecond and nine minutes.

use super::spans::Spans;

/// Buckets of a histogram.
pub const BUCKETS: usize = 40;

/// Counts by length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Histogram {
    /// Bucket 0 counts lengths of 0 ns, bucket `i` those from 2^(i-1) ns to below 2^i ns; the last one all longer too.
    pub buckets: [u64; BUCKETS],
    /// The same lengths as a sum.
    pub spans: Spans,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: [0; BUCKETS], spans: Spans::default() }
    }
}

impl Histogram {
    /// Counts a length; in [`Histogram::spans`] it is not.
    #[inline(always)]
    pub(super) fn add(&mut self, ns: u64) {
        let bucket = ((u64::BITS - ns.leading_zeros()) as usize).min(BUCKETS - 1);
        if let Some(count) = self.buckets.get_mut(bucket) {
            *count += 1;
        }
    }

    /// The least upper bound of a bucket below which this share of all lengths is, in nanoseconds. 0 when there is none.
    pub fn quantile_ns(&self, share: f64) -> u64 {
        let mut below = 0.0;
        #[expect(clippy::cast_precision_loss, reason = "a share of counts needs no 53 bits")]
        let wanted = share * self.spans.count as f64;
        for (bucket, count) in self.buckets.iter().enumerate() {
            #[expect(clippy::cast_precision_loss, reason = "a share of counts needs no 53 bits")]
            let count = *count as f64;
            below += count;
            if count > 0.0 && below >= wanted {
                return (1_u64 << bucket).min(self.spans.max_ns);
            }
        }
        self.spans.max_ns
    }
}

#[cfg(test)]
mod tests {
    use super::{BUCKETS, Histogram};

    #[test]
    fn lengths_fall_into_powers_of_two() {
        let mut histogram = Histogram::default();
        for ns in [0, 1, 2, 3, 4, 1000, u64::MAX] {
            histogram.add(ns);
            histogram.spans.add(ns);
        }
        let filled = |i: usize| histogram.buckets[i];
        assert_eq!([0, 1, 2, 3, 10, BUCKETS - 1].map(filled), [1, 1, 2, 1, 1, 1]);
        assert_eq!((histogram.quantile_ns(0.5), histogram.quantile_ns(1.0)), (4, 1 << (BUCKETS - 1)));
        assert_eq!(Histogram::default().quantile_ns(0.5), 0);
    }
}
