//! Goroutines inside a deferred call, from a goroutine profile (method B).

use super::target::TargetState;
use super::{Job, Samples};
use linger_derive::defers::running::{How, Running, running};
use linger_proto::pprof::Profile;
use linger_series::metric;
use std::collections::BTreeSet;

/// Goroutines inside deferred calls. Those that run at a return are known by the program's file only: without it nothing is
/// said of them, and not that there are none.
pub(super) fn take(target: &mut TargetState, job: &Job, profile: &Profile, samples: &mut Samples) {
    let lines = &target.start_lines;
    let asked = job.program.as_ref().map(|program| program.ask(|p| running(profile, Some(p), lines)));
    let (found, returns_known) = match asked {
        Some(Ok(found)) => (found, true),
        Some(Err(stop)) => {
            tracing::debug!(target = job.target, "the program's file does not tell its addresses: {stop}");
            (running(profile, None, lines).ok().flatten(), false)
        }
        None => (running(profile, None, lines).ok().flatten(), false),
    };
    let mut found = found.unwrap_or_default();
    let rest = found.split_off(target.facts.sites_max.min(found.len()));
    let mut shown = BTreeSet::new();
    let mut tell = |how: How, site: &str, call: &str, goroutines: u64| {
        let labels = [("how", how.as_str()), ("site", site), ("call", call)];
        samples.push(metric::DEFERS_RUNNING, &labels, goroutines as f64);
        shown.insert((how, site.to_owned(), call.to_owned()));
    };
    for how in How::ALL {
        let others = rest.iter().filter(|r| r.how == how).map(|r| r.goroutines).sum();
        if others > 0 {
            tell(how, metric::OTHER_SITE, "", others);
        }
    }
    for Running { how, site, call, goroutines } in &found {
        tell(*how, &site.id, call, *goroutines);
    }
    for Running { site, .. } in &found {
        samples.describe(site);
    }
    let former = std::mem::take(&mut target.running);
    let (unknown, gone): (Vec<_>, Vec<_>) =
        former.into_iter().filter(|place| !shown.contains(place)).partition(|(how, ..)| {
            let is_summed_up = rest.iter().any(|other| other.how == *how);
            is_summed_up || (*how == How::Return && !returns_known)
        });
    for (how, site, call) in &gone {
        let labels = [("how", how.as_str()), ("site", site), ("call", call)];
        samples.push(metric::DEFERS_RUNNING, &labels, 0.0);
    }
    shown.extend(unknown);
    target.running = shown;
}
