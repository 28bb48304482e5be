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
                let (state, transition) = self.end();
                (Self { decided_at: Some(now), ..state }, transition)
            }
        }
    }

    /// What was judged is gone: whatever it was at is over.
    #[must_use]
    pub fn end(self) -> (Self, Transition) {
        let transition = match self.phase {
            Phase::Inactive => Transition::None,
            Phase::Pending { .. } => Transition::Passed,
            Phase::Firing { .. } => Transition::Resolved,
        };
        (Self { phase: Phase::Inactive, stale: false, ..self }, transition)
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
    // Not a number is not an all-clear.
    if observation.value.is_nan() {
        return Breach::Unclear;
    }
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

#[cfg(test)]
mod tests {
    use super::{Observation, Rule, State};
    use crate::growth::Slope;
    use linger_series::TimeMs;
    use std::fmt::Write;
    use std::time::Duration;
    use wildmatch::WildMatch;

    fn rule(above: Option<f64>, growth_per_hour: Option<f64>) -> Rule {
        Rule {
            name: "DeferPile".into(),
            series: "linger_defers_pending".into(),
            site: WildMatch::new("*"),
            above,
            growth_per_hour,
            hold: Duration::from_secs(120),
            stale_after: Duration::from_secs(300),
        }
    }

    fn value(value: f64) -> Option<Observation> {
        Some(Observation { value, growth: None })
    }

    fn growing(value: f64, low: f64, points_used: usize) -> Option<Observation> {
        let slope = Slope { per_hour: low * 2.0, low, high: low * 3.0, points_used };
        Some(Observation { value, growth: Some(slope) })
    }

    /// Steps a rule once a minute and lists what happened, as `minute:Transition` or the state at the end.
    #[track_caller]
    fn check(rule: &Rule, observations: &[Option<Observation>], expected: &str) {
        let mut state = State::default();
        let mut told = String::new();
        for (minute, observation) in (0..).zip(observations) {
            let (next, transition) = state.step(rule, *observation, TimeMs(minute * 60_000));
            state = next;
            if transition != super::Transition::None {
                write!(told, "{minute}:{transition:?} ").unwrap();
            }
        }
        write!(told, "-> {state}").unwrap();
        assert_eq!(told, expected);
    }

    #[test]
    fn a_breach_fires_when_it_lasts_and_resolves_on_data() {
        let r = rule(Some(10.0), None);
        let (high, low) = (value(11.0), value(10.0));
        check(&r, &[low, high, high, high, high, low], "1:Began 3:Fired 5:Resolved -> inactive");
        check(&r, &[high, high, low, high], "0:Began 2:Passed 3:Began -> pending");
        check(&r, &[], "-> no data yet");
        check(&Rule { hold: Duration::ZERO, ..r }, &[high], "0:Fired -> firing");
    }

    #[test]
    fn a_gap_keeps_the_state_until_it_is_stale() {
        let r = rule(Some(10.0), None);
        let (high, low) = (value(11.0), value(1.0));
        check(&r, &[high, None, high], "0:Began 2:Fired -> firing");
        check(&r, &[high, high, high, None, None, high], "0:Began 2:Fired -> firing");
        let gap = [None; 6];
        let fired_then_gap: Vec<_> = [high; 3].into_iter().chain(gap).collect();
        check(&r, &fired_then_gap, "0:Began 2:Fired 7:WentStale -> unknown (no data; last firing)");
        // Back with data: what fired goes on, or is over.
        let goes_on: Vec<_> = fired_then_gap.iter().copied().chain([high]).collect();
        check(&r, &goes_on, "0:Began 2:Fired 7:WentStale -> firing");
        let is_over: Vec<_> = fired_then_gap.iter().copied().chain([low]).collect();
        check(&r, &is_over, "0:Began 2:Fired 7:WentStale 9:Resolved -> inactive");
        // What was pending has not been seen to last.
        let pending: Vec<_> = [high].into_iter().chain(gap).chain([high, high]).collect();
        check(&r, &pending, "0:Began 5:WentStale -> pending");
        check(&r, &gap, "-> no data yet");
    }

    #[test]
    fn two_conditions_must_both_hold_and_growth_needs_points() {
        let r = rule(Some(50.0), Some(500.0));
        check(&r, &[growing(60.0, 501.0, 8); 3], "0:Began 2:Fired -> firing");
        check(&r, &[growing(60.0, 500.0, 8); 3], "-> inactive");
        check(&r, &[growing(50.0, 900.0, 8); 3], "-> inactive");
        check(&r, &[growing(60.0, 900.0, 7); 3], "-> no data yet");
        check(&r, &[value(60.0); 3], "-> no data yet");
        // The value alone can acquit.
        check(&r, &[value(40.0); 3], "-> inactive");
        let only_growth = rule(None, Some(500.0));
        check(&only_growth, &[growing(0.0, 501.0, 200); 3], "0:Began 2:Fired -> firing");
        check(&rule(None, None), &[growing(1e9, 1e9, 99); 3], "-> inactive");
        check(&rule(Some(1.0), None), &[value(f64::NAN); 3], "-> no data yet");
    }

    #[test]
    fn a_clock_that_steps_back_neither_fires_nor_breaks() {
        let r = rule(Some(10.0), None);
        let (state, _) = State::default().step(&r, value(11.0), TimeMs(1_000_000));
        let (state, transition) = state.step(&r, value(11.0), TimeMs(0));
        assert_eq!((state.to_string().as_str(), transition), ("pending", super::Transition::None));
    }

    #[test]
    fn a_rule_watches_its_series_at_the_sites_of_its_glob() {
        let r = Rule { site: WildMatch::new("example.com/*.pump+?"), ..rule(None, None) };
        assert!(r.watches("linger_defers_pending", "example.com/feed.(*Conn).pump+7"));
        assert!(!r.watches("linger_defers_pending", "example.com/feed.(*Conn).pump+17"));
        assert!(!r.watches("linger_goroutines", "example.com/feed.pump+7"));
        assert!(rule(None, None).watches("linger_defers_pending", ""));
    }
}
