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
