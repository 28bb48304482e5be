//! The targets under watch: started, exchanged at a reload, looked after, and looked at once more before the end.
//!
//! One task for each target and lane. A task that died or sits at one scrape beyond all its timeouts is replaced, and
//! so is the worker that decodes for all; each time it is said. What cannot be mended that way ends the agent, whose
//! own supervisor (systemd, the kubelet) then starts a fresh one.

use crate::clock;
use crate::exposition::{Latest, Tee, Vitals};
use crate::live::{self, Live, STATUS_NOTE};
use crate::pipeline::sink::ToStore;
use crate::pipeline::{Facts, Hung, Pipeline, Shown, Work, Worker, incarnation_note};
use crate::report::{DefersHeld, Status, TargetStatus};
use crate::scrape::lane::Scraper;
use crate::scrape::schedule::{FIRST_TURN_WITHIN, Lane, Plan, Rules, Schedule};
use crate::traces::{Limits, Traces};
use linger_config::{Config, Target, TargetUrl};
use linger_store::Store;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle as ThreadHandle;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Longest time at decoding one scrape, or at judging all thresholds: the largest bodies accepted decode within two
/// seconds.
const DECODE_TIME_MAX: Duration = Duration::from_secs(30);
/// Workers replaced at most. Each leaves a thread behind that may spin for ever.
const WORKERS_REPLACED_MAX: usize = 3;
/// Time for the last look at all targets together; a pod's grace period is nearly over then.
const LAST_LOOK_MAX: Duration = Duration::from_secs(1);

/// Targets named in a line of the log.
const NAMED_MAX: usize = 10;

/// What all targets share.
pub struct House {
    /// Where their points go.
    pub store: Store,
    /// Their newest values, for Prometheus.
    pub latest: Arc<Latest>,
    /// Where their state is shown.
    pub live: Arc<Live>,
    /// Where restarts are counted.
    pub vitals: Arc<Vitals>,
    /// How many times faster than the clock they are watched.
    pub time_scale: f64,
    /// Where the last traces of each are kept.
    pub traces: Arc<Traces>,
}

impl House {
    /// Where points go.
    #[must_use]
    pub fn sink(&self) -> Tee<ToStore> {
        Tee::new(ToStore::new(self.store.clone()), self.latest.clone())
    }
}

/// The targets under watch.
pub struct Fleet {
    house: House,
    pipeline: Pipeline,
    worker: ThreadHandle<()>,
    workers_replaced: usize,
    /// What hung when it was looked after last: a process that was stopped for a while (SIGSTOP, a paused container)
    /// seems to hang at its first turn after that, and only then.
    suspect: Option<Hung>,
    shared: Shared,
    watched: Vec<Watched>,
    epoch: Instant,
}

/// What the configuration says for all targets.
#[derive(Clone, Debug, Default, PartialEq)]
struct Shared {
    sites_max: usize,
    duty_cycle_max: f64,
}

/// What was learned of a target, for when it is watched by other rules.
struct Learned {
    url: TargetUrl,
    schedule: Schedule,
    status: Option<TargetStatus>,
}

struct Watched {
    target: Target,
    scraper: Rc<Scraper>,
    lanes: Vec<(Lane, JoinHandle<()>)>,
    stop: watch::Sender<bool>,
}

/// What an exchange did, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Newly watched.
    pub added: Vec<String>,
    /// No longer watched.
    pub removed: Vec<String>,
    /// Watched by other rules from now on.
    pub changed: Vec<String>,
}

impl Changes {
    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

impl std::fmt::Display for Changes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let named = |what: &str, names: &[String]| match names {
            [] => None,
            names if names.len() > NAMED_MAX => Some(format!("{} targets {what}", names.len())),
            names => Some(format!("{what} {}", names.join(", "))),
        };
        let parts =
            [named("added", &self.added), named("removed", &self.removed), named("changed", &self.changed)];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        if parts.is_empty() { f.write_str("no target changed") } else { f.write_str(&parts.join("; ")) }
    }
}

/// Why the agent cannot go on.
#[derive(Debug)]
#[non_exhaustive]
pub enum Lost {
    /// Workers hang again and again.
    Workers(usize),
    /// The system gives no thread for another one.
    Thread(std::io::Error),
}

impl std::fmt::Display for Lost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Workers(n) => {
                write!(f, "decoding hung {n} times; only a new process can free the threads left behind")
            }
            Self::Thread(e) => write!(f, "decoding hung, and there is no thread for another worker: {e}"),
        }
    }
}

