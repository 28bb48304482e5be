//! The rules of sparing, each simulated without sleeping.

use super::{Finished, Lane, Next, Plan, Rules, Schedule};
use crate::scrape::outcome::State;
use linger_config::CollectorKind as Kind;
use std::time::Duration;

const S: fn(u64) -> Duration = Duration::from_secs;

fn schedule() -> Schedule {
    let plan = |kind, every| Plan { kind, every: S(every), enabled: true };
    let plans = [
        plan(Kind::Count, 5),
        plan(Kind::Goroutine, 15),
        plan(Kind::Heap, 60),
        plan(Kind::Cpu, 60),
        plan(Kind::Trace, 600),
        Plan { kind: Kind::Block, every: S(60), enabled: false },
    ];
    let rules = Rules { duty_cycle_max: 0.005, time_scale: 1.0, first_turn_within: S(10) };
    Schedule::new("api:6060", &plans, rules, S(0))
}

fn done(kind: Kind, state: State, cost_ms: u64) -> Finished {
    Finished { kind, state, cost: Some(Duration::from_millis(cost_ms)), own_cost: None, goroutines: None }
}

fn counted(n: u64) -> Finished {
    Finished { goroutines: Some(n), ..done(Kind::Count, State::Ok, 0) }
}

/// Runs the lanes that ask the service for `seconds` as scrapes that take no time; returns how often each collector ran.
fn simulate(s: &mut Schedule, from: u64, seconds: u64, end: impl Fn(Kind) -> Finished) -> Vec<(Kind, u64)> {
    let mut ran: Vec<(Kind, u64)> = Vec::new();
    for tenth in from * 10..(from + seconds) * 10 {
        let now = Duration::from_millis(tenth * 100);
        for lane in [Lane::Quick, Lane::Slow] {
            while let Next::Run(kind) = s.next(lane, now) {
                s.finished(&end(kind), now, now);
                match ran.iter_mut().find(|(k, _)| *k == kind) {
                    Some((_, n)) => *n += 1,
                    None => ran.push((kind, 1)),
                }
            }
        }
    }
    ran
}

fn runs(ran: &[(Kind, u64)], kind: Kind) -> u64 {
    ran.iter().find(|(k, _)| *k == kind).map_or(0, |(_, n)| *n)
}

#[test]
fn ten_quiet_minutes_keep_every_cadence_and_what_is_off_never_runs() {
    let ran = simulate(&mut schedule(), 0, 600, |k| match k {
        Kind::Count => counted(100),
        k => done(k, State::Ok, 1),
    });
    assert_eq!(runs(&ran, Kind::Count), 120);
    assert!((39..=40).contains(&runs(&ran, Kind::Goroutine)), "{ran:?}");
    assert!((9..=11).contains(&runs(&ran, Kind::Heap)) && (9..=10).contains(&runs(&ran, Kind::Cpu)));
    assert_eq!((runs(&ran, Kind::Trace), runs(&ran, Kind::Block)), (1, 0));
}

#[test]
fn an_unreachable_target_is_only_knocked_at_and_goroutine_and_heap_follow_its_return() {
    let mut s = schedule();
    let ran = simulate(&mut s, 0, 60, |k| Finished { cost: None, ..done(k, State::Refused, 0) });
    assert_eq!(ran, [(Kind::Count, 12)]);
    assert_eq!(s.state(Kind::Goroutine).0, State::Waiting);
    let now = S(60);
    assert_eq!(s.next(Lane::Quick, now), Next::Run(Kind::Count));
    s.finished(&counted(10), now, now);
    let order: Vec<Next> = (0..2)
        .map(|_| {
            let next = s.next(Lane::Quick, now);
            if let Next::Run(k) = next {
                s.finished(&done(k, State::Ok, 1), now, now);
            }
            next
        })
        .collect();
    assert_eq!(order, [Next::Run(Kind::Goroutine), Next::Run(Kind::Heap)]);
}

