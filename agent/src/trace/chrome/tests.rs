//! What a viewer needs of the file, held against every recording, whole, cut and spoiled: it is JSON, slices nest, times
//! do not go back, arrows have both ends. And it tells as much as the summary does.

use super::{ExportError, export};
use crate::report::trace::TraceSummary;
use crate::trace::{Question, summarise};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, Write};
use std::path::Path;

const RECORDINGS: [&str; 6] = ["go1.22", "go1.23", "go1.24", "go1.25", "go1.26", "go1.27"];

fn recording(version: &str, name: &str) -> Vec<u8> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/recordings"));
    std::fs::read(folder.join(version).join(name)).unwrap()
}

fn summary(trace: &[u8]) -> Option<TraceSummary> {
    let question = Question { limit: 1000, ..Question::default() };
    summarise(&trace, &question).ok().map(|summarised| summarised.report)
}

/// The file of a trace, and the summary of the same.
fn exported(trace: &[u8]) -> Option<(Vec<Value>, TraceSummary)> {
    let summary = summary(trace)?;
    let mut file = Vec::new();
    match export(&trace, &summary, &mut file) {
        Ok(told) => assert_eq!(told.bytes, file.len() as u64),
        Err(ExportError::Trace(_)) => assert!(summary.truncated),
        Err(ExportError::Write(e)) => panic!("{e}"),
    }
    let json: Value = serde_json::from_slice(&file).expect("not JSON");
    assert_eq!(json["otherData"]["window_ns"], summary.window_ns);
    let Value::Array(events) = &json["traceEvents"] else { panic!("no events") };
    Some((events.clone(), summary))
}

/// Nanoseconds: as the text has them, a float of microseconds is exact to them below some 100 days.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "days of nanoseconds fit")]
fn ns(event: &Value) -> u64 {
    (event["ts"].as_f64().unwrap() * 1000.0).round() as u64
}

fn track(event: &Value) -> (u64, u64) {
    (event["pid"].as_u64().unwrap(), event["tid"].as_u64().unwrap())
}

/// The rules of the format.
fn check(events: &[Value]) {
    let mut open: HashMap<(u64, u64), Vec<String>> = HashMap::new();
    let mut last: HashMap<(u64, u64), u64> = HashMap::new();
    let mut named: BTreeMap<(u64, u64), u64> = BTreeMap::new();
    let mut arrows: HashMap<u64, u64> = HashMap::new();
    let mut tasks: HashMap<String, (Value, u64)> = HashMap::new();
    let mut done: BTreeSet<u64> = BTreeSet::new();
    let mut counted: HashMap<String, u64> = HashMap::new();
    for event in events {
        let place = track(event);
        match event["ph"].as_str().unwrap() {
            "M" if event["name"] == "thread_name" => *named.entry(place).or_insert(0) += 1,
            "M" => {}
            phase @ ("B" | "E" | "i" | "s" | "f") => {
                let before = last.insert(place, ns(event)).unwrap_or(0);
                assert!(before <= ns(event), "time goes back: {event}");
                let slices = open.entry(place).or_default();
                match phase {
                    "B" => slices.push(event["name"].as_str().unwrap().to_owned()),
                    "E" => drop(slices.pop().unwrap_or_else(|| panic!("an end of nothing: {event}"))),
                    "i" => assert!(event["name"].is_string()),
                    "s" => {
                        assert!(!slices.is_empty(), "an arrow from nowhere: {event}");
                        assert!(arrows.insert(event["id"].as_u64().unwrap(), ns(event)).is_none());
                    }
                    _ => {
                        assert!(!slices.is_empty() && event["bp"] == "e", "an arrow to nowhere: {event}");
                        let id = event["id"].as_u64().unwrap();
                        assert_eq!(arrows.get(&id), Some(&ns(event)), "an arrow back in time");
                        assert!(done.insert(id));
                    }
                }
            }
            "b" => {
                let id = event["id"].as_str().unwrap().to_owned();
                assert!(tasks.insert(id, (event["name"].clone(), ns(event))).is_none(), "twice: {event}");
            }
            "e" => {
                let (name, since) = tasks.remove(event["id"].as_str().unwrap()).expect("no such task");
                assert!(name == event["name"] && since <= ns(event));
            }
            "C" => {
                let before = counted.insert(event["name"].as_str().unwrap().to_owned(), ns(event));
                assert!(before.is_none_or(|before| before <= ns(event)), "time goes back: {event}");
            }
            other => panic!("{other}"),
        }
    }
    assert!(open.values().all(Vec::is_empty), "still open: {open:?}");
    assert!(tasks.is_empty() && done.len() == arrows.len());
    assert!(named.values().all(|count| *count == 1), "named twice: {named:?}");
    assert!(open.keys().all(|place| named.contains_key(place)), "a track without a name");
}

