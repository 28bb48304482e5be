//! Deferred calls that run just now, and those that never will.

use super::SiteText;
use serde::{Deserialize, Serialize};

/// Goroutines inside deferred calls, as the last goroutine profile saw them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DefersRunning {
    /// When.
    pub at_ms: i64,
    /// By what runs and where, the most first.
    pub inside: Vec<InDeferredCall>,
}

/// Goroutines inside one deferred call.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct InDeferredCall {
    /// What runs it: `return` (told where the program's file can be read), `panic`, `exit`.
    pub how: String,
    /// Where its function returns, where the panic came from, or who called `runtime.Goexit`.
    pub at: SiteText,
    /// The function that is called.
    pub call: String,
    /// How many.
    pub goroutines: u64,
}

/// Pending at one line in goroutines that wait for what cannot come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DeferStranded {
    /// The defer statement.
    pub at: SiteText,
    /// How many, at least.
    pub pending: u64,
}
