//! Times for people: local with their zone, no longer than needed to be unmistakable, and ages.

use super::number::span;
use crate::report::Range;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Now and where the reader is.
#[derive(Clone, Debug)]
pub struct Clock {
    /// Now, in milliseconds since the Unix epoch.
    pub now_ms: i64,
    /// The reader's zone.
    pub zone: TimeZone,
}

impl Clock {
    /// The machine's clock and zone.
    #[must_use]
    pub fn system() -> Self {
        Self { now_ms: Timestamp::now().as_millisecond(), zone: TimeZone::system() }
    }

    /// The same zone at another time: a report is as of when it was made.
    #[must_use]
    pub fn at_ms(&self, now_ms: i64) -> Self {
        Self { now_ms, zone: self.zone.clone() }
    }

    /// `13:02 CET` today, `Nov 23 13:02 CET` this year, `2025-11-23 13:02 CET` before.
    pub(super) fn at(&self, ms: i64) -> String {
        self.format(ms, self.day_format(ms), "%H:%M %Z")
    }

    /// The same with seconds, for when something was measured.
    pub(super) fn at_second(&self, ms: i64) -> String {
        self.format(ms, self.day_format(ms), "%H:%M:%S %Z")
    }

    /// `12:12 … 13:12 CET (1h)`; days and seconds where they matter.
    pub(super) fn range(&self, range: Range) -> String {
        let seconds = range.to_ms.saturating_sub(range.from_ms) as f64 / 1000.0;
        let time = if seconds < 600.0 { "%H:%M:%S" } else { "%H:%M" };
        let day = [range.from_ms, range.to_ms].iter().map(|&ms| self.day_format(ms)).max_by_key(|f| f.len());
        let day = day.unwrap_or("");
        let from = self.format(range.from_ms, day, time);
        let to = self.format(range.to_ms, day, &format!("{time} %Z"));
        format!("{from} … {to} ({})", span(seconds))
    }

    /// `3m ago`, `just now`; `in 3m` when clocks disagree.
    pub(super) fn ago(&self, ms: i64) -> String {
        let seconds = (self.now_ms.saturating_sub(ms) as f64 / 1000.0).round();
        match seconds {
            s if s < 0.0 => format!("in {}", span(-s)),
            0.0 => "just now".into(),
            s => format!("{} ago", span(s)),
        }
    }

    /// `31m`: how long `ms` has been.
    pub(super) fn since(&self, ms: i64) -> String {
        span((self.now_ms.saturating_sub(ms) as f64 / 1000.0).round().max(0.0))
    }

    /// `2026-11-24T13:02:00+01:00`, as `--from` and `--to` take it: the whole second before or after.
    pub(super) fn option(&self, ms: i64, up: bool) -> String {
        let seconds = ms.div_euclid(1_000) + i64::from(up && ms.rem_euclid(1_000) > 0);
        self.format(seconds.saturating_mul(1_000), "", "%Y-%m-%dT%H:%M:%S%:z")
    }

    fn day_format(&self, ms: i64) -> &'static str {
        let zoned = |ms| Timestamp::from_millisecond(ms).map(|t| t.to_zoned_datetime(self.zone.clone()));
        match (zoned(ms), zoned(self.now_ms)) {
            (Ok(then), Ok(now)) if then.date() == now.date() => "",
            (Ok(then), Ok(now)) if then.year() == now.year() => "%b %-d ",
            _ => "%Y-%m-%d ",
        }
    }

    fn format(&self, ms: i64, day: &str, time: &str) -> String {
        match Timestamp::from_millisecond(ms) {
            Ok(t) => t.to_zoned_datetime(self.zone.clone()).strftime(&format!("{day}{time}")).to_string(),
            Err(_) => "(no time)".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Clock;
    use crate::report::Range;
    use jiff::tz::TimeZone;

    /// 2026-11-24 13:12:05 in Berlin.
    fn clock() -> Clock {
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        Clock { now_ms: 1_795_522_325_000, zone }
    }

    #[test]
    fn times_carry_the_zone_and_as_much_day_as_is_needed() {
        let c = clock();
        assert_eq!(c.at(c.now_ms), "13:12 CET");
        assert_eq!(c.at_second(c.now_ms), "13:12:05 CET");
        assert_eq!(c.at(c.now_ms - 86_400_000), "Nov 23 13:12 CET");
        assert_eq!(c.at(c.now_ms - 20 * 86_400_000), "Nov 4 13:12 CET");
        assert_eq!(c.at(c.now_ms - 150 * 86_400_000), "Jun 27 14:12 CEST");
        assert_eq!(c.at(c.now_ms - 400 * 86_400_000), "2025-10-20 14:12 CEST");
        assert_eq!(c.at(i64::MAX), "(no time)");
        assert_eq!(c.option(c.now_ms, true), "2026-11-24T13:12:05+01:00");
        assert_eq!(c.option(c.now_ms + 1, true), "2026-11-24T13:12:06+01:00");
        assert_eq!(c.option(c.now_ms + 999, false), "2026-11-24T13:12:05+01:00");
    }

    #[test]
    fn ranges_say_the_day_when_it_is_not_today() {
        let c = clock();
        let hour = |to_ms| Range { from_ms: to_ms - 3_600_000, to_ms };
        assert_eq!(c.range(hour(c.now_ms)), "12:12 … 13:12 CET (1h)");
        assert_eq!(c.range(hour(c.now_ms - 13 * 3_600_000)), "Nov 23 23:12 … Nov 24 00:12 CET (1h)");
        let minute = Range { from_ms: c.now_ms - 60_000, to_ms: c.now_ms };
        assert_eq!(c.range(minute), "13:11:05 … 13:12:05 CET (1m)");
    }

    #[test]
    fn ages_are_short() {
        let c = clock();
        assert_eq!(c.ago(c.now_ms - 3_400), "3s ago");
        assert_eq!(c.ago(c.now_ms - 4_320_000), "1h 12m ago");
        assert_eq!(c.ago(c.now_ms + 2_000), "in 2s");
        assert_eq!(c.ago(c.now_ms - 400), "just now");
        assert_eq!(c.since(c.now_ms - 60_000), "1m");
    }
}
