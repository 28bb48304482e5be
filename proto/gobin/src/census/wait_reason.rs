//! Why a goroutine waits: `g.waitreason` is a number. Releases of Go put new reasons between old ones, and Go 1.26 put
//! them into another order (runtime/runtime2.go, `waitReasonZero` and below, of Go 1.21.13 to 1.27.3).

/// Up to Go 1.25, in the order of the numbers, with the release (its minor number) since which there is one. Go 1.24
/// wrote `(synctest)` where later ones write `(durable)`.
const UP_TO_1_25: [(u16, &str); 47] = [
    (21, ""),
    (21, "GC assist marking"),
    (21, "IO wait"),
    (21, "chan receive (nil chan)"),
    (21, "chan send (nil chan)"),
    (21, "dumping heap"),
    (21, "garbage collection"),
    (21, "garbage collection scan"),
    (21, "panicwait"),
    (21, "select"),
    (21, "select (no cases)"),
    (21, "GC assist wait"),
    (21, "GC sweep wait"),
    (21, "GC scavenge wait"),
    (21, "chan receive"),
    (21, "chan send"),
    (21, "finalizer wait"),
    (21, "force gc (idle)"),
    (25, "GOMAXPROCS updater (idle)"),
    (21, "semacquire"),
    (21, "sleep"),
    (21, "sync.Cond.Wait"),
    (21, "sync.Mutex.Lock"),
    (21, "sync.RWMutex.RLock"),
    (21, "sync.RWMutex.Lock"),
    (24, "sync.WaitGroup.Wait"),
    (21, "trace reader (blocked)"),
    (21, "wait for GC cycle"),
    (21, "GC worker (idle)"),
    (21, "GC worker (active)"),
    (21, "preempted"),
    (21, "debug call"),
    (21, "GC mark termination"),
    (21, "stopping the world"),
    (22, "flushing proc caches"),
    (22, "trace goroutine status"),
    (22, "trace proc status"),
    (22, "page trace flush"),
    (22, "coroutine"),
    (23, "GC weak to strong wait"),
    (24, "synctest.Run"),
    (24, "synctest.Wait"),
    (24, "chan receive (durable)"),
    (24, "chan send (durable)"),
    (24, "select (durable)"),
    (25, "sync.WaitGroup.Wait (durable)"),
    (25, "cleanup wait"),
];

/// Since Go 1.26.
const SINCE_1_26: [&str; 47] = [
    "",
    "GC assist marking",
    "IO wait",
    "dumping heap",
    "garbage collection",
    "garbage collection scan",
    "panicwait",
    "GC assist wait",
    "GC sweep wait",
    "GC scavenge wait",
    "finalizer wait",
    "force gc (idle)",
    "GOMAXPROCS updater (idle)",
    "semacquire",
    "sleep",
    "chan receive (nil chan)",
    "chan send (nil chan)",
    "select (no cases)",
    "select",
    "chan receive",
    "chan send",
    "sync.Cond.Wait",
    "sync.Mutex.Lock",
    "sync.RWMutex.RLock",
    "sync.RWMutex.Lock",
    "sync.WaitGroup.Wait",
    "trace reader (blocked)",
    "wait for GC cycle",
    "GC worker (idle)",
    "GC worker (active)",
    "preempted",
    "debug call",
    "GC mark termination",
    "stopping the world",
    "flushing proc caches",
    "trace goroutine status",
    "trace proc status",
    "page trace flush",
    "coroutine",
    "GC weak to strong wait",
    "synctest.Run",
    "synctest.Wait",
    "chan receive (durable)",
    "chan send (durable)",
    "select (durable)",
    "sync.WaitGroup.Wait (durable)",
    "cleanup wait",
];

/// The text of a number in a release; `None` for the empty one and for numbers it does not have.
pub(super) fn name(minor: u16, number: u8) -> Option<&'static str> {
    let number = usize::from(number);
    let found = if minor >= 26 {
        SINCE_1_26.get(number).copied()
    } else {
        UP_TO_1_25.iter().filter(|(since, _)| *since <= minor).map(|(_, text)| *text).nth(number)
    };
    found.filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::name;

    #[track_caller]
    fn check(minor: u16, number: u8, expected: Option<&str>) {
        assert_eq!(name(minor, number), expected);
    }

    #[test]
    fn numbers_mean_what_their_release_says() {
        check(21, 0, None);
        check(27, 0, None);
        check(21, 14, Some("chan receive"));
        check(25, 14, Some("chan receive"));
        check(26, 19, Some("chan receive"));
        check(27, 19, Some("chan receive"));
        check(24, 18, Some("semacquire"));
        check(25, 19, Some("semacquire"));
        check(26, 13, Some("semacquire"));
        check(23, 24, Some("trace reader (blocked)"));
        check(24, 24, Some("sync.WaitGroup.Wait"));
        check(21, 31, Some("stopping the world"));
        check(21, 32, None);
        check(27, 46, Some("cleanup wait"));
        check(27, 47, None);
    }
}
