//! How many goroutines there were over time.
//!
//! Those that lived before the trace are named late, some only at a generation's end; they count from the start of the
//! window all the same. So what is kept is the change since the start, and the beginning is added at the end.

/// Points of a timeline at most; when there are more, two become one.
const POINTS_MAX: usize = 128;

/// Width of a point at first: 2^20 ns, about a millisecond.
const WIDTH_SHIFT_MIN: u32 = 20;

/// The count over a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// When it starts, since the start of the window.
    pub start_ns: u64,
    /// The least.
    pub min: u64,
    /// The most.
    pub max: u64,
    /// At its end.
    pub last: u64,
}

#[derive(Clone, Copy, Debug)]
struct Stretch {
    min: i64,
    max: i64,
    last: i64,
}

/// Births and deaths over time.
#[derive(Debug)]
pub(super) struct Population {
    pub(super) at_start: u64,
    pub(super) created: u64,
    pub(super) ended: u64,
    change: i64,
    /// Sum of change times nanoseconds.
    area: i128,
    since_ns: u64,
    shift: u32,
    stretches: Vec<Stretch>,
}

/// The result of a window.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Goroutines {
    /// Alive when the trace began.
    pub at_start: u64,
    /// Created in the window.
    pub created: u64,
    /// Ended in the window.
    pub ended: u64,
    /// Alive at its end.
    pub alive: u64,
    /// The mean count, weighted by time.
    pub mean: f64,
    /// The least count.
    pub min: u64,
    /// The greatest count.
    pub max: u64,
    /// Time of a point of the timeline.
    pub point_ns: u64,
    /// The count over time, at most 128 points.
    pub timeline: Vec<Point>,
    /// False when the first generation was cut before it named its silent goroutines: the counts are too low by them.
    pub complete: bool,
}

impl Population {
    pub(super) fn new() -> Self {
        Self {
            at_start: 0,
            created: 0,
            ended: 0,
            change: 0,
            area: 0,
            since_ns: 0,
            shift: WIDTH_SHIFT_MIN,
            stretches: vec![Stretch { min: 0, max: 0, last: 0 }],
        }
    }

    /// One was created, so long after the start of the window.
    pub(super) fn create(&mut self, ns: u64) {
        self.created += 1;
        self.step(ns, 1);
    }

    /// One ended.
    pub(super) fn end(&mut self, ns: u64) {
        self.ended += 1;
        self.step(ns, -1);
    }

    fn step(&mut self, ns: u64, by: i64) {
        self.pass_time(ns);
        self.change += by;
        if let Some(stretch) = self.stretches.last_mut() {
            stretch.last = self.change;
            stretch.min = stretch.min.min(self.change);
            stretch.max = stretch.max.max(self.change);
        }
    }

    /// Threads' clocks differ by a little; time does not go back here.
    fn pass_time(&mut self, ns: u64) {
        let ns = ns.max(self.since_ns);
        self.area += i128::from(self.change) * i128::from(ns - self.since_ns);
        self.since_ns = ns;
        while ns >> self.shift >= POINTS_MAX as u64 {
            self.halve();
        }
        let steady = Stretch { min: self.change, max: self.change, last: self.change };
        while (self.stretches.len() as u64) <= ns >> self.shift {
            self.stretches.push(steady);
        }
    }

    fn halve(&mut self) {
        self.shift += 1;
        let joined = self.stretches.chunks(2).map(|pair| Stretch {
            min: pair.iter().map(|s| s.min).min().unwrap_or(0),
            max: pair.iter().map(|s| s.max).max().unwrap_or(0),
            last: pair.last().map_or(0, |s| s.last),
        });
        self.stretches = joined.collect();
    }

    pub(super) fn finish(mut self, window_ns: u64, complete: bool) -> Goroutines {
        self.pass_time(window_ns);
        let start = i64::try_from(self.at_start).unwrap_or(i64::MAX);
        let count = |change: i64| u64::try_from(start.saturating_add(change)).unwrap_or(0);
        #[expect(clippy::cast_precision_loss, reason = "a mean needs no 53 bits")]
        let mean = self.at_start as f64 + self.area as f64 / (window_ns.max(1)) as f64;
        let timeline = (0_u64..).zip(&self.stretches).map(|(i, s)| Point {
            start_ns: i << self.shift,
            min: count(s.min),
            max: count(s.max),
            last: count(s.last),
        });
        let timeline: Vec<Point> = timeline.collect();
        Goroutines {
            at_start: self.at_start,
            created: self.created,
            ended: self.ended,
            alive: count(self.change),
            mean,
            min: timeline.iter().map(|p| p.min).min().unwrap_or(0),
            max: timeline.iter().map(|p| p.max).max().unwrap_or(0),
            point_ns: 1 << self.shift,
            timeline,
            complete,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Population;

    const MS: u64 = 1 << 20;

    #[test]
    fn those_from_before_count_from_the_start() {
        let mut population = Population::new();
        population.create(MS);
        population.create(2 * MS);
        population.end(3 * MS);
        population.at_start = 10;
        let told = population.finish(4 * MS, true);
        assert_eq!((told.at_start, told.created, told.ended, told.alive), (10, 2, 1, 11));
        assert_eq!((told.min, told.max, told.mean), (10, 12, 11.0));
        let lasts: Vec<u64> = told.timeline.iter().map(|p| p.last).collect();
        assert_eq!(lasts, [10, 11, 12, 11, 11]);
    }

    #[test]
    fn a_long_window_has_no_more_points_and_the_same_extremes() {
        let mut population = Population::new();
        for ms in 0..10_000 {
            population.create(ms * MS);
            if ms != 5000 {
                population.end(ms * MS);
            }
        }
        let told = population.finish(10_000 * MS, true);
        assert!(told.timeline.len() <= 128 && told.timeline.len() > 60);
        assert_eq!((told.min, told.max, told.alive), (0, 2, 1));
    }

    #[test]
    fn a_time_beyond_all_measure_does_no_harm() {
        let mut population = Population::new();
        population.create(u64::MAX >> 1);
        population.end(5);
        assert_eq!(population.finish(u64::MAX >> 1, true).alive, 0);
    }
}
