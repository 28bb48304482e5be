//! `linger defers --site`: who holds what is pending at a line, from where, since when; and the goroutines that hold the
//! most, on each page of defers.
//!
//! It refuses to tell an age: it tells since when a goroutine was seen, and for how long it waits at least.

use super::defers::{AT_LEAST, exactness, pending_text};
use super::page::Page;
use super::spark::{Marks, spark};
use super::table::{Cell, Column, Fit, Table};
use super::text::harmless;
use super::{Screen, growth, name, number};
use crate::report::{
    DeferSite, Defers, DefersHeld, HeldBy, Holders, Range, SiteText, StackFrame, TargetDefers,
};

/// Goroutines shown that hold the most; JSON has more.
const LOADED_SHOWN: usize = 5;
/// Groups shown of one site, and stacks; JSON has all.
const GROUPS_SHOWN: usize = 10;
const STACKS_SHOWN: usize = 4;

const LOADED: [Column; 6] = [
    Column::new("", &["TARGET"], Fit::Left),
    Column::new("PENDING", &["PENDING", "EXACTNESS", "SINCE SEEN"], Fit::Left),
    Column::new("GOROUTINE", &["GOROUTINE", "PARENT"], Fit::Left),
    Column::new("SEEN SINCE", &["SEEN SINCE", "AGO"], Fit::Left),
    Column::new("STATE", &["STATE", "AT LEAST FOR"], Fit::Left),
    Column::new("WHERE", &["FUNCTION", "AT", "CREATED BY", "CREATED AT"], Fit::Rest),
];

const GROUPS: [Column; 7] = [
    Column::new("", &["TARGET", "SITE"], Fit::Left),
    Column::new("#", &["STACK"], Fit::Left),
    Column::new("PENDING", &["PENDING", "EXACTNESS"], Fit::Left),
    Column::new("GOROUTINES", &["GOROUTINES", "AT MOST"], Fit::Left),
    Column::new("OLDEST SEEN SINCE", &["OLDEST", "SEEN SINCE", "AGO"], Fit::Left),
    Column::new("STATE", &["STATE", "AT LEAST FOR"], Fit::Left),
    Column::new("WHERE", &["FUNCTION", "AT", "CREATED BY", "CREATED AT"], Fit::Rest),
];

const STACKS: [Column; 4] = [
    Column::new("", &["TARGET", "SITE"], Fit::Left),
    Column::new("STACK", &["STACK"], Fit::Left),
    Column::new("FUNCTION", &["FUNCTION"], Fit::Left),
    Column::new("AT", &["AT"], Fit::Rest),
];

/// The sites that were asked for, each with who holds it.
pub(super) fn of_sites(page: &mut Page<'_>, defers: &Defers, screen: &Screen) {
    for target in &defers.targets {
        for site in &target.sites {
            page.gap();
            let (of, range) = (harmless(&target.target), screen.clock.range(defers.range));
            page.line(&format!("{of} · defers at {} · {range}", owner(site)));
            page.gap();
            figures(page, target, site, defers.range, screen);
            page.gap();
            who(page, target, site, screen);
        }
        if let Some(held) = target.held.as_ref().filter(|held| !held.most_loaded.is_empty()) {
            page.gap();
            most_loaded(page, &target.target, held, screen);
        }
        super::trend::left_out(page, target.sites_left_out, target.sites.len());
    }
}

fn figures(page: &mut Page<'_>, target: &TargetDefers, site: &DeferSite, range: Range, screen: &Screen) {
    let (kind, method) = (harmless(&site.kind), harmless(&site.method));
    let interval = site.interval.filter(|_| !site.exact).map(number::interval);
    let pending =
        [Some(format!("{} pending", pending_text(site))), interval].map(Option::unwrap_or_default).join(" ");
    let how = format!("{kind}, {} from the {method}", exactness(site));
    let when = target.as_of_ms.map(|ms| format!("{} ({})", screen.clock.at_second(ms), screen.clock.ago(ms)));
    page.note_of(
        &[Some(pending.trim_end().to_owned()), Some(how), when].into_iter().flatten().collect::<Vec<_>>(),
    );
    let slope = site.growth_per_hour.as_ref();
    let mut growth = vec![growth::phrase(
        slope.map(|g| g.slope_per_hour),
        slope.map(|g| g.interval),
        site.no_growth_because.as_deref(),
    )];
    growth.extend(site.growth_per_second.map(growth::per_second));
    growth.extend(growth::since_phrase(&screen.clock, site.rising_since_ms, site.rising_since_before));
    page.note_of(&growth);
    let marks = Marks { gaps_ms: &[], restarts_ms: &target.restarts_ms };
    page.sparkline(&spark(&site.points, range, screen.wide_spark_cells(), marks));
    for (method, value) in &site.by_other_methods {
        page.note(&format!("cross-check by {}: {}, never to be added", harmless(method), number(*value)));
    }
    files(page, target, site);
}

