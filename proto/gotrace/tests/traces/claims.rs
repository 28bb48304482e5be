//! What the recorded program did (tests/bench/trace/load, "short") must be what its traces tell.

use std::sync::Arc;

use linger_gotrace::event::State;
use linger_gotrace::summary::{SiteId, Summary};
use linger_gotrace::{End, Error, Options, Version, read};

use super::{Failing, VERSIONS, recording, summarise};

fn summary_of(version: &str) -> Summary {
    let (read, summary) = summarise(&recording(version), &Options::default());
    read.unwrap();
    summary
}

/// Whether traces of this Go have the stacks of silent goroutines.
fn has_silent_stacks(version: &str) -> bool {
    version != "go1.22"
}

#[test]
fn every_version_is_read_to_its_end() {
    for (version, expected, end) in [
        ("go1.22", Version::Go1_22, End::Unmarked),
        ("go1.23", Version::Go1_23, End::Unmarked),
        ("go1.24", Version::Go1_23, End::Unmarked),
        ("go1.25", Version::Go1_25, End::Unmarked),
        ("go1.26", Version::Go1_26, End::Marked),
        ("go1.27", Version::Go1_26, End::Marked),
    ] {
        let (read, summary) = summarise(&recording(version), &Options::default());
        let read = read.unwrap();
        assert_eq!((read.version, read.end), (expected, end), "{version}");
        assert!(read.generations > 1 && read.events > 1000, "{version}: {read:?}");
        assert!((50_000_000..2_000_000_000).contains(&summary.window_ns), "{version}: {}", summary.window_ns);
    }
}

#[test]
fn goroutines_are_conserved() {
    for version in VERSIONS {
        let summary = summary_of(version);
        let g = &summary.goroutines;
        assert!(g.complete);
        assert_eq!(g.at_start + g.created - g.ended, g.alive, "{version}");
        assert_eq!(g.timeline.last().unwrap().last, g.alive, "{version}");
        let functions = &summary.functions;
        assert_eq!(functions.iter().map(|f| f.at_start).sum::<u64>(), g.at_start, "{version}");
        assert_eq!(functions.iter().map(|f| f.created).sum::<u64>(), g.created, "{version}");
        assert_eq!(functions.iter().map(|f| f.ended).sum::<u64>(), g.ended, "{version}");
        assert_eq!(summary.births.iter().map(|b| b.created).sum::<u64>(), g.created, "{version}");
        let workers = summary.births.iter().find(|b| b.function == "main.steps.func2").unwrap();
        let site = &summary.sites[workers.site.0].frames;
        assert!(workers.created >= 50 && workers.ended <= workers.created, "{version}: {workers:?}");
        assert_eq!(&*site[0].function, "main.steps", "{version}");
    }
}

/// The sum of all goroutines' time is their mean number times the window.
#[test]
fn time_is_conserved() {
    for version in VERSIONS {
        let summary = summary_of(version);
        let booked: u64 = summary.states.iter().map(|s| s.spans.total_ns).sum();
        let lived = summary.goroutines.mean * summary.window_ns as f64;
        let ratio = booked as f64 / lived;
        assert!((ratio - 1.0).abs() < 1e-3, "{version}: {ratio}");
        let waits: u64 = summary.waits.iter().map(|w| w.spans.total_ns).sum();
        let waiting = summary.states.iter().filter(|s| s.state == State::Waiting);
        assert_eq!(waits, waiting.map(|s| s.spans.total_ns).sum::<u64>(), "{version}");
        let running: u64 = summary.functions.iter().map(|f| f.running_ns).sum();
        let states = summary.states.iter().filter(|s| s.state == State::Running);
        assert_eq!(running, states.map(|s| s.spans.total_ns).sum::<u64>(), "{version}");
    }
}

#[test]
fn goroutines_that_never_moved_are_suspects_by_what_they_wait_for() {
    for version in VERSIONS {
        let summary = summary_of(version);
        let parked = |function: &str| summary.suspects.iter().find(|s| s.function == function);
        if !has_silent_stacks(version) {
            let unknown = summary.suspects.iter().find(|s| s.site == SiteId::UNKNOWN).unwrap();
            assert!(unknown.count >= 12 && unknown.reason.is_empty(), "{version}: {unknown:?}");
            continue;
        }
        for (function, reason) in [
            ("main.park.func1", "chan receive"),
            ("main.park.func2", "select"),
            ("main.park.func3", "sync"),
            ("main.park.func4", "sync.(*Cond).Wait"),
        ] {
            let group = parked(function).unwrap();
            assert_eq!((&*group.reason, group.count, group.examples.len()), (reason, 3, 3), "{version}");
            assert!(!group.system);
            let frames = &summary.sites[group.site.0].frames;
            let own = frames.iter().position(|f| &*f.function == function);
            assert!(own.is_some_and(|at| at <= 1), "{version}: {frames:?}");
        }
    }
}

/// Even where a goroutine that never moved has the slot of one that did.
#[test]
fn suspects_are_not_among_those_that_moved() {
    for version in VERSIONS {
        let summary = summary_of(version);
        let mut named: Vec<_> = summary.suspects.iter().flat_map(|s| &s.examples).collect();
        let all = named.len();
        named.sort();
        named.dedup();
        assert_eq!(named.len(), all, "{version}");
        let waiting = summary.states.iter().filter(|s| s.state == State::Waiting);
        let open: u64 = waiting.map(|s| s.spans.open).sum();
        assert!(summary.suspects.iter().map(|s| s.count).sum::<u64>() <= open, "{version}");
        let forced = summary.suspects.iter().find(|s| s.function == "runtime.forcegchelper");
        assert!(!has_silent_stacks(version) || forced.is_some_and(|s| s.count == 1), "{version}: {forced:?}");
    }
}

