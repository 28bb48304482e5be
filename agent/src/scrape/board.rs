//! What a scrape's end puts on the board that `status` shows: the outcome, and the schedule as it stands now.

use super::cost::{Basis, Cost, Meter};
use super::outcome::State;
use super::schedule::Schedule;
use crate::live::collector_mut;
use crate::pipeline::Reply;
use crate::report::{CostBasis, TargetStatus};
use linger_config::CollectorKind;
use std::time::Duration;

/// Counts whose holders are kept: the newest may not be in the store yet.
const HELD_KEPT: usize = 2;

/// How one scrape ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outcome<'a> {
    pub(super) kind: CollectorKind,
    pub(super) reply: &'a Reply,
    /// When the request was made.
    pub(super) at_ms: i64,
    /// From request to last byte.
    pub(super) took: Option<Duration>,
    pub(super) bytes: Option<usize>,
    pub(super) cost: Option<Cost>,
}

/// Puts it into a target's entry.
pub(super) fn put(t: &mut TargetStatus, outcome: &Outcome<'_>, schedule: &Schedule, meter: &Meter) {
    let Outcome { kind, reply, .. } = *outcome;
    let was_up = t.up;
    if kind == CollectorKind::Count {
        t.up = reply.state.is_success();
        t.state = if t.up { "up".into() } else { target_state(&reply.state, t.goroutines.is_some()) };
        t.next_step = reply.state.next_step().filter(|_| !t.up).map(str::to_owned);
    }
    if was_up != t.up {
        tracing::info!(target = t.target, state = t.state, "target changed");
    }
    if let Some((ordinal, since_ms)) = reply.incarnation {
        (t.incarnation, t.incarnation_since_ms) = (Some(ordinal), Some(since_ms));
    }
    if let Some(n) = reply.goroutines {
        t.goroutines = Some((outcome.at_ms, n as f64));
    }
    if let Some(held) = &reply.held {
        t.defers_held.insert(0, (**held).clone());
        t.defers_held.truncate(HELD_KEPT);
    }
    put_outcome(t, outcome, schedule.every(kind));
    for other in CollectorKind::ALL {
        let (state, why) = schedule.state(other);
        if let Some(c) = collector_mut(t, other) {
            c.every_s = schedule.every(other).as_secs_f64();
            c.next_step = next_step(other, &state).map(str::to_owned);
            if let Some(why) = why {
                c.detail = Some(why);
            }
            state.as_str().clone_into(&mut c.state);
        }
    }
    t.duty_cycle = schedule.duty_cycle();
    t.cost_basis = basis(t, meter);
}

fn put_outcome(t: &mut TargetStatus, outcome: &Outcome<'_>, every: Duration) {
    let Some(c) = collector_mut(t, outcome.kind) else { return };
    if outcome.reply.state.is_success() {
        c.successes += 1;
        c.last_ok_ms = Some(outcome.at_ms);
        c.last_ok_every_s = Some(every.as_secs_f64());
    } else {
        c.failures += 1;
        c.last_failure = Some((outcome.reply.state.as_str().into(), outcome.at_ms));
    }
    c.detail = outcome.reply.detail.clone();
    c.duration_s = outcome.took.map(|d| d.as_secs_f64());
    c.bytes = outcome.bytes.map(|b| u64::try_from(b).unwrap_or(u64::MAX));
    if let Some(cost) = outcome.cost {
        c.cost_s = Some(cost.cpu.as_secs_f64());
        c.cost_measured = cost.basis == Basis::Measured;
    }
}

/// What the target's duty cycle rests on, and why no more of it is measured.
fn basis(t: &TargetStatus, meter: &Meter) -> CostBasis {
    let known: Vec<bool> =
        t.collectors.iter().filter(|c| c.cost_s.is_some()).map(|c| c.cost_measured).collect();
    let because = match meter.process() {
        Err(None) => None,
        Err(Some(absent)) => Some(absent.to_string()),
        Ok(_) => meter.unmeasured_because().map(str::to_owned).or_else(|| {
            let noisy = known.contains(&false);
            noisy.then(|| "the service's own work hides what some requests cost".to_owned())
        }),
    };
    CostBasis {
        pid: meter.process().ok().map(|process| process.pid.0),
        measured: known.iter().filter(|measured| **measured).count(),
        predicted: known.iter().filter(|measured| !**measured).count(),
        because,
    }
}

/// What the user can do about a collector's state; of an unsampled profile the very call.
fn next_step(kind: CollectorKind, state: &State) -> Option<&'static str> {
    match (state, kind) {
        (State::NotSampled, CollectorKind::Mutex) => {
            Some("call runtime.SetMutexProfileFraction in the service to see it")
        }
        (State::NotSampled, CollectorKind::Block) => {
            Some("call runtime.SetBlockProfileRate in the service to see it")
        }
        (State::Unsupported, CollectorKind::Trace) => Some(
            "import _ \"net/http/pprof\" in the service and build it with Go 1.22 or later: older traces are of another format",
        ),
        _ => state.next_step(),
    }
}

/// The state of a target whose index page gives nothing.
fn target_state(state: &State, answered_before: bool) -> String {
    if state.is_unreachable() && !answered_before {
        State::Waiting.as_str().into()
    } else {
        state.as_str().into()
    }
}
