//! Attaching to a process, and taking censuses of it.

use super::program_file::{self, FileMemory, Part};
use super::{Cost, NoCensus, Taken};
use crate::access::linux::may_read_memory;
use crate::memory::{Identity, ProcessMemory};
use crate::pid::{Pid, ProcessId, StartTime};
use crate::proc::Proc;
use linger_gobin::Binary;
use linger_gobin::census::{Census, Limits, Memory, Program, Site, SiteNumber, Walked};
use nix::time::{ClockId, clock_gettime};
use std::fs::File;
use std::time::{Duration, Instant};

/// Bytes of the function table's header that have to be the same in memory and in the file: its mark, sizes, and how
/// many functions there are.
const HEADER_BYTES: usize = 24;
/// Longest that looking at the file may take.
const LOOK_WITHIN: Duration = Duration::from_secs(10);

/// Censuses of the defers that are pending in one process.
#[derive(Debug)]
pub struct DeferCensus {
    proc: Proc,
    pid: Pid,
    identity: Identity,
    /// What addresses in memory are above those of the file.
    bias: u64,
    census: Census<FileMemory>,
}

impl DeferCensus {
    /// Looks at the program that a process runs. `started` is since when: a later process with the same PID is
    /// refused as [`Stop::Replaced`].
    ///
    /// # Errors
    ///
    /// Why there can be no census.
    pub fn attach(pid: Pid, started: StartTime) -> Result<Self, NoCensus> {
        Self::attach_in(Proc::here(), pid, started)
    }

    fn attach_in(proc: Proc, pid: Pid, started: StartTime) -> Result<Self, NoCensus> {
        may_read_memory(pid).map_err(NoCensus::Memory)?;
        let (identity, file) = program_file::of(&proc, pid, started)?;
        let (program, bias, file) = look(file, &identity)?;
        let mut memory = ProcessMemory::new(proc.clone(), pid, identity, Instant::now() + LOOK_WITHIN);
        verify(&mut memory, file, program, bias).map(|census| Self { proc, pid, identity, bias, census })
    }

    /// The process.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// The process and what it runs, as it was when it was attached to.
    #[must_use]
    pub fn process(&self) -> ProcessId {
        self.identity.process(self.pid)
    }

    /// What it runs.
    #[must_use]
    pub fn program(&self) -> &Program {
        self.census.program()
    }

    /// A statement by its number.
    #[must_use]
    pub fn site(&self, number: SiteNumber) -> Option<&Site> {
        self.census.site(number)
    }

    /// Counts what is pending now. `each` is told of every goroutine, and of how many are pending in it at
    /// which statement. When it takes longer than `within`, what was
    /// counted by then is the answer.
    ///
    /// # Errors
    ///
    /// When the process ended or was replaced, by another or by itself (`exec`), or may not be read any more.
    pub fn take(
        &mut self,
        within: Duration,
        each: impl FnMut(&Walked, &[(SiteNumber, u64)]),
    ) -> Result<Taken, NoCensus> {
        self.take_with(&Limits::default(), within, each)
    }

    /// The same with limits of one's own.
    ///
    /// # Errors
    ///
    /// As [`Self::take`].
    pub fn take_with(
        &mut self,
        limits: &Limits,
        within: Duration,
        each: impl FnMut(&Walked, &[(SiteNumber, u64)]),
    ) -> Result<Taken, NoCensus> {
        let (began, cpu) = (Instant::now(), thread_cpu());
        let clock_ns = self.shares_our_clock().then(monotonic_ns).flatten();
        let mut memory = ProcessMemory::new(self.proc.clone(), self.pid, self.identity, began + within);
        let report = self.census.take(&mut memory, self.bias, limits, each).map_err(NoCensus::Stopped)?;
        let read = memory.cost;
        let cost = Cost {
            cpu: thread_cpu().saturating_sub(cpu),
            wall: began.elapsed(),
            calls: read.calls,
            pieces: read.pieces,
            bytes: read.bytes,
        };
        Ok(Taken { report, clock_ns, cost })
    }

