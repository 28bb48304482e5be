//! Another process's memory, read without stopping it: `process_vm_readv` with as many pieces a call as it takes.
//!
//! It refuses to read a process that took the place of the one it was opened for: by its start time, by where the
//! kernel placed its program, which each `exec` draws anew, and by its program's file. What was read counts once
//! [`Memory::confirm`] has seen that all three are what they were.

use crate::access::linux::may_read_memory;
use crate::pid::{Pid, ProcessId, StartTime};
use crate::proc::Proc;
use crate::stat::{Placed, Stat};
use linger_gobin::census::{Memory, Piece, Stop};
use linger_gobin::elf::Elf;
use nix::errno::Errno;
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use std::fs::File;
use std::io::IoSliceMut;
use std::os::unix::fs::MetadataExt;
use std::time::Instant;

/// Most pieces of one call (Linux, `UIO_MAXIOV`).
const PIECES_MAX: usize = 1024;

/// What a process is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    started: StartTime,
    placed: Placed,
    /// Device and inode of its program's file.
    file: (u64, u64),
}

impl Identity {
    pub(crate) fn of(proc: &Proc, pid: Pid) -> Result<Self, Stop> {
        let stat = Stat::read(proc, pid).ok_or(Stop::Gone)?;
        let file = std::fs::metadata(proc.of(pid, "exe")).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => Stop::Gone,
            _ => Stop::Refused(e.to_string()),
        })?;
        Ok(Self { started: stat.started, placed: stat.placed, file: (file.dev(), file.ino()) })
    }

    /// Since when it runs.
    pub(crate) fn started(&self) -> StartTime {
        self.started
    }

    /// What addresses in memory are above those of the file; `None` where it can only be told by who may read more than we.
    pub(crate) fn bias(&self, elf: &Elf<'_>) -> Option<u64> {
        if !elf.is_position_independent() {
            return Some(0);
        }
        // The kernel notes the lowest address of a segment with code (Linux, fs/binfmt_elf.c, `load_elf_binary`), and
        // tells 0 or 1 to those who may not know (fs/proc/array.c, `do_task_stat`).
        let code =
            elf.segments().iter().filter(|s| s.executable).map(|s| s.address).min().unwrap_or_default();
        (self.placed.code > 1).then(|| self.placed.code.wrapping_sub(code))
    }

    /// As others know it.
    pub(crate) fn process(&self, pid: Pid) -> ProcessId {
        let Self { started, placed, file } = *self;
        ProcessId { pid, started, placed: [placed.code, placed.stack], file: [file.0, file.1] }
    }

    /// Whether both run the same file.
    #[cfg(test)]
    pub(crate) fn shares_file_with(&self, other: &Self) -> bool {
        self.file == other.file
    }

    /// Whether this open file is its program.
    pub(crate) fn runs(&self, file: &File) -> bool {
        file.metadata().is_ok_and(|m| (m.dev(), m.ino()) == self.file)
    }
}

/// What reading cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ReadCost {
    /// Calls of `process_vm_readv`.
    pub(crate) calls: u64,
    /// Pieces asked for by them.
    pub(crate) pieces: u64,
    /// Bytes that came.
    pub(crate) bytes: u64,
}

/// The memory of one process.
#[derive(Debug)]
pub(crate) struct ProcessMemory {
    proc: Proc,
    pid: Pid,
    identity: Identity,
    until: Instant,
    remote: Vec<RemoteIoVec>,
    pub(crate) cost: ReadCost,
}

impl ProcessMemory {
    /// Of the process that `identity` was taken of, to be read until a time.
    pub(crate) fn new(proc: Proc, pid: Pid, identity: Identity, until: Instant) -> Self {
        Self { proc, pid, identity, until, remote: Vec::new(), cost: ReadCost::default() }
    }

    /// One call; how many bytes came. Nothing comes where the first address cannot be read.
    fn call(&mut self, into: &mut [u8]) -> Result<usize, Stop> {
        let pid = i32::try_from(self.pid.0).map_err(|_| Stop::Gone)?;
        self.cost.calls += 1;
        self.cost.pieces += u64::try_from(self.remote.len()).unwrap_or(u64::MAX);
        let read =
            process_vm_readv(nix::unistd::Pid::from_raw(pid), &mut [IoSliceMut::new(into)], &self.remote);
        match read {
            Ok(bytes) => {
                self.cost.bytes += u64::try_from(bytes).unwrap_or(u64::MAX);
                Ok(bytes)
            }
            Err(Errno::EFAULT) => Ok(0),
            Err(Errno::ESRCH) => Err(Stop::Gone),
            Err(errno) => Err(match may_read_memory(self.pid) {
                Err(refused) => Stop::Refused(refused.to_string()),
                Ok(()) => Stop::Refused(errno.desc().to_owned()),
            }),
        }
    }
}

