//! What this machine tells of a watched process, and of ourselves. Linux only: elsewhere everything compiles and
//! the answer is "not on this platform".
//!
//! [`access`] says whether a process's memory may be read and, if not, which check refused. It refuses to read any
//! memory beyond the one byte that settles the question, and it never stops or signals a process.
//!
//! Reasons are answers here, not failures: each question has its own enum of them ([`access::Refused`] and its
//! [`access::Check`]).

pub mod access;
mod proc;
#[cfg(target_os = "linux")]
mod status;

pub use proc::{Pid, Proc};
