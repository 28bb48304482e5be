//! What we use ourselves, and memory given back to the machine. It refuses to assume the size of a page: 4 KiB on
//! amd64, 16 or 64 KiB on some arm64 kernels.

use std::time::Duration;

/// Our own figures; each is none where this platform does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// Resident memory in bytes.
    pub rss_bytes: Option<u64>,
    /// The most it ever was, in bytes.
    pub rss_bytes_max: Option<u64>,
    /// CPU time used by all threads.
    pub cpu: Option<Duration>,
    /// Threads.
    pub threads: Option<u64>,
    /// Open files.
    pub open_files: Option<usize>,
}

#[cfg(target_os = "linux")]
impl Usage {
    /// As of now.
    #[must_use]
    pub fn now() -> Self {
        Self::read(&crate::proc::Proc::here(), page_bytes())
    }

    fn read(proc: &crate::proc::Proc, page_bytes: Option<u64>) -> Self {
        use crate::proc::{SMALL_FILE_BYTES_MAX, read_start};
        let text = |name: &str| read_start(&proc.path("self").join(name), SMALL_FILE_BYTES_MAX).ok();
        let pages = text("statm").and_then(|t| t.split_whitespace().nth(1)?.parse::<u64>().ok());
        Self {
            rss_bytes: pages.zip(page_bytes).and_then(|(pages, bytes)| pages.checked_mul(bytes)),
            rss_bytes_max: text("status").and_then(|t| peak_bytes(&t)),
            cpu: crate::cpu::CpuClock::of(crate::Pid::own()).and_then(|clock| clock.read()),
            threads: text("stat").and_then(|t| crate::stat::Stat::parse(&t)).map(|stat| stat.threads),
            // The folder's own is open while it is counted.
            open_files: std::fs::read_dir(proc.path("self/fd"))
                .ok()
                .map(|files| files.count().saturating_sub(1)),
        }
    }
}

#[cfg(not(target_os = "linux"))]
impl Usage {
    /// Nothing is known.
    #[must_use]
    pub fn now() -> Self {
        Self::default()
    }
}

/// `VmHWM` of `/proc/PID/status`, written in KiB whatever the page size.
#[cfg(target_os = "linux")]
fn peak_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(target_os = "linux")]
fn page_bytes() -> Option<u64> {
    use nix::unistd::{SysconfVar, sysconf};
    sysconf(SysconfVar::PAGE_SIZE).ok().flatten().and_then(|n| u64::try_from(n).ok())
}

/// Gives memory that was freed after a burst (a large trace) back to the machine: glibc keeps it otherwise.
/// Returns whether there was some. Measured: 1.6 ms of CPU time where 8 MiB were given back, 7.5 ms for
/// 39 MiB, 0.4 ms where 10 MiB are in use and nothing is free: not for every scrape. Other C libraries give back by themselves.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "no crate wraps malloc_trim(3)")]
pub fn trim() -> bool {
    // SAFETY: malloc_trim(3) takes a number only, touches nothing but glibc's own free lists, under their locks
    // (MT-Safe), and leaves all memory in use where it is. Where another allocator serves Rust it finds little.
    unsafe { nix::libc::malloc_trim(0) == 1 }
}

/// Has malloc keep little of what is freed; to be called first of all, before there are other threads. Two arenas in
/// place of eight a core: the agent's threads allocate seldom and not at the same time. Blocks from
/// [`OWN_MAPPING_BYTES`] on are mappings of their own, which go back when they are freed: glibc would otherwise take
/// the size of each such block it frees for one to be kept (mallopt(3), M_MMAP_THRESHOLD: dynamic up to 32 MiB).
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "no crate wraps mallopt(3)")]
pub fn keep_little() {
    use nix::libc::{M_ARENA_MAX, M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, mallopt};
    for (parameter, value) in
        [(M_ARENA_MAX, 2), (M_MMAP_THRESHOLD, OWN_MAPPING_BYTES), (M_TRIM_THRESHOLD, TOP_KEPT_BYTES)]
    {
        // SAFETY: mallopt(3) takes two numbers and sets glibc's own parameters under its lock; one it does not know, or
        // a value out of range, changes nothing and returns 0.
        unsafe { mallopt(parameter, value) };
    }
}

/// Blocks from this size on are mappings of their own. Above the 417 KB that hyper's read buffer may grow to, which a unix
/// socket's peer can fill again and again, and a new mapping each time would take all the time of the main thread. Not
/// above the 512 KiB of zeroes of which sled asks 41 and touches none: from its heap glibc clears the 128 KiB of each
/// that it had in reserve (`__libc_calloc`), which made 5 MB resident for nothing.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const OWN_MAPPING_BYTES: i32 = 512 * 1024;
/// Free memory at the end of the heap that is kept.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const TOP_KEPT_BYTES: i32 = 1024 * 1024;

/// Nothing to do: this C library has no such parameters.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn keep_little() {}

/// Nothing to do: this C library gives freed memory back by itself, or the platform has no such call.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn trim() -> bool {
    false
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::{Usage, peak_bytes, trim};
    use crate::proc::Proc;

    #[test]
    fn we_see_ourselves() {
        let own = Usage::now();
        let (rss, most) = own.rss_bytes.zip(own.rss_bytes_max).expect("Linux tells both");
        assert!((100 << 10..1 << 30).contains(&rss) && most < 1 << 30, "{own:?}");
        assert!(own.threads.is_some_and(|n| n >= 2), "the tests run in a thread of their own: {own:?}");
        assert!(own.open_files.is_some_and(|n| n >= 3), "standard input, output and error: {own:?}");
        assert!(own.cpu.is_some());
    }

    #[test]
    fn a_page_is_as_large_as_the_machine_says() {
        let tree = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(tree.path().join("self")).expect("created");
        std::fs::write(tree.path().join("self/statm"), "900 10 5 1 0 300 0\n").expect("written");
        let read = |page| Usage::read(&Proc::at(tree.path()), page);
        assert_eq!(read(Some(4_096)).rss_bytes, Some(40_960));
        assert_eq!(read(Some(65_536)).rss_bytes, Some(655_360));
        assert_eq!(read(None).rss_bytes, None);
        assert_eq!(read(Some(4_096)).threads, None);
    }

    #[test]
    fn the_peak_is_in_kibibytes() {
        assert_eq!(peak_bytes("VmPeak:\t  99 kB\nVmHWM:\t    1234 kB\n"), Some(1234 * 1024));
        assert_eq!(peak_bytes("VmPeak:\t  99 kB\n"), None);
    }

    #[cfg(target_env = "gnu")]
    #[test]
    fn freed_memory_between_blocks_in_use_is_given_back() {
        let blocks: Vec<Vec<u8>> = (0..20_000).map(|_| vec![1; 1_000]).collect();
        let kept: Vec<Vec<u8>> = blocks.into_iter().step_by(20).collect();
        let before = Usage::now().rss_bytes.expect("Linux tells it");
        assert!(trim());
        let after = Usage::now().rss_bytes.expect("Linux tells it");
        assert!(after + (8 << 20) < before, "{before} {after} {}", kept.len());
    }
}
