//! The agent's series about itself and its work: `linger_agent_*`, and per collector when its values were scraped.
//!
//! Read from the status and from [`Vitals`]; none of it is stored. A number that cannot be had is left out.

use super::format::Format;
use super::fresh::base_labels;
use super::page::Family;
use super::vitals::Vitals;
use crate::report::{AlertStatus, Status, TargetStatus};
use linger_probe::Usage;
use linger_series::Labels;
use linger_series::metric::{Kind, Metric};
use std::collections::BTreeMap;

macro_rules! own {
    ($($konst:ident $kind:ident $name:literal [$($label:literal),*] $help:literal)*) => {
        $(const $konst: Metric = Metric {
            name: $name, kind: Kind::$kind, labels: &[$($label),*], help: $help,
        };)*
        /// The list itself, in the order of the page.
        #[cfg(test)]
        pub(super) const ALL: &[Metric] = &[$($konst),*];
    };
}

own! {
    BUILD Gauge "linger_agent_build_info" ["version"] "Always 1; says which linger this is."
    START Gauge "linger_agent_start_time_seconds" [] "When the agent started, as Unix time."
    RSS Gauge "linger_agent_resident_memory_bytes" [] "Resident memory of the agent."
    RSS_MAX Gauge "linger_agent_resident_memory_max_bytes" [] "The most resident memory the agent ever had."
    CPU Counter "linger_agent_cpu_seconds_total" [] "User and system CPU time the agent spent."
    THREADS Gauge "linger_agent_threads" [] "Threads of the agent."
    FILES Gauge "linger_agent_open_files" [] "File descriptors the agent has open."
    DISK Gauge "linger_agent_disk_bytes" [] "Size of the store's folder."
    SERIES Gauge "linger_agent_series" [] "Series the store knows."
    OLDEST Gauge "linger_agent_oldest_sample_timestamp_seconds" [] "How far back the store reaches, as Unix time."
    ACKNOWLEDGED Counter "linger_agent_samples_acknowledged_total" [] "Samples made durable since the agent started."
    DROPPED Counter "linger_agent_scrapes_dropped_total" [] "Scrapes not stored because the writer's queue was full."
    REFUSED Counter "linger_agent_scrapes_refused_total" [] "Scrapes the store refused, such as those of a clock that went back."
    QUARANTINED Gauge "linger_agent_quarantined_parts" [] "Parts of the store put aside because they were damaged."
    JUDGED Gauge "linger_agent_judged_timestamp_seconds" [] "When thresholds were judged last, as Unix time."
    JUDGED_OK Gauge "linger_agent_judged_successful" [] "1 when thresholds could be judged the last time, else 0."
    ALERTS Gauge "linger_agent_alerts" ["alert", "state"] "Series by threshold and state; stale ones have lost their data."
    RELOAD_OK Gauge "linger_agent_config_last_reload_successful" [] "1 when the configuration read last is in force, else 0."
    RELOAD_AT Gauge "linger_agent_config_last_reload_success_timestamp_seconds" [] "When a configuration last came into force, as Unix time."
    CREDENTIALS Gauge "linger_agent_api_credentials_readable" [] "0 while the API refuses everybody because its credentials cannot be read."
    API_REFUSED Counter "linger_agent_api_refused_total" [] "Requests to the API without the right credentials."
    EXPOSITIONS Counter "linger_agent_expositions_total" ["format"] "Pages of metrics served, by format."
    DUTY Gauge "linger_agent_duty_cycle_ratio" [] "Share of one core that scraping costs the target at present."
    DUTY_LIMIT Gauge "linger_agent_duty_cycle_limit_ratio" [] "The limit on linger_agent_duty_cycle_ratio."
    INTERVAL Gauge "linger_agent_collector_interval_seconds" ["collector"] "Interval in force of a collector; it widens with what a scrape costs."
    STATE Gauge "linger_agent_collector_state" ["collector", "state"] "1 for the state a collector is in; other states are left out."
    RESTARTS Counter "linger_agent_collector_restarts_total" ["collector"] "How often a stuck collector, or the lane it runs in, was started anew."
    SCRAPED_AT Gauge "linger_scrape_timestamp_seconds" ["collector"] "When a collector's values were scraped, as Unix time: what comes of it is as of then."
}

