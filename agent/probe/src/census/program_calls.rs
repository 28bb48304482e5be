//! What a local process's program says of addresses that its profiles name: [`linger_gobin::census::DeferCalls`] over the
//! program's file. Its memory is not read, so that this works where that is refused: `/proc/PID/exe` and where the kernel
//! placed the program need the weaker of the two permissions (ptrace(2), PTRACE_MODE_READ).
//!
//! It refuses a program that is not written in Go, or by a Go that is not known, and to answer for one that the process
//! does not run any more.

use super::NoCensus;
use super::program_file::{self, FileMemory, Part};
use crate::memory::Identity;
use crate::pid::{Pid, StartTime};
use crate::proc::Proc;
use linger_gobin::Binary;
use linger_gobin::census::{Code, DeferCall, DeferCalls, Stop};

/// The defer calls in the program of one process.
#[derive(Debug)]
pub struct ProgramCalls {
    proc: Proc,
    pid: Pid,
    identity: Identity,
    /// What addresses in memory are above those of the file.
    bias: u64,
    calls: DeferCalls<FileMemory>,
}

impl ProgramCalls {
    /// Looks at the program that a process runs. `started` is since when: a later process with the same PID is
    /// refused as [`Stop::Replaced`].
    ///
    /// # Errors
    ///
    /// Why its addresses mean nothing to us.
    pub fn open(pid: Pid, started: StartTime) -> Result<Self, NoCensus> {
        let proc = Proc::here();
        let (identity, file) = program_file::of(&proc, pid, started)?;
        let image = program_file::read(&file, Part::Functions).map_err(|e| NoCensus::File(e.to_string()))?;
        let binary = Binary::read(&image).map_err(NoCensus::Program)?;
        let (code, segments) = (Code::of(&binary), program_file::loaded(binary.elf().segments()));
        let bias = identity.bias(binary.elf()).ok_or_else(|| {
            NoCensus::File("where the kernel placed its program is not ours to know".to_owned())
        })?;
        let calls = DeferCalls::new(&code, FileMemory::new(file, segments)).map_err(NoCensus::Stopped)?;
        Ok(Self { proc, pid, identity, bias, calls })
    }

    /// Whether the process still runs that program: what it said before meant these addresses.
    #[must_use]
    pub fn is_run(&self) -> bool {
        Identity::of(&self.proc, self.pid).is_ok_and(|now| now == self.identity)
    }

    /// The call of a defer function that returns to this address of the process.
    ///
    /// # Errors
    ///
    /// When the file cannot be read any more.
    pub fn before(&mut self, return_address: u64) -> Result<Option<DeferCall>, Stop> {
        self.calls.before(return_address.wrapping_sub(self.bias))
    }

    /// The line at which the function starts that an instruction of the process belongs to.
    ///
    /// # Errors
    ///
    /// When the file cannot be read any more.
    pub fn start_line(&mut self, pc: u64) -> Result<Option<u32>, Stop> {
        self.calls.start_line(pc.wrapping_sub(self.bias))
    }

    /// Gives back what is not needed until something new is asked.
    pub fn let_go(&mut self) {
        self.calls.let_go();
    }
}

#[cfg(test)]
mod tests {
    use super::ProgramCalls;
    use crate::pid::{Pid, StartTime};

    #[test]
    fn who_is_no_go_program_is_refused_by_name() {
        let started = StartTime::of(Pid::own()).expect("we run");
        let refused = |pid, started| ProgramCalls::open(pid, started).map_err(|no| no.as_str()).err();
        assert_eq!(refused(Pid::own(), started), Some("not go"));
        assert_eq!(refused(Pid::own(), StartTime(started.0 + 1)), Some("replaced"));
        assert_eq!(refused(Pid(u32::MAX), started), Some("gone"));
    }
}
