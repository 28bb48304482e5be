//! Stretches of time counted together.

/// How many, how long, and the longest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spans {
    /// Those that ended in the window.
    pub count: u64,
    /// Those that had not ended with the window.
    pub open: u64,
    /// Time of all of them within the window.
    pub total_ns: u64,
    /// The longest one, within the window.
    pub max_ns: u64,
}

impl Spans {
    #[inline(always)]
    pub(super) fn add(&mut self, ns: u64) {
        self.count += 1;
        self.add_time(ns);
    }

    pub(super) fn add_open(&mut self, ns: u64) {
        self.open += 1;
        self.add_time(ns);
    }

    #[inline(always)]
    fn add_time(&mut self, ns: u64) {
        self.total_ns = self.total_ns.saturating_add(ns);
        self.max_ns = self.max_ns.max(ns);
    }

    /// Both together.
    pub(super) fn join(&mut self, other: &Self) {
        self.count += other.count;
        self.open += other.open;
        self.total_ns = self.total_ns.saturating_add(other.total_ns);
        self.max_ns = self.max_ns.max(other.max_ns);
    }
}
