//! Time that goroutines were blocked, by why and where. A second of one goroutine in a second of the trace is 1, so the
//! figure is also how many were blocked there on average.
//!
//! Reasons are the runtime's own words (`chan receive`, `sync`, `network`, …). Time in system calls is told beside them
//! as [`SYSCALL`]: the goroutine does not go on either, and which calls wait the trace does not say.

use super::largest::split;
use super::{Known, UNKNOWN, Window, word};
use crate::Frame;
use crate::site::{Landmarks, Site};
use linger_gotrace::summary::{SiteId, Summary};
use linger_series::metric::OTHER_SITE;
use std::collections::BTreeMap;

/// The reason of goroutines that are in a system call.
pub const SYSCALL: &str = "syscall";

/// Reasons told apart. The runtime of Go 1.27 has 17 (`traceBlockReasonStrings`); a trace may say anything.
const REASONS_MAX: usize = 32;

/// The reason of those beyond.
const OTHER_REASON: &str = "other";

/// Time blocked for one reason at one site.
#[derive(Clone, Debug, PartialEq)]
pub struct Blocked {
    /// Why; `unknown` where the trace does not tell it.
    pub reason: String,
    /// Where; its id is `unknown` where the trace does not tell it, and `other` for what is beyond the limit.
    pub site: Site,
    /// Seconds in each second of the window, of all goroutines.
    pub seconds_per_second: f64,
}

struct Row {
    reason: String,
    site: Site,
    ns: u64,
    /// The longest part of it, whose stack is shown.
    largest_ns: u64,
}

/// The longest first; the rest summed by reason.
pub(super) fn by_site(summary: &Summary, window: &Window, known: &Known<'_>) -> Vec<Blocked> {
    let waits = summary.waits.iter().map(|wait| (word(&wait.reason), wait.site, wait.spans.total_ns));
    let syscalls = summary.syscalls.iter().map(|(site, spans)| (SYSCALL.to_owned(), *site, spans.total_ns));
    let parts: Vec<(String, SiteId, u64)> = waits.chain(syscalls).filter(|(_, _, ns)| *ns > 0).collect();
    let rare = rare_reasons(&parts);
    let mut rows: BTreeMap<(String, String), Row> = BTreeMap::new();
    for (reason, site, ns) in parts {
        let reason = if rare.contains(&reason) { OTHER_REASON.to_owned() } else { reason };
        let site = site_of(summary, site, known);
        let row = rows.entry((reason.clone(), site.id.clone())).or_insert_with(|| Row {
            reason,
            site: site.clone(),
            ns: 0,
            largest_ns: 0,
        });
        row.ns = row.ns.saturating_add(ns);
        if ns > row.largest_ns {
            (row.site, row.largest_ns) = (site, ns);
        }
    }
    let (kept, rest) = split(rows.into_values().collect(), known.sites_max, |row| row.ns, |row| &row.site.id);
    let mut of_rest: BTreeMap<String, u64> = BTreeMap::new();
    for row in rest {
        let ns = of_rest.entry(row.reason).or_default();
        *ns = ns.saturating_add(row.ns);
    }
    let told = kept.into_iter().map(|row| (row.reason, row.site, row.ns));
    let mut blocked: Vec<(String, Site, u64)> = told.collect();
    for (reason, ns) in of_rest {
        // What the summary itself could not tell apart has the same name.
        match blocked.iter_mut().find(|(r, site, _)| *r == reason && site.id == OTHER_SITE) {
            Some((_, _, there)) => *there = there.saturating_add(ns),
            None => blocked.push((reason, named(OTHER_SITE), ns)),
        }
    }
    let seconds = |(reason, site, ns): (String, Site, u64)| Blocked {
        reason,
        site,
        seconds_per_second: window.share(ns),
    };
    blocked.into_iter().map(seconds).collect()
}

/// Those beyond the limit of reasons, the least time of all.
fn rare_reasons(parts: &[(String, SiteId, u64)]) -> Vec<String> {
    let mut by_reason: BTreeMap<&str, u64> = BTreeMap::new();
    for (reason, _, ns) in parts {
        let sum = by_reason.entry(reason).or_default();
        *sum = sum.saturating_add(*ns);
    }
    let (_, rare) = split(by_reason.into_iter().collect(), REASONS_MAX, |(_, ns)| *ns, |(reason, _)| reason);
    rare.into_iter().map(|(reason, _)| reason.to_owned()).collect()
}

fn site_of(summary: &Summary, site: SiteId, known: &Known<'_>) -> Site {
    if site == SiteId::OTHER {
        return named(OTHER_SITE);
    }
    let frames = summary.sites.get(site.0).map_or(&[][..], |site| &site.frames);
    let frames = frames.iter().map(|frame| Frame {
        function: &frame.function,
        file: &frame.file,
        line: frame.line.into(),
        start_line: 0,
    });
    match Landmarks::of_stack(frames, known.go_root) {
        Some(landmarks) => landmarks.site(known.start_lines),
        None => named(UNKNOWN),
    }
}

/// No place, under a name.
fn named(id: &str) -> Site {
    Site { id: id.to_owned(), ..Site::unknown() }
}
