//! While the agent runs: it looks after the fleet, takes the configuration again when told to, notices a moved clock and
//! tells systemd that it lives.
//!
//! A reload is all or nothing: a configuration with any fault, or one that asks for what only a new process can do,
//! changes nothing and is said in the log and in `linger status`. The same holds for the files that name targets, which
//! are read again and again.

use super::signals::{Asked, Signals};
use super::{Setup, systemd, tally};
use crate::alert::{Judging, rules_in_words};
use crate::clock::{self, JumpWatch};
use crate::fleet::{Changes, Fleet, Lost};
use crate::live::Live;
use crate::logs;
use crate::report::ClockJump;
use linger_config::{Config, Target};
use linger_store::Store;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior};

/// How often the fleet is looked after.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Files that name targets are read at most this often, however fast the agent lives.
const REFRESH_LEAST: Duration = Duration::from_secs(1);
/// How long files of the configuration may take to be read.
const READ_WITHIN: Duration = Duration::from_secs(10);
/// When the tally is written: every collector but `trace` had its first turn.
const TALLY_AFTER: Duration = Duration::from_secs(60);

pub(super) struct Conductor {
    setup: Setup,
    /// The configuration in force, not scaled, without what its files name.
    running: Config,
    /// The targets in force, those that files name among them, not scaled.
    targets: Vec<Target>,
    fleet: Fleet,
    judging: Judging,
    live: Arc<Live>,
    store: Store,
    started: Instant,
    tallied: bool,
}

impl Conductor {
    /// Of an agent that watches nothing yet.
    pub(super) fn new(setup: Setup, fleet: Fleet, judging: Judging, live: Arc<Live>, store: Store) -> Self {
        let running = setup.config.clone();
        let (targets, started) = (Vec::new(), Instant::now());
        Self { setup, running, targets, fleet, judging, live, store, started, tallied: false }
    }

    /// Begins to watch. Files that name targets and cannot be read now are read again later.
    pub(super) async fn begin(&mut self) {
        let targets = match discover(&self.running).await {
            Ok(targets) => targets,
            Err(why) => {
                self.discovered(Err(why));
                self.running.targets.clone()
            }
        };
        self.watch(targets).await;
    }

    /// Until a signal says stop.
    ///
    /// # Errors
    /// When the agent cannot go on.
    pub(super) async fn run(&mut self, mut signals: Signals) -> Result<(), Lost> {
        let end = self.until_stopped(&mut signals).await;
        signals.stop_means_now();
        end
    }

    async fn until_stopped(&mut self, signals: &mut Signals) -> Result<(), Lost> {
        let every = systemd::watchdog().map_or(LOOK_EVERY, |limit| LOOK_EVERY.min(limit / 3));
        let mut turns = tokio::time::interval(every);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut jumps = JumpWatch::new(clock::now(), self.started.elapsed());
        let mut looked = Instant::now();
        loop {
            let refresh = self.running.refresh().map(|every| looked + self.scaled(every.get()));
            tokio::select! {
                () = until(refresh) => {
                    self.refresh().await;
                    looked = Instant::now();
                }
                _ = turns.tick() => {
                    self.look_at_clock(&mut jumps);
                    self.fleet.look_after().await?;
                    self.tally().await;
                    logs::tell_repeats();
                    systemd::alive(&self.in_words());
                }
                asked = signals.next() => match asked {
                    Asked::Reload => self.reload().await,
                    Asked::Stop => return Ok(()),
                },
            }
        }
    }

    /// What is to be stopped now, and the folder it lives in.
    pub(super) fn end(self) -> (Fleet, PathBuf) {
        (self.fleet, self.setup.data)
    }

    /// An interval as long as the agent lives it.
    fn scaled(&self, interval: Duration) -> Duration {
        interval.div_f64(self.setup.time_scale.get()).max(REFRESH_LEAST)
    }

    fn look_at_clock(&self, jumps: &mut JumpWatch) {
        let now = clock::now();
        let Some(by_ms) = jumps.look(now, self.started.elapsed()) else { return };
        let by_s = by_ms as f64 / 1000.0;
        if by_ms > 0 {
            tracing::warn!(by_s, "the clock moved forward, or the machine slept: points have a gap there");
        } else {
            tracing::warn!(
                by_s,
                "the clock moved back: points are refused until it has passed the newest one"
            );
        }
        self.live.set_clock_jump(ClockJump { at_ms: now.0, by_s });
    }

    /// Once, after the first minute.
    async fn tally(&mut self) {
        if self.tallied || self.started.elapsed() < TALLY_AFTER {
            return;
        }
        self.tallied = true;
        let (live, store) = (self.live.clone(), self.store.clone());
        // It looks at files.
        if let Ok(status) = tokio::task::spawn_blocking(move || live.status(&store, clock::now().0)).await {
            tally::tell(&status);
        }
    }

