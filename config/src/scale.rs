//! `--time-scale`: how many times faster than the clock an agent lives, for tests and demonstrations.

use crate::read::NotThis;
use std::fmt;
use std::str::FromStr;

/// A factor from 1 to 10,000 by which intervals and windows are shortened.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct TimeScale(f64);

const EXPECTED: &str = "a number from 1 to 10000";

impl TimeScale {
    /// Life at its own pace.
    pub const ONE: Self = Self(1.0);

    /// A scale, where `by` is between 1 and 10,000: slower than the clock has no use, and beyond it all
    /// intervals are at their floor.
    #[must_use]
    pub fn new(by: f64) -> Option<Self> {
        (1.0..=10_000.0).contains(&by).then_some(Self(by))
    }

    /// As a number.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl FromStr for TimeScale {
    type Err = NotThis;

    fn from_str(text: &str) -> Result<Self, NotThis> {
        text.parse().ok().and_then(Self::new).ok_or_else(|| NotThis::new(EXPECTED, ""))
    }
}

impl fmt::Display for TimeScale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
