//! Is it still the same process? Decided from two readings of the memory statistics at the end of
//! `heap?debug=1`, over HTTP alone. It never guesses: what the readings do not prove is `Unknown`, and the
//! caller joins points since the last proof to the new incarnation.
//!
//! The proof of sameness is the ring of pause ends: a process writes the end of its garbage collection n,
//! in nanoseconds since 1970, into slot (n + 255) % 256 (runtime/mgc.go, `gcMarkTermination`; `MemStats.
//! PauseEnd`), and the same value is `LastGC`. As long as fewer than 256 collections passed, the old `LastGC`
//! still stands in its slot; another process cannot have put it there.

use linger_proto::heap_text::MemStats;
use std::fmt;

/// Slots of the ring (runtime/mstats.go, `pause_end`).
const PAUSE_RING_SLOTS: usize = 256;

/// The judgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Proven: both readings are of one process.
    Same,
    /// Proven: a new process answered.
    Restarted(Restart),
    /// Not proven either way.
    Unknown(Doubt),
}

/// What proves a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// Fewer collections than before.
    CollectionsFell,
    /// Fewer bytes or objects ever allocated than before.
    AllocationsFell,
    /// The old last collection is not where this process would have written it.
    PauseRingDiffers,
}

/// Why nothing is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// The earlier reading was before the process's first collection.
    NoCollectionYet,
    /// 256 or more collections passed: the old entry is overwritten.
    RingTurnedOver,
    /// The later reading has no whole ring of pause ends.
    NoRing,
}

impl Verdict {
    /// Whether slopes and deltas may be computed across the two readings.
    #[must_use]
    pub fn is_same(self) -> bool {
        self == Self::Same
    }

    /// Whether a restart is proven.
    #[must_use]
    pub fn is_restart(self) -> bool {
        matches!(self, Self::Restarted(_))
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Same => "same process",
            Self::Restarted(Restart::CollectionsFell) => "restarted: fewer collections than before",
            Self::Restarted(Restart::AllocationsFell) => "restarted: fewer allocations than before",
            Self::Restarted(Restart::PauseRingDiffers) => "restarted: its history of collections is another",
            Self::Unknown(Doubt::NoCollectionYet) => "unknown: no collection before the earlier reading",
            Self::Unknown(Doubt::RingTurnedOver) => "unknown: 256 or more collections in between",
            Self::Unknown(Doubt::NoRing) => "unknown: the reading has no pause ends",
        })
    }
}

/// The fields the rule reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading<'a> {
    /// `NumGC`.
    pub num_gc: u32,
    /// `LastGC`, nanoseconds since 1970.
    pub last_gc_ns: u64,
    /// `TotalAlloc`.
    pub total_alloc_bytes: u64,
    /// `Mallocs`.
    pub mallocs: u64,
    /// `PauseEnd`, all 256 slots.
    pub pause_end_ns: &'a [u64],
}

impl<'a> From<&'a MemStats> for Reading<'a> {
    fn from(m: &'a MemStats) -> Self {
        Self {
            num_gc: m.num_gc,
            last_gc_ns: m.last_gc_ns,
            total_alloc_bytes: m.total_alloc_bytes,
            mallocs: m.mallocs,
            pause_end_ns: &m.pause_end_ns,
        }
    }
}

/// Judges two readings, the earlier first.
pub fn same_process<'a>(earlier: impl Into<Reading<'a>>, later: impl Into<Reading<'a>>) -> Verdict {
    let (earlier, later) = (earlier.into(), later.into());
    let Some(passed) = later.num_gc.checked_sub(earlier.num_gc) else {
        return Verdict::Restarted(Restart::CollectionsFell);
    };
    if later.total_alloc_bytes < earlier.total_alloc_bytes || later.mallocs < earlier.mallocs {
        return Verdict::Restarted(Restart::AllocationsFell);
    }
    if earlier.num_gc == 0 || earlier.last_gc_ns == 0 {
        return Verdict::Unknown(Doubt::NoCollectionYet);
    }
    if passed as usize >= PAUSE_RING_SLOTS {
        return Verdict::Unknown(Doubt::RingTurnedOver);
    }
    if later.pause_end_ns.len() != PAUSE_RING_SLOTS {
        return Verdict::Unknown(Doubt::NoRing);
    }
    let slot = (earlier.num_gc as usize + PAUSE_RING_SLOTS - 1) % PAUSE_RING_SLOTS;
    if later.pause_end_ns.get(slot) == Some(&earlier.last_gc_ns) {
        Verdict::Same
    } else {
        Verdict::Restarted(Restart::PauseRingDiffers)
    }
}

