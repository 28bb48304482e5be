//! Reports to draw in tests: a shop whose cart leaks goroutines and piles up defers.

use super::{Layout, Screen};
use crate::report::{
    AgentStatus, AlertStatus, ClockJump, CollectorStatus, CostBasis, DeferCpu, DeferSite, DeferStranded,
    Defers, DefersHeld, DefersRunning, Dot, Growth, HeldBy, HeldGoroutines, HeldSite, Holders,
    InDeferredCall, KeptTrace, Query, QuerySeries, Range, Reload, Scraped, SiteText, StackFrame, Status,
    StoreStatus, TargetDefers, TargetStatus, TargetTrend, Traces, Trend, TrendSeries,
};
use std::collections::BTreeMap;
use unicode_width::UnicodeWidthStr;

/// 2026-11-24 13:12:05 in Berlin, as in [`Screen::for_tests`].
const NOW_MS: i64 = 1_795_522_325_000;
const MINUTE_MS: i64 = 60_000;
const WIDTH: usize = 100;
const RANGE: Range = Range { from_ms: NOW_MS - 60 * MINUTE_MS, to_ms: NOW_MS };

/// Asks the tests to write the golden pages instead of comparing: look at the difference before it stays.
const WRITE: &str = "LINGER_WRITE_GOLDEN";

/// The page in both layouts, without colours, must be `golden/NAME.terminal.txt` and `golden/NAME.pipe.txt`.
#[track_caller]
pub(super) fn check_golden(name: &str, draw: impl Fn(&Screen) -> String) {
    for (layout, kind) in [(Layout::Terminal { width: WIDTH }, "terminal"), (Layout::Pipe, "pipe")] {
        let page = anstream::adapter::strip_str(&draw(&Screen::for_tests(layout))).to_string();
        let file = format!("{}/src/show/golden/{name}.{kind}.txt", env!("CARGO_MANIFEST_DIR"));
        if std::env::var_os(WRITE).is_some() {
            std::fs::write(&file, &page).unwrap();
        }
        let expected = std::fs::read_to_string(&file).unwrap();
        assert!(page == expected, "{file} differs; {WRITE}=1 writes it. Drawn now:\n{page}");
        let too_wide = page.lines().find(|line| kind == "terminal" && line.width() > WIDTH);
        assert_eq!(too_wide, None, "wider than the terminal");
        assert!(!page.contains(['\x1b', '\u{202e}']) && page.ends_with('\n') && !page.ends_with("\n\n"));
    }
}

fn site() -> SiteText {
    SiteText {
        site: "github.com/acme/shop/cart.(*Cart).hold.func1+7".into(),
        function: "github.com/acme/shop/cart.(*Cart).hold.func1".into(),
        file: "/src/shop/cart/cart.go".into(),
        line: 88,
        blocked_at: "github.com/acme/shop/cart.(*Cart).hold.func1 /src/shop/cart/cart.go:88".into(),
        entry: "github.com/acme/shop/cart.(*Cart).hold /src/shop/cart/cart.go:81".into(),
    }
}

/// One point a minute, from `minute` on.
fn points(from_minute: i64, value: impl Fn(f64) -> f64) -> Vec<Dot> {
    (from_minute..=60).map(|m| (RANGE.from_ms + m * MINUTE_MS - 7_000, value(m as f64))).collect()
}

fn series(class: &str, site: SiteText, last: f64, points: Vec<Dot>) -> TrendSeries {
    TrendSeries {
        name: "linger_goroutines_at_site".into(),
        labels: BTreeMap::new(),
        class: Some(class.into()),
        site: Some(site),
        last_ms: NOW_MS - 7_000,
        last,
        slope_per_hour: None,
        interval: None,
        no_slope_because: None,
        rising_since_ms: None,
        rising_since_before: false,
        points,
    }
}