    fn in_words(&self) -> String {
        let targets = self.live.targets();
        let up = targets.iter().filter(|t| t.up).count();
        format!("{up} of {} targets up", targets.len())
    }

    async fn reload(&mut self) {
        systemd::reloading();
        let outcome = self.load_and_apply().await;
        match &outcome {
            Ok(changes) => tracing::info!("configuration loaded again: {changes}"),
            Err(why) => tracing::error!("configuration not loaded, the former one stays in force: {why}"),
        }
        let now = clock::now();
        self.fleet.vitals().reloaded(outcome.is_ok(), now);
        self.live.set_reload(now.0, outcome.map(drop));
        systemd::ready();
    }

    async fn load_and_apply(&mut self) -> Result<String, String> {
        let load = self.setup.load.clone();
        let config = read(move || load()).await?;
        needs_restart(&self.running, &config)?;
        let targets = discover(&config).await?;
        self.discovered(Ok(()));
        if config == self.running && targets == self.targets {
            return Ok("nothing changed".into());
        }
        self.store.set_retention(config.retention.raw.get(), config.retention.bytes.get());
        self.running = config;
        Ok(self.watch(targets).await.to_string())
    }

    /// Reads the files that name targets once more.
    async fn refresh(&mut self) {
        match discover(&self.running).await {
            Ok(targets) => {
                self.discovered(Ok(()));
                if targets != self.targets {
                    let changes = self.watch(targets).await;
                    tracing::info!("files name other targets: {changes}");
                }
            }
            Err(why) => self.discovered(Err(why)),
        }
    }

    fn discovered(&self, outcome: Result<(), String>) {
        if let Err(why) = &outcome {
            tracing::error!("files that name targets cannot be used, the former targets stay: {why}");
        }
        self.live.set_discovery(clock::now().0, outcome);
    }

    async fn watch(&mut self, targets: Vec<Target>) -> Changes {
        self.targets = targets;
        let effective = Config { targets: self.targets.clone(), ..self.running.clone() };
        let scaled = effective.scaled(self.setup.time_scale);
        let changes = self.fleet.exchange(&scaled).await;
        self.live.set_rules(rules_in_words(&scaled));
        self.judging.exchange(scaled);
        changes
    }
}

/// The targets of a configuration and of the files it names; on failure all that is wrong in them.
async fn discover(config: &Config) -> Result<Vec<Target>, String> {
    if config.file_sd.is_empty() {
        return Ok(config.targets.clone());
    }
    let config = config.clone();
    read(move || config.discover().map_err(|e| e.to_string())).await
}

/// Reads files on a thread that may wait, for so long: a file system that does not answer must not stop the rest.
async fn read<T: Send + 'static>(
    reading: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    match tokio::time::timeout(READ_WITHIN, tokio::task::spawn_blocking(reading)).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err("reading panicked; please report it".into()),
        Err(_) => Err(format!("a file did not answer within {} s", READ_WITHIN.as_secs())),
    }
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// Whether a configuration can be taken while running, or what stands against it.
fn needs_restart(running: &Config, new: &Config) -> Result<(), String> {
    let fixed = [
        ("listen", running.listen != new.listen),
        ("metrics_listen", running.metrics_listen != new.metrics_listen),
        ("auth", running.auth != new.auth),
        ("tls", running.tls != new.tls),
        ("data", running.data != new.data),
    ];
    let changed: Vec<&str> = fixed.into_iter().filter(|(_, changed)| *changed).map(|(key, _)| key).collect();
    if new.targets.is_empty() && new.file_sd.is_empty() {
        return Err("it names no target".into());
    }
    match changed.as_slice() {
        [] => Ok(()),
        keys => Err(format!("a change of {} needs a restart", keys.join(" and "))),
    }
}

#[cfg(test)]
mod tests {
    use super::needs_restart;
    use linger_config::Config;

    #[test]
    fn what_a_running_agent_cannot_change_is_refused_by_name() {
        let running = Config::for_targets(["http://127.0.0.1:6060"]).unwrap();
        assert_eq!(needs_restart(&running, &running), Ok(()));
        let mut other = Config::for_targets(["http://127.0.0.1:7070"]).unwrap();
        other.alerts.clear();
        assert_eq!(needs_restart(&running, &other), Ok(()));
        other.listen = "127.0.0.1:1".parse().unwrap();
        other.data = Some("/elsewhere".into());
        assert_eq!(
            needs_restart(&running, &other),
            Err("a change of listen and data needs a restart".into())
        );
        assert_eq!(needs_restart(&running, &Config::default()), Err("it names no target".into()));
    }
}
