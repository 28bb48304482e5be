//! When each collector of one target runs next: a state machine without clock or task.
//!
//! Time is a [`Tick`], the time since the agent started; events come in, the next thing to do comes out, so
//! every rule of how we spare the service is tested without sleeping. The rules:
//!
//! - A collector starts at an offset hashed from target and name, then keeps a fixed cadence; missed turns are
//!   skipped, not caught up.
//! - Three lanes, one thing at a time in each. The slow one has the windows (`cpu`, `trace`), which are exclusive
//!   inside the service, and `mutex` and `block`, which some services sleep before answering (VictoriaMetrics: 10 s).
//!   What is slow does not delay what is quick. The third asks the service nothing (`defers`).
//! - While the target is unreachable, or too slow for its index page, only `count` knocks; when it answers again `goroutine` and `heap` are due at
//!   once, the latter because its MemStats tell whether this is the same process.
//! - What a scrape cost the service is predicted from this target's own last one; no collector runs so often
//!   that its cost exceeds the duty cycle, and all together neither.
//! - Answers in vain make a collector rarer: whatever is wrong, both sides work for nothing (`schedule/rest.rs`).
//! - With many goroutines the profile itself hurts: over [`GOROUTINES_DENSE`] one on crossing, then one per
//!   [`DENSE_EVERY`]; a trace only up to [`TRACE_GOROUTINES_MAX`].

mod rest;
mod spread;

pub use rest::DENSE_EVERY;

use super::outcome::State;
use linger_config::{CollectorKind, Collectors};
use rest::Known;
use spread::{fraction, hash};
use std::time::Duration;

/// Time since the agent started.
pub type Tick = Duration;

/// Above this many goroutines a goroutine profile grows the service's own memory (+270 MiB at 1e5).
pub const GOROUTINES_DENSE: u64 = 50_000;
/// Below this many the crossing may happen again: a count that swings around the line does not count as many.
const GOROUTINES_SPARSE: u64 = 40_000;
/// No scheduled trace above this many goroutines: its cost grows with them.
pub const TRACE_GOROUTINES_MAX: u64 = 10_000;
/// First turns are spread over this long at most, so that a newcomer sees values within seconds; that of `trace` over as
/// long again after them.
pub const FIRST_TURN_WITHIN: Duration = Duration::from_secs(10);

/// The lanes of one target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Answers at once.
    Quick,
    /// Takes its time in the service.
    Slow,
    /// Read beside the service.
    Beside,
}

impl Lane {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Quick, Self::Slow, Self::Beside];

    /// Its name in the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Slow => "slow",
            Self::Beside => "beside",
        }
    }
}

/// The lane a collector runs in.
#[must_use]
pub fn lane_of(kind: CollectorKind) -> Lane {
    match kind {
        CollectorKind::Count | CollectorKind::Goroutine | CollectorKind::Heap => Lane::Quick,
        CollectorKind::Mutex | CollectorKind::Block | CollectorKind::Cpu | CollectorKind::Trace => Lane::Slow,
        CollectorKind::Defers => Lane::Beside,
    }
}

/// What the configuration says of one collector.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Which.
    pub kind: CollectorKind,
    /// Interval as configured.
    pub every: Duration,
    /// Whether it is on.
    pub enabled: bool,
}

impl Plan {
    /// Of each collector of a target.
    #[must_use]
    pub fn all(collectors: &Collectors) -> Vec<Self> {
        collectors.iter().map(|(kind, c)| Self { kind, every: c.every.get(), enabled: c.enabled }).collect()
    }
}

/// What holds for all collectors of a target.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Largest share of one core that the target may spend on being scraped.
    pub duty_cycle_max: f64,
    /// Divides the fixed waits of this file, as `--time-scale` divided the plan's intervals.
    pub time_scale: f64,
    /// First turns are spread over this long at most.
    pub first_turn_within: Duration,
}

/// How one scrape ended, as far as the schedule cares.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Which collector.
    pub kind: CollectorKind,
    /// Named state.
    pub state: State,
    /// What it is predicted to have cost the service; `None` when nothing is known (a refused connection).
    pub cost: Option<Duration>,
    /// CPU time it cost ourselves, where that makes it rarer.
    pub own_cost: Option<Duration>,
    /// Goroutines in the target, when this scrape counted them.
    pub goroutines: Option<u64>,
}

/// What a lane does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Run this collector now.
    Run(CollectorKind),
    /// Nothing before this time.
    At(Tick),
}

