//! The way of the data, read here first: one scrape's bytes become points.
//!
//! One worker owns all that is remembered of the targets, takes one job at a time, decodes (linger-proto), derives
//! (linger-derive) and hands the points to the store, which acknowledges them on its own thread. Its own thread and
//! queue are in `thread`.

mod contention;
mod count;
mod cpu;
mod decode;
mod defers;
mod goroutine;
mod heap;
mod holders;
mod incarnation;
mod pending;
mod running;
mod sample;
mod shown;
pub mod sink;
mod target;
mod thread;
mod trace;

use crate::report::DefersHeld;
use crate::scrape::answering::AnsweringProgram;
use crate::scrape::census::Taken;
use crate::scrape::client::Answer;
use crate::scrape::outcome::{Failure, State};
use crate::traces::Traces;
use linger_config::CollectorKind;
use linger_series::TimeMs;
use sample::Samples;
use sink::Sink;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use target::TargetState;

pub use defers::METHOD as COUNTED;
pub use heap::METHOD as SAMPLED;
pub use incarnation::note_name as incarnation_note;
pub use shown::Shown;
pub use target::Facts;
pub use thread::{Duty, Hung, Pipeline, Work};

/// One scrape to decode.
#[derive(Clone, Debug)]
pub struct Job {
    /// Target name.
    pub target: String,
    /// Collector.
    pub kind: CollectorKind,
    /// When the request was made.
    pub at: TimeMs,
    /// Seconds recorded, for windows.
    pub window_s: u64,
    /// What came back.
    pub fetched: Result<Fetched, Failure>,
    /// What it is predicted to have cost the target.
    pub cost: Option<Duration>,
    /// The answers to a former reply's `unknown_pcs`.
    pub symbols: Option<Result<Vec<Answer>, Failure>>,
    /// The program that answered, where its file can be read.
    pub program: Option<AnsweringProgram>,
}

/// What a scrape brought.
#[derive(Clone, Debug)]
pub enum Fetched {
    /// The target answered.
    Answer(Answer),
    /// Its memory was read.
    Census(Arc<Taken>),
}

/// What a scrape meant.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Named state.
    pub state: State,
    /// What was seen, where it needs saying.
    pub detail: Option<String>,
    /// Goroutines counted.
    pub goroutines: Option<u64>,
    /// Which process of the target this is, and when it was first seen; `None` before the first reading.
    pub incarnation: Option<(u64, i64)>,
    /// The program that answered, by the file name of a profile's main mapping.
    pub program: Option<String>,
    /// Who holds pending defers, where they were counted.
    pub held: Option<Box<DefersHeld>>,
    /// Addresses to have named by the target before this body can be judged; nothing was stored yet.
    pub unknown_pcs: Vec<u64>,
}

impl Reply {
    /// A scrape that gave no values.
    #[must_use]
    pub fn failed(failure: Failure) -> Self {
        Self { state: failure.state, detail: Some(failure.detail), ..Self::ok() }
    }

    fn ok() -> Self {
        Self {
            state: State::Ok,
            detail: None,
            goroutines: None,
            incarnation: None,
            program: None,
            held: None,
            unknown_pcs: Vec::new(),
        }
    }
}

/// The worker: everything remembered of all targets, and where points go.
pub struct Worker<S> {
    targets: HashMap<String, TargetState>,
    sink: S,
    /// Where traces are kept as they came; `None` keeps none.
    traces: Option<Arc<Traces>>,
}

impl<S: Sink> Worker<S> {
    /// A worker for these targets.
    pub fn new(targets: impl IntoIterator<Item = Facts>, sink: S, traces: Option<Arc<Traces>>) -> Self {
        let targets = targets.into_iter().map(|facts| (facts.name.clone(), TargetState::new(facts)));
        Self { targets: targets.collect(), sink, traces }
    }

    /// Decodes, derives and stores one scrape.
    pub fn take(&mut self, job: &Job) -> Reply {
        let Some(target) = self.targets.get_mut(&job.target) else {
            return Reply::failed(Failure::new(State::Internal, "no such target"));
        };
        let mut samples = Samples::new(target.base.clone());
        let mut reply = match &job.fetched {
            Err(failure) => Reply::failed(failure.clone()),
            Ok(Fetched::Census(taken)) => defers::take(target, job, taken, &mut samples),
            Ok(Fetched::Answer(answer)) => decoded(target, job, answer, self.traces.as_deref(), &mut samples)
                .unwrap_or_else(Reply::failed),
        };
        if !reply.unknown_pcs.is_empty() {
            return reply;
        }
        reply.incarnation = target.incarnation.present();
        target.thin_out(&mut samples, job.at);
        target.account(job, &reply.state, &mut samples);
        self.sink.append(&job.target, job.kind.as_str(), job.at, &samples.points);
        if job.kind == CollectorKind::Count {
            target.has_index_page = !matches!(reply.state, State::Unsupported | State::NotPprof);
        }
        if let Some(total) =
            reply.goroutines.filter(|_| job.kind == CollectorKind::Goroutine && !target.has_index_page)
        {
            // Without an index page the profile's own total is the count.
            let mut own = Samples::new(target.base.clone());
            own.push(linger_series::metric::GOROUTINES, &[], total as f64);
            self.sink.append(&job.target, "total", job.at, &own.points);
        }
        for seen in target.incarnation.take_sightings() {
            let mut own = Samples::new(target.base.clone());
            own.push(linger_series::metric::INCARNATION, &[], seen.ordinal as f64);
            self.sink.append(&job.target, "incarnation", seen.at, &own.points);
            self.sink.remember(&target.incarnation.note_name(), &target.incarnation.to_note());
        }
        reply
    }

    /// Begins to know a target, or knows it anew.
    pub fn watch(&mut self, facts: Facts) {
        self.targets.insert(facts.name.clone(), TargetState::new(facts));
    }

    /// Forgets a target that is no longer watched.
    pub fn forget(&mut self, target: &str) {
        self.targets.remove(target);
        self.sink.forget(target);
    }
}

fn decoded(
    target: &mut TargetState,
    job: &Job,
    answer: &Answer,
    traces: Option<&Traces>,
    samples: &mut Samples,
) -> Result<Reply, Failure> {
    match job.kind {
        CollectorKind::Count => count::take(&answer.body, samples),
        CollectorKind::Goroutine => goroutine::take(target, job, answer, samples),
        CollectorKind::Heap => heap::take(target, job, answer, samples),
        CollectorKind::Cpu => cpu::take(target, job, answer, samples),
        CollectorKind::Mutex | CollectorKind::Block => contention::take(target, job.kind, answer, samples),
        CollectorKind::Trace => trace::take(target, job, answer, traces, samples),
        CollectorKind::Defers => {
            Err(Failure::new(State::Internal, "pending defers are not asked for over HTTP"))
        }
    }
}

#[cfg(test)]
mod tests;
