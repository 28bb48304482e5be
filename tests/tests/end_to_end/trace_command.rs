//! `linger trace` beside a real service: what one trace tells, recorded now and kept by an agent, running or stopped,
//! and what opens elsewhere.

use crate::agent::{Said, linger, read};
use crate::environment::Go;
use crate::service::Service;
use crate::traces::agent;
use crate::wait;
use linger::report::Traces;
use linger::report::trace::TraceSummary;

/// What the service does must be in a trace of it: goroutines that begin and end, others that stay, held calls.
#[track_caller]
fn check(said: &Said, go: Go) -> TraceSummary {
    assert_eq!(said.code, 0, "{said:?}");
    let told: TraceSummary = read(said);
    let g = &told.goroutines;
    assert!(!told.truncated && g.complete && g.at_start + g.created - g.ended == g.alive, "{g:?}");
    assert!(told.window_ns > 500_000_000, "{}", told.window_ns);
    let of = |function: &str| told.functions.iter().find(|f| f.function == function).cloned().unwrap();
    let (ends, stays) = (of("main.ends"), of("main.stays"));
    assert!(
        ends.created > 10 && ends.ended > 10 && stays.created >= 3 && stays.ended == 0,
        "{ends:?} {stays:?}"
    );
    assert!(ends.created_at.iter().all(|c| c.place.function.starts_with("main.")), "{ends:?}");
    assert!(told.defers.iter().any(|d| d.name == "release" && d.spans.count > 0), "{:?}", told.defers);
    // Those that stayed before the trace wait through all of it; Go 1.22 does not tell where.
    let silent: u64 = told.suspects.iter().map(|group| group.count).sum();
    assert!(silent >= stays.at_start && silent > 0, "{:?}", told.suspects);
    let known =
        told.suspects.iter().any(|group| group.function == "main.stays" && group.count == stays.at_start);
    assert!(known || go == Go::Oldest, "{:?} {stays:?}", told.suspects);
    told
}

#[test]
fn a_service_records_on_the_oldest_go() {
    records(Go::Oldest);
}

#[test]
fn a_service_records_on_the_newest_go() {
    records(Go::Newest);
}

fn records(go: Go) {
    let service = Service::start(go, "births");
    // What stays has to have begun.
    wait::until("something stays", || {
        let staying = service.truth()["staying"].as_f64().unwrap();
        if staying >= 10.0 { Ok(()) } else { Err(staying) }
    });
    check(&linger(&["trace", "summary", &service.url(), "--limit", "1000", "--output", "json"]), go);
    let table = linger(&["trace", "summary", &service.url()]);
    assert!(
        table.code == 0 && table.out.contains("main.ends") && table.out.contains("leak suspects"),
        "{table:?}"
    );
    let exported = linger(&["trace", "export", &format!("{}/debug/pprof/trace?seconds=1", service.url())]);
    let json: serde_json::Value = serde_json::from_str(&exported.out).unwrap();
    assert!(exported.code == 0 && json["traceEvents"].as_array().unwrap().len() > 1_000);
}

#[test]
fn what_an_agent_kept_is_told_while_it_runs_and_after() {
    let service = Service::start(Go::Newest, "births");
    let (mut agent, folder) = agent(&service, "");
    wait::until("a trace is kept that has some that stay", || {
        let said = agent.say(&["trace", "summary", "watched", "--output", "json"]);
        if said.code == 0 && read::<TraceSummary>(&said).suspects.iter().any(|s| s.function == "main.stays") {
            Ok(())
        } else {
            Err(said)
        }
    });
    check(&agent.say(&["trace", "summary", "watched", "--limit", "1000", "--output", "json"]), Go::Newest);
    let unknown = agent.say(&["trace", "summary", "nobody"]);
    assert_eq!((unknown.code, unknown.out.as_str()), (1, ""), "{unknown:?}");

    agent.stop();
    let said = agent.say_from_folder(&["trace", "list", "watched", "--output", "json"]);
    let listed: Traces = read(&said);
    let kept = listed.traces.first().unwrap_or_else(|| panic!("{said:?}"));
    let options = ["--id", kept.id.as_str(), "--limit", "1000", "--output", "json"];
    let told =
        check(&agent.say_from_folder(&[&["trace", "summary", "watched"][..], &options].concat()), Go::Newest);
    assert!((told.window_ns as f64 / 1e9 - kept.window_s).abs() < 1e-6 && told.trace.bytes == kept.bytes);
    let raw = folder.path().join("raw.trace");
    let options = ["--id", kept.id.as_str(), "--format", "raw", "--output", raw.to_str().unwrap()];
    let said = agent.say_from_folder(&[&["trace", "export", "watched"][..], &options].concat());
    assert_eq!((said.code, std::fs::metadata(&raw).unwrap().len()), (0, kept.bytes), "{said:?}");
    check(
        &linger(&["trace", "summary", raw.to_str().unwrap(), "--limit", "1000", "--output", "json"]),
        Go::Newest,
    );
}
