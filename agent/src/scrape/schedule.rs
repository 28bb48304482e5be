//! When each collector of one target runs next: a state machine without clock or task.
//!
//! Time is a [`Tick`], the time since the agent started; events come in, the next thing to do comes out, so
//! every rule of how we spare the service is tested without sleeping. The rules:
//!
//! - A collector starts at an offset hashed from target and name, then keeps a fixed cadence; missed turns are
//!   skipped, not caught up.
//! - Two lanes, one request at a time in each. The slow one has the windows (`cpu`, `trace`), which are exclusive
//!   inside the service, and `mutex` and `block`, which some services sleep before answering (VictoriaMetrics: 10 s).
//!   What is slow does not delay what is quick.
//! - While the target is unreachable, or too slow for its index page, only `count` knocks; when it answers again `goroutine` and `heap` are due at
//!   once, the latter because its MemStats tell whether this is the same process.
//! - What a scrape cost the service is predicted from this target's own last one; no collector runs so often
//!   that its cost exceeds the duty cycle, and all together neither.
//! - Answers in vain make a collector rarer: whatever is wrong, both sides work for nothing.
//! - With many goroutines the profile itself hurts: over [`GOROUTINES_DENSE`] one on crossing, then one per
//!   [`DENSE_EVERY`]; a trace only up to [`TRACE_GOROUTINES_MAX`].

use super::outcome::State;
use linger_config::CollectorKind;
use std::time::Duration;

/// Time since the agent started.
pub type Tick = Duration;

/// Above this many goroutines a goroutine profile grows the service's own memory (+270 MiB at 1e5).
pub const GOROUTINES_DENSE: u64 = 50_000;
/// Below this many the crossing may happen again: a count that swings around the line does not count as many.
const GOROUTINES_SPARSE: u64 = 40_000;
/// How often a goroutine profile is taken above [`GOROUTINES_DENSE`].
pub const DENSE_EVERY: Duration = Duration::from_secs(600);
/// No scheduled trace above this many goroutines: its cost grows with them.
pub const TRACE_GOROUTINES_MAX: u64 = 10_000;
/// A busy profiler is tried again after this long plus up to as much again.
const BUSY_RETRY: Duration = Duration::from_secs(10);
/// A collector whose answers come to nothing (too slow, too large, broken off, not what they should be) doubles its
/// interval with each in a row from the second on, so often at most: eight minutes for those of a minute. A first answer
/// that is well ends it. `count` goes on, since it tells that the service is well again.
const IN_VAIN_DOUBLINGS_MAX: u32 = 3;
/// An endpoint the service lacks is looked for again after this long (a service may be redeployed).
const UNSUPPORTED_RETRY: Duration = Duration::from_secs(600);
/// Who asks for credentials is asked again after this long, and so is an index page that is missing.
const REFUSED_RETRY: Duration = Duration::from_secs(60);
/// First turns are spread over this long at most, so that a newcomer sees values within seconds.
pub const FIRST_TURN_WITHIN: Duration = Duration::from_secs(10);

/// The two lanes of one target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Answers at once.
    Quick,
    /// Takes its time in the service.
    Slow,
}

impl Lane {
    /// Its name in the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Slow => "slow",
        }
    }
}