#[cfg(test)]
mod tests {
    use super::{Doubt, PAUSE_RING_SLOTS, Reading, Restart, Verdict, same_process};
    use proptest::prelude::{Just, Strategy, proptest};

    /// A process that collects, and its statistics as Go keeps them.
    #[derive(Clone)]
    struct Process {
        num_gc: u32,
        last_gc_ns: u64,
        allocated: u64,
        ring: Vec<u64>,
    }

    impl Process {
        fn new() -> Self {
            Self { num_gc: 0, last_gc_ns: 0, allocated: 1000, ring: vec![0; PAUSE_RING_SLOTS] }
        }

        /// One collection ending at `ns`, after so many more bytes.
        fn collect(&mut self, ns: u64, bytes: u64) {
            self.ring[self.num_gc as usize % PAUSE_RING_SLOTS] = ns;
            self.num_gc += 1;
            self.last_gc_ns = ns;
            self.allocated += bytes;
        }

        fn read(&self) -> Reading<'_> {
            Reading {
                num_gc: self.num_gc,
                last_gc_ns: self.last_gc_ns,
                total_alloc_bytes: self.allocated,
                mallocs: self.allocated / 16,
                pause_end_ns: &self.ring,
            }
        }
    }

    fn collected(times: u32, start_ns: u64, bytes: u64) -> Process {
        let mut p = Process::new();
        for i in 0..u64::from(times) {
            p.collect(start_ns + i * 1000, bytes);
        }
        p
    }

    proptest! {
        #[test]
        fn a_process_is_itself_until_the_ring_turns_over(
            before in 1..600_u32,
            more in 0..600_u32,
            bytes in 0..1_000_000_u64,
        ) {
            let earlier = collected(before, 1_700_000_000_000_000_000, bytes);
            let mut later = earlier.clone();
            for i in 0..u64::from(more) {
                later.collect(1_700_000_100_000_000_000 + i * 1000, bytes);
            }
            let expected = if more < 256 { Verdict::Same } else { Verdict::Unknown(Doubt::RingTurnedOver) };
            assert_eq!(same_process(earlier.read(), later.read()), expected);
        }

        #[test]
        fn another_process_is_never_taken_for_the_same(
            before in 1..600_u32,
            after in 0..1200_u32,
            bytes_before in 0..1_000_000_u64,
            bytes_after in 0..1_000_000_000_u64,
        ) {
            // The new process starts after the old one's last collection.
            let earlier = collected(before, 1_700_000_000_000_000_000, bytes_before);
            let later = collected(after, 1_700_000_100_000_000_000, bytes_after);
            let verdict = same_process(earlier.read(), later.read());
            assert!(verdict != Verdict::Same, "{verdict}");
            assert!(verdict.is_restart() || after >= before + 256, "{verdict}");
        }

        /// A crash loop that allocates more in its short life than its forerunner in its: no counter ever
        /// falls, and only the ring tells.
        #[test]
        fn a_crash_loop_that_allocates_fast_is_seen(
            (before, after) in (1..200_u32).prop_flat_map(|n| (Just(n), n..n + 200)),
        ) {
            let earlier = collected(before, 1_700_000_000_000_000_000, 1_000_000);
            let later = collected(after, 1_700_000_100_000_000_000, 50_000_000);
            let verdict = same_process(earlier.read(), later.read());
            assert_eq!(verdict, Verdict::Restarted(Restart::PauseRingDiffers));
        }
    }

    #[track_caller]
    fn check(earlier: &Process, later: &Process, expected: &str) {
        assert_eq!(same_process(earlier.read(), later.read()).to_string(), expected);
    }

    #[test]
    fn a_verdict_says_what_it_rests_on() {
        let old = collected(10, 5_000_000, 1000);
        check(&old, &old, "same process");
        check(&old, &collected(9, 9_000_000, 100_000), "restarted: fewer collections than before");
        check(&old, &collected(12, 9_000_000, 10), "restarted: fewer allocations than before");
        check(&old, &collected(12, 9_000_000, 1000), "restarted: its history of collections is another");
        check(&old, &collected(266, 9_000_000, 1000), "unknown: 256 or more collections in between");
        check(&Process::new(), &old, "unknown: no collection before the earlier reading");
        let mut cut = old.clone();
        cut.ring.truncate(100);
        check(&old, &cut, "unknown: the reading has no pause ends");
    }
}