pub(super) fn trend() -> Trend {
    let leak = TrendSeries {
        slope_per_hour: Some(1_230.4),
        interval: Some([1_101.0, 1_299.6]),
        rising_since_ms: Some(NOW_MS - 31 * MINUTE_MS),
        ..series("chan send", site(), 640.0, points(21, |m| (m - 29.0).max(0.0) * 20.6))
    };
    let pool = TrendSeries {
        slope_per_hour: Some(0.0),
        interval: Some([-2.0, 2.0]),
        ..series(
            "io",
            SiteText {
                function: "net/http.(*conn).serve".into(),
                file: "/usr/local/go/src/net/http/server.go".into(),
                line: 2_121,
                blocked_at: "internal/poll.(*FD).Read /usr/local/go/src/internal/poll/fd_unix.go:165".into(),
                entry: "net/http.(*Server).Serve /usr/local/go/src/net/http/server.go:3484".into(),
                ..SiteText::default()
            },
            1_000.0,
            points(21, |_| 1_000.0),
        )
    };
    let young = TrendSeries {
        no_slope_because: Some("3 points since the restart, 8 are needed".into()),
        ..series(
            "select",
            SiteText { site: "other".into(), ..SiteText::default() },
            12.0,
            points(58, |_| 12.0),
        )
    };
    let total = TrendSeries {
        slope_per_hour: Some(1_229.0),
        interval: Some([1_100.0, 1_300.0]),
        rising_since_ms: Some(RANGE.from_ms),
        rising_since_before: true,
        ..series("", SiteText::default(), 1_652.0, {
            let mut all =
                points(0, |m| if m < 20.0 { 1_400.0 } else { 1_012.0 + (m - 29.0).max(0.0) * 20.6 });
            all.retain(|&(t, _)| !(8..13).contains(&((t - RANGE.from_ms) / MINUTE_MS)));
            all
        })
    };
    Trend {
        version: 1,
        range: RANGE,
        targets: vec![TargetTrend {
            target: "api".into(),
            total: Some(total),
            series: vec![leak, pool, young],
            sites_left_out: 14,
            restarts_ms: vec![RANGE.from_ms + 20 * MINUTE_MS],
            gaps_ms: vec![[RANGE.from_ms + 8 * MINUTE_MS, RANGE.from_ms + 13 * MINUTE_MS]],
            sites_as_of_ms: Some(NOW_MS - 7_000),
        }],
    }
}

pub(super) fn empty_trend() -> Trend {
    let target = TargetTrend {
        target: "api".into(),
        total: None,
        series: vec![],
        sites_left_out: 0,
        restarts_ms: vec![],
        gaps_ms: vec![],
        sites_as_of_ms: None,
    };
    Trend { version: 1, range: RANGE, targets: vec![target] }
}

pub(super) fn store() -> StoreStatus {
    StoreStatus {
        oldest_ms: Some(NOW_MS - 15 * 24 * 60 * MINUTE_MS),
        newest_ms: Some(NOW_MS - 26 * 60 * MINUTE_MS),
        series: 1_234,
        samples_acknowledged: 99,
        disk_bytes: 12_690_000,
        ..StoreStatus::default()
    }
}

pub(super) fn defers() -> Defers {
    let pile = DeferSite {
        kind: "heap".into(),
        function: "github.com/acme/shop/cart.(*Cart).drain".into(),
        file: "/src/shop/cart/cart.go".into(),
        line: 131,
        site: "github.com/acme/shop/cart.(*Cart).drain+9".into(),
        pending: 49_200.0,
        interval: Some([36_000.0, 65_500.0]),
        method: "heap profile".into(),
        exact: false,
        by_other_methods: BTreeMap::new(),
        held_by: None,
        holders: Vec::new(),
        grows_like_open_files: false,
        growth_per_second: Some(3.34),
        growth_per_hour: Some(Growth {
            slope_per_hour: 12_020.0,
            interval: [11_000.0, 13_100.0],
            points: 60,
        }),
        no_growth_because: None,
        rising_since_ms: Some(NOW_MS - 40 * MINUTE_MS),
        rising_since_before: false,
        points: points(10, |m| (m - 20.0).max(0.0) * 1_230.0),
    };
    Defers {
        version: 1,
        range: RANGE,
        site: None,
        targets: vec![TargetDefers {
            target: "api".into(),
            sites: vec![pile],
            sites_left_out: 1,
            sites_elsewhere: Vec::new(),
            open_files_growth_per_hour: None,
            floor: Some(33_000.0),
            as_of_ms: Some(NOW_MS - 20_000),
            held: None,
            stranded: Vec::new(),
            running: None,
            executed: vec![DeferCpu {
                kind: "stack".into(),
                function: "github.com/acme/shop/cart.(*Cart).lock".into(),
                cpu_ratio: 0.0123,
                cpu_ratio_interval: [0.0101, 0.0149],
                calls_per_second: 1_640_000.0,
                calls_per_second_interval: [675_000.0, 3_970_000.0],
                samples: 112,
            }],
            cpu_window_s: 300.0,
            executed_floor: BTreeMap::from([("heap".into(), 2_600.0), ("range".into(), 520.0)]),
            restarts_ms: vec![],
            blind: vec![
                "open-coded defers leave no record in the runtime: only process memory shows them".into(),
                "defers of running goroutines".into(),
            ],
        }],
    }
}

