//! `linger defers`: deferred calls that wait to run, by line, and those that run, by the CPU they take.
//!
//! Every figure says whether it is exact or an estimate, and what stays unseen is said, never shown as zero.

use super::page::Page;
use super::spark::{Marks, spark};
use super::table::{Cell, Column, Fit, INDENT, Table};
use super::text::{harmless, wrap};
use super::{Screen, empty, growth, name, number, trend};
use crate::report::{
    DeferCpu, DeferSite, Defers, DefersHeld, HeldBy, Range, SiteText, StoreStatus, TargetDefers,
};

/// Goroutines shown; JSON has more.
const HELD_SHOWN: usize = 5;

const PENDING: [Column; 8] = [
    Column::new("", &["TARGET"], Fit::Left),
    Column::new("PENDING", &["PENDING", "INTERVAL"], Fit::Left),
    Column::new("GROWTH/H", &["GROWTH/H", "INTERVAL OR REASON", "GROWTH/S"], Fit::Left),
    Column::new("RISING SINCE", &["RISING SINCE", "AGO"], Fit::Left),
    Column::new("TREND", &[], Fit::Left),
    Column::new("WHERE", &["KIND", "FUNCTION", "AT"], Fit::Rest),
    Column::new("", &["EXACTNESS", "METHOD"], Fit::Left),
    Column::new("", &["TREND"], Fit::Left),
];

const HELD: [Column; 6] = [
    Column::new("", &["TARGET"], Fit::Left),
    Column::new("PENDING", &["PENDING", "EXACTNESS"], Fit::Left),
    Column::new("GOROUTINE", &["GOROUTINE", "PARENT"], Fit::Left),
    Column::new("SEEN SINCE", &["SEEN SINCE", "AGO"], Fit::Left),
    Column::new("STATE", &["STATE"], Fit::Left),
    Column::new("WHERE", &["FUNCTION", "AT", "CREATED BY", "CREATED AT"], Fit::Rest),
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
        held_by(page, &target.target, held, screen);
    }
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
                Some(held) => format!("counted in the process's memory {at} ({ago}){}", counted(held)),
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
    let pending = match exactness {
        AT_LEAST => format!("≥ {}", number(site.pending)),
        _ => number(site.pending),
    };
    let place = name::place(&site.file, site.line);
    let function = name::function(if site.function.is_empty() { &site.site } else { &site.function });
    let owner = [function.as_str(), &place].join(" ");
    let how = format!("{INDENT}{kind}, {exactness} from the {method}{}", holders(site));
    vec![
        Cell::pipe(harmless(target)),
        Cell::stacked([pending, interval]),
        growth_cell(site),
        growth::since(&screen.clock, site.rising_since_ms, site.rising_since_before),
        Cell::terminal(line.clone()),
        Cell::both(vec![owner, how], vec![kind, function, place]),
        Cell::both(Vec::new(), vec![exactness.into(), method]),
        Cell::pipe(line),
    ]
}

const AT_LEAST: &str = "at least";

fn exactness(site: &DeferSite) -> &'static str {
    match (site.exact, site.interval) {
        (true, _) => "exact",
        (false, Some(_)) => "estimate",
        (false, None) => AT_LEAST,
    }
}

/// How many goroutines share them.
fn holders(site: &DeferSite) -> String {
    match &site.held_by {
        Some(held) if held.goroutines == 1 => "; held by one goroutine".into(),
        Some(held) => format!(
            "; held by {} goroutines, at most {} each",
            number::count(held.goroutines),
            number::count(held.most_in_one)
        ),
        None => String::new(),
    }
}

/// What a count looked at.
fn counted(held: &DefersHeld) -> String {
    let files = held.open_files.map(|n| format!(", {} open files", number::count(n))).unwrap_or_default();
    format!(", {} goroutines with the runtime's own{files}", number::count(held.goroutines.alive))
}

/// Goroutines that hold the most.
fn held_by(page: &mut Page<'_>, target: &str, held: &DefersHeld, screen: &Screen) {
    page.note("goroutines that hold the most:");
    let mut table = Table::new(&HELD);
    for goroutine in held.most_loaded.iter().take(HELD_SHOWN) {
        table.row(held_row(target, goroutine, screen));
    }
    page.table(&table);
    let more = held.most_loaded.len().saturating_sub(HELD_SHOWN);
    if more > 0 {
        page.note(&format!("{more} more are in --output json"));
    }
}

fn held_row(target: &str, held: &HeldBy, screen: &Screen) -> Vec<Cell> {
    let pending = number::count(held.pending);
    let exactness = if held.exact { "exact" } else { AT_LEAST };
    let shown = if held.exact { pending.clone() } else { format!("≥ {pending}") };
    let place = |site: &SiteText| (name::function(&site.function), name::place(&site.file, site.line));
    let ((function, at), (creator, created_at)) = (place(&held.at), place(&held.created_at));
    let (since, ago) = (screen.clock.at_second(held.seen_since_ms), screen.clock.ago(held.seen_since_ms));
    let (id, parent) = (held.goroutine.to_string(), held.parent.to_string());
    vec![
        Cell::pipe(harmless(target)),
        Cell::both(vec![shown], vec![pending, exactness.into()]),
        Cell::both(vec![id.clone()], vec![id, parent]),
        Cell::stacked([since, ago]),
        Cell::one(harmless(&held.state)),
        Cell::both(
            [format!("{function} {at}"), format!("created by {creator} {created_at}")]
                .into_iter()
                .filter(|line| !line.ends_with(' '))
                .collect(),
            vec![function, at, creator, created_at],
        ),
    ]
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
        page.note(&format!("below the floor: up to {} may go unseen", told.join(", ")));
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
    fn nothing_seen_says_what_could_have_been_missed() {
        check_golden("defers-none", |s| defers(&samples::nothing_seen(), None, s));
    }
}
