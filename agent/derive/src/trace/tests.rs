//! Figures from summaries written by hand, and from traces that real programs wrote (tests/recordings).

use super::blocked::SYSCALL;
use super::{Figures, Known, figures};
use crate::site::StartLines;
use crate::{Frame, GoRoot};
use linger_gotrace::summary::{
    Annotated, Frame as TraceFrame, FunctionCount, Named, Site, SiteId, Spans, Summarizer, Summary, Wait,
};
use linger_gotrace::{Options, read};
use linger_series::metric::OTHER_SITE;
use std::path::Path;

const SECOND_NS: u64 = 1_000_000_000;

/// A summary of half a second with these sites, each one frame; the first two are those of nothing and of the rest.
fn summary(sites: &[(&str, u32)]) -> Summary {
    let mut summary = Summarizer::new().finish(None);
    summary.window_ns = SECOND_NS / 2;
    summary.sites = vec![Site::default(), Site::default()];
    summary.sites.extend(sites.iter().map(|(function, line)| {
        let frame = TraceFrame { function: (*function).into(), file: "/src/f.go".into(), line: *line };
        Site { frames: vec![frame] }
    }));
    summary
}

fn wait(reason: &str, site: usize, total_ns: u64) -> Wait {
    let spans = Spans { count: 1, total_ns, ..Spans::default() };
    Wait { reason: reason.into(), site: SiteId(site), spans, woken_by: Vec::new() }
}

#[track_caller]
fn told(summary: &Summary, sites_max: usize) -> Figures {
    told_with(summary, sites_max, &StartLines::default())
}

#[track_caller]
fn told_with(summary: &Summary, sites_max: usize, start_lines: &StartLines) -> Figures {
    let known = Known { go_root: &GoRoot::default(), start_lines, sites_max };
    figures(summary, &known).unwrap()
}

fn blocked(figures: &Figures) -> Vec<(&str, &str, f64)> {
    figures.blocked.iter().map(|b| (&*b.reason, &*b.site.id, b.seconds_per_second)).collect()
}

#[test]
fn a_window_without_length_tells_nothing() {
    let empty = Summarizer::new().finish(None);
    let (go_root, start_lines) = (GoRoot::default(), StartLines::default());
    assert_eq!(figures(&empty, &Known { go_root: &go_root, start_lines: &start_lines, sites_max: 9 }), None);
}

#[test]
fn births_and_deaths_are_rates_and_the_rest_is_summed() {
    let count = |function: &str, created, ended| FunctionCount {
        function: function.into(),
        system: false,
        at_start: 1,
        created,
        ended,
        running_ns: 0,
    };
    #[track_caller]
    fn check(functions: Vec<FunctionCount>, sites_max: usize, expected: &[(&str, f64, f64)]) {
        let mut summary = summary(&[]);
        summary.functions = functions;
        let figures = told(&summary, sites_max);
        let rows: Vec<_> = figures
            .functions
            .iter()
            .map(|f| (&*f.function, f.created_per_second, f.ended_per_second))
            .collect();
        assert_eq!(rows, expected);
    }
    check(vec![count("main.a", 3, 1), count("main.idle", 0, 0)], 9, &[("main.a", 6.0, 2.0)]);
    check(vec![count("", 0, 4)], 9, &[("unknown", 0.0, 8.0)]);
    check(
        vec![count("main.a", 1, 0), count("main.b", 5, 5), count("main.c", 2, 1), count("", 0, 1)],
        2,
        &[("main.b", 10.0, 10.0), ("main.c", 4.0, 2.0), (OTHER_SITE, 2.0, 2.0)],
    );
    // One function in the source.
    check(
        vec![count("main.m[go.shape.int]", 1, 0), count("main.m[go.shape.string]", 2, 0)],
        9,
        &[("main.m[...]", 6.0, 0.0)],
    );
}

