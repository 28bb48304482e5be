//! Defers seen from outside: [`census`] says how many wait, counted in the process's memory (method E); [`heap`]
//! estimates it from a profile (method A), and [`cpu`] how much CPU time they take and how many run (method C). Those two
//! are sampled, so every figure has an interval, and do not see open-coded defers, which leave no record. [`running`]
//! says who is inside one just now (method B). [`program`] makes A and B exact in kind and line where the program's file
//! can be read (method D).

pub mod census;
pub mod cost;
#[cfg(test)]
mod coverage;
pub mod cpu;
pub mod heap;
pub mod program;
pub mod running;

use std::fmt;

/// How a `defer` statement was compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A record on the goroutine's stack.
    Stack,
    /// A record on the heap: a `defer` in a loop.
    Heap,
    /// In the body of a range-over-func loop (Go 1.23).
    Range,
    /// Inlined by the compiler: a bit in the function's frame (the usual kind).
    Open,
    /// Shared machinery that runs defers at return, seen where no registration told their kind.
    Mixed,
}

impl Kind {
    /// All kinds, in the order they are shown.
    pub const ALL: [Self; 5] = [Self::Stack, Self::Heap, Self::Range, Self::Open, Self::Mixed];

    /// The word used in labels and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stack => "stack",
            Self::Heap => "heap",
            Self::Range => "range",
            Self::Open => "open",
            Self::Mixed => "mixed",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownKind(String);

impl fmt::Display for UnknownKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown defer kind {:?}", self.0)
    }
}

impl std::error::Error for UnknownKind {}

impl std::str::FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(word: &str) -> Result<Self, UnknownKind> {
        Self::ALL.into_iter().find(|k| k.as_str() == word).ok_or_else(|| UnknownKind(word.to_owned()))
    }
}
