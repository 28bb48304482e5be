//! What this machine tells of a watched process, and of ourselves. Linux only: elsewhere everything compiles and
//! the answer is "not on this platform".
//!
//! | file | question |
//! |---|---|
//! | `find.rs` | [`Finder`]: whose process listens on a target's address |
//! | `cpu.rs` | [`CpuClock`]: how much CPU time it has used |
//! | `access.rs` | [`may_read_memory`]: whether its memory may be read, and if not, which check refused |
//! | `connection.rs` | [`receive_at_most`]: a setting of a connection of our own |
//! | `memory.rs`, `census.rs` | [`DeferCensus`]: which defers are pending in it, as its memory tells |
//! | `census/program_calls.rs` | [`ProgramCalls`]: what its program says of addresses in its profiles |
//! | `open_files.rs` | [`open_files`]: how many files it has open |
//! | `own.rs` | [`Usage`]: what we use ourselves; [`keep_little`], [`trim`]: memory given back |
//!
//! It never stops or signals a process, never writes to one, and never guesses. Reasons are answers here, not failures:
//! each question has its own enum of them ([`Absent`], [`Refused`], [`NoCensus`]).

mod access;
mod census;
mod connection;
mod find;
mod own;
mod pid;
mod program;

#[cfg(target_os = "linux")]
mod cpu;
#[cfg(target_os = "linux")]
mod memory;
#[cfg(target_os = "linux")]
mod open_files;
#[cfg(target_os = "linux")]
mod proc;
#[cfg(target_os = "linux")]
mod sockets;
#[cfg(target_os = "linux")]
mod stat;
#[cfg(target_os = "linux")]
mod status;

#[cfg(not(target_os = "linux"))]
mod elsewhere;

pub use access::{Check, Refused};
pub use census::{Cost, NoCensus, Taken};
pub use connection::receive_at_most;
pub use find::{Absent, Address, FILES_MAX, FILES_PER_PROCESS_MAX, PROCESSES_MAX, Process};
pub use own::{Usage, keep_little, trim};
pub use pid::{Pid, ProcessId, StartTime};
pub use program::Program;

#[cfg(target_os = "linux")]
pub use {
    access::linux::may_read_memory, census::linux::DeferCensus, census::linux::thread_cpu,
    census::program_calls::ProgramCalls, cpu::CpuClock, find::linux::Finder, open_files::open_files,
};

#[cfg(not(target_os = "linux"))]
pub use elsewhere::{CpuClock, DeferCensus, Finder, ProgramCalls, may_read_memory, open_files, thread_cpu};
