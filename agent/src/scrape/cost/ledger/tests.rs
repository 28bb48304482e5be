//! Claims about whose CPU time it was, on processes whose every millisecond is written down.

use super::{Ledger, POOL_MIN, Reading, Told};
use linger_config::CollectorKind as Kind;
use std::time::Duration;

const MS: fn(u64) -> Duration = Duration::from_millis;
const US: fn(u64) -> Duration = Duration::from_micros;

/// A process that runs at a steady share of a core, whose clock we move.
#[derive(Default)]
struct World {
    ledger: Ledger,
    at: Duration,
    cpu: Duration,
    background: f64,
}

impl World {
    /// One whose background is known.
    fn with_background(share: f64) -> Self {
        let mut world = Self { background: share, ..Self::default() };
        for _ in 0..4 {
            world.request(Kind::Count, MS(1), US(500), US(500));
            world.pass(MS(2_000));
        }
        world
    }

    /// Time in which the process does its own work.
    fn pass(&mut self, time: Duration) {
        self.at += time;
        self.cpu += time.mul_f64(self.background);
    }

    fn reading(&self) -> Option<Reading> {
        Some(Reading { at: self.at, cpu: self.cpu })
    }

    fn begin(&mut self, kind: Kind) {
        let reading = self.reading();
        self.ledger.begin(kind, reading);
    }

    /// Ends a request whose own time was the last `took`.
    fn end_after(&mut self, kind: Kind, took: Duration, predicted: Duration) -> Option<Duration> {
        let reading = self.reading();
        match self.ledger.end(kind, took, predicted, reading) {
            Some(Told::Cost(cost)) => Some(cost),
            Some(Told::AtMost(_)) | None => None,
        }
    }

    fn end(&mut self, kind: Kind, predicted: Duration) -> Option<Duration> {
        self.end_after(kind, MS(1), predicted)
    }

    /// A request that takes `time` and costs `cost`.
    fn request(
        &mut self,
        kind: Kind,
        time: Duration,
        cost: Duration,
        predicted: Duration,
    ) -> Option<Duration> {
        self.begin(kind);
        self.pass(time);
        self.cpu += cost;
        self.end_after(kind, time, predicted)
    }
}

#[track_caller]
fn about(found: Option<Duration>, expected: Duration) {
    let found = found.expect("it is measured");
    assert!(found.abs_diff(expected) < US(2), "{found:?} is not about {expected:?}");
}

#[test]
fn of_a_process_that_sleeps_each_request_is_measured() {
    let mut world = World::with_background(0.01);
    about(world.request(Kind::Heap, MS(5), US(1_700), MS(3)), US(1_700));
    about(world.request(Kind::Goroutine, MS(60), MS(51), MS(60)), MS(51));
    about(World::with_background(0.0).request(Kind::Goroutine, MS(60), MS(0), MS(60)), MS(0));
}

#[test]
fn before_the_background_is_known_nothing_is_measured() {
    let mut world = World::default();
    assert_eq!(world.request(Kind::Count, MS(2), MS(1), MS(1)), None);
    // Ten requests without a pause between them tell of no background either.
    for _ in 0..10 {
        world.pass(MS(20));
        assert_eq!(world.request(Kind::Count, MS(2), MS(1), MS(1)), None);
    }
}

/// The mean of what `n` requests of 500 us and 2 ms cost by the ledger, and how many of them it measured, beside a
/// process that works `share` of the time, in bursts.
fn in_bursts(n: u64, share: f64, burst: Duration) -> (Option<Duration>, u32) {
    let mut world = World::with_background(share);
    let (mut sum, mut measured) = (Duration::ZERO, 0);
    let chance = share * 0.002 / burst.as_secs_f64();
    for i in 0..n {
        world.begin(Kind::Count);
        world.at += MS(2);
        // The same work as in the gaps, but all at once and now and then; spread by the golden ratio.
        if ((i * 618) % 1_000) as f64 / 1_000.0 < chance {
            world.cpu += burst;
        }
        world.cpu += US(500);
        if let Some(cost) = world.end_after(Kind::Count, US(600), US(500)) {
            sum += cost;
            measured += 1;
        }
        world.pass(MS(2_000));
    }
    (sum.checked_div(measured), measured)
}

#[test]
fn beside_a_busy_process_many_together_are_believed_and_few_are_not() {
    assert_eq!(in_bursts(20, 0.3, US(1_200)).1, 0, "the noise is larger than the signal");
    let (mean, measured) = in_bursts(1_000, 0.3, US(1_200));
    assert!(measured > 500, "{measured}");
    let mean = mean.expect("some were measured");
    assert!(mean.abs_diff(US(500)) < US(100), "{mean:?}");
}

#[test]
fn noise_ten_times_the_signal_leaves_the_prediction() {
    assert_eq!(in_bursts(1_000, 0.5, MS(20)).1, 0);
}

