//! Pages of traces: of a busy second, of a cut one with hostile names, of one that was silent.

use super::trace;
use crate::report::trace::{
    Latency, RuntimeOwn, TraceCreation, TraceFacts, TraceFunction, TraceGc, TraceGoroutines, TraceHeap,
    TraceLog, TraceNamed, TracePlace, TraceSamples, TraceSpans, TraceState, TraceSummary, TraceSuspects,
    TraceSyscall, TraceWait, TraceWoken,
};
use crate::show::samples::check_golden;
use std::collections::BTreeMap;

const SECOND_NS: u64 = 1_003_000_000;

fn place(function: &str, line: u32, at: &str) -> TracePlace {
    TracePlace {
        function: format!("github.com/acme/shop/cart.{function}"),
        file: "/src/shop/cart/cart.go".into(),
        line,
        at: at.into(),
        stack: Vec::new(),
    }
}

fn spans(count: u64, open: u64, total_ns: u64, max_ns: u64) -> TraceSpans {
    TraceSpans { count, open, total_ns, max_ns }
}

fn named(name: &str, spans: TraceSpans) -> TraceNamed {
    TraceNamed { name: name.into(), begun: spans.count + spans.open, spans, ..TraceNamed::default() }
}

fn state(state: &str, reason: &str, spans: TraceSpans) -> TraceState {
    TraceState { state: state.into(), reason: reason.into(), spans }
}

fn shop() -> TraceSummary {
    let hold = place(
        "(*Cart).hold.func1",
        88,
        "github.com/acme/shop/cart.(*Cart).hold.func1 /src/shop/cart/cart.go:88",
    );
    let drain = place("(*Cart).drain", 131, "");
    TraceSummary {
        version: 1,
        trace: TraceFacts {
            source: "/tmp/shop.trace".into(),
            format: "go 1.26".into(),
            go: "Go 1.26 or 1.27".into(),
            bytes: 418_211,
            generations: 2,
            end: "marked".into(),
            start_ms: Some(1_795_522_310_120),
            procs: Some(2),
        },
        window_ns: SECOND_NS,
        events_total: 61_234,
        events: BTreeMap::from([("GoBlock".into(), 9_000)]),
        truncated: false,
        missing: Vec::new(),
        goroutines: TraceGoroutines {
            at_start: 635,
            created: 1_240,
            ended: 1_219,
            alive: 656,
            mean: 645.4,
            min: 631,
            max: 668,
            created_per_second: 1_236.3,
            ended_per_second: 1_215.4,
            complete: true,
            point_ns: 1 << 23,
            timeline: (0..120).map(|i| [i << 23, 640 + i / 6, 642 + i / 6, 641 + i / 6]).collect(),
        },
        runtime_own: RuntimeOwn {
            at_start: 6,
            created: 1,
            ended: 0,
            running_ns: 12_400_000,
            silent: 3,
            blocked_ns: 5_900_000_000,
            syscalls_ns: 130_000,
        },
        functions: vec![
            TraceFunction {
                function: "github.com/acme/shop/cart.(*Cart).hold.func1".into(),
                at_start: 621,
                created: 20,
                ended: 0,
                alive: 641,
                running_ns: 1_400_000,
                created_at: vec![TraceCreation {
                    place: place("(*Cart).hold", 81, ""),
                    created: 20,
                    ended: 0,
                }],
            },
            TraceFunction {
                function: "net/http.(*conn).serve".into(),
                at_start: 8,
                created: 1_219,
                ended: 1_219,
                alive: 8,
                running_ns: 640_000_000,
                created_at: vec![
                    TraceCreation { place: drain.clone(), created: 800, ended: 800 },
                    TraceCreation { place: hold.clone(), created: 400, ended: 400 },
                    TraceCreation { place: drain.clone(), created: 19, ended: 19 },
                ],
            },
        ],
        suspects: vec![TraceSuspects {
            count: 621,
            reason: "chan send".into(),
            function: "github.com/acme/shop/cart.(*Cart).hold.func1".into(),
            place: hold.clone(),
            examples: (101..117).collect(),
        }],
        states: vec![
            state("waiting", "chan send", spans(12, 641, 628_000_000_000, SECOND_NS)),
            state("running", "", spans(9_120, 2, 690_000_000, 10_100_000)),
            state("runnable", "woken", spans(8_000, 0, 21_000_000, 3_400_000)),
            state("syscall", "", spans(2_438, 1, 900_000, 46_000)),
        ],
        waits: vec![
            TraceWait {
                reason: "chan send".into(),
                spans: spans(12, 641, 628_000_000_000, SECOND_NS),
                place: hold,
                woken_by: vec![TraceWoken { place: drain.clone(), count: 12, total_ns: 40_000_000 }],
                woken_by_others: 0,
            },
            TraceWait {
                reason: "network".into(),
                spans: spans(1_219, 8, 7_600_000_000, 990_000_000),
                place: TracePlace {
                    function: "net/http.(*conn).serve".into(),
                    file: "/usr/local/go/src/net/http/server.go".into(),
                    line: 2_121,
                    at: "internal/poll.(*FD).Read /usr/local/go/src/internal/poll/fd_unix.go:165".into(),
                    stack: Vec::new(),
                },
                woken_by: Vec::new(),
                woken_by_others: 1_219,
            },
        ],
        scheduler_latency: Latency {
            spans: spans(9_100, 0, 20_000_000, 3_400_000),
            p50_ns: 2_048,
            p90_ns: 16_384,
            p99_ns: 131_072,
            buckets: vec![[2_048, 5_000]],
        },
        scheduler_latency_yielded: Latency {
            spans: spans(3, 0, 1_000, 500),
            p50_ns: 256,
            p90_ns: 500,
            p99_ns: 500,
            buckets: vec![[256, 3]],
        },
        syscalls: vec![TraceSyscall {
            spans: spans(2_438, 1, 900_000, 46_000),
            place: place("save", 12, "syscall.write /usr/local/go/src/syscall/zsyscall_linux_amd64.go:964"),
        }],
        gc: TraceGc {
            mark: spans(3, 1, 4_100_000, 2_000_000),
            sweep: spans(18, 0, 700_000, 90_000),
            assist: spans(5, 0, 210_000, 99_000),
            swept_bytes: 9_000_000,
            reclaimed_bytes: 6_100_000,
            heap: Some(TraceHeap {
                first_bytes: 4_300_000,
                min_bytes: 4_200_000,
                max_bytes: 8_600_000,
                last_bytes: 7_900_000,
            }),
            goal: Some(TraceHeap {
                first_bytes: 8_400_000,
                min_bytes: 8_400_000,
                max_bytes: 8_400_000,
                last_bytes: 8_400_000,
            }),
        },
        stops: vec![named("GC mark termination", spans(3, 0, 96_000, 41_000))],
        tasks: vec![named("order", spans(40, 2, 900_000_000, 51_000_000))],
        regions: vec![TraceNamed {
            begun_before: 1,
            abandoned: 2,
            ..named("checkout", spans(40, 0, 600_000_000, 30_000_000))
        }],
        defers: vec![named("unlock", spans(1_219, 1, 2_000_000, 1_100_000))],
        logs: vec![
            TraceLog { category: "step".into(), count: 40 },
            TraceLog { category: String::new(), count: 1 },
        ],
        cpu_samples: vec![TraceSamples { samples: 66, place: drain }],
        left_out: BTreeMap::from([("waits".into(), 14), ("functions".into(), 1)]),
    }
}

