//! `defers`: what is pending, at which line, how it grows, who holds it, and what runs, with what each figure rests on.
//!
//! One method speaks for a target at a time, the one that told last: counts in the process's memory while there are any,
//! else the heap profile.

use super::history::{counts, drawn, newest, of_one_method, restarts, rising_since, times_by_labels};
use super::holders::{self, Pattern};
use super::running::{running, stranded};
use super::site::Sites;
use super::trend::too_few;
use crate::alert::growth;
use crate::reader::Reader;
use crate::report::{DeferCpu, DeferSite, DefersHeld, Growth, HeldSite, TargetDefers};
use linger_derive::defers::Kind;
use linger_derive::defers::cpu::{CpuDefers, FunctionDefers, PooledDefers, Rate, pool};
use linger_derive::growth::{since_last, theil_sen};
use linger_series::{Labels, Point, Selector, Series, TimeMs, Window, metric};
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// The methods as they are called in labels.
const COUNTED: &str = crate::pipeline::COUNTED;
const SAMPLED: &str = crate::pipeline::SAMPLED;

/// How often pending defers are counted by default.
const COUNT_EVERY: Duration = Duration::from_secs(15);
/// How often heap profiles are asked for by default.
const PROFILE_EVERY: Duration = Duration::from_secs(60);
/// A cross-check older than so many intervals of who gave it is none.
const CROSS_CHECK_INTERVALS: u32 = 3;

/// CPU time one sample of Go's CPU profile stands for (100 Hz), as stored seconds are multiples of it.
const SAMPLE_SECONDS: f64 = 0.01;

/// What the heap profile cannot see.
const PROFILE_IS_BLIND: [&str; 2] = [
    "open-coded and stack defers that are pending: no profile shows them, and linger does not read the process's memory (`linger status` says why)",
    "pending figures are as of the target's last finished garbage collection, and sampled: see the interval",
];
/// What nothing sees that looks at CPU time.
const CPU_IS_BLIND: [&str; 2] = [
    "executed open-coded defers, the most common kind: the compiler leaves nothing to sample",
    "what ran only between two CPU profiles: they are a part of the time",
];

/// What is asked of a target's defers.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'w> {
    /// Sites to list at most.
    pub limit: usize,
    /// Only what matches, with the stacks of those that hold it.
    pub site: Option<&'w str>,
}