#[test]
fn blocked_time_is_told_by_reason_and_site_and_conserved() {
    let mut summary = summary(&[("main.f", 47), ("main.g", 9), ("main.h", 3)]);
    summary.waits = vec![
        wait("chan receive", 2, 3 * SECOND_NS),
        wait("sync", 2, SECOND_NS),
        wait("sync", 3, SECOND_NS / 2),
        wait("sync", 4, SECOND_NS / 4),
        wait("", 0, SECOND_NS / 2),
        wait("select", SiteId::OTHER.0, SECOND_NS / 2),
    ];
    summary.syscalls = vec![(SiteId(3), Spans { open: 1, total_ns: SECOND_NS / 2, ..Spans::default() })];
    assert_eq!(
        blocked(&told(&summary, 9)),
        [
            ("chan receive", "main.f:47", 6.0),
            ("sync", "main.f:47", 2.0),
            ("sync", "main.g:9", 1.0),
            (SYSCALL, "main.g:9", 1.0),
            ("select", OTHER_SITE, 1.0),
            ("unknown", "unknown", 1.0),
            ("sync", "main.h:3", 0.5),
        ]
    );
    assert_eq!(
        blocked(&told(&summary, 2)),
        [
            ("chan receive", "main.f:47", 6.0),
            ("sync", "main.f:47", 2.0),
            ("select", OTHER_SITE, 1.0),
            ("sync", OTHER_SITE, 1.5),
            (SYSCALL, OTHER_SITE, 1.0),
            ("unknown", OTHER_SITE, 1.0),
        ]
    );
}

#[test]
fn what_the_summary_could_not_tell_apart_joins_the_rest() {
    let mut summary = summary(&[("main.f", 1)]);
    summary.waits =
        vec![wait("sync", SiteId::OTHER.0, 3 * SECOND_NS), wait("sync", 2, SECOND_NS), wait("sync", 0, 1)];
    let figures = told(&summary, 1);
    assert_eq!(figures.blocked.len(), 1);
    assert_eq!(
        (&*figures.blocked[0].site.id, figures.blocked[0].seconds_per_second.round()),
        (OTHER_SITE, 8.0)
    );
}

#[test]
fn a_trace_that_makes_up_reasons_makes_no_series_of_them() {
    let mut summary = summary(&[("main.f", 1)]);
    summary.waits = (0..100).map(|i| wait(&format!("reason {i:03}"), 2, SECOND_NS)).collect();
    let figures = told(&summary, 1000);
    let reasons: Vec<&str> = figures.blocked.iter().map(|b| &*b.reason).collect();
    assert_eq!((reasons.len(), reasons[0]), (33, "other"));
    let sum: f64 = figures.blocked.iter().map(|b| b.seconds_per_second).sum();
    assert_eq!(sum, 200.0);
}

#[test]
fn a_line_is_counted_from_the_functions_start_once_a_profile_has_told_it() {
    let mut summary = summary(&[("main.f", 47)]);
    summary.waits = vec![wait("sync", 2, SECOND_NS)];
    let mut start_lines = StartLines::default();
    start_lines.learn([Frame { function: "main.f", start_line: 40, ..Frame::default() }]);
    let figures = told_with(&summary, 9, &start_lines);
    assert_eq!(blocked(&figures), [("sync", "main.f+7", 2.0)]);
    assert_eq!((&*figures.blocked[0].site.file, figures.blocked[0].site.line), ("/src/f.go", 47));
}

#[test]
fn stops_of_the_world_are_told_by_what_for() {
    let mut summary = summary(&[]);
    let spans = |count, total_ns, max_ns| Spans { count, open: 0, total_ns, max_ns };
    summary.stops =
        vec![("GC mark termination".into(), spans(4, 1_000_000, 600_000)), ("".into(), spans(1, 500, 500))];
    let stops = told(&summary, 9).stops;
    let rows: Vec<_> =
        stops.iter().map(|s| (&*s.reason, s.seconds_per_second, s.max_seconds, s.stops_per_second)).collect();
    assert_eq!(rows, [("GC mark termination", 0.002, 0.0006, 8.0), ("unknown", 1e-6, 5e-7, 2.0)]);
    summary.stops = (0..40).map(|i| (format!("kind {i:02}"), spans(1, 100, 100))).collect();
    let stops = told(&summary, 9).stops;
    assert_eq!((stops.len(), &*stops[32].reason, stops[32].stops_per_second), (33, OTHER_SITE, 16.0));
}

