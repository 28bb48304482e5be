//! What `/proc/PID/stat` says: since when a process runs, and its CPU time in ticks (proc_pid_stat(5)).

use crate::pid::{Pid, StartTime};
use crate::proc::{Proc, SMALL_FILE_BYTES_MAX, read_start};
use std::time::Duration;

/// The fields we use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) started: StartTime,
    /// User and system time of all its threads, ended ones too, in ticks.
    pub(crate) cpu_ticks: u64,
    pub(crate) threads: u64,
    /// What of its memory is placed anew with each program it runs.
    pub(crate) placed: Placed,
}

/// Where the kernel placed a program in memory; zeros or ones for those whose memory we may not read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Placed {
    /// The lowest address of its code.
    pub(crate) code: u64,
    /// The bottom of its main stack, a random address.
    pub(crate) stack: u64,
}

impl Stat {
    pub(crate) fn read(proc: &Proc, pid: Pid) -> Option<Self> {
        Self::parse(&read_start(&proc.of(pid, "stat"), SMALL_FILE_BYTES_MAX).ok()?)
    }

    /// Fields are counted from behind the name, which may hold blanks and brackets itself.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (_, after_name) = text.rsplit_once(')')?;
        // The first after the name is field 3.
        let mut fields = after_name.split_ascii_whitespace().map(str::parse::<u64>);
        let user = fields.nth(14 - 3)?.ok()?;
        let system = fields.next()?.ok()?;
        let threads = fields.nth(20 - 16)?.ok()?;
        let started = fields.nth(22 - 21)?.ok()?;
        let code = fields.nth(26 - 23).and_then(Result::ok).unwrap_or_default();
        let stack = fields.nth(28 - 27).and_then(Result::ok).unwrap_or_default();
        Some(Self {
            started: StartTime(started),
            cpu_ticks: user.saturating_add(system),
            threads,
            placed: Placed { code, stack },
        })
    }
}

impl StartTime {
    /// When a process started that is there now.
    #[must_use]
    pub fn of(pid: Pid) -> Option<Self> {
        Stat::read(&Proc::here(), pid).map(|stat| stat.started)
    }
}

/// How long ago a process started, by the machine's uptime.
pub(crate) fn age(proc: &Proc, started: StartTime) -> Option<Duration> {
    let uptime = read_start(&proc.path("uptime"), SMALL_FILE_BYTES_MAX).ok()?;
    let since_boot = Duration::try_from_secs_f64(uptime.split_whitespace().next()?.parse().ok()?).ok()?;
    since_boot.checked_sub(of_ticks(started.0))
}

/// Clock ticks as time.
pub(crate) fn of_ticks(ticks: u64) -> Duration {
    let per_second = ticks_per_second();
    Duration::from_secs(ticks / per_second)
        + tick().saturating_mul(u32::try_from(ticks % per_second).unwrap_or(0))
}

/// How long a clock tick of `stat` is: 10 ms wherever Linux runs today.
pub(crate) fn tick() -> Duration {
    Duration::from_nanos(1_000_000_000 / ticks_per_second())
}

fn ticks_per_second() -> u64 {
    use nix::unistd::{SysconfVar, sysconf};
    let asked = sysconf(SysconfVar::CLK_TCK).ok().flatten().and_then(|n| u64::try_from(n).ok());
    asked.filter(|n| *n > 0).unwrap_or(100)
}

#[cfg(test)]
mod tests {
    use super::{Placed, Stat, of_ticks};
    use crate::pid::{Pid, StartTime};
    use crate::proc::Proc;
    use std::time::Duration;

    #[test]
    fn a_name_with_brackets_and_blanks_does_not_shift_the_fields() {
        let text =
            "7 (a) R 1 (b) S 1 7 7 0 -1 4194304 1 0 0 0 250 50 0 0 20 0 9 0 123456 1 2 3 4194304 5 140721\n";
        let placed = Placed { code: 4_194_304, stack: 140_721 };
        let expected = Stat { started: StartTime(123_456), cpu_ticks: 300, threads: 9, placed };
        assert_eq!(Stat::parse(text), Some(expected));
        assert_eq!(Stat::parse("7 (a) S 1 7"), None);
    }

    #[test]
    fn ticks_become_time() {
        assert_eq!(of_ticks(0), Duration::ZERO);
        assert_eq!(of_ticks(12_345), Duration::from_millis(123_450));
    }

    #[test]
    fn we_are_younger_than_the_machine() {
        let proc = Proc::here();
        let own = Stat::read(&proc, Pid::own()).expect("we are here");
        assert!(own.threads >= 1);
        assert!(super::age(&proc, own.started).expect("it has an age") < Duration::from_secs(3_600));
    }
}