impl Fleet {
    /// Watches nothing yet.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn new(house: House) -> std::io::Result<Self> {
        let worker = Worker::new([], house.sink(), Some(house.traces.clone()));
        let (pipeline, worker) = Pipeline::start(worker)?;
        let shared = Shared::default();
        let (watched, epoch) = (Vec::new(), Instant::now());
        Ok(Self { house, pipeline, worker, workers_replaced: 0, suspect: None, shared, watched, epoch })
    }

    /// The worker that decodes.
    #[must_use]
    pub fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// Where what happens is counted.
    #[must_use]
    pub fn vitals(&self) -> &Vitals {
        &self.house.vitals
    }

    /// Watches what `config` (scaled) says from now on. Targets that it does not change go on undisturbed.
    pub async fn exchange(&mut self, config: &Config) -> Changes {
        let shared = Shared {
            sites_max: usize::try_from(config.sites_max).unwrap_or(usize::MAX),
            // Who lives faster may spend as much per turn as otherwise.
            duty_cycle_max: config.duty_cycle_max.get() * self.house.time_scale,
        };
        self.house.traces.set_limits(Limits::from(&config.retention));
        let same_rules = shared == self.shared;
        self.shared = shared;
        let mut changes = Changes::default();
        let (mut kept, mut learned) = (Vec::new(), HashMap::new());
        for former in std::mem::take(&mut self.watched) {
            let name = former.target.name.clone();
            match config.targets.iter().find(|t| t.name == name) {
                Some(same) if *same == former.target && same_rules => {
                    kept.push(former);
                    continue;
                }
                Some(_) => changes.changed.push(name.clone()),
                None => changes.removed.push(name.clone()),
            }
            let learned_of = Learned {
                url: former.target.url.clone(),
                schedule: former.scraper.schedule.borrow().clone(),
                status: self.house.live.target(&name),
            };
            learned.insert(name, learned_of);
            self.part_with(former).await;
        }
        self.watched = kept;
        let is_watched = |t: &&Target| self.watched.iter().any(|w| w.target.name == t.name);
        let others: Vec<Target> = config.targets.iter().filter(|t| !is_watched(t)).cloned().collect();
        let held =
            |name: &str| learned.get(name).and_then(|l| l.status.clone()).unwrap_or_default().defers_held;
        let held = others.iter().map(|t| (t.name.clone(), held(&t.name))).collect();
        for facts in self.facts(&others, held).await {
            let Some(target) = others.iter().find(|t| t.name == facts.name) else { continue };
            if !changes.changed.contains(&target.name) {
                changes.added.push(target.name.clone());
            }
            let former = learned.get(&target.name).filter(|former| former.url == target.url);
            let watched = self.watch(target, facts, former);
            self.watched.push(watched);
        }
        self.house.live.order(config.targets.iter().map(|t| &*t.name));
        changes
    }

    fn watch(&self, target: &Target, facts: Facts, former: Option<&Learned>) -> Watched {
        let status = live::not_yet(target, self.shared.duty_cycle_max);
        self.house.live.add(match former.and_then(|former| former.status.as_ref()) {
            Some(former) => status.following(former),
            None => status,
        });
        self.pipeline.watch(facts);
        let scraper = Rc::new(self.scraper(target, former.map(|former| &former.schedule)));
        let (stop, _) = watch::channel(false);
        let lanes = Lane::ALL.map(|lane| (lane, spawn(&scraper, lane, &stop)));
        Watched { target: target.clone(), scraper, lanes: lanes.into(), stop }
    }

    async fn part_with(&self, former: Watched) {
        former.stop.send_replace(true);
        for (_, lane) in former.lanes {
            let _ = lane.await;
        }
        self.pipeline.forget(&former.target.name);
        self.house.live.remove(&former.target.name);
    }

    fn scraper(&self, target: &Target, former: Option<&Schedule>) -> Scraper {
        let rules = Rules {
            duty_cycle_max: self.shared.duty_cycle_max,
            time_scale: self.house.time_scale,
            first_turn_within: FIRST_TURN_WITHIN,
        };
        let fresh = Schedule::new(&target.name, &Plan::all(&target.collectors), rules, self.epoch.elapsed());
        let schedule = match former {
            Some(former) => fresh.following(former),
            None => fresh,
        };
        Scraper::new(target, schedule, self.pipeline.clone(), self.house.live.clone(), self.epoch)
    }

    /// What is given of targets, and what the store remembers of them: read on a thread that may wait for the disk.
    /// `held` is who held pending defers when each was watched by other rules.
    async fn facts(&self, targets: &[Target], held: HashMap<String, Vec<DefersHeld>>) -> Vec<Facts> {
        let (store, targets, sites_max) = (self.house.store.clone(), targets.to_vec(), self.shared.sites_max);
        let read = move || {
            let left = left_by_an_earlier_agent(&store);
            let due = |name: &str| count_due(held.get(name)).or_else(|| count_due(left.get(name)));
            targets.iter().map(|target| facts(&store, target, sites_max, due(&target.name))).collect()
        };
        match tokio::task::spawn_blocking(read).await {
            Ok(facts) => facts,
            Err(died) => std::panic::resume_unwind(died.into_panic()),
        }
    }

    /// Replaces what is dead or stuck, and says so. To be called every few seconds.
    ///
    /// # Errors
    /// When replacing does not help any more.
    pub async fn look_after(&mut self) -> Result<(), Lost> {
        let hung = self.pipeline.hung(DECODE_TIME_MAX);
        let again = hung.is_some() && hung == self.suspect;
        self.suspect = hung;
        if let Some(hung) = self.suspect.take_if(|_| again) {
            self.replace_worker(&hung).await?;
        }
        for watched in &mut self.watched {
            for (lane, task) in &mut watched.lanes {
                let Some(why) = why_replaced(&watched.scraper, *lane, task) else { continue };
                tracing::warn!(
                    target = watched.target.name,
                    lane = lane.as_str(),
                    "scraping restarted: {why}"
                );
                task.abort();
                let collector = watched.scraper.give_up(*lane).map_or(lane.as_str(), |kind| kind.as_str());
                self.house.vitals.restarted(&watched.target.name, collector);
                *task = spawn(&watched.scraper, *lane, &watched.stop);
                self.house.live.update(&watched.target.name, |t| t.restarts += 1);
            }
        }
        Ok(())
    }

    async fn replace_worker(&mut self, hung: &Hung) -> Result<(), Lost> {
        self.workers_replaced += 1;
        match &hung.work {
            Work::Scrape(target, kind) => {
                tracing::error!(target, collector = kind.as_str(), "decoding hung: the worker is replaced");
            }
            Work::Duty => tracing::error!("judging thresholds hung: the worker is replaced"),
        }
        if self.workers_replaced >= WORKERS_REPLACED_MAX {
            return Err(Lost::Workers(self.workers_replaced));
        }
        let targets: Vec<Target> = self.watched.iter().map(|w| w.target.clone()).collect();
        let held = |name: &str| self.house.live.target(name).unwrap_or_default().defers_held;
        let held = targets.iter().map(|t| (t.name.clone(), held(&t.name))).collect();
        let facts = self.facts(&targets, held).await;
        let worker = Worker::new(facts, self.house.sink(), Some(self.house.traces.clone()));
        self.worker = self.pipeline.replace(worker).map_err(Lost::Thread)?;
        Ok(())
    }

    /// Stops all lanes and looks at each target once more; what does not answer within a second is no news: the
    /// service commonly stops before its sidecar.
    pub async fn stop(mut self) -> ThreadHandle<()> {
        for watched in &self.watched {
            watched.stop.send_replace(true);
        }
        for watched in &mut self.watched {
            for (_, lane) in watched.lanes.drain(..) {
                let _ = lane.await;
            }
        }
        let looks: Vec<JoinHandle<()>> = self
            .watched
            .iter()
            .map(|w| w.scraper.clone())
            .map(|scraper| tokio::task::spawn_local(async move { scraper.last_look(LAST_LOOK_MAX).await }))
            .collect();
        for look in looks {
            let _ = look.await;
        }
        self.worker
    }
}

