//! Who holds pending defers, as one census saw it: goroutines in groups by site and by where they stand, those that hold
//! the most by number, and since when each was seen.
//!
//! How old a goroutine is, is in no memory. What is known is that one of the same number was seen before: numbers are
//! never used again in one process. So it refuses to tell an age, and tells since when it was seen.

use super::defers::outcomes;
use crate::report::{
    DefersHeld, HeldBy, HeldGoroutines, HeldGroup, HeldPlace, HeldSite, SiteText, StackFrame, Standing,
};
use crate::scrape::census::Taken;
use linger_derive::defers::Kind;
use linger_derive::defers::census::{Counted, site};
use linger_derive::site::StartLines;
use linger_derive::{Frame, GoRoot, Site};
use linger_gobin::census::{self, Loaded, OpenCoded, Place, Records, Report, Status};
use linger_probe::ProcessId;
use linger_series::TimeMs;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

/// Most goroutines told by number.
const HELD_MAX: usize = 20;
/// Most sites told of one goroutine.
const SITES_OF_ONE_MAX: usize = 5;
/// Functions told of all stacks together, those of the most loaded first: some 150 KB a target. Stacks beyond are told
/// by where they are blocked only.
const FUNCTIONS_TOLD_MAX: usize = 800;

/// When goroutines that hold pending defers were first seen, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Of which process.
    process: Option<ProcessId>,
    /// As the oldest of a group.
    oldest: HashMap<u64, TimeMs>,
    /// Among those that hold the most, and how many that were.
    loaded: HashMap<u64, (TimeMs, u64)>,
}

impl Seen {
    /// Takes those seen now; who is not seen any more is forgotten.
    fn take(&mut self, process: ProcessId, at: TimeMs, report: &Report) {
        let former = std::mem::take(self);
        let former = if former.process == Some(process) { former } else { Self::default() };
        let oldest = report.holders.iter().map(|h| h.oldest);
        let loaded =
            report.most_loaded.iter().take(HELD_MAX).map(|l| (l.goroutine.id, l.goroutine.pending()));
        *self = Self {
            process: Some(process),
            oldest: oldest.map(|id| (id, former.oldest.get(&id).copied().unwrap_or(at))).collect(),
            loaded: loaded.map(|(id, n)| (id, former.loaded.get(&id).copied().unwrap_or((at, n)))).collect(),
        };
    }
}

/// Who holds what was counted.
pub(super) fn held(seen: &mut Seen, at: TimeMs, taken: &Taken, by_site: &[Counted]) -> DefersHeld {
    let report = &taken.report;
    let most: Vec<&Loaded> = report.most_loaded.iter().take(HELD_MAX).collect();
    seen.take(taken.process, at, report);
    let standings = standings(report);
    let of_site = by_site.iter().map(|counted| HeldSite {
        kind: counted.kind.as_str().to_owned(),
        site: counted.site.id.clone(),
        goroutines: counted.goroutines,
        most_in_one: counted.most_in_one,
    });
    let goroutines = outcomes(&report.goroutines).map(|(outcome, n)| (outcome.to_owned(), n));
    DefersHeld {
        at_ms: at.0,
        goroutines: HeldGoroutines { alive: report.goroutines.alive, by_outcome: goroutines.into() },
        by_site: of_site.collect(),
        most_loaded: most
            .iter()
            .map(|loaded| {
                let is_waiting = loaded.goroutine.status != Status::Runnable;
                let waits = waits(taken, loaded.goroutine.wait_since_ns).filter(|_| is_waiting);
                held_by(loaded, seen, at, waits, &standings)
            })
            .collect(),
        groups: groups_of(taken, seen, at, by_site),
        standings,
        open_files: taken.open_files,
        cpu_s: taken.cpu.as_secs_f64(),
        due_within_s: taken.due_within.as_secs_f64(),
        took_s: taken.took.as_secs_f64(),
    }
}

