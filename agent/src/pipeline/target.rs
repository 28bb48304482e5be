//! What is remembered of one target between scrapes.

use super::holders::Seen;
use super::incarnation::Incarnation;
use super::pending::Pending;
use super::trace::Traced;
use super::{Fetched, Job, Samples, Shown};
use crate::scrape::outcome::State;
use linger_config::CollectorKind;
use linger_derive::GoRoot;
use linger_derive::defers::cpu::CpuDefers;
use linger_derive::defers::heap::Symbols;
use linger_derive::defers::running::How;
use linger_derive::goroutines::Memory;
use linger_derive::site::StartLines;
use linger_series::{Labels, SeriesKey, TimeMs, metric};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Duration;

/// How often a site's description is stored again; readers look back a day for it.
const DESCRIBE_EVERY: Duration = Duration::from_secs(3600);

/// What is given of a target.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Its name.
    pub name: String,
    /// The user's labels.
    pub labels: Labels,
    /// Most sites kept apart.
    pub sites_max: usize,
    /// Whether goroutine profiles are collected.
    pub goroutine_profiles: bool,
    /// The note that an earlier agent left of its incarnation.
    pub incarnation_note: Option<Vec<u8>>,
    /// What an earlier agent stored last.
    pub shown: Shown,
}

/// What is remembered of a target.
pub(super) struct TargetState {
    /// What is given.
    pub facts: Facts,
    /// Labels on each of its series.
    pub base: Labels,
    /// Which process it is.
    pub incarnation: Incarnation,
    /// Where this build's standard library lies.
    pub go_root: GoRoot,
    /// Where functions start.
    pub start_lines: StartLines,
    /// Whether a goroutine profile of this process told them: the text of a heap profile does not, and a site
    /// must not change its identity when they become known.
    pub start_lines_known: bool,
    /// Whether the target serves an index page, which carries the goroutine count.
    pub has_index_page: bool,
    /// Levels of the sites, to see them grow.
    pub goroutines: Memory,
    /// Deferred calls that ran when goroutines were looked at last: how, where, which.
    pub running: BTreeSet<(How, String, String)>,
    /// Names of code addresses.
    pub symbols: Symbols,
    /// The pending defers told last.
    pub pending: Pending,
    /// Who holds the most of them.
    pub holders: Seen,
    /// CPU profiles of the last hour.
    pub cpu: VecDeque<(TimeMs, CpuDefers)>,
    /// What its traces told.
    pub traced: Traced,
    /// Descriptions of sites stored, and when.
    described: HashMap<SeriesKey, TimeMs>,
    failures: BTreeMap<(CollectorKind, &'static str), u64>,
    cost_s: HashMap<CollectorKind, f64>,
}

impl TargetState {
    /// A target not scraped yet.
    pub(super) fn new(mut facts: Facts) -> Self {
        let base = facts.labels.with("target", &facts.name);
        let incarnation = Incarnation::from_note(&facts.name, facts.incarnation_note.as_deref());
        let goroutines = Memory::of_shown(std::mem::take(&mut facts.shown.goroutines));
        let pending = Pending::of_shown(std::mem::take(&mut facts.shown.defers));
        Self {
            facts,
            base,
            incarnation,
            go_root: GoRoot::default(),
            start_lines: StartLines::default(),
            start_lines_known: false,
            has_index_page: true,
            goroutines,
            running: BTreeSet::new(),
            symbols: Symbols::default(),
            pending,
            holders: Seen::default(),
            cpu: VecDeque::new(),
            traced: Traced::default(),
            described: HashMap::new(),
            failures: BTreeMap::new(),
            cost_s: HashMap::new(),
        }
    }

    /// Forgets what belonged to the former process.
    pub(super) fn forget_process(&mut self) {
        self.go_root = GoRoot::default();
        self.start_lines = StartLines::default();
        self.start_lines_known = false;
        self.goroutines = Memory::of_shown(self.goroutines.shown().cloned());
        self.symbols.clear();
        self.pending.forget_process();
        self.cpu.clear();
    }

    /// Drops descriptions of sites that were stored within [`DESCRIBE_EVERY`]: they never change, and there is one
    /// for each site of each scrape.
    pub(super) fn thin_out(&mut self, samples: &mut Samples, at: TimeMs) {
        self.described.retain(|_, stored| at.since(*stored) < DESCRIBE_EVERY);
        let described = &mut self.described;
        samples.points.retain(|(key, _)| {
            if &*key.name != metric::SITE_INFO {
                return true;
            }
            let fresh = !described.contains_key(key);
            if fresh {
                described.insert(key.clone(), at);
            }
            fresh
        });
    }

    /// Adds the scrape's own health to its points.
    pub(super) fn account(&mut self, job: &Job, state: &State, samples: &mut Samples) {
        let collector = [("collector", job.kind.as_str())];
        if job.kind == CollectorKind::Count {
            samples.push(metric::UP, &[], if state.is_success() { 1.0 } else { 0.0 });
        }
        match &job.fetched {
            Ok(Fetched::Answer(answer)) => {
                samples.push(metric::SCRAPE_DURATION, &collector, answer.took.as_secs_f64());
                samples.push(metric::SCRAPE_BYTES, &collector, answer.body.len() as f64);
            }
            Ok(Fetched::Census(taken)) => {
                samples.push(metric::SCRAPE_DURATION, &collector, taken.took.as_secs_f64());
            }
            Err(_) => {}
        }
        if !state.is_success() {
            *self.failures.entry((job.kind, state.as_str())).or_default() += 1;
        }
        for ((_, reason), n) in self.failures.iter().filter(|((kind, _), _)| *kind == job.kind) {
            samples.push(metric::SCRAPE_FAILURES, &[collector[0], ("reason", reason)], *n as f64);
        }
        if let Some(cost) = job.cost {
            let sum = self.cost_s.entry(job.kind).or_default();
            *sum += cost.as_secs_f64();
            samples.push(metric::TARGET_COST, &collector, *sum);
        }
    }
}
