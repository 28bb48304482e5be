//! Which process of a target we are looking at, counted from 1 since the store began.

use linger_derive::incarnation::{Reading, Verdict, same_process};
use linger_proto::heap_text::MemStats;
use linger_series::TimeMs;
use serde::{Deserialize, Serialize};

/// The incarnation of one target, with the last reading of its MemStats, which outlives the agent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Incarnation {
    target: String,
    ordinal: u64,
    since_ms: i64,
    num_gc: u32,
    last_gc_ns: u64,
    total_alloc_bytes: u64,
    mallocs: u64,
    /// Those not taken yet, in the order of time.
    #[serde(skip)]
    sightings: Vec<Sighting>,
    #[serde(skip)]
    seen: Option<TimeMs>,
    /// The process is known to be another one, before any reading of it.
    #[serde(default)]
    unread: bool,
}

/// At `at` the process was the `ordinal`th.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sighting {
    /// When.
    pub at: TimeMs,
    /// Which.
    pub ordinal: u64,
}

impl Incarnation {
    /// Nothing seen yet.
    pub(super) fn new(target: &str) -> Self {
        Self {
            target: target.to_owned(),
            ordinal: 0,
            since_ms: 0,
            num_gc: 0,
            last_gc_ns: 0,
            total_alloc_bytes: 0,
            mallocs: 0,
            sightings: Vec::new(),
            seen: None,
            unread: false,
        }
    }

    /// Judges a reading; true when it proves a restart.
    pub(super) fn judge(&mut self, stats: &MemStats, at: TimeMs) -> bool {
        // One that is known to be new needs no proof by its first reading.
        let verdict =
            if std::mem::take(&mut self.unread) { Some(Verdict::Same) } else { self.verdict(stats) };
        let restarted = verdict.is_some_and(Verdict::is_restart);
        if restarted || verdict.is_none() {
            self.ordinal += 1;
            self.since_ms = at.0;
        }
        self.num_gc = stats.num_gc;
        self.last_gc_ns = stats.last_gc_ns;
        self.total_alloc_bytes = stats.total_alloc_bytes;
        self.mallocs = stats.mallocs;
        // Also where nothing is proven: what was read before a restart that is found later was not the new process.
        self.sight(at);
        if restarted {
            let verdict = verdict.map(|v| v.to_string()).unwrap_or_default();
            tracing::info!(
                target = self.target,
                incarnation = self.ordinal,
                verdict,
                "the target is a new process"
            );
        }
        restarted
    }

    /// Its process was seen to be another one at `at`, by its PID and start; the former was seen last at `former`.
    pub(super) fn replaced(&mut self, former: TimeMs, at: TimeMs) {
        if self.ordinal > 0 && self.seen.is_none_or(|seen| seen < former) {
            self.sight(former);
        }
        self.ordinal += 1;
        self.since_ms = at.0;
        self.unread = true;
        self.sight(at);
        tracing::info!(target = self.target, incarnation = self.ordinal, "the target is a new process");
    }

    /// A body that is judged once more, with the names it asked for, is one sighting.
    fn sight(&mut self, at: TimeMs) {
        self.sightings.retain(|sighting| sighting.at != at);
        self.sightings.push(Sighting { at, ordinal: self.ordinal });
        self.seen = Some(at);
    }

    /// Which one it is; 0 before the first reading.
    pub(super) fn ordinal(&self) -> u64 {
        self.ordinal
    }

    fn verdict(&self, stats: &MemStats) -> Option<Verdict> {
        let earlier = Reading {
            num_gc: self.num_gc,
            last_gc_ns: self.last_gc_ns,
            total_alloc_bytes: self.total_alloc_bytes,
            mallocs: self.mallocs,
            pause_end_ns: &[],
        };
        (self.ordinal > 0).then(|| same_process(earlier, stats))
    }

    /// What was seen since this was asked last.
    pub(super) fn take_sightings(&mut self) -> Vec<Sighting> {
        std::mem::take(&mut self.sightings)
    }