/// The defers of one target.
///
/// # Errors
/// What the reader says.
pub fn defers(
    reader: &dyn Reader,
    target: &str,
    window: Window,
    wanted: Wanted<'_>,
    held: &[DefersHeld],
) -> Result<TargetDefers, String> {
    let of = |name: &str| reader.select(&Selector::metric(name).with("target", target), window);
    let restarts = restarts(reader, target, window)?;
    let sites = Sites::read(reader, target, window)?;
    let pending = of(metric::DEFERS_PENDING)?;
    let floors = newest(of(metric::DEFERS_FLOOR)?).map(|s| s.points).unwrap_or_default();
    let counts = counts(reader, target, window)?;
    let held = held.iter().find(|held| counts.last().is_some_and(|t| t.0 == held.at_ms));
    let looked = of(metric::UP)?.iter().filter_map(|s| s.points.last()).map(|p| p.t).max();
    // What who speaks did not name the last time is not there, or not known any more.
    let counted = speaks(&counts, held, looked, &restarts);
    let floor = floors.last().copied().filter(|_| counted.is_none());
    let as_of = counted.or(floor.map(|p| p.t));
    let held = held.filter(|_| counted.is_some());
    let high = of(metric::DEFERS_PENDING_HIGH)?;
    let files = newest(of(metric::OPEN_FILES)?).map(|s| s.points).unwrap_or_default();
    let files = theil_sen(since_last(&files, &restarts)).filter(|_| counted.is_some());
    let context = Context {
        counts: &counts,
        held,
        with_stacks: wanted.site.is_some(),
        files: files.map(growth),
        restarts: &restarts,
        scraped_from: match counted {
            Some(_) => counts.first().copied(),
            None => floors.first().map(|p| p.t),
        }
        .unwrap_or(window.from),
        sites: &sites,
        low: newest_by_labels(&of(metric::DEFERS_PENDING_LOW)?),
        high: newest_by_labels(&high),
        figures: times_by_labels(&high),
        methods: methods(&of(metric::DEFERS_PENDING_BY_METHOD)?),
        cross_check_age_max: {
            let profiles: Vec<TimeMs> = floors.iter().map(|p| p.t).collect();
            let distance = [
                last_distance(&profiles).unwrap_or(PROFILE_EVERY),
                last_distance(&counts).unwrap_or_default(),
            ];
            distance.into_iter().max().unwrap_or_default() * CROSS_CHECK_INTERVALS
        },
    };
    let present = |s: &&Series| as_of.is_some() && s.points.last().map(|p| p.t) == as_of;
    let mut listed: Vec<DeferSite> = pending.iter().filter(present).filter_map(|s| context.site(s)).collect();
    listed.retain(|s| s.pending > 0.0);
    listed.sort_by(|a, b| b.pending.total_cmp(&a.pending).then_with(|| a.site.cmp(&b.site)));
    let mut sites_elsewhere = Vec::new();
    if let Some(pattern) = wanted.site.map(Pattern::new) {
        sites_elsewhere = holders::named(&listed);
        listed.retain(|site| pattern.matches(site));
    }
    let sites_left_out = listed.len().saturating_sub(wanted.limit);
    listed.truncate(wanted.limit);

    let outcomes = of(metric::CENSUS_GOROUTINES)?;
    let profiles =
        profiles(&of(metric::CPU_SECONDS)?, &of(metric::CPU_WINDOW)?, &of(metric::DEFER_CPU_SECONDS)?);
    let pooled = pool(&profiles, None, SAMPLES_MIN);
    let mut executed: Vec<DeferCpu> = pooled.by_function.iter().filter_map(run).collect();
    executed.sort_by(|a, b| b.cpu_ratio.total_cmp(&a.cpu_ratio));
    if wanted.site.is_some() {
        executed.retain(|run| listed.iter().any(|site| site.function == run.function));
    }
    executed.truncate(wanted.limit);
    let unseen = pooled.unseen.iter().map(|(kind, at_most)| (kind.as_str().to_owned(), *at_most));
    Ok(TargetDefers {
        target: target.to_owned(),
        sites_left_out,
        sites_elsewhere,
        floor: floor.map(|p| p.v),
        as_of_ms: as_of.map(|t| t.0),
        held: held.map(|held| holders::of_sites(held, wanted.site.map(|_| listed.as_slice()))),
        open_files_growth_per_hour: files.map(growth),
        sites: listed,
        stranded: stranded(&of(metric::DEFERS_STRANDED)?, &sites, counted),
        running: running(&of(metric::DEFERS_RUNNING)?, &sites, &restarts),
        executed,
        cpu_window_s: pooled.window_seconds,
        executed_floor: unseen.collect(),
        restarts_ms: restarts.iter().map(|t| t.0).collect(),
        blind: blind(counted, &counts, &outcomes),
    })
}

/// When the newest count in memory was made, while it speaks for the target: until three times as long have passed as
/// until the next one was due, or the process is another one.
fn speaks(
    counts: &[TimeMs],
    held: Option<&DefersHeld>,
    looked: Option<TimeMs>,
    restarts: &[TimeMs],
) -> Option<TimeMs> {
    let last = *counts.last()?;
    let due = held.and_then(|held| Duration::try_from_secs_f64(held.due_within_s).ok());
    let due = due.into_iter().chain(last_distance(counts)).max().unwrap_or(COUNT_EVERY);
    let is_old = looked.is_some_and(|looked| looked.since(last) > due.saturating_mul(3));
    (!is_old && restarts.last().is_none_or(|restart| *restart <= last)).then_some(last)
}

