//! Censuses of pending defers from a process's memory, against the service's own count: every kind to the last
//! defer, piles that grow meanwhile, and processes of which there can be no census.

use crate::environment::{self, Go};
use crate::service::Service;
use linger_probe::{DeferCensus, NoCensus, Pid, StartTime, Taken};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;
use tempfile::TempDir;

/// Longest that one census may take on a machine that is busy with other things.
const WITHIN: Duration = Duration::from_secs(60);
/// Pending in one goroutine. This is a debug build: `tests/bench/census` has the larger piles.
const PILE: u64 = 200_000;
/// Censuses of a pile that grows, and how many of them have to be between what the service said before and after:
/// the service notes a defer a moment after it is pending.
const CENSUSES: usize = 20;
const BETWEEN_MIN: usize = 19;

#[test]
fn every_kind_is_counted_to_the_last_defer_on_the_oldest_go() {
    check_every_kind(Go::Oldest, &[]);
}

#[test]
fn every_kind_is_counted_to_the_last_defer_on_the_newest_go() {
    check_every_kind(Go::Newest, &["range&n=900&g=3"]);
}

#[track_caller]
fn check_every_kind(go: Go, more: &[&str]) {
    let service = Service::start(go, "piles");
    service.ask("/churn?g=8&n=64&seconds=600");
    let heap = format!("heap&n={PILE}");
    let piles = [
        heap.as_str(),
        "heap&n=10&g=100",
        "stack&n=3&g=2000",
        "open&n=1&g=2000",
        "open&n=2&g=50",
        "generic",
        "generics",
        "method",
        "closure&n=4&g=9",
        "recursion&n=3000",
        "recursion&n=5&g=100",
        "panic&n=6&g=3",
        "syscall&g=3",
    ];
    for pile in piles.iter().chain(more) {
        service.ask(&format!("/pile?kind={pile}"));
    }
    let truth = service.truth();
    let mut census = attach(&truth).expect("it may be read");
    for _ in 0..3 {
        let taken = census.take(WITHIN, |_, _| ()).expect("a census");
        for statement in truth["statements"].as_array().unwrap() {
            let found = counted(&taken, statement);
            assert_eq!(found, (statement["pending"].as_u64().unwrap(), true), "{statement}");
        }
        let most = &taken.report.most_loaded[0];
        assert_eq!((most.goroutine.pending(), most.goroutine.wait_reason), (PILE, Some("chan receive")));
        assert_eq!(taken.report.standing_of(most).unwrap().created_at.function, "main.pile");
    }
    service.ask("/release");
    crate::wait::until("the released piles are gone", || {
        let taken = census.take(WITHIN, |_, _| ()).expect("a census");
        let left = taken.report.sites.iter().filter(|s| s.site.place.function == "main.holdHeap").count();
        if left == 0 { Ok(()) } else { Err(taken.report) }
    });
}

#[test]
fn a_pile_that_grows_is_counted_while_it_does() {
    for (how, base, per_second) in [("spin", 0, 1_000), ("spin", 50_000, 50_000), ("sleep", 50_000, 20_000)] {
        let service = Service::start(Go::Newest, "piles");
        service.ask(&format!("/push?how={how}&base={base}&per_second={per_second}&seconds=30"));
        let mut census = attach(&service.truth()).expect("it may be read");
        let mut between = 0;
        for _ in 0..CENSUSES {
            let before = pushed(&service);
            let taken = census.take(WITHIN, |_, _| ()).expect("a census");
            let after = pushed(&service);
            let (counted, is_exact) = counted(&taken, &after);
            let [low, high] = [&before, &after].map(|s| s["pending"].as_u64().unwrap());
            assert!(counted > 0 && is_exact, "{how} {base} {per_second}: {counted}, held {low} to {high}");
            between += usize::from((low..=high).contains(&counted));
        }
        assert!(between >= BETWEEN_MIN, "{how} {base} {per_second}: {between} of {CENSUSES}");
    }
}

#[test]
fn a_process_that_ends_in_the_middle_is_said_to_be_gone() {
    let mut service = Service::start(Go::Newest, "piles");
    service.ask(&format!("/pile?kind=heap&n={PILE}&g=4"));
    let mut census = attach(&service.truth()).expect("it may be read");
    let ended = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(150));
            service.kill();
        });
        // Bounded by the process's life: each census after its end is refused.
        loop {
            if let Err(no) = census.take(WITHIN, |_, _| ()) {
                break no;
            }
        }
    });
    assert_eq!(ended.as_str(), "gone", "{ended}");
}

#[test]
fn a_process_that_runs_its_program_anew_is_said_to_be_replaced() {
    let service = Service::start(Go::Newest, "piles");
    let truth = service.truth();
    let mut census = attach(&truth).expect("it may be read");
    service.ask("/exec");
    let no = crate::wait::until("the same PID is another process", || match census.take(WITHIN, |_, _| ()) {
        Ok(taken) => Err(taken.report.goroutines),
        Err(no) => Ok(no),
    });
    assert_eq!(no.as_str(), "replaced", "{no}");
    let taken = crate::wait::until("the new one is counted", || attach(&truth)?.take(WITHIN, |_, _| ()));
    assert!(taken.report.goroutines.alive > 0);
}

#[test]
fn time_that_is_over_leaves_what_was_counted() {
    let service = Service::start(Go::Newest, "piles");
    service.ask(&format!("/pile?kind=heap&n={PILE}&g=4"));
    let mut census = attach(&service.truth()).expect("it may be read");
    let taken = census.take(Duration::from_millis(5), |_, _| ()).expect("what there was time for");
    let goroutines = taken.report.goroutines;
    assert!(!taken.report.is_exact() && taken.report.pending() < 4 * PILE, "{goroutines:?}");
    assert!(goroutines.not_reached + goroutines.lower_bound > 0, "{goroutines:?}");
}

#[test]
fn a_go_of_the_future_is_refused_by_its_name() {
    let folder = TempDir::new().unwrap();
    let program = folder.path().join("piles");
    let mut bytes = fs::read(environment::service(Go::Newest, "piles")).unwrap();
    let release = *b"go1.27.";
    while let Some(at) = bytes.windows(release.len()).position(|w| w == release) {
        bytes[at..at + release.len()].copy_from_slice(b"go1.99.");
    }
    fs::write(&program, bytes).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let service = Service::start_program(&program, Duration::from_secs(600));
    let refused = attach(&service.truth()).expect_err("nobody knows its layouts");
    assert_eq!(refused.as_str(), "go too new", "{refused}");
    assert!(refused.to_string().contains("go1.99."), "{refused}");
}

fn attach(truth: &Value) -> Result<DeferCensus, NoCensus> {
    let pid = Pid(truth["pid"].as_u64().unwrap() as u32);
    DeferCensus::attach(pid, StartTime::of(pid).expect("it runs"))
}

fn pushed(service: &Service) -> Value {
    let truth = service.truth();
    let statements = truth["statements"].as_array().unwrap();
    statements.iter().find(|s| s["function"] == "main.pushOn").unwrap().clone()
}

/// What a census counted at a statement, and whether exactly.
fn counted(taken: &Taken, statement: &Value) -> (u64, bool) {
    let found = taken.report.sites.iter().find(|count| {
        let place = &count.site.place;
        statement["kind"] == count.site.kind.name()
            && statement["function"] == place.function
            && statement["file"] == place.file
            && statement["line"] == place.line
    });
    found.map_or((0, true), |count| (count.pending, count.exact))
}
