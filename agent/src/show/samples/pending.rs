//! The shop's defers: sampled, counted, held at one line, not seen at all.

use super::{MINUTE_MS, NOW_MS, RANGE, points};
use crate::report::{
    DeferCpu, DeferSite, DeferStranded, Defers, DefersHeld, DefersRunning, Growth, HeldBy, HeldGoroutines,
    HeldSite, Holders, InDeferredCall, SiteText, StackFrame, TargetDefers,
};
use std::collections::BTreeMap;

pub(in crate::show) fn defers() -> Defers {
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
pub(in crate::show) fn counted() -> Defers {
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
        holders: vec![holders("chan receive", at_drain(), 1, 50_113)],
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
        holders: vec![holders(
            "sync.Mutex.Lock",
            at("github.com/acme/shop/stock.(*Shelf).take", "/src/shop/stock/shelf.go", 77),
            9,
            9,
        )],
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
    target.blind = vec![
        "1 of the goroutines ran: their open-coded defers cannot be read, all others are counted".into(),
    ];
    target.sites.push(open);
    defers
}

fn at(function: &str, file: &str, line: u64) -> SiteText {
    SiteText { function: function.into(), file: file.into(), line, ..SiteText::default() }
}

fn at_drain() -> SiteText {
    at("github.com/acme/shop/cart.(*Cart).drain", "/src/shop/cart/cart.go", 133)
}

/// Goroutines that hold `pending` defers, from one place.
fn holders(state: &str, stand_at: SiteText, goroutines: u64, pending: u64) -> Holders {
    Holders {
        goroutines,
        pending,
        most_in_one: pending / goroutines,
        exact: true,
        state: state.into(),
        waits_at_least_s: Some(2_280.0),
        oldest: 81,
        oldest_seen_since_ms: NOW_MS - 40 * MINUTE_MS,
        at: stand_at,
        created_at: at("github.com/acme/shop/cart.New", "/src/shop/cart/cart.go", 28),
        ..Holders::default()
    }
}

/// One of them, as `--site` asks for it.
pub(in crate::show) fn held_at_one_site() -> Defers {
    let mut defers = counted();
    defers.site = Some("cart.go:131".into());
    let Some(target) = defers.targets.first_mut() else { return defers };
    target.sites.truncate(1);
    target.sites_left_out = 0;
    target.open_files_growth_per_hour =
        Some(Growth { slope_per_hour: 12_018.0, interval: [11_002.0, 13_090.0], points: 60 });
    let Some(pile) = target.sites.first_mut() else { return defers };
    pile.grows_like_open_files = true;
    pile.held_by = Some(HeldSite { goroutines: 3, most_in_one: 49_000, ..HeldSite::default() });
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
            most_in_one: 49_000,
            ..holders("chan receive", at_drain(), 2, 50_000)
        },
        Holders {
            state: "running".into(),
            waits_at_least_s: None,
            oldest: 17,
            ..holders("", SiteText::default(), 1, 113)
        },
    ];
    if let Some(held) = &mut target.held {
        held.most_loaded.truncate(1);
        for by in &mut held.most_loaded {
            by.pending = 49_000;
        }
    }
    defers
}

pub(in crate::show) fn nothing_seen() -> Defers {
    let mut defers = defers();
    if let Some(target) = defers.targets.first_mut() {
        target.sites.clear();
        target.executed.clear();
        target.sites_left_out = 0;
        target.blind.clear();
    }
    defers
}
