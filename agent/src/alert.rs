//! Thresholds: every half minute the stored series are judged by the rules of `alerts:`, and how fast they
//! grow is stored beside them.
//!
//! Judging reads through the same [`Reader`] as answers do, so what fires is what `trend` shows. States outlive
//! the agent. Of an estimate the lower bound is judged: noise does not wake anybody.

mod judging;
mod saved;
mod seen;

use crate::answer::site::Sites;
use crate::reader::Reader;
use crate::report::{AlertStatus, Growth, RuleStatus};
use crate::show::number;
use linger_config::{Alert, Config};
use linger_derive::growth::Slope;
use linger_derive::threshold::{Observation, Phase, Rule, STALE_AFTER, State, Transition};
use linger_series::{SeriesKey, TimeMs, Window, metric};
use saved::{Saved, load};
use seen::Seen;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

pub use judging::Judging;

/// Name of the store's note that holds the states.
pub const STATES_NOTE: &str = "thresholds";
/// How often thresholds are judged.
pub const JUDGE_EVERY: Duration = Duration::from_secs(30);
/// What a slope is fitted on: long enough that a wave of requests passes, short enough to see a leak begin.
pub const GROWTH_OVER: Duration = Duration::from_secs(30 * 60);
/// A state without data for longer is forgotten: the target is gone, or its site has not been seen since.
const FORGET_AFTER: Duration = Duration::from_secs(24 * 3600);
/// A slope is fitted on this many scrapes at least, however rarely a dense target is scraped.
const SCRAPES_FITTED: f64 = 12.0;
/// States kept: rules times sites; the oldest quiet ones go first.
const STATES_MAX: usize = 20_000;

/// The judge of all targets.
pub struct Judge {
    rules: Vec<Rule>,
    /// Targets under watch: what fires elsewhere is nobody's alarm.
    watched: BTreeSet<String>,
    states: BTreeMap<(String, SeriesKey), Tracked>,
    growth_over: Duration,
    time_scale: f64,
    last_turn: TimeMs,
}

/// A rule's state on one series, and what was seen last.
#[derive(Clone, Copy, Debug, Default)]
struct Tracked {
    state: State,
    /// Since when in this phase.
    since: TimeMs,
    /// Newest point judged.
    newest: TimeMs,
    value: Option<f64>,
    value_low: Option<f64>,
    growth: Option<Slope>,
}

/// What one turn found.
#[derive(Debug, Default)]
pub struct Verdicts {
    /// Pending, firing, or stale.
    pub alerts: Vec<AlertStatus>,
    /// Slopes to store, by target.
    pub growth: BTreeMap<String, Vec<(SeriesKey, f64)>>,
    /// What changed, in words, for the log.
    pub changes: Vec<Change>,
    /// Whether any state moved, so that the note is to be renewed.
    pub states_changed: bool,
}

/// A state that changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Whether people should look now.
    pub fired: bool,
    /// What happened.
    pub text: String,
}

impl Judge {
    /// A judge of what `config` (scaled) watches; `saved` is the note of a former one.
    #[must_use]
    pub fn new(config: &Config, time_scale: f64, saved: Option<&[u8]>) -> Self {
        Self {
            rules: rules(config, time_scale),
            watched: watched(config),
            states: saved.map(load).unwrap_or_default().into_iter().collect(),
            growth_over: GROWTH_OVER.div_f64(time_scale),
            time_scale,
            last_turn: TimeMs::MIN,
        }
    }

    /// Judges what `config` says from now on. States of rules and targets that stay go on.
    pub fn exchange(&mut self, config: &Config) {
        self.rules = rules(config, self.time_scale);
        self.watched = watched(config);
        let (rules, watched) = (&self.rules, &self.watched);
        self.states.retain(|(name, key), _| {
            watched.contains(key.labels.get("target"))
                && rules.iter().any(|r| r.name == *name && r.watches(&key.name, key.labels.get("site")))
        });
    }