#[test]
fn a_target_that_cannot_keep_up_is_left_alone_and_one_without_index_page_is_not() {
    let mut s = schedule();
    s.finished(&counted(5), S(0), S(0));
    s.finished(&done(Kind::Count, State::TimedOut, 1), S(5), S(15));
    assert_eq!(s.state(Kind::Heap).0, State::Waiting);
    assert!(matches!(s.next(Lane::Slow, S(60)), Next::At(_)));
    s.finished(&done(Kind::Count, State::Unsupported, 1), S(20), S(20));
    assert!(matches!(s.next(Lane::Slow, S(60)), Next::Run(_)));
}

#[test]
fn a_reset_brings_the_reading_that_tells_a_restart_forward() {
    let mut s = schedule();
    let _ = simulate(&mut s, 0, 20, |k| if k == Kind::Count { counted(5) } else { done(k, State::Ok, 1) });
    s.finished(&done(Kind::Goroutine, State::Reset, 1), S(20), S(20));
    s.finished(&counted(5), S(20), S(20));
    assert_eq!(s.next(Lane::Quick, S(20)), Next::Run(Kind::Heap));
}

#[test]
fn the_first_trace_comes_after_the_first_goroutine_profile() {
    for name in ["api", "web", "a:1", "b:2", "c:3"] {
        let plan = |kind, every| Plan { kind, every: S(every), enabled: true };
        let plans = [plan(Kind::Count, 5), plan(Kind::Goroutine, 15), plan(Kind::Trace, 600)];
        let rules = Rules { duty_cycle_max: 0.005, time_scale: 1.0, first_turn_within: S(10) };
        let s = Schedule::new(name, &plans, rules, S(0));
        let first = |kind| s.entries.iter().find(|e| e.plan.kind == kind).unwrap().next;
        assert!(first(Kind::Goroutine) < S(10) && (S(10)..S(20)).contains(&first(Kind::Trace)), "{name}");
    }
}

#[test]
fn a_costly_goroutine_profile_is_asked_for_rarely() {
    let mut s = schedule();
    let ran = simulate(&mut s, 0, 600, |k| match k {
        Kind::Count => counted(30_000),
        Kind::Goroutine => done(k, State::Ok, 500),
        k => done(k, State::Ok, 0),
    });
    assert!((6..=7).contains(&runs(&ran, Kind::Goroutine)), "{ran:?}");
    assert_eq!(s.every(Kind::Goroutine), S(100));
    assert!(s.duty_cycle() <= 0.005 + 1e-9);
}

#[test]
fn all_collectors_together_stay_within_the_duty_cycle() {
    let mut s = schedule();
    let _ = simulate(&mut s, 0, 600, |k| match k {
        Kind::Count => counted(5_000),
        k => done(k, State::Ok, 200),
    });
    assert!(s.duty_cycle() <= 0.005 + 1e-9, "{}", s.duty_cycle());
    assert!(s.every(Kind::Goroutine) > S(40));
}

#[test]
fn above_fifty_thousand_goroutines_one_profile_on_crossing_then_one_in_ten_minutes_and_no_trace() {
    let mut s = schedule();
    let quiet = |k| if k == Kind::Count { counted(100) } else { done(k, State::Ok, 1) };
    let _ = simulate(&mut s, 0, 100, quiet);
    s.finished(&counted(60_000), S(100), S(100));
    assert!(matches!(s.state(Kind::Trace), (State::Held, Some(why)) if why.contains("60000")));
    let ran =
        simulate(
            &mut s,
            100,
            1_200,
            |k| {
                if k == Kind::Count { counted(60_000) } else { done(k, State::Ok, 1) }
            },
        );
    assert!((2..=3).contains(&runs(&ran, Kind::Goroutine)), "{ran:?}");
    assert_eq!(runs(&ran, Kind::Trace), 0);
}

#[test]
fn a_count_that_swings_around_the_line_or_flaps_costs_no_profile_each_time() {
    let mut s = schedule();
    let quiet = |k| if k == Kind::Count { counted(100) } else { done(k, State::Ok, 1) };
    let _ = simulate(&mut s, 0, 100, quiet);
    let mut profiles = 0;
    for round in 0..30 {
        let now = S(100 + 10 * round);
        s.finished(&counted(if round % 2 == 0 { 50_500 } else { 49_500 }), now, now);
        if round % 5 == 4 {
            s.finished(&done(Kind::Count, State::Refused, 0), now, now);
            s.finished(&counted(50_500), now, now);
        }
        while let Next::Run(kind) = s.next(Lane::Quick, now) {
            profiles += u64::from(kind == Kind::Goroutine);
            s.finished(&done(kind, State::Ok, 1), now, now);
        }
    }
    assert_eq!(profiles, 1);
}