/// Between the last two of these times.
fn last_distance(times: &[TimeMs]) -> Option<Duration> {
    times.windows(2).last().and_then(|pair| Some(pair.last()?.since(*pair.first()?)))
}

/// What these figures miss, in sentences.
fn blind(counted: Option<TimeMs>, counts: &[TimeMs], outcomes: &[Series]) -> Vec<String> {
    let mut blind: Vec<String> = Vec::new();
    if counted.is_none() {
        blind.extend(PROFILE_IS_BLIND.map(str::to_owned));
        if !counts.is_empty() {
            blind.push(
                "what was counted in memory before is not known any more: that process is not read now"
                    .into(),
            );
        }
    }
    let at_count = |s: &Series| s.points.last().filter(|p| Some(p.t) == counted).map(|p| p.v);
    for s in outcomes {
        let Some(n) = at_count(s).filter(|n| *n > 0.0) else { continue };
        let what = match s.key.labels.get("outcome") {
            "running" => "ran: their open-coded defers cannot be read, all others are counted",
            "lower bound" => "are known to hold at least what is shown",
            "unstable" => "changed each time they were read: at least what is shown",
            "not reached" => "were not reached in time",
            _ => continue,
        };
        blind.push(format!("{n} of the goroutines {what}"));
    }
    blind.extend(CPU_IS_BLIND.map(str::to_owned));
    blind
}

struct Context<'a> {
    /// When pending defers were counted in memory.
    counts: &'a [TimeMs],
    held: Option<&'a DefersHeld>,
    /// Whether the stacks of those that hold them are wanted.
    with_stacks: bool,
    /// Growth of the process's open files.
    files: Option<Growth>,
    restarts: &'a [TimeMs],
    /// The first count or heap profile of the range.
    scraped_from: TimeMs,
    sites: &'a Sites,
    low: HashMap<Labels, Point>,
    high: HashMap<Labels, Point>,
    figures: HashMap<Labels, Vec<TimeMs>>,
    methods: Methods,
    /// Within which time two methods speak of the same present: intervals as they really are.
    cross_check_age_max: Duration,
}

impl Context<'_> {
    fn site(&self, series: &Series) -> Option<DeferSite> {
        let labels = &series.key.labels;
        let Point { t, v: pending } = *series.points.last()?;
        let bound = |of: &HashMap<Labels, Point>| of.get(labels).filter(|p| p.t == t).map(|p| p.v);
        let interval = bound(&self.low).zip(bound(&self.high)).map(|(low, high)| [low, high]);
        let (kind, id) = (labels.get("kind"), labels.get("site"));
        let text = self.sites.get(id);
        let figures = self.figures.get(labels).map_or(&[][..], Vec::as_slice);
        let mine = since_last(of_one_method(&series.points, self.counts, figures), self.restarts);
        let slope = theil_sen(mine);
        let known_from = if mine.len() < series.points.len() { TimeMs::MIN } else { self.scraped_from };
        let rising = slope.filter(|s| s.low > 0.0).and_then(|_| rising_since(mine, known_from));
        let growth_per_hour = slope.map(growth);
        Some(DeferSite {
            kind: kind.to_owned(),
            function: text.function,
            file: text.file,
            line: text.line,
            site: id.to_owned(),
            pending,
            interval,
            method: if self.counts.binary_search(&t).is_ok() { COUNTED } else { SAMPLED }.to_owned(),
            exact: interval == Some([pending, pending]),
            by_other_methods: self.others(kind, id, t),
            held_by: self.held_by(kind, id),
            holders: self.held.map_or(Vec::new(), |held| holders::of_site(held, kind, id, self.with_stacks)),
            grows_like_open_files: growth_per_hour
                .as_ref()
                .zip(self.files.as_ref())
                .is_some_and(|(a, b)| grow_alike(a, b)),
            growth_per_second: slope.map(|s| s.per_second()),
            growth_per_hour,
            no_growth_because: slope.is_none().then(|| match interval {
                Some(_) => too_few(mine.len(), self.restarts),
                None => "a lower bound tells no growth".to_owned(),
            }),
            rising_since_ms: rising.map(|(t, _)| t.0),
            rising_since_before: rising.is_some_and(|(_, before)| before),
            points: drawn(&series.points),
        })
    }
}

