//! What linger answers: one type per command, the same from a running agent and from a stopped one's folder.
//!
//! These types are the stable JSON (`version: 1`): fields are added, never renamed. Tables are drawn from
//! them and from nothing else, so a table and its JSON cannot disagree. Times are milliseconds since the
//! Unix epoch, durations seconds, growth per hour unless the name says otherwise.

pub mod audit;
mod held;
mod running;
pub mod trace;
mod traces;

pub use held::{
    DefersHeld, HeldBy, HeldGoroutines, HeldGroup, HeldPlace, HeldSite, Holders, StackFrame, Standing,
};
pub use running::{DeferStranded, DefersRunning, InDeferredCall};
pub use traces::{KeptTrace, Traces};

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// Version of the JSON shape.
pub const VERSION: u32 = 1;

/// No interval is longer: a status read from a folder may say anything.
const DUE_WITHIN_MAX: Duration = Duration::from_secs(366 * 24 * 3600);

/// `[t_ms, value]`.
pub type Dot = (i64, f64);

/// The asked range, as resolved.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// First time inside.
    pub from_ms: i64,
    /// Last time inside.
    pub to_ms: i64,
}

/// `linger status`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Status {
    /// Shape version.
    pub version: u32,
    /// When this was answered.
    pub now_ms: i64,
    /// When the targets' and thresholds' states were true: now, or when a stopped agent saved them last.
    #[serde(default)]
    pub as_of_ms: i64,
    /// The agent; when it is stopped, as it was last.
    pub agent: AgentStatus,
    /// How much history there is.
    pub store: StoreStatus,
    /// Every target.
    pub targets: Vec<TargetStatus>,
    /// Thresholds that are pending or firing, and those whose data went missing.
    pub alerts: Vec<AlertStatus>,
    /// Every threshold that is judged.
    #[serde(default)]
    pub rules: Vec<RuleStatus>,
    /// The last time thresholds were judged.
    #[serde(default)]
    pub judged: Option<Judged>,
    /// The last attempt to load the configuration again while running.
    #[serde(default)]
    pub reload: Option<Reload>,
    /// The last reading of the files that name targets.
    #[serde(default)]
    pub discovery: Option<Reload>,
    /// The last time the wall clock was moved or the machine slept.
    #[serde(default)]
    pub clock_jump: Option<ClockJump>,
}

/// An attempt to load the configuration again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reload {
    /// When.
    pub at_ms: i64,
    /// Why the former configuration stays in force.
    pub error: Option<String>,
}

/// The wall clock against the time that passed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClockJump {
    /// When it was noticed, by the clock after the jump.
    pub at_ms: i64,
    /// How far: above 0 forwards (or a suspended machine), below 0 back.
    pub by_s: f64,
}

/// A turn of the judge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// When.
    pub at_ms: i64,
    /// Why it came to nothing.
    pub error: Option<String>,
}

/// A threshold as configured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleStatus {
    /// Its name.
    pub name: String,
    /// The metric judged.
    pub series: String,
    /// The rule in words.
    pub rule: String,
}

/// The agent itself.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AgentStatus {
    /// Whether it runs now; `false` when read from a stopped agent's folder.
    pub running: bool,
    /// Its version.
    pub linger: String,
    /// Process id while running.
    pub pid: Option<u32>,
    /// When it started.
    pub started_ms: i64,
    /// Where its API listens.
    pub listen: String,
    /// Its data folder.
    pub data: String,
    /// Resident memory in bytes, where it can be read.
    pub rss_bytes: Option<u64>,
    /// CPU seconds used since it started, where they can be read.
    pub cpu_seconds: Option<f64>,
    /// How many times faster than the clock it lives.
    #[serde(default = "one")]
    pub time_scale: f64,
}

fn one() -> f64 {
    1.0
}

/// What the store holds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct StoreStatus {
    /// Oldest sample; none in an empty store.
    pub oldest_ms: Option<i64>,
    /// Newest sample.
    pub newest_ms: Option<i64>,
    /// Series known.
    pub series: u64,
    /// Samples acknowledged since the agent started.
    pub samples_acknowledged: u64,
    /// Scrapes dropped because the writer's queue was full.
    pub scrapes_dropped: u64,
    /// Scrapes refused because the clock stood still or went back.
    #[serde(default)]
    pub scrapes_refused: u64,
    /// Why the last of them was.
    #[serde(default)]
    pub last_refusal: Option<String>,
    /// Bytes on disk.
    pub disk_bytes: u64,
    /// Partitions put aside because they could not be read.
    pub quarantined: u64,
}

