//! The agent's life on one screen: configure, open, bind, spawn, run until a signal, stop in the order of the
//! flow, say what happened.

mod conductor;
mod signals;
mod systemd;
mod tally;

use crate::alert::Judging;
use crate::ask::{AGENT_FILE, AgentFile};
use crate::exposition::{Latest, Sources, Vitals};
use crate::fleet::{Fleet, House, Lost};
use crate::live::{Live, STATUS_NOTE};
use crate::serve::{Guard, Listener, Refusal};
use crate::traces::{Limits, Traces};
use crate::{api, clock, exposition};
use conductor::Conductor;
use linger_config::{Config, TimeScale};
use linger_store::{Options, Store};
use signals::Signals;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::LocalOptions;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

/// Blocking threads for questions, files and searches for processes: few, each costs a stack.
const BLOCKING_THREADS_MAX: usize = 4;
/// How long one waits for more: longer than from one count of defers to the next, so that one thread stays. Starting and
/// ending another each time costs more than most of what it is for.
const BLOCKING_THREAD_LIFE: Duration = Duration::from_secs(20);
/// How often the status is saved and the store looks after its partitions.
const HOUSEKEEPING_EVERY: Duration = Duration::from_secs(60);
/// Resident memory above which what was freed is given back: some MiB more than an agent beside one service needs.
const TRIM_ABOVE_BYTES: u64 = 18 * 1024 * 1024;
/// How long stopping may take before the process goes anyway; the store loses nothing by it.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// Reads the configuration again, all its layers, as at the start; on failure all that is wrong with it.
pub type Loader = Arc<dyn Fn() -> Result<Config, String> + Send + Sync>;

/// How often it is looked whether the worker has ended.
const POLL: Duration = Duration::from_millis(5);

/// What the command line decided.
#[derive(Clone)]
pub struct Setup {
    /// The configuration, command line applied, not scaled yet.
    pub config: Config,
    /// The store's folder.
    pub data: PathBuf,
    /// How many times faster than the clock to live.
    pub time_scale: TimeScale,
    /// For SIGHUP.
    pub load: Loader,
}

/// Why the agent does not run.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// No target anywhere.
    NoTarget,
    /// The store does not open.
    Store(linger_store::Error),
    /// Another agent has the store open.
    Held(PathBuf, AgentFile),
    /// The API's address, or that of the metrics, cannot be listened on.
    Listen(Refusal),
    /// The system refuses something the agent needs.
    System(&'static str, std::io::Error),
    /// It ran, and could not go on.
    Lost(Lost),
}

impl Error {
    /// The next step for the user.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoTarget => {
                Some("name one: linger agent http://127.0.0.1:6060, or list targets in --config FILE")
            }
            Self::Store(_) | Self::Held(..) => Some("each agent needs a folder of its own: --data DIR"),
            Self::Listen(refusal) => Some(refusal.hint()),
            Self::System(..) | Self::Lost(_) => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTarget => f.write_str("no target to scrape"),
            Self::Store(e) => write!(f, "{e}"),
            Self::Held(data, by) => write!(
                f,
                "the store in {} is open elsewhere: by the agent with pid {}, which listens on {}",
                data.display(),
                by.pid,
                by.listen
            ),
            Self::Listen(refusal) => write!(f, "{refusal}"),
            Self::System(what, e) => write!(f, "{what}: {e}"),
            Self::Lost(e) => write!(f, "{e}"),
        }
    }
}

impl std::error::Error for Error {}

/// Runs an agent until a signal stops it.
///
/// # Errors
/// What kept it from starting, or from going on.
pub fn run(setup: Setup) -> Result<(), Error> {
    if setup.config.targets.is_empty() && setup.config.file_sd.is_empty() {
        return Err(Error::NoTarget);
    }
    linger_probe::keep_little();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .thread_keep_alive(BLOCKING_THREAD_LIFE)
        .build_local(LocalOptions::default())
        .map_err(|e| Error::System("no runtime", e))?;
    let end = runtime.block_on(live(setup));
    // A question that hangs on the disk is not waited for.
    runtime.shutdown_timeout(Duration::from_millis(100));
    end
}

