//! What a program says of itself: tasks, regions, logs. A region whose name starts with `defer:` is a deferred call that
//! its author annotated: its beginning is the `defer` statement, its end is the call.

use std::collections::{BTreeMap, HashMap};

use super::spans::Spans;
use crate::event::{Name, TaskId};
use crate::order::regions::Regions;

/// Keys of logs that are told apart; the rest is counted under the empty one.
const LOG_KEYS_MAX: usize = 1 << 10;

/// Prefix of the names of regions that are deferred calls.
pub const DEFER_PREFIX: &str = "defer:";

/// Regions, or tasks, of one name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Annotated {
    /// How long they were open. Those still open count as open.
    pub spans: Spans,
    /// Begun in the window.
    pub begun: u64,
    /// Ended in the window, though their beginning was before it: of unknown length.
    pub begun_before: u64,
    /// Never ended, because their goroutine did.
    pub abandoned: u64,
}

/// Annotations as they are watched.
#[derive(Debug)]
pub(super) struct Annotations {
    regions: Regions<(Name, u64)>,
    open_tasks: HashMap<TaskId, (Name, u64)>,
    pub(super) regions_by_name: BTreeMap<Name, Annotated>,
    pub(super) tasks_by_name: BTreeMap<Name, Annotated>,
    pub(super) logs_by_key: BTreeMap<Vec<u8>, u64>,
}

impl Annotations {
    pub(super) fn new() -> Self {
        Self {
            regions: Regions::new(),
            open_tasks: HashMap::new(),
            regions_by_name: BTreeMap::new(),
            tasks_by_name: BTreeMap::new(),
            logs_by_key: BTreeMap::new(),
        }
    }

    pub(super) fn region_begins(&mut self, ns: u64, innermost: &mut u32, name: Name) {
        self.regions.push(innermost, (name, ns));
        self.regions_by_name.entry(name).or_default().begun += 1;
    }

    pub(super) fn region_ends(&mut self, ns: u64, innermost: &mut u32, name: Name) {
        let of_name = self.regions_by_name.entry(name).or_default();
        match self.regions.pop(innermost) {
            Some((_, since)) => of_name.spans.add(ns.saturating_sub(since)),
            None => of_name.begun_before += 1,
        }
    }

    /// A goroutine ended with these regions open.
    #[inline]
    pub(super) fn gone(&mut self, mut innermost: u32) {
        while let Some((name, _)) = self.regions.pop(&mut innermost) {
            self.regions_by_name.entry(name).or_default().abandoned += 1;
        }
    }

    /// A goroutine is alive at the end of the window with these regions open.
    pub(super) fn still_open(&mut self, mut innermost: u32, end_ns: u64) {
        while let Some((name, since)) = self.regions.pop(&mut innermost) {
            self.regions_by_name.entry(name).or_default().spans.add_open(end_ns.saturating_sub(since));
        }
    }

    pub(super) fn task_begins(&mut self, ns: u64, task: TaskId, name: Name) {
        self.open_tasks.insert(task, (name, ns));
        self.tasks_by_name.entry(name).or_default().begun += 1;
    }

    pub(super) fn task_ends(&mut self, ns: u64, task: TaskId, name: Name) {
        let of_name = self.tasks_by_name.entry(name).or_default();
        match self.open_tasks.remove(&task) {
            Some((_, since)) => of_name.spans.add(ns.saturating_sub(since)),
            None => of_name.begun_before += 1,
        }
    }

    pub(super) fn log(&mut self, key: &[u8]) {
        if let Some(count) = self.logs_by_key.get_mut(key) {
            *count += 1;
            return;
        }
        let key = if self.logs_by_key.len() < LOG_KEYS_MAX { key } else { b"" };
        *self.logs_by_key.entry(key.to_vec()).or_default() += 1;
    }

    /// Tasks that are open when the window ends.
    pub(super) fn finish(&mut self, end_ns: u64) {
        for (name, since) in self.open_tasks.drain().map(|(_, task)| task) {
            self.tasks_by_name.entry(name).or_default().spans.add_open(end_ns.saturating_sub(since));
        }
    }
}