    /// Judges everything as of `now`. `due_within` gives the longest interval that was in force when
    /// some of a target's collectors answered last.
    ///
    /// # Errors
    /// What the reader says; the states stay as they were.
    pub fn turn(
        &mut self,
        reader: &dyn Reader,
        now: TimeMs,
        due_within: &dyn Fn(&str, &[&str]) -> Duration,
    ) -> Result<Verdicts, String> {
        let span = |target: &str, metric: &str| {
            self.growth_over.max(due_within(target, collectors_of(metric)).mul_f64(SCRAPES_FITTED))
        };
        let seen = Seen::read(reader, &self.rules, &self.watched, now, &span)?;
        let mut verdicts = Verdicts { growth: seen.growth(self.last_turn), ..Verdicts::default() };
        self.last_turn = now;
        let rules = std::mem::take(&mut self.rules);
        for rule in &rules {
            self.judge(rule, &seen, now, due_within, &mut verdicts);
        }
        self.rules = rules;
        self.forget(now, &mut verdicts);
        verdicts.alerts = self.shown(reader, now);
        Ok(verdicts)
    }

    fn judge(
        &mut self,
        rule: &Rule,
        seen: &Seen,
        now: TimeMs,
        due_within: &dyn Fn(&str, &[&str]) -> Duration,
        verdicts: &mut Verdicts,
    ) {
        let fresh = seen.series.keys().filter(|key| rule.watches(&key.name, key.labels.get("site")));
        let keys: BTreeSet<SeriesKey> = fresh
            .cloned()
            .chain(self.states.keys().filter(|(name, _)| *name == rule.name).map(|(_, key)| key.clone()))
            .collect();
        for key in keys {
            let before = self.states.get(&(rule.name.clone(), key.clone())).copied().unwrap_or_default();
            let interval = due_within(key.labels.get("target"), collectors_of(&key.name));
            let patient = Rule { stale_after: rule.stale_after.max(interval.mul_f64(2.5)), ..rule.clone() };
            // What was stored before the agent was away for long says nothing of the present.
            let newest =
                seen.newest(&key).filter(|p| p.t > before.newest && now.since(p.t) < patient.stale_after);
            let low = seen.low(&key);
            let growth = seen.slopes.get(&key).copied();
            let observation = newest.map(|p| Observation { value: low.unwrap_or(p.v), growth });
            // Judged in the time of the data: a breach lasts from point to point, not from turn to turn.
            let at = newest.map_or(now, |p| p.t);
            // What nobody can see any more is not over; what was seen in a process that is gone is.
            let ended = newest.is_none() && seen.is_former(key.labels.get("target"), before.newest);
            let (state, transition) = match ended {
                true => before.state.end(),
                false => before.state.step(&patient, observation, at),
            };
            let mut after = Tracked { state, ..before };
            if let Some(p) = newest {
                after = Tracked { newest: p.t, value: Some(p.v), value_low: low, growth, ..after };
            }
            if transition != Transition::None {
                after.since = now;
                verdicts.states_changed = true;
                verdicts.changes.extend(told(rule, &key, &after, transition));
            }
            self.states.insert((rule.name.clone(), key), after);
        }
    }

    /// What had no data for a day is forgotten, and said; beyond the limit quiet states are forgotten too, since
    /// they are cheap to find again.
    fn forget(&mut self, now: TimeMs, verdicts: &mut Verdicts) {
        let crowded = self.states.len() > STATES_MAX;
        self.states.retain(|(rule, key), tracked| {
            let silent = now.since(tracked.newest) > FORGET_AFTER;
            let quiet = tracked.state.phase == Phase::Inactive;
            if silent && !quiet {
                let text = format!("{rule} is forgotten: {} had no data for a day", key.labels);
                verdicts.changes.push(Change { fired: false, text });
                verdicts.states_changed = true;
            }
            !(silent || (crowded && quiet))
        });
    }

