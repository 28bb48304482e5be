//! States as kept over restarts of the agent.

use super::Tracked;
use linger_derive::threshold::{Phase, State};
use linger_series::{Labels, SeriesKey, TimeMs};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A state as kept over restarts.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Saved {
    rule: String,
    metric: String,
    labels: BTreeMap<String, String>,
    phase: String,
    breached_since_ms: i64,
    since_ms: i64,
    decided_at_ms: Option<i64>,
    newest_ms: i64,
    stale: bool,
    value: Option<f64>,
    value_low: Option<f64>,
}

impl Saved {
    pub(super) fn of(rule: &str, key: &SeriesKey, t: &Tracked) -> Self {
        let (phase, breached_since) = match t.state.phase {
            Phase::Inactive => ("inactive", TimeMs(0)),
            Phase::Pending { since } => ("pending", since),
            Phase::Firing { since } => ("firing", since),
        };
        Self {
            rule: rule.into(),
            metric: key.name.to_string(),
            labels: key.labels.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect(),
            phase: phase.into(),
            breached_since_ms: breached_since.0,
            since_ms: t.since.0,
            decided_at_ms: t.state.decided_at.map(|at| at.0),
            newest_ms: t.newest.0,
            stale: t.state.stale,
            value: t.value,
            value_low: t.value_low,
        }
    }

    fn into_state(self) -> ((String, SeriesKey), Tracked) {
        let since = TimeMs(self.breached_since_ms);
        let phase = match self.phase.as_str() {
            "pending" => Phase::Pending { since },
            "firing" => Phase::Firing { since },
            _ => Phase::Inactive,
        };
        let state = State { phase, decided_at: self.decided_at_ms.map(TimeMs), stale: self.stale };
        let tracked = Tracked {
            state,
            since: TimeMs(self.since_ms),
            newest: TimeMs(self.newest_ms),
            value: self.value,
            value_low: self.value_low,
            growth: None,
        };
        ((self.rule, SeriesKey::new(self.metric, Labels::new(self.labels))), tracked)
    }
}

/// States from a note; one that cannot be read counts as none (the states are found again from the points).
pub(super) fn load(note: &[u8]) -> Vec<((String, SeriesKey), Tracked)> {
    let saved: Vec<Saved> = serde_json::from_slice(note).unwrap_or_default();
    saved.into_iter().map(Saved::into_state).collect()
}