/// The lane a collector runs in.
#[must_use]
pub fn lane_of(kind: CollectorKind) -> Lane {
    match kind {
        CollectorKind::Count | CollectorKind::Goroutine | CollectorKind::Heap => Lane::Quick,
        CollectorKind::Mutex | CollectorKind::Block | CollectorKind::Cpu | CollectorKind::Trace => Lane::Slow,
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

#[derive(Clone, Debug)]
struct Entry {
    plan: Plan,
    next: Tick,
    /// When it ran last.
    last: Option<Tick>,
    cost: Option<Duration>,
    state: State,
    /// Answers in a row that came to nothing after work on both sides.
    in_vain: u32,
}

/// The schedule of one target.
#[derive(Clone, Debug)]
pub struct Schedule {
    entries: Vec<Entry>,
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
                let offset =
                    if plan.kind == CollectorKind::Count { Duration::ZERO } else { spread.mul_f64(part) };
                let state = if plan.enabled { State::Scheduled } else { State::Off };
                Entry { plan: *plan, next: now + offset, last: None, cost: None, state, in_vain: 0 }
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
            (e.cost, e.last, e.in_vain) = (was.cost, was.last, was.in_vain);
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
                e.state = done.state.clone();
                e.in_vain = if done.state.is_in_vain() { e.in_vain.saturating_add(1) } else { 0 };
                e.cost = done.cost.or(e.cost);
                e.last = Some(began);
            }
            let wait = self.wait_after(i, &done.state, began);
            if let Some(e) = self.entries.get_mut(i) {
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

    fn may_run(&self, e: &Entry) -> bool {
        e.state != State::Stuck
            && (self.reachable || e.plan.kind == CollectorKind::Count)
            && self.held_because(e).is_none()
    }

    fn held_because(&self, e: &Entry) -> Option<String> {
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
        let rest = if e.in_vain > 1 { self.interval(i) } else { self.least_interval(e) };
        let earliest = e.last.map_or(now, |last| now.max(last + rest));
        if let Some(e) = self.entries.get_mut(i) {
            e.next = e.next.min(earliest);
        }
    }

    /// The interval of one collector by its own cost and the goroutine count, before the common budget.
    fn own_interval(&self, e: &Entry) -> Duration {
        e.plan.every.max(self.least_interval(e))
    }

    /// The shortest interval that spares the service, whatever the plan says.
    fn least_interval(&self, e: &Entry) -> Duration {
        let mut least = Duration::ZERO;
        if let Some(cost) = e.cost.filter(|_| e.plan.kind != CollectorKind::Count) {
            least = cost.div_f64(self.rules.duty_cycle_max.max(1e-6));
        }
        if e.plan.kind == CollectorKind::Goroutine && self.dense {
            least = least.max(DENSE_EVERY.div_f64(self.rules.time_scale));
        }
        least
    }

    /// The interval in force: when all collectors together exceed the duty cycle, all but `count` widen alike.
    fn interval(&self, i: usize) -> Duration {
        let Some(e) = self.entries.get(i) else { return Duration::ZERO };
        let own = self.own_interval(e);
        let rest = self.rest_after_no(e);
        if e.plan.kind == CollectorKind::Count {
            return own.max(rest);
        }
        let total =
            self.duty_at(|k| self.entries.get(k).map_or(Duration::ZERO, |other| self.own_interval(other)));
        let patience = f64::from(1_u32 << e.in_vain.saturating_sub(1).min(IN_VAIN_DOUBLINGS_MAX));
        // Up to half as long again, another for each: all who fail from the same moment on must not go on together.
        let spread = match e.in_vain {
            0 | 1 => 1.0,
            n => 1.0 + 0.5 * fraction(self.seed ^ hash(e.plan.kind.as_str()) ^ u64::from(n)),
        };
        own.mul_f64((total / self.rules.duty_cycle_max.max(1e-6)).max(1.0) * patience * spread).max(rest)
    }

    /// How long a plain no is believed: an endpoint that is missing comes with another build at best, credentials and
    /// the way to the index page are mended within minutes.
    fn rest_after_no(&self, e: &Entry) -> Duration {
        let rest = match (&e.state, e.plan.kind) {
            (State::Unauthorized | State::Forbidden, _) | (State::Unsupported, CollectorKind::Count) => {
                REFUSED_RETRY
            }
            (State::Unsupported, _) => UNSUPPORTED_RETRY,
            _ => Duration::ZERO,
        };
        rest.div_f64(self.rules.time_scale)
    }

    fn wait_after(&self, i: usize, state: &State, began: Tick) -> Duration {
        let every = self.interval(i);
        match state {
            State::Busy => {
                // Another each time: two that got in each other's way once would go on doing so.
                let jitter =
                    fraction(self.seed ^ u64::from(began.subsec_nanos()).wrapping_mul(2 * i as u64 + 1));
                BUSY_RETRY.mul_f64(1.0 + jitter).div_f64(self.rules.time_scale).min(every)
            }
            _ => every,
        }
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

/// FNV-1a (64 bit): spreads first turns, nothing depends on its strength.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}

/// A number in `[0, 1)` from the high bits of a hash.
fn fraction(h: u64) -> f64 {
    let mixed = h.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 40) as f64 / (1_u64 << 24) as f64
}

#[cfg(test)]
mod tests {
    use super::{Finished, Lane, Next, Plan, Rules, Schedule};
    use crate::scrape::outcome::State;
    use linger_config::CollectorKind as Kind;
    use std::time::Duration;

    const S: fn(u64) -> Duration = Duration::from_secs;

    fn schedule() -> Schedule {
        let plan = |kind, every| Plan { kind, every: S(every), enabled: true };
        let plans = [
            plan(Kind::Count, 5),
            plan(Kind::Goroutine, 15),
            plan(Kind::Heap, 60),
            plan(Kind::Cpu, 60),
            plan(Kind::Trace, 600),
            Plan { kind: Kind::Block, every: S(60), enabled: false },
        ];
        let rules = Rules { duty_cycle_max: 0.005, time_scale: 1.0, first_turn_within: S(10) };
        Schedule::new("api:6060", &plans, rules, S(0))
    }

    fn done(kind: Kind, state: State, cost_ms: u64) -> Finished {
        Finished { kind, state, cost: Some(Duration::from_millis(cost_ms)), goroutines: None }
    }

    fn counted(n: u64) -> Finished {
        Finished { goroutines: Some(n), ..done(Kind::Count, State::Ok, 0) }
    }

    /// Runs both lanes for `seconds` as scrapes that take no time; returns how often each collector ran.
    fn simulate(
        s: &mut Schedule,
        from: u64,
        seconds: u64,
        end: impl Fn(Kind) -> Finished,
    ) -> Vec<(Kind, u64)> {
        let mut ran: Vec<(Kind, u64)> = Vec::new();
        for tenth in from * 10..(from + seconds) * 10 {
            let now = Duration::from_millis(tenth * 100);
            for lane in [Lane::Quick, Lane::Slow] {
                while let Next::Run(kind) = s.next(lane, now) {
                    s.finished(&end(kind), now, now);
                    match ran.iter_mut().find(|(k, _)| *k == kind) {
                        Some((_, n)) => *n += 1,
                        None => ran.push((kind, 1)),
                    }
                }
            }
        }
        ran
    }

    fn runs(ran: &[(Kind, u64)], kind: Kind) -> u64 {
        ran.iter().find(|(k, _)| *k == kind).map_or(0, |(_, n)| *n)
    }

    #[test]
    fn ten_quiet_minutes_keep_every_cadence_and_what_is_off_never_runs() {
        let ran = simulate(&mut schedule(), 0, 600, |k| match k {
            Kind::Count => counted(100),
            k => done(k, State::Ok, 1),
        });
        assert_eq!(runs(&ran, Kind::Count), 120);
        assert!((39..=40).contains(&runs(&ran, Kind::Goroutine)), "{ran:?}");
        assert!((9..=11).contains(&runs(&ran, Kind::Heap)) && (9..=10).contains(&runs(&ran, Kind::Cpu)));
        assert_eq!((runs(&ran, Kind::Trace), runs(&ran, Kind::Block)), (1, 0));
    }

    #[test]
    fn an_unreachable_target_is_only_knocked_at_and_goroutine_and_heap_follow_its_return() {
        let mut s = schedule();
        let ran = simulate(&mut s, 0, 60, |k| Finished { cost: None, ..done(k, State::Refused, 0) });
        assert_eq!(ran, [(Kind::Count, 12)]);
        assert_eq!(s.state(Kind::Goroutine).0, State::Waiting);
        let now = S(60);
        assert_eq!(s.next(Lane::Quick, now), Next::Run(Kind::Count));
        s.finished(&counted(10), now, now);
        let order: Vec<Next> = (0..2)
            .map(|_| {
                let next = s.next(Lane::Quick, now);
                if let Next::Run(k) = next {
                    s.finished(&done(k, State::Ok, 1), now, now);
                }
                next
            })
            .collect();
        assert_eq!(order, [Next::Run(Kind::Goroutine), Next::Run(Kind::Heap)]);
    }

    #[test]
    fn a_target_that_cannot_keep_up_is_left_alone_and_one_without_index_page_is_not() {
        let mut s = schedule();
        s.finished(&counted(5), S(0), S(0));
        s.finished(&done(Kind::Count, State::TimedOut, 1), S(5), S(15));
        assert_eq!(s.state(Kind::Heap).0, State::Waiting);
        assert!(matches!(s.next(Lane::Slow, S(60)), Next::At(_)));
        s.finished(&done(Kind::Count, State::Unsupported, 1), S(20), S(20));
        assert!(matches!(s.next(Lane::Slow, S(60)), Next::Run(_)));
    }

    #[test]
    fn a_reset_brings_the_reading_that_tells_a_restart_forward() {
        let mut s = schedule();
        let _ =
            simulate(&mut s, 0, 20, |k| if k == Kind::Count { counted(5) } else { done(k, State::Ok, 1) });
        s.finished(&done(Kind::Goroutine, State::Reset, 1), S(20), S(20));
        s.finished(&counted(5), S(20), S(20));
        assert_eq!(s.next(Lane::Quick, S(20)), Next::Run(Kind::Heap));
    }

    #[test]
    fn a_costly_goroutine_profile_is_asked_for_rarely() {
        let mut s = schedule();
        let ran = simulate(&mut s, 0, 600, |k| match k {
            Kind::Count => counted(30_000),
            Kind::Goroutine => done(k, State::Ok, 500),
            k => done(k, State::Ok, 0),
        });
        assert!((6..=7).contains(&runs(&ran, Kind::Goroutine)), "{ran:?}");
        assert_eq!(s.every(Kind::Goroutine), S(100));
        assert!(s.duty_cycle() <= 0.005 + 1e-9);
    }

    #[test]
    fn all_collectors_together_stay_within_the_duty_cycle() {
        let mut s = schedule();
        let _ = simulate(&mut s, 0, 600, |k| match k {
            Kind::Count => counted(5_000),
            k => done(k, State::Ok, 200),
        });
        assert!(s.duty_cycle() <= 0.005 + 1e-9, "{}", s.duty_cycle());
        assert!(s.every(Kind::Goroutine) > S(40));
    }

    #[test]
    fn above_fifty_thousand_goroutines_one_profile_on_crossing_then_one_in_ten_minutes_and_no_trace() {
        let mut s = schedule();
        let quiet = |k| if k == Kind::Count { counted(100) } else { done(k, State::Ok, 1) };
        let _ = simulate(&mut s, 0, 100, quiet);
        s.finished(&counted(60_000), S(100), S(100));
        assert!(matches!(s.state(Kind::Trace), (State::Held, Some(why)) if why.contains("60000")));
        let ran = simulate(&mut s, 100, 1_200, |k| {
            if k == Kind::Count { counted(60_000) } else { done(k, State::Ok, 1) }
        });
        assert!((2..=3).contains(&runs(&ran, Kind::Goroutine)), "{ran:?}");
        assert_eq!(runs(&ran, Kind::Trace), 0);
    }

    #[test]
    fn a_count_that_swings_around_the_line_or_flaps_costs_no_profile_each_time() {
        let mut s = schedule();
        let quiet = |k| if k == Kind::Count { counted(100) } else { done(k, State::Ok, 1) };
        let _ = simulate(&mut s, 0, 100, quiet);
        let mut profiles = 0;
        for round in 0..30 {
            let now = S(100 + 10 * round);
            s.finished(&counted(if round % 2 == 0 { 50_500 } else { 49_500 }), now, now);
            if round % 5 == 4 {
                s.finished(&done(Kind::Count, State::Refused, 0), now, now);
                s.finished(&counted(50_500), now, now);
            }
            while let Next::Run(kind) = s.next(Lane::Quick, now) {
                profiles += u64::from(kind == Kind::Goroutine);
                s.finished(&done(kind, State::Ok, 1), now, now);
            }
        }
        assert_eq!(profiles, 1);
    }

    #[test]
    fn a_turn_that_was_put_off_is_not_followed_by_a_second_one() {
        let mut s = schedule();
        s.finished(&counted(20_000), S(0), S(0));
        s.finished(&counted(100), S(1_495), S(1_495));
        let trace = Finished { cost: None, ..done(Kind::Trace, State::Ok, 0) };
        s.finished(&trace, S(1_500), S(1_501));
        assert_eq!(s.entries.iter().find(|e| e.plan.kind == Kind::Trace).unwrap().next, S(2_100));
    }

    #[test]
    fn busy_is_tried_again_soon_and_missing_endpoints_rarely() {
        let mut s = schedule();
        let _ = simulate(&mut s, 0, 1, |k| if k == Kind::Count { counted(1) } else { done(k, State::Ok, 1) });
        s.finished(&done(Kind::Cpu, State::Busy, 1), S(30), S(30));
        assert!(matches!(s.next(Lane::Slow, S(31)), Next::At(t) if t >= S(31) && t <= S(51)));
        s.finished(&done(Kind::Heap, State::Unsupported, 1), S(30), S(30));
        assert!(s.state(Kind::Heap).0 == State::Unsupported);
        let ran =
            simulate(&mut s, 31, 300, |k| if k == Kind::Count { counted(1) } else { done(k, State::Ok, 1) });
        assert_eq!(runs(&ran, Kind::Heap), 0);
    }

    #[test]
    fn answers_in_vain_make_a_collector_rarer_until_one_is_well() {
        let mut s = schedule();
        let of = |ran: &[(Kind, u64)], kind| ran.iter().find(|(k, _)| *k == kind).map_or(0, |(_, n)| *n);
        let flooded = |kind| done(kind, if kind == Kind::Heap { State::TimedOut } else { State::Ok }, 0);
        let ran = simulate(&mut s, 0, 3600, flooded);
        assert!(
            (7..=11).contains(&of(&ran, Kind::Heap)),
            "1 + 1 + 2 + 4, then every 8 to 12 minutes: {ran:?}"
        );
        assert!(of(&ran, Kind::Count) >= 719, "its neighbours go on: {ran:?}");
        assert!((S(480)..=S(720)).contains(&s.every(Kind::Heap)));
        s.finished(&done(Kind::Heap, State::Ok, 0), S(3600), S(3600));
        assert_eq!(s.every(Kind::Heap), S(60));
    }

    #[test]
    fn a_reload_does_not_ask_at_once_what_was_asked_rarely_for_good_reasons() {
        let mut former = schedule();
        former.finished(&counted(100_000), S(0), S(0));
        former.finished(&done(Kind::Goroutine, State::Ok, 500), S(5), S(5));
        for _ in 0..3 {
            former.finished(&done(Kind::Heap, State::TimedOut, 3), S(5), S(5));
        }
        let mut s = schedule().following(&former);
        let ran = simulate(&mut s, 10, 300, |kind| match kind {
            Kind::Count => counted(100_000),
            _ => done(kind, State::Ok, 0),
        });
        let of = |kind| ran.iter().find(|(k, _)| *k == kind).map_or(0, |(_, n)| *n);
        assert_eq!(of(Kind::Goroutine), 0, "one in ten minutes with so many: {ran:?}");
        assert!(of(Kind::Heap) <= 2, "{ran:?}");
        assert!(of(Kind::Count) >= 59, "{ran:?}");
    }

    #[test]
    fn who_asks_for_credentials_is_asked_again_within_a_minute() {
        let mut s = schedule();
        let ran = simulate(&mut s, 0, 300, |kind| done(kind, State::Unauthorized, 0));
        assert!((5..=6).contains(&ran.iter().find(|(k, _)| *k == Kind::Count).unwrap().1), "{ran:?}");
        assert_eq!(s.every(Kind::Count), S(60), "and the interval shown is the one in force");
    }
}