/// The same pile, counted in the process's memory.
pub(super) fn counted() -> Defers {
    let mut defers = defers();
    let Some(target) = defers.targets.first_mut() else { return defers };
    let Some(pile) = target.sites.first_mut() else { return defers };
    let held_by = |goroutines, most_in_one| Some(HeldSite { goroutines, most_in_one, ..HeldSite::default() });
    *pile = DeferSite {
        pending: 50_113.0,
        interval: Some([50_113.0, 50_113.0]),
        method: "process memory".into(),
        exact: true,
        by_other_methods: BTreeMap::from([("heap profile".to_owned(), 49_200.0)]),
        held_by: held_by(1, 50_113),
        holders: vec![holders("chan receive", "github.com/acme/shop/cart.(*Cart).drain", 133, 1, 50_113)],
        ..pile.clone()
    };
    let open = DeferSite {
        kind: "open".into(),
        function: "github.com/acme/shop/cart.(*Cart).lock".into(),
        line: 40,
        pending: 12.0,
        interval: None,
        exact: false,
        by_other_methods: BTreeMap::new(),
        growth_per_second: None,
        growth_per_hour: None,
        no_growth_because: Some("5 points, 8 are needed".into()),
        rising_since_ms: None,
        points: points(56, |_| 12.0),
        held_by: held_by(12, 1),
        holders: vec![holders("sync.Mutex.Lock", "github.com/acme/shop/stock.(*Shelf).take", 77, 9, 9)],
        ..pile.clone()
    };
    let place = |function: &str, line| SiteText {
        function: function.into(),
        file: "/src/shop/cart/cart.go".into(),
        line,
        ..SiteText::default()
    };
    let holder = HeldBy {
        goroutine: 81,
        parent: 1,
        state: "chan receive".into(),
        pending: 50_113,
        exact: true,
        seen_since_ms: NOW_MS - 40 * MINUTE_MS,
        pending_when_seen: 12_000,
        waits_at_least_s: Some(2_280.0),
        at: place("github.com/acme/shop/cart.(*Cart).drain", 133),
        created_at: place("github.com/acme/shop/cart.New", 28),
        ..HeldBy::default()
    };
    let outcomes = [("exact", 1_203), ("running", 1)].map(|(outcome, n)| (outcome.to_owned(), n));
    target.stranded =
        vec![DeferStranded { at: place("github.com/acme/shop/cart.(*Cart).wait", 77), pending: 12 }];
    let inside = |how: &str, function, line, call: &str, goroutines| InDeferredCall {
        how: how.into(),
        at: place(function, line),
        call: call.into(),
        goroutines,
    };
    target.running = Some(DefersRunning {
        at_ms: NOW_MS - 5_000,
        inside: vec![
            inside("return", "github.com/acme/shop/cart.(*Cart).sell", 51, "sync.(*Mutex).Unlock", 1_200),
            inside(
                "panic",
                "github.com/acme/shop/cart.(*Cart).price",
                60,
                "github.com/acme/shop/db.(*Tx).Rollback",
                3,
            ),
        ],
    });
    target.held = Some(DefersHeld {
        at_ms: NOW_MS - 20_000,
        goroutines: HeldGoroutines { alive: 1_204, by_outcome: outcomes.into() },
        most_loaded: vec![
            holder.clone(),
            HeldBy {
                goroutine: 17,
                state: "running".into(),
                pending: 2,
                pending_when_seen: 2,
                waits_at_least_s: None,
                at: SiteText::default(),
                exact: false,
                ..holder
            },
        ],
        open_files: Some(50_131),
        ..DefersHeld::default()
    });
    target.floor = None;
    target.blind = vec!["1 goroutines were running: their open-coded defers cannot be read".into()];
    target.sites.push(open);
    defers
}

/// Goroutines that hold `pending` defers, from one place.
fn holders(state: &str, function: &str, line: u64, goroutines: u64, pending: u64) -> Holders {
    let at = |function: &str, line| SiteText {
        function: function.into(),
        file: "/src/shop/cart/cart.go".into(),
        line,
        ..SiteText::default()
    };
    Holders {
        goroutines,
        pending,
        most_in_one: pending / goroutines,
        exact: true,
        state: state.into(),
        waits_at_least_s: Some(2_280.0),
        oldest: 81,
        oldest_seen_since_ms: NOW_MS - 40 * MINUTE_MS,
        at: at(function, line),
        created_at: at("github.com/acme/shop/cart.New", 28),
        ..Holders::default()
    }
}

