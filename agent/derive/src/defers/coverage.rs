//! How often the intervals of estimates hold the truth, on made-up services. The same against real ones is
//! `tests/bench/estimates/run`. Numbers come from a fixed seed, so that a run is every run.

use super::Kind;
use super::cpu::{CpuDefers, FunctionDefers, Rate, pool};
use super::heap::{estimate, floor};
use crate::interval::{dispersed, dispersion, poisson};

const RUNS: u32 = 500;
/// Nineteen in twenty, less four standard deviations of that many runs.
const HELD_MIN: f64 = 0.95 - 4.0 * 0.0097;

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// How many events of a mean distance of 1 fall into a stretch.
    fn events(&mut self, stretch: f64) -> u64 {
        let (mut at, mut events) = (0.0, 0);
        loop {
            at -= (1.0 - self.uniform()).ln();
            if at > stretch {
                return events;
            }
            events += 1;
        }
    }
}

#[test]
fn sampled_piles_are_held_or_below_the_floor() {
    let rate_bytes = 512 << 10;
    let floor = floor(48, rate_bytes);
    for pending in [5_000.0, 20_000.0, 100_000.0, 1_000_000.0] {
        let mut random = Random(1);
        let mut held = 0;
        for _ in 0..RUNS {
            let sampled = random.events(pending * 48.0 / rate_bytes as f64);
            let told = estimate(sampled, 48, rate_bytes).interval;
            let is_held = told.low <= pending && pending <= told.high;
            // One that is not sampled is not told, but to be below the floor.
            held += u32::from(if sampled == 0 { pending < floor } else { is_held });
        }
        assert!(f64::from(held) > HELD_MIN * f64::from(RUNS), "{pending}: {held} of {RUNS}");
    }
}

/// A service's load by second, of a mean of 1.
type Load = fn(&mut Random, seconds: usize) -> Vec<f64>;

fn steady(_: &mut Random, seconds: usize) -> Vec<f64> {
    vec![1.0; seconds]
}

fn wave(random: &mut Random, seconds: usize) -> Vec<f64> {
    let phase = random.uniform();
    let turn = std::f64::consts::TAU / 1_200.0;
    (0..seconds).map(|t| 1.0 + 0.9 * (turn * t as f64 + phase * std::f64::consts::TAU).sin()).collect()
}

/// On and off, each for a random time of this mean.
fn bursts(random: &mut Random, seconds: usize, mean_seconds: f64) -> Vec<f64> {
    let mut is_on = random.uniform() < 0.5;
    let mut load = Vec::new();
    for _ in 0..seconds {
        if random.uniform() < 1.0 / mean_seconds {
            is_on = !is_on;
        }
        load.push(if is_on { 2.0 } else { 0.0 });
    }
    load
}

fn short_bursts(random: &mut Random, seconds: usize) -> Vec<f64> {
    bursts(random, seconds, 20.0)
}

fn long_bursts(random: &mut Random, seconds: usize) -> Vec<f64> {
    bursts(random, seconds, 300.0)
}

/// Sampled CPU time of an hour, 5 s of each minute: how often the interval holds the mean of the whole hour, and how wide
/// it is for its value in the middle run. `seconds_per_second` is what the machinery takes of each second.
fn hours(load: Load, seconds_per_second: f64, by_poisson: bool) -> (f64, f64) {
    let mut random = Random(7);
    let (mut held, mut widths) = (0, Vec::new());
    for _ in 0..RUNS {
        let load = load(&mut random, 3_600);
        let truth = load.iter().sum::<f64>() / 3_600.0 * seconds_per_second;
        let windows = load.chunks(60).map(|minute| minute.iter().take(5).sum::<f64>());
        let samples: Vec<u64> =
            windows.map(|second| random.events(second * seconds_per_second * 100.0)).collect();
        let counts: Vec<f64> = samples.iter().map(|n| *n as f64).collect();
        let bursts = if by_poisson { 1.0 } else { dispersion(&counts, &counts) };
        let told = dispersed(samples.iter().sum(), bursts).times(0.01 / 300.0);
        held += u32::from(told.low <= truth && truth <= told.high);
        widths.push((told.high - told.low) / truth.max(f64::EPSILON));
    }
    widths.sort_by(f64::total_cmp);
    (f64::from(held) / f64::from(RUNS), widths[widths.len() / 2])
}

#[test]
fn an_hours_rate_is_held_whatever_the_load_does_between_profiles() {
    for (load, name) in
        [(steady as Load, "steady"), (wave, "wave"), (short_bursts, "short"), (long_bursts, "long")]
    {
        for seconds_per_second in [0.003, 0.02, 0.2] {
            let (held, width) = hours(load, seconds_per_second, false);
            assert!(held > HELD_MIN, "{name} {seconds_per_second}: {held} at a width of {width}");
        }
    }
}

#[test]
fn poissons_interval_alone_would_miss_bursts_and_a_wave_is_known_better_than_at_random() {
    assert!(hours(short_bursts, 0.2, true).0 < 0.6);
    // Sixty windows at random times would know the mean of a wave of 0.9 to 2 x 1.96 x 0.9 / sqrt(2) / sqrt(60).
    let width = hours(wave, 0.2, false).1;
    assert!(width < 0.32 / 2.0, "{width}");
    assert!(dispersed(9, 1.0) == poisson(9) && dispersed(9, 0.5) == poisson(9));
}

#[test]
fn bursts_widen_what_is_pooled() {
    let profile = |n: u32| CpuDefers {
        window_seconds: 5.0,
        cpu_seconds: 2.0,
        sample_seconds: 0.01,
        by_function: vec![FunctionDefers {
            kind: Kind::Heap,
            function: "main.f".into(),
            seconds: f64::from(n) * 0.01,
        }],
    };
    let told = |counts: [u32; 12]| {
        let pooled = pool(&counts.map(profile), Some(27), 1);
        let p = &pooled.by_function[0];
        let Rate::Estimate { interval, .. } = p.rate else { panic!("{p:?}") };
        (p.ratio.interval.high - p.ratio.interval.low, interval.high)
    };
    let (steady, bursty) = (told([10; 12]), told([40, 0, 0, 40, 0, 0, 0, 40, 0, 0, 0, 0]));
    assert!(bursty.0 > 2.0 * steady.0 && bursty.1 > steady.1, "{steady:?} {bursty:?}");
}
