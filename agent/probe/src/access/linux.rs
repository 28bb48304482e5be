//! The attempt, and how a refusal is explained: by going through the kernel's checks in its own order (Linux 6.18,
//! `kernel/ptrace.c`, `__ptrace_may_access`, then `security/commoncap.c` and `security/yama/yama_lsm.c`).

use super::{Check, Refused};
use crate::pid::Pid;
use crate::proc::{Proc, SMALL_FILE_BYTES_MAX, read_start};
use crate::status::Status;
use nix::errno::Errno;
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use std::io::IoSliceMut;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Enough of `maps` for its first line's address, in bytes.
const MAPS_BYTES_MAX: u64 = 64;

/// How the attempt failed.
enum Refusal {
    Gone,
    /// This process is kept from us.
    OfThisProcess,
    /// The call as such is: even our own memory cannot be read by it.
    OfAnyProcess,
}

/// Whether we may read `pid`'s memory now.
///
/// # Errors
///
/// The check that refused.
pub fn may_read_memory(pid: Pid) -> Result<(), Refused> {
    let proc = Proc::here();
    let Err(refusal) = read_one_byte(&proc, pid) else { return Ok(()) };
    let own = read_status(&proc, Pid::own());
    let check = match refusal {
        Refusal::Gone => Check::Gone,
        Refusal::OfAnyProcess if own.is_some_and(|own| own.filtered) => Check::Seccomp,
        Refusal::OfAnyProcess => Check::Kernel,
        Refusal::OfThisProcess => match (own, read_status(&proc, pid)) {
            (Some(own), Some(theirs)) => explain(&own, &theirs, &Evidence::gather(&proc, pid)),
            _ => Check::Gone,
        },
    };
    let lost = |own: Status| own.bounding.trace() && !own.effective.trace() && own.uid.effective != 0;
    Err(Refused {
        check,
        capability_lost: own.is_some_and(lost),
        no_new_privs: own.is_some_and(|own| own.no_new_privs),
    })
}

fn read_one_byte(proc: &Proc, pid: Pid) -> Result<(), Refusal> {
    let first_mapping = read_start(&proc.of(pid, "maps"), MAPS_BYTES_MAX)
        .ok()
        .and_then(|maps| usize::from_str_radix(maps.split('-').next()?, 16).ok());
    // Without an address any will do: access is checked before the address is looked at.
    match read(pid, first_mapping.unwrap_or(0)) {
        Ok(_) | Err(Errno::EFAULT) => Ok(()),
        Err(Errno::ESRCH) => Err(Refusal::Gone),
        Err(_) if own_memory_is_refused() => Err(Refusal::OfAnyProcess),
        Err(_) => Err(Refusal::OfThisProcess),
    }
}

/// Everybody may read themselves: where not, the call as such is refused.
fn own_memory_is_refused() -> bool {
    let byte = [0_u8];
    read(Pid::own(), byte.as_ptr().addr()).is_err()
}

fn read(pid: Pid, address: usize) -> nix::Result<usize> {
    let pid = i32::try_from(pid.0).map_err(|_| Errno::ESRCH)?;
    let mut byte = [0_u8];
    process_vm_readv(
        nix::unistd::Pid::from_raw(pid),
        &mut [IoSliceMut::new(&mut byte)],
        &[RemoteIoVec { base: address, len: 1 }],
    )
}

fn read_status(proc: &Proc, pid: Pid) -> Option<Status> {
    Status::parse(&read_start(&proc.of(pid, "status"), SMALL_FILE_BYTES_MAX).ok()?)
}

/// What can be seen from outside of the checks that leave no line in `status`.
#[derive(Clone, Copy, Debug, Default)]
struct Evidence {
    /// The two user namespaces map users differently, so they are two.
    other_user_namespace: bool,
    /// `maps` can be opened: all checks but Yama's passed for reading.
    maps_readable: bool,
    /// Who owns `maps`: root instead of the process's user where that is not dumpable (`task_dump_owner`).
    maps_owner: Option<u32>,
    /// `kernel.yama.ptrace_scope`, where Yama is built in.
    yama_scope: Option<u8>,
}

impl Evidence {
    fn gather(proc: &Proc, pid: Pid) -> Self {
        let own = Pid::own();
        let users = |of| read_start(&proc.of(of, "uid_map"), SMALL_FILE_BYTES_MAX).ok();
        let scope = read_start(&proc.path("sys/kernel/yama/ptrace_scope"), SMALL_FILE_BYTES_MAX);
        Self {
            other_user_namespace: matches!((users(own), users(pid)), (Some(a), Some(b)) if a != b),
            maps_readable: read_start(&proc.of(pid, "maps"), 1).is_ok(),
            maps_owner: owner(&proc.of(pid, "maps")),
            yama_scope: scope.ok().and_then(|text| text.trim().parse().ok()),
        }
    }
}

fn owner(path: &Path) -> Option<u32> {
    std::fs::metadata(path).ok().map(|m| m.uid())
}

/// The first of the kernel's checks that refuses `own` to attach to `theirs`, given that one of them did.
fn explain(own: &Status, theirs: &Status, seen: &Evidence) -> Check {
    let yama = |least: u8| seen.yama_scope.filter(|scope| *scope >= least).map(|scope| Check::Yama { scope });
    if own.effective.trace() {
        let namespace = seen.other_user_namespace.then_some(Check::Namespace);
        return namespace.or(yama(3)).unwrap_or(Check::SecurityModule);
    }
    if !theirs.uid.are_all(own.uid.real) {
        return Check::Uid { ours: own.uid.real, theirs: theirs.uid.effective };
    }
    if !theirs.gid.are_all(own.gid.real) {
        return Check::Gid { ours: own.gid.real, theirs: theirs.gid.effective };
    }
    // Who is root has root's files whether dumpable or not: there the closed `maps` alone must tell.
    let owned_by_root = seen.maps_owner == Some(0);
    if owned_by_root && theirs.uid.effective != 0 {
        return Check::Dumpable;
    }
    if seen.other_user_namespace {
        return Check::Namespace;
    }
    if !own.permitted.cover(theirs.permitted) {
        return Check::Capabilities;
    }
    if owned_by_root && !seen.maps_readable {
        return Check::Dumpable;
    }
    yama(1).unwrap_or(Check::SecurityModule)
}

#[cfg(test)]
mod tests;
