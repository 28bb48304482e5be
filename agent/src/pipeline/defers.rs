//! `defers`: pending defers of every kind, counted in the memory of the target's process (method E).

use super::pending::{By, Figure, Place, tell};
use super::target::TargetState;
use super::{Job, Reply, Samples};
use crate::report::{DefersHeld, HeldBy, HeldGoroutines, HeldPlace, HeldSite, SiteText};
use crate::scrape::census::Taken;
use linger_derive::defers::census::{BySite, Counted, is_whole, site};
use linger_gobin::census::{Counts, Loaded, OpenCoded, Place as Line, Records};
use linger_series::{TimeMs, metric};
use std::collections::{BTreeSet, HashMap};

/// How this method is called in labels and JSON.
pub const METHOD: &str = "process memory";
/// Most goroutines told by name.
const HELD_MAX: usize = 20;
/// Most sites told of one goroutine.
const SITES_OF_ONE_MAX: usize = 5;

/// Takes a census.
pub(super) fn take(target: &mut TargetState, job: &Job, taken: &Taken, samples: &mut Samples) -> Reply {
    let report = &taken.report;
    if let Some(seen) = target.pending.replaced(taken.process, target.incarnation.ordinal()) {
        target.incarnation.replaced(seen, job.at);
        target.forget_process();
    }
    let former: BTreeSet<Place> = std::mem::take(&mut target.pending.shown).into_keys().collect();
    let by_site = BySite::of(report, target.facts.sites_max, &former);
    let mut shown: BTreeSet<Place> = BTreeSet::new();
    for counted in &by_site.sites {
        let place = (counted.kind, counted.site.id.as_str());
        tell(samples, place, figure(counted.pending, counted.exact));
        let labels = [("kind", counted.kind.as_str()), ("site", place.1), ("method", METHOD)];
        samples.push(metric::DEFERS_PENDING_BY_METHOD, &labels, counted.pending as f64);
        samples.describe(&counted.site);
        shown.insert((counted.kind, counted.site.id.clone()));
    }
    for (kind, (pending, exact)) in &by_site.others {
        tell(samples, (*kind, metric::OTHER_SITE), figure(*pending, *exact));
        shown.insert((*kind, metric::OTHER_SITE.to_owned()));
    }
    let gone = |(kind, _): &&Place| is_whole(*kind, &report.goroutines) && !by_site.others.contains_key(kind);
    for (kind, site) in former.difference(&shown).filter(gone) {
        tell(samples, (*kind, site), Figure::Exactly(0.0));
    }
    // What may still be there and was not seen this time waits for a census that can tell.
    let unsettled: Vec<Place> = former.difference(&shown).filter(|place| !gone(place)).cloned().collect();
    target.pending.shown = shown.into_iter().chain(unsettled).map(|place| (place, By::Census)).collect();
    let due_ms = i64::try_from(taken.due_within.as_millis()).unwrap_or(i64::MAX);
    target.pending.counted(job.at, due_ms, taken.process, target.incarnation.ordinal());

    for (outcome, n) in outcomes(&report.goroutines) {
        samples.push(metric::CENSUS_GOROUTINES, &[("outcome", outcome)], n as f64);
    }
    let most = report.most_loaded.first().map_or(0, |loaded| loaded.goroutine.pending());
    samples.push(metric::DEFERS_PENDING_MAX, &[], most as f64);
    if let Some(files) = taken.open_files {
        samples.push(metric::OPEN_FILES, &[], files as f64);
    }
    let held = held(target, job.at, taken, &by_site.sites);
    Reply { detail: missing(&report.goroutines), held: Some(Box::new(held)), ..Reply::ok() }
}

fn figure(pending: u64, exact: bool) -> Figure {
    if exact { Figure::Exactly(pending as f64) } else { Figure::AtLeast(pending as f64) }
}

