//! A service that restarts is a new incarnation: a gap, never a zero, and no slope across.

use crate::agent::Agent;
use crate::environment::Go;
use crate::service::Service;
use crate::wait;
use linger::report::{Query, Trend};
use std::time::Duration;

#[test]
fn restart_of_the_service_is_a_gap_and_a_new_incarnation_on_the_oldest_go() {
    check(Go::Oldest);
}

#[test]
fn restart_of_the_service_is_a_gap_and_a_new_incarnation_on_the_newest_go() {
    check(Go::Newest);
}

/// How long the service is away: many intervals of the count, so that a zero would be written if one ever were.
const AWAY: Duration = Duration::from_secs(3);

fn check(go: Go) {
    let mut service = Service::start(go, "defers");
    let agent = Agent::watching(&[&service.url()]);
    let url = service.url();
    let first = wait::until("the first incarnation is known", || {
        let target = agent.target(&url);
        target.incarnation.ok_or(target)
    });
    service.ask("/leak?n=400");
    wait::until("the leak is seen", || {
        let target = agent.target(&url);
        if target.goroutines.is_some_and(|(_, n)| n >= 400.0) { Ok(()) } else { Err(target) }
    });
    service.kill();
    wait::until("the target is down and says how", || {
        let target = agent.target(&url);
        let count = target.collectors.iter().find(|c| c.collector == "count").map(|c| c.state.clone());
        if !target.up && count.as_deref() == Some("refused") { Ok(()) } else { Err(target) }
    });
    std::thread::sleep(AWAY);
    let service = Service::start_on(go, "defers", service.address);
    wait::until("the second incarnation is known", || {
        let target = agent.target(&url);
        if target.up && target.incarnation == Some(first + 1) { Ok(()) } else { Err(target) }
    });
    let after = wait::until("trend has points of the second", || {
        let trend: Trend = agent.ask(&["trend"]);
        let total = trend.targets[0].total.clone();
        match total {
            Some(total) if !trend.targets[0].restarts_ms.is_empty() && total.last < 400.0 => Ok(trend),
            _ => Err(trend),
        }
    });
    assert_eq!(after.targets[0].restarts_ms.len(), 1, "{:?}", after.targets[0].restarts_ms);
    assert!(
        after.targets[0].gaps_ms.iter().any(|[from, to]| to - from >= AWAY.as_millis() as i64),
        "a gap in {:?}",
        after.targets[0].gaps_ms
    );

    // The second process stands still: a slope that crossed the restart would fall steeply.
    let settled = wait::until("a slope of the second alone", || {
        let trend: Trend = agent.ask(&["trend"]);
        let slope = trend.targets[0].total.as_ref().and_then(|t| t.slope_per_hour);
        slope.map(|s| (s, trend.clone())).ok_or(trend)
    });
    assert!(settled.0.abs() < 100.0 * 60.0, "{} an hour on a flat process", settled.0);

    let query: Query = agent.ask(&["query", "linger_goroutines"]);
    let points = &query.series[0].points;
    assert!(points.iter().all(|&(_, n)| n >= 1.0), "no zero among {points:?}");
    drop(service);
}

#[test]
fn threshold_of_a_former_process_is_quiet_again() {
    let mut service = Service::start(Go::Newest, "defers");
    let agent = Agent::watching(&[&service.url()]);
    let fires = wait::until("the growth of a site fires", || {
        service.ask("/leak?n=5");
        let said = agent.say(&["check", "goroutines"]);
        if said.code == 2 { Ok(said) } else { Err(said) }
    });
    assert!(fires.out.contains("main.waitForReply"), "{fires:?}");
    service.kill();
    let service = Service::start_on(Go::Newest, "defers", service.address);
    wait::until("the new process has no such site", || {
        let said = agent.say(&["check", "goroutines"]);
        if said.code == 0 { Ok(()) } else { Err(said) }
    });
    drop(service);
}