/// Groups of the sites that are told, the most pending first. Statements of one line are one site.
fn groups_of(taken: &Taken, seen: &Seen, at: TimeMs, by_site: &[Counted]) -> Vec<HeldGroup> {
    let report = &taken.report;
    let mut groups: BTreeMap<(Kind, String, usize), HeldGroup> = BTreeMap::new();
    for held in &report.holders {
        let Some(statement) = report.sites.get(held.site).map(|count| &count.site) else { continue };
        let (kind, id) = (Kind::from(statement.kind), site(&statement.place).id);
        if !by_site.iter().any(|counted| counted.kind == kind && counted.site.id == id) {
            continue;
        }
        let group = groups.entry((kind, id.clone(), held.standing)).or_insert_with(|| HeldGroup {
            kind: kind.as_str().to_owned(),
            site: id,
            standing: held.standing,
            exact: true,
            oldest: u64::MAX,
            ..HeldGroup::default()
        });
        group.goroutines = group.goroutines.max(held.goroutines);
        group.pending += held.pending;
        group.most_in_one = group.most_in_one.max(held.most_in_one);
        group.exact &= held.exact;
        if held.oldest < group.oldest {
            group.oldest = held.oldest;
            group.oldest_seen_since_ms = seen.oldest.get(&held.oldest).map_or(at.0, |since| since.0);
        }
        // Who was woken keeps the time until it runs.
        let is_waiting = report.standings.get(held.standing).is_none_or(|at| at.status != Status::Runnable);
        let waits = waits(taken, held.wait_since_ns).filter(|_| is_waiting);
        group.waits_at_least_s = match (group.waits_at_least_s, waits) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        };
    }
    let mut groups: Vec<HeldGroup> = groups.into_values().collect();
    groups.sort_by_key(|group| Reverse(group.pending));
    groups
}

/// How long somebody waits at least who was noted to wait since then.
fn waits(taken: &Taken, wait_since_ns: u64) -> Option<f64> {
    let now = taken.clock_ns.filter(|_| wait_since_ns > 0)?;
    Some(now.saturating_sub(wait_since_ns) as f64 / 1e9)
}

/// All standings, at the places that the report counts them by.
fn standings(report: &Report) -> Vec<Standing> {
    let go_root = GoRoot::learn(report.standings.iter().flat_map(census::Standing::places).map(frame));
    let mut room = FUNCTIONS_TOLD_MAX;
    report
        .standings
        .iter()
        .map(|from| {
            let functions = from.places().count();
            let is_told = functions <= room;
            room -= if is_told { functions } else { 0 };
            let frames = from.places().map(frame);
            Standing {
                state: from.wait_reason.unwrap_or(from.status.name()).to_owned(),
                at: Site::of_stack(frames, &go_root, &StartLines::default()).map(text).unwrap_or_default(),
                created_at: by_user(&from.created_at),
                start: from.start.function.clone(),
                stack: if is_told { from.places().map(stack_frame).collect() } else { Vec::new() },
                frames_left_out: from.frames_left_out.into(),
            }
        })
        .collect()
}

fn held_by(
    loaded: &Loaded,
    seen: &Seen,
    at: TimeMs,
    waits_at_least_s: Option<f64>,
    standings: &[Standing],
) -> HeldBy {
    let g = &loaded.goroutine;
    let (since, first) = seen.loaded.get(&g.id).copied().unwrap_or((at, g.pending()));
    let standing = standings.get(loaded.standing).cloned().unwrap_or_default();
    HeldBy {
        goroutine: g.id,
        parent: g.parent_id,
        state: standing.state,
        pending: g.pending(),
        exact: g.records == Records::Exact && g.open_coded == OpenCoded::Exact,
        seen_since_ms: since.0,
        pending_when_seen: first,
        waits_at_least_s,
        at: standing.at,
        created_at: standing.created_at,
        start: standing.start,
        pending_at: loaded
            .pending
            .iter()
            .take(SITES_OF_ONE_MAX)
            .map(|(s, n)| HeldPlace { kind: s.kind.name().into(), at: text(site(&s.place)), pending: *n })
            .collect(),
        standing: loaded.standing,
        stack: Vec::new(),
        frames_left_out: standing.frames_left_out,
    }
}

fn frame(place: &Place) -> Frame<'_> {
    Frame {
        function: &place.function,
        file: &place.file,
        line: place.line.into(),
        start_line: place.start_line.into(),
    }
}

fn stack_frame(place: &Place) -> StackFrame {
    StackFrame { function: place.function.clone(), file: place.file.clone(), line: place.line.into() }
}

/// The `go` statement; nothing where the runtime made the goroutine, as it did the main one.
fn by_user(place: &Place) -> SiteText {
    if place.function.starts_with("runtime.") { SiteText::default() } else { text(site(place)) }
}

fn text(site: Site) -> SiteText {
    SiteText {
        site: site.id,
        function: site.function,
        file: site.file,
        line: site.line.into(),
        blocked_at: site.blocked_at,
        entry: site.entry,
    }
}
