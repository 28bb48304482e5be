//! `linger status`: is everything watched, by whom, how far back, at what cost, and what to do where it is not.

use super::page::Page;
use super::paint::{self, Paint};
use super::table::{Cell, Column, Fit, INDENT, Table};
use super::text::harmless;
use super::{Clock, Screen, empty, growth, name, number};
use crate::report::{AgentStatus, AlertStatus, CollectorStatus, Reload, Status, StoreStatus, TargetStatus};
use std::collections::BTreeMap;

const COLLECTORS: [Column; 9] = [
    Column::new("", &["TARGET"], Fit::Left),
    Column::new("COLLECTOR", &["COLLECTOR"], Fit::Left),
    Column::new("STATE", &["STATE"], Fit::Left),
    Column::new("EVERY", &["EVERY"], Fit::Left),
    Column::new("LAST OK", &["LAST OK"], Fit::Left),
    Column::new("TOOK", &["TOOK"], Fit::Right),
    Column::new("BYTES", &["BYTES"], Fit::Right),
    Column::new("FAILED", &["FAILED"], Fit::Left),
    Column::new("WHAT TO DO", &["SEEN", "WHAT TO DO"], Fit::Rest),
];

const ALERTS: [Column; 5] = [
    Column::new("ALERT", &["ALERT"], Fit::Left),
    Column::new("STATE", &["STATE"], Fit::Left),
    Column::new("SINCE", &["SINCE", "AGO"], Fit::Left),
    Column::new("VALUE", &["VALUE", "AT LEAST", "GROWTH/H", "INTERVAL"], Fit::Left),
    Column::new("WHERE", &["TARGET", "WHERE", "RULE"], Fit::Rest),
];

/// The page, as of when the status was made.
#[must_use]
pub fn status(status: &Status, screen: &Screen) -> String {
    let screen = &screen.as_of(status.now_ms);
    let mut page = Page::new(screen);
    agent(&mut page, status, &screen.clock);
    store(&mut page, &status.store, &status.agent, &screen.clock);
    events(&mut page, status, &screen.clock);
    page.gap();
    if status.targets.is_empty() {
        empty::no_targets(&mut page);
    }
    for one in &status.targets {
        page.gap();
        target(&mut page, one, screen);
    }
    page.gap();
    alerts(&mut page, &status.alerts, &screen.clock);
    page.finish()
}

fn agent(page: &mut Page<'_>, status: &Status, clock: &Clock) {
    let agent = &status.agent;
    let version = harmless(&agent.linger);
    if !agent.running {
        let (stopped, at, ago) =
            (Paint::Warn.on("stopped"), clock.at(status.as_of_ms), clock.ago(status.as_of_ms));
        return page.line(&format!("linger {version} {stopped}: states as it saved them last, {at} ({ago})"));
    }
    let mut parts = vec![format!("linger {version} {}", Paint::Good.on("running"))];
    parts.extend(agent.pid.map(|pid| format!("pid {pid}")));
    parts.push(format!("up {}", clock.since(agent.started_ms)));
    if !agent.listen.is_empty() {
        parts.push(format!("on {}", harmless(&agent.listen)));
    }
    parts.extend(agent.rss_bytes.map(|rss| format!("{} resident", number::bytes(rss))));
    let lived_s = clock.now_ms.saturating_sub(agent.started_ms) as f64 / 1000.0;
    let share = agent.cpu_seconds.filter(|_| lived_s > 0.0).map(|cpu| number::percent(cpu / lived_s));
    parts.extend(share.map(|share| format!("{share} of a core")));
    page.line_of(&parts);
}

