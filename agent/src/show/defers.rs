//! `linger defers`: deferred calls that wait to run, by line, and those that run, by the CPU they take.
//!
//! Every figure says whether it is exact or an estimate, and what stays unseen is said, never shown as zero.

use super::page::Page;
use super::running;
use super::spark::{Marks, spark};
use super::table::{Cell, Column, Fit, INDENT, Table};
use super::text::{harmless, wrap};
use super::{Screen, empty, growth, holders, name, number, trend};
use crate::report::{DeferCpu, DeferSite, Defers, DefersHeld, Range, StoreStatus, TargetDefers};

const PENDING: [Column; 8] = [
    Column::new("", &["TARGET"], Fit::Left),
    Column::new("PENDING", &["PENDING", "INTERVAL"], Fit::Left),
    Column::new("GROWTH/H", &["GROWTH/H", "INTERVAL OR REASON", "GROWTH/S"], Fit::Left),
    Column::new("RISING SINCE", &["RISING SINCE", "AGO"], Fit::Left),
    Column::new("TREND", &[], Fit::Left),
    Column::new("WHERE", &["KIND", "FUNCTION", "AT"], Fit::Rest),
    Column::new("", &["EXACTNESS", "METHOD", "HELD BY", "AT MOST", "STATE", "STAND AT"], Fit::Left),
    Column::new("", &["TREND"], Fit::Left),
];

const EXECUTED: [Column; 6] = [
    Column::new("", &["TARGET"], Fit::Left),
    Column::new("RUN/S", &["RUN/S", "INTERVAL"], Fit::Left),
    Column::new("CPU SHARE", &["CPU SHARE", "INTERVAL"], Fit::Left),
    Column::new("SAMPLES", &["SAMPLES"], Fit::Right),
    Column::new("KIND", &["KIND"], Fit::Left),
    Column::new("FUNCTION", &["FUNCTION"], Fit::Rest),
];

/// The page; `history` tells how far the store reaches when the range is empty.
#[must_use]
pub fn defers(defers: &Defers, history: Option<&StoreStatus>, screen: &Screen) -> String {
    let mut page = Page::new(screen);
    if defers.targets.is_empty() {
        empty::no_targets(&mut page);
    }
    if defers.site.is_some() {
        holders::of_sites(&mut page, defers, screen);
        return page.finish();
    }
    for target in &defers.targets {
        page.gap();
        page.line(&format!("{} · defers · {}", harmless(&target.target), screen.clock.range(defers.range)));
        if target.as_of_ms.is_none() && target.sites.is_empty() && target.cpu_window_s <= 0.0 {
            empty::no_points(&mut page, defers.range, history, screen);
            blind(&mut page, target);
        } else {
            section(&mut page, target, defers.range, screen);
        }
    }
    page.finish()
}

/// Pending, executed and unseen defers of one target.
pub(super) fn section(page: &mut Page<'_>, target: &TargetDefers, range: Range, screen: &Screen) {
    trend::restarts(page, &target.restarts_ms, &screen.clock);
    page.gap();
    pending(page, target, range, screen);
    if let Some(held) = target.held.as_ref().filter(|held| !held.most_loaded.is_empty()) {
        page.gap();
        holders::most_loaded(page, &target.target, held, screen);
    }
    running::stranded(page, &target.stranded);
    running::running(page, target.running.as_ref(), screen);
    page.gap();
    executed(page, target);
    blind(page, target);
}

fn pending(page: &mut Page<'_>, target: &TargetDefers, range: Range, screen: &Screen) {
    let heading = "pending: deferred calls that wait to run";
    match target.as_of_ms {
        Some(ms) => {
            let (at, ago) = (screen.clock.at_second(ms), screen.clock.ago(ms));
            let how = match &target.held {
                Some(held) => {
                    format!("counted in the process's memory {at} ({ago}){}", counted(held, target))
                }
                None if target.floor.is_none() => format!("counted in the process's memory {at} ({ago})"),
                None => format!("scraped {at} ({ago}), as of the target's last GC before that"),
            };
            page.note(&format!("{heading}; {how}"));
        }
        None => page.note(heading),
    }
    if !target.sites.is_empty() {
        let marks = Marks { gaps_ms: &[], restarts_ms: &target.restarts_ms };
        let mut table = Table::new(&PENDING);
        for site in &target.sites {
            table.row(pending_row(&target.target, site, range, marks, screen));
        }
        page.table(&table);
        trend::left_out(page, target.sites_left_out, target.sites.len());
    } else if target.as_of_ms.is_some() {
        page.note("none seen");
    } else {
        page.note("not measured in this range");
    }
    if let Some(floor) = target.floor.filter(|&floor| floor > 0.0) {
        let floor = number(floor);
        page.note(&format!("below the floor: fewer than {floor} at one line may go unseen"));
    }
}