/// The schedule of one target.
#[derive(Clone, Debug)]
pub struct Schedule {
    entries: Vec<Known>,
    rules: Rules,
    reachable: bool,
    goroutines: Option<u64>,
    dense: bool,
    seed: u64,
}

impl Schedule {
    /// A schedule that starts at `now`.
    #[must_use]
    pub fn new(target: &str, plans: &[Plan], rules: Rules, now: Tick) -> Self {
        let seed = hash(target);
        let entries = plans
            .iter()
            .map(|plan| {
                let spread = plan.every.min(rules.first_turn_within.div_f64(rules.time_scale));
                let part = fraction(seed ^ hash(plan.kind.as_str()));
                let offset = match plan.kind {
                    CollectorKind::Count => Duration::ZERO,
                    // After the first goroutine profile, which tells where the functions of its sites start.
                    CollectorKind::Trace => spread.mul_f64(1.0 + part),
                    _ => spread.mul_f64(part),
                };
                Known::new(*plan, now + offset)
            })
            .collect();
        Self { entries, rules, reachable: false, goroutines: None, dense: false, seed }
    }

    /// What was learned of the same service under other rules: what its requests cost, when it was asked last, how many
    /// goroutines it has. A reload must not ask at once what is asked rarely for good reasons.
    #[must_use]
    pub fn following(mut self, former: &Self) -> Self {
        (self.goroutines, self.dense) = (former.goroutines, former.dense);
        for e in &mut self.entries {
            let Some(was) = former.entries.iter().find(|f| f.plan.kind == e.plan.kind) else { continue };
            (e.cost, e.own_cost, e.last, e.in_vain) = (was.cost, was.own_cost, was.last, was.in_vain);
        }
        for i in 0..self.entries.len() {
            let interval = self.interval(i);
            let Some(e) = self.entries.get_mut(i) else { continue };
            if let Some(last) = e.last.filter(|_| e.plan.kind != CollectorKind::Count) {
                e.next = e.next.max(last + interval);
            }
        }
        self
    }

    /// What `lane` does at `now`.
    #[must_use]
    pub fn next(&self, lane: Lane, now: Tick) -> Next {
        let due = self
            .entries
            .iter()
            .filter(|e| e.plan.enabled && lane_of(e.plan.kind) == lane && self.may_run(e))
            .min_by_key(|e| e.next);
        match due {
            Some(e) if e.next <= now => Next::Run(e.plan.kind),
            Some(e) => Next::At(e.next),
            None => Next::At(now + Duration::from_secs(1)),
        }
    }

    /// Takes note of how a scrape that began at `began` ended at `now`.
    pub fn finished(&mut self, done: &Finished, began: Tick, now: Tick) {
        let crossed = self.count_goroutines(done.goroutines);
        let came_back = !self.reachable && done.kind == CollectorKind::Count && done.state.is_success();
        let broke = done.state.hints_at_restart();
        if done.kind == CollectorKind::Count {
            self.reachable = !done.state.spares_the_rest();
        }
        if let Some(i) = self.index(done.kind) {
            if let Some(e) = self.entries.get_mut(i) {
                e.ended(done, began);
            }
            let every = self.interval(i);
            if let Some(e) = self.entries.get_mut(i) {
                let busy = matches!(done.state, State::Busy | State::NoRoom);
                let wait = if busy { e.after_busy(&self.rules, self.seed).min(every) } else { every };
                e.next = next_turn(e.next.min(began), began, wait, now);
            }
        }
        if came_back || (broke && done.kind != CollectorKind::Count && done.kind != CollectorKind::Heap) {
            self.bring_forward(CollectorKind::Heap, now);
        }
        // Of equals the first in the plan runs first: what a heap profile says of sites rests on a goroutine
        // profile before it.
        if crossed || came_back {
            self.bring_forward(CollectorKind::Goroutine, now);
        }
    }

    /// The interval in force for `kind`, as widened by cost and goroutine count.
    #[must_use]
    pub fn every(&self, kind: CollectorKind) -> Duration {
        self.index(kind).map_or(Duration::ZERO, |i| self.interval(i))
    }

    /// The interval of `kind` once it has cost ourselves this much CPU time.
    #[must_use]
    pub fn every_after(&self, kind: CollectorKind, own_cost: Duration) -> Duration {
        let mut after = self.clone();
        if let Some(e) = after.index(kind).and_then(|i| after.entries.get_mut(i)) {
            e.own_cost = Some(own_cost);
        }
        after.every(kind)
    }