#[test]
fn a_prediction_that_is_far_too_low_is_mended_beside_a_busy_process() {
    let mut world = World::with_background(0.5);
    let mut last = None;
    for _ in 0..POOL_MIN {
        last = world.request(Kind::Heap, MS(20), MS(30), MS(3));
        world.pass(MS(1_000));
    }
    about(last, MS(30));
}

#[test]
fn where_much_may_have_waited_for_us_the_prediction_stays() {
    // As measured at 10,000 goroutines on a machine with more to do than cores: 52 ms were ours, 32 are seen.
    let starved = |took| {
        let mut world = World::with_background(0.3);
        let mut last = None;
        for _ in 0..100 {
            world.begin(Kind::Goroutine);
            world.at += took;
            world.cpu += MS(66);
            last = world.end_after(Kind::Goroutine, took, took);
            world.pass(MS(1_000));
        }
        last
    };
    assert_eq!(starved(MS(112)), None);
    about(starved(MS(55)), US(49_500));
}

#[test]
fn what_is_not_believed_is_bounded_by_all_the_process_used() {
    let mut world = World::with_background(0.9);
    let mut told = |kind, beside: Option<Kind>| {
        beside.into_iter().for_each(|other| world.begin(other));
        world.begin(kind);
        world.pass(MS(10));
        let reading = world.reading();
        let told = world.ledger.end(kind, MS(10), MS(10), reading);
        beside.map(|other| world.end(other, MS(10)));
        told
    };
    assert_eq!(told(Kind::Goroutine, None), Some(Told::AtMost(MS(9))));
    assert_eq!(told(Kind::Trace, None), None, "a window's work goes on after it");
    assert_eq!(told(Kind::Goroutine, Some(Kind::Mutex)), None, "whose time it was is not known");
}

#[test]
fn the_ratio_follows_what_is_predicted_of_each() {
    let mut world = World::with_background(0.35);
    for ms in 1..=u64::try_from(POOL_MIN).expect("small") {
        world.request(Kind::Goroutine, MS(ms), US(ms * 800), MS(ms));
        world.pass(MS(1_000));
    }
    about(world.request(Kind::Goroutine, MS(100), MS(80), MS(100)), MS(80));
}

#[test]
fn what_runs_within_a_window_is_cut_out_of_it() {
    let mut world = World::with_background(0.01);
    world.begin(Kind::Trace);
    world.pass(MS(300));
    about(world.request(Kind::Count, MS(2), US(400), US(500)), US(400));
    world.pass(MS(100));
    world.begin(Kind::Goroutine);
    world.pass(MS(20));
    world.cpu += MS(20);
    world.cpu += MS(12);
    about(world.end(Kind::Goroutine, MS(20)), MS(32));
    world.pass(MS(578));
    world.cpu += MS(9);
    about(world.end(Kind::Trace, MS(40)), MS(9));
}

#[test]
fn two_that_are_no_windows_are_not_told_apart() {
    let mut world = World::with_background(0.01);
    world.begin(Kind::Mutex);
    world.pass(MS(1));
    assert_eq!(world.request(Kind::Goroutine, MS(2), MS(2), MS(2)), None);
    assert_eq!(world.end(Kind::Mutex, MS(3)), None);
    world.pass(MS(1_000));
    about(world.request(Kind::Mutex, MS(2), MS(1), MS(3)), MS(1));
}

#[test]
fn a_window_that_was_mostly_shared_is_not_measured() {
    let mut world = World::with_background(0.01);
    world.begin(Kind::Trace);
    world.pass(MS(300));
    world.request(Kind::Goroutine, MS(900), MS(900), MS(900));
    assert_eq!(world.end(Kind::Trace, MS(20)), None);
}

#[test]
fn a_missing_reading_and_a_clock_that_goes_back_spoil_what_is_under_way() {
    let mut world = World::with_background(0.01);
    world.ledger.begin(Kind::Count, None);
    world.pass(MS(2));
    assert_eq!(world.end(Kind::Count, MS(1)), None);
    world.begin(Kind::Count);
    world.cpu = MS(1);
    world.at += MS(2);
    assert_eq!(world.end(Kind::Count, MS(1)), None);
    world.pass(MS(1_000));
    about(world.request(Kind::Count, MS(2), MS(1), MS(1)), MS(1));
}

#[test]
fn a_request_whose_task_was_stopped_does_not_spoil_those_after_it() {
    let mut world = World::with_background(0.01);
    world.begin(Kind::Heap);
    world.pass(MS(500));
    about(world.request(Kind::Count, MS(2), US(400), US(500)), US(400));
    world.pass(MS(500));
    about(world.request(Kind::Mutex, MS(2), MS(1), MS(3)), MS(1));
}

#[test]
fn an_end_without_a_beginning_tells_nothing() {
    assert_eq!(World::with_background(0.0).end(Kind::Heap, MS(1)), None);
}