    fn shown(&self, reader: &dyn Reader, now: TimeMs) -> Vec<AlertStatus> {
        let mut sites: HashMap<String, Sites> = HashMap::new();
        let mut alerts = Vec::new();
        for ((name, key), tracked) in &self.states {
            let Some(state) = state_word(&tracked.state) else { continue };
            let Some(rule) = self.rules.iter().find(|r| r.name == *name) else { continue };
            let target = key.labels.get("target");
            let of_target = sites.entry(target.to_owned()).or_insert_with(|| {
                Sites::read(reader, target, Window::ending(now, self.growth_over)).unwrap_or_default()
            });
            let site = key.labels.get("site");
            alerts.push(AlertStatus {
                name: name.clone(),
                state: state.into(),
                since_ms: tracked.since.0,
                series: key.name.to_string(),
                labels: key.labels.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect(),
                site: (!site.is_empty()).then(|| of_target.get(site)),
                value: tracked.value,
                value_low: tracked.value_low.filter(|low| Some(*low) != tracked.value),
                growth_per_hour: rule.growth_per_hour.and(tracked.growth).map(growth),
                rule: in_words(rule),
            });
        }
        alerts.sort_by_key(|a| (a.state != "firing", a.since_ms));
        alerts
    }

    /// The durable form of the states.
    #[must_use]
    pub fn to_note(&self) -> Vec<u8> {
        let kept = self.states.iter().filter(|(_, t)| t.state.phase != Phase::Inactive);
        let saved: Vec<Saved> = kept.map(|((rule, key), t)| Saved::of(rule, key, t)).collect();
        serde_json::to_vec(&saved).unwrap_or_default()
    }
}

/// The rules of a configuration as shown.
#[must_use]
pub fn rules_in_words(config: &Config) -> Vec<RuleStatus> {
    let shown = |alert: &Alert| {
        let rule = rule(alert, 1.0);
        RuleStatus { name: rule.name.clone(), series: rule.series.clone(), rule: in_words(&rule) }
    };
    config.alerts.iter().map(shown).collect()
}

fn rules(config: &Config, time_scale: f64) -> Vec<Rule> {
    config.alerts.iter().map(|alert| rule(alert, time_scale)).collect()
}

fn watched(config: &Config) -> BTreeSet<String> {
    config.targets.iter().map(|target| target.name.clone()).collect()
}

fn rule(alert: &Alert, time_scale: f64) -> Rule {
    Rule {
        name: alert.name.clone(),
        series: alert.series.clone(),
        site: wildmatch::WildMatch::new(&alert.site),
        above: alert.above,
        growth_per_hour: alert.growth_per_hour,
        hold: alert.hold.get(),
        stale_after: STALE_AFTER.div_f64(time_scale),
    }
}

/// The collectors whose intervals a metric's points follow: the one that counts exactly first, where there are two.
pub(crate) fn collectors_of(metric: &str) -> &'static [&'static str] {
    match metric {
        metric::GOROUTINES => &["count"],
        m if m.starts_with("linger_defers_pending") => &["defers", "heap"],
        metric::DEFERS_STRANDED | metric::CENSUS_GOROUTINES | metric::OPEN_FILES => &["defers"],
        m if is_traced(m) => &["trace"],
        _ => &["goroutine"],
    }
}

/// Whether a metric comes of execution traces.
fn is_traced(metric: &str) -> bool {
    let prefixes = ["linger_trace_", "linger_sched_latency_", "linger_stw_", "linger_defer_hold_"];
    let names = [
        metric::GOROUTINES_CREATED,
        metric::GOROUTINES_ENDED,
        metric::BLOCKED,
        metric::GC_MARK,
        metric::GC_ASSIST,
        metric::GC_SWEEP,
        metric::GC_GOAL,
    ];
    prefixes.iter().any(|prefix| metric.starts_with(prefix)) || names.contains(&metric)
}

fn state_word(state: &State) -> Option<&'static str> {
    match (state.phase, state.stale) {
        (Phase::Inactive, _) => None,
        (_, true) => Some("stale"),
        (Phase::Pending { .. }, false) => Some("pending"),
        (Phase::Firing { .. }, false) => Some("firing"),
    }
}

