//! The `/proc` folder, reached through a root that tests replace by a recorded tree. It refuses to read more of a
//! file than its caller's limit.

use crate::pid::Pid;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Most bytes of one of the small files about a process (`stat`, `status`): ten times what Linux 6.18 writes.
pub(crate) const SMALL_FILE_BYTES_MAX: u64 = 16 << 10;

/// A `/proc` folder.
#[derive(Clone, Debug)]
pub(crate) struct Proc {
    root: PathBuf,
}

impl Proc {
    /// The machine's own.
    pub(crate) fn here() -> Self {
        Self::at("/proc")
    }

    /// A recorded tree.
    pub(crate) fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// A path below it, as in `sys/kernel/yama/ptrace_scope`.
    pub(crate) fn path(&self, below: impl AsRef<Path>) -> PathBuf {
        self.root.join(below)
    }

    /// A path below a process's folder.
    pub(crate) fn of(&self, pid: Pid, name: &str) -> PathBuf {
        self.root.join(pid.0.to_string()).join(name)
    }
}

/// At most `bytes_max` bytes from the start of a file. What is no UTF-8 (a process names itself) is replaced.
pub(crate) fn read_start(path: &Path, bytes_max: u64) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(bytes_max).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
