//! `defers`: pending defers of every kind, counted in the memory of the target's process (method E).

use super::holders::held;
use super::pending::{By, Figure, Place, tell};
use super::target::TargetState;
use super::{Job, Reply, Samples};
use crate::scrape::census::Taken;
use linger_derive::defers::census::{BySite, is_whole};
use linger_gobin::census::Counts;
use linger_series::metric;
use std::collections::BTreeSet;

/// How this method is called in labels and JSON.
pub const METHOD: &str = "process memory";

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
    let held = held(&mut target.holders, job.at, taken, &by_site.sites);
    Reply { detail: missing(&report.goroutines), held: Some(Box::new(held)), ..Reply::ok() }
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
