//! The last execution traces of each target, kept as they came: for `go tool trace`, and for what linger does not tell.
//!
//! A folder beside the store with a file for each trace and `index.json` that says which is what. Bounded in number for
//! each target and in bytes for all; whoever has the most bytes loses its oldest first, so that one busy service cannot
//! push out the traces of others. Files appear whole or not at all (written aside, then renamed) and are for their owner
//! alone. They are not worth a flush to disk: what a power cut leaves half is dropped at the next start, and so is
//! whatever the index does not name.

mod folder;

use crate::report::KeptTrace;
use folder::Folder;
use linger_config::Retention;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Name of the folder in the agent's data folder.
pub const FOLDER: &str = "trace";

/// How many and how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Traces of each target; 0 keeps none.
    pub per_target: usize,
    /// Bytes of all.
    pub bytes: u64,
}

impl From<&Retention> for Limits {
    fn from(retention: &Retention) -> Self {
        Self {
            per_target: usize::try_from(retention.traces_per_target).unwrap_or(usize::MAX),
            bytes: retention.traces_bytes.get(),
        }
    }
}

/// What became of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// It is kept.
    Kept,
    /// None are kept.
    Off,
    /// It alone is larger than all may be.
    TooLarge,
}

/// The kept traces of all targets. Shared by who writes them and who serves them.
#[derive(Debug)]
pub struct Traces {
    folder: Folder,
    kept: Mutex<Kept>,
}

#[derive(Debug)]
struct Kept {
    limits: Limits,
    /// In the order they were kept, which is that of time unless the clock was set.
    all: Vec<KeptTrace>,
}

impl Traces {
    /// Those in the trace folder of `data`, within `limits`; whatever else lies there goes.
    #[must_use]
    pub fn open(data: &Path, limits: Limits) -> Self {
        let folder = Folder::new(data.join(FOLDER));
        let all = folder.read_index();
        folder.sweep(&all);
        let traces = Self { folder, kept: Mutex::new(Kept { limits, all }) };
        traces.set_limits(limits);
        traces
    }

    /// Keeps `body`. Its size and id are set here.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&self, about: KeptTrace, body: &[u8]) -> io::Result<Keeping> {
        let mut kept = self.kept();
        let bytes = u64::try_from(body.len()).unwrap_or(u64::MAX);
        if kept.limits.per_target == 0 {
            return Ok(Keeping::Off);
        }
        if bytes > kept.limits.bytes {
            return Ok(Keeping::TooLarge);
        }
        let id = id_of(&about.target, about.at_ms);
        let new = KeptTrace { id, bytes, ..about };
        // One of the same millisecond: the clock was set back.
        let mut gone = kept.take_out(|trace| trace.id == new.id);
        gone.extend(kept.make_room(Some(&new)));
        // Room first: the disk never holds more than the limit.
        self.folder.remove(&gone);
        let written = self.folder.write(&new.id, body);
        if written.is_ok() {
            kept.all.push(new);
        }
        self.folder.write_index(&kept.all)?;
        written.map(|()| Keeping::Kept)
    }

    /// Keeps to other limits from now on.
    pub fn set_limits(&self, limits: Limits) {
        let mut kept = self.kept();
        kept.limits = limits;
        let gone = kept.make_room(None);
        if gone.is_empty() {
            return;
        }
        self.folder.remove(&gone);
        if let Err(e) = self.folder.write_index(&kept.all) {
            tracing::warn!("the index of kept traces cannot be written: {e}");
        }
    }

    /// What is kept, the newest first; of one target, or of all.
    #[must_use]
    pub fn list(&self, target: Option<&str>) -> Vec<KeptTrace> {
        newest_first(self.kept().all.clone(), target)
    }

    /// A kept trace and its file: the one with this id, or the target's newest.
    ///
    /// # Errors
    /// When its file cannot be opened.
    pub fn open_raw(&self, target: &str, id: Option<&str>) -> io::Result<Option<(KeptTrace, File)>> {
        // The lock is held until it is open: an open file outlives its removal.
        let kept = self.kept();
        let newest = newest_first(kept.all.clone(), Some(target));
        let Some(trace) = newest.into_iter().find(|trace| id.is_none_or(|id| trace.id == id)) else {
            return Ok(None);
        };
        let file = File::open(self.folder.path_of(&trace.id))?;
        Ok(Some((trace, file)))
    }

    /// A panic of one writer leaves a whole list behind.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a stopped agent kept in `data`, the newest first; nothing is changed.
#[must_use]
pub fn kept_in(data: &Path, target: Option<&str>) -> Vec<KeptTrace> {
    newest_first(Folder::new(data.join(FOLDER)).read_index(), target)
}

/// The file of one of [`kept_in`].
#[must_use]
pub fn file_in(data: &Path, trace: &KeptTrace) -> PathBuf {
    Folder::new(data.join(FOLDER)).path_of(&trace.id)
}

fn newest_first(mut traces: Vec<KeptTrace>, target: Option<&str>) -> Vec<KeptTrace> {
    traces.retain(|trace| target.is_none_or(|target| trace.target == target));
    traces.reverse();
    traces
}

impl Kept {
    /// Takes out what has to go so that the limits hold, with one more where there is one.
    fn make_room(&mut self, new: Option<&KeptTrace>) -> Vec<KeptTrace> {
        let mut gone = Vec::new();
        let mut targets: Vec<String> = self.all.iter().map(|trace| trace.target.clone()).collect();
        targets.sort_unstable();
        targets.dedup();
        for target in &targets {
            let most = self.limits.per_target - usize::from(new.is_some_and(|new| new.target == *target));
            while self.all.iter().filter(|trace| trace.target == *target).count() > most {
                gone.extend(self.take_oldest_of(target));
            }
        }
        let bytes_of = |all: &[KeptTrace], target: Option<&str>| {
            let counted = all.iter().chain(new).filter(|trace| target.is_none_or(|t| trace.target == t));
            counted.fold(0, |sum: u64, trace| sum.saturating_add(trace.bytes))
        };
        while bytes_of(&self.all, None) > self.limits.bytes {
            let there = targets.iter().filter(|target| self.all.iter().any(|trace| trace.target == **target));
            let Some(largest) = there.max_by_key(|target| bytes_of(&self.all, Some(target))) else { break };
            gone.extend(self.take_oldest_of(largest));
        }
        gone
    }

    fn take_oldest_of(&mut self, target: &str) -> Option<KeptTrace> {
        let oldest = self.all.iter().position(|trace| trace.target == target)?;
        Some(self.all.remove(oldest))
    }

    fn take_out(&mut self, which: impl Fn(&KeptTrace) -> bool) -> Vec<KeptTrace> {
        self.all.extract_if(.., |trace| which(trace)).collect()
    }
}

/// The id of a trace: when, and a hash of whose, since a target may be called anything and an id is the name of a file.
fn id_of(target: &str, at_ms: i64) -> String {
    // FNV-1a, 32 bits: the same in every build.
    let hash =
        target.bytes().fold(0x811c_9dc5_u32, |hash, b| (hash ^ u32::from(b)).wrapping_mul(0x0100_0193));
    format!("{at_ms}-{hash:08x}")
}

#[cfg(test)]
mod tests;
