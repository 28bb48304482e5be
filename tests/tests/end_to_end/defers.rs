//! Pending defers against the service's own count, by sampling and counted in its memory, the threshold on them, and
//! executed defers by CPU share.

use crate::agent::{Agent, TIME_SCALE};
use crate::environment::Go;
use crate::service::Service;
use crate::wait;
use linger::report::{Check, DeferSite, Defers};
use serde_json::Value;
use std::collections::BTreeSet;
use tempfile::TempDir;

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
    let folder = TempDir::new().unwrap();
    let config = folder.path().join("linger.yaml");
    std::fs::write(&config, "collectors: {defers: {enabled: false}}\n").unwrap();
    let agent = Agent::with(TIME_SCALE, &[&service.url()], &["--config", &config.display().to_string()]);
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
        let [low, high] = site.interval.expect("an estimate has one");
        let low = site.pending - (site.pending - low) * SIGMAS / SIGMAS_95;
        let high = site.pending + (high - site.pending) * SIGMAS / SIGMAS_95;
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
fn the_programs_file_alone_tells_lines_and_who_runs_on_the_oldest_go() {
    check_by_file(Go::Oldest, &[]);
}

#[test]
fn the_programs_file_alone_tells_lines_and_who_runs_on_the_newest_go() {
    check_by_file(Go::Newest, &["range"]);
}

/// Without its memory, as where that may not be read: the heap profile's piles are told by kind and line without asking the
/// service for a name, and goroutines inside deferred calls by what runs them.
fn check_by_file(go: Go, more: &[&str]) {
    let service = Service::start(go, "piles");
    for kind in ["heap"].iter().chain(more) {
        service.ask(&format!("/pile?kind={kind}&n={PILE}"));
    }
    service.ask("/pile?kind=return&n=3&g=30");
    service.ask("/pile?kind=panic&n=3&g=20");
    let folder = TempDir::new().unwrap();
    let config = folder.path().join("linger.yaml");
    std::fs::write(&config, "collectors: {defers: {enabled: false}}\n").unwrap();
    let agent = Agent::with(TIME_SCALE, &[&service.url()], &["--config", &config.display().to_string()]);
    let truth = service.truth();
    let piles: Vec<&Value> =
        truth["statements"].as_array().unwrap().iter().filter(|s| s["pending"] == PILE).collect();
    assert_eq!(piles.len(), 1 + more.len());
    wait::until("the piles are told by kind and line", || {
        let defers: Defers = agent.ask(&["defers"]);
        let told =
            |pile: &&Value| at(&defers, pile).is_some_and(|s| s.kind == pile["kind"] && s.interval.is_some());
        if piles.iter().all(told) { Ok(()) } else { Err(defers) }
    });
    wait::until("those inside deferred calls are told", || {
        let defers: Defers = agent.ask(&["defers"]);
        let running: BTreeSet<String> = defers.targets[0]
            .running
            .iter()
            .flat_map(|running| &running.inside)
            .map(|r| format!("{} {} in {} runs {}", r.goroutines, r.how, r.at.function, r.call))
            .collect();
        let expected = [
            "20 panic in main.panics runs main.holding.park",
            "30 return in main.holdAtReturn runs main.holding.park",
        ];
        if expected.iter().all(|e| running.contains(*e)) { Ok(()) } else { Err((running, defers.targets)) }
    });
    assert_eq!(service.truth()["names_asked"], 0, "its program's file tells what they mean");
    service.ask("/release");
    wait::until("nobody is inside a deferred call any more", || {
        let defers: Defers = agent.ask(&["defers"]);
        if defers.targets[0].running.is_none() { Ok(()) } else { Err(defers) }
    });
}

#[test]
fn every_kind_is_told_exactly_with_who_holds_it_on_the_oldest_go() {
    check_counted(Go::Oldest);
}

#[test]
fn every_kind_is_told_exactly_with_who_holds_it_on_the_newest_go() {
    check_counted(Go::Newest);
}