/// One target.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct TargetStatus {
    /// Its name.
    pub target: String,
    /// What is scraped.
    pub url: String,
    /// Labels the user gave it.
    pub labels: BTreeMap<String, String>,
    /// Whether the last scrape of its index page succeeded.
    pub up: bool,
    /// One word and what to do: `up`, `waiting for target`, …
    pub state: String,
    /// What the user can do next, where there is something.
    pub next_step: Option<String>,
    /// Last goroutine count and when.
    pub goroutines: Option<Dot>,
    /// Which process of the target this is since the store began, counted from 1.
    pub incarnation: Option<u64>,
    /// When this process was first seen.
    pub incarnation_since_ms: Option<i64>,
    /// Share of one core our scraping is predicted to cost the target at present.
    pub duty_cycle: f64,
    /// The limit on that share.
    pub duty_cycle_max: f64,
    /// What that share rests on.
    #[serde(default)]
    pub cost_basis: CostBasis,
    /// How often its scraping was restarted because a task died or was stuck.
    #[serde(default)]
    pub restarts: u64,
    /// Who holds pending defers, where they are counted in the memory of the target's process.
    /// The newest first, with the one before: a count is on the page once the store has it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub defers_held: Vec<DefersHeld>,
    /// Every collector.
    pub collectors: Vec<CollectorStatus>,
}

impl TargetStatus {
    /// What was seen of the same service under other rules: a reload makes nothing older than it is.
    #[must_use]
    pub fn following(mut self, former: &Self) -> Self {
        self.goroutines = former.goroutines;
        self.incarnation = former.incarnation;
        self.incarnation_since_ms = former.incarnation_since_ms;
        self.restarts = former.restarts;
        self.defers_held.clone_from(&former.defers_held);
        for c in &mut self.collectors {
            let Some(was) = former.collectors.iter().find(|was| was.collector == c.collector) else {
                continue;
            };
            c.last_ok_ms = was.last_ok_ms;
            c.last_ok_every_s = was.last_ok_every_s.map(|every_s| every_s.max(c.every_s));
            c.last_failure.clone_from(&was.last_failure);
            (c.failures, c.successes) = (was.failures, was.successes);
        }
        self
    }
}

/// What the cost of scraping a target is known by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CostBasis {
    /// The service's process on this machine, where it was found.
    pub pid: Option<u32>,
    /// Collectors whose last cost was measured by that process's CPU clock.
    pub measured: usize,
    /// Collectors whose last cost was predicted.
    pub predicted: usize,
    /// Why not all of it is measured.
    pub because: Option<String>,
}

/// One collector of one target.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct CollectorStatus {
    /// `count`, `goroutine`, `heap`, `cpu`, `mutex`, `block`, `trace`, `defers`.
    pub collector: String,
    /// Named state: `ok`, `busy`, `unsupported`, `unauthorized`, `too large`, `no room`, `truncated`, `timed out`,
    /// `refused`, `not pprof`, `waiting for target`, `held`, `off`, …
    pub state: String,
    /// What was seen, in a sentence.
    pub detail: Option<String>,
    /// What the user can do next, where there is something.
    pub next_step: Option<String>,
    /// Last success.
    pub last_ok_ms: Option<i64>,
    /// The interval in force at that success, seconds: when the next was to come. Failures since then widen `every_s`,
    /// and make nothing fresher.
    #[serde(default)]
    pub last_ok_every_s: Option<f64>,
    /// Interval in force now (it widens with cost), seconds.
    pub every_s: f64,
    /// Interval as configured, seconds.
    pub every_configured_s: f64,
    /// Request to last byte of the last scrape, seconds.
    pub duration_s: Option<f64>,
    /// Body bytes of the last scrape.
    pub bytes: Option<u64>,
    /// CPU seconds the last scrape cost the service.
    #[serde(default)]
    pub cost_s: Option<f64>,
    /// Whether that was measured; else it was predicted.
    #[serde(default)]
    pub cost_measured: bool,
    /// The last failure: state, then when; kept after a success.
    #[serde(default)]
    pub last_failure: Option<(String, i64)>,
    /// Scrapes that gave no values, since the agent started.
    pub failures: u64,
    /// Scrapes that did, since the agent started.
    pub successes: u64,
}

impl CollectorStatus {
    /// Within which time of the last good answer another was due: the measure of how long its values are fresh.
    #[must_use]
    pub fn answer_due_within(&self) -> Duration {
        let seconds = self.last_ok_every_s.unwrap_or(self.every_configured_s);
        Duration::try_from_secs_f64(seconds).unwrap_or_default().min(DUE_WITHIN_MAX)
    }
}

