//! One line a minute after the start that says what came of it; nobody has to ask to see that all is well, or what is
//! not.

use crate::report::Status;
use std::collections::BTreeMap;

/// Writes it.
pub(super) fn tell(status: &Status) {
    let up = status.targets.iter().filter(|t| t.up).count();
    let mut states: BTreeMap<&str, u64> = BTreeMap::new();
    for collector in status.targets.iter().flat_map(|t| &t.collectors) {
        *states.entry(&collector.state).or_default() += 1;
    }
    let collectors: Vec<String> = states.iter().map(|(state, n)| format!("{n} {state}")).collect();
    let dearest = status.targets.iter().map(|t| t.duty_cycle).fold(0.0, f64::max);
    tracing::info!(
        targets = status.targets.len(),
        up,
        collectors = collectors.join(", "),
        series = status.store.series,
        samples = status.store.samples_acknowledged,
        highest_cost_percent_of_core = format!("{:.3}", dearest * 100.0),
        rss_mib = status.agent.rss_bytes.map(|bytes| bytes >> 20),
        "the first minute is over"
    );
}