    /// Ordinal and first sight of the present process; `None` before the first reading.
    pub(super) fn present(&self) -> Option<(u64, i64)> {
        (self.ordinal > 0).then_some((self.ordinal, self.since_ms))
    }

    /// Name of the note that keeps it over the agent's restarts.
    pub(super) fn note_name(&self) -> String {
        note_name(&self.target)
    }

    /// Its durable form.
    pub(super) fn to_note(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads a note; one that cannot be read counts as none.
    pub(super) fn from_note(target: &str, note: Option<&[u8]>) -> Self {
        note.and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_else(|| Self::new(target))
    }
}

/// See [`Incarnation::note_name`].
pub fn note_name(target: &str) -> String {
    format!("incarnation/{target}")
}

#[cfg(test)]
mod tests {
    use super::Incarnation;
    use linger_proto::heap_text::MemStats;
    use linger_series::TimeMs;

    fn stats(num_gc: u32, start_ns: u64) -> MemStats {
        let mut pause_end_ns = vec![0; 256];
        for gc in 1..=num_gc {
            pause_end_ns[((gc + 255) % 256) as usize] = start_ns + u64::from(gc);
        }
        let mut stats = MemStats::default();
        stats.num_gc = num_gc;
        stats.last_gc_ns = start_ns + u64::from(num_gc);
        stats.total_alloc_bytes = u64::from(num_gc) * 1000;
        stats.mallocs = u64::from(num_gc) * 10;
        stats.pause_end_ns = pause_end_ns;
        stats
    }

    #[test]
    fn an_agent_that_restarts_knows_the_process_again_and_a_new_one_too() {
        let mut seen = Incarnation::new("api");
        assert!(!seen.judge(&stats(3, 1_000), TimeMs(1)));
        assert_eq!((seen.present(), seen.take_sightings().pop().map(|p| p.ordinal)), (Some((1, 1)), Some(1)));
        let mut again = Incarnation::from_note("api", Some(&seen.to_note()));
        assert!(!again.judge(&stats(7, 1_000), TimeMs(2)));
        assert_eq!(again.present(), Some((1, 1)));
        let mut later = Incarnation::from_note("api", Some(&again.to_note()));
        assert!(later.judge(&stats(9, 5_000_000), TimeMs(3)));
        assert_eq!(
            (later.present(), later.take_sightings().pop().map(|p| p.at)),
            (Some((2, 3)), Some(TimeMs(3)))
        );
        assert_eq!(later.take_sightings().pop(), None);
    }

    #[test]
    fn before_the_first_collection_nothing_is_proven_and_nothing_counted_twice() {
        let mut seen = Incarnation::new("api");
        seen.judge(&stats(0, 0), TimeMs(1));
        assert!(seen.take_sightings().pop().is_some());
        assert!(!seen.judge(&stats(2, 9), TimeMs(2)));
        assert_eq!((seen.present(), seen.take_sightings().pop().map(|p| p.ordinal)), (Some((1, 1)), Some(1)));
    }

    #[test]
    fn a_process_seen_to_be_another_one_needs_no_proof_and_is_counted_once() {
        let mut seen = Incarnation::new("api");
        assert!(!seen.judge(&stats(3, 1_000), TimeMs(10)));
        seen.replaced(TimeMs(40), TimeMs(55));
        let sightings: Vec<(i64, u64)> =
            seen.take_sightings().into_iter().map(|s| (s.at.0, s.ordinal)).collect();
        assert_eq!(sightings, [(10, 1), (40, 1), (55, 2)], "the former one to its last count");
        assert!(!seen.judge(&stats(1, 9_000), TimeMs(60)));
        assert!(!seen.judge(&stats(1, 9_000), TimeMs(60)));
        assert_eq!(seen.take_sightings().len(), 1, "a body judged twice");
        assert!(!seen.judge(&stats(1, 9_000), TimeMs(70)));
        assert_eq!(seen.present(), Some((2, 55)));
        assert!(seen.judge(&stats(1, 99_000), TimeMs(130)), "the next one is proven as ever");
    }
}
