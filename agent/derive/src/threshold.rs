//! `alerts:` of the configuration, judged: may this series be called too high, or growing too fast?
//!
//! A state machine per rule and series, without a clock: observations and time come in. It never alarms on
//! noise (of an estimate the lower bound decides), a gap is not an all-clear, and a state nobody has seen data
//! for is stale, not fine.

use crate::growth::{POINTS_MIN, Slope};
use linger_series::TimeMs;
use std::fmt;
use std::time::Duration;
use wildmatch::WildMatch;

/// Time without data after which a state is stale: ten scrapes of the fastest sampled series, five of the
/// heap's. Scale it with the time scale.
pub const STALE_AFTER: Duration = Duration::from_secs(5 * 60);

/// One rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// What the user calls it.
    pub name: String,
    /// Metric name.
    pub series: String,
    /// Glob on the `site` label, `*` and `?`; the empty label only matches `*`-like globs.
    pub site: WildMatch,
    /// Breached above this value.
    pub above: Option<f64>,
    /// Breached above this growth per hour. With `above`, both must hold.
    pub growth_per_hour: Option<f64>,
    /// How long a breach must last before it fires.
    pub hold: Duration,
    /// Time without data after which the state is stale.
    pub stale_after: Duration,
}

impl Rule {
    /// Whether the rule watches this series.
    #[must_use]
    pub fn watches(&self, metric: &str, site: &str) -> bool {
        self.series == metric && self.site.matches(site)
    }
}

/// What is known of a series at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observation {
    /// The newest value; of an estimate the lower bound.
    pub value: f64,
    /// How it grows in its present incarnation, if that can be told.
    pub growth: Option<Slope>,
}

/// Where a rule stands on one series.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Not breached.
    #[default]
    Inactive,
    /// Breached, not for long enough yet.
    Pending {
        /// Since when.
        since: TimeMs,
    },
    /// Breached for at least the rule's time.
    Firing {
        /// Since when breached.
        since: TimeMs,
    },
}

/// The state to keep between steps; both fields are public so that it can be stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Where the rule stands.
    pub phase: Phase,
    /// When data last decided it; `None` before the first.
    pub decided_at: Option<TimeMs>,
    /// Whether data have been missing for too long: the phase is the last known one, not the present.
    pub stale: bool,
}

/// What a step changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transition {
    /// Nothing to tell.
    None,
    /// A breach began.
    Began,
    /// It lasted: the alert.
    Fired,
    /// It ended while firing.
    Resolved,
    /// It ended before it fired.
    Passed,
    /// Data have been missing for too long.
    WentStale,
}

/// What a rule says of one observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Breach {
    Yes,
    No,
    /// Growth is asked for and cannot be told yet.
    Unclear,
}

impl State {
    /// One step: `observation` is `None` when the series has no new data.
    #[must_use]
    pub fn step(self, rule: &Rule, observation: Option<Observation>, now: TimeMs) -> (Self, Transition) {
        match observation.map_or(Breach::Unclear, |o| breach(rule, o)) {
            Breach::Unclear => self.without_data(rule, now),
            Breach::Yes => self.breached(rule, now),
            Breach::No => {
                let transition = match self.phase {
                    Phase::Inactive => Transition::None,
                    Phase::Pending { .. } => Transition::Passed,
                    Phase::Firing { .. } => Transition::Resolved,
                };
                (Self { phase: Phase::Inactive, decided_at: Some(now), stale: false }, transition)
            }
        }
    }

    fn breached(self, rule: &Rule, now: TimeMs) -> (Self, Transition) {
        let since = match self.phase {
            Phase::Firing { since } => since,
            // What was pending when the data stopped for long has not been seen to last.
            Phase::Pending { since } if !self.stale => since,
            Phase::Pending { .. } | Phase::Inactive => now,
        };
        let was_firing = matches!(self.phase, Phase::Firing { .. });
        let fires = was_firing || now.since(since) >= rule.hold;
        let phase = if fires { Phase::Firing { since } } else { Phase::Pending { since } };
        let transition = match (self.phase, phase) {
            (Phase::Inactive | Phase::Pending { .. }, Phase::Firing { .. }) => Transition::Fired,
            (Phase::Inactive, Phase::Pending { .. }) => Transition::Began,
            _ => Transition::None,
        };
        (Self { phase, decided_at: Some(now), stale: false }, transition)
    }

    fn without_data(self, rule: &Rule, now: TimeMs) -> (Self, Transition) {
        // A state that never had data cannot lose them.
        let missing = self.decided_at.is_some_and(|at| now.since(at) >= rule.stale_after);
        let transition = if missing && !self.stale { Transition::WentStale } else { Transition::None };
        (Self { stale: self.stale || missing, ..self }, transition)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phase = match self.phase {
            Phase::Inactive => "inactive",
            Phase::Pending { .. } => "pending",
            Phase::Firing { .. } => "firing",
        };
        match (self.stale, self.decided_at) {
            (_, None) => f.write_str("no data yet"),
            (false, Some(_)) => f.write_str(phase),
            (true, Some(_)) => write!(f, "unknown (no data; last {phase})"),
        }
    }
}

fn breach(rule: &Rule, observation: Observation) -> Breach {
    let value_holds = rule.above.map(|limit| observation.value > limit);
    if value_holds == Some(false) {
        return Breach::No;
    }
    let Some(limit) = rule.growth_per_hour else {
        // A rule without a condition never fires.
        return if value_holds == Some(true) { Breach::Yes } else { Breach::No };
    };
    match observation.growth.filter(|slope| slope.points_used >= POINTS_MIN) {
        Some(slope) if slope.low > limit => Breach::Yes,
        Some(_) => Breach::No,
        None => Breach::Unclear,
    }
}