#[test]
fn a_turn_that_was_put_off_is_not_followed_by_a_second_one() {
    let mut s = schedule();
    s.finished(&counted(20_000), S(0), S(0));
    s.finished(&counted(100), S(1_495), S(1_495));
    let trace = Finished { cost: None, ..done(Kind::Trace, State::Ok, 0) };
    s.finished(&trace, S(1_500), S(1_501));
    assert_eq!(s.entries.iter().find(|e| e.plan.kind == Kind::Trace).unwrap().next, S(2_100));
}

#[test]
fn busy_is_tried_again_soon_and_missing_endpoints_rarely() {
    let mut s = schedule();
    let _ = simulate(&mut s, 0, 25, |k| if k == Kind::Count { counted(1) } else { done(k, State::Ok, 1) });
    s.finished(&done(Kind::Cpu, State::Busy, 1), S(30), S(30));
    assert!(matches!(s.next(Lane::Slow, S(31)), Next::At(t) if t >= S(31) && t <= S(51)));
    s.finished(&done(Kind::Heap, State::Unsupported, 1), S(30), S(30));
    assert!(s.state(Kind::Heap).0 == State::Unsupported);
    let ran =
        simulate(&mut s, 31, 300, |k| if k == Kind::Count { counted(1) } else { done(k, State::Ok, 1) });
    assert_eq!(runs(&ran, Kind::Heap), 0);
}

#[test]
fn answers_in_vain_make_a_collector_rarer_until_one_is_well() {
    let mut s = schedule();
    let of = |ran: &[(Kind, u64)], kind| ran.iter().find(|(k, _)| *k == kind).map_or(0, |(_, n)| *n);
    let flooded = |kind| done(kind, if kind == Kind::Heap { State::TimedOut } else { State::Ok }, 0);
    let ran = simulate(&mut s, 0, 3600, flooded);
    assert!((7..=11).contains(&of(&ran, Kind::Heap)), "1 + 1 + 2 + 4, then every 8 to 12 minutes: {ran:?}");
    assert!(of(&ran, Kind::Count) >= 719, "its neighbours go on: {ran:?}");
    assert!((S(480)..=S(720)).contains(&s.every(Kind::Heap)));
    s.finished(&done(Kind::Heap, State::Ok, 0), S(3600), S(3600));
    assert_eq!(s.every(Kind::Heap), S(60));
}

#[test]
fn a_reload_does_not_ask_at_once_what_was_asked_rarely_for_good_reasons() {
    let mut former = schedule();
    former.finished(&counted(100_000), S(0), S(0));
    former.finished(&done(Kind::Goroutine, State::Ok, 500), S(5), S(5));
    for _ in 0..3 {
        former.finished(&done(Kind::Heap, State::TimedOut, 3), S(5), S(5));
    }
    let mut s = schedule().following(&former);
    let ran = simulate(&mut s, 10, 300, |kind| match kind {
        Kind::Count => counted(100_000),
        _ => done(kind, State::Ok, 0),
    });
    let of = |kind| ran.iter().find(|(k, _)| *k == kind).map_or(0, |(_, n)| *n);
    assert_eq!(of(Kind::Goroutine), 0, "one in ten minutes with so many: {ran:?}");
    assert!(of(Kind::Heap) <= 2, "{ran:?}");
    assert!(of(Kind::Count) >= 59, "{ran:?}");
}

#[test]
fn who_asks_for_credentials_is_asked_again_within_a_minute() {
    let mut s = schedule();
    let ran = simulate(&mut s, 0, 300, |kind| done(kind, State::Unauthorized, 0));
    assert!((5..=6).contains(&ran.iter().find(|(k, _)| *k == Kind::Count).unwrap().1), "{ran:?}");
    assert_eq!(s.every(Kind::Count), S(60), "and the interval shown is the one in force");
}