/// One threshold on one series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlertStatus {
    /// Rule name.
    pub name: String,
    /// `pending`, `firing`, `stale` (its data went missing).
    pub state: String,
    /// Since when in this state.
    pub since_ms: i64,
    /// Metric the rule looks at.
    pub series: String,
    /// Labels of the breaching series.
    pub labels: BTreeMap<String, String>,
    /// Where it is: function and file:line, as far as known.
    pub site: Option<SiteText>,
    /// Value seen last (for an estimate: the estimate; the rule itself uses its lower bound).
    pub value: Option<f64>,
    /// Lower bound the rule compared, where `value` is an estimate.
    pub value_low: Option<f64>,
    /// Slope seen last and its 95 % interval, where the rule asks for growth.
    pub growth_per_hour: Option<Growth>,
    /// The rule in words: `linger_defers_pending > 10,000 for 2m`.
    pub rule: String,
}

/// A Theil-Sen slope and its 95 % interval, per hour.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Growth {
    /// The slope.
    pub slope_per_hour: f64,
    /// 95 % interval.
    pub interval: [f64; 2],
    /// Points it is fitted on (binned medians when there were more than 256).
    pub points: usize,
}

/// Where a site is, as shown to people.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SiteText {
    /// Stable identity, `pkg.Func+7`.
    pub site: String,
    /// Full function name.
    pub function: String,
    /// File in the newest build seen.
    pub file: String,
    /// Line in the newest build seen; 0 when unknown.
    pub line: u64,
    /// The first frame outside the runtime: where it is parked.
    pub blocked_at: String,
    /// The goroutine's first function, as near to its `go` statement as this profile leads; empty when the stack
    /// was cut before it. Who wrote the `go` statement stands in a dump or a trace only.
    pub entry: String,
}

/// `linger trend`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Trend {
    /// Shape version.
    pub version: u32,
    /// Range asked for.
    pub range: Range,
    /// One entry per target asked for.
    pub targets: Vec<TargetTrend>,
}

/// How one target's goroutines went.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TargetTrend {
    /// Its name.
    pub target: String,
    /// The total (exact at each scrape).
    pub total: Option<TrendSeries>,
    /// By site, what grows fastest first, then by count.
    pub series: Vec<TrendSeries>,
    /// Sites not in `series` because of `limit`.
    pub sites_left_out: usize,
    /// Proven restarts of the target in the range; no slope crosses one.
    pub restarts_ms: Vec<i64>,
    /// Stretches without a scrape, `[from, to]`.
    pub gaps_ms: Vec<[i64; 2]>,
    /// When the newest per-site values were taken.
    pub sites_as_of_ms: Option<i64>,
}

/// One series with its slope.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TrendSeries {
    /// Metric name.
    pub name: String,
    /// All its labels.
    pub labels: BTreeMap<String, String>,
    /// Wait class, for goroutines by site.
    pub class: Option<String>,
    /// Where.
    pub site: Option<SiteText>,
    /// Newest value.
    pub last: f64,
    /// When it was scraped.
    #[serde(default)]
    pub last_ms: i64,
    /// Slope per hour since the last restart; none with fewer than 8 points.
    pub slope_per_hour: Option<f64>,
    /// Its 95 % interval.
    pub interval: Option<[f64; 2]>,
    /// Why there is no slope.
    pub no_slope_because: Option<String>,
    /// Start of the present rise; none when it does not rise.
    pub rising_since_ms: Option<i64>,
    /// Whether the rise began before the range, so that `rising_since_ms` is its start.
    pub rising_since_before: bool,
    /// Points, medians of bins when there were more than 512.
    pub points: Vec<Dot>,
}

/// `linger defers`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Defers {
    /// Shape version.
    pub version: u32,
    /// Range asked for.
    pub range: Range,
    /// The site asked for, as it was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// One entry per target asked for.
    pub targets: Vec<TargetDefers>,
}

