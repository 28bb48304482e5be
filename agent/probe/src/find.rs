//! Whose process listens on a target's address: listening socket, its inode, the open file of a process.
//!
//! It refuses to guess. An address of another machine, a socket whose process is in another PID namespace, and
//! files that another user may not see are three different answers, each with what would change it. And it refuses
//! to look at more than [`PROCESSES_MAX`] processes and [`FILES_MAX`] open files.

use crate::pid::{Pid, StartTime};
use crate::program::Program;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

#[cfg(target_os = "linux")]
mod holders;
#[cfg(target_os = "linux")]
pub(crate) mod linux;

/// Most processes looked at in one search: a node of 110 pods with dozens of processes each.
pub const PROCESSES_MAX: usize = 8_192;
/// Most open files looked at in one search: one second of one core at 5 µs each, as measured.
pub const FILES_MAX: usize = 200_000;
/// Most open files looked at in one process: a listener is opened early and has a low number.
pub const FILES_PER_PROCESS_MAX: usize = 16_384;

/// Where a target is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// Over TCP.
    Tcp {
        /// A name or an address, an IPv6 one with or without its brackets.
        host: String,
        /// The port.
        port: u16,
    },
    /// Over a unix socket.
    Unix(PathBuf),
}

/// The process behind a listening socket.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Process {
    /// Its PID in our namespace.
    pub pid: Pid,
    /// Since when it runs: tells it from a later process with the same PID.
    pub started: StartTime,
    /// How long it ran when it was found.
    pub age: Option<Duration>,
    /// Its effective user.
    pub uid: u32,
    /// What it runs.
    pub program: Program,
    /// The path of the program's file as the kernel names it, ` (deleted)` behind it where a newer one took its place.
    pub exe: Option<PathBuf>,
    /// How many more processes take connections at the same address (fork, SO_REUSEPORT). Where there are any,
    /// this is the Go program among them, of several the oldest; a request may be answered by another.
    pub others: usize,
    /// Its open file that is the socket, and the socket's inode.
    pub(crate) socket: (u32, u64),
}

/// Why no process was found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Absent {
    /// Not Linux.
    Platform,
    /// The name has no address.
    Unresolved(String),
    /// The address is another machine's, or another network namespace's.
    NotLocal,
    /// A table of `/proc/net` cannot be read.
    NoTable(String),
    /// Nobody listens there, in this network namespace.
    NoListener,
    /// The socket is there, and no process we see holds it: other PID namespace, or `hidepid`.
    NotVisible {
        /// Who opened the socket, where that is known.
        uid: Option<u32>,
    },
    /// The socket is there, and its process may be one whose open files we may not see.
    Closed {
        /// How many such processes there are.
        processes: usize,
        /// Our effective user.
        ours: u32,
        /// Who opened the socket, where that is known.
        theirs: Option<u32>,
    },
    /// The search ended at its limit of processes or open files.
    TooMany,
}

impl Absent {
    /// One word or two for it, as status pages and tests use it.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::Unresolved(_) => "unresolved",
            Self::NotLocal => "not local",
            Self::NoTable(_) => "no table",
            Self::NoListener => "no listener",
            Self::NotVisible { .. } => "not visible",
            Self::Closed { .. } => "closed",
            Self::TooMany => "too many",
        }
    }
}

impl fmt::Display for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Platform => f.write_str("not on this platform: Linux only"),
            Self::Unresolved(why) => write!(f, "the host has no address: {why}"),
            Self::NotLocal => f.write_str("the address is not this machine's, or of another network namespace"),
            Self::NoTable(why) => write!(f, "the list of sockets cannot be read: {why}"),
            Self::NoListener => f.write_str("nobody listens at the address in this network namespace"),
            Self::NotVisible { .. } => f.write_str(
                "the socket's process is in another PID namespace or hidden (hidepid): share the PID namespace (shareProcessNamespace)",
            ),
            Self::Closed { ours, theirs: Some(theirs), .. } if ours != theirs => {
                write!(f, "the socket is user {theirs}'s, and as user {ours} we may not see its process's open files: run us as the same user")
            }
            Self::Closed { processes, ours, .. } => {
                write!(f, "the socket's process is one of {processes} whose open files we may not see as user {ours}: run us as the same user and with no fewer capabilities")
            }
            Self::TooMany => write!(f, "not found among {PROCESSES_MAX} processes and {FILES_MAX} open files"),
        }
    }
}
