//! Stops of the world by what they were for, in the runtime's words. Those of our own scrapes are among them (`start
//! trace`, `goroutine profile`): they stop the service like any other.

use super::largest::split;
use super::{Window, word};
use linger_gotrace::summary::Spans;
use linger_series::metric::OTHER_SITE;

/// Reasons told apart. The runtime of Go 1.27 has 17 (`stwReasonStrings`); a trace may say anything.
const REASONS_MAX: usize = 32;

/// Stops of the world for one reason.
#[derive(Clone, Debug, PartialEq)]
pub struct Stop {
    /// What for; `other` for those beyond the limit.
    pub reason: String,
    /// Seconds in each second of the window.
    pub seconds_per_second: f64,
    /// The longest one within the window, in seconds.
    pub max_seconds: f64,
    /// How often, per second.
    pub stops_per_second: f64,
}

/// The longest first; the rest summed.
pub(super) fn by_reason(stops: &[(String, Spans)], window: &Window) -> Vec<Stop> {
    let all = stops.iter().map(|(reason, spans)| (word(reason), *spans)).collect();
    let (mut kept, rest) = split(all, REASONS_MAX, |(_, spans)| spans.total_ns, |(reason, _)| reason);
    if let Some(sum) = rest.into_iter().map(|(_, spans)| spans).reduce(joined) {
        kept.push((OTHER_SITE.into(), sum));
    }
    let stop = |(reason, spans): (String, Spans)| Stop {
        reason,
        seconds_per_second: window.share(spans.total_ns),
        max_seconds: spans.max_ns as f64 / 1e9,
        stops_per_second: window.rate(spans.count.saturating_add(spans.open)),
    };
    kept.into_iter().map(stop).collect()
}

/// Both together.
pub(super) fn joined(a: Spans, b: Spans) -> Spans {
    Spans {
        count: a.count.saturating_add(b.count),
        open: a.open.saturating_add(b.open),
        total_ns: a.total_ns.saturating_add(b.total_ns),
        max_ns: a.max_ns.max(b.max_ns),
    }
}
