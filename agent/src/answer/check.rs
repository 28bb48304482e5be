//! `check`: Nagios' question. A stopped or silent agent is UNKNOWN, never OK.

use crate::question::{CheckQuestion, CheckSubject};
use crate::report::{AlertStatus, Check, Status, VERSION};

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
    let mut findings: Vec<(u8, String)> = alerts.iter().map(of_alert).collect();
    if !status.agent.running {
        findings.push((UNKNOWN, "the agent is stopped: thresholds are as it left them".into()));
    }
    if question.target.as_deref().is_some_and(|t| status.targets.iter().all(|s| s.target != t)) {
        findings.push((UNKNOWN, "no such target".into()));
    }
    for target in status.targets.iter().filter(|t| wanted(&t.target) && !t.up) {
        let code = if question.subject == CheckSubject::Agent { OK } else { UNKNOWN };
        findings.push((code, format!("{}: {}", target.target, target.state)));
    }
    if question.subject == CheckSubject::Agent && status.store.scrapes_dropped > 0 {
        findings
            .push((WARNING, format!("{} scrapes dropped: the disk is slow", status.store.scrapes_dropped)));
    }
    findings.sort_by_key(|(code, _)| std::cmp::Reverse(severity(*code)));
    let code = findings.first().map_or(OK, |(code, _)| *code);
    let details: Vec<String> = findings.into_iter().map(|(_, text)| text).collect();
    let summary = details.first().cloned().unwrap_or_else(|| all_well(status, question));
    Check { version: VERSION, code, summary, details, alerts }
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

fn concerns(alert: &AlertStatus, subject: CheckSubject) -> bool {
    match subject {
        CheckSubject::All => true,
        CheckSubject::Agent => false,
        CheckSubject::Goroutines => alert.series.starts_with("linger_goroutine"),
        CheckSubject::Defers => alert.series.starts_with("linger_defer"),
    }
}

fn of_alert(alert: &AlertStatus) -> (u8, String) {
    let place = alert.site.as_ref().map(|s| format!(" at {} {}:{}", s.function, s.file, s.line));
    let target = alert.labels.get("target").map_or("", String::as_str);
    let text =
        format!("{} {}: {target}{} ({})", alert.name, alert.state, place.unwrap_or_default(), alert.rule);
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
        _ => format!("no threshold pending or firing on {targets} target{plural}"),
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::question::{CheckQuestion, CheckSubject};
    use crate::report::{AgentStatus, AlertStatus, Status, StoreStatus};

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

    #[track_caller]
    fn expect(running: bool, alerts: &[AlertStatus], subject: CheckSubject, code: u8) {
        let status = Status {
            version: 1,
            now_ms: 0,
            agent: AgentStatus { running, ..AgentStatus::default() },
            store: StoreStatus::default(),
            targets: Vec::new(),
            alerts: alerts.to_vec(),
        };
        let got = check(&status, &CheckQuestion { subject, target: None });
        assert_eq!(got.code, code, "{got:?}");
        assert!(!got.summary.is_empty());
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
        expect(false, &[defers("firing")], CheckSubject::All, 2);
    }
}
