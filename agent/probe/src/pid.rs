//! What names a process: its number, and when it started.

use std::fmt;

/// A process of our PID namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pid(pub u32);

impl Pid {
    /// Ourselves.
    #[must_use]
    pub fn own() -> Self {
        Self(std::process::id())
    }
}

impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// When a process started, in clock ticks since boot: with its PID it names one process for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StartTime(pub u64);

/// A process, and the program it runs: after an `exec` it is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessId {
    /// Its number.
    pub pid: Pid,
    /// Since when it runs.
    pub started: StartTime,
    /// Where the kernel placed its code and its main stack, drawn anew with each program.
    pub placed: [u64; 2],
    /// Device and inode of its program's file.
    pub file: [u64; 2],
}
