//! While the agent runs: it looks after the fleet, takes the configuration again when told to, notices a moved clock and
//! tells systemd that it lives.
//!
//! A reload is all or nothing: a configuration with any fault, or one that asks for what only a new process can do,
//! changes nothing and is said in the log and in `linger status`.

use super::signals::{Asked, Signals};
use super::{Setup, systemd, tally};
use crate::alert::{Judging, rules_in_words};
use crate::clock::{self, JumpWatch};
use crate::fleet::{Fleet, Lost};
use crate::live::Live;
use crate::logs;
use crate::report::ClockJump;
use linger_config::Config;
use linger_store::Store;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior};

/// How often the fleet is looked after.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// When the tally is written: every collector but `trace` had its first turn.
const TALLY_AFTER: Duration = Duration::from_secs(60);

pub(super) struct Conductor {
    setup: Setup,
    /// The configuration in force, not scaled.
    running: Config,
    fleet: Fleet,
    judging: Judging,
    live: Arc<Live>,
    store: Store,
    started: Instant,
    tallied: bool,
}

impl Conductor {
    pub(super) fn new(setup: Setup, fleet: Fleet, judging: Judging, live: Arc<Live>, store: Store) -> Self {
        let running = setup.config.clone();
        Self { setup, running, fleet, judging, live, store, started: Instant::now(), tallied: false }
    }

    /// Until a signal says stop.
    ///
    /// # Errors
    /// When the agent cannot go on.
    pub(super) async fn run(&mut self, mut signals: Signals) -> Result<(), Lost> {
        let every = systemd::watchdog().map_or(LOOK_EVERY, |limit| LOOK_EVERY.min(limit / 3));
        let mut turns = tokio::time::interval(every);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut jumps = JumpWatch::new(clock::now(), self.started.elapsed());
        loop {
            tokio::select! {
                _ = turns.tick() => {
                    self.look_at_clock(&mut jumps);
                    self.fleet.look_after()?;
                    self.tally().await;
                    logs::tell_repeats();
                    systemd::alive(&self.in_words());
                }
                asked = signals.next() => match asked {
                    Asked::Reload => self.reload().await,
                    Asked::Stop => break,
                },
            }
        }
        signals.stop_means_now();
        Ok(())
    }

    /// What is to be stopped now, and the folder it lives in.
    pub(super) fn end(self) -> (Fleet, PathBuf) {
        (self.fleet, self.setup.data)
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
        self.live.set_reload(clock::now().0, outcome.map(drop));
        systemd::ready();
    }

    async fn load_and_apply(&mut self) -> Result<String, String> {
        let load = self.setup.load.clone();
        let loaded = tokio::task::spawn_blocking(move || load()).await;
        let config = loaded.map_err(|_| "loading it panicked; please report it".to_owned())??;
        needs_restart(&self.running, &config)?;
        if config == self.running {
            return Ok("nothing changed".into());
        }
        let scaled = config.clone().scaled(self.setup.time_scale);
        let changes = self.fleet.exchange(&scaled).await;
        self.judging.exchange(scaled.clone());
        self.live.set_rules(rules_in_words(&scaled));
        self.store.set_retention(config.retention.raw.get(), config.retention.bytes.get());
        self.running = config;
        Ok(changes.to_string())
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