/// One of them, as `--site` asks for it.
pub(super) fn held_at_one_site() -> Defers {
    let mut defers = counted();
    defers.site = Some("cart.go:131".into());
    let Some(target) = defers.targets.first_mut() else { return defers };
    target.sites.truncate(1);
    target.sites_left_out = 0;
    target.open_files_growth_per_hour =
        Some(Growth { slope_per_hour: 12_018.0, interval: [11_002.0, 13_090.0], points: 60 });
    let Some(pile) = target.sites.first_mut() else { return defers };
    pile.grows_like_open_files = true;
    pile.held_by = Some(HeldSite { goroutines: 3, most_in_one: 40_000, ..HeldSite::default() });
    let frame =
        |function: &str, file: &str, line| StackFrame { function: function.into(), file: file.into(), line };
    pile.holders = vec![
        Holders {
            stack: vec![
                frame("runtime.gopark", "/usr/local/go/src/runtime/proc.go", 474),
                frame("runtime.chanrecv1", "/usr/local/go/src/runtime/chan.go", 489),
                frame("github.com/acme/shop/cart.(*Cart).drain", "/src/shop/cart/cart.go", 133),
            ],
            frames_left_out: 7,
            ..holders("chan receive", "github.com/acme/shop/cart.(*Cart).drain", 133, 2, 50_000)
        },
        Holders {
            state: "running".into(),
            exact: false,
            waits_at_least_s: None,
            at: SiteText::default(),
            oldest: 17,
            ..holders("", "", 0, 1, 110)
        },
    ];
    if let Some(held) = &mut target.held {
        held.most_loaded.truncate(1);
    }
    defers
}

pub(super) fn nothing_seen() -> Defers {
    let mut defers = defers();
    if let Some(target) = defers.targets.first_mut() {
        target.sites.clear();
        target.executed.clear();
        target.sites_left_out = 0;
        target.blind.clear();
    }
    defers
}

pub(super) fn query() -> Query {
    let labels = |site: &str| {
        BTreeMap::from([
            ("class".to_owned(), "chan send".to_owned()),
            ("site".to_owned(), site.to_owned()),
            ("target".to_owned(), "api".to_owned()),
        ])
    };
    let series = |site: &str, points| QuerySeries {
        name: "linger_goroutines_at_site".into(),
        labels: labels(site),
        points,
    };
    Query {
        version: 1,
        range: RANGE,
        series: vec![
            series("github.com/acme/shop/cart.(*Cart).hold.func1+7", points(0, |m| m * 20.0)),
            series("evil\x1b[2J\u{202e}\"|", points(30, |_| 0.5)),
        ],
    }
}

fn collector(name: &str, state: &str, every_s: f64) -> CollectorStatus {
    CollectorStatus {
        collector: name.into(),
        state: state.into(),
        last_ok_ms: Some(NOW_MS - 2_000),
        last_ok_every_s: Some(every_s),
        every_s,
        every_configured_s: every_s,
        duration_s: Some(0.0012),
        bytes: Some(2_150),
        cost_s: Some(0.0004),
        cost_measured: true,
        successes: 720,
        ..CollectorStatus::default()
    }
}

fn target() -> TargetStatus {
    TargetStatus {
        target: "api".into(),
        url: "http://127.0.0.1:6060".into(),
        labels: BTreeMap::from([("job".to_owned(), "shop".to_owned())]),
        up: true,
        state: "up".into(),
        next_step: None,
        goroutines: Some((NOW_MS - 2_000, 49_612.0)),
        incarnation: Some(3),
        incarnation_since_ms: Some(NOW_MS - 32 * MINUTE_MS),
        duty_cycle: 0.0012,
        duty_cycle_max: 0.005,
        cost_basis: CostBasis {
            pid: Some(4_711),
            measured: 5,
            predicted: 1,
            because: Some("the service's own work hides what some requests cost".into()),
        },
        restarts: 0,
        defers_held: Vec::new(),
        collectors: vec![
            collector("count", "ok", 5.0),
            CollectorStatus {
                every_s: 60.0,
                duration_s: Some(0.31),
                bytes: Some(17_408),
                ..collector("goroutine", "ok", 15.0)
            },
            CollectorStatus {
                detail: Some("Could not enable CPU profiling: cpu profiling already in use".into()),
                next_step: Some("another profiler runs in the service; retried with jitter".into()),
                last_ok_ms: Some(NOW_MS - 4 * MINUTE_MS),
                duration_s: Some(5.01),
                bytes: Some(11_300),
                failures: 3,
                successes: 40,
                ..collector("cpu", "busy", 60.0)
            },
            CollectorStatus {
                last_ok_ms: None,
                duration_s: None,
                bytes: None,
                successes: 0,
                ..collector("trace", "off", 600.0)
            },
        ],
    }
}