/// States an alert can have, each told for each threshold: 0 is an answer too.
const ALERT_STATES: [&str; 3] = ["pending", "firing", "stale"];

/// The families, each with its rows.
pub(super) fn families(status: &Status, vitals: &Vitals) -> Vec<Family> {
    let mut page = Rows(Vec::new());
    of_process(status, &mut page);
    of_store(status, &mut page);
    of_thresholds(status, &mut page);
    of_configuration(vitals, &mut page);
    of_targets(status, vitals, &mut page);
    page.0
}

/// Families under construction.
struct Rows(Vec<Family>);

impl Rows {
    fn all(&mut self, metric: Metric, rows: impl IntoIterator<Item = (Labels, f64)>) {
        self.0.push(Family { metric, rows: rows.into_iter().collect() });
    }

    fn one(&mut self, metric: Metric, value: impl Into<Option<f64>>) {
        self.all(metric, value.into().map(|v| (Labels::empty(), v)));
    }
}

fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

fn flag(yes: bool) -> f64 {
    if yes { 1.0 } else { 0.0 }
}

fn of_process(status: &Status, page: &mut Rows) {
    let own = Usage::now();
    page.all(BUILD, [(Labels::new([("version", status.agent.linger.as_str())]), 1.0)]);
    page.one(START, seconds(status.agent.started_ms));
    page.one(RSS, own.rss_bytes.map(|b| b as f64));
    page.one(RSS_MAX, own.rss_bytes_max.map(|b| b as f64));
    page.one(CPU, own.cpu.map(|cpu| cpu.as_secs_f64()));
    page.one(THREADS, own.threads.map(|n| n as f64));
    page.one(FILES, own.open_files.map(|n| n as f64));
}

fn of_store(status: &Status, page: &mut Rows) {
    let store = &status.store;
    page.one(DISK, store.disk_bytes as f64);
    page.one(SERIES, store.series as f64);
    page.one(OLDEST, store.oldest_ms.map(seconds));
    page.one(ACKNOWLEDGED, store.samples_acknowledged as f64);
    page.one(DROPPED, store.scrapes_dropped as f64);
    page.one(REFUSED, store.scrapes_refused as f64);
    page.one(QUARANTINED, store.quarantined as f64);
}

