//! Who holds pending defers, as the last count in a process's memory saw it. Estimates hold nobody: they are not here.

use super::SiteText;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The last count of pending defers in the memory of a target's process, by who holds them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DefersHeld {
    /// When it was taken.
    pub at_ms: i64,
    /// Goroutines looked at.
    pub goroutines: HeldGoroutines,
    /// By site, the most pending first.
    pub by_site: Vec<HeldSite>,
    /// Goroutines that hold the most, the most first.
    pub most_loaded: Vec<HeldBy>,
    /// Where those that hold some stand. Known to a running agent only: told by site, and of the most loaded.
    #[serde(skip)]
    pub standings: Vec<Standing>,
    /// Them in groups by site and standing.
    #[serde(skip)]
    pub groups: Vec<HeldGroup>,
    /// Open files of the process, where they may be counted.
    pub open_files: Option<u64>,
    /// CPU time it took the agent, seconds.
    pub cpu_s: f64,
    /// When the next one was due, seconds later.
    #[serde(default)]
    pub due_within_s: f64,
    /// From its beginning to its end, seconds.
    pub took_s: f64,
}

/// Goroutines by how far their pending defers are known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldGoroutines {
    /// Those that lived.
    pub alive: u64,
    /// `exact`, `running` (open-coded defers unreadable, the others exact), `lower bound`, `unstable`, `not reached`.
    pub by_outcome: BTreeMap<String, u64>,
}

/// Who holds the pending defers of one site.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldSite {
    /// `heap`, `stack`, `open`, `range`.
    pub kind: String,
    /// Stable identity.
    pub site: String,
    /// Goroutines that hold some; of several statements on one line, of the one that most hold.
    pub goroutines: u64,
    /// The most in one goroutine.
    pub most_in_one: u64,
}

/// A goroutine that holds many.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HeldBy {
    /// Its number.
    pub goroutine: u64,
    /// The number of the one that made it; 0 for those the runtime made.
    pub parent: u64,
    /// What it waits for in the runtime's own words, else what it does.
    pub state: String,
    /// Pending in it.
    pub pending: u64,
    /// Whether exactly so many.
    pub exact: bool,
    /// When it was first seen among those that hold the most.
    pub seen_since_ms: i64,
    /// How many were pending in it then.
    #[serde(default)]
    pub pending_when_seen: u64,
    /// It waits for at least so many seconds; none where it does not wait, or no garbage collection has noted it yet.
    #[serde(default)]
    pub waits_at_least_s: Option<f64>,
    /// Where it stands: its first function outside the standard library, as `linger trend` names it.
    pub at: SiteText,
    /// The `go` statement that made it.
    pub created_at: SiteText,
    /// The function it began with.
    pub start: String,
    /// Pending in it by statement, the most first.
    pub pending_at: Vec<HeldPlace>,
    /// Its place in [`DefersHeld::standings`].
    #[serde(skip)]
    pub standing: usize,
    /// Its stack, where one site was asked for; none where it ran.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stack: Vec<StackFrame>,
    /// Outer frames that were not kept.
    #[serde(default)]
    pub frames_left_out: u64,
}

/// Where goroutines stand, as a count saw them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standing {
    /// What they wait for in the runtime's own words, else what they do.
    pub state: String,
    /// Their first function outside the standard library, as `linger trend` names it, and where they are blocked.
    pub at: SiteText,
    /// The `go` statement that made them.
    pub created_at: SiteText,
    /// The function they began with.
    pub start: String,
    /// Their stack, the innermost function first.
    pub stack: Vec<StackFrame>,
    /// Outer frames that were not kept.
    pub frames_left_out: u64,
}

/// Goroutines that hold pending defers of one site and stand at the same place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeldGroup {
    /// `heap`, `stack`, `open`, `range`.
    pub kind: String,
    /// The site's stable identity.
    pub site: String,
    /// Their place in [`DefersHeld::standings`].
    pub standing: usize,
    /// How many they are; of several statements on one line, of the one that most hold.
    pub goroutines: u64,
    /// Pending in all of them at this site.
    pub pending: u64,
    /// The most in one of them.
    pub most_in_one: u64,
    /// Whether exactly so many.
    pub exact: bool,
    /// The lowest of their numbers.
    pub oldest: u64,
    /// When that one was first seen as the oldest of a group.
    pub oldest_seen_since_ms: i64,
    /// One of them waits for at least so many seconds.
    pub waits_at_least_s: Option<f64>,
}

/// Goroutines that hold pending defers of one site, from one place.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Holders {
    /// How many they are; of several statements on one line, of the one that most hold.
    pub goroutines: u64,
    /// Pending in all of them at this site.
    pub pending: u64,
    /// The most in one of them.
    pub most_in_one: u64,
    /// Whether exactly so many.
    pub exact: bool,
    /// What they wait for in the runtime's own words, else what they do.
    pub state: String,
    /// One of them waits for at least so many seconds; none where none waits, or no garbage collection has noted it yet.
    pub waits_at_least_s: Option<f64>,
    /// The lowest of their numbers.
    pub oldest: u64,
    /// When that one was first seen as the oldest of a group: it is at least so old.
    pub oldest_seen_since_ms: i64,
    /// Their first function outside the standard library, as `linger trend` names it, and where they are blocked.
    pub at: SiteText,
    /// The `go` statement that made them.
    pub created_at: SiteText,
    /// The function they began with.
    pub start: String,
    /// Their stack, the innermost function first, where one site was asked for; none where they ran.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stack: Vec<StackFrame>,
    /// Outer frames that were not kept.
    #[serde(default)]
    pub frames_left_out: u64,
}

/// One function of a stack.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackFrame {
    /// Its full name.
    pub function: String,
    /// Its file.
    pub file: String,
    /// The line it is at; 0 where it is not known.
    pub line: u64,
}

/// Pending at one statement in one goroutine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HeldPlace {
    /// `heap`, `stack`, `open`, `range`.
    pub kind: String,
    /// The statement.
    pub at: SiteText,
    /// How many.
    pub pending: u64,
}