impl Memory for ProcessMemory {
    fn read_pieces(
        &mut self,
        pieces: &[Piece],
        into: &mut [u8],
        readable: &mut Vec<bool>,
    ) -> Result<(), Stop> {
        let (mut pieces, mut into) = (pieces, into);
        while !pieces.is_empty() {
            let (now, _) = pieces.split_at(pieces.len().min(PIECES_MAX));
            let length = now.iter().map(|piece| piece.bytes).sum();
            let Some(part) = into.get_mut(..length) else { return Err(Stop::Refused("too small".into())) };
            self.remote.clear();
            self.remote.extend(now.iter().map(remote));
            let mut came = self.call(part)?;
            // The kernel goes through the pieces in turn and stops at the first that it cannot read.
            let mut done = 0;
            let mut bytes_done = 0;
            for piece in now {
                let is_whole = came >= piece.bytes;
                readable.push(is_whole);
                done += 1;
                bytes_done += piece.bytes;
                if !is_whole {
                    break;
                }
                came -= piece.bytes;
            }
            pieces = pieces.get(done..).unwrap_or_default();
            into = into.get_mut(bytes_done..).unwrap_or_default();
        }
        Ok(())
    }

    fn read(&mut self, address: u64, into: &mut [u8]) -> Result<bool, Stop> {
        self.remote.clear();
        self.remote.push(remote(&Piece { address, bytes: into.len() }));
        Ok(self.call(into)? == into.len())
    }

    fn confirm(&mut self) -> Result<(), Stop> {
        if Identity::of(&self.proc, self.pid)? != self.identity {
            return Err(Stop::Replaced);
        }
        if Instant::now() >= self.until { Err(Stop::OutOfTime) } else { Ok(()) }
    }
}

/// An address that this machine does not have is one that cannot be read.
fn remote(piece: &Piece) -> RemoteIoVec {
    RemoteIoVec { base: usize::try_from(piece.address).unwrap_or(usize::MAX), len: piece.bytes }
}

#[cfg(test)]
mod tests {
    use super::{Identity, ProcessMemory};
    use crate::pid::{Pid, StartTime};
    use crate::proc::Proc;
    use linger_gobin::census::{Memory, Piece, Stop};
    use std::time::{Duration, Instant};

    fn ourselves() -> ProcessMemory {
        let proc = Proc::here();
        let identity = Identity::of(&proc, Pid::own()).expect("we are here");
        ProcessMemory::new(proc, Pid::own(), identity, Instant::now() + Duration::from_secs(60))
    }

    fn piece(bytes: &[u8]) -> Piece {
        Piece { address: u64::try_from(bytes.as_ptr().addr()).expect("64 bits"), bytes: bytes.len() }
    }

    #[test]
    fn pieces_beside_one_that_cannot_be_read_are_read() {
        let (first, last) = ([1_u8; 10], [2_u8; 20]);
        let nowhere = Piece { address: 8, bytes: 5 };
        let beyond = Piece { address: u64::MAX - 3, bytes: 5 };
        let pieces = [nowhere, piece(&first), nowhere, beyond, piece(&[]), piece(&last), nowhere];
        let mut into = vec![0; pieces.iter().map(|p| p.bytes).sum()];
        let mut readable = Vec::new();
        ourselves().read_pieces(&pieces, &mut into, &mut readable).expect("readable");
        assert_eq!(readable, [false, true, false, false, true, true, false]);
        assert_eq!((into.get(5..15), into.get(25..45)), (Some(&first[..]), Some(&last[..])));
    }

    #[test]
    fn more_pieces_than_a_call_takes_are_read_in_two() {
        let bytes: Vec<u8> = (0..=255).cycle().take(3_000).collect();
        let pieces: Vec<Piece> = bytes.chunks(2).map(piece).collect();
        let mut into = vec![0; bytes.len()];
        let mut readable = Vec::new();
        let mut memory = ourselves();
        memory.read_pieces(&pieces, &mut into, &mut readable).expect("readable");
        assert!(readable.iter().all(|r| *r) && into == bytes);
        assert_eq!((memory.cost.calls, memory.cost.pieces, memory.cost.bytes), (2, 1_500, 3_000));
    }

    #[test]
    fn another_process_with_the_same_pid_is_not_read() {
        let mut memory = ourselves();
        assert_eq!(memory.confirm(), Ok(()));
        memory.identity.started = StartTime(memory.identity.started.0 + 1);
        assert_eq!(memory.confirm(), Err(Stop::Replaced));
        let mut memory = ourselves();
        memory.identity.placed.stack += 8;
        assert_eq!(memory.confirm(), Err(Stop::Replaced));
        let mut memory = ourselves();
        memory.until = Instant::now();
        assert_eq!(memory.confirm(), Err(Stop::OutOfTime));
    }
}
