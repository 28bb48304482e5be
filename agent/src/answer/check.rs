//! `check`: Nagios' question. A stopped or silent agent is UNKNOWN, never OK.

mod piles;

use crate::alert::{JUDGE_EVERY, collectors_of};
use crate::question::{CheckQuestion, CheckSubject};
use crate::report::{AlertStatus, Check, CollectorStatus, Judged, Status, VERSION};
use crate::scrape::outcome::State;
use crate::show::{number, short_place};
use linger_derive::threshold::STALE_AFTER;
use linger_series::TimeMs;
use std::collections::BTreeSet;
use std::time::Duration;

/// How late a turn of the judge may be for other work on its thread.
const JUDGED_LATE_MAX: Duration = Duration::from_secs(30);

const OK: u8 = 0;
const WARNING: u8 = 1;
const CRITICAL: u8 = 2;
const UNKNOWN: u8 = 3;

/// Judges a status.
#[must_use]
pub fn check(status: &Status, question: &CheckQuestion) -> Check {
    let wanted = |name: &str| question.target.as_deref().is_none_or(|t| t == name);
    let alerts: Vec<AlertStatus> = status
        .alerts
        .iter()
        .filter(|a| {
            concerns(a, question.subject) && wanted(a.labels.get("target").map_or("", String::as_str))
        })
        .cloned()
        .collect();
    let mut findings = about_the_agent(status, question);
    findings.extend(alerts.iter().map(of_alert));
    for target in status.targets.iter().filter(|t| status.agent.running && wanted(&t.target) && !t.up) {
        let code = if question.subject == CheckSubject::Agent { OK } else { UNKNOWN };
        findings.push((code, format!("{}: {}", target.target, target.state)));
    }
    findings.sort_by_key(|(code, _)| std::cmp::Reverse(severity(*code)));
    let code = findings.first().map_or(OK, |(code, _)| *code);
    let worst: Vec<&str> =
        findings.iter().filter(|(c, _)| *c == code).map(|(_, text)| text.as_str()).collect();
    let summary = if worst.is_empty() { all_well(status, question) } else { worst.join("; ") };
    let mut details: Vec<String> = findings.iter().map(|(_, text)| text.clone()).collect();
    for held in alerts.iter().filter_map(|alert| piles::held(status, alert)) {
        // Two thresholds may fire at one line.
        if !details.contains(&held) {
            details.push(held);
        }
    }
    if question.subject == CheckSubject::Defers {
        details.extend(
            status.targets.iter().filter(|t| wanted(&t.target)).filter_map(|t| piles::basis(status, t)),
        );
    }
    Check { version: VERSION, code, summary, details, alerts }
}

/// What is wrong with who judges, and with the question.
fn about_the_agent(status: &Status, question: &CheckQuestion) -> Vec<(u8, String)> {
    let mut findings = Vec::new();
    if !status.agent.running {
        let code = if question.subject == CheckSubject::Agent { CRITICAL } else { UNKNOWN };
        findings.push((code, "the agent is stopped: thresholds are as it left them".into()));
    }
    if let Some(name) = &question.target
        && status.targets.iter().all(|t| t.target != *name)
    {
        let known: Vec<&str> = status.targets.iter().map(|t| t.target.as_str()).collect();
        findings.push((UNKNOWN, format!("no target is called {name:?}; there are: {}", known.join(", "))));
    }
    findings.extend(about_its_work(status, question));
    findings.extend(about_judging(status, question));
    let prefix = metric_prefix(question.subject);
    if !prefix.is_empty() && !status.rules.iter().any(|r| r.series.starts_with(prefix)) {
        findings.push((UNKNOWN, format!("no threshold on {prefix}* is configured: nothing is judged")));
    }
    findings
}

