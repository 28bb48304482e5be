//! Where goroutines come from: the function each runs, and where the `go` statement stands.

use std::collections::HashMap;

use super::memo::Memo;
use super::sites;
use super::spans::Spans;
use crate::event::Name;

/// Origins that are told apart. Beyond it goroutines are of unknown origin: counted, but not named.
const ORIGINS_MAX: usize = 1 << 12;

/// Those from before the trace of which nothing is known.
pub(super) const UNKNOWN: u32 = 0;
/// Those created in it of which nothing is known.
pub(super) const UNKNOWN_CREATED: u32 = 1;

/// Goroutines of one origin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    /// None for those of which it is not known.
    pub(super) function: Option<Name>,
    /// Where they were created; unknown for those from before the trace.
    pub(super) site: u32,
    pub(super) at_start: u64,
    pub(super) created: u64,
    pub(super) ended: u64,
    pub(super) running: Spans,
}

/// All origins.
#[derive(Debug)]
pub(super) struct Origins {
    all: Vec<Origin>,
    by_key: HashMap<(Name, u32), u32>,
    /// By the stacks of a creator and of the new goroutine.
    pub(super) of_creation: Memo,
    /// By a stack of a goroutine from before the trace.
    pub(super) of_root: Memo,
}

impl Origins {
    pub(super) fn new() -> Self {
        let unknown = Origin {
            function: None,
            site: sites::UNKNOWN,
            at_start: 0,
            created: 0,
            ended: 0,
            running: Spans::default(),
        };
        Self {
            all: vec![unknown, unknown],
            by_key: HashMap::new(),
            of_creation: Memo::default(),
            of_root: Memo::default(),
        }
    }

    pub(super) fn forget_numbers(&mut self) {
        self.of_creation.forget();
        self.of_root.forget();
    }

    /// Whether no more are told apart, so that names need not be learnt.
    pub(super) fn is_full(&self) -> bool {
        self.all.len() >= ORIGINS_MAX
    }

    /// The place of an origin, which is opened; none beyond the limit.
    pub(super) fn open(&mut self, function: Name, site: u32) -> Option<u32> {
        if let Some(origin) = self.by_key.get(&(function, site)) {
            return Some(*origin);
        }
        if self.is_full() {
            return None;
        }
        let new = u32::try_from(self.all.len()).ok()?;
        self.all.push(Origin {
            function: Some(function),
            site,
            at_start: 0,
            created: 0,
            ended: 0,
            running: Spans::default(),
        });
        self.by_key.insert((function, site), new);
        Some(new)
    }

    /// The origin at a place.
    #[expect(clippy::indexing_slicing, reason = "places come from `open` alone; origins never go away")]
    #[inline(always)]
    pub(super) fn at(&mut self, origin: u32) -> &mut Origin {
        &mut self.all[origin as usize]
    }

    pub(super) fn all(&self) -> &[Origin] {
        &self.all
    }
}
