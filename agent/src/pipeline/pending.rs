//! What is told as `linger_defers_pending`, whoever counted: the census while there is one, else the heap profile. The
//! others are told as cross-checks beside it, and never added.

use super::Samples;
use super::shown::ShownDefers;
use linger_derive::defers::Kind;
use linger_probe::ProcessId;
use linger_series::{TimeMs, metric};
use std::collections::{BTreeMap, BTreeSet};

/// A kind of defer at a site.
pub(super) type Place = (Kind, String);

/// What was told last of one target.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// Told with a value above zero, and by whom.
    pub(super) shown: BTreeMap<Place, By>,
    /// Until when the last census speaks for the target.
    counted_until: Option<TimeMs>,
    /// The last census: of which process, which incarnation that was, and when.
    last: Option<(ProcessId, u64, TimeMs)>,
    /// Collections that had finished when a heap profile spoke first after the last count.
    profiled_from_gc: Option<u32>,
    /// Sites told to hold what will never run.
    pub(super) stranded: BTreeSet<String>,
}

/// Who told a figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum By {
    /// A count in memory: so many, or at least.
    Census(f64),
    /// A heap profile.
    Profile,
}

impl By {
    /// Whether a heap profile that shows nothing of a place says that it is over: what a profile showed before, and what
    /// was counted above its floor, if it shows all that was there then. Of stack and open-coded defers it says nothing.
    pub(super) fn ends_unseen(self, kind: Kind, floor: f64, profile_is_whole: bool) -> bool {
        match self {
            Self::Profile => true,
            Self::Census(pending) => {
                profile_is_whole && matches!(kind, Kind::Heap | Kind::Range) && pending >= floor
            }
        }
    }
}

/// A figure as it is told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Figure {
    /// So many.
    Exactly(f64),
    /// So many that were seen; there may be more.
    AtLeast(f64),
    /// About so many: a 95 % interval.
    About { value: f64, low: f64, high: f64 },
}

impl Pending {
    /// Of what an earlier agent told last.
    pub(super) fn of_shown(shown: ShownDefers) -> Self {
        let known = shown.pending.into_iter().filter_map(|((kind, site), value, counted)| {
            let by = if counted { By::Census(value) } else { By::Profile };
            Some(((kind.parse().ok()?, site), by))
        });
        Self {
            shown: known.collect(),
            counted_until: shown.counted_until,
            stranded: shown.stranded,
            ..Self::default()
        }
    }

    /// A census spoke at `at`, and the next one was due within `due_ms`: it is believed for three of those, as values
    /// are everywhere.
    pub(super) fn counted(&mut self, at: TimeMs, due_ms: i64, process: ProcessId, incarnation: u64) {
        self.last = Some((process, incarnation, at));
        self.profiled_from_gc = None;
        self.counted_until = Some(believed_until(at, due_ms));
    }

    /// Whether a heap profile as of so many collections shows all that was there at the last count: what is allocated is
    /// in a profile after the second collection (Go 1.21 to 1.27, runtime/mprof.go, `mProf_NextCycle`).
    pub(super) fn profile_is_whole(&mut self, collections: u32) -> bool {
        let from = *self.profiled_from_gc.get_or_insert(collections);
        collections.checked_sub(from).is_some_and(|since| since >= 2)
    }

    /// When the former process was counted last, if `process` is another one and nobody noticed yet: `incarnation` is
    /// what the target is believed to be.
    pub(super) fn replaced(&self, process: ProcessId, incarnation: u64) -> Option<TimeMs> {
        let (former, counted_as, at) = self.last?;
        // One that was counted before its first reading became the first incarnation by that reading, not by a restart.
        let counted_as = counted_as.max(1);
        (former != process && counted_as == incarnation.max(1)).then_some(at)
    }

    /// The process is another one: the former's count speaks no longer.
    pub(super) fn forget_process(&mut self) {
        self.counted_until = None;
        self.profiled_from_gc = None;
    }

    /// Whether a census speaks for the target at `at`.
    pub(super) fn is_counted(&self, at: TimeMs) -> bool {
        self.counted_until.is_some_and(|until| at < until)
    }
}

/// Until when a census of `at` is believed, if the next one was due within `due_ms`.
pub(super) fn believed_until(at: TimeMs, due_ms: i64) -> TimeMs {
    TimeMs(at.0.saturating_add(due_ms.saturating_mul(3)))
}

/// Tells a figure of one place. A bound from below has no upper end, so that none is written.
pub(super) fn tell(samples: &mut Samples, (kind, site): (Kind, &str), figure: Figure) {
    let labels = [("kind", kind.as_str()), ("site", site)];
    let (value, low, high) = match figure {
        Figure::Exactly(n) => (n, n, Some(n)),
        Figure::AtLeast(n) => (n, n, None),
        Figure::About { value, low, high } => (value, low, Some(high)),
    };
    samples.push(metric::DEFERS_PENDING, &labels, value);
    samples.push(metric::DEFERS_PENDING_LOW, &labels, low);
    if let Some(high) = high {
        samples.push(metric::DEFERS_PENDING_HIGH, &labels, high);
    }
}

#[cfg(test)]
mod tests {
    use super::{By, Pending};
    use linger_derive::defers::Kind;
    use linger_probe::{Pid, ProcessId, StartTime};
    use linger_series::TimeMs;

    #[test]
    fn a_profile_ends_what_was_counted_only_if_it_would_see_it() {
        #[track_caller]
        fn check(by: By, kind: Kind, is_whole: bool, expected: bool) {
            assert_eq!(by.ends_unseen(kind, 32_721.0, is_whole), expected, "{by:?} {kind} {is_whole}");
        }
        check(By::Profile, Kind::Heap, false, true);
        check(By::Census(50_000.0), Kind::Heap, true, true);
        check(By::Census(50_000.0), Kind::Range, true, true);
        check(By::Census(50_000.0), Kind::Heap, false, false);
        check(By::Census(20_000.0), Kind::Heap, true, false);
        check(By::Census(50_000.0), Kind::Open, true, false);
        check(By::Census(50_000.0), Kind::Stack, true, false);
    }

    #[test]
    fn a_profile_is_whole_two_collections_after_it_spoke_first() {
        let mut pending = Pending::default();
        assert_eq!([7, 8, 9, 7].map(|gc| pending.profile_is_whole(gc)), [false, false, true, false]);
        let process = ProcessId { pid: Pid(1), started: StartTime(1), placed: [0, 0], file: [0, 0] };
        pending.counted(TimeMs(0), 15_000, process, 1);
        assert_eq!([9, 10, 11].map(|gc| pending.profile_is_whole(gc)), [false, false, true]);
    }

    #[test]
    fn the_same_process_that_ran_another_program_is_another_one() {
        let process = ProcessId { pid: Pid(1), started: StartTime(1), placed: [10, 20], file: [1, 2] };
        let mut pending = Pending::default();
        pending.counted(TimeMs(5), 15_000, process, 1);
        let check = |now, expected| assert_eq!(pending.replaced(now, 1), expected);
        check(process, None);
        check(ProcessId { placed: [10, 30], ..process }, Some(TimeMs(5)));
        check(ProcessId { file: [1, 3], ..process }, Some(TimeMs(5)));
        let another = ProcessId { pid: Pid(2), ..process };
        assert_eq!(pending.replaced(another, 2), None, "somebody noticed");
        pending.counted(TimeMs(6), 15_000, process, 0);
        let check = |incarnation, expected| assert_eq!(pending.replaced(another, incarnation), expected);
        check(0, Some(TimeMs(6)));
        check(1, Some(TimeMs(6)));
        check(2, None);
    }
}
