//! What retention drops: whole days, oldest first, by age and by bytes on disk. Pure; the writer acts on it.

use crate::day::Day;
use linger_series::TimeMs;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Days without a gap that are believed after one: three hold a whole day of the clock's own running.
const RUN_DAYS_MIN: u32 = 3;

/// The time from which ages count: the newest sample's, unless its day may come from a clock that jumped ahead. Days
/// after a gap are believed once there are three in a row; until then ages count from the day before the gap, so that
/// one wrong time drops nothing. Only the last gap is doubted: who runs the agent every other day keeps each day no
/// longer than one gap more.
pub(crate) fn believed(days: &BTreeSet<Day>, newest: TimeMs) -> TimeMs {
    let mut later = Day::of(newest);
    for &day in days.range(..later).rev() {
        if later.0 - day.0 > 1 {
            return day.start();
        }
        later = day;
        if Day::of(newest).0 - day.0 + 1 >= RUN_DAYS_MIN {
            break;
        }
    }
    newest
}

/// Days to drop. `bytes` holds the size of each day (quarantined parts with theirs), `other_bytes` what cannot be
/// dropped. The newest day always stays: a cap that not even one day fits is met by no choice of days.
pub(crate) fn expired(
    bytes: &BTreeMap<Day, u64>,
    other_bytes: u64,
    now: TimeMs,
    age_max: Duration,
    bytes_max: u64,
) -> Vec<Day> {
    let Some(newest) = bytes.keys().last().copied() else { return Vec::new() };
    let horizon = now - age_max;
    let mut total = other_bytes + bytes.values().sum::<u64>();
    let mut gone = Vec::new();
    for (&day, &size) in bytes.iter().filter(|(day, _)| **day != newest) {
        let too_old = day.end() <= horizon;
        if !too_old && total <= bytes_max {
            break;
        }
        total -= size;
        gone.push(day);
    }
    gone
}

#[cfg(test)]
mod tests {
    use super::{believed, expired};
    use crate::day::Day;
    use linger_series::TimeMs;
    use std::time::Duration;

    #[track_caller]
    fn check(now_hours: u64, age_days: u64, bytes_max: u64, expected: &[u32]) {
        let bytes = (10..20).map(|day| (Day(day), 100)).collect();
        let now = TimeMs(0) + Duration::from_secs(now_hours * 3600);
        let gone = expired(&bytes, 50, now, Duration::from_secs(age_days * 86_400), bytes_max);
        assert_eq!(gone, expected.iter().map(|d| Day(*d)).collect::<Vec<_>>());
    }

    #[test]
    fn whole_days_go_oldest_first() {
        check(19 * 24 + 12, 30, 2000, &[]);
        check(19 * 24 + 12, 5, 2000, &[10, 11, 12, 13]);
        check(18 * 24, 5, 2000, &[10, 11, 12]);
        check(19 * 24 + 12, 30, 1050, &[]);
        check(19 * 24 + 12, 30, 1049, &[10]);
        check(19 * 24 + 12, 30, 300, &[10, 11, 12, 13, 14, 15, 16, 17]);
        check(19 * 24 + 12, 8, 850, &[10, 11]);
    }

    #[track_caller]
    fn check_believed(days: &[u32], newest_day: u32, expected: u32) {
        let newest = Day(newest_day).start() + Duration::from_secs(3600);
        let counted_from = believed(&days.iter().map(|d| Day(*d)).collect(), newest);
        assert_eq!(Day::of(counted_from), Day(expected), "{days:?}");
        assert!(counted_from <= newest);
    }

    #[test]
    fn a_day_after_a_gap_ages_nothing_before_it_has_neighbours() {
        check_believed(&[10, 11, 12], 12, 12);
        // The newest day may be in memory only.
        check_believed(&[10, 11, 12], 13, 13);
        check_believed(&[10], 10, 10);
        check_believed(&[], 10, 10);
        check_believed(&[10, 11], 11, 11);
        // A clock that jumped, also just before midnight.
        check_believed(&[10, 11, 12, 900], 900, 12);
        check_believed(&[10, 11, 12, 14], 14, 12);
        check_believed(&[10, 11, 12, 900, 901], 901, 12);
        check_believed(&[10, 11, 12], 900, 12);
        // An agent that was off for long.
        check_believed(&[10, 11, 12, 900, 901, 902], 902, 902);
        check_believed(&[10, 11, 12, 900, 901, 902, 903], 903, 903);
        // One that runs every other day.
        check_believed(&[10, 12, 14, 16], 16, 14);
    }

    #[test]
    fn the_newest_day_stays() {
        check(900 * 24, 1, 2000, &[10, 11, 12, 13, 14, 15, 16, 17, 18]);
        check(19 * 24 + 12, 30, 0, &[10, 11, 12, 13, 14, 15, 16, 17, 18]);
        assert!(expired(&[].into(), 10, TimeMs(0), Duration::ZERO, 0).is_empty());
    }
}
