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
    /// Where it stands.
    pub at: SiteText,
    /// The `go` statement that made it.
    pub created_at: SiteText,
    /// The function it began with.
    pub start: String,
    /// Pending in it by statement, the most first.
    pub pending_at: Vec<HeldPlace>,
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