impl Context<'_> {
    /// What the methods say that do not speak for this place, as far as they said it lately.
    fn others(&self, kind: &str, site: &str, t: TimeMs) -> BTreeMap<String, f64> {
        let of_place = self.methods.get(&(kind.to_owned(), site.to_owned()));
        let recent = of_place
            .into_iter()
            .flatten()
            .filter(|(_, p)| p.t != t && t.since(p.t) < self.cross_check_age_max);
        recent.map(|(method, p)| (method.clone(), p.v)).collect()
    }

    fn held_by(&self, kind: &str, site: &str) -> Option<HeldSite> {
        self.held?.by_site.iter().find(|held| held.kind == kind && held.site == site).cloned()
    }
}

/// Both surely grow, and their intervals have paces in common.
fn grow_alike(a: &Growth, b: &Growth) -> bool {
    let ([a_low, a_high], [b_low, b_high]) = (a.interval, b.interval);
    a_low > 0.0 && b_low > 0.0 && a_low <= b_high && b_low <= a_high
}

fn newest_by_labels(series: &[Series]) -> HashMap<Labels, Point> {
    series.iter().filter_map(|s| Some((s.key.labels.clone(), *s.points.last()?))).collect()
}

/// What each method said last, by kind and site.
type Methods = HashMap<(String, String), Vec<(String, Point)>>;

fn methods(series: &[Series]) -> Methods {
    let mut methods = Methods::new();
    for s in series {
        let label = |name: &str| s.key.labels.get(name).to_owned();
        let Some(last) = s.points.last() else { continue };
        methods.entry((label("kind"), label("site"))).or_default().push((label("method"), *last));
    }
    methods
}

/// The CPU profiles of the range, in order of time.
fn profiles(cpu: &[Series], window: &[Series], by_function: &[Series]) -> Vec<CpuDefers> {
    let mut by_time: BTreeMap<TimeMs, CpuDefers> = BTreeMap::new();
    for point in window.iter().flat_map(|s| &s.points) {
        let profile =
            CpuDefers { window_seconds: point.v, sample_seconds: SAMPLE_SECONDS, ..CpuDefers::default() };
        by_time.insert(point.t, profile);
    }
    for point in cpu.iter().flat_map(|s| &s.points) {
        if let Some(profile) = by_time.get_mut(&point.t) {
            profile.cpu_seconds = point.v;
        }
    }
    for series in by_function {
        let labels = &series.key.labels;
        let Ok(kind) = labels.get("kind").parse::<Kind>() else { continue };
        for point in &series.points {
            let Some(profile) = by_time.get_mut(&point.t) else { continue };
            let function = labels.get("function").to_owned();
            profile.by_function.push(FunctionDefers { kind, function, seconds: point.v });
        }
    }
    by_time.into_values().collect()
}

/// Fewest samples a rate is told from: with fewer its interval spans more than a factor of ten.
const SAMPLES_MIN: u64 = 10;

fn run(p: &PooledDefers) -> Option<DeferCpu> {
    let Rate::Estimate { per_second, interval } = p.rate else { return None };
    Some(DeferCpu {
        kind: p.kind.as_str().to_owned(),
        function: p.function.clone(),
        cpu_ratio: p.ratio.value,
        cpu_ratio_interval: [p.ratio.interval.low, p.ratio.interval.high],
        calls_per_second: per_second,
        calls_per_second_interval: [interval.low, interval.high],
        samples: p.samples,
    })
}