fn check_counted(go: Go) {
    let service = Service::start(go, "piles");
    for pile in ["heap&n=30000&g=1", "stack&n=3&g=200", "open&n=2&g=50", "recursion&n=5&g=10"] {
        service.ask(&format!("/pile?kind={pile}"));
    }
    let truth = service.truth();
    let agent = Agent::watching(&[&service.url()]);
    let statements: Vec<&Value> = truth["statements"].as_array().unwrap().iter().collect();
    let found = wait::until("every statement is counted", || {
        let defers: Defers = agent.ask(&["defers", "--limit", "200"]);
        let is_told = |statement: &&Value| match at(&defers, statement) {
            Some(site) => site.exact && Some(site.pending as u64) == statement["pending"].as_u64(),
            None => statement["pending"] == 0,
        };
        if defers.targets[0].held.is_some() && statements.iter().all(is_told) {
            Ok(defers)
        } else {
            Err(defers)
        }
    });
    let target = &found.targets[0];
    let kinds: BTreeSet<&str> = target.sites.iter().map(|site| site.kind.as_str()).collect();
    assert!(["heap", "open", "stack"].iter().all(|kind| kinds.contains(kind)), "{kinds:?}");
    assert!(target.sites.iter().all(|site| site.method == "process memory"), "{target:?}");
    let held = target.held.as_ref().unwrap();
    let most = &held.most_loaded[0];
    assert_eq!((most.pending, most.exact, most.state.as_str()), (30_000, true, "chan receive"));
    assert_eq!(most.created_at.function, "main.pile");
    assert!(most.start.starts_with("main."), "{most:?}");
    assert!(held.open_files.is_some_and(|files| files > 3), "{held:?}");
    check_holders(&agent, most.goroutine);
    let said = wait::until("the threshold on a counted pile fires", || {
        let said = agent.say(&["check", "defers"]);
        if said.code == 2 { Ok(said) } else { Err(said) }
    });
    assert!(said.out.contains("DeferPile"), "{said:?}");
    service.ask("/release");
    wait::until("what was released is told as exactly none", || {
        let defers: Defers = agent.ask(&["defers", "--limit", "200"]);
        if statements.iter().all(|s| at(&defers, s).is_none()) { Ok(()) } else { Err(defers) }
    });
}

/// One site with who holds it: by its short name, and why another one is not found.
fn check_holders(agent: &Agent, goroutine: u64) {
    let here: Defers = agent.ask(&["defers", "--site", "main.holdHeap"]);
    let target = &here.targets[0];
    let [site] = target.sites.as_slice() else { panic!("one site: {:?}", target.sites) };
    let [holders] = site.holders.as_slice() else { panic!("one group: {:?}", site.holders) };
    assert_eq!((holders.goroutines, holders.pending, holders.oldest), (1, 30_000, goroutine));
    assert_eq!((holders.state.as_str(), holders.exact), ("chan receive", true));
    assert_eq!((&*holders.at.function, &*holders.created_at.function), ("main.holding.park", "main.pile"));
    let stack: Vec<&str> = holders.stack.iter().map(|frame| frame.function.as_str()).collect();
    assert_eq!((stack[0], stack[1]), ("runtime.gopark", "runtime.chanrecv"));
    let own: Vec<&str> = stack.iter().copied().filter(|function| function.starts_with("main.")).collect();
    assert_eq!(own, ["main.holding.park", "main.holdHeap", "main.pile.gowrap1"]);
    let loaded = &target.held.as_ref().unwrap().most_loaded;
    assert_eq!((loaded.len(), loaded[0].stack.len()), (1, stack.len()));
    let stacks: Defers = agent.ask(&["defers", "--site", "main.recurse"]);
    let deep = &stacks.targets[0].sites[0].holders[0];
    assert_eq!((deep.goroutines, deep.pending, deep.most_in_one), (10, 50, 5), "{deep:?}");
    let page = agent.say(&["defers", "--site", "main.holdHeap"]);
    assert!(page.out.contains("chan receive") && page.out.contains("runtime.gopark"), "{page:?}");
    let none = agent.say(&["defers", "--site", "main.nowhere"]);
    assert_eq!(none.code, 1, "{none:?}");
    assert!(none.err.contains("main.nowhere") && none.err.contains("main.holdHeap"), "{none:?}");
}

#[test]
fn what_waits_for_ever_is_told_never_to_run_on_the_oldest_go() {
    check_stranded(Go::Oldest);
}

#[test]
fn what_waits_for_ever_is_told_never_to_run_on_the_newest_go() {
    check_stranded(Go::Newest);
}

fn check_stranded(go: Go) {
    let service = Service::start(go, "piles");
    for pile in ["stranded&n=0&g=4", "stranded&n=1&g=5", "stranded&n=2&g=6", "open&n=2&g=50"] {
        service.ask(&format!("/pile?kind={pile}"));
    }
    let agent = Agent::watching(&[&service.url()]);
    let found = wait::until("what will never run is told", || {
        let defers: Defers = agent.ask(&["defers"]);
        let target = defers.targets[0].clone();
        if target.stranded.is_empty() { Err(target) } else { Ok(target) }
    });
    let [stranded] = found.stranded.as_slice() else { panic!("one line: {:?}", found.stranded) };
    assert_eq!((stranded.pending, stranded.at.function.as_str()), (15, "main.holdForEver"));
    let shown = agent.say(&["defers"]).out;
    assert!(shown.contains("15 at main.holdForEver"), "{shown}");
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
