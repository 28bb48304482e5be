//! The execution traces that are kept: what there is, not what is inside.

use serde::{Deserialize, Serialize};

/// `/linger/v1/traces`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Traces {
    /// Shape version.
    pub version: u32,
    /// The newest first.
    pub traces: Vec<KeptTrace>,
}

/// A trace as it came, kept beside the store.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct KeptTrace {
    /// Whose.
    pub target: String,
    /// What it is asked for by.
    pub id: String,
    /// When it was asked for.
    pub at_ms: i64,
    /// Its size.
    pub bytes: u64,
    /// The version its header names, as `go 1.26`; a Go without a format of its own writes an older one.
    pub go: String,
    /// The time it covers, seconds.
    pub window_s: f64,
    /// Events in it.
    pub events: u64,
    /// Why it is not whole; null when it is.
    pub cut: Option<String>,
}
