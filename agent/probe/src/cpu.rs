//! The CPU clock of another process: all the time its threads ever ran, ended ones too.
//!
//! The kernel gives it to anybody who can name the process, whoever it runs as (Linux 6.18,
//! `kernel/time/posix-cpu-timers.c`, `pid_for_clock`): one system call, no file. A thread that is running just now
//! is counted up to its last scheduler tick (1 to 10 ms ago, `thread_group_cputime`), one that sleeps to the
//! nanosecond. Where the call is refused (gVisor), `/proc/PID/stat` gives the same in ticks of 10 ms; the sum of
//! its threads' `schedstat` would be finer, but drops when a thread ends.

use crate::pid::Pid;
use crate::proc::Proc;
use crate::stat::{Stat, of_ticks, tick};
use nix::time::{ClockId, clock_getcpuclockid, clock_gettime};
use std::time::Duration;

/// The clock of one process. It is bound to the PID, not to the process: whoever holds it for long makes sure
/// that the PID still means the same.
#[derive(Clone, Debug)]
pub struct CpuClock(Source);

#[derive(Clone, Debug)]
enum Source {
    Clock(ClockId),
    Stat(Proc, Pid),
}

impl CpuClock {
    /// The clock of `pid`; `None` where there is no such process.
    #[must_use]
    pub fn of(pid: Pid) -> Option<Self> {
        // 0 would mean ourselves.
        let by_number = i32::try_from(pid.0).ok().filter(|n| *n > 0).map(nix::unistd::Pid::from_raw);
        let clock = by_number.and_then(|pid| clock_getcpuclockid(pid).ok()).map(|id| Self(Source::Clock(id)));
        let stat = Self(Source::Stat(Proc::here(), pid));
        clock.into_iter().chain([stat]).find(|clock| clock.read().is_some())
    }

    /// CPU time used so far; `None` once the process is gone.
    #[must_use]
    pub fn read(&self) -> Option<Duration> {
        match &self.0 {
            Source::Clock(id) => {
                let time = clock_gettime(*id).ok()?;
                Some(Duration::new(u64::try_from(time.tv_sec()).ok()?, u32::try_from(time.tv_nsec()).ok()?))
            }
            Source::Stat(proc, pid) => Stat::read(proc, *pid).map(|stat| of_ticks(stat.cpu_ticks)),
        }
    }

    /// The smallest step between two readings.
    #[must_use]
    pub fn resolution(&self) -> Duration {
        match self.0 {
            Source::Clock(_) => Duration::from_nanos(1),
            Source::Stat(..) => tick(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CpuClock, Source};
    use crate::pid::Pid;
    use crate::proc::Proc;
    use std::time::Duration;

    #[test]
    fn both_sources_agree_on_ourselves() {
        let (proc, own) = (Proc::here(), Pid::own());
        let clock = CpuClock::of(own).expect("we have a clock");
        let stat = CpuClock(Source::Stat(proc, own));
        let before = stat.read().expect("we are here");
        let spent = clock.read().expect("we are here");
        // Each tick is counted when it is full, and the two sides are read a moment apart.
        assert!(spent + Duration::from_millis(50) >= before, "{spent:?} {before:?}");
        let mut sum = 0_u64;
        while clock.read().expect("we are here") < spent + Duration::from_millis(30) {
            sum = (0..10_000).fold(sum, |a, b| a.wrapping_mul(31).wrapping_add(b));
        }
        assert!(stat.read().expect("we are here") >= before, "{sum}");
        assert!(clock.resolution() < stat.resolution());
    }

    #[test]
    fn what_ended_has_no_clock() {
        let mut child = std::process::Command::new("true").spawn().expect("true is installed");
        let pid = Pid(child.id());
        let clock = CpuClock::of(pid);
        child.wait().expect("it ends by itself");
        assert!(clock.is_none_or(|clock| clock.read().is_none()));
        assert!(CpuClock::of(pid).is_none());
        assert!(CpuClock::of(Pid(0)).is_none());
    }
}
