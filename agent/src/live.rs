//! What the agent knows of itself and its targets at this moment: written by the tasks, read by the API,
//! saved now and then so that a stopped agent's folder can still say how it was left.

use crate::report::{
    AgentStatus, AlertStatus, ClockJump, CollectorStatus, Judged, Reload, RuleStatus, Status, StoreStatus,
    TargetStatus, VERSION,
};
use linger_config::{CollectorKind, Target};
use linger_probe::Usage;
use linger_store::{Stats, Store};
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Name of the store's note that holds the last status as JSON.
pub const STATUS_NOTE: &str = "status";

/// The shared picture.
#[derive(Debug)]
pub struct Live {
    agent: AgentStatus,
    board: Mutex<Board>,
}

#[derive(Debug, Default)]
struct Board {
    targets: Vec<TargetStatus>,
    rules: Vec<RuleStatus>,
    alerts: Vec<AlertStatus>,
    judged: Option<Judged>,
    reload: Option<Reload>,
    discovery: Option<Reload>,
    clock_jump: Option<ClockJump>,
}

impl Live {
    /// A picture of an agent that watches nothing yet.
    #[must_use]
    pub fn new(time_scale: f64, listen: &str, data: &Path) -> Self {
        let agent = AgentStatus {
            running: true,
            linger: env!("CARGO_PKG_VERSION").into(),
            pid: Some(std::process::id()),
            started_ms: crate::clock::now().0,
            listen: listen.into(),
            data: data.display().to_string(),
            time_scale,
            ..AgentStatus::default()
        };
        Self { agent, board: Mutex::default() }
    }

    /// Shows one more target.
    pub fn add(&self, target: TargetStatus) {
        let mut board = self.board();
        board.targets.retain(|t| t.target != target.target);
        board.targets.push(target);
    }

    /// Shows a target no longer, nor what fires on it.
    pub fn remove(&self, target: &str) {
        let mut board = self.board();
        board.targets.retain(|t| t.target != target);
        board.alerts.retain(|a| a.labels.get("target").is_none_or(|of| of != target));
    }

    /// Shows targets in the order of the configuration.
    pub fn order<'a>(&self, names: impl Iterator<Item = &'a str>) {
        let places: HashMap<&str, usize> = names.enumerate().map(|(i, name)| (name, i)).collect();
        self.board().targets.sort_by_key(|t| places.get(&*t.target).copied());
    }

    /// All targets' entries.
    #[must_use]
    pub fn targets(&self) -> Vec<TargetStatus> {
        self.board().targets.clone()
    }

    /// Shows these thresholds.
    pub fn set_rules(&self, rules: Vec<RuleStatus>) {
        self.board().rules = rules;
    }

    /// Takes how the last attempt to load the configuration again ended.
    pub fn set_reload(&self, now_ms: i64, outcome: Result<(), String>) {
        self.board().reload = Some(Reload { at_ms: now_ms, error: outcome.err() });
    }

    /// Takes how the last reading of the files that name targets ended.
    pub fn set_discovery(&self, now_ms: i64, outcome: Result<(), String>) {
        self.board().discovery = Some(Reload { at_ms: now_ms, error: outcome.err() });
    }

    /// Takes that the wall clock was moved.
    pub fn set_clock_jump(&self, jump: ClockJump) {
        self.board().clock_jump = Some(jump);
    }

    /// Changes one target's entry.
    pub fn update(&self, target: &str, change: impl FnOnce(&mut TargetStatus)) {
        if let Some(t) = self.board().targets.iter_mut().find(|t| t.target == target) {
            change(t);
        }
    }

    /// One target's entry.
    #[must_use]
    pub fn target(&self, target: &str) -> Option<TargetStatus> {
        self.board().targets.iter().find(|t| t.target == target).cloned()
    }

    /// Takes what a turn of the judge found, or why there was none.
    pub fn set_judged(&self, now_ms: i64, found: Result<Vec<AlertStatus>, String>) {
        let mut board = self.board();
        let error = found.map(|alerts| board.alerts = alerts).err();
        board.judged = Some(Judged { at_ms: now_ms, error });
    }

    /// Everything as of `now_ms`.
    #[must_use]
    pub fn status(&self, store: &Store, now_ms: i64) -> Status {
        let mut agent = self.agent.clone();
        let own = Usage::now();
        (agent.rss_bytes, agent.cpu_seconds) = (own.rss_bytes, own.cpu.map(|cpu| cpu.as_secs_f64()));
        // Before the lock: it looks at files, and the lanes want the board too.
        let store = store_status(&store.stats());
        let board = self.board();
        Status {
            version: VERSION,
            now_ms,
            as_of_ms: now_ms,
            agent,
            store,
            targets: board.targets.clone(),
            alerts: board.alerts.clone(),
            rules: board.rules.clone(),
            judged: board.judged.clone(),
            reload: board.reload.clone(),
            discovery: board.discovery.clone(),
            clock_jump: board.clock_jump,
        }
    }

    /// A panic of one writer leaves whole entries behind: the board stays usable.
    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A target before its first scrape.
#[must_use]
pub fn not_yet(target: &Target, duty_cycle_max: f64) -> TargetStatus {
    let collectors = target.collectors.iter().map(|(kind, c)| CollectorStatus {
        collector: kind.as_str().into(),
        state: if c.enabled { "scheduled" } else { "off" }.into(),
        every_s: c.every.get().as_secs_f64(),
        every_configured_s: c.every.get().as_secs_f64(),
        ..CollectorStatus::default()
    });
    TargetStatus {
        target: target.name.clone(),
        url: target.url.to_string(),
        labels: target.labels.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect(),
        state: "waiting for target".into(),
        duty_cycle_max,
        collectors: collectors.collect(),
        ..TargetStatus::default()
    }
}

/// A target of which only the name is known.
#[must_use]
pub fn only_named(name: &str) -> TargetStatus {
    TargetStatus { target: name.to_owned(), state: "no state was saved".into(), ..TargetStatus::default() }
}

/// The entry of one collector.
pub fn collector_mut(target: &mut TargetStatus, kind: CollectorKind) -> Option<&mut CollectorStatus> {
    target.collectors.iter_mut().find(|c| c.collector == kind.as_str())
}

/// What the store says of itself.
#[must_use]
pub fn store_status(stats: &Stats) -> StoreStatus {
    StoreStatus {
        oldest_ms: stats.oldest.map(|t| t.0),
        newest_ms: stats.newest.map(|t| t.0),
        series: u64::try_from(stats.series).unwrap_or(u64::MAX),
        samples_acknowledged: stats.samples_acknowledged,
        scrapes_dropped: stats.scrapes_dropped,
        disk_bytes: stats.disk_bytes,
        quarantined: u64::try_from(stats.quarantined).unwrap_or(u64::MAX),
        scrapes_refused: stats.scrapes_refused,
        last_refusal: stats.last_refusal.clone(),
    }
}