fn pending_row(target: &str, site: &DeferSite, range: Range, marks: Marks<'_>, screen: &Screen) -> Vec<Cell> {
    let line = spark(&site.points, range, screen.spark_cells(), marks);
    let (kind, method) = (harmless(&site.kind), harmless(&site.method));
    let exactness = exactness(site);
    let interval = site.interval.filter(|_| !site.exact).map(number::interval).unwrap_or_default();
    let pending = pending_text(site);
    let place = name::place(&site.file, site.line);
    let function = name::function(if site.function.is_empty() { &site.site } else { &site.function });
    let owner = [function.as_str(), &place].join(" ");
    let how = format!("{INDENT}{kind}, {exactness} from the {method}");
    let held = holders::held_by(site).map(|held| format!("{INDENT}{held}")).unwrap_or_default();
    vec![
        Cell::pipe(harmless(target)),
        Cell::stacked([pending, interval]),
        growth_cell(site),
        growth::since(&screen.clock, site.rising_since_ms, site.rising_since_before),
        Cell::terminal(line.clone()),
        Cell::both(vec![owner, how, held], vec![kind, function, place]),
        Cell::both(Vec::new(), [vec![exactness.into(), method], holders::fields(site)].concat()),
        Cell::pipe(line),
    ]
}

pub(super) const AT_LEAST: &str = "at least";

/// How many are pending, `≥` before what is known from below only.
pub(super) fn pending_text(site: &DeferSite) -> String {
    match exactness(site) {
        AT_LEAST => format!("≥ {}", number(site.pending)),
        _ => number(site.pending),
    }
}

pub(super) fn exactness(site: &DeferSite) -> &'static str {
    match (site.exact, site.interval) {
        (true, _) => "exact",
        (false, Some(_)) => "estimate",
        (false, None) => AT_LEAST,
    }
}

/// What a count looked at.
fn counted(held: &DefersHeld, target: &TargetDefers) -> String {
    let growth = target.open_files_growth_per_hour.as_ref().filter(|g| g.interval[0] > 0.0);
    let growth = growth.map(|g| format!(" ({}/h)", number::signed(g.slope_per_hour))).unwrap_or_default();
    let files =
        held.open_files.map(|n| format!(", {} open files{growth}", number::count(n))).unwrap_or_default();
    format!(", {} goroutines with the runtime's own{files}", number::count(held.goroutines.alive))
}

/// Per hour with its interval, and per second: the defer rate that always exists.
fn growth_cell(site: &DeferSite) -> Cell {
    let per_second = site.growth_per_second.map(growth::per_second).unwrap_or_default();
    match &site.growth_per_hour {
        Some(g) => {
            let (slope, interval) = (number::signed(g.slope_per_hour), number::signed_interval(g.interval));
            Cell::stacked([slope, interval, per_second])
        }
        None => {
            let reason = harmless(site.no_growth_because.as_deref().unwrap_or(""));
            let mut lines = wrap(&reason, 20);
            lines.push(per_second.clone());
            Cell::both(lines, vec![String::new(), reason, per_second])
        }
    }
}

fn executed(page: &mut Page<'_>, target: &TargetDefers) {
    if target.cpu_window_s <= 0.0 {
        return page.note("executed: no CPU profile in this range yet");
    }
    let window = number::span(target.cpu_window_s);
    page.note(&format!(
        "executed (registered or run), from {window} of CPU profile; intervals include a model factor of 2"
    ));
    if target.executed.is_empty() {
        page.note("too few samples to tell a rate");
    } else {
        let mut table = Table::new(&EXECUTED);
        for row in &target.executed {
            table.row(executed_row(&target.target, row));
        }
        page.table(&table);
    }
    if !target.executed_floor.is_empty() {
        let kinds = target.executed_floor.iter();
        let told: Vec<String> =
            kinds.map(|(kind, &rate)| format!("{} {}/s", harmless(kind), number(rate))).collect();
        page.note(&format!("below the floor: up to {} more may go unseen", told.join(", ")));
    }
}

fn executed_row(target: &str, row: &DeferCpu) -> Vec<Cell> {
    let [low, high] = row.cpu_ratio_interval;
    vec![
        Cell::pipe(harmless(target)),
        Cell::stacked([number(row.calls_per_second), number::interval(row.calls_per_second_interval)]),
        Cell::stacked([
            number::percent(row.cpu_ratio),
            format!("[{} … {}]", number::percent(low), number::percent(high)),
        ]),
        Cell::one(number::count(row.samples)),
        Cell::one(harmless(&row.kind)),
        Cell::one(name::function(&row.function)),
    ]
}

fn blind(page: &mut Page<'_>, target: &TargetDefers) {
    if target.blind.is_empty() {
        return;
    }
    page.gap();
    page.note("what this cannot see:");
    for sentence in &target.blind {
        page.item("-", &harmless(sentence));
    }
}

#[cfg(test)]
mod tests {
    use super::defers;
    use crate::show::samples::{self, check_golden};

    #[test]
    fn estimates_carry_intervals_and_their_floor() {
        check_golden("defers", |s| defers(&samples::defers(), None, s));
    }

    #[test]
    fn counts_are_exact_or_at_least_so_many_and_name_who_holds_them() {
        check_golden("defers-counted", |s| defers(&samples::counted(), None, s));
    }

    #[test]
    fn one_site_tells_who_holds_it_from_where_and_since_when() {
        check_golden("defers-site", |s| defers(&samples::held_at_one_site(), None, s));
    }

    #[test]
    fn the_runbook_shows_the_pages_as_they_are() {
        samples::check_shown("deploy/runbooks/defers.md", "linger defers", "defers-counted");
        samples::check_shown("deploy/runbooks/defers.md", "linger defers --site cart.go:131", "defers-site");
    }

    #[test]
    fn nothing_seen_says_what_could_have_been_missed() {
        check_golden("defers-none", |s| defers(&samples::nothing_seen(), None, s));
    }
}
