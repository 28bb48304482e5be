//! The UTC day: what one raw partition holds, and how its folder is named.

use crate::options::TIME_MS_MAX;
use linger_series::TimeMs;
use std::fmt;

/// Days since 1970-01-01, UTC. Shown as `2026-11-24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Day(pub(crate) u32);

const DAY_MS: i64 = 86_400_000;

impl Day {
    /// The day of a time from 1970 on; earlier ones count as the first.
    pub(crate) fn of(t: TimeMs) -> Self {
        Self(u32::try_from(t.0.max(0) / DAY_MS).unwrap_or(u32::MAX))
    }

    pub(crate) fn start(self) -> TimeMs {
        TimeMs(i64::from(self.0) * DAY_MS)
    }

    /// The first time of the next day.
    pub(crate) fn end(self) -> TimeMs {
        TimeMs((i64::from(self.0) + 1) * DAY_MS)
    }

    /// The day that `name` is the canonical name of.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let mut parts = name.splitn(3, '-').map(|part| part.parse::<u32>().ok());
        let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
        if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return None;
        }
        // Days from the civil date, with the year starting in March so that the leap day comes last.
        let year = if month <= 2 { year - 1 } else { year };
        let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let days = 365 * year + year / 4 - year / 100 + year / 400 + day_of_year - DAYS_TO_1970;
        let parsed = Self(days);
        (parsed.to_string() == name).then_some(parsed)
    }
}

/// A time as people read it: `2026-11-24 14:25:37.514 UTC`; outside the years 1970 to 9999 as the number it is.
pub(crate) fn moment(t: TimeMs) -> String {
    if !(0..=TIME_MS_MAX).contains(&t.0) {
        return format!("{} ms", t.0);
    }
    let ms = t.0 % DAY_MS;
    let (seconds, ms) = (ms / 1000, ms % 1000);
    let (h, m, s) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{} {h:02}:{m:02}:{s:02}.{ms:03} UTC", Day::of(t))
}

/// Days from 0000-03-01 to 1970-01-01.
const DAYS_TO_1970: u32 = 719_468;
/// Days in 400 years.
const ERA_DAYS: u32 = 146_097;

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = u64::from(self.0) + u64::from(DAYS_TO_1970);
        let era_days = u64::from(ERA_DAYS);
        let (era, rest) = (days / era_days, days % era_days);
        let year_of_era = (rest - rest / 1_460 + rest / 36_524 - rest / 146_096) / 365;
        let day_of_year = rest - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * march_month + 2) / 5 + 1;
        let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
        let year = era * 400 + year_of_era + u64::from(month <= 2);
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::Day;
    use linger_series::TimeMs;

    #[track_caller]
    fn check(days: u32, name: &str) {
        assert_eq!(Day(days).to_string(), name);
        assert_eq!(Day::parse(name), Some(Day(days)));
    }

    #[test]
    fn days_are_named_by_their_date() {
        check(0, "1970-01-01");
        check(59, "1970-03-01");
        check(11_016, "2000-02-29");
        check(19_782, "2024-02-29");
        check(20_781, "2026-11-24");
        check(2_932_896, "9999-12-31");
    }

    #[test]
    fn every_day_of_eight_centuries_comes_back_by_name() {
        for days in 0..300_000 {
            assert_eq!(Day::parse(&Day(days).to_string()), Some(Day(days)));
        }
    }

    #[test]
    fn what_is_no_date_is_no_day() {
        for name in
            ["", "2026", "2026-02-30", "2026-1-01", "1969-12-31", "2026-11-24.1", "x-1-1", "2026-13-01"]
        {
            assert_eq!(Day::parse(name), None, "{name}");
        }
    }

    #[test]
    fn a_day_holds_its_first_and_not_its_end_time() {
        let day = Day::of(TimeMs(1_795_478_400_000));
        assert_eq!((Day::of(day.start()), Day::of(TimeMs(day.end().0 - 1))), (day, day));
        assert_eq!(Day::of(day.end()), Day(day.0 + 1));
    }

    #[test]
    fn a_moment_reads_as_people_write_it() {
        assert_eq!(super::moment(TimeMs(1_795_530_336_749)), "2026-11-24 14:25:36.749 UTC");
        assert_eq!(super::moment(TimeMs(-1)), "-1 ms");
    }
}
