//! Pending defers against the service's own count, the threshold on them, and executed defers by CPU share.

use crate::agent::Agent;
use crate::environment::Go;
use crate::service::Service;
use crate::wait;
use linger::report::{Check, DeferSite, Defers};
use serde_json::Value;

/// Half a million: the heap profile's relative deviation is sqrt(10923 / N), here 15 %.
const PILE: u64 = 500_000;
/// Honest 95 % intervals miss once in twenty runs; at four deviations a miss (1 in 16,000) means a fault.
const SIGMAS: f64 = 4.0;
const SIGMAS_95: f64 = 1.96;

#[test]
fn pile_is_counted_alerted_and_forgotten_on_the_oldest_go() {
    check_pile(Go::Oldest);
}

#[test]
fn pile_is_counted_alerted_and_forgotten_on_the_newest_go() {
    check_pile(Go::Newest);
}

fn check_pile(go: Go) {
    let service = Service::start(go, "defers");
    let agent = Agent::watching(&[&service.url()]);
    service.ask(&format!("/pile?n={}&g=2", PILE / 2));
    // In-use values are as of the last finished collection, and a sample takes two of them to come in.
    wait::until("two collections have seen the pile", || {
        let truth = service.truth();
        if truth["gc_since"].as_u64() >= Some(2) { Ok(()) } else { Err(truth) }
    });
    let truth = service.truth();
    let pending = truth["pending"]["heap"].as_f64().unwrap();
    assert_eq!(pending, PILE as f64);
    let (low, high) = wait::until("the pile is measured", || {
        let defers: Defers = agent.ask(&["defers"]);
        let Some(site) = at(&defers, &truth["pending"]["site"]) else { return Err(defers) };
        assert_eq!((site.kind.as_str(), site.exact), ("heap", false));
        let low = site.pending - (site.pending - site.interval[0]) * SIGMAS / SIGMAS_95;
        let high = site.pending + (site.interval[1] - site.pending) * SIGMAS / SIGMAS_95;
        if low <= pending && pending <= high { Ok((low, high)) } else { Err(defers) }
    });
    assert!(high - low < 2.0 * pending, "an interval of [{low}, {high}] says little about {pending}");

    let check = wait::until("the threshold fires", || {
        let said = agent.say(&["check", "defers"]);
        if said.code == 2 { Ok(said) } else { Err(said) }
    });
    assert!(check.out.contains("linger_defers_pending") || check.out.contains("deferInLoop"), "{check:?}");
    let json = agent.say(&["check", "defers", "--output", "json"]);
    let check: Check = crate::agent::read(&json);
    assert_eq!((json.code, check.code), (2, 2));
    let firing = check.alerts.iter().find(|a| a.state == "firing" && a.series == "linger_defers_pending");
    let site = firing.and_then(|a| a.site.as_ref()).expect("a firing threshold with its place");
    assert_eq!(
        (site.function.as_str(), Some(site.line)),
        ("main.deferInLoop", truth["pending"]["site"]["line"].as_u64())
    );

    service.ask("/release");
    wait::until("the released pile is gone", || {
        let defers: Defers = agent.ask(&["defers"]);
        match at(&defers, &truth["pending"]["site"]) {
            // About 32 records per busy P stay in the runtime's pools.
            Some(site) if site.pending > 0.01 * pending => Err(defers),
            _ => Ok(()),
        }
    });
    wait::until("the threshold is quiet again", || {
        let said = agent.say(&["check", "defers"]);
        if said.code == 0 { Ok(()) } else { Err(said) }
    });
}

#[test]
fn pile_that_went_while_the_agent_was_away_is_quiet_again() {
    let service = Service::start(Go::Newest, "defers");
    let mut agent = Agent::watching(&[&service.url()]);
    service.ask(&format!("/pile?n={PILE}"));
    let exits = |agent: &Agent, code: i32| {
        wait::until(&format!("check exits {code}"), || {
            let said = agent.say(&["check", "defers"]);
            if said.code == code { Ok(()) } else { Err(said) }
        });
    };
    exits(&agent, 2);
    agent.kill();
    service.ask("/release");
    wait::until("two collections have seen the release", || {
        let truth = service.truth();
        if truth["gc_since"].as_u64() >= Some(2) { Ok(()) } else { Err(truth) }
    });
    agent.start();
    exits(&agent, 0);
}

fn at<'a>(defers: &'a Defers, place: &Value) -> Option<&'a DeferSite> {
    defers.targets[0].sites.iter().find(|s| {
        s.function == place["function"] && s.file == place["file"] && Some(s.line) == place["line"].as_u64()
    })
}

/// Executed defers per second: enough for a few hundred CPU samples in the profiles of a minute.
const PACE: f64 = 8_000_000.0;

#[test]
fn executed_defers_are_estimated_by_kind_and_function_on_the_newest_go() {
    let service = Service::start(Go::Newest, "defers");
    let agent = Agent::watching(&[&service.url()]);
    service.ask(&format!("/run?kind=heap&per_second={PACE}&seconds=120"));
    let found = wait::until("the CPU profiles show the defers", || {
        let defers: Defers = agent.ask(&["defers"]);
        let found = defers.targets[0].executed.iter().find(|e| e.function == "main.runFourOnHeap").cloned();
        match found {
            Some(found) if found.samples >= 30 => Ok(found),
            _ => Err(defers),
        }
    });
    assert_eq!(found.kind, "heap");
    let [low, high] = found.calls_per_second_interval;
    assert!(low <= found.calls_per_second && found.calls_per_second <= high, "{found:?}");
    // The first profiles may have begun before the runner, and the host is not the one of the table: a factor of 4.
    assert!(high > PACE / 4.0 && low < PACE * 4.0, "{found:?} where {PACE} a second is true");
}
