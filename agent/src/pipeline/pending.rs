//! What is told as `linger_defers_pending`, whoever counted: the census while there is one, else the heap profile. The
//! others are told as cross-checks beside it, and never added.

use super::Samples;
use linger_derive::defers::Kind;
use linger_series::{TimeMs, metric};
use std::collections::BTreeMap;

/// A process: its PID, and its start in ticks since boot.
pub(super) type Pid = (u32, u64);

/// A kind of defer at a site.
pub(super) type Place = (Kind, String);

/// What was told last of one target.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// Told with a value above zero, and by whom.
    pub(super) shown: BTreeMap<Place, By>,
    /// Until when the last census speaks for the target.
    counted_until: Option<TimeMs>,
    /// The last census: of which process (its PID and start), which incarnation that was, and when.
    last: Option<(Pid, u64, TimeMs)>,
}

/// Who told a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// A count in memory.
    Census,
    /// A heap profile, or an earlier agent.
    Profile,
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
    /// Of what an earlier agent told last, kind and site.
    pub(super) fn of_shown(shown: Vec<(String, String)>) -> Self {
        let known = shown.into_iter().filter_map(|(kind, site)| Some((kind.parse().ok()?, site)));
        Self { shown: known.map(|place| (place, By::Profile)).collect(), ..Self::default() }
    }

    /// A census spoke at `at`, and the next one was due within `due_ms`: it is believed for three of those, as values
    /// are everywhere.
    pub(super) fn counted(&mut self, at: TimeMs, due_ms: i64, process: Pid, incarnation: u64) {
        self.last = Some((process, incarnation, at));
        self.counted_until = Some(TimeMs(at.0.saturating_add(due_ms.saturating_mul(3))));
    }

    /// When the former process was counted last, if `process` is another one and nobody noticed yet: `incarnation` is
    /// what the target is believed to be.
    pub(super) fn replaced(&self, process: Pid, incarnation: u64) -> Option<TimeMs> {
        let (former, counted_as, at) = self.last?;
        (former != process && counted_as == incarnation).then_some(at)
    }

    /// The process is another one: the former's count speaks no longer.
    pub(super) fn forget_process(&mut self) {
        self.counted_until = None;
    }

    /// Whether a census speaks for the target at `at`.
    pub(super) fn is_counted(&self, at: TimeMs) -> bool {
        self.counted_until.is_some_and(|until| at < until)
    }
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
