//! Time as the store knows it: milliseconds since the Unix epoch, and half-open windows of them.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

/// Milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeMs(pub i64);

impl TimeMs {
    /// The earliest and the latest time there is, for windows without an end.
    pub const MIN: Self = Self(i64::MIN);
    /// See [`TimeMs::MIN`].
    pub const MAX: Self = Self(i64::MAX);

    /// Time passed since `earlier`; zero when `earlier` is later (a clock that stepped back).
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Seconds as a float, for slopes and JSON.
    #[must_use]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1000.0
    }
}

fn millis(d: Duration) -> i64 {
    i64::try_from(d.as_millis()).unwrap_or(i64::MAX)
}

impl Add<Duration> for TimeMs {
    type Output = Self;
    fn add(self, d: Duration) -> Self {
        Self(self.0.saturating_add(millis(d)))
    }
}

impl Sub<Duration> for TimeMs {
    type Output = Self;
    fn sub(self, d: Duration) -> Self {
        Self(self.0.saturating_sub(millis(d)))
    }
}

impl fmt::Display for TimeMs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The times `from <= t < to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// First time inside.
    pub from: TimeMs,
    /// First time after the end.
    pub to: TimeMs,
}

impl Window {
    /// Everything there is.
    pub const ALL: Self = Self { from: TimeMs::MIN, to: TimeMs::MAX };

    /// The window that reaches back `length` from just after `end`, so that a point at `end` is inside.
    #[must_use]
    pub fn ending(end: TimeMs, length: Duration) -> Self {
        Self { from: end - length, to: end + Duration::from_millis(1) }
    }

    /// Whether `t` is inside.
    #[must_use]
    pub fn contains(self, t: TimeMs) -> bool {
        self.from <= t && t < self.to
    }

    /// Whether any time of `first..=last` is inside.
    #[must_use]
    pub fn overlaps(self, first: TimeMs, last: TimeMs) -> bool {
        first < self.to && self.from <= last
    }
}

#[cfg(test)]
mod tests {
    use super::{TimeMs, Window};
    use std::time::Duration;

    #[test]
    fn a_clock_that_steps_back_gives_zero_not_a_wrap() {
        assert_eq!(TimeMs(5).since(TimeMs(9)), Duration::ZERO);
        assert_eq!(TimeMs::MAX + Duration::from_secs(1), TimeMs::MAX);
    }

    #[test]
    fn a_window_holds_its_start_and_not_its_end() {
        let w = Window { from: TimeMs(10), to: TimeMs(20) };
        assert!(w.contains(TimeMs(10)) && w.contains(TimeMs(19)) && !w.contains(TimeMs(20)));
        assert!(w.overlaps(TimeMs(0), TimeMs(10)) && !w.overlaps(TimeMs(20), TimeMs(30)));
        assert!(Window::ending(TimeMs(20), Duration::from_millis(5)).contains(TimeMs(20)));
    }
}
