//! How long a collector rests between two turns, by what it costs and what came of it.
//!
//! Some reasons make a rest longer than the interval asked for, and the longest wins: its own cost against the duty
//! cycle (for goroutine profiles of many goroutines the service's memory, too), answers in vain, and a plain no. What
//! all collectors cost together is the schedule's matter.

use super::spread::{fraction, hash};
use super::{Finished, Plan, Rules, Tick};
use crate::scrape::outcome::State;
use linger_config::CollectorKind;
use std::time::Duration;

/// How often a goroutine profile is taken above [`GOROUTINES_DENSE`].
pub const DENSE_EVERY: Duration = Duration::from_secs(600);
/// A busy profiler is tried again after this long plus up to as much again.
const BUSY_RETRY: Duration = Duration::from_secs(10);
/// A collector whose answers come to nothing (too slow, too large, broken off, not what they should be) doubles its
/// interval with each in a row from the second on, so often at most: eight minutes for those of a minute. A first answer
/// that is well ends it. `count` goes on, since it tells that the service is well again.
const IN_VAIN_DOUBLINGS_MAX: u32 = 3;
/// What costs ourselves CPU time comes after this many times as much: a five-hundredth of a core.
const OWN_SPARING: u32 = 500;
/// An endpoint the service lacks is looked for again after this long (a service may be redeployed).
const UNSUPPORTED_RETRY: Duration = Duration::from_secs(600);
/// Who asks for credentials is asked again after this long, and so is an index page that is missing.
const REFUSED_RETRY: Duration = Duration::from_secs(60);

/// What is known of one collector.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) plan: Plan,
    /// Its next turn.
    pub(super) next: Tick,
    /// When it ran last.
    pub(super) last: Option<Tick>,
    /// What it cost the service last.
    pub(super) cost: Option<Duration>,
    /// CPU time it cost ourselves last.
    pub(super) own_cost: Option<Duration>,
    /// How it ended last.
    pub(super) state: State,
    /// Answers in a row that came to nothing after work on both sides.
    pub(super) in_vain: u32,
}

impl Known {
    /// Nothing yet.
    pub(super) fn new(plan: Plan, next: Tick) -> Self {
        let state = if plan.enabled { State::Scheduled } else { State::Off };
        Self { plan, next, last: None, cost: None, own_cost: None, state, in_vain: 0 }
    }

    /// Takes note of how a turn that began at `began` ended.
    pub(super) fn ended(&mut self, done: &Finished, began: Tick) {
        self.state = done.state.clone();
        self.in_vain = if done.state.is_in_vain() { self.in_vain.saturating_add(1) } else { 0 };
        self.cost = done.cost.or(self.cost);
        self.own_cost = done.own_cost.or(self.own_cost);
        self.last = Some(began);
    }

    /// The shortest interval that spares the service, whatever the plan says.
    pub(super) fn least(&self, rules: &Rules, dense: bool) -> Duration {
        let mut least = Duration::ZERO;
        if let Some(cost) = self.cost.filter(|_| self.plan.kind != CollectorKind::Count) {
            least = cost.div_f64(rules.duty_cycle_max.max(1e-6));
        }
        if let Some(own) = self.own_cost {
            least = least.max((own * OWN_SPARING).div_f64(rules.time_scale));
        }
        if self.plan.kind == CollectorKind::Goroutine && dense {
            least = least.max(DENSE_EVERY.div_f64(rules.time_scale));
        }
        least
    }

    /// The interval by its own cost and the goroutine count, before the common budget.
    pub(super) fn own(&self, rules: &Rules, dense: bool) -> Duration {
        self.plan.every.max(self.least(rules, dense))
    }

    /// By how much answers in vain stretch the interval. Up to half as long again, another for each: all who fail from
    /// the same moment on must not go on together.
    pub(super) fn patience(&self, seed: u64) -> f64 {
        let doubled = f64::from(1_u32 << self.in_vain.saturating_sub(1).min(IN_VAIN_DOUBLINGS_MAX));
        let spread = match self.in_vain {
            0 | 1 => 1.0,
            n => 1.0 + 0.5 * fraction(seed ^ hash(self.plan.kind.as_str()) ^ u64::from(n)),
        };
        doubled * spread
    }

    /// How long a plain no is believed: an endpoint that is missing comes with another build at best, credentials and
    /// the way to the index page are mended within minutes.
    pub(super) fn after_no(&self, rules: &Rules) -> Duration {
        let rest = match (&self.state, self.plan.kind) {
            (State::Unauthorized | State::Forbidden | State::ProcessUnknown | State::NotPermitted, _)
            | (State::Unsupported, CollectorKind::Count) => REFUSED_RETRY,
            (State::Unsupported | State::ProgramUnknown, _) => UNSUPPORTED_RETRY,
            _ => Duration::ZERO,
        };
        rest.div_f64(rules.time_scale)
    }

    /// When somebody else's profile was in the way: soon, and another time for each turn, since two that got in each
    /// other's way once would go on doing so.
    pub(super) fn after_busy(&self, rules: &Rules, seed: u64) -> Duration {
        let began = u64::from(self.last.unwrap_or_default().subsec_nanos());
        let jitter = fraction(seed ^ hash(self.plan.kind.as_str()) ^ began);
        BUSY_RETRY.mul_f64(1.0 + jitter).div_f64(rules.time_scale)
    }
}
