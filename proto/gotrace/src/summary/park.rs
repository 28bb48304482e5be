//! How a goroutine's wait shows in its stack. Stacks taken when it began to wait skip the runtime's own frames by fixed
//! counts; those of silent goroutines keep them all. Without these frames one place has one stack.
//!
//! Go 1.22-1.27: `runtime/traceruntime.go` `GoPark` (skip), `runtime/tracestatus.go`, `runtime/proc.go` `gopark`.

/// Whether a frame, at the inner end of a stack, belongs to how goroutines wait and not to who waits.
pub(super) fn is_machinery(function: &[u8]) -> bool {
    function.starts_with(b"runtime.")
        || MACHINERY.contains(&function)
        || RUNTIME_INSIDE.iter().any(|prefix| function.starts_with(prefix))
}

/// The runtime's functions that other packages know under a name of their own.
const RUNTIME_INSIDE: &[&[u8]] = &[b"sync.runtime_", b"internal/sync.runtime_", b"internal/poll.runtime_"];

/// Slow paths that may or may not be inlined, or be skipped with the runtime's frames. Since 1.24 the mutex itself is in
/// `internal/sync`.
const MACHINERY: &[&[u8]] = &[
    b"sync.(*Mutex).lockSlow",
    b"internal/sync.(*Mutex).lockSlow",
    b"internal/sync.(*Mutex).Lock",
    b"syscall.runtime_entersyscall",
];

/// What a goroutine waits for, by one of its inner frames; in the words of the runtime (`runtime/runtime2.go`,
/// `traceBlockReasonStrings` in `runtime/traceruntime.go`).
pub(super) fn reason(function: &[u8]) -> Option<&'static str> {
    REASONS.iter().find(|(name, _)| *name == function).map(|(_, reason)| *reason)
}

const REASONS: &[(&[u8], &str)] = &[
    (b"runtime.chanrecv", "chan receive"),
    (b"runtime.chanrecv1", "chan receive"),
    (b"runtime.chanrecv2", "chan receive"),
    (b"runtime.chansend", "chan send"),
    (b"runtime.chansend1", "chan send"),
    (b"runtime.selectgo", "select"),
    (b"runtime.block", "forever"),
    (b"sync.runtime_notifyListWait", "sync.(*Cond).Wait"),
    (b"runtime.semacquire1", "sync"),
    (b"sync.runtime_Semacquire", "sync"),
    (b"sync.runtime_SemacquireMutex", "sync"),
    (b"sync.runtime_SemacquireRWMutexR", "sync"),
    (b"sync.runtime_SemacquireRWMutex", "sync"),
    (b"sync.runtime_SemacquireWaitGroup", "sync"),
    (b"internal/sync.runtime_SemacquireMutex", "sync"),
    (b"runtime.netpollblock", "network"),
    (b"internal/poll.runtime_pollWait", "network"),
    (b"time.Sleep", "sleep"),
    (b"runtime.timeSleep", "sleep"),
];
