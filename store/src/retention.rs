//! What retention drops: whole days, oldest first, by age and by bytes on disk. Pure; the writer acts on it.

use crate::day::Day;
use linger_series::TimeMs;
use std::collections::BTreeMap;
use std::time::Duration;

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
    use super::expired;
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

    #[test]
    fn the_newest_day_stays() {
        check(900 * 24, 1, 2000, &[10, 11, 12, 13, 14, 15, 16, 17, 18]);
        check(19 * 24 + 12, 30, 0, &[10, 11, 12, 13, 14, 15, 16, 17, 18]);
        assert!(expired(&[].into(), 10, TimeMs(0), Duration::ZERO, 0).is_empty());
    }
}
