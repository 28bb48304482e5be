//! What one defer costs in CPU time, by Go version and kind: the bridge from seconds to calls.
//!
//! Measured as thread-CPU time per executed defer, registration and run together, on one host (EPYC, 2 vCPU,
//! linux/amd64, Go 1.21.13 to 1.27.3). Another host differs, hence [`MODEL_FACTOR`].

use super::Kind;

/// Rates derived from the table hold within this factor either way.
pub const MODEL_FACTOR: f64 = 2.0;

/// Nanoseconds per defer, from the cheapest to the dearest the table knows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NsPerDefer {
    /// Cheapest.
    pub low: f64,
    /// Dearest.
    pub high: f64,
}

impl NsPerDefer {
    /// The middle in proportion, which a single figure is computed from.
    #[must_use]
    pub fn middle(self) -> f64 {
        (self.low * self.high).sqrt()
    }

    fn with(self, other: Self) -> Self {
        Self { low: self.low.min(other.low), high: self.high.max(other.high) }
    }
}

struct Row {
    /// Minor versions 1.`from` to 1.`to`.
    from: u32,
    to: u32,
    stack: NsPerDefer,
    heap: NsPerDefer,
    /// From a defer in a loop of many (only `each`) to the only one in its loop (loop + each).
    range: Option<NsPerDefer>,
}

const fn ns(low: f64, high: f64) -> NsPerDefer {
    NsPerDefer { low, high }
}

const TABLE: [Row; 4] = [
    Row { from: 21, to: 21, stack: ns(5.7, 5.7), heap: ns(9.8, 9.8), range: None },
    Row { from: 22, to: 24, stack: ns(9.1, 9.6), heap: ns(12.8, 13.3), range: Some(ns(19.0, 144.0)) },
    Row { from: 25, to: 25, stack: ns(7.9, 7.9), heap: ns(11.8, 11.8), range: Some(ns(25.0, 101.0)) },
    Row { from: 26, to: 27, stack: ns(7.0, 7.0), heap: ns(10.7, 11.1), range: Some(ns(23.0, 99.0)) },
];

/// The cost of a defer of `kind` in Go 1.`minor`; the whole span of the table where the version is unknown or
/// not in it.
#[must_use]
pub fn ns_per_defer(kind: Kind, minor: Option<u32>) -> NsPerDefer {
    let known = TABLE.iter().find(|r| minor.is_some_and(|m| (r.from..=r.to).contains(&m)));
    let of_row = |row: &Row| match kind {
        Kind::Stack => Some(row.stack),
        Kind::Heap => Some(row.heap),
        Kind::Range => row.range,
        // A bit that is set; no profile shows it, so that no rate is ever told from this.
        Kind::Open => Some(ns(0.3, 0.3)),
        // Either of the two that share the machinery of the return.
        Kind::Mixed => Some(row.stack.with(row.heap)),
    };
    known.and_then(of_row).unwrap_or_else(|| {
        let all = TABLE.iter().filter_map(of_row);
        all.reduce(NsPerDefer::with).unwrap_or(ns(1.0, 100.0))
    })
}

/// How much time running a defer takes for each second of registering it: shares the machinery of the return out
/// among the kinds one function has. Samples of registering and running in profiles of tests/recordings/src under
/// load, one per version on a quiet host: 24 and 146 for stack
/// defers, 359 and 361 for heap ones in Go 1.22 to 1.27; 15 and 6, 111 and 72 in 1.19 and 1.21.
#[must_use]
pub fn running_per_registering(kind: Kind, minor: Option<u32>) -> f64 {
    match (kind, minor.is_some_and(|m| m < 22)) {
        (Kind::Stack, false) => 6.1,
        (Kind::Stack, true) => 0.4,
        (Kind::Heap, true) => 0.65,
        // A range defer's record is a heap one, run by the same code.
        (Kind::Heap | Kind::Range | Kind::Open | Kind::Mixed, _) => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::ns_per_defer;
    use crate::defers::Kind;

    #[track_caller]
    fn check(kind: Kind, minor: Option<u32>, low: f64, high: f64) {
        let cost = ns_per_defer(kind, minor);
        assert_eq!((cost.low, cost.high), (low, high), "{kind} {minor:?}");
        assert!(cost.low <= cost.middle() && cost.middle() <= cost.high);
    }

    #[test]
    fn an_unknown_version_costs_the_whole_span_of_the_table() {
        check(Kind::Stack, Some(26), 7.0, 7.0);
        check(Kind::Heap, Some(23), 12.8, 13.3);
        check(Kind::Stack, None, 5.7, 9.6);
        check(Kind::Heap, Some(28), 9.8, 13.3);
        check(Kind::Heap, Some(19), 9.8, 13.3);
        check(Kind::Mixed, Some(21), 5.7, 9.8);
        // 1.21 has no range-over-func: whoever asks has the version wrong.
        check(Kind::Range, Some(21), 19.0, 144.0);
    }
}
