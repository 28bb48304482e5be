//! `linger audit BINARY`: the defer statements of a program.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    /// Shape version.
    pub version: u32,
    /// What was looked at.
    pub binary: AuditedBinary,
    /// All statements of the program by kind, whatever is listed.
    pub statements: BTreeMap<String, u64>,
    /// Kinds that were asked for; all of them when empty.
    pub only: Vec<String>,
    /// Packages that were asked for, as a glob; all of them without one.
    pub package: Option<String>,
    /// The statements asked for: in loops first, the program's own before those of its libraries and of Go.
    pub defers: Vec<AuditedDefer>,
    /// Functions with statements that were not found; they are missing in `defers`.
    pub not_placed: Vec<NotPlaced>,
    /// The baseline and what became of it.
    pub baseline: Option<BaselineUse>,
    /// Kinds that fail the audit.
    pub fail_on: Vec<String>,
}

impl Audit {
    /// Statements that fail it.
    #[must_use]
    pub fn failures(&self) -> usize {
        self.defers.iter().filter(|defer| defer.fails).count()
    }
}

/// A program.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditedBinary {
    /// Where it is.
    pub path: String,
    /// The Go that built it.
    pub go: String,
    /// What it was built for, as `amd64`.
    pub arch: String,
    /// Path of the main module; empty without modules.
    pub module: String,
    /// Version of the main module, `(devel)` from a work tree.
    pub module_version: String,
    /// Commit it was built from, where the build tells.
    pub revision: Option<String>,
    /// The linker's build id (GNU), by which symbol servers know it.
    pub build_id: Option<String>,
}

/// A defer statement.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditedDefer {
    /// `heap`, `range`, `stack`, `open`.
    pub kind: String,
    /// Function it stands in.
    pub function: String,
    /// File.
    pub file: String,
    /// Line; 0 when unknown.
    pub line: u32,
    /// Whether it is in a loop (or behind a label that is jumped back to).
    pub in_loop: bool,
    /// Import path of its package.
    pub package: String,
    /// `own`: of the main module; `library`: of another one; `go`: of Go itself.
    pub owner: String,
    /// Identity that survives edits above it, `pkg.Func+7`: the same as in `linger defers`.
    pub site: String,
    /// Copies of it in the code: instances of a generic function, inlined callers of a function literal.
    pub copies: usize,
    /// What the baseline says of it; empty where it gives no reason.
    pub known: Option<String>,
    /// Whether it fails the audit.
    pub fails: bool,
}

/// A function that was not understood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotPlaced {
    /// Its name.
    pub function: String,
    /// How many statements of it are missing, at least.
    pub statements: u8,
}

/// A baseline as it was used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaselineUse {
    /// The file.
    pub file: String,
    /// Entries in it.
    pub entries: usize,
    /// Entries without a reason.
    pub without_reason: usize,
    /// Entries that no statement of the program matches any more.
    pub unmatched: Vec<String>,
}
