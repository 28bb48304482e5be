//! The agent's life on one screen: configure, open, bind, spawn, wait for a signal, stop in the order of the
//! flow, say what happened.

use crate::alert::{JUDGE_EVERY, Judge, STATES_NOTE};
use crate::ask::{AGENT_FILE, AgentFile};
use crate::live::{Live, STATUS_NOTE};
use crate::pipeline::sink::{Sink, ToStore};
use crate::pipeline::{Facts, Pipeline, Shown, Worker, incarnation_note};
use crate::scrape::client::Client;
use crate::scrape::lane::Scraper;
use crate::scrape::schedule::{FIRST_TURN_WITHIN, Lane, Plan, Rules, Schedule, Tick};
use crate::{api, clock};
use linger_config::{Config, Target, TimeScale};
use linger_store::{Options, Store};
use std::cell::RefCell;
use std::fmt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::LocalSet;
use tokio::time::{Instant, MissedTickBehavior};

/// Blocking threads for questions and name look-ups: few, each costs a stack.
const BLOCKING_THREADS_MAX: usize = 4;
/// How often the status is saved and the store looks after its partitions.
const HOUSEKEEPING_EVERY: Duration = Duration::from_secs(60);
/// How long stopping may take before the process goes anyway; the store loses nothing by it.
const STOP_WITHIN: Duration = Duration::from_secs(10);
/// What the command line decided.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The configuration, command line applied, not scaled yet.
    pub config: Config,
    /// The store's folder.
    pub data: PathBuf,
    /// How many times faster than the clock to live.
    pub time_scale: TimeScale,
}

/// Why the agent does not run.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// No target anywhere.
    NoTarget,
    /// The store does not open.
    Store(linger_store::Error),
    /// The API's address cannot be listened on.
    Listen(std::net::SocketAddr, std::io::Error),
    /// The system refuses something the agent needs.
    System(&'static str, std::io::Error),
    /// The HTTP client does not come up.
    Client(reqwest::Error),
}

impl Error {
    /// The next step for the user.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoTarget => {
                Some("name one: linger agent http://127.0.0.1:6060, or list targets in --config FILE")
            }
            Self::Store(_) => Some("each agent needs a folder of its own: --data DIR"),
            Self::Listen(..) => Some("another agent may run already; choose another address with --listen"),
            Self::System(..) | Self::Client(_) => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTarget => f.write_str("no target to scrape"),
            Self::Store(e) => write!(f, "{e}"),
            Self::Listen(address, e) => write!(f, "cannot listen on {address}: {e}"),
            Self::System(what, e) => write!(f, "{what}: {e}"),
            Self::Client(e) => write!(f, "the HTTP client does not come up: {e}"),
        }
    }
}

impl std::error::Error for Error {}

