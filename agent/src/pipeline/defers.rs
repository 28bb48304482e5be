//! `defers`: pending defers of every kind, counted in the memory of the target's process (method E).

use super::holders::held;
use super::pending::{By, Figure, Place, tell};
use super::target::TargetState;
use super::{Job, Reply, Samples};
use crate::scrape::census::Taken;
use linger_derive::Site;
use linger_derive::defers::Kind;
use linger_derive::defers::census::{BySite, is_whole, site};
use linger_gobin::census::Counts;
use linger_series::metric;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// How this method is called in labels and JSON.
pub const METHOD: &str = "process memory";

/// Takes a census.
pub(super) fn take(target: &mut TargetState, job: &Job, taken: &Taken, samples: &mut Samples) -> Reply {
    let report = &taken.report;
    if let Some(seen) = target.pending.replaced(taken.process, target.incarnation.ordinal()) {
        target.incarnation.replaced(seen, job.at);
        target.forget_process();
    }
    let former = std::mem::take(&mut target.pending.shown);
    let known: BTreeSet<Place> = former.keys().cloned().collect();
    let by_site = BySite::of(report, target.facts.sites_max, &known);
    let mut shown: BTreeMap<Place, By> = BTreeMap::new();
    for counted in &by_site.sites {
        let place = (counted.kind, counted.site.id.as_str());
        tell(samples, place, figure(counted.pending, counted.exact));
        let labels = [("kind", counted.kind.as_str()), ("site", place.1), ("method", METHOD)];
        samples.push(metric::DEFERS_PENDING_BY_METHOD, &labels, counted.pending as f64);
        samples.describe(&counted.site);
        shown.insert((counted.kind, counted.site.id.clone()), By::Census(counted.pending as f64));
    }
    for (kind, (pending, exact)) in &by_site.others {
        tell(samples, (*kind, metric::OTHER_SITE), figure(*pending, *exact));
        shown.insert((*kind, metric::OTHER_SITE.to_owned()), By::Census(*pending as f64));
    }
    let gone = |kind: Kind| is_whole(kind, &report.goroutines) && !by_site.others.contains_key(&kind);
    for ((kind, site), by) in former {
        if shown.contains_key(&(kind, site.clone())) {
            continue;
        }
        if gone(kind) {
            tell(samples, (kind, &site), Figure::Exactly(0.0));
        } else {
            // What may still be there and was not seen this time waits for a census that can tell.
            shown.insert((kind, site), by);
        }
    }
    target.pending.shown = shown;
    let due_ms = i64::try_from(taken.due_within.as_millis()).unwrap_or(i64::MAX);
    target.pending.counted(job.at, due_ms, taken.process, target.incarnation.ordinal());

    stranded(target, taken, samples);
    for (outcome, n) in outcomes(&report.goroutines) {
        samples.push(metric::CENSUS_GOROUTINES, &[("outcome", outcome)], n as f64);
    }
    let most = report.most_loaded.first().map_or(0, |loaded| loaded.goroutine.pending());
    samples.push(metric::DEFERS_PENDING_MAX, &[], most as f64);
    if let Some(files) = taken.open_files {
        samples.push(metric::OPEN_FILES, &[], files as f64);
    }
    let held = held(&mut target.holders, job.at, taken, &by_site.sites);
    Reply { detail: missing(&report.goroutines), held: Some(Box::new(held)), ..Reply::ok() }
}

/// What will never run, by site. A site that was told and is not any more has none only where nothing was missed.
fn stranded(target: &mut TargetState, taken: &Taken, samples: &mut Samples) {
    let mut by_site: BTreeMap<String, (Site, u64)> = BTreeMap::new();
    for (statement, pending) in &taken.stranded {
        let site = site(&statement.place);
        by_site.entry(site.id.clone()).or_insert((site, 0)).1 += pending;
    }
    let mut sites: Vec<(Site, u64)> = by_site.into_values().collect();
    sites.sort_by_key(|(_, pending)| Reverse(*pending));
    let rest = sites.split_off(target.facts.sites_max.min(sites.len()));
    let rest: u64 = rest.iter().map(|(_, pending)| pending).sum();
    let mut told: BTreeMap<&str, u64> = sites.iter().map(|(site, n)| (site.id.as_str(), *n)).collect();
    if rest > 0 {
        told.insert(metric::OTHER_SITE, rest);
    }
    for (site, _) in &sites {
        samples.describe(site);
    }
    for (site, pending) in &told {
        samples.push(metric::DEFERS_STRANDED, &[("site", site)], *pending as f64);
    }
    // What is summed up with others is not gone.
    let is_whole = rest == 0 && is_whole(Kind::Heap, &taken.report.goroutines);
    let mut still: BTreeSet<String> = told.keys().map(|site| (*site).to_owned()).collect();
    for site in std::mem::take(&mut target.pending.stranded) {
        if still.contains(&site) {
            continue;
        }
        if is_whole {
            samples.push(metric::DEFERS_STRANDED, &[("site", &site)], 0.0);
        } else {
            still.insert(site);
        }
    }
    target.pending.stranded = still;
}

fn figure(pending: u64, exact: bool) -> Figure {
    if exact { Figure::Exactly(pending as f64) } else { Figure::AtLeast(pending as f64) }
}

/// Goroutines by how far their defers are known; they add up to those that lived and those not reached.
pub(super) fn outcomes(counts: &Counts) -> [(&'static str, u64); 5] {
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
