//! Lengths of time as people write them: `15s`, `1m30s`, `14d`.

use crate::TimeScale;
use crate::key::Json;
use crate::read::{NotThis, written_as_text};
use std::fmt;
use std::str::FromStr;
use std::time;

/// A length of time in whole milliseconds, read and shown as `1m30s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration {
    ms: u64,
}

const EXPECTED: &str = "a duration such as `15s`, `1m30s` or `14d`";

/// How it is written, roughly: what it takes in detail is told by reading it.
const FORM: Json = Json::FormOrZero(r"^(0|([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?)$");

/// Longest duration, in milliseconds: a hundred years, so that sums of times never overflow.
const MS_MAX: u64 = 100 * 365 * 86_400_000;

/// Units from the longest to the shortest, in milliseconds. A day is 24 hours.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

impl Duration {
    /// `ms` milliseconds, at most a hundred years.
    #[must_use]
    pub const fn from_millis(ms: u64) -> Self {
        Self { ms: if ms > MS_MAX { MS_MAX } else { ms } }
    }

    /// `s` seconds, at most a hundred years.
    #[must_use]
    pub const fn from_secs(s: u64) -> Self {
        Self::from_millis(s.saturating_mul(1000))
    }

    /// As the standard library has it.
    #[must_use]
    pub const fn get(self) -> time::Duration {
        time::Duration::from_millis(self.ms)
    }

    /// In milliseconds.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.ms
    }

    /// Whether it is a whole number of seconds, as `seconds=` of an endpoint must be.
    #[must_use]
    pub const fn is_whole_seconds(self) -> bool {
        self.ms.is_multiple_of(1000)
    }

    /// The sum, at most a hundred years.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self::from_millis(self.ms + other.ms)
    }

    /// Divided by a time scale, in whole milliseconds.
    #[must_use]
    pub fn shorter(self, by: TimeScale) -> Self {
        let scaled = self.get().div_f64(by.get());
        Self::from_millis(u64::try_from(scaled.as_millis()).unwrap_or(u64::MAX))
    }
}

impl From<Duration> for time::Duration {
    fn from(d: Duration) -> Self {
        d.get()
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ms == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.ms;
        for (unit, ms) in UNITS {
            if rest >= ms {
                write!(f, "{}{unit}", rest / ms)?;
                rest %= ms;
            }
        }
        Ok(())
    }
}

impl FromStr for Duration {
    type Err = NotThis;

    fn from_str(text: &str) -> Result<Self, NotThis> {
        let wrong = |hint: String| NotThis::new(EXPECTED, hint);
        if text == "0" {
            return Ok(Self { ms: 0 });
        }
        let mut sum: u64 = 0;
        let mut units = UNITS.iter();
        let mut rest = text;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let (number, after) = rest.split_at(digits);
            let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
            let (unit, after) = after.split_at(letters);
            if number.is_empty() {
                return Err(wrong(String::new()));
            }
            if unit.is_empty() {
                return Err(wrong(match after {
                    "" => format!("add a unit: `{text}s`"),
                    fraction if fraction.starts_with('.') => {
                        "whole numbers only: half a minute is `30s`".to_owned()
                    }
                    _ => String::new(),
                }));
            }
            // Units must fall, so each appears once: what was passed over is gone from the iterator.
            let Some((_, ms)) = units.find(|(name, _)| *name == unit) else {
                return Err(wrong("units are d, h, m, s and ms, the longest first".to_owned()));
            };
            let part = number.parse::<u64>().ok().and_then(|n| n.checked_mul(*ms));
            sum = part
                .and_then(|part| sum.checked_add(part))
                .filter(|&sum| sum <= MS_MAX)
                .ok_or_else(|| wrong("at most a hundred years".to_owned()))?;
            rest = after;
        }
        match text {
            "" => Err(wrong(String::new())),
            _ => Ok(Self { ms: sum }),
        }
    }
}

written_as_text!(Duration, EXPECTED, FORM);

#[cfg(test)]
mod tests {
    use super::Duration;
    use proptest::prelude::{prop_assert_eq, proptest};

    #[track_caller]
    fn check(text: &str, expected: Result<u64, &str>) {
        let got = text.parse::<Duration>().map(Duration::as_millis).map_err(|e| e.hint);
        assert_eq!(got, expected.map_err(str::to_owned), "{text}");
    }

    #[test]
    fn durations_are_numbers_with_units_the_longest_first() {
        check("15s", Ok(15_000));
        check("1m30s", Ok(90_000));
        check("14d", Ok(14 * 86_400_000));
        check("1d2h3m4s5ms", Ok(93_784_005));
        check("500ms", Ok(500));
        check("0", Ok(0));
        check("0s", Ok(0));
        check("", Err(""));
        check("s", Err(""));
        check("-5s", Err(""));
        check("1 m", Err(""));
        check("15", Err("add a unit: `15s`"));
        check("1.5s", Err("whole numbers only: half a minute is `30s`"));
        check("30s1m", Err("units are d, h, m, s and ms, the longest first"));
        check("1m1m", Err("units are d, h, m, s and ms, the longest first"));
        check("1w", Err("units are d, h, m, s and ms, the longest first"));
        check("36501d", Err("at most a hundred years"));
        check("99999999999999999999s", Err("at most a hundred years"));
        check("15s\u{e9}", Err(""));
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(ms in 0..super::MS_MAX) {
            let d = Duration::from_millis(ms);
            prop_assert_eq!(d.to_string().parse::<Duration>(), Ok(d));
        }
    }
}