async fn live(setup: Setup) -> Result<(), Error> {
    let config = setup.config.clone().scaled(setup.time_scale);
    let time_scale = setup.time_scale.get();
    let signals = Signals::catch().map_err(|e| Error::System("signals cannot be caught", e))?;
    let listener = Listener::bind(&config.listen, &api::guard(&config)).await.map_err(Error::Listen)?;
    let metrics_listener = match &config.metrics_listen {
        Some(address) => Some(Listener::bind(address, &Guard::Open).await.map_err(Error::Listen)?),
        None => None,
    };
    let listen = listener.address().to_string();
    let store = open_store(&setup.data, &config, setup.time_scale)?;
    let live = Arc::new(Live::new(time_scale, &listen, &setup.data));
    let (latest, vitals) = (Arc::new(Latest::default()), Arc::new(Vitals::new(clock::now())));
    let traces = Arc::new(Traces::open(&setup.data, Limits::from(&config.retention)));
    let sources = Sources::new(latest.clone(), live.clone(), store.clone(), vitals.clone());
    let house = House {
        store: store.clone(),
        latest,
        live: live.clone(),
        vitals,
        time_scale,
        traces: traces.clone(),
    };
    let judging = Judging::new(&config, &house).map_err(Error::Store)?;
    let fleet = Fleet::new(house).map_err(|e| Error::System("no thread for the pipeline", e))?;
    announce(&setup.data, &listener)?;

    let pipeline = fleet.pipeline().clone();
    let mut conductor = Conductor::new(setup, fleet, judging.clone(), live.clone(), store.clone());
    conductor.begin().await;

    let (stop, stopping) = watch::channel(false);
    let mut parts = vec![
        tokio::task::spawn_local(judging.run(pipeline, stopping.clone())),
        tokio::task::spawn_local(keep_house(store.clone(), live.clone(), stopping.clone())),
    ];
    if let Some(listener) = metrics_listener {
        tracing::info!(listen = %listener, "metrics are served");
        let serving = exposition::serve(listener, sources.clone(), stopping.clone());
        parts.push(tokio::task::spawn_local(told("the metrics' listener", serving)));
    }
    let credentials = config.auth.clone();
    let asked = api::Asked { store: store.clone(), live: live.clone(), traces };
    let serving = async move { api::serve(listener, credentials.as_ref(), asked, sources, stopping).await };
    parts.push(tokio::task::spawn_local(told("the API's listener", serving)));
    tracing::info!(
        targets = live.targets().len(),
        listen,
        data = %store.dir().display(),
        "linger is up; ask it with `linger status`"
    );
    systemd::ready();

    let lost = conductor.run(signals).await.err();
    tracing::info!("stopping");
    systemd::stopping();
    let (fleet, data) = conductor.end();
    let in_order = async {
        let worker = fleet.stop().await;
        let _ = stop.send(true);
        for part in parts {
            let _ = part.await;
        }
        // Not joined: one that hangs would be waited for in vain.
        while !worker.is_finished() && lost.is_none() {
            tokio::time::sleep(POLL).await;
        }
        let _ = std::fs::remove_file(data.join(AGENT_FILE));
        // On a thread of its own, so that a second signal is heard while a slow disk syncs.
        tokio::task::spawn_blocking(move || {
            save_status(&store, &live);
            store.close()
        })
        .await
    };
    match tokio::time::timeout(STOP_WITHIN, in_order).await {
        Ok(Ok(closed)) => closed.map_err(Error::Store)?,
        Ok(Err(_)) => tracing::error!("closing the store panicked; please report it"),
        Err(_) => tracing::warn!("some part did not stop in time; nothing acknowledged is lost"),
    }
    lost.map_or(Ok(()), |lost| Err(Error::Lost(lost)))
}

/// A listener that fails is said; the rest goes on.
async fn told(what: &str, serving: impl Future<Output = std::io::Result<()>>) {
    if let Err(e) = serving.await {
        tracing::error!("{what} failed: {e}");
    }
}

fn open_store(data: &Path, config: &Config, time_scale: TimeScale) -> Result<Store, Error> {
    let options = Options {
        commit_every: Options::default().commit_every.div_f64(time_scale.get()),
        retention_age: config.retention.raw.get(),
        retention_bytes: config.retention.bytes.get(),
        clock_settled: clock::has_settled(),
        ..Options::default()
    };
    Store::open(data, options).map_err(|e| match (&e, AgentFile::read(data)) {
        (linger_store::Error::Locked { .. }, Some(by)) => Error::Held(data.to_owned(), by),
        _ => Error::Store(e),
    })
}

/// Leaves the file by which `--data` finds this agent.
fn announce(data: &Path, listener: &Listener) -> Result<(), Error> {
    let listen = if listener.speaks_tls() { listener.url() } else { listener.address().to_string() };
    let file = AgentFile { pid: std::process::id(), listen };
    let text = serde_json::to_vec(&file).unwrap_or_default();
    std::fs::write(data.join(AGENT_FILE), text)
        .map_err(|e| Error::System("the data folder cannot be written", e))
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
            let maintained = store.maintain(clock::now());
            if linger_probe::Usage::now().rss_bytes > Some(TRIM_ABOVE_BYTES) {
                linger_probe::trim();
            }
            maintained
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
