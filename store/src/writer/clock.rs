//! Whether the time of a scrape is believed: a clock that is wrong once, as before the first NTP answer, must not put
//! samples years ahead, after which nothing of the right time would be accepted. Pure: the caller brings both clocks.
//!
//! One judgement for all streams, since one clock stamps them. After a start the first time is believed where the caller
//! says that the machine's clock has settled: an agent that was off for a week goes on at once. Where it has not, and
//! after a machine slept for longer than [`AHEAD_MAX`], nothing is stored for [`BELIEVED_AFTER`], and that is said.

use linger_series::TimeMs;
use std::time::{Duration, Instant};

/// How far a scrape may be ahead of the newest one, besides what the monotonic clock says passed. 36 h: an agent that
/// runs every working day goes on at once, and what a smaller jump blocks is over by then.
pub(super) const AHEAD_MAX: Duration = Duration::from_secs(36 * 3600);

/// How long times must go on from a jump until it is believed: NTP has long answered by then.
pub(super) const BELIEVED_AFTER: Duration = Duration::from_secs(600);

/// How far the clock that jumped may run off the monotonic one and still go on from the same jump. An hour: NTP slews
/// and steps by seconds.
const DRIFT_MAX: Duration = Duration::from_secs(3600);

/// The newest believed time, and a jump that is not believed yet.
#[derive(Default)]
pub(super) struct Clock {
    newest: Option<TimeMs>,
    /// When it was accepted; none if by an earlier process.
    accepted: Option<Instant>,
    jump: Option<(TimeMs, Instant)>,
    /// Whether the first time is believed however far ahead it is.
    settled: bool,
}

impl Clock {
    /// A clock that goes on from what the store holds; `settled` when the machine's own can be trusted already.
    pub(super) fn after(newest: Option<TimeMs>, settled: bool) -> Self {
        Self { newest, accepted: None, jump: None, settled }
    }

    /// Whether a scrape at `at` that arrives `now` is believed; else the newest time that is.
    pub(super) fn judge(&mut self, at: TimeMs, now: Instant) -> Result<(), TimeMs> {
        let passed = self.accepted.map_or(Duration::ZERO, |then| now.saturating_duration_since(then));
        let first_of_settled = self.settled && self.accepted.is_none();
        let far = |newest: &TimeMs| at.since(*newest) > AHEAD_MAX + passed && !first_of_settled;
        if let Some(newest) = self.newest.filter(far) {
            let (first, since) = *self.jump.get_or_insert((at, now));
            let passed = now.saturating_duration_since(since);
            let expected = first + passed;
            if at.since(expected).max(expected.since(at)) > DRIFT_MAX {
                self.jump = Some((at, now));
                return Err(newest);
            }
            if passed < BELIEVED_AFTER {
                return Err(newest);
            }
        }
        self.jump = None;
        // A stream that is behind the others says nothing new.
        if self.newest.is_none_or(|newest| at > newest) {
            (self.newest, self.accepted) = (Some(at), Some(now));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Clock;
    use linger_series::TimeMs;
    use std::time::{Duration, Instant};

    const MINUTE: i64 = 60;
    const DAY: i64 = 86_400;
    const START: i64 = 20_000 * DAY;

    /// Scrapes as (seconds of the monotonic clock, seconds of the wall clock after [`START`], believed).
    #[track_caller]
    fn check(stored: Option<i64>, scrapes: &[(u64, i64, bool)]) {
        let time = |seconds: i64| TimeMs((START + seconds) * 1000);
        let started = Instant::now();
        let mut clock = Clock::after(stored.map(time), false);
        for &(passed, at, believed) in scrapes {
            let result = clock.judge(time(at), started + Duration::from_secs(passed));
            assert_eq!(result.is_ok(), believed, "{at} s after {passed} s: {result:?}");
        }
    }

    #[test]
    fn a_jump_ahead_is_believed_once_it_lasts() {
        check(None, &[(0, 0, true), (15, 15, true), (30, 30, true)]);
        check(None, &[(0, 0, true), (15, DAY, true), (30, DAY + 15, true)]);
        // Wrong for a while: nothing of it is stored, and the right time goes on.
        check(None, &[(0, 0, true), (15, 900 * DAY, false), (30, 900 * DAY + 15, false), (45, 45, true)]);
        // Wrong twice is not wrong for long.
        check(Some(0), &[(0, 900 * DAY, false), (300, 300, true), (660, 900 * DAY + 660, false)]);
        // It lasts: a correction, not an error; also for those that scrape rarely.
        let lasting = [(0, 900 * DAY, false), (599, 900 * DAY + 599, false), (600, 900 * DAY + 600, true)];
        check(Some(0), &lasting);
        check(Some(0), &[(0, 900 * DAY, false), (900, 900 * DAY + 900, true), (901, 900 * DAY + 2, true)]);
        // Different times in turn are no clock.
        check(Some(0), &[(0, 900 * DAY, false), (660, 950 * DAY, false), (1400, 900 * DAY + 1400, false)]);
        check(
            Some(0),
            &[(0, 900 * DAY, false), (660, 950 * DAY, false), (1320, 950 * DAY + 11 * MINUTE, true)],
        );
    }

    #[test]
    fn after_a_week_off_a_settled_clock_is_believed_at_once() {
        let now = Instant::now();
        let mut clock = Clock::after(Some(TimeMs(START * 1000)), true);
        assert_eq!(clock.judge(TimeMs((START + 7 * DAY) * 1000), now), Ok(()));
        assert!(clock.judge(TimeMs((START + 900 * DAY) * 1000), now).is_err());
    }

    #[test]
    fn time_that_passed_is_no_jump() {
        let days = 3 * DAY as u64;
        check(None, &[(0, 0, true), (days, 3 * DAY, true), (days + 15, 3 * DAY + 15, true)]);
        check(None, &[(0, 0, true), (days, 5 * DAY, false)]);
        // Streams behind the newest are not this clock's matter.
        check(None, &[(0, 5 * DAY, true), (1, 0, true), (2, 5 * DAY + 2, true)]);
    }
}
