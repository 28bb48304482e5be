//! `linger scrape URL`: a look at one target for some seconds, without a store: the same scraping, decoding and
//! deriving as the agent's, with points in memory.

mod births;

use crate::answer::defers::Wanted;
use crate::answer::{defers, trend};
use crate::live::{Live, not_yet};
use crate::pipeline::sink::ToMemory;
use crate::pipeline::{Facts, Pipeline, Shown, Worker};
use crate::report::{DeferSite, Scraped, TargetDefers, TargetStatus, TargetTrend, VERSION};
use crate::scrape::lane::Scraper;
use crate::scrape::schedule::{GOROUTINES_DENSE, Lane, Plan, Rules, Schedule, Tick};
use crate::show::number;
use linger_config::{Collector, CollectorKind, Config};
use linger_series::Window;
use std::path::Path;
use std::rc::Rc;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::runtime::LocalOptions;
use tokio::sync::watch;
use tokio::time::Instant;

/// Somebody waits at a terminal and asked for it: ten times the agent's duty cycle, and everything at once.
const RULES: Rules =
    Rules { duty_cycle_max: 0.05, time_scale: 1.0, first_turn_within: Duration::from_millis(500) };
/// Failed knocks after which a look ends: somebody waits for it.
const KNOCKS_MAX: u64 = 3;
/// How often it is looked whether anybody answers.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Shortest look that has a trace: the first second goes by before windows begin, and each takes one at least.
const TRACE_FROM: Duration = Duration::from_secs(5);
/// So many in one goroutine are no statement of its stack's functions any more.
const PILE: u64 = 100;
/// Sites listed.
const SITES_LISTED: usize = 20;
/// A site with so many goroutines is worth a sentence even when it does not grow.
const MANY_GOROUTINES: f64 = 1_000.0;

/// Looks at the first target of `config` for `watch_for`.
///
/// # Errors
/// Our own side fails; a target that does not answer is an answer too.
pub fn scrape(config: &Config, watch_for: Duration) -> Result<Scraped, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(LocalOptions::default())
        .map_err(|e| format!("no runtime: {e}"))?;
    runtime.block_on(look(config, watch_for))
}

async fn look(config: &Config, watch_for: Duration) -> Result<Scraped, String> {
    let mut target = config.targets.first().ok_or("no target")?.clone();
    let name = target.name.clone();
    for kind in CollectorKind::ALL {
        hurry(kind, watch_for, target.collectors.get_mut(kind));
    }
    let mut config = config.clone();
    config.targets = vec![target.clone()];
    let live = Arc::new(Live::new(1.0, "", Path::new("")));
    live.add(not_yet(&target, RULES.duty_cycle_max));
    let facts = Facts {
        name: name.clone(),
        labels: target.labels.clone(),
        sites_max: usize::try_from(config.sites_max).unwrap_or(usize::MAX),
        goroutine_profiles: target.collectors.goroutine.enabled,
        incarnation_note: None,
        shown: Shown::default(),
    };
    let memory = ToMemory::default();
    let worker = Worker::new([facts], memory.clone(), None);
    let (pipeline, thread) =
        Pipeline::start(worker).map_err(|e| format!("no thread for the pipeline: {e}"))?;
    let schedule = Schedule::new(&name, &Plan::all(&target.collectors), RULES, Tick::ZERO);
    let scraper = Rc::new(Scraper::new(&target, schedule, pipeline, live.clone(), Instant::now()));
    watch_it(&scraper, watch_for).await;
    let watched_s = scraper.epoch.elapsed().as_secs_f64();
    drop(scraper);
    let _ = tokio::task::spawn_blocking(move || thread.join()).await;

    let memory = memory.0.lock().unwrap_or_else(PoisonError::into_inner);
    let target = live.target(&name).ok_or("the target is gone")?;
    let trend = trend::trend(&*memory, &name, Window::ALL, SITES_LISTED)?;
    let defers = defers::defers(
        &*memory,
        &name,
        Window::ALL,
        Wanted { limit: SITES_LISTED, site: None },
        &target.defers_held,
    )?;
    let mut findings = findings(&target, &trend, &defers);
    findings.extend(births::sentences(&*memory, &name)?);
    Ok(Scraped { version: VERSION, target, trend, defers, findings, watched_s })
}

