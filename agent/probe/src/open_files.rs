//! How many files a process has open: leaked ones are the other half of a `defer f.Close()` that never runs.

use crate::find::FILES_MAX;
use crate::pid::Pid;
use crate::proc::Proc;

/// How many; `None` where its list may not be read or has more than [`FILES_MAX`].
#[must_use]
pub fn open_files(pid: Pid) -> Option<u64> {
    let listed = std::fs::read_dir(Proc::here().of(pid, "fd")).ok()?;
    let mut files = 0;
    for file in listed {
        file.ok()?;
        files += 1;
        if files > FILES_MAX {
            return None;
        }
    }
    u64::try_from(files).ok()
}

#[cfg(test)]
mod tests {
    use super::open_files;
    use crate::pid::Pid;
    use std::fs::File;

    #[test]
    fn one_more_is_one_more() {
        // Other tests of this process open files too: it is looked at until nothing came between.
        let seen = (0..100).any(|_| {
            let before = open_files(Pid::own()).expect("our own");
            let _file = File::open("/dev/null").expect("every system has it");
            open_files(Pid::own()) == Some(before + 1)
        });
        assert!(seen);
        assert_eq!(open_files(Pid(u32::MAX)), None);
    }
}
