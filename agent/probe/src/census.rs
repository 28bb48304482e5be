//! The defers that are pending in a local process: [`linger_gobin::census`] over its memory and its program's file.
//!
//! The file is read through `/proc/PID/exe`, which is the program itself whatever our own view of its path is, also
//! in another container of a pod that shares its process namespace. Of a file of 100 MB only the parts that hold
//! something for us are read, and let go again; instructions are looked up later, a few KB at a time.
//!
//! It refuses a program that is not written in Go, or by a Go that is not known, a process whose memory may not be
//! read, and one whose memory does not hold the program that its file is.

use crate::access::Refused;
use linger_gobin::census::{Report, Stop};
use std::fmt;
use std::time::Duration;

#[cfg(target_os = "linux")]
pub(crate) mod linux;
#[cfg(target_os = "linux")]
pub(crate) mod program_calls;
#[cfg(target_os = "linux")]
mod program_file;

/// Why there is no census.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum NoCensus {
    /// Not Linux.
    Platform,
    /// The process's memory may not be read.
    Memory(Refused),
    /// The program's file cannot be read; why.
    File(String),
    /// The program is not one whose memory can be walked.
    Program(linger_gobin::Error),
    /// What is in memory is not what its file holds: started by another loader, or packed.
    OtherProgram,
    /// Reading ended on the way.
    Stopped(Stop),
}

impl NoCensus {
    /// One word or two for it, as status pages and tests use it.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        use linger_gobin::Error;
        match self {
            Self::Platform => "platform",
            Self::Memory(refused) => refused.check.as_str(),
            Self::File(_) | Self::Stopped(Stop::File(_)) => "file",
            Self::Program(Error::NotGo | Error::NotElf { .. } | Error::NotAProgram { .. }) => "not go",
            Self::Program(Error::TooOld { .. }) => "go too old",
            Self::Program(Error::TooNew { .. }) => "go too new",
            Self::Program(_) => "program",
            Self::OtherProgram => "other program",
            Self::Stopped(Stop::Gone) => "gone",
            Self::Stopped(Stop::Replaced) => "replaced",
            Self::Stopped(Stop::OutOfTime) => "out of time",
            Self::Stopped(_) => "refused",
        }
    }
}

impl fmt::Display for NoCensus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Platform => f.write_str("not on this platform: Linux only"),
            Self::Memory(refused) => refused.fmt(f),
            Self::File(why) => write!(f, "its program's file cannot be read: {why}"),
            Self::Program(error) => error.fmt(f),
            Self::OtherProgram => f.write_str("its memory does not hold the program that its file is"),
            Self::Stopped(stop) => stop.fmt(f),
        }
    }
}

impl std::error::Error for NoCensus {}

/// What a census cost us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cost {
    /// CPU time of our thread.
    pub cpu: Duration,
    /// Time it took.
    pub wall: Duration,
    /// Calls that read memory.
    pub calls: u64,
    /// Pieces they asked for.
    pub pieces: u64,
    /// Bytes that came.
    pub bytes: u64,
}

/// A census that was taken.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Taken {
    /// What was found.
    pub report: Report,
    /// What the monotonic clock showed at its start, in nanoseconds; `None` where the process has another (a time
    /// namespace), so that since when goroutines wait cannot be told from it.
    pub clock_ns: Option<u64>,
    /// What it cost.
    pub cost: Cost,
}
