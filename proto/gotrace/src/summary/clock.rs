//! From units of the trace to nanoseconds.

use crate::event::Ticks;

/// Units of 64 ns: everywhere but on Windows (`runtime/traceruntime.go`, `traceTimeDiv`).
const UNITS_PER_SECOND_USUAL: u64 = 15_625_000;
const NS_SHIFT_USUAL: u32 = 6;

/// Latest time that is told, about 292 years after the machine's start: later ones are hostile.
const NS_MAX: u64 = u64::MAX >> 1;

/// The clock of the present generation.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    units_per_second: u64,
}

impl Clock {
    /// The clock of a generation, by what its tables say.
    pub fn new(units_per_second: u64) -> Self {
        Self { units_per_second: units_per_second.max(1) }
    }

    /// Nanoseconds since the clock's own beginning.
    #[inline(always)]
    pub fn ns(self, time: Ticks) -> u64 {
        if self.units_per_second == UNITS_PER_SECOND_USUAL {
            return time.0.min(NS_MAX >> NS_SHIFT_USUAL) << NS_SHIFT_USUAL;
        }
        let ns = u128::from(time.0) * 1_000_000_000 / u128::from(self.units_per_second);
        u64::try_from(ns).unwrap_or(NS_MAX).min(NS_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::{Clock, NS_MAX, Ticks};

    #[test]
    fn units_become_nanoseconds() {
        let ns = |units_per_second, ticks| Clock::new(units_per_second).ns(Ticks(ticks));
        assert_eq!(ns(15_625_000, 3), 192);
        assert_eq!(ns(1_000_000, 3), 3000);
        assert_eq!(ns(3_000_000_000, 4), 1);
        assert!(ns(15_625_000, u64::MAX) <= NS_MAX && ns(1, u64::MAX) == NS_MAX && ns(0, 1) == 1_000_000_000);
    }
}
