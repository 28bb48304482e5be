//! The one place that reads the wall clock.

use linger_series::TimeMs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Now, in milliseconds since the Unix epoch; 0 on a machine whose clock stands before it.
#[must_use]
pub fn now() -> TimeMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    TimeMs(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Time after boot within which NTP has long answered.
const SETTLED_AFTER: Duration = Duration::from_secs(600);

/// Whether the machine has been up long enough for its clock to be right, from `/proc/uptime`; true where that cannot
/// be read.
#[must_use]
pub fn has_settled() -> bool {
    let uptime = std::fs::read_to_string("/proc/uptime").ok();
    let seconds = uptime.and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok());
    seconds.is_none_or(|s| s >= SETTLED_AFTER.as_secs_f64())
}

/// A difference between clocks below this is drift, or a machine under load.
const JUMP_MIN_MS: i64 = 2_000;

/// Notices that the wall clock was set, or that the machine slept: points have a gap there, or the store waits until
/// the clock has passed its newest point again. Intervals are not affected: they go by the monotonic clock.
#[derive(Clone, Copy, Debug)]
pub struct JumpWatch {
    wall: TimeMs,
    monotonic: Duration,
}

impl JumpWatch {
    /// From these readings on.
    #[must_use]
    pub fn new(wall: TimeMs, monotonic: Duration) -> Self {
        Self { wall, monotonic }
    }

    /// By how many milliseconds the wall clock moved beyond the time that passed since the last look.
    pub fn look(&mut self, wall: TimeMs, monotonic: Duration) -> Option<i64> {
        let passed = monotonic.saturating_sub(self.monotonic);
        let passed = i64::try_from(passed.as_millis()).unwrap_or(i64::MAX);
        let by = wall.0.saturating_sub(self.wall.0).saturating_sub(passed);
        *self = Self::new(wall, monotonic);
        (by.saturating_abs() >= JUMP_MIN_MS).then_some(by)
    }
}

#[cfg(test)]
mod tests {
    use super::JumpWatch;
    use linger_series::TimeMs;
    use std::time::Duration;

    #[test]
    fn a_clock_that_is_set_or_a_machine_that_slept_is_noticed_once() {
        let at = |s| Duration::from_secs(s);
        let mut watch = JumpWatch::new(TimeMs(100_000), at(10));
        assert_eq!(watch.look(TimeMs(105_100), at(15)), None, "a tenth of a second is drift");
        assert_eq!(watch.look(TimeMs(3_710_100), at(20)), Some(3_600_000));
        assert_eq!(watch.look(TimeMs(3_715_100), at(25)), None);
        assert_eq!(watch.look(TimeMs(100_000), at(30)), Some(-3_620_100));
        assert_eq!(watch.look(TimeMs(160_000), at(90)), None, "a look that comes late is no jump");
    }
}