fn of_thresholds(status: &Status, page: &mut Rows) {
    page.one(JUDGED, status.judged.as_ref().map(|j| seconds(j.at_ms)));
    page.one(JUDGED_OK, status.judged.as_ref().map(|j| flag(j.error.is_none())));
    let mut names: Vec<&str> = status.rules.iter().map(|r| r.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let count = |name: &str, state: &str| {
        let counts = |a: &&AlertStatus| a.name == name && a.state == state;
        status.alerts.iter().filter(counts).count() as f64
    };
    let of_rule = |name| {
        ALERT_STATES.map(|state| (Labels::new([("alert", name), ("state", state)]), count(name, state)))
    };
    page.all(ALERTS, names.into_iter().flat_map(of_rule));
}

fn of_configuration(vitals: &Vitals, page: &mut Rows) {
    let reload = vitals.last_reload();
    page.one(RELOAD_OK, flag(reload.ok));
    page.one(RELOAD_AT, seconds(reload.ok_at.0));
    page.one(CREDENTIALS, flag(vitals.are_credentials_readable()));
    page.one(API_REFUSED, vitals.refusals() as f64);
    let served = |f: Format| (Labels::new([("format", f.as_str())]), vitals.expositions(f) as f64);
    page.all(EXPOSITIONS, Format::ALL.map(served));
}

fn of_targets(status: &Status, vitals: &Vitals, page: &mut Rows) {
    let targets = || status.targets.iter().map(|t| (base_labels(t), t));
    page.all(DUTY, targets().map(|(base, t)| (base, t.duty_cycle)));
    page.all(DUTY_LIMIT, targets().map(|(base, t)| (base, t.duty_cycle_max)));
    let collectors = || {
        let of = |(base, t): (Labels, _)| {
            let t: &TargetStatus = t;
            t.collectors.iter().map(move |c| (base.with("collector", &c.collector), c))
        };
        targets().flat_map(of)
    };
    let on = || collectors().filter(|(_, c)| c.state != "off");
    page.all(INTERVAL, on().map(|(labels, c)| (labels, c.every_s)));
    page.all(STATE, collectors().map(|(labels, c)| (labels.with("state", &c.state), 1.0)));
    page.all(RESTARTS, targets().flat_map(|(base, t)| restarts(&base, t, vitals)));
    page.all(SCRAPED_AT, on().filter_map(|(labels, c)| Some((labels, seconds(c.last_ok_ms?)))));
}

/// How often each collector of a target was started anew; a lane that hung between two has its own name.
fn restarts(base: &Labels, target: &TargetStatus, vitals: &Vitals) -> Vec<(Labels, f64)> {
    let mut times: BTreeMap<String, u64> =
        target.collectors.iter().map(|c| (c.collector.clone(), 0)).collect();
    let of_target = vitals.restarts().into_iter().filter(|((of, _), _)| *of == target.target);
    times.extend(of_target.map(|((_, collector), n)| (collector, n)));
    times.into_iter().map(|(collector, n)| (base.with("collector", &collector), n as f64)).collect()
}

#[cfg(test)]
mod tests {
    use super::{ALL, families};
    use crate::exposition::tests::{status, target};
    use crate::exposition::vitals::Vitals;
    use crate::report::{AlertStatus, RuleStatus};
    use linger_series::metric::{self, Kind};
    use linger_series::{Labels, TimeMs};

    #[test]
    fn names_are_unique_documented_and_follow_the_rules_of_stored_ones() {
        let document = include_str!("../../../ARCHITECTURE.md");
        for m in ALL.iter().chain([&crate::exposition::page::DROPPED]) {
            assert_eq!(ALL.iter().chain(metric::ALL).filter(|o| o.name == m.name).count().max(1), 1);
            assert_eq!(m.kind == Kind::Counter, m.name.ends_with("_total"), "{}", m.name);
            assert!(m.help.ends_with('.'), "{}", m.name);
            assert!(document.contains(&format!("`{}`", m.name)), "ARCHITECTURE.md lacks {}", m.name);
        }
    }

    /// The rows of one family as text.
    #[track_caller]
    fn check(name: &str, expected: &[&str]) {
        let mut board = status(vec![target("api", &[("count", 5.0), ("heap", 60.0)])]);
        board.rules =
            vec![RuleStatus { name: "Pile".into(), series: "linger_x".into(), rule: String::new() }];
        board.alerts = vec![AlertStatus {
            name: "Pile".into(),
            state: "firing".into(),
            since_ms: 0,
            series: "linger_x".into(),
            labels: [].into(),
            site: None,
            value: None,
            value_low: None,
            growth_per_hour: None,
            rule: String::new(),
        }];
        let vitals = Vitals::new(TimeMs(1_500));
        vitals.reloaded(false, TimeMs(9_000));
        vitals.restarted("api", "heap");
        vitals.restarted("api", "slow");
        let families = families(&board, &vitals);
        let family = families.iter().find(|f| f.metric.name == name).expect("a family");
        let text = |(labels, value): &(Labels, f64)| format!("{labels} {value}");
        assert_eq!(family.rows.iter().map(text).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn rows_carry_what_was_seen() {
        check(
            "linger_agent_alerts",
            &[
                r#"{alert="Pile",state="pending"} 0"#,
                r#"{alert="Pile",state="firing"} 1"#,
                r#"{alert="Pile",state="stale"} 0"#,
            ],
        );
        check("linger_agent_config_last_reload_successful", &["{} 0"]);
        check("linger_agent_config_last_reload_success_timestamp_seconds", &["{} 1.5"]);
        check(
            "linger_agent_collector_restarts_total",
            &[
                r#"{collector="count",job="shop",target="api"} 0"#,
                r#"{collector="heap",job="shop",target="api"} 1"#,
                r#"{collector="slow",job="shop",target="api"} 1"#,
            ],
        );
        check("linger_agent_oldest_sample_timestamp_seconds", &[]);
        check(
            "linger_agent_collector_state",
            &[
                r#"{collector="count",job="shop",state="ok",target="api"} 1"#,
                r#"{collector="heap",job="shop",state="ok",target="api"} 1"#,
            ],
        );
        check("linger_scrape_timestamp_seconds", &[]);
    }
}