/// Open files beside the site: side by side, since no method tells which of them a pending defer would close.
fn files(page: &mut Page<'_>, target: &TargetDefers, site: &DeferSite) {
    let Some(count) = target.held.as_ref().and_then(|held| held.open_files) else { return };
    let slope = target.open_files_growth_per_hour.as_ref();
    let pace = slope.map(|g| format!(", {}", growth::phrase(Some(g.slope_per_hour), Some(g.interval), None)));
    let alike = match site.grows_like_open_files {
        true => ": at the pace of this site; whether these defers would close them, no count tells",
        false => "",
    };
    let pace = pace.unwrap_or_default();
    page.note(&format!("open files of the process: {}{pace}{alike}", number::count(count)));
}

fn who(page: &mut Page<'_>, target: &TargetDefers, site: &DeferSite, screen: &Screen) {
    if site.holders.is_empty() {
        return page.note(match (&target.held, &site.held_by) {
            (None, _) => {
                "who holds them is known where they are counted in the process's memory: see `linger status`"
            }
            (Some(_), None) => "nobody was seen to hold them at the last count",
            (Some(_), Some(_)) => "who holds them is known to a running agent only",
        });
    }
    if let Some(held) = held_count(site) {
        page.note(&format!("{held}:"));
    }
    let mut groups = Table::new(&GROUPS);
    for (i, holders) in site.holders.iter().take(GROUPS_SHOWN).enumerate() {
        groups.row(group_row(target, site, i + 1, holders, screen));
    }
    page.table(&groups);
    let told: u64 = site.holders.iter().take(GROUPS_SHOWN).map(|h| h.pending).sum();
    let rest = site.pending - told as f64;
    if rest > 0.0 {
        page.note(&format!("{} more in groups that are not told", number(rest)));
    }
    let stacks: Vec<(usize, &Holders)> = site
        .holders
        .iter()
        .enumerate()
        .map(|(i, h)| (i + 1, h))
        .filter(|(_, h)| !h.stack.is_empty())
        .collect();
    if stacks.is_empty() {
        return page.note("their stacks could not be read: they ran, or never stood still");
    }
    page.gap();
    let mut table = Table::new(&STACKS);
    for (number, holders) in stacks.iter().take(STACKS_SHOWN) {
        for (i, frame) in holders.stack.iter().enumerate() {
            table.row(frame_row(target, site, *number, i, frame));
        }
        if holders.frames_left_out > 0 {
            let more = format!("… {} more frames", number::count(holders.frames_left_out));
            table.row(frame_row(
                target,
                site,
                *number,
                1,
                &StackFrame { function: more, ..StackFrame::default() },
            ));
        }
    }
    page.table(&table);
    let more = stacks.len().saturating_sub(STACKS_SHOWN);
    if more > 0 {
        page.note(&format!("{} in --output json", number::plural(more as u64, "more stack")));
    }
}

fn group_row(
    target: &TargetDefers,
    site: &DeferSite,
    number: usize,
    holders: &Holders,
    screen: &Screen,
) -> Vec<Cell> {
    let pending = number::count(holders.pending);
    let exactness = if holders.exact { "exact" } else { AT_LEAST };
    let shown = if holders.exact { pending.clone() } else { format!("≥ {pending}") };
    let (goroutines, most) = (number::count(holders.goroutines), number::count(holders.most_in_one));
    let since = screen.clock.at_second(holders.oldest_seen_since_ms);
    let ago = screen.clock.ago(holders.oldest_seen_since_ms);
    vec![
        Cell::both(Vec::new(), vec![harmless(&target.target), owner(site)]),
        Cell::one(format!("#{number}")),
        Cell::both(vec![shown], vec![pending, exactness.into()]),
        Cell::both(vec![goroutines.clone(), each(holders)], vec![goroutines, most]),
        Cell::both(vec![since.clone(), ago.clone()], vec![holders.oldest.to_string(), since, ago]),
        state_cell(&holders.state, holders.waits_at_least_s),
        where_cell(&holders.at, &holders.created_at),
    ]
}

fn each(holders: &Holders) -> String {
    match (holders.goroutines, holders.most_in_one) {
        (1, _) => String::new(),
        (_, most) => format!("≤ {} each", number::count(most)),
    }
}

fn frame_row(
    target: &TargetDefers,
    site: &DeferSite,
    number: usize,
    i: usize,
    frame: &StackFrame,
) -> Vec<Cell> {
    let number = format!("#{number}");
    let shown = if i == 0 { vec![number.clone()] } else { Vec::new() };
    vec![
        Cell::both(Vec::new(), vec![harmless(&target.target), owner(site)]),
        Cell::both(shown, vec![number]),
        Cell::one(name::function(&frame.function)),
        Cell::one(name::place(&frame.file, frame.line)),
    ]
}