/// Goroutines by how far their defers are known; they add up to those that lived and those not reached.
fn outcomes(counts: &Counts) -> [(&'static str, u64); 5] {
    [
        ("exact", counts.exact),
        ("running", counts.open_coded_unreadable),
        ("lower bound", counts.lower_bound),
        ("unstable", counts.unstable),
        ("not reached", counts.not_reached),
    ]
}

/// What was missed, in a sentence.
fn missing(counts: &Counts) -> Option<String> {
    let told = outcomes(counts).into_iter().skip(1).filter(|(_, n)| *n > 0);
    let told: Vec<String> = told.map(|(outcome, n)| format!("{n} {outcome}")).collect();
    (!told.is_empty())
        .then(|| format!("of {} goroutines not told exactly: {}", counts.alive, told.join(", ")))
}

/// Who holds the most, each with the time it was seen first: ids are never used again in one process.
fn held(target: &mut TargetState, at: TimeMs, taken: &Taken, by_site: &[Counted]) -> DefersHeld {
    let report = &taken.report;
    let most: Vec<&Loaded> = report.most_loaded.iter().take(HELD_MAX).collect();
    let former = std::mem::take(&mut target.holders);
    let same_process = former.process == Some(taken.process);
    let since = |id: u64| former.since.get(&id).copied().filter(|_| same_process).unwrap_or(at);
    target.holders.process = Some(taken.process);
    target.holders.since = most.iter().map(|l| (l.goroutine.id, since(l.goroutine.id))).collect();
    let holder = |loaded: &&Loaded| {
        let id = loaded.goroutine.id;
        held_by(loaded, target.holders.since.get(&id).copied().unwrap_or(at))
    };
    let goroutines = outcomes(&report.goroutines).map(|(outcome, n)| (outcome.to_owned(), n));
    let by_site = by_site.iter().map(|counted| HeldSite {
        kind: counted.kind.as_str().to_owned(),
        site: counted.site.id.clone(),
        goroutines: counted.goroutines,
        most_in_one: counted.most_in_one,
    });
    DefersHeld {
        at_ms: at.0,
        goroutines: HeldGoroutines { alive: report.goroutines.alive, by_outcome: goroutines.into() },
        by_site: by_site.collect(),
        most_loaded: most.iter().map(holder).collect(),
        open_files: taken.open_files,
        cpu_s: taken.cpu.as_secs_f64(),
        due_within_s: taken.due_within.as_secs_f64(),
        took_s: taken.took.as_secs_f64(),
    }
}

fn held_by(loaded: &Loaded, since: TimeMs) -> HeldBy {
    let g = &loaded.goroutine;
    let exact = g.records == Records::Exact && g.open_coded == OpenCoded::Exact;
    // Parked, all stand in the runtime: that tells nothing. The runtime made the main goroutine.
    let place = |line: &Line| match line.function.starts_with("runtime.") {
        true => SiteText::default(),
        false => place_text(line),
    };
    HeldBy {
        goroutine: g.id,
        parent: g.parent_id,
        state: match g.wait_reason {
            Some(reason) => reason.to_owned(),
            None => g.status.name().to_owned(),
        },
        pending: g.pending(),
        exact,
        seen_since_ms: since.0,
        at: place(&loaded.at),
        created_at: place(&loaded.created_at),
        start: loaded.start.function.clone(),
        pending_at: loaded
            .pending
            .iter()
            .take(SITES_OF_ONE_MAX)
            .map(|(s, n)| HeldPlace { kind: s.kind.name().into(), at: place(&s.place), pending: *n })
            .collect(),
    }
}

fn place_text(line: &Line) -> SiteText {
    let site = site(line);
    SiteText {
        site: site.id,
        function: site.function,
        file: site.file,
        line: site.line.into(),
        ..SiteText::default()
    }
}

/// Since when goroutines are among those that hold the most.
#[derive(Debug, Default)]
pub(super) struct Holders {
    /// Of which process: its PID and start.
    process: Option<(u32, u64)>,
    since: HashMap<u64, TimeMs>,
}