#[cfg(test)]
mod tests {
    use super::{Wanted, defers, grow_alike};
    use crate::reader::Memory;
    use crate::report::DefersHeld;
    use crate::report::Growth;
    use linger_series::{Labels, SeriesKey, Stream, TimeMs, Window, metric};

    #[test]
    fn a_count_speaks_until_the_next_ones_stayed_away_or_the_process_is_another_one() {
        let t = |s: i64| TimeMs(s * 1_000);
        let counts = [t(0), t(15), t(30)];
        let check = |looked, restarts: &[TimeMs], expected| {
            assert_eq!(super::speaks(&counts, None, Some(t(looked)), restarts), expected);
        };
        check(31, &[], Some(t(30)));
        check(75, &[], Some(t(30)));
        check(76, &[], None);
        check(31, &[t(20)], Some(t(30)));
        check(35, &[t(31)], None);
        let rare = DefersHeld { due_within_s: 300.0, ..DefersHeld::default() };
        assert_eq!(super::speaks(&counts, Some(&rare), Some(t(900)), &[]), Some(t(30)));
        assert_eq!(super::speaks(&[], None, Some(t(1)), &[]), None);
    }

    #[test]
    fn files_grow_like_a_site_where_both_surely_do_and_at_a_common_pace() {
        let growth =
            |low, high| Growth { slope_per_hour: (low + high) / 2.0, interval: [low, high], points: 9 };
        let check =
            |a, b, expected| assert_eq!((grow_alike(&a, &b), grow_alike(&b, &a)), (expected, expected));
        check(growth(90.0, 110.0), growth(100.0, 130.0), true);
        check(growth(90.0, 110.0), growth(120.0, 130.0), false);
        check(growth(-5.0, 110.0), growth(90.0, 130.0), false);
    }

    #[test]
    fn pending_and_executed_defers_carry_what_they_rest_on() {
        let mut memory = Memory::default();
        let key = |name: &str, labels: &[(&str, &str)]| {
            SeriesKey::new(name, Labels::new(labels.iter().copied().chain([("target", "api")])))
        };
        let site = [("kind", "heap"), ("site", "main.pile+4")];
        for minute in 0..10 {
            let pending = 10_000.0 * minute as f64;
            let points = [
                (key(metric::DEFERS_PENDING, &site), pending),
                (key(metric::DEFERS_PENDING_LOW, &site), pending * 0.7),
                (key(metric::DEFERS_PENDING_HIGH, &site), pending * 1.4),
                (
                    key(metric::DEFERS_PENDING_BY_METHOD, &[site[0], site[1], ("method", "heap profile")]),
                    pending,
                ),
                (key(metric::DEFERS_FLOOR, &[("method", "heap profile")]), 32_000.0),
                (key(metric::CPU_SECONDS, &[]), 4.0),
                (key(metric::CPU_WINDOW, &[]), 5.0),
                (key(metric::DEFER_CPU_SECONDS, &[("kind", "heap"), ("function", "main.run")]), 0.2),
            ];
            memory.append(&Stream::new("api", "heap"), TimeMs(minute * 60_000), &points);
        }
        let d = defers(&memory, "api", Window::ALL, Wanted { limit: 10, site: None }, &[]).unwrap();
        let s = &d.sites[0];
        assert_eq!(
            (s.pending, s.interval, s.exact),
            (90_000.0, Some([90_000.0 * 0.7, 90_000.0 * 1.4]), false)
        );
        assert_eq!((s.method.as_str(), d.floor, d.cpu_window_s), ("heap profile", Some(32_000.0), 50.0));
        assert!((s.growth_per_second.unwrap() - 166.67).abs() < 0.01);
        let run = &d.executed[0];
        assert_eq!((run.samples, run.function.as_str()), (200, "main.run"));
        assert!((run.cpu_ratio - 0.05).abs() < 1e-9);
        assert_eq!(d.executed_floor.keys().collect::<Vec<_>>(), ["heap", "range", "stack"]);
    }
}