/// Runs an agent until a signal stops it.
///
/// # Errors
/// What kept it from starting; once it runs it only ends by a signal.
pub fn run(setup: Setup) -> Result<(), Error> {
    if setup.config.targets.is_empty() {
        return Err(Error::NoTarget);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .thread_keep_alive(Duration::from_secs(5))
        .build()
        .map_err(|e| Error::System("no runtime", e))?;
    LocalSet::new().block_on(&runtime, live(setup))
}

async fn live(setup: Setup) -> Result<(), Error> {
    let scale = setup.time_scale;
    let config = setup.config.scaled(scale);
    let address = config.listen.get();
    let listener = TcpListener::bind(address).await.map_err(|e| Error::Listen(address, e))?;
    let store = open_store(&setup.data, &config)?;
    let listen = listener.local_addr().map_err(|e| Error::System("no local address", e))?;
    let live = Arc::new(Live::new(
        &config,
        config.duty_cycle_max.get() * scale.get(),
        scale.get(),
        &listen.to_string(),
        &setup.data,
    ));
    let client = Client::new().map_err(Error::Client)?;
    let worker =
        Worker::new(facts(&config, &store), ToStore::new(store.clone()), Some(setup.data.join("trace")));
    let (pipeline, pipeline_thread) =
        Pipeline::start(worker).map_err(|e| Error::System("no thread for the pipeline", e))?;
    let judge =
        Judge::new(&config.alerts, scale.get(), store.note(STATES_NOTE).map_err(Error::Store)?.as_deref());
    announce(&setup.data, &listen)?;

    let (stop, stopping) = watch::channel(false);
    let mut lanes = Vec::new();
    for target in &config.targets {
        let scraper = Rc::new(scraper(target, &config, scale, &client, &pipeline, &live));
        for lane in [Lane::Quick, Lane::Slow] {
            let (scraper, stopping) = (scraper.clone(), stopping.clone());
            lanes.push(tokio::task::spawn_local(async move { scraper.run(lane, stopping).await }));
        }
    }
    let judging = tokio::task::spawn_local(judge_on_time(
        judge,
        store.clone(),
        pipeline.clone(),
        live.clone(),
        scale,
        stopping.clone(),
    ));
    let keeping = tokio::task::spawn_local(keep_house(store.clone(), live.clone(), stopping.clone()));
    let serving = tokio::task::spawn_local(api::serve(listener, store.clone(), live.clone(), stopping));
    tracing::info!(
        targets = config.targets.len(),
        listen = %listen,
        data = %setup.data.display(),
        "linger is up; ask it with `linger status`"
    );

    wait_for_signal().await.map_err(|e| Error::System("signals cannot be caught", e))?;
    tracing::info!("stopping");
    let _ = stop.send(true);
    let in_order = async {
        for lane in lanes {
            let _ = lane.await;
        }
        let _ = judging.await;
        let _ = keeping.await;
        let _ = serving.await;
    };
    if tokio::time::timeout(STOP_WITHIN, in_order).await.is_err() {
        tracing::warn!("some part did not stop in time");
    }
    drop(pipeline);
    let _ = tokio::task::spawn_blocking(move || pipeline_thread.join()).await;
    let _ = std::fs::remove_file(setup.data.join(AGENT_FILE));
    save_status(&store, &live);
    store.close().map_err(Error::Store)
}

fn open_store(data: &Path, config: &Config) -> Result<Store, Error> {
    let options = Options {
        retention_age: config.retention.raw.get(),
        retention_bytes: config.retention.bytes.get(),
        clock_settled: clock::has_settled(),
        ..Options::default()
    };
    Store::open(data, options).map_err(Error::Store)
}

fn facts(config: &Config, store: &Store) -> Vec<Facts> {
    let fact = |t: &Target| Facts {
        name: t.name.clone(),
        labels: t.labels.clone(),
        sites_max: usize::try_from(config.sites_max).unwrap_or(usize::MAX),
        goroutine_profiles: t.collectors.goroutine.enabled,
        incarnation_note: store.note(&incarnation_note(&t.name)).ok().flatten(),
        shown: Shown::last(store, &t.name, clock::now()),
    };
    config.targets.iter().map(fact).collect()
}

fn scraper(
    target: &Target,
    config: &Config,
    scale: TimeScale,
    client: &Client,
    pipeline: &Pipeline,
    live: &Arc<Live>,
) -> Scraper {
    let plans: Vec<Plan> = target
        .collectors
        .iter()
        .map(|(kind, c)| Plan { kind, every: c.every.get(), enabled: c.enabled })
        .collect();
    // Who lives faster may spend as much per turn as otherwise.
    let rules = Rules {
        duty_cycle_max: config.duty_cycle_max.get() * scale.get(),
        time_scale: scale.get(),
        first_turn_within: FIRST_TURN_WITHIN,
    };
    Scraper {
        schedule: RefCell::new(Schedule::new(&target.name, &plans, rules, Tick::ZERO)),
        target: target.clone(),
        client: client.clone(),
        pipeline: pipeline.clone(),
        live: live.clone(),
        epoch: Instant::now(),
    }
}

/// Leaves the file by which `--data` finds this agent.
fn announce(data: &Path, listen: &std::net::SocketAddr) -> Result<(), Error> {
    let file = AgentFile { pid: std::process::id(), listen: listen.to_string() };
    let text = serde_json::to_vec(&file).unwrap_or_default();
    std::fs::write(data.join(AGENT_FILE), text)
        .map_err(|e| Error::System("the data folder cannot be written", e))
}

/// Has thresholds judged on the pipeline's thread, between scrapes.
async fn judge_on_time(
    judge: Judge,
    store: Store,
    pipeline: Pipeline,
    live: Arc<Live>,
    scale: TimeScale,
    mut stop: watch::Receiver<bool>,
) {
    let bench = Arc::new(Mutex::new((judge, ToStore::new(store.clone()))));
    let mut turns = tokio::time::interval(JUDGE_EVERY.div_f64(scale.get()).max(Duration::from_secs(1)));
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = turns.tick() => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        let (bench, store, live) = (bench.clone(), store.clone(), live.clone());
        pipeline.between_scrapes(Box::new(move || {
            let mut bench = bench.lock().unwrap_or_else(PoisonError::into_inner);
            let (judge, sink) = &mut *bench;
            judge_once(judge, sink, &store, &live);
        }));
    }
}

fn judge_once(judge: &mut Judge, sink: &mut ToStore, store: &Store, live: &Live) {
    let now = clock::now();
    let every = |target: &str, collector: &str| {
        let status = live.target(target);
        let found = status.and_then(|t| t.collectors.into_iter().find(|c| c.collector == collector));
        found.map_or(Duration::ZERO, |c| Duration::try_from_secs_f64(c.every_s).unwrap_or_default())
    };
    match judge.turn(store, now, &every) {
        Err(e) => {
            tracing::error!("thresholds cannot be judged: {e}");
            live.set_judged(now.0, Err(e));
        }
        Ok(verdicts) => {
            for (target, growth) in &verdicts.growth {
                sink.append(target, "growth", now, growth);
            }
            live.set_judged(now.0, Ok(verdicts.alerts));
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

async fn keep_house(store: Store, live: Arc<Live>, mut stop: watch::Receiver<bool>) {
    let mut turns = tokio::time::interval(HOUSEKEEPING_EVERY);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = turns.tick() => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        let (store, live) = (store.clone(), live.clone());
        let kept = tokio::task::spawn_blocking(move || {
            save_status(&store, &live);
            store.maintain(clock::now())
        });
        if let Ok(Err(e)) = kept.await {
            tracing::error!("the store's housekeeping failed: {e}");
        }
    }
}

/// Saves how things stand, for who reads the folder when no agent runs.
fn save_status(store: &Store, live: &Live) {
    let status = live.status(store, clock::now().0);
    let Ok(json) = serde_json::to_vec(&status) else { return };
    if let Err(e) = store.put_note(STATUS_NOTE, json, |_| {}) {
        tracing::error!("the status cannot be saved: {e}");
    }
}

async fn wait_for_signal() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    // The second one ends the process at once: the store loses nothing acknowledged by it.
    tokio::task::spawn_local(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        std::process::exit(130);
    });
    Ok(())
}