/// Who held pending defers, by target, as an earlier agent's last status has it.
fn left_by_an_earlier_agent(store: &Store) -> HashMap<String, Vec<DefersHeld>> {
    let note = store.note(STATUS_NOTE).ok().flatten();
    let status: Option<Status> = note.and_then(|note| serde_json::from_slice(&note).ok());
    let targets = status.map(|status| status.targets).unwrap_or_default();
    targets.into_iter().map(|t| (t.target, t.defers_held)).collect()
}

/// Within which time of the newest count in memory the next was due.
fn count_due(held: Option<&Vec<DefersHeld>>) -> Option<Duration> {
    let newest = held?.iter().max_by_key(|held| held.at_ms)?;
    Duration::try_from_secs_f64(newest.due_within_s).ok()
}

fn facts(store: &Store, target: &Target, sites_max: usize, count_due: Option<Duration>) -> Facts {
    Facts {
        name: target.name.clone(),
        labels: target.labels.clone(),
        sites_max,
        goroutine_profiles: target.collectors.goroutine.enabled,
        incarnation_note: store.note(&incarnation_note(&target.name)).ok().flatten(),
        shown: Shown::last(store, &target.name, clock::now(), count_due),
    }
}

fn spawn(scraper: &Rc<Scraper>, lane: Lane, stop: &watch::Sender<bool>) -> JoinHandle<()> {
    let (scraper, stopping) = (scraper.clone(), stop.subscribe());
    tokio::task::spawn_local(async move { scraper.run(lane, stopping).await })
}

fn why_replaced(scraper: &Scraper, lane: Lane, task: &JoinHandle<()>) -> Option<String> {
    if task.is_finished() {
        return Some("its task died; please report it".into());
    }
    let (kind, since) = scraper.overdue(lane)?;
    Some(format!("{kind} was at one scrape for {} s, beyond all its timeouts", since.as_secs()))
}