/// Both lanes for as long as asked, then one last profile of what changed.
async fn watch_it(scraper: &Rc<Scraper>, watch_for: Duration) {
    let (stop, stopping) = watch::channel(false);
    let lanes: Vec<_> = Lane::ALL
        .into_iter()
        .map(|lane| {
            let (scraper, stopping) = (scraper.clone(), stopping.clone());
            tokio::task::spawn_local(async move { scraper.run(lane, stopping).await })
        })
        .collect();
    let end = scraper.epoch + watch_for;
    while Instant::now() < end && !nobody_is_there(scraper) {
        tokio::time::sleep(LOOK_EVERY.min(end - Instant::now())).await;
    }
    let _ = stop.send(true);
    for lane in lanes {
        let _ = lane.await;
    }
    let goroutines = scraper.schedule.borrow().goroutines().unwrap_or(0);
    if scraper.schedule.borrow().is_reachable() && goroutines <= GOROUTINES_DENSE {
        scraper.scrape(CollectorKind::Goroutine).await;
        scraper.scrape(CollectorKind::Heap).await;
    }
}

/// Whether the target was knocked at often enough to say that nobody answers.
fn nobody_is_there(scraper: &Scraper) -> bool {
    let target = scraper.live.target(&scraper.target.name);
    let knocks = target.and_then(|t| t.collectors.into_iter().find(|c| c.collector == "count"));
    knocks.is_some_and(|c| c.successes == 0 && c.failures >= KNOCKS_MAX)
}

/// Shorter intervals for a short look, and as long windows as fit into it; the trace itself is not kept.
fn hurry(kind: CollectorKind, watch_for: Duration, collector: &mut Collector) {
    let seconds = |s| linger_config::Duration::from_secs(s);
    match kind {
        CollectorKind::Count | CollectorKind::Goroutine | CollectorKind::Defers => {
            collector.every = seconds(1);
        }
        CollectorKind::Heap => collector.every = seconds(3),
        CollectorKind::Mutex | CollectorKind::Block => collector.every = seconds(3600),
        CollectorKind::Cpu => {
            // The window begins within a second and must end in time; a trace of a second and its answer come after.
            let room = watch_for.as_secs().saturating_sub(if has_trace(watch_for) { 4 } else { 2 });
            collector.enabled &= room >= 1;
            collector.window = Some(seconds(room.clamp(1, 5)));
            collector.every = seconds(3600);
        }
        CollectorKind::Trace => {
            collector.enabled &= has_trace(watch_for);
            collector.window = Some(seconds(1));
            collector.every = seconds(3600);
        }
    }
}

/// Whether a look is long enough for a trace beside a CPU profile.
fn has_trace(watch_for: Duration) -> bool {
    watch_for >= TRACE_FROM
}

/// Of defers counted in memory there are some at every line that waits: said is what piles up.
fn is_pile(d: &DeferSite) -> bool {
    d.held_by.as_ref().is_none_or(|held| held.most_in_one >= PILE)
}

fn pending(d: &DeferSite) -> String {
    let (n, place) = (number(d.pending), format!("{} {}:{}", d.function, d.file, d.line));
    match d.interval {
        Some(_) if d.exact => format!("exactly {n} deferred calls are pending at {place}"),
        Some([low, high]) => format!(
            "about {n} deferred calls are pending at {place} (95 %: {} to {})",
            number(low),
            number(high)
        ),
        None => format!("at least {n} deferred calls are pending at {place}"),
    }
}

fn findings(target: &TargetStatus, trend: &TargetTrend, defers: &TargetDefers) -> Vec<String> {
    let mut found = Vec::new();
    if !target.up {
        let next = target.next_step.as_deref().map(|n| format!(": {n}")).unwrap_or_default();
        found.push(format!("{} is not up ({}){next}", target.url, target.state));
    }
    for d in defers.sites.iter().filter(|d| is_pile(d)) {
        found.push(pending(d));
    }
    for s in &trend.series {
        let grows = s.interval.is_some_and(|[low, _]| low > 0.0) && s.last >= 10.0;
        if !grows && s.last < MANY_GOROUTINES {
            continue;
        }
        let site = s.site.clone().unwrap_or_default();
        let class = s.class.as_deref().unwrap_or("");
        let growth = match (grows, s.slope_per_hour) {
            (true, Some(slope)) => format!(", growing by {} an hour while watched", number(slope)),
            _ => String::new(),
        };
        let count = number(s.last);
        found.push(format!(
            "{count} goroutines wait in {class} at {} {}:{}{growth}",
            site.function, site.file, site.line
        ));
    }
    found
}
