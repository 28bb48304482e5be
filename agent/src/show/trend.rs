//! `linger trend`: how many goroutines, where they are parked, and which of those places fill up.

use super::page::Page;
use super::spark::{Marks, spark};
use super::table::{Cell, Column, Fit, INDENT, Table};
use super::text::harmless;
use super::{Clock, Screen, empty, growth, name, number};
use crate::report::{Range, SiteText, StoreStatus, TargetTrend, Trend, TrendSeries};

/// Stretches and restarts told by time, at most: beyond, their number says enough.
const TOLD_MAX: usize = 3;

const COLUMNS: [Column; 8] = [
    Column::new("", &["TARGET"], Fit::Left),
    Column::new("GOROUTINES", &["GOROUTINES"], Fit::Right),
    Column::new("GROWTH/H", &["GROWTH/H", "INTERVAL OR REASON"], Fit::Left),
    Column::new("RISING SINCE", &["RISING SINCE", "AGO"], Fit::Left),
    Column::new("TREND", &[], Fit::Left),
    Column::new("WHERE", &["CLASS", "FUNCTION", "AT"], Fit::Rest),
    Column::new("", &["BLOCKED AT", "ENTRY"], Fit::Left),
    Column::new("", &["TREND"], Fit::Left),
];

/// The page; `history` tells how far the store reaches when the range is empty.
#[must_use]
pub fn trend(trend: &Trend, history: Option<&StoreStatus>, screen: &Screen) -> String {
    let mut page = Page::new(screen);
    if trend.targets.is_empty() {
        empty::no_targets(&mut page);
    }
    for target in &trend.targets {
        page.gap();
        let range = screen.clock.range(trend.range);
        page.line(&format!("{} · goroutines · {range}", harmless(&target.target)));
        if empty::is_empty_trend(target) {
            empty::no_points(&mut page, trend.range, history, screen);
        } else {
            section(&mut page, target, trend.range, screen);
        }
    }
    page.finish()
}

/// Total, interruptions and sites of one target.
pub(super) fn section(page: &mut Page<'_>, target: &TargetTrend, range: Range, screen: &Screen) {
    let marks = Marks { gaps_ms: &target.gaps_ms, restarts_ms: &target.restarts_ms };
    if let Some(total) = &target.total {
        page.note_of(&total_facts(total, &screen.clock));
        page.sparkline(&spark(&total.points, range, screen.wide_spark_cells(), marks));
    }
    interruptions(page, target, &screen.clock);
    if target.series.is_empty() {
        return page.note("no goroutine profile in this range yet: the total comes from the index page");
    }
    page.gap();
    let mut table = Table::new(&COLUMNS);
    for series in &target.series {
        table.row(row(&target.target, series, range, marks, screen));
    }
    page.table(&table);
    if let Some(ms) = target.sites_as_of_ms {
        page.note(&format!("sites as of {} ({})", screen.clock.at_second(ms), screen.clock.ago(ms)));
    }
    left_out(page, target.sites_left_out, target.series.len());
}

/// Says how many sites the limit left out, and how to see them.
pub(super) fn left_out(page: &mut Page<'_>, left_out: usize, shown: usize) {
    if left_out > 0 {
        let more = number::plural(left_out as u64, "more site");
        page.note(&format!("{more}: --limit {} shows all", left_out.saturating_add(shown)));
    }
}

fn total_facts(total: &TrendSeries, clock: &Clock) -> Vec<String> {
    let mut parts = vec![number(total.last)];
    if let Some(&(t, _)) = total.points.last() {
        parts = vec![format!("{} at {} ({})", number(total.last), clock.at_second(t), clock.ago(t))];
    }
    parts.push(growth::phrase(total.slope_per_hour, total.interval, total.no_slope_because.as_deref()));
    parts.extend(growth::since_phrase(clock, total.rising_since_ms, total.rising_since_before));
    parts
}

fn interruptions(page: &mut Page<'_>, target: &TargetTrend, clock: &Clock) {
    restarts(page, &target.restarts_ms, clock);
    if !target.gaps_ms.is_empty() {
        let gaps = target.gaps_ms.iter().rev().take(TOLD_MAX);
        let told = gaps.map(|&[from_ms, to_ms]| clock.range(Range { from_ms, to_ms }));
        page.note(&format!("not scraped: {}", listed(told, target.gaps_ms.len())));
    }
}

/// Restarts, newest first, with what they mean for growth.
pub(super) fn restarts(page: &mut Page<'_>, restarts_ms: &[i64], clock: &Clock) {
    if restarts_ms.is_empty() {
        return;
    }
    let told = restarts_ms.iter().rev().take(TOLD_MAX).map(|&ms| clock.at(ms));
    let times = listed(told, restarts_ms.len());
    page.note(&format!("restarted: {times}; growth is measured since the last restart (╎)"));
}

fn listed(told: impl Iterator<Item = String>, all: usize) -> String {
    let told: Vec<String> = told.collect();
    let more = all.saturating_sub(told.len());
    let rest = if more > 0 { format!(" and {more} more before") } else { String::new() };
    told.join(", ") + &rest
}

fn row(target: &str, series: &TrendSeries, range: Range, marks: Marks<'_>, screen: &Screen) -> Vec<Cell> {
    let line = spark(&series.points, range, screen.spark_cells(), marks);
    let nowhere = SiteText::default();
    let site = series.site.as_ref().unwrap_or(&nowhere);
    let class = harmless(series.class.as_deref().unwrap_or(""));
    let (blocked_at, entry) = (name::function_at(&site.blocked_at), name::function_at(&site.entry));
    vec![
        Cell::pipe(harmless(target)),
        Cell::one(number(series.last)),
        growth::cell(series.slope_per_hour, series.interval, series.no_slope_because.as_deref()),
        growth::since(&screen.clock, series.rising_since_ms, series.rising_since_before),
        Cell::terminal(line.clone()),
        Cell::both(
            where_lines(site, &class, &blocked_at, &entry),
            vec![class, name::site_function(site), name::place(&site.file, site.line)],
        ),
        Cell::both(Vec::new(), vec![blocked_at, entry]),
        Cell::pipe(line),
    ]
}

/// Owner, then what it waits for and where if that is elsewhere, then the goroutine's first function where it is another.
fn where_lines(site: &SiteText, class: &str, blocked_at: &str, entry: &str) -> Vec<String> {
    let owner = name::site(site);
    let waits = match (class, blocked_at == owner || blocked_at.is_empty()) {
        ("", true) => String::new(),
        (class, true) => format!("{INDENT}{class}"),
        ("", false) => format!("{INDENT}at {blocked_at}"),
        (class, false) => format!("{INDENT}{class} at {blocked_at}"),
    };
    let told = entry.is_empty() || entry == owner;
    let from = if told { String::new() } else { format!("{INDENT}entered at {entry}") };
    vec![owner, waits, from]
}

#[cfg(test)]
mod tests {
    use super::trend;
    use crate::show::samples::{self, check_golden};

    #[test]
    fn a_leak_stands_above_a_pool_and_says_since_when() {
        check_golden("trend", |s| trend(&samples::trend(), None, s));
    }

    #[test]
    fn an_empty_range_says_how_far_history_reaches() {
        check_golden("trend-empty", |s| trend(&samples::empty_trend(), Some(&samples::store()), s));
    }

    #[test]
    fn without_targets_it_says_how_to_get_one() {
        let none = crate::report::Trend { targets: vec![], ..samples::empty_trend() };
        check_golden("trend-no-targets", |s| trend(&none, None, s));
    }
}