#[test]
fn a_busy_second_is_told_most_urgent_first() {
    check_golden("trace", |screen| trace(&shop(), screen));
}

#[test]
fn a_cut_trace_says_what_is_missing_and_hostile_names_do_nothing() {
    let mut cut = shop();
    cut.truncated = true;
    cut.trace.end = "cut".into();
    cut.trace.start_ms = None;
    cut.trace.procs = None;
    cut.missing = vec!["the trace ends within its last generation".into(), "counts are too low".into()];
    cut.goroutines.complete = false;
    cut.left_out = BTreeMap::from([("suspects".into(), 2)]);
    let evil = "main.\x1b[31mevil\u{202e}\n".to_owned();
    cut.functions[0].function.clone_from(&evil);
    cut.suspects[0].place =
        TracePlace { function: evil.clone(), file: evil.clone(), at: evil.clone(), ..TracePlace::default() };
    cut.suspects[0].reason = String::new();
    cut.waits[0].reason.clone_from(&evil);
    cut.states[0].reason.clone_from(&evil);
    cut.stops[0].name.clone_from(&evil);
    cut.logs[0].category.clone_from(&evil);
    cut.regions[0].name.clone_from(&evil);
    cut.trace.source = evil;
    check_golden("trace-cut", |screen| trace(&cut, screen));
}

#[test]
fn where_nothing_happened_that_is_said() {
    let silent = TraceSummary {
        version: 1,
        trace: TraceFacts {
            source: "http://127.0.0.1:6060".into(),
            go: "Go 1.22".into(),
            end: "unmarked".into(),
            bytes: 3_500,
            ..TraceFacts::default()
        },
        window_ns: 50_000_000,
        events_total: 12,
        missing: vec!["before Go 1.26 a trace has no mark at its end".into()],
        goroutines: TraceGoroutines {
            at_start: 5,
            alive: 5,
            mean: 5.0,
            min: 5,
            max: 5,
            complete: true,
            point_ns: 1 << 20,
            timeline: vec![[0, 5, 5, 5]],
            ..TraceGoroutines::default()
        },
        ..TraceSummary::default()
    };
    check_golden("trace-silent", |screen| trace(&silent, screen));
}