fn store(page: &mut Page<'_>, store: &StoreStatus, agent: &AgentStatus, clock: &Clock) {
    let reach = match (store.oldest_ms, store.newest_ms) {
        (Some(oldest), Some(newest)) => empty::reach(clock, oldest, newest),
        _ => "history is still empty".into(),
    };
    let series =
        if store.series == 1 { "1 series".into() } else { format!("{} series", number::count(store.series)) };
    let disk = number::bytes(store.disk_bytes);
    page.line_of(&[reach, series, format!("{disk} in {}", harmless(&agent.data))]);
    if store.scrapes_dropped > 0 {
        let dropped = Paint::Warn.on(&number::plural(store.scrapes_dropped, "scrape"));
        page.line(&format!("{dropped} dropped since the start: the disk did not keep up"));
    }
    if store.scrapes_refused > 0 {
        let refused = Paint::Warn.on(&number::plural(store.scrapes_refused, "scrape"));
        let why = store.last_refusal.as_deref().unwrap_or("the clock stood still or went back");
        page.line(&format!("{refused} refused since the start: {}", harmless(why)));
    }
    if store.quarantined > 0 {
        let aside = Paint::Bad.on(&number::plural(store.quarantined, "partition"));
        page.line(&format!("{aside} unreadable and put aside as *.quarantine in the data folder"));
    }
}

/// What happened to the agent itself that a reader must know.
fn events(page: &mut Page<'_>, status: &Status, clock: &Clock) {
    if let Some(reload) = &status.reload {
        let when = format!("{} ({})", clock.at(reload.at_ms), clock.ago(reload.at_ms));
        match &reload.error {
            None => page.line(&format!("configuration loaded again {when}")),
            Some(why) => {
                let refused = Paint::Bad.on("configuration not loaded");
                // All its faults are in the log; the first line says that there are some.
                let first = harmless(why.lines().next().unwrap_or(""));
                page.line(&format!("{refused} {when}, the former one is in force: {first}"));
            }
        }
    }
    if let Some(Reload { at_ms, error: Some(why) }) = &status.discovery {
        let unusable = Paint::Bad.on("files that name targets cannot be used");
        let (ago, first) = (clock.ago(*at_ms), harmless(why.lines().next().unwrap_or("")));
        page.line(&format!("{unusable} ({ago}), the former targets stay: {first}"));
    }
    if let Some(jump) = status.clock_jump {
        let (by, when) = (number::span(jump.by_s.abs()), clock.ago(jump.at_ms));
        let how = if jump.by_s > 0.0 {
            format!("the clock moved forward by {by} {when}, or the machine slept: no points in between")
        } else {
            format!("the clock moved back by {by} {when}: points are refused until it passes the newest one")
        };
        page.line(&Paint::Warn.on(&how));
    }
}

/// Heading, facts and collectors of one target.
pub(super) fn target(page: &mut Page<'_>, target: &TargetStatus, screen: &Screen) {
    let clock = &screen.clock;
    let (name, state) = (harmless(&target.target), harmless(&target.state));
    let colour = if target.up { paint::of_state("up") } else { paint::of_state(&target.state) };
    let labels = labels(&target.labels);
    let labels = if labels.is_empty() { labels } else { format!(" {labels}") };
    page.line(&format!("{name} · {} · {}{labels}", colour.on(&state), harmless(&target.url)));
    if let Some(next) = &target.next_step {
        page.item("→", &harmless(next));
    }
    let mut facts = Vec::new();
    if let Some((t, n)) = target.goroutines {
        facts.push(format!("{} goroutines {}", number(n), clock.ago(t)));
    }
    if let Some(n) = target.incarnation {
        let since =
            target.incarnation_since_ms.map(|ms| format!(" since {} ({})", clock.at(ms), clock.ago(ms)));
        let process =
            if n > 1 { format!("process no. {n}, seen") } else { "no restart seen, watched".into() };
        facts.push(format!("{process}{}", since.unwrap_or_default()));
    }
    let (cost, limit) = (number::percent(target.duty_cycle), number::percent(target.duty_cycle_max));
    facts.push(format!("watching costs it {cost} of a core (limit {limit})"));
    if target.restarts > 0 {
        let times = number::plural(target.restarts, "time");
        facts.push(Paint::Warn.on(&format!("scraping restarted {times} because it was stuck")));
    }
    page.note_of(&facts);
    if target.collectors.is_empty() {
        return;
    }
    page.gap();
    let mut table = Table::new(&COLLECTORS);
    for collector in &target.collectors {
        table.row(collector_row(&name, collector, clock));
    }
    page.table(&table);
}