/// What goes less well than it should in an agent that runs. A liveness probe takes every code but 0 for a reason to
/// start the agent again. That mends neither a slow disk nor a wrong clock, and with a configuration that could not be
/// loaded again the agent would not come back: `check agent` tells and stays OK.
fn about_its_work(status: &Status, question: &CheckQuestion) -> Vec<(u8, String)> {
    let code = match question.subject {
        CheckSubject::All => WARNING,
        CheckSubject::Agent => OK,
        CheckSubject::Goroutines | CheckSubject::Defers => return Vec::new(),
    };
    let store = &status.store;
    let mut findings = Vec::new();
    if store.scrapes_dropped > 0 {
        findings.push((code, format!("{} scrapes dropped: the disk is slow", store.scrapes_dropped)));
    }
    if store.scrapes_refused > 0 {
        findings.push((code, format!("{} scrapes refused by the store: see the log", store.scrapes_refused)));
    }
    if status.reload.as_ref().is_some_and(|r| r.error.is_some()) {
        let text = "the configuration was not loaded again, the former one is in force: see `linger status`";
        findings.push((code, text.into()));
    }
    if status.discovery.as_ref().is_some_and(|d| d.error.is_some()) {
        let text = "files that name targets cannot be used, the former targets stay: see `linger status`";
        findings.push((code, text.into()));
    }
    findings
}

/// Whether a silent list of thresholds may be believed: they are judged, and on data.
fn about_judging(status: &Status, question: &CheckQuestion) -> Vec<(u8, String)> {
    if question.subject == CheckSubject::Agent || !status.agent.running {
        return Vec::new();
    }
    let scale = status.agent.time_scale.max(1.0);
    let silent =
        |at_ms: i64, limit: Duration| TimeMs(status.now_ms).since(TimeMs(at_ms)) > limit.div_f64(scale);
    let mut findings = Vec::new();
    match &status.judged {
        Some(Judged { error: Some(e), .. }) => {
            findings.push((UNKNOWN, format!("thresholds cannot be judged: {e}")));
        }
        // A turn waits for scrapes under way, and the pace has a floor: both are seconds.
        judged => {
            let at_ms = judged.as_ref().map_or(status.agent.started_ms, |j| j.at_ms);
            if silent(at_ms, JUDGE_EVERY.mul_f64(3.0) + JUDGED_LATE_MAX.mul_f64(scale)) {
                findings.push((UNKNOWN, "thresholds are not judged any more: see the agent's log".into()));
            }
        }
    }
    let prefix = metric_prefix(question.subject);
    let wanted = |name: &str| question.target.as_deref().is_none_or(|t| t == name);
    let groups: BTreeSet<&[&str]> = status
        .rules
        .iter()
        .filter(|r| r.series.starts_with(prefix))
        .map(|r| collectors_of(&r.series))
        .collect();
    for target in status.targets.iter().filter(|t| t.up && wanted(&t.target)) {
        for group in &groups {
            let of_group = || target.collectors.iter().filter(|c| group.contains(&&*c.collector));
            let is_silent = |c: &CollectorStatus| {
                let patience = STALE_AFTER.max(c.answer_due_within().mul_f64(2.5 * scale));
                // An answer that tells no figures is no data.
                let tells = c.state != State::NotSampled.as_str();
                !tells || silent(c.last_ok_ms.unwrap_or(status.agent.started_ms), patience)
            };
            if of_group().next().is_some() && of_group().all(is_silent) {
                let which: Vec<String> =
                    of_group().map(|c| format!("{}, which is {}", c.collector, c.state)).collect();
                let text = format!("{}: nothing is judged by {}", target.target, which.join(", nor by "));
                findings.push((UNKNOWN, text));
            }
        }
    }
    findings
}

/// Worst first: a firing threshold outranks not knowing, which outranks a warning.
fn severity(code: u8) -> u8 {
    match code {
        CRITICAL => 3,
        UNKNOWN => 2,
        WARNING => 1,
        _ => 0,
    }
}