/// A stack taken when a goroutine began to wait and one taken of it later are one site.
#[test]
fn no_site_of_a_wait_starts_inside_the_runtime() {
    for version in VERSIONS {
        let summary = summary_of(version);
        for wait in &summary.waits {
            let frames = &summary.sites[wait.site.0].frames;
            let leaf = frames.first().map_or("", |f| &f.function);
            assert!(!leaf.starts_with("runtime.") || frames.len() == 1, "{version}: {frames:?}");
        }
    }
}

#[test]
fn regions_tasks_and_logs_are_counted_and_timed() {
    for version in VERSIONS {
        let summary = summary_of(version);
        let named = |list: &[linger_gotrace::summary::Named], name: &str| {
            list.iter().find(|n| n.name == name).unwrap().annotated
        };
        let [outer, deferred] = ["outer", "defer:unlock"].map(|name| named(&summary.regions, name));
        let task = named(&summary.tasks, "order");
        assert_eq!(outer.spans.count, deferred.spans.count);
        assert_eq!((outer.spans.count, outer.spans.open, outer.abandoned), (task.spans.count * 20, 0, 0));
        assert!(outer.spans.total_ns >= deferred.spans.total_ns && deferred.spans.max_ns > 0, "{version}");
        assert_eq!(summary.logs, [("step".to_owned(), outer.spans.count)], "{version}");
    }
}

#[test]
fn latencies_collections_and_stops_are_there() {
    for version in VERSIONS {
        let summary = summary_of(version);
        let histogram = &summary.latency;
        assert_eq!(histogram.buckets.iter().sum::<u64>(), histogram.spans.count);
        assert!(histogram.spans.count > 100 && histogram.spans.max_ns < summary.window_ns, "{version}");
        assert!(summary.gc.mark.count > 0 && summary.gc.heap.max_bytes > 1 << 20, "{version}");
        assert!(summary.stops.iter().any(|(kind, spans)| kind == "GC mark termination" && spans.count > 0));
        assert!(summary.syscalls.iter().any(|(site, _)| {
            summary.sites[site.0].frames.iter().any(|frame| &*frame.function == "os.Open")
        }));
    }
}

/// Who unlocked a mutex, who sent: the waits of a worker end by another's call.
#[test]
fn waits_say_who_ended_them() {
    for version in VERSIONS {
        let summary = summary_of(version);
        let waits = summary.waits.iter().filter(|w| w.reason == "chan send" || w.reason == "chan receive");
        let ended: Vec<_> = waits.flat_map(|wait| &wait.woken_by).collect();
        let by_program = ended.iter().filter(|by| {
            summary.sites[by.site.0].frames.iter().any(|frame| frame.function.starts_with("main.steps"))
        });
        assert!(by_program.map(|by| by.spans.count).sum::<u64>() > 10, "{version}");
    }
}

#[test]
fn a_failing_source_is_an_error_that_says_where() {
    let trace = recording("go1.27");
    for from in [0, 10, 100, trace.len() as u64 / 2] {
        let source = Failing { bytes: &trace, from };
        let failed = read(&source, &Options::default(), &mut linger_gotrace::summary::Summarizer::new());
        assert!(matches!(failed, Err(Error::Read { .. })), "{from}: {failed:?}");
    }
}

#[test]
fn limits_are_named_when_they_are_passed() {
    let trace = recording("go1.27");
    let mut options = Options::default();
    options.limits.goroutines_max = 10;
    let (refused, _) = summarise(&trace, &options);
    assert_eq!(refused.unwrap_err().to_string(), "beyond goroutines_max (10)");
    let mut options = Options::default();
    options.limits.trace_bytes_max = 1000;
    let (refused, _) = summarise(&trace, &options);
    assert_eq!(refused.unwrap_err().to_string(), "beyond trace_bytes_max (1000)");
    for limit in ["threads_max", "procs_max", "open_max", "names_max", "tables_bytes_max", "index_bytes_max"]
    {
        let mut options = Options::default();
        match limit {
            "threads_max" => options.limits.threads_max = 1,
            "procs_max" => options.limits.procs_max = 1,
            "open_max" => options.limits.open_max = 0,
            "names_max" => options.limits.names_max = 0,
            "tables_bytes_max" => options.limits.tables_bytes_max = 100,
            _ => options.limits.index_bytes_max = 100,
        }
        let (refused, _) = summarise(&trace, &options);
        assert!(refused.unwrap_err().to_string().starts_with(&format!("beyond {limit} (")), "{limit}");
    }
}

/// A trace of two megabytes may have half a million frames that name one function of a kilobyte.
#[test]
fn a_text_is_held_once_however_many_frames_have_it() {
    let summary = summary_of("go1.27");
    let frames = || summary.sites.iter().flat_map(|site| &site.frames);
    let first = frames().find(|frame| &*frame.function == "main.steps").unwrap();
    let same: Vec<_> = frames().filter(|frame| frame.function == first.function).collect();
    assert!(same.len() > 1 && same.iter().all(|frame| Arc::ptr_eq(&frame.function, &first.function)));
}