fn collector_row(target: &str, c: &CollectorStatus, clock: &Clock) -> Vec<Cell> {
    let state = harmless(&c.state);
    let every = number::span(c.every_configured_s);
    let widened = c.every_s > c.every_configured_s * 1.001;
    let every = if widened { format!("{every} → {}", number::span(c.every_s)) } else { every };
    let failed = match (c.failures, c.successes) {
        (0, _) => "0".into(),
        (failed, ok) => format!("{} of {}", number::count(failed), number::count(failed.saturating_add(ok))),
    };
    let failure = c.last_failure.as_ref().filter(|_| c.detail.is_none());
    let failure = failure.map(|(state, ms)| format!("last failure: {state}, {}", clock.ago(*ms)));
    let seen = harmless(c.detail.as_deref().or(failure.as_deref()).unwrap_or(""));
    let next = harmless(c.next_step.as_deref().unwrap_or(""));
    let arrow = if next.is_empty() { String::new() } else { format!("→ {next}") };
    vec![
        Cell::pipe(target),
        Cell::one(harmless(&c.collector)),
        Cell::one(paint::of_state(&c.state).on(&state)),
        Cell::one(every),
        Cell::one(c.last_ok_ms.map_or("never".into(), |ms| clock.ago(ms))),
        Cell::one(c.duration_s.map(number::took).unwrap_or_default()),
        Cell::one(c.bytes.map(number::bytes).unwrap_or_default()),
        Cell::one(failed),
        Cell::both(vec![seen.clone(), arrow], vec![seen, next]),
    ]
}

fn alerts(page: &mut Page<'_>, alerts: &[AlertStatus], clock: &Clock) {
    if alerts.is_empty() {
        return page.line("alerts: nothing is pending or firing");
    }
    page.line("alerts");
    let mut table = Table::new(&ALERTS);
    for alert in alerts {
        table.row(alert_row(alert, clock));
    }
    page.table(&table);
}

fn alert_row(alert: &AlertStatus, clock: &Clock) -> Vec<Cell> {
    let target = harmless(alert.labels.get("target").map_or("", String::as_str));
    let place = match &alert.site {
        Some(site) => name::site(site),
        None => format!("{}{}", harmless(&alert.series), labels(&alert.labels)),
    };
    let value = alert.value.map(number).unwrap_or_default();
    let low = alert.value_low.map(number).unwrap_or_default();
    let growth = alert.growth_per_hour;
    let slope = growth.map(|g| number::signed(g.slope_per_hour)).unwrap_or_default();
    let interval = growth.map(|g| number::signed_interval(g.interval)).unwrap_or_default();
    let at_least = if low.is_empty() { String::new() } else { format!("at least {low}") };
    let grows = growth.map(|g| growth::phrase(Some(g.slope_per_hour), Some(g.interval), None));
    let rule = harmless(&alert.rule);
    let where_line = if target.is_empty() { place.clone() } else { format!("{target}: {place}") };
    vec![
        Cell::one(harmless(&alert.name)),
        Cell::one(paint::of_alert(&alert.state).on(&harmless(&alert.state))),
        Cell::stacked([clock.at(alert.since_ms), clock.ago(alert.since_ms)]),
        Cell::both(
            vec![value.clone(), at_least, grows.unwrap_or_default()],
            vec![value, low, slope, interval],
        ),
        Cell::both(vec![where_line, format!("{INDENT}{rule}")], vec![target, place, rule]),
    ]
}

/// `{job="api",zone="a"}`, harmless; empty without labels.
pub(super) fn labels(labels: &BTreeMap<String, String>) -> String {
    if labels.is_empty() {
        return String::new();
    }
    let pairs: Vec<String> =
        labels.iter().map(|(k, v)| format!("{}={:?}", harmless(k), harmless(v))).collect();
    format!("{{{}}}", pairs.join(","))
}

#[cfg(test)]
mod tests {
    use super::status;
    use crate::show::samples::{self, check_golden};

    #[test]
    fn what_needs_a_hand_says_which() {
        check_golden("status", |s| status(&samples::status(), s));
    }

    #[test]
    fn a_stopped_agent_without_targets_is_no_riddle() {
        check_golden("status-stopped", |s| status(&samples::stopped(), s));
    }
}
