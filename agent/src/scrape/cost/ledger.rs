//! The account of a process's CPU time: which part of it was ours. A state machine without clock or process.
//!
//! Each reading closes a stretch of time since the one before. A stretch in which nothing of ours ran tells what
//! the process uses anyway; one in which a request ran is the request's. What the request cost is its stretches'
//! CPU time less what the process uses anyway in as much time. The rules where that is not so plain:
//!
//! - **Two lanes overlap.** A window (`cpu`, `trace`) spreads its cost thinly over seconds, so a stretch it shares with
//!   another request belongs to that one and is cut out of the window. Two requests that are no windows are not
//!   told apart: neither is measured.
//! - **Little background.** Where what is taken off is less than [`BACKGROUND_SHARE_MAX`] of the prediction, a single
//!   request is believed. The prediction decides and not the measurement: a request that happened to run beside a
//!   burst must not be picked for it.
//! - **Much background.** The ratio of measured to predicted cost is pooled over up to [`POOL_MAX`] requests of the
//!   kind, before anything is clamped at 0, and believed when twice its standard error, taken from the requests' own
//!   scatter, is at most [`ERROR_SHARE_MAX`] of it or of 1, whichever is larger. The prediction times the ratio is
//!   then what a request cost. Where the scatter is larger, the prediction stays.
//! - **What waits for us.** On a machine without a free core the service's own work waits while ours runs, and taking
//!   it off all the same makes the cost too small (measured with 10 runnable threads on 2 cores: 32 ms of 52). It can
//!   be no more than the background during the request, so what is measured is believed only where that is at most
//!   [`WAITING_SHARE_MAX`] of it: the truth then is at most half as much again. Windows hold nothing up.
//! - **A bound at least.** A request that is no window cost no more than all the process used meanwhile, whatever is
//!   believed of the rest. (A CPU profile is partly written after its last byte: half of its cost at 10,000 goroutines.)
//!
//! What it cannot see: what a request costs later (a garbage collection it brought forward), which counts as the
//! process's own.

use super::super::schedule::{Tick, lane_of};
use linger_config::CollectorKind;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Stretches without us that tell the background: with the defaults they span about 40 s.
const GAPS_MAX: usize = 16;
/// Fewer do not tell it.
const GAPS_MIN: usize = 3;
/// A shorter gap is left out: what a request leaves behind and the scheduler's tick (4 to 10 ms) weigh too much in it.
const GAP_MIN: Duration = Duration::from_millis(100);
/// A single request is believed when the background taken off is at most this share of the prediction.
const BACKGROUND_SHARE_MAX: f64 = 0.25;
/// Requests that are pooled: of `count` every 5 s the last 21 minutes.
const POOL_MAX: usize = 256;
/// Fewer do not tell their scatter.
const POOL_MIN: usize = 8;
/// The pooled ratio is believed when twice its standard error is at most this share of it, or of 1.
const ERROR_SHARE_MAX: f64 = 0.25;
/// What is measured is believed when the background during the request is at most this share of it.
const WAITING_SHARE_MAX: f64 = 0.5;
/// A request that shared more than this part of its time with others is not measured.
const SHARED_MAX: f64 = 0.5;

/// The process's CPU time at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) at: Tick,
    pub(super) cpu: Duration,
}

/// A stretch of time, and the CPU time the process used in it.
#[derive(Clone, Copy, Debug, Default)]
struct Stretch {
    seconds: f64,
    cpu_seconds: f64,
}

impl Stretch {
    fn add(&mut self, other: Self) {
        self.seconds += other.seconds;
        self.cpu_seconds += other.cpu_seconds;
    }
}

/// A request under way.
#[derive(Clone, Copy, Debug, Default)]
struct Request {
    own: Stretch,
    shared_seconds: f64,
    /// It cannot be measured: a reading was missing, or it ran beside one like it.
    spoiled: bool,
}

impl Request {
    /// Whether its CPU time can be told from others'.
    fn is_its_own(&self) -> bool {
        !self.spoiled && self.shared_seconds <= SHARED_MAX * (self.own.seconds + self.shared_seconds)
    }
}

/// What is remembered of an ended request, in seconds of CPU time.
#[derive(Clone, Copy, Debug, Default)]
struct Ended {
    measured: f64,
    predicted: f64,
    /// The process's own work that may have waited for it.
    waiting_max: f64,
}

impl Ended {
    /// Whether the error by what waited is small.
    fn held_little_up(&self) -> bool {
        self.waiting_max <= WAITING_SHARE_MAX * self.measured
    }
}

/// What is told of a request that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// It cost this.
    Cost(Duration),
    /// It cost no more than this.
    AtMost(Duration),
}

/// The account of one process.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    last: Option<Reading>,
    running: BTreeMap<CollectorKind, Request>,
    gaps: VecDeque<Stretch>,
    pools: BTreeMap<CollectorKind, VecDeque<Ended>>,
}