/// A slope as reported.
#[must_use]
pub fn growth(slope: Slope) -> Growth {
    Growth { slope_per_hour: slope.per_hour, interval: [slope.low, slope.high], points: slope.points_used }
}

fn in_words(rule: &Rule) -> String {
    let above = rule.above.map(|v| format!("{} > {v}", rule.series));
    let grows = rule.growth_per_hour.map(|v| format!("{} grows by more than {v}/h", rule.series));
    let conditions: Vec<String> = above.into_iter().chain(grows).collect();
    format!("{} for {}", conditions.join(" and "), humantime::format_duration(rule.hold))
}

fn told(rule: &Rule, key: &SeriesKey, tracked: &Tracked, transition: Transition) -> Option<Change> {
    let what = match transition {
        Transition::None | Transition::Began | Transition::Passed => return None,
        Transition::Fired => "fired",
        Transition::Resolved => "resolved",
        Transition::WentStale if tracked.state.phase == Phase::Inactive => return None,
        Transition::WentStale => "has no data any more",
    };
    let value = tracked.value.map(|v| format!(" {}", number(v))).unwrap_or_default();
    let (target, site) = (key.labels.get("target"), key.labels.get("site"));
    let place = if site.is_empty() { String::new() } else { format!(" at {site}") };
    let text = format!("{} {what}: {target}{value}{place} ({})", rule.name, in_words(rule));
    Some(Change { fired: transition == Transition::Fired, text })
}

#[cfg(test)]
mod tests {
    use super::Judge;
    use crate::reader::Memory;
    use linger_config::{Config, Target};
    use linger_series::{Labels, SeriesKey, Stream, TimeMs, metric};
    use std::time::Duration;

    const EVERY: &dyn Fn(&str, &[&str]) -> Duration = &|_, _| Duration::from_secs(60);

    fn config() -> Config {
        let url = "http://127.0.0.1:6060".parse().unwrap();
        let mut config = Config::default();
        config.targets.push(Target { name: "api".into(), ..Target::new(url, config.collectors.clone()) });
        config
    }

    fn key(name: &str) -> SeriesKey {
        SeriesKey::new(name, Labels::new([("target", "api"), ("kind", "heap"), ("site", "main.pile+4")]))
    }

    fn append(memory: &mut Memory, minute: i64, value: f64, low: f64) {
        let up = SeriesKey::new(metric::UP, Labels::new([("target", "api")]));
        let points = [
            (up, 1.0),
            (key(metric::DEFERS_PENDING), value),
            (key(metric::DEFERS_PENDING_LOW), low),
            (key(metric::DEFERS_PENDING_HIGH), 2.0 * value),
        ];
        memory.append(&Stream::new("api", "heap"), TimeMs(minute * 60_000), &points);
    }

    /// States after each minute's turn, as `rule state`.
    fn states(judge: &mut Judge, memory: &Memory, minute: i64) -> Vec<String> {
        let verdicts = judge.turn(memory, TimeMs(minute * 60_000 + 1), EVERY).unwrap();
        verdicts.alerts.iter().map(|a| format!("{} {}", a.name, a.state)).collect()
    }

    #[test]
    fn a_pile_fires_by_its_lower_bound_and_outlives_the_agent() {
        let config = config();
        let mut judge = Judge::new(&config, 1.0, None);
        let mut memory = Memory::default();
        append(&mut memory, 1, 30_000.0, 6_000.0);
        assert!(states(&mut judge, &memory, 1).is_empty());
        append(&mut memory, 2, 60_000.0, 20_000.0);
        assert_eq!(states(&mut judge, &memory, 2), ["DeferPile pending"]);
        append(&mut memory, 3, 70_000.0, 30_000.0);
        let mut judge = Judge::new(&config, 1.0, Some(&judge.to_note()));
        assert_eq!(states(&mut judge, &memory, 3), ["DeferPile pending"]);
        append(&mut memory, 4, 80_000.0, 40_000.0);
        assert_eq!(states(&mut judge, &memory, 4), ["DeferPile firing"]);
        let mut judge = Judge::new(&config, 1.0, Some(&judge.to_note()));
        append(&mut memory, 5, 0.0, 0.0);
        assert!(states(&mut judge, &memory, 5).is_empty());
    }

