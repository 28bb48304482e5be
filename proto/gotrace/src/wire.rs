//! The numbers of the format: what each byte that starts something means, and the bounds the format itself sets.
//!
//! Go 1.22-1.27, `internal/trace/tracev2/{events,spec}.go` and `runtime/traceevent.go`.

/// Starts a batch.
pub(crate) const BATCH: u8 = 1;
/// Starts the payload of a batch of stacks, and each of them.
pub(crate) const STACKS: u8 = 2;
pub(crate) const STACK: u8 = 3;
/// Starts the payload of a batch of strings, and each of them.
pub(crate) const STRINGS: u8 = 4;
pub(crate) const STRING: u8 = 5;
/// Starts the payload of a batch of CPU samples, and each of them.
pub(crate) const CPU_SAMPLES: u8 = 6;
pub(crate) const CPU_SAMPLE: u8 = 7;
/// Units of time per second: a batch of its own before 1.25, part of the synchronisation since.
pub(crate) const FREQUENCY: u8 = 8;
/// Starts a batch of an experiment.
pub(crate) const EXPERIMENTAL_BATCH: u8 = 49;
/// Starts the payload of a synchronisation.
pub(crate) const SYNC: u8 = 50;
pub(crate) const CLOCK_SNAPSHOT: u8 = 51;
/// Ends a generation since 1.26; nothing follows it.
pub(crate) const END_OF_GENERATION: u8 = 52;

/// Most bytes after a batch's header (`tracev2.MaxBatchSize`).
pub(crate) const BATCH_BYTES_MAX: usize = 64 << 10;
/// Most bytes of a string (`tracev2.MaxEventTrailerDataSize`).
pub(crate) const STRING_BYTES_MAX: u64 = 1024;
/// Most frames of a stack (`tracev2.MaxFramesPerStack`).
pub(crate) const FRAMES_MAX: u64 = 128;

/// A thread, proc or goroutine that is none.
pub(crate) const NONE: u64 = u64::MAX;

/// The events of threads. Each starts with the time since the one before it.
pub(crate) mod event {
    pub(crate) const PROCS_CHANGE: u8 = 9;
    pub(crate) const PROC_START: u8 = 10;
    pub(crate) const PROC_STOP: u8 = 11;
    pub(crate) const PROC_STEAL: u8 = 12;
    pub(crate) const PROC_STATUS: u8 = 13;
    pub(crate) const GO_CREATE: u8 = 14;
    pub(crate) const GO_CREATE_SYSCALL: u8 = 15;
    pub(crate) const GO_START: u8 = 16;
    pub(crate) const GO_DESTROY: u8 = 17;
    pub(crate) const GO_DESTROY_SYSCALL: u8 = 18;
    pub(crate) const GO_STOP: u8 = 19;
    pub(crate) const GO_BLOCK: u8 = 20;
    pub(crate) const GO_UNBLOCK: u8 = 21;
    pub(crate) const GO_SYSCALL_BEGIN: u8 = 22;
    pub(crate) const GO_SYSCALL_END: u8 = 23;
    pub(crate) const GO_SYSCALL_END_BLOCKED: u8 = 24;
    pub(crate) const GO_STATUS: u8 = 25;
    pub(crate) const STW_BEGIN: u8 = 26;
    pub(crate) const STW_END: u8 = 27;
    pub(crate) const GC_ACTIVE: u8 = 28;
    pub(crate) const GC_BEGIN: u8 = 29;
    pub(crate) const GC_END: u8 = 30;
    pub(crate) const GC_SWEEP_ACTIVE: u8 = 31;
    pub(crate) const GC_SWEEP_BEGIN: u8 = 32;
    pub(crate) const GC_SWEEP_END: u8 = 33;
    pub(crate) const GC_MARK_ASSIST_ACTIVE: u8 = 34;
    pub(crate) const GC_MARK_ASSIST_BEGIN: u8 = 35;
    pub(crate) const GC_MARK_ASSIST_END: u8 = 36;
    pub(crate) const HEAP_ALLOC: u8 = 37;
    pub(crate) const HEAP_GOAL: u8 = 38;
    pub(crate) const GO_LABEL: u8 = 39;
    pub(crate) const USER_TASK_BEGIN: u8 = 40;
    pub(crate) const USER_TASK_END: u8 = 41;
    pub(crate) const USER_REGION_BEGIN: u8 = 42;
    pub(crate) const USER_REGION_END: u8 = 43;
    pub(crate) const USER_LOG: u8 = 44;
    /// The first of those that came with 1.23.
    pub(crate) const GO_SWITCH: u8 = 45;
    pub(crate) const GO_SWITCH_DESTROY: u8 = 46;
    pub(crate) const GO_CREATE_BLOCKED: u8 = 47;
    pub(crate) const GO_STATUS_STACK: u8 = 48;
    /// The experiment with memory (`GODEBUG=traceallocfree=1`).
    pub(crate) const SPAN: u8 = 128;
    pub(crate) const SPAN_ALLOC: u8 = 129;
    pub(crate) const HEAP_OBJECT: u8 = 131;
    pub(crate) const HEAP_OBJECT_ALLOC: u8 = 132;
    pub(crate) const GOROUTINE_STACK: u8 = 134;
    pub(crate) const GOROUTINE_STACK_ALLOC: u8 = 135;
    pub(crate) const GOROUTINE_STACK_FREE: u8 = 136;

    /// Most bytes of an event: its type, and five numbers (`tracev2.MaxTimedEventArgs`).
    pub(crate) const BYTES_MAX: usize = 1 + 5 * crate::varint::VARINT_BYTES_MAX;
}