/// The metrics a subject is about; empty for all of them.
fn metric_prefix(subject: CheckSubject) -> &'static str {
    match subject {
        CheckSubject::All | CheckSubject::Agent => "",
        CheckSubject::Goroutines => "linger_goroutine",
        CheckSubject::Defers => "linger_defer",
    }
}

fn concerns(alert: &AlertStatus, subject: CheckSubject) -> bool {
    subject != CheckSubject::Agent && alert.series.starts_with(metric_prefix(subject))
}

/// One line that a pager can show: what, how many, how fast, where.
fn of_alert(alert: &AlertStatus) -> (u8, String) {
    let target = alert.labels.get("target").map_or("", String::as_str);
    let value = alert.value.map(|v| format!(" {}", number(v))).unwrap_or_default();
    let low = alert.value_low.map(|v| format!(" (at least {})", number(v))).unwrap_or_default();
    let growth = alert.growth_per_hour.map(|g| format!(" growing {}/h", number(g.slope_per_hour)));
    let place = alert.site.as_ref().map(|s| format!(" at {}", short_place(s))).unwrap_or_default();
    let text = format!(
        "{} {}: {target}{value}{low}{}{place} ({})",
        alert.name,
        alert.state,
        growth.unwrap_or_default(),
        alert.rule
    );
    let code = match alert.state.as_str() {
        "firing" => CRITICAL,
        "pending" => WARNING,
        _ => UNKNOWN,
    };
    (code, text)
}

