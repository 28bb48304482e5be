//! Keeps sled's I/O threads asleep while there is nothing for them to do.
//!
//! sled 0.34.7 starts seven threads with its first work (`threadpool.rs`, `init_queue`), for the life of the process,
//! and each of them wakes every second to look whether there is more (`perform_work`, `wait_limit`). Beside one service
//! that was a third of all the CPU the agent took. Work itself wakes them at once, so their timeouts may as well come
//! late: the kernel delays a thread's timeouts by up to its timer slack, which a thread has from the one that starts
//! it (prctl(2), PR_SET_TIMERSLACK). Refuses to change the caller's own.

#[cfg(target_os = "linux")]
use nix::sys::prctl::{get_timerslack, set_timerslack};

/// How late a timeout of these threads may come: 10 s leave a tenth of the wake-ups, and a thread that sled wants to
/// end, which it does after three timeouts, ends within a minute.
#[cfg(target_os = "linux")]
const TIMER_SLACK_NS: u64 = 10_000_000_000;

/// Runs `start`, which may start threads, so that these have late timeouts. Where the system refuses, they have not.
#[cfg(target_os = "linux")]
pub(super) fn given<T>(start: impl FnOnce() -> T) -> T {
    let Some(own_ns) = get_timerslack().ok().and_then(|ns| u64::try_from(ns).ok()) else { return start() };
    let _ = set_timerslack(TIMER_SLACK_NS);
    let result = start();
    let _ = set_timerslack(own_ns);
    result
}

/// Elsewhere timeouts are as they are.
#[cfg(not(target_os = "linux"))]
pub(super) fn given<T>(start: impl FnOnce() -> T) -> T {
    start()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::{TIMER_SLACK_NS, given};

    /// The calling thread's, from procfs: the system call's answer ends at two seconds.
    fn slack_ns() -> u64 {
        let path = format!("/proc/{}/timerslack_ns", nix::unistd::gettid());
        let text = std::fs::read_to_string(path).expect("procfs has it");
        text.trim().parse().expect("it is a number")
    }

    #[test]
    fn threads_started_meanwhile_are_patient_and_the_caller_is_as_before() {
        let before = slack_ns();
        let started = given(|| std::thread::spawn(slack_ns).join().unwrap());
        assert_eq!((started, slack_ns()), (TIMER_SLACK_NS, before));
    }
}