    #[test]
    fn a_firing_threshold_whose_data_stop_is_stale_not_resolved() {
        let mut judge = Judge::new(&config(), 1.0, None);
        let mut memory = Memory::default();
        for minute in 0..4 {
            append(&mut memory, minute, 60_000.0, 40_000.0);
            let _ = states(&mut judge, &memory, minute);
        }
        assert_eq!(states(&mut judge, &memory, 5), ["DeferPile firing"]);
        assert_eq!(states(&mut judge, &memory, 12), ["DeferPile stale"]);
        append(&mut memory, 13, 60_000.0, 40_000.0);
        assert_eq!(states(&mut judge, &memory, 13), ["DeferPile firing"]);
        assert_eq!(states(&mut judge, &memory, 13 + 23 * 60), ["DeferPile stale"]);
        assert!(states(&mut judge, &memory, 13 + 25 * 60).is_empty());
    }

    #[test]
    fn what_fired_on_a_process_that_is_gone_is_over() {
        let mut judge = Judge::new(&config(), 1.0, None);
        let mut memory = Memory::default();
        for minute in 0..4 {
            append(&mut memory, minute, 60_000.0, 40_000.0);
            let _ = states(&mut judge, &memory, minute);
        }
        let incarnation = SeriesKey::new(metric::INCARNATION, Labels::new([("target", "api")]));
        let mut reads = |minute: i64, ordinal| {
            let stream = Stream::new("api", "incarnation");
            memory.append(&stream, TimeMs(minute * 60_000), &[(incarnation.clone(), ordinal)]);
            states(&mut judge, &memory, minute)
        };
        assert_eq!(reads(5, 1.0), ["DeferPile firing"]);
        assert_eq!(reads(12, 1.0), ["DeferPile stale"], "nobody can see it, and its process goes on");
        assert!(reads(13, 2.0).is_empty(), "its process is another one");
    }

    #[test]
    fn what_is_no_longer_watched_or_judged_fires_no_more() {
        let mut watched = config();
        let mut judge = Judge::new(&watched, 1.0, None);
        let mut memory = Memory::default();
        for minute in 0..4 {
            append(&mut memory, minute, 60_000.0, 40_000.0);
            let _ = states(&mut judge, &memory, minute);
        }
        let note = judge.to_note();
        watched.alerts.retain(|a| a.name != "DeferGrowth");
        judge.exchange(&watched);
        assert_eq!(states(&mut judge, &memory, 4), ["DeferPile firing"], "a rule that stays goes on");
        watched.targets.clear();
        judge.exchange(&watched);
        assert!(states(&mut judge, &memory, 4).is_empty());
        let mut later = Judge::new(&watched, 1.0, Some(&note));
        later.exchange(&watched);
        assert!(states(&mut later, &memory, 4).is_empty());
    }

    #[test]
    fn growth_fires_with_eight_points_and_is_stored_per_second() {
        let mut judge = Judge::new(&config(), 1.0, None);
        let mut memory = Memory::default();
        let mut last = Vec::new();
        for minute in 0..12 {
            append(&mut memory, minute, 600.0 * minute as f64, 1.0);
            last = states(&mut judge, &memory, minute);
            assert!(minute >= 7 || last.is_empty(), "{last:?}");
        }
        assert_eq!(last, ["DeferGrowth firing"]);
        append(&mut memory, 12, 7_200.0, 1.0);
        let verdicts = judge.turn(&memory, TimeMs(12 * 60_000 + 2), EVERY).unwrap();
        assert!(judge.turn(&memory, TimeMs(12 * 60_000 + 9), EVERY).unwrap().growth.is_empty());
        let stored = &verdicts.growth["api"];
        assert_eq!(&*stored[0].0.name, metric::DEFERS_PENDING_GROWTH);
        assert!((stored[0].1 - 10.0).abs() < 1e-9, "{stored:?}");
    }
}
