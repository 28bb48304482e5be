//! What the kernel says of this process: `/proc/self/status`. Elsewhere than on Linux it says nothing, and nothing is
//! told.

/// The agent as a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Process {
    /// Resident memory (`VmRSS`).
    pub(super) rss_bytes: Option<u64>,
    /// The most it ever was (`VmHWM`).
    pub(super) rss_bytes_max: Option<u64>,
    /// Threads.
    pub(super) threads: Option<u64>,
}

impl Process {
    /// This one, now.
    pub(super) fn own() -> Self {
        std::fs::read_to_string("/proc/self/status").map(|text| Self::parse(&text)).unwrap_or_default()
    }

    /// Reads the text (`proc(5)`: memory in kB, which are KiB).
    fn parse(text: &str) -> Self {
        let number = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
            line.split_whitespace().next()?.parse::<u64>().ok()
        };
        let bytes = |name: &str| number(name)?.checked_mul(1024);
        Self { rss_bytes: bytes("VmRSS"), rss_bytes_max: bytes("VmHWM"), threads: number("Threads") }
    }
}

#[cfg(test)]
mod tests {
    use super::Process;

    #[test]
    fn memory_and_threads_are_read_and_their_lack_is_no_zero() {
        let text = "Name:\tlinger\nVmHWM:\t   13000 kB\nVmRSS:\t   12000 kB\nThreads:\t7\n";
        let read = Process::parse(text);
        assert_eq!((read.rss_bytes, read.rss_bytes_max), (Some(12_288_000), Some(13_312_000)));
        assert_eq!(read.threads, Some(7));
        assert_eq!(Process::parse("Name:\tz\n"), Process::default());
    }
}