pub(super) fn status() -> Status {
    let down = TargetStatus {
        target: "worker".into(),
        url: "http://127.0.0.1:6061".into(),
        labels: BTreeMap::new(),
        up: false,
        state: "waiting for target".into(),
        next_step: Some(
            "nothing listens on 127.0.0.1:6061 yet: start the service, or correct the port".into(),
        ),
        goroutines: None,
        incarnation: None,
        incarnation_since_ms: None,
        duty_cycle: 0.0,
        collectors: vec![],
        ..target()
    };
    Status {
        version: 1,
        now_ms: NOW_MS,
        as_of_ms: NOW_MS,
        rules: vec![],
        judged: None,
        reload: None,
        discovery: None,
        clock_jump: None,
        agent: AgentStatus {
            time_scale: 1.0,
            running: true,
            linger: "0.1.0".into(),
            pid: Some(4_242),
            started_ms: NOW_MS - 130 * MINUTE_MS,
            listen: "127.0.0.1:6262".into(),
            data: "/var/lib/linger".into(),
            rss_bytes: Some(12_800_000),
            cpu_seconds: Some(7.8),
        },
        store: StoreStatus { newest_ms: Some(NOW_MS - 2_000), ..store() },
        targets: vec![target(), down],
        alerts: vec![
            AlertStatus {
                name: "DeferPile".into(),
                state: "firing".into(),
                since_ms: NOW_MS - 28 * MINUTE_MS,
                series: "linger_defers_pending".into(),
                labels: BTreeMap::from([("target".to_owned(), "api".to_owned())]),
                site: Some(site()),
                value: Some(49_200.0),
                value_low: Some(36_000.0),
                growth_per_hour: None,
                rule: "linger_defers_pending > 10,000 for 2m".into(),
            },
            AlertStatus {
                name: "GoroutineGrowth".into(),
                state: "pending".into(),
                since_ms: NOW_MS - 45_000,
                series: "linger_goroutines_at_site".into(),
                labels: BTreeMap::new(),
                site: None,
                value: Some(640.0),
                value_low: None,
                growth_per_hour: Some(Growth {
                    slope_per_hour: 1_230.0,
                    interval: [1_100.0, 1_300.0],
                    points: 60,
                }),
                rule: "linger_goroutines_at_site growing > 500/h for 10m".into(),
            },
        ],
    }
}

pub(super) fn stopped() -> Status {
    let agent =
        AgentStatus { running: false, pid: None, rss_bytes: None, cpu_seconds: None, ..status().agent };
    let store = StoreStatus {
        scrapes_dropped: 3,
        quarantined: 1,
        scrapes_refused: 2,
        last_refusal: Some("api/count: 12:04:07 is before the newest, 12:05:00".into()),
        ..store()
    };
    let reload = Some(Reload {
        at_ms: NOW_MS - 3 * MINUTE_MS,
        error: Some("linger.yaml has 2 faults\n  line 3".into()),
    });
    let clock_jump = Some(ClockJump { at_ms: NOW_MS - MINUTE_MS, by_s: -3_600.0 });
    Status { agent, store, targets: vec![], alerts: vec![], reload, clock_jump, ..status() }
}

pub(super) fn kept() -> Traces {
    let trace = |minutes: i64, cut: Option<&str>| KeptTrace {
        target: "api".into(),
        id: format!("{}-1a2b3c4d", NOW_MS - minutes * MINUTE_MS),
        at_ms: NOW_MS - minutes * MINUTE_MS,
        bytes: 418_211,
        go: "go 1.26".into(),
        window_s: 1.003,
        events: 61_234,
        cut: cut.map(str::to_owned),
    };
    Traces { version: 1, traces: vec![trace(2, None), trace(12, Some("it ends within its last generation"))] }
}

pub(super) fn scraped() -> Scraped {
    let trend = trend().targets.remove(0);
    let defers = nothing_seen().targets.remove(0);
    Scraped {
        version: 1,
        target: target(),
        trend,
        defers,
        findings: vec!["goroutines at cart.(*Cart).hold.func1 cart.go:88 grow by 1,230/h: chan send".into()],
        watched_s: 3_600.0,
    }
}