/// Goroutines that hold the most.
pub(super) fn most_loaded(page: &mut Page<'_>, target: &str, held: &DefersHeld, screen: &Screen) {
    page.note("goroutines that hold the most:");
    let mut table = Table::new(&LOADED);
    for goroutine in held.most_loaded.iter().take(LOADED_SHOWN) {
        table.row(loaded_row(target, goroutine, screen));
    }
    page.table(&table);
    let more = held.most_loaded.len().saturating_sub(LOADED_SHOWN);
    if more > 0 {
        page.note(&format!("{more} more are in --output json"));
    }
}

fn loaded_row(target: &str, held: &HeldBy, screen: &Screen) -> Vec<Cell> {
    let pending = number::count(held.pending);
    let exactness = if held.exact { "exact" } else { AT_LEAST };
    let shown = if held.exact { pending.clone() } else { format!("≥ {pending}") };
    let grown = held.pending as f64 - held.pending_when_seen as f64;
    let grown = if grown == 0.0 { String::new() } else { number::signed(grown) };
    let (id, parent) = (held.goroutine.to_string(), held.parent.to_string());
    let (since, ago) = (screen.clock.at_second(held.seen_since_ms), screen.clock.ago(held.seen_since_ms));
    let since_seen = if grown.is_empty() { String::new() } else { format!("{grown} since") };
    vec![
        Cell::pipe(harmless(target)),
        Cell::both(vec![shown, since_seen], vec![pending, exactness.into(), grown]),
        Cell::both(vec![id.clone()], vec![id, parent]),
        Cell::stacked([since, ago]),
        state_cell(&held.state, held.waits_at_least_s),
        where_cell(&held.at, &held.created_at),
    ]
}

fn state_cell(state: &str, waits_at_least_s: Option<f64>) -> Cell {
    let state = harmless(state);
    let waits = waits_at_least_s.map(number::span).unwrap_or_default();
    let shown = if waits.is_empty() { String::new() } else { format!("for ≥ {waits}") };
    Cell::both(vec![state.clone(), shown], vec![state, waits])
}

/// Where they stand, over the `go` statement that made them.
fn where_cell(at: &SiteText, created_at: &SiteText) -> Cell {
    let place = |site: &SiteText| match site.function.is_empty() {
        true => (String::new(), String::new()),
        false => (name::function(&site.function), name::place(&site.file, site.line)),
    };
    let ((function, at), (creator, created_at)) = (place(at), place(created_at));
    let lines = [(function.as_str(), &at, ""), (creator.as_str(), &created_at, "created by ")];
    let lines = lines.into_iter().filter(|(function, ..)| !function.is_empty());
    let lines = lines.map(|(function, at, how)| format!("{how}{function} {at}"));
    Cell::both(lines.collect(), vec![function.clone(), at.clone(), creator.clone(), created_at.clone()])
}

/// Who holds them, in a phrase: how many, and what the largest group does where.
pub(super) fn held_by(site: &DeferSite) -> Option<String> {
    let held = held_count(site)?;
    let Some(largest) = site.holders.first() else { return Some(held) };
    let is_all = site.held_by.as_ref().is_some_and(|of| of.goroutines == largest.goroutines);
    let how_many = match is_all {
        true => "",
        false if largest.pending as f64 * 2.0 > site.pending => "mostly ",
        false => "of many kinds, first ",
    };
    let at = match stand_at(site, largest) {
        at if at.is_empty() => at,
        at => format!(" at {at}"),
    };
    Some(format!("{held}: {how_many}{}{at}", harmless(&largest.state)))
}

/// The same for a pipe: goroutines, the most in one, state and place of the largest group.
pub(super) fn fields(site: &DeferSite) -> Vec<String> {
    let counts = site.held_by.as_ref().map(|h| (number::count(h.goroutines), number::count(h.most_in_one)));
    let (goroutines, most) = counts.unwrap_or_default();
    let largest = site.holders.first();
    let state = largest.map(|h| harmless(&h.state)).unwrap_or_default();
    let at = largest.filter(|h| !h.at.function.is_empty()).map(|h| name::site(&h.at)).unwrap_or_default();
    vec![goroutines, most, state, at]
}

/// Where they stand; without the function where it is the one that defers.
fn stand_at(site: &DeferSite, holders: &Holders) -> String {
    match &holders.at {
        at if at.function.is_empty() => String::new(),
        at if at.function == site.function && at.line > 0 => name::place(&at.file, at.line),
        at => name::site(at),
    }
}

fn held_count(site: &DeferSite) -> Option<String> {
    let held = site.held_by.as_ref()?;
    Some(match held.goroutines {
        1 => "held by one goroutine".into(),
        n => format!(
            "held by {} goroutines, at most {} each",
            number::count(n),
            number::count(held.most_in_one)
        ),
    })
}

fn owner(site: &DeferSite) -> String {
    let function = if site.function.is_empty() { &site.site } else { &site.function };
    [name::function(function), name::place(&site.file, site.line)].join(" ").trim_end().to_owned()
}