fn count(events: &[Value], which: impl Fn(&Value) -> bool) -> u64 {
    events.iter().filter(|event| which(event)).count() as u64
}

/// Slices of goroutines that begin, and do not only go on.
fn begins(event: &Value, process: u64) -> bool {
    event["ph"] == "B" && event["pid"] == process && event["args"]["continued"].is_null()
}

fn agrees(version: &str, events: &[Value], summary: &TraceSummary) {
    let mut by_state: BTreeMap<&str, u64> = BTreeMap::new();
    for state in &summary.states {
        *by_state.entry(&state.state).or_insert(0) += state.spans.count + state.spans.open;
    }
    for (state, name) in [("running", "running"), ("runnable", "runnable"), ("syscall", "syscall")] {
        let told = count(events, |e| begins(e, 1) && e["name"] == name);
        assert_eq!(told, by_state.get(state).copied().unwrap_or(0), "{version}: {state}");
    }
    let is_blocked =
        |e: &Value| e["name"].as_str().is_some_and(|n| n == "blocked" || n.starts_with("blocked: "));
    assert_eq!(count(events, |e| begins(e, 1) && is_blocked(e)), by_state["waiting"], "{version}");
    for wanted in ["chan receive", "select"] {
        let name = format!("blocked: {wanted}");
        let waits = summary.states.iter().filter(|state| state.reason == wanted && state.state == "waiting");
        // Those from before the trace are named by their stack, which is the summary's work.
        let silent: u64 = summary.suspects.iter().filter(|s| s.reason == wanted).map(|s| s.count).sum();
        let all: u64 = waits.map(|state| state.spans.count + state.spans.open).sum();
        let told = count(events, |e| begins(e, 1) && e["name"] == *name);
        assert!(told <= all && all <= told + silent + summary.goroutines.at_start, "{version}: {wanted}");
    }
    let named = |list: &[crate::report::trace::TraceNamed]| list.iter().map(|n| n.begun).sum::<u64>();
    let regions = count(events, |e| begins(e, 1) && (e["name"] == "outer" || e["name"] == "defer:unlock"));
    assert_eq!(regions, named(&summary.regions) + named(&summary.defers), "{version}");
    assert_eq!(count(events, |e| e["ph"] == "b"), named(&summary.tasks), "{version}");
    let logs: u64 = summary.logs.iter().map(|log| log.count).sum();
    assert_eq!(count(events, |e| e["ph"] == "i" && e["name"] == "step"), logs, "{version}");
    let marks = summary.gc.mark.count + summary.gc.mark.open;
    assert_eq!(count(events, |e| begins(e, 3) && e["name"] == "GC mark"), marks, "{version}");
    let sweeps = summary.gc.sweep.count + summary.gc.sweep.open;
    assert_eq!(count(events, |e| begins(e, 2) && e["name"] == "GC sweep"), sweeps, "{version}");
    let assists = summary.gc.assist.count + summary.gc.assist.open;
    assert_eq!(count(events, |e| begins(e, 1) && e["name"] == "GC assist"), assists, "{version}");
    assert_eq!(count(events, |e| begins(e, 3) && e["tid"] == 2), named(&summary.stops), "{version}");
    let goroutines = &summary.goroutines;
    let tracks = count(events, |e| e["name"] == "thread_name" && e["pid"] == 1);
    assert_eq!(tracks, goroutines.at_start + goroutines.created, "{version}");
    let last = events.iter().rfind(|e| e["ph"] == "C" && e["name"] == "goroutines").unwrap();
    assert_eq!(last["args"]["count"], goroutines.alive, "{version}");
    let kind = |name: &str| summary.events.get(name).copied().unwrap_or(0);
    let created = count(events, |e| e["ph"] == "s" && e["name"] == "creates");
    assert!(created <= kind("GoCreate") + kind("GoCreateBlocked") && created > 0, "{version}");
    let woken = count(events, |e| e["ph"] == "s" && e["name"] == "wakes");
    assert!(woken <= kind("GoUnblock") + kind("GoSwitch") + kind("GoSwitchDestroy"), "{version}");
}