    /// The state to show for `kind`: what it ended in last, or why it does not run.
    #[must_use]
    pub fn state(&self, kind: CollectorKind) -> (State, Option<String>) {
        let Some(e) = self.entries.iter().find(|e| e.plan.kind == kind) else {
            return (State::Off, None);
        };
        if e.plan.enabled && !self.reachable && kind != CollectorKind::Count {
            return (State::Waiting, None);
        }
        match self.held_because(e) {
            Some(why) => (State::Held, Some(why)),
            None => (e.state.clone(), None),
        }
    }

    /// Share of one core all collectors are predicted to cost the service at the intervals in force.
    #[must_use]
    pub fn duty_cycle(&self) -> f64 {
        self.duty_at(|i| self.interval(i))
    }

    /// Goroutines in the target, as counted last.
    #[must_use]
    pub fn goroutines(&self) -> Option<u64> {
        self.goroutines
    }

    /// Whether the target answered last.
    #[must_use]
    pub fn is_reachable(&self) -> bool {
        self.reachable
    }

    fn duty_at(&self, every: impl Fn(usize) -> Duration) -> f64 {
        self.entries
            .iter()
            .enumerate()
            .filter(|(_, e)| e.plan.enabled)
            .map(|(i, e)| match e.cost {
                Some(cost) => cost.as_secs_f64() / every(i).as_secs_f64().max(0.001),
                None => 0.0,
            })
            .sum()
    }

    fn index(&self, kind: CollectorKind) -> Option<usize> {
        self.entries.iter().position(|e| e.plan.kind == kind)
    }

    fn may_run(&self, e: &Known) -> bool {
        e.state != State::Stuck
            && (self.reachable || e.plan.kind == CollectorKind::Count)
            && self.held_because(e).is_none()
    }

    fn held_because(&self, e: &Known) -> Option<String> {
        let many = self.goroutines.filter(|n| *n > TRACE_GOROUTINES_MAX)?;
        (e.plan.enabled && e.plan.kind == CollectorKind::Trace).then(|| {
            format!("{many} goroutines: a trace costs the service too much above {TRACE_GOROUTINES_MAX}")
        })
    }

    /// Whether this count crossed [`GOROUTINES_DENSE`] upwards.
    fn count_goroutines(&mut self, counted: Option<u64>) -> bool {
        let Some(n) = counted else { return false };
        let (first, was_dense) = (self.goroutines.is_none(), self.dense);
        self.goroutines = Some(n);
        self.dense = n > if was_dense { GOROUTINES_SPARSE } else { GOROUTINES_DENSE };
        self.dense && !was_dense && !first
    }

    /// Makes `kind` due now, or as soon as its cost and the goroutine count allow.
    fn bring_forward(&mut self, kind: CollectorKind, now: Tick) {
        let Some(i) = self.index(kind) else { return };
        let Some(e) = self.entries.get(i) else { return };
        let rest = if e.in_vain > 1 { self.interval(i) } else { e.least(&self.rules, self.dense) };
        let earliest = e.last.map_or(now, |last| now.max(last + rest));
        if let Some(e) = self.entries.get_mut(i) {
            e.next = e.next.min(earliest);
        }
    }

    /// The interval in force: when all collectors together exceed the duty cycle, all but `count` widen alike.
    fn interval(&self, i: usize) -> Duration {
        let Some(e) = self.entries.get(i) else { return Duration::ZERO };
        let (own, no) = (e.own(&self.rules, self.dense), e.after_no(&self.rules));
        if e.plan.kind == CollectorKind::Count {
            return own.max(no);
        }
        let each =
            |k: usize| self.entries.get(k).map_or(Duration::ZERO, |other| other.own(&self.rules, self.dense));
        let over = (self.duty_at(each) / self.rules.duty_cycle_max.max(1e-6)).max(1.0);
        own.mul_f64(over * e.patience(self.seed)).max(no)
    }
}

/// The next turn on the cadence `from + k * every` that is after `now`. A turn that was put off for longer than
/// the interval starts a new cadence: two in a row would come of the old one.
fn next_turn(from: Tick, began: Tick, every: Duration, now: Tick) -> Tick {
    let every = every.max(Duration::from_millis(1));
    let from = if began - from > every { began } else { from };
    let next = from + every;
    if next > now {
        return next;
    }
    let missed = (now - from).as_secs_f64() / every.as_secs_f64();
    from + every.mul_f64(missed.floor() + 1.0)
}

#[cfg(test)]
mod tests;