    /// Whether its monotonic clock is ours: the links name the time namespaces (time_namespaces(7)).
    fn shares_our_clock(&self) -> bool {
        let namespace = |pid| std::fs::read_link(self.proc.of(pid, "ns/time"));
        match (namespace(self.pid), namespace(Pid::own())) {
            (Ok(theirs), Ok(ours)) => theirs == ours,
            // A kernel without time namespaces has one clock.
            (Err(theirs), Err(_)) => theirs.kind() == std::io::ErrorKind::NotFound,
            _ => false,
        }
    }
}

/// What has to be known of the program, and where it is in memory. The file's bytes are let go at the end.
fn look(file: File, identity: &Identity) -> Result<(Program, u64, FileMemory), NoCensus> {
    let (mut program, mut bias, mut segments) = (Err(linger_gobin::Error::NotGo), 0, Vec::new());
    // Without symbols the code has to tell what they would.
    for part in [Part::Data, Part::DataAndCode] {
        let image = program_file::read(&file, part).map_err(|e| NoCensus::File(e.to_string()))?;
        let binary = Binary::read(&image).map_err(NoCensus::Program)?;
        let elf = binary.elf();
        bias = identity.bias(elf).ok_or(NoCensus::OtherProgram)?;
        segments = program_file::loaded(elf.segments());
        program = Program::of(&binary);
        if program.is_ok() {
            break;
        }
    }
    Ok((program.map_err(NoCensus::Program)?, bias, FileMemory::new(file, segments)))
}

/// Makes sure that memory holds this program at that place.
fn verify(
    memory: &mut ProcessMemory,
    mut file: FileMemory,
    program: Program,
    bias: u64,
) -> Result<Census<FileMemory>, NoCensus> {
    let at = program.function_table();
    let (mut in_file, mut in_memory) = ([0; HEADER_BYTES], [0; HEADER_BYTES]);
    let is_in_file = file.read(at, &mut in_file).map_err(NoCensus::Stopped)?;
    let is_in_memory = memory.read(at.wrapping_add(bias), &mut in_memory).map_err(NoCensus::Stopped)?;
    memory.confirm().map_err(NoCensus::Stopped)?;
    if !is_in_file || !is_in_memory || in_file != in_memory {
        return Err(NoCensus::OtherProgram);
    }
    Census::new(program, file).map_err(NoCensus::Stopped)
}

/// CPU time of the thread that asks.
#[must_use]
pub fn thread_cpu() -> Duration {
    clock(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap_or_default()
}

fn monotonic_ns() -> Option<u64> {
    u64::try_from(clock(ClockId::CLOCK_MONOTONIC)?.as_nanos()).ok()
}

fn clock(id: ClockId) -> Option<Duration> {
    let time = clock_gettime(id).ok()?;
    Some(Duration::new(u64::try_from(time.tv_sec()).ok()?, u32::try_from(time.tv_nsec()).ok()?))
}

#[cfg(test)]
mod tests {
    use super::DeferCensus;
    use crate::memory::Identity;
    use crate::pid::{Pid, StartTime};
    use crate::proc::Proc;
    use std::process::Command;
    use std::time::Duration;

    #[track_caller]
    fn check(pid: Pid, started: StartTime, expected: &str) {
        assert_eq!(DeferCensus::attach(pid, started).map_err(|no| no.as_str()).err(), Some(expected));
    }

    #[test]
    fn who_is_no_go_program_is_refused_by_name() {
        let mut sleeper = Command::new("sleep").arg("60").spawn().expect("every system has it");
        let pid = Pid(sleeper.id());
        let started = StartTime::of(pid).expect("it runs");
        // It is a fork of ours for a moment before it is what it shall be.
        let ours = Identity::of(&Proc::here(), Pid::own()).expect("we are here");
        while Identity::of(&Proc::here(), pid).is_ok_and(|theirs| theirs.shares_file_with(&ours)) {
            std::thread::sleep(Duration::from_millis(1));
        }
        check(pid, started, "not go");
        check(pid, StartTime(started.0 + 1), "replaced");
        sleeper.kill().expect("ours");
        sleeper.wait().expect("ours");
        check(pid, started, "gone");
    }
}