#[test]
fn every_recording_opens_and_tells_as_much_as_its_summary() {
    for version in RECORDINGS {
        for name in ["short.trace", "idle.trace"] {
            let (events, summary) = exported(&recording(version, name)).unwrap();
            assert!(!summary.truncated, "{version}");
            check(&events);
            if name == "short.trace" {
                agrees(version, &events, &summary);
            }
        }
    }
}

#[test]
fn names_and_arrows_say_who_woke_whom() {
    let (events, _) = exported(&recording("go1.27", "short.trace")).unwrap();
    let names: HashMap<(u64, u64), &str> = events
        .iter()
        .filter(|e| e["name"] == "thread_name")
        .map(|e| (track(e), e["args"]["name"].as_str().unwrap()))
        .collect();
    let worker = |place: &(u64, u64)| names[place].contains(" main.steps.func");
    let starts: HashMap<u64, (u64, u64)> = events
        .iter()
        .filter(|e| e["ph"] == "s" && e["name"] == "wakes")
        .map(|e| (e["id"].as_u64().unwrap(), track(e)))
        .collect();
    let ends = events.iter().filter(|e| e["ph"] == "f" && e["name"] == "wakes");
    let between = ends.filter(|e| worker(&track(e)) && starts[&e["id"].as_u64().unwrap()] != track(e));
    assert!(between.count() > 10);
    assert!(names.values().any(|name| *name == "P0"));
    let by = events.iter().find(|e| e["name"] == "runnable" && e["args"]["by"].is_string()).unwrap();
    assert!(by["args"]["by"].as_str().unwrap().starts_with('G') && by["args"]["at"].is_string(), "{by}");
    let on = events.iter().filter(|e| e["ph"] == "B" && e["pid"] == 2);
    assert!(on.filter(|e| e["name"].as_str().unwrap().contains("main.steps")).count() > 50);
}

/// A cut is salvaged, and what was open at it is closed.
#[test]
fn cut_traces_nest_too() {
    for version in ["go1.22", "go1.24", "go1.27"] {
        let trace = recording(version, "short.trace");
        let mut told = 0;
        for cut in (16..trace.len()).step_by(trace.len() / 20) {
            if let Some((events, _)) = exported(&trace[..cut]) {
                check(&events);
                told += u32::from(events.len() > 100);
            }
        }
        assert!(told > 5, "{version}: {told}");
    }
}

/// Whatever a stranger sends, what is written is JSON and nests.
#[test]
fn spoiled_traces_nest_too() {
    let whole = recording("go1.26", "idle.trace");
    let (mut random, mut told) = (0x9e37_79b9_7f4a_7c15_u64, 0);
    for _ in 0..300 {
        let mut trace = whole.clone();
        for _ in 0..3 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let place = 16 + (random >> 33) as usize % (trace.len() - 16);
            trace[place] = random.to_be_bytes()[4];
        }
        if let Some((events, _)) = exported(&trace) {
            check(&events);
            told += 1;
        }
    }
    assert!(told > 25, "{told}");
}

/// Takes so many bytes.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_reader_that_left_is_named_and_not_written_for() {
    let trace = recording("go1.27", "short.trace");
    let summary = summary(&trace).unwrap();
    for room in [0, 100_000] {
        let failed = export(&trace.as_slice(), &summary, Full(room));
        assert!(matches!(failed, Err(ExportError::Write(e)) if e.kind() == io::ErrorKind::BrokenPipe));
    }
}
