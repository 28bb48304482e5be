//! Deferred calls that their author annotated with a region `defer:NAME` of runtime/trace, begun where the `defer`
//! statement stands and ended by the call: how long each is pending, which nothing else can tell.
//!
//! A window sees the beginning of those registered within it only. What was pending before it began has no length here,
//! and what is pending at its end has been so for at least as long as was seen.

use super::largest::split;
use super::stops::joined;
use super::{Window, word};
use linger_gotrace::summary::{DEFER_PREFIX, Named, Spans};
use linger_series::metric::OTHER_SITE;

/// Annotated deferred calls of one name.
#[derive(Clone, Debug, PartialEq)]
pub struct Hold {
    /// What stands behind `defer:`; `other` for those beyond the limit.
    pub name: String,
    /// Mean time pending within the window, in seconds; `None` where none was registered in it.
    pub mean_seconds: Option<f64>,
    /// The longest, in seconds.
    pub max_seconds: Option<f64>,
    /// Calls that ran in the window, per second.
    pub calls_per_second: f64,
    /// Registered within it and pending at its end.
    pub open: u64,
}

struct Row {
    name: String,
    spans: Spans,
    begun_before: u64,
}

/// The most frequent first; the rest summed.
pub(super) fn by_name(regions: &[Named], window: &Window, most: usize) -> Vec<Hold> {
    let rows = regions.iter().filter_map(|region| {
        let name = word(region.name.strip_prefix(DEFER_PREFIX)?);
        let Named { annotated, .. } = region;
        Some(Row { name, spans: annotated.spans, begun_before: annotated.begun_before })
    });
    let size = |row: &Row| row.spans.count.saturating_add(row.spans.open).saturating_add(row.begun_before);
    let (mut kept, rest) = split(rows.collect(), most, size, |row| &row.name);
    let sum = rest.into_iter().reduce(|a, b| Row {
        name: a.name,
        spans: joined(a.spans, b.spans),
        begun_before: a.begun_before.saturating_add(b.begun_before),
    });
    kept.extend(sum.map(|sum| Row { name: OTHER_SITE.into(), ..sum }));
    kept.into_iter().map(|row| hold(row, window)).collect()
}

fn hold(Row { name, spans, begun_before }: Row, window: &Window) -> Hold {
    let seen = spans.count.saturating_add(spans.open);
    let seconds = |ns: u64| ns as f64 / 1e9;
    Hold {
        name,
        mean_seconds: (seen > 0).then(|| seconds(spans.total_ns) / seen as f64),
        max_seconds: (seen > 0).then(|| seconds(spans.max_ns)),
        calls_per_second: window.rate(spans.count.saturating_add(begun_before)),
        open: spans.open,
    }
}