#[test]
fn annotated_defers_are_told_by_name_and_other_regions_are_not() {
    let region = |name: &str, count, open, total_ns, begun_before| {
        let mut annotated = Annotated::default();
        annotated.spans = Spans { count, open, total_ns, max_ns: total_ns };
        annotated.begun_before = begun_before;
        Named { name: name.into(), annotated }
    };
    let mut summary = summary(&[]);
    summary.regions = vec![
        region("defer:unlock", 3, 1, SECOND_NS / 5, 2),
        region("request", 9, 0, SECOND_NS, 0),
        region("defer:close", 0, 0, 0, 1),
        region("defer:", 0, 1, SECOND_NS / 2, 0),
    ];
    let holds = told(&summary, 9).holds;
    let rows: Vec<_> = holds.iter().map(|h| (&*h.name, h.mean_seconds, h.calls_per_second, h.open)).collect();
    assert_eq!(
        rows,
        [
            ("unlock", Some(0.05), 10.0, 1),
            // Registered before the window: that it ran is known, and nothing of how long it was pending.
            ("close", None, 2.0, 0),
            ("unknown", Some(0.5), 0.0, 1),
        ]
    );
    let holds = told(&summary, 1).holds;
    assert_eq!(
        (holds.len(), &*holds[1].name, holds[1].open, holds[1].calls_per_second),
        (2, OTHER_SITE, 1, 2.0)
    );
}

/// The recorded program is `tests/bench/trace/load`, "short".
#[test]
fn recorded_programs_are_told_as_they_were() {
    for version in ["go1.22", "go1.23", "go1.24", "go1.25", "go1.26", "go1.27"] {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/recordings");
        let trace = std::fs::read(Path::new(path).join(version).join("short.trace")).unwrap();
        let mut summarizer = Summarizer::new();
        let end = read(&trace.as_slice(), &Options::default(), &mut summarizer).unwrap().end;
        let summary = summarizer.finish(Some(end));
        let figures = told(&summary, 200);

        let window = figures.window_seconds;
        let created: f64 = figures.functions.iter().map(|f| f.created_per_second).sum();
        assert!((created * window - summary.goroutines.created as f64).abs() < 1e-6, "{version}");
        let workers = figures.functions.iter().find(|f| f.function == "main.steps.func2").unwrap();
        assert!(workers.created_per_second * window >= 50.0, "{version}: {workers:?}");

        let all: f64 = figures.blocked.iter().map(|b| b.seconds_per_second).sum();
        let waits: u64 = summary.waits.iter().map(|w| w.spans.total_ns).sum();
        let syscalls: u64 = summary.syscalls.iter().map(|(_, spans)| spans.total_ns).sum();
        assert!((all - (waits + syscalls) as f64 / summary.window_ns as f64).abs() < 1e-6, "{version}");
        let at = |site: &str| {
            let there = figures.blocked.iter().filter(|b| b.site.function.starts_with(site));
            there.map(|b| b.seconds_per_second).sum::<f64>()
        };
        // Three goroutines wait in each of four ways, from before the trace on.
        if version == "go1.22" {
            assert!(figures.blocked.iter().any(|b| b.site.id == "unknown" && b.seconds_per_second >= 12.0));
        } else {
            for function in ["main.park.func1", "main.park.func2", "main.park.func3", "main.park.func4"] {
                assert!((at(function) - 3.0).abs() < 1e-9, "{version}: {function} {}", at(function));
            }
        }
        let unlock = figures.holds.iter().find(|h| h.name == "unlock").unwrap();
        assert!(
            unlock.mean_seconds.is_some_and(|s| s < 0.01) && unlock.calls_per_second > 100.0,
            "{version}"
        );
        assert!(figures.latency.count > 100 && figures.latency.at_most[10] <= figures.latency.count);
        assert!(figures.gc_mark > 0.0 && figures.gc_goal_bytes.is_some_and(|bytes| bytes > 0), "{version}");
        assert!(
            figures.stops.iter().any(|s| s.reason == "GC mark termination"),
            "{version}: {:?}",
            figures.stops
        );
        assert_eq!(told(&summary, 3).functions.len(), 4);
    }
}
