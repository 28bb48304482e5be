//! Which processes have one of some sockets among their open files.

use super::{FILES_MAX, FILES_PER_PROCESS_MAX, PROCESSES_MAX};
use crate::pid::Pid;
use crate::proc::Proc;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A process that holds one of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Holder {
    pub(super) pid: Pid,
    pub(super) uid: u32,
    pub(super) fd: u32,
    pub(super) inode: u64,
}

/// What a search saw.
#[derive(Debug, Default)]
pub(super) struct Search {
    pub(super) holders: Vec<Holder>,
    /// Processes whose open files we may not see.
    pub(super) closed: usize,
    /// A limit was reached.
    pub(super) cut_short: bool,
    files_left: usize,
}

impl Search {
    /// Looks at the processes of who opened the socket first, and at the others only where none of those has it
    /// (a server that gave up root after it began to listen).
    pub(super) fn run(proc: &Proc, inodes: &[u64], opened_by: Option<u32>) -> Self {
        let mut search = Self { files_left: FILES_MAX, ..Self::default() };
        let Ok(entries) = fs::read_dir(proc.path("")) else { return search };
        let mut processes: Vec<(Pid, u32)> = entries
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let pid = Pid(entry.file_name().to_str()?.parse().ok()?);
                Some((pid, entry.metadata().ok()?.uid()))
            })
            .take(PROCESSES_MAX + 1)
            .collect();
        search.cut_short = processes.len() > PROCESSES_MAX;
        processes.truncate(PROCESSES_MAX);
        let (theirs, rest): (Vec<_>, Vec<_>) =
            processes.into_iter().partition(|(_, uid)| opened_by.is_none_or(|opener| opener == *uid));
        for group in [theirs, rest] {
            for (pid, uid) in group {
                search.look_into(proc, pid, uid, inodes);
            }
            if !search.holders.is_empty() {
                break;
            }
        }
        search
    }

    fn look_into(&mut self, proc: &Proc, pid: Pid, uid: u32, inodes: &[u64]) {
        let files = match fs::read_dir(proc.of(pid, "fd")) {
            Ok(files) => files,
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
                self.closed += 1;
                return;
            }
            // It ended.
            Err(_) => return,
        };
        for (looked, file) in files.flatten().enumerate() {
            if looked == FILES_PER_PROCESS_MAX || self.files_left == 0 {
                self.cut_short = true;
                return;
            }
            self.files_left -= 1;
            let fd = file.file_name().to_str().and_then(|name| name.parse().ok());
            if let (Some(fd), Some(inode)) = (fd, Self::is_socket(&file.path(), inodes)) {
                self.holders.push(Holder { pid, uid, fd, inode });
                return;
            }
        }
    }

    /// Which of `inodes` the open file at `path` is: its link reads `socket:[INODE]`.
    pub(super) fn is_socket(path: &Path, inodes: &[u64]) -> Option<u64> {
        let link = fs::read_link(path).ok()?;
        let inode = link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()?;
        inodes.contains(&inode).then_some(inode)
    }
}