fn all_well(status: &Status, question: &CheckQuestion) -> String {
    let targets = status.targets.len();
    let plural = if targets == 1 { "" } else { "s" };
    match question.subject {
        CheckSubject::Agent => format!("agent runs, {targets} target{plural}"),
        CheckSubject::Defers => {
            let sampled = piles::sampled(status, question.target.as_deref());
            let blind = if sampled > 0 {
                format!(", {sampled} of them only sampled: see below")
            } else {
                String::new()
            };
            format!("no threshold pending or firing on {targets} target{plural}{blind}")
        }
        _ => format!("no threshold pending or firing on {targets} target{plural}"),
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::question::{CheckQuestion, CheckSubject};
    use crate::report::{
        AgentStatus, AlertStatus, CollectorStatus, Judged, Reload, RuleStatus, Status, StoreStatus,
        TargetStatus,
    };

    fn alert(series: &str, state: &str) -> AlertStatus {
        AlertStatus {
            name: "X".into(),
            state: state.into(),
            since_ms: 0,
            series: series.into(),
            labels: [("target".to_owned(), "api".to_owned())].into(),
            site: None,
            value: None,
            value_low: None,
            growth_per_hour: None,
            rule: "r".into(),
        }
    }

    fn rule(series: &str) -> RuleStatus {
        RuleStatus { name: "X".into(), series: series.into(), rule: "r".into() }
    }

    #[track_caller]
    fn expect(running: bool, alerts: &[AlertStatus], subject: CheckSubject, code: u8) {
        let status = Status {
            agent: AgentStatus { running, ..AgentStatus::default() },
            alerts: alerts.to_vec(),
            rules: vec![rule("linger_defers_pending"), rule("linger_goroutines_at_site")],
            ..Status::default()
        };
        let got = check(&status, &CheckQuestion { subject, target: None });
        assert_eq!(got.code, code, "{got:?}");
        assert!(!got.summary.is_empty());
    }

    #[test]
    fn a_subject_without_a_threshold_is_unknown_not_ok() {
        let status = Status {
            agent: AgentStatus { running: true, ..AgentStatus::default() },
            rules: vec![rule("linger_defers_pending")],
            ..Status::default()
        };
        let code = |subject| check(&status, &CheckQuestion { subject, target: None }).code;
        assert_eq!((code(CheckSubject::Goroutines), code(CheckSubject::Defers)), (3, 0));
    }

    #[test]
    fn a_liveness_probe_does_not_start_an_agent_again_for_what_that_does_not_mend() {
        let failed = || Some(Reload { at_ms: 0, error: Some("line 3".into()) });
        let status = Status {
            agent: AgentStatus { running: true, ..AgentStatus::default() },
            store: StoreStatus { scrapes_dropped: 3, scrapes_refused: 2, ..StoreStatus::default() },
            rules: vec![rule("linger_defers_pending")],
            reload: failed(),
            discovery: failed(),
            ..Status::default()
        };
        let told = |subject| check(&status, &CheckQuestion { subject, target: None });
        assert_eq!((told(CheckSubject::Agent).code, told(CheckSubject::All).code), (0, 1));
        assert_eq!(told(CheckSubject::Agent).details, told(CheckSubject::All).details);
        assert_eq!(told(CheckSubject::Agent).details.len(), 4);
    }

    #[test]
    fn silence_is_believed_only_while_thresholds_are_judged_on_data() {
        let minutes = |n: i64| n * 60_000;
        let code = |now_ms: i64, judged: Option<(i64, Option<&str>)>| {
            let status = Status {
                now_ms,
                agent: AgentStatus { running: true, time_scale: 1.0, ..AgentStatus::default() },
                rules: vec![rule("linger_defers_pending")],
                judged: judged.map(|(at_ms, e)| Judged { at_ms, error: e.map(str::to_owned) }),
                ..Status::default()
            };
            check(&status, &CheckQuestion { subject: CheckSubject::All, target: None }).code
        };
        assert_eq!(code(1_000, None), 0);
        assert_eq!(code(minutes(10), None), 3);
        assert_eq!(code(minutes(10), Some((minutes(9), None))), 0);
        assert_eq!(code(minutes(10), Some((minutes(9), Some("full disk")))), 3);
        assert_eq!(code(minutes(10), Some((minutes(2), None))), 3);
    }

    #[test]
    fn a_collector_that_failures_made_rare_is_not_believed_for_longer() {
        let code = |since_ok_ms| {
            let goroutine = CollectorStatus {
                collector: "goroutine".into(),
                state: "timed out".into(),
                last_ok_ms: Some(0),
                last_ok_every_s: Some(15.0),
                every_s: 3_600.0,
                every_configured_s: 15.0,
                ..CollectorStatus::default()
            };
            let target = TargetStatus {
                target: "api".into(),
                up: true,
                collectors: vec![goroutine],
                ..TargetStatus::default()
            };
            let status = Status {
                now_ms: since_ok_ms,
                agent: AgentStatus { running: true, time_scale: 1.0, ..AgentStatus::default() },
                targets: vec![target],
                rules: vec![rule("linger_goroutines_at_site")],
                judged: Some(Judged { at_ms: since_ok_ms, error: None }),
                ..Status::default()
            };
            check(&status, &CheckQuestion { subject: CheckSubject::All, target: None }).code
        };
        assert_eq!((code(200_000), code(400_000)), (0, 3));
    }

    #[test]
    fn firing_is_critical_pending_a_warning_and_silence_unknown() {
        let defers = |state| alert("linger_defers_pending", state);
        let goroutines = |state| alert("linger_goroutines_at_site", state);
        expect(true, &[], CheckSubject::All, 0);
        expect(true, &[defers("pending")], CheckSubject::All, 1);
        expect(true, &[defers("pending"), goroutines("firing")], CheckSubject::All, 2);
        expect(true, &[defers("pending"), goroutines("firing")], CheckSubject::Defers, 1);
        expect(true, &[defers("firing")], CheckSubject::Goroutines, 0);
        expect(true, &[defers("firing")], CheckSubject::Agent, 0);
        expect(true, &[defers("stale"), goroutines("pending")], CheckSubject::All, 3);
        expect(false, &[], CheckSubject::All, 3);
        expect(false, &[], CheckSubject::Agent, 2);
        expect(false, &[defers("firing")], CheckSubject::All, 2);
    }
}
