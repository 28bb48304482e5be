//! When something is done that costs the same however much there is of it: a flush, a sync. What waits for it waits an
//! interval at most, and it is done together with what comes rather than at a wake-up of its own.

use std::time::{Duration, Instant};

/// What comes this part of the interval before its end does not wait for it: scrapes come as often as flushes are made,
/// some milliseconds early or late, and one that came a little early would wait for nearly an interval.
const EARLY_PART: u32 = 20;

pub(super) struct Rhythm {
    every: Duration,
    /// When it was done last; `None` before the first time, which need not wait.
    done: Option<Instant>,
    /// Since when something waits for it.
    waiting: Option<Instant>,
}

impl Rhythm {
    pub(super) fn new(every: Duration) -> Self {
        Self { every, done: None, waiting: None }
    }

    /// Something waits for it.
    pub(super) fn wanted(&mut self, now: Instant) {
        self.waiting.get_or_insert(now);
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.waiting.is_some()
    }

    /// How long it can still wait; `None` when nothing waits for it.
    pub(super) fn rest(&self, now: Instant) -> Option<Duration> {
        self.waiting.map(|since| self.every.saturating_sub(now - since))
    }

    /// Whether to do it now. `came` when something came just now, so that this wake-up is paid for.
    pub(super) fn is_due(&self, now: Instant, came: bool) -> bool {
        let early = self.every - self.every / EARLY_PART;
        let in_step = came && self.done.is_none_or(|done| now - done >= early);
        self.rest(now).is_some_and(|rest| rest.is_zero() || in_step)
    }

    /// It was done.
    pub(super) fn done(&mut self, now: Instant) {
        (self.done, self.waiting) = (Some(now), None);
    }
}

#[cfg(test)]
mod tests {
    use super::Rhythm;
    use std::time::{Duration, Instant};

    /// When it is done, in milliseconds, with something wanted at each of `comes` and an interval of 5 s.
    fn check(comes: &[u64], expected: &[u64]) {
        let start = Instant::now();
        let mut rhythm = Rhythm::new(Duration::from_secs(5));
        let mut done = Vec::new();
        for ms in 0..60_000 {
            let now = start + Duration::from_millis(ms);
            let came = comes.contains(&ms);
            if came {
                rhythm.wanted(now);
            }
            if rhythm.is_due(now, came) {
                rhythm.done(now);
                done.push(ms);
            }
        }
        assert_eq!(done, expected);
        assert_eq!(rhythm.rest(start + Duration::from_secs(60)), None);
    }

    #[test]
    fn what_comes_in_step_does_not_wait_and_takes_others_along() {
        check(&[100, 5_102, 10_099, 15_105], &[100, 5_102, 10_099, 15_105]);
        check(&[100, 1_000, 4_000, 5_102, 5_110, 10_099], &[100, 5_102, 10_099]);
    }

    #[test]
    fn nothing_waits_longer_than_an_interval() {
        check(&[100, 1_000], &[100, 6_000]);
        check(&[100, 3_000, 4_700, 20_000], &[100, 8_000, 20_000]);
    }

    #[test]
    fn what_comes_all_the_time_is_done_once_in_an_interval() {
        let comes: Vec<u64> = (0..20_000).step_by(250).collect();
        check(&comes, &[0, 4_750, 9_500, 14_250, 19_000, 24_250]);
    }
}
