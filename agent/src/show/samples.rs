//! Reports to draw in tests: a shop whose cart leaks goroutines and piles up defers.

mod pending;

pub(super) use pending::{counted, defers, held_at_one_site, nothing_seen};

use super::{Layout, Screen};
use crate::report::{
    AgentStatus, AlertStatus, ClockJump, CollectorStatus, CostBasis, Dot, Growth, KeptTrace, Query,
    QuerySeries, Range, Reload, Scraped, SiteText, Status, StoreStatus, TargetStatus, TargetTrend, Traces,
    Trend, TrendSeries,
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

/// A document has to show what a command prints, below that command: the golden page for terminals. [`WRITE`] writes it
/// there too.
#[track_caller]
pub(super) fn check_shown(document: &str, command: &str, page: &str) {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(folder.join(format!("src/show/golden/{page}.terminal.txt"))).unwrap();
    let file = folder.join("..").join(document);
    let text = std::fs::read_to_string(&file).unwrap();
    let (before, rest) = text.split_once(&format!("\n$ {command}\n")).expect("the document has the command");
    let (shown, after) = rest.split_once("```").expect("the block ends");
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(&file, format!("{before}\n$ {command}\n{page}```{after}")).unwrap();
    } else {
        assert!(shown == page, "{document} shows another page; {WRITE}=1 writes it. Drawn now:\n{page}");
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
