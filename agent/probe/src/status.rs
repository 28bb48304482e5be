//! What `/proc/PID/status` says of who a process is and what it may (proc_pid_status(5)).

/// Bit of `CAP_SYS_PTRACE` in a capability set (`linux/capability.h`).
const CAP_SYS_PTRACE: u32 = 19;

/// A set of capabilities as the kernel writes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Capabilities(u64);

impl Capabilities {
    /// Whether tracing other processes is among them.
    pub(crate) fn trace(self) -> bool {
        self.0 >> CAP_SYS_PTRACE & 1 == 1
    }

    /// Whether `other` holds nothing that this set lacks.
    pub(crate) fn cover(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }
}

/// Real, effective and saved id of a user or group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ids {
    pub(crate) real: u32,
    pub(crate) effective: u32,
    pub(crate) saved: u32,
}

impl Ids {
    /// Whether all three are `id`: what the kernel asks before one process may look into another.
    pub(crate) fn are_all(self, id: u32) -> bool {
        [self.real, self.effective, self.saved].iter().all(|own| *own == id)
    }
}

/// The lines we use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) uid: Ids,
    pub(crate) gid: Ids,
    pub(crate) permitted: Capabilities,
    pub(crate) effective: Capabilities,
    pub(crate) bounding: Capabilities,
    pub(crate) no_new_privs: bool,
    /// A seccomp filter is in force.
    pub(crate) filtered: bool,
}

impl Status {
    /// Reads the text; `None` when it has no user ids. A kernel without seccomp leaves its line out.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let field = |name: &str| {
            text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
        };
        let set = |name| {
            field(name)
                .and_then(|hex| u64::from_str_radix(hex, 16).ok())
                .map(Capabilities)
                .unwrap_or_default()
        };
        Some(Self {
            uid: ids(field("Uid")?)?,
            gid: ids(field("Gid")?)?,
            permitted: set("CapPrm"),
            effective: set("CapEff"),
            bounding: set("CapBnd"),
            no_new_privs: field("NoNewPrivs") == Some("1"),
            filtered: matches!(field("Seccomp"), Some("1" | "2")),
        })
    }
}

fn ids(text: &str) -> Option<Ids> {
    let mut each = text.split_whitespace().map_while(|word| word.parse().ok());
    Some(Ids { real: each.next()?, effective: each.next()?, saved: each.next()? })
}

#[cfg(test)]
mod tests {
    use super::{Ids, Status};

    #[test]
    fn the_lines_we_use_are_read_and_a_name_cannot_pose_as_one() {
        // Linux 6.18; a name with a line break is written with `\n` escaped (fs/proc/array.c, proc_task_name).
        let text = "Name:\tx\\nUid: 0 0 0\nUid:\t1000\t1001\t1002\t1003\nGid:\t5\t6\t7\t8\n\
            CapPrm:\t0000000000080000\nCapEff:\t0000000000000000\nCapBnd:\t000001ffffffffff\n\
            NoNewPrivs:\t1\nSeccomp:\t2\n";
        let status = Status::parse(text).expect("it has user ids");
        assert_eq!(status.uid, Ids { real: 1000, effective: 1001, saved: 1002 });
        assert_eq!(status.gid, Ids { real: 5, effective: 6, saved: 7 });
        assert!(status.permitted.trace() && !status.effective.trace() && status.bounding.trace());
        assert!(status.bounding.cover(status.permitted) && !status.effective.cover(status.permitted));
        assert!(status.no_new_privs && status.filtered);
    }

    #[test]
    fn a_file_cut_short_is_told_apart_from_root() {
        assert_eq!(Status::parse("Name:\tx\n"), None);
        assert_eq!(Status::parse("Uid:\t0\t0\n"), None);
    }
}