/// Defers of one target.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TargetDefers {
    /// Its name.
    pub target: String,
    /// Pending defers by site, largest first.
    pub sites: Vec<DeferSite>,
    /// Sites not listed because of `limit`.
    pub sites_left_out: usize,
    /// Sites with the most pending, where one was asked for that none is.
    #[serde(skip)]
    pub sites_elsewhere: Vec<String>,
    /// Below so many pending defers at one site, this method may not see the site at all.
    pub floor: Option<f64>,
    /// When the pending figures were taken; those from a heap profile are as of the target's last finished GC before it.
    pub as_of_ms: Option<i64>,
    /// Who holds them, where they were counted in the memory of the target's process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<DefersHeld>,
    /// How the process's open files grew. A count of them tells no owner: which of them a pending defer would close is
    /// not known.
    #[serde(default)]
    pub open_files_growth_per_hour: Option<Growth>,
    /// Of what was counted in memory, what will never run: its goroutines wait for what cannot come.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stranded: Vec<DeferStranded>,
    /// Goroutines inside deferred calls, where there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running: Option<DefersRunning>,
    /// Executed defers, by share of CPU.
    pub executed: Vec<DeferCpu>,
    /// CPU profile seconds pooled for `executed`.
    pub cpu_window_s: f64,
    /// Executed defers per second that could have gone unseen beside those in `executed` (95 %), by kind.
    pub executed_floor: BTreeMap<String, f64>,
    /// Proven restarts in the range.
    pub restarts_ms: Vec<i64>,
    /// What these methods cannot see, in sentences.
    pub blind: Vec<String>,
}

/// Pending defers at one line.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct DeferSite {
    /// `heap`, `stack`, `open`, `range`.
    pub kind: String,
    /// Function that defers.
    pub function: String,
    /// File.
    pub file: String,
    /// Line of the defer statement.
    pub line: u64,
    /// Stable identity.
    pub site: String,
    /// Pending defers.
    pub pending: f64,
    /// 95 % interval; without width where exact, none where only a lower bound is known.
    pub interval: Option<[f64; 2]>,
    /// How it was measured: `process memory`, `heap profile`.
    pub method: String,
    /// Whether `pending` is exact; with neither this nor an interval it is a lower bound.
    pub exact: bool,
    /// What other methods say of it, as cross-checks: never to be added.
    #[serde(default)]
    pub by_other_methods: BTreeMap<String, f64>,
    /// Goroutines that hold some, and the most in one of them, where they were counted.
    #[serde(default)]
    pub held_by: Option<HeldSite>,
    /// Them in groups by where they stand, the most pending first; those beyond a limit are in `held_by` only.
    #[serde(default)]
    pub holders: Vec<Holders>,
    /// Both this and the process's open files surely grow, and so that both intervals have paces in common: a hint, no
    /// proof, that these defers would close them.
    #[serde(default)]
    pub grows_like_open_files: bool,
    /// Growth per second, and per hour with its interval; none with fewer than 8 points.
    pub growth_per_second: Option<f64>,
    /// See `growth_per_second`.
    pub growth_per_hour: Option<Growth>,
    /// Why there is no growth figure.
    pub no_growth_because: Option<String>,
    /// Start of the present rise.
    pub rising_since_ms: Option<i64>,
    /// Whether the rise began before, so that `rising_since_ms` is only the first point.
    #[serde(default)]
    pub rising_since_before: bool,
    /// Points of `pending`.
    pub points: Vec<Dot>,
}

/// Executed defers by the CPU they cost.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeferCpu {
    /// `stack`, `heap`, `range`.
    pub kind: String,
    /// Function that defers.
    pub function: String,
    /// Share of sampled CPU time, 0 to 1.
    pub cpu_ratio: f64,
    /// 95 % interval of the share.
    pub cpu_ratio_interval: [f64; 2],
    /// Executed defers per second, an estimate.
    pub calls_per_second: f64,
    /// 95 % sampling interval widened by the model factor of 2.
    pub calls_per_second_interval: [f64; 2],
    /// CPU samples it rests on.
    pub samples: u64,
}

/// `linger query`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Query {
    /// Shape version.
    pub version: u32,
    /// Range asked for.
    pub range: Range,
    /// Series selected, ordered by name and labels.
    pub series: Vec<QuerySeries>,
}

/// A series as stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QuerySeries {
    /// Metric name.
    pub name: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Every stored point in the range.
    pub points: Vec<Dot>,
}

/// `linger check`: Nagios' convention.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Check {
    /// Shape version.
    pub version: u32,
    /// 0 ok, 1 warning, 2 critical, 3 unknown: also the exit code.
    pub code: u8,
    /// One line.
    pub summary: String,
    /// What led to it, worst first.
    pub details: Vec<String>,
    /// Thresholds pending or firing.
    pub alerts: Vec<AlertStatus>,
}

/// `linger scrape URL`: a one-shot look without a store.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Scraped {
    /// Shape version.
    pub version: u32,
    /// The target and its collectors' states.
    pub target: TargetStatus,
    /// Goroutines over the time watched.
    pub trend: TargetTrend,
    /// Defers.
    pub defers: TargetDefers,
    /// One sentence per finding, worst first; empty when nothing stands out in the time watched.
    pub findings: Vec<String>,
    /// Seconds watched.
    pub watched_s: f64,
}
