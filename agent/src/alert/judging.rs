//! When thresholds are judged: every half minute, on the pipeline's thread, between scrapes.

use super::{JUDGE_EVERY, Judge, STATES_NOTE};
use crate::clock;
use crate::exposition::Tee;
use crate::fleet::House;
use crate::live::Live;
use crate::pipeline::Pipeline;
use crate::pipeline::sink::{Sink, ToStore};
use crate::report::CollectorStatus;
use linger_config::Config;
use linger_store::Store;
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

/// The judge and what it needs; clones share it.
#[derive(Clone)]
pub struct Judging {
    bench: Arc<Mutex<Bench>>,
    /// A configuration to judge by from the next turn on: whoever brings it does not wait for a turn under way.
    next: Arc<Mutex<Option<Config>>>,
    store: Store,
    live: Arc<Live>,
    every: Duration,
}

struct Bench {
    judge: Judge,
    sink: Tee<ToStore>,
}

impl Judging {
    /// Judges `config` (scaled), with the states an earlier agent left.
    ///
    /// # Errors
    /// When the store does not give them.
    pub fn new(config: &Config, house: &House) -> Result<Self, linger_store::Error> {
        let House { store, live, time_scale, .. } = house;
        let judge = Judge::new(config, *time_scale, store.note(STATES_NOTE)?.as_deref());
        let bench = Bench { judge, sink: house.sink() };
        Ok(Self {
            bench: Arc::new(Mutex::new(bench)),
            next: Arc::default(),
            store: store.clone(),
            live: live.clone(),
            every: JUDGE_EVERY.div_f64(*time_scale).max(Duration::from_secs(1)),
        })
    }

    /// Judges by another configuration (scaled) from the next turn on.
    pub fn exchange(&self, config: Config) {
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = Some(config);
    }

    /// Has a turn made on time until `stop` turns true.
    pub async fn run(self, pipeline: Pipeline, mut stop: watch::Receiver<bool>) {
        let mut turns = tokio::time::interval(self.every);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = turns.tick() => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            let this = self.clone();
            pipeline.between_scrapes(Box::new(move || this.turn()));
        }
    }

    fn turn(&self) {
        let mut bench = match self.bench.try_lock() {
            Ok(bench) => bench,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                tracing::error!("thresholds are not judged: an earlier turn has not ended");
                return;
            }
        };
        let Bench { judge, sink } = &mut *bench;
        if let Some(config) = self.next.lock().unwrap_or_else(PoisonError::into_inner).take() {
            judge.exchange(&config);
            sink.remember(STATES_NOTE, &judge.to_note());
        }
        let now = clock::now();
        let due_within = |target: &str, collectors: &[&str]| {
            let status = self.live.target(target);
            let all = status.iter().flat_map(|t| &t.collectors);
            let answered = all.filter(|c| collectors.contains(&&*c.collector) && c.last_ok_ms.is_some());
            answered.map(CollectorStatus::answer_due_within).max().unwrap_or_default()
        };
        match judge.turn(&self.store, now, &due_within) {
            Err(e) => {
                tracing::error!("thresholds cannot be judged: {e}");
                self.live.set_judged(now.0, Err(e));
            }
            Ok(verdicts) => {
                for (target, growth) in &verdicts.growth {
                    sink.append(target, "growth", now, growth);
                }
                self.live.set_judged(now.0, Ok(verdicts.alerts));
                for change in &verdicts.changes {
                    if change.fired {
                        tracing::warn!("{}", change.text);
                    } else {
                        tracing::info!("{}", change.text);
                    }
                }
                if verdicts.states_changed {
                    sink.remember(STATES_NOTE, &judge.to_note());
                }
            }
        }
    }
}
