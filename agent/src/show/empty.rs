//! What to say where there is nothing to show: what there is instead, and what to do.

use super::page::Page;
use super::{Clock, Screen};
use crate::question::Answer;
use crate::report::{Range, StoreStatus, TargetTrend};

const HOUR_MS: i64 = 3_600_000;

/// Whether `answer` has no point at all in its range, so that it is worth asking how far history reaches.
#[must_use]
pub fn has_no_points(answer: &Answer) -> bool {
    match answer {
        Answer::Trend(t) => t.targets.iter().all(is_empty_trend),
        Answer::Defers(d) => d.targets.iter().all(|t| t.sites.is_empty() && t.executed.is_empty()),
        Answer::Query(q) => q.series.iter().all(|s| s.points.is_empty()),
        Answer::Status(_) | Answer::Check(_) | Answer::Traces(_) => false,
    }
}

pub(super) fn is_empty_trend(trend: &TargetTrend) -> bool {
    trend.total.is_none() && trend.series.is_empty()
}

/// No target is known at all.
pub(super) fn no_targets(page: &mut Page<'_>) {
    page.line("no targets yet");
    page.note("watch a service that serves net/http/pprof: linger agent http://127.0.0.1:6060");
    page.note("several targets, labels, thresholds: linger agent --config linger.yaml");
}

/// The range holds nothing: `history reaches from … to …`.
pub(super) fn no_points(page: &mut Page<'_>, range: Range, history: Option<&StoreStatus>, screen: &Screen) {
    page.note("no points in this range");
    let Some(store) = history else { return };
    let (Some(oldest), Some(newest)) = (store.oldest_ms, store.newest_ms) else {
        return page
            .note("history is still empty: the first scrape comes within seconds of `linger agent URL`");
    };
    page.note(&reach(&screen.clock, oldest, newest));
    if newest < range.from_ms || oldest > range.to_ms {
        let from = screen.clock.option(oldest.max(newest.saturating_sub(HOUR_MS)), false);
        page.note(&format!("its last hour: --from {from} --to {}", screen.clock.option(newest, true)));
    } else {
        page.note(
            "what was asked for may be new, gone or misspelt: linger query '{__name__=~\"linger_.+\"}' --from now-5m lists what there is",
        );
    }
}

/// How far history reaches.
pub(super) fn reach(clock: &Clock, oldest_ms: i64, newest_ms: i64) -> String {
    format!(
        "history reaches from {} to {} ({})",
        clock.at(oldest_ms),
        clock.at_second(newest_ms),
        clock.ago(newest_ms)
    )
}