impl Ledger {
    /// A request of `kind` begins.
    pub(super) fn begin(&mut self, kind: CollectorKind, reading: Option<Reading>) {
        self.close_stretch(reading);
        // A lane makes one request at a time: another of it was given up with its task.
        self.running.retain(|other, _| lane_of(*other) != lane_of(kind));
        self.running.insert(kind, Request { spoiled: reading.is_none(), ..Request::default() });
    }

    /// It ended: what can be told of its cost. It took `took` from its beginning to the last byte.
    pub(super) fn end(
        &mut self,
        kind: CollectorKind,
        took: Duration,
        predicted: Duration,
        reading: Option<Reading>,
    ) -> Option<Told> {
        self.close_stretch(reading);
        let request = self.running.remove(&kind).filter(Request::is_its_own)?;
        let told = |cost: f64| Duration::try_from_secs_f64(cost.max(0.0)).ok();
        match self.believed(kind, &request, took, predicted) {
            Some(cost) => told(cost).map(Told::Cost),
            None if kind.has_window() || request.shared_seconds > 0.0 => None,
            None => told(request.own.cpu_seconds).map(Told::AtMost),
        }
    }

    /// Its cost in seconds, where the noise allows to say it.
    fn believed(
        &mut self,
        kind: CollectorKind,
        request: &Request,
        took: Duration,
        predicted: Duration,
    ) -> Option<f64> {
        let share = self.background()?;
        let predicted = Some(predicted.as_secs_f64()).filter(|seconds| *seconds > 0.0)?;
        let background = share * request.own.seconds;
        let measured = request.own.cpu_seconds - background;
        let waiting_max = if kind.has_window() { 0.0 } else { share * took.as_secs_f64() };
        let ended = Ended { measured, predicted, waiting_max };
        let pool = self.pools.entry(kind).or_default();
        pool.push_back(ended);
        if pool.len() > POOL_MAX {
            pool.pop_front();
        }
        let alone = background <= BACKGROUND_SHARE_MAX * predicted && ended.held_little_up();
        if alone { Some(measured) } else { Some(believed_ratio(pool)? * predicted) }
    }

    /// Share of a core the process uses when nothing of ours runs.
    fn background(&self) -> Option<f64> {
        let mut all = Stretch::default();
        self.gaps.iter().for_each(|gap| all.add(*gap));
        (self.gaps.len() >= GAPS_MIN).then_some(all.cpu_seconds / all.seconds)
    }

    fn close_stretch(&mut self, reading: Option<Reading>) {
        let last = std::mem::replace(&mut self.last, reading);
        let stretch = last.zip(reading).and_then(|(from, to)| {
            // A clock that goes back is another process's.
            let cpu = to.cpu.checked_sub(from.cpu)?;
            Some(Stretch {
                seconds: to.at.saturating_sub(from.at).as_secs_f64(),
                cpu_seconds: cpu.as_secs_f64(),
            })
        });
        let Some(stretch) = stretch else {
            self.running.values_mut().for_each(|request| request.spoiled = true);
            return;
        };
        let of_windows = self.running.keys().filter(|kind| kind.has_window()).count();
        let (all, short) = (self.running.len(), self.running.len() - of_windows);
        for (kind, request) in &mut self.running {
            match (all, short) {
                (1, _) => request.own.add(stretch),
                (_, 1) if !kind.has_window() => request.own.add(stretch),
                (_, 1) => request.shared_seconds += stretch.seconds,
                _ => request.spoiled = true,
            }
        }
        if all == 0 && stretch.seconds >= GAP_MIN.as_secs_f64() {
            self.gaps.push_back(stretch);
            if self.gaps.len() > GAPS_MAX {
                self.gaps.pop_front();
            }
        }
    }
}

/// Sum of the measured costs over sum of the predicted ones, where its error is small enough. The error is that of
/// a ratio of sums: scatter of the differences `measured - ratio x predicted` over the mean prediction, by the root
/// of their number (Cochran, Sampling Techniques, 3rd edition, formula 2.46).
fn believed_ratio(pool: &VecDeque<Ended>) -> Option<f64> {
    if pool.len() < POOL_MIN {
        return None;
    }
    let n = pool.len() as f64;
    let sum = pool.iter().fold(Ended::default(), |sum, one| Ended {
        measured: sum.measured + one.measured,
        predicted: sum.predicted + one.predicted,
        waiting_max: sum.waiting_max + one.waiting_max,
    });
    let ratio = sum.measured / sum.predicted;
    let squares: f64 = pool.iter().map(|one| (one.measured - ratio * one.predicted).powi(2)).sum();
    let error = (squares / (n - 1.0) / n).sqrt() / (sum.predicted / n);
    (sum.held_little_up() && 2.0 * error <= ERROR_SHARE_MAX * ratio.max(1.0)).then_some(ratio)
}

#[cfg(test)]
mod tests;
