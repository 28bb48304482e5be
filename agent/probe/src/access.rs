//! Whether another process's memory may be read, and if not, which check refused.
//!
//! The answer comes from trying it: one byte by `process_vm_readv`. Only a refusal is then explained. A process of
//! another PID namespace has no PID here: that is told where it is looked for, not by this file.
//!
//! It refuses to read the file `/proc/PID/mem` instead: the same checks stand before it. A seccomp filter that
//! kills the caller (systemd's `SystemCallFilter=` without `SystemCallErrorNumber=`) kills us here too; one that
//! fails the call is told.

use std::fmt;

#[cfg(target_os = "linux")]
pub(crate) mod linux;

/// The check that stands before a process's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Check {
    /// The process ended, or has no memory any more.
    Gone,
    /// It is in another user namespace, where our capability counts for nothing.
    Namespace,
    /// It runs as another user (its effective one is given), or changed its own.
    Uid {
        /// Our real user id.
        ours: u32,
        /// Its effective user id.
        theirs: u32,
    },
    /// It runs in another group, or changed its own.
    Gid {
        /// Our real group id.
        ours: u32,
        /// Its effective group id.
        theirs: u32,
    },
    /// It holds capabilities that we do not.
    Capabilities,
    /// It is not dumpable: it changed its user, has file capabilities, or asked for it.
    Dumpable,
    /// Yama's `kernel.yama.ptrace_scope`.
    Yama {
        /// Its value: 1 only descendants, 2 only with the capability, 3 nobody.
        scope: u8,
    },
    /// A seccomp filter refuses us the call, whatever the process.
    Seccomp,
    /// The kernel was built without the call.
    Kernel,
    /// None of the above: SELinux, AppArmor, Landlock or the like.
    SecurityModule,
    /// Not Linux.
    Platform,
}

impl Check {
    /// One word for it, as status pages and tests use it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Namespace => "namespace",
            Self::Uid { .. } => "uid",
            Self::Gid { .. } => "gid",
            Self::Capabilities => "capabilities",
            Self::Dumpable => "dumpable",
            Self::Yama { .. } => "yama",
            Self::Seccomp => "seccomp",
            Self::Kernel => "kernel",
            Self::SecurityModule => "security module",
            Self::Platform => "platform",
        }
    }
}

/// Why a process's memory may not be read. Displayed as one sentence with what would change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refused {
    /// The check that refused.
    pub check: Check,
    /// We may have `CAP_SYS_PTRACE` but do not hold it: a user other than root loses an added capability at exec.
    pub capability_lost: bool,
    /// `no_new_privs` is set: capabilities on our program's file would not count either.
    pub no_new_privs: bool,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.check {
            Check::Gone => f.write_str("the process is gone"),
            Check::Namespace => f.write_str("the process is in another user namespace: run us in the same one"),
            Check::Uid { ours, theirs } if ours == theirs => {
                write!(f, "the process changed its user to {theirs}: only CAP_SYS_PTRACE reads it")
            }
            Check::Uid { ours, theirs } => {
                write!(f, "the process runs as user {theirs} and we as {ours}: run us as the same user, or as root with CAP_SYS_PTRACE")
            }
            Check::Gid { ours, theirs } if ours == theirs => {
                write!(f, "the process changed its group to {theirs}: only CAP_SYS_PTRACE reads it")
            }
            Check::Gid { ours, theirs } => {
                write!(f, "the process runs in group {theirs} and we in {ours}: run us in the same one, or as root with CAP_SYS_PTRACE")
            }
            Check::Capabilities => f.write_str(
                "the process holds capabilities that we do not: drop them there, or run us as root with CAP_SYS_PTRACE",
            ),
            Check::Dumpable => f.write_str(
                "the process is not dumpable (it changed its user or has file capabilities): only CAP_SYS_PTRACE reads it",
            ),
            Check::Yama { scope: 3 } => {
                f.write_str("kernel.yama.ptrace_scope is 3: nobody may, until it is lowered and the machine restarted")
            }
            Check::Yama { scope } => {
                write!(f, "kernel.yama.ptrace_scope is {scope}: set it to 0, or run us as root with CAP_SYS_PTRACE")
            }
            Check::Seccomp => f.write_str("a seccomp filter refuses us process_vm_readv: allow that call"),
            Check::Kernel => f.write_str("this kernel has no process_vm_readv (CONFIG_CROSS_MEMORY_ATTACH)"),
            Check::SecurityModule => {
                f.write_str("a security module refuses it (SELinux, AppArmor, Landlock): its log says which rule")
            }
            Check::Platform => f.write_str("not on this platform: Linux only"),
        }?;
        if self.capability_lost {
            f.write_str(
                "; CAP_SYS_PTRACE is in our bounding set but not held: only root keeps an added one at exec",
            )?;
            if self.no_new_privs {
                f.write_str(", and no_new_privs rules out the program file's own")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Refused {}
