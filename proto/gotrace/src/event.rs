//! The one model of events: what happened, when, and on which thread, proc and goroutine. It says nothing of how a
//! version writes it, so that the older format can be told in the same words.

use crate::wire;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub u64);

        impl $name {
            /// None of them.
            pub const NONE: Self = Self(wire::NONE);
        }
    };
}

id!(
    /// An operating system's thread.
    ThreadId
);
id!(
    /// A P of the scheduler: the right to run Go code.
    ProcId
);
id!(
    /// A goroutine, as in its stack dumps.
    GoroutineId
);

/// A user task. 0 is none, or the background task of regions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskId(pub u64);

/// A point in time, in units of the trace since a beginning of the machine's own: monotonic, of no date. Times of
/// events that only state what is ([`Cause::Status`]) say nothing: they are written when the runtime gets to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticks(pub u64);

/// A stack in the tables of the present generation; 0 is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StackRef(pub u64);

/// A string in the tables of the present generation; 0 is the empty one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StringRef(pub u64);

/// A name that outlives generations: see [`crate::Names`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(pub(crate) u32);

/// One event, in its place in the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// When, by the clock of the thread that wrote it. Not always rising: the order comes from sequence numbers.
    pub time: Ticks,
    /// Where it happened, as it was before the event.
    pub thread: ThreadId,
    /// The proc of the thread.
    pub proc: ProcId,
    /// The goroutine on the thread.
    pub goroutine: GoroutineId,
    /// The goroutine's place in tables, when there is one.
    pub slot: Slot,
    /// What happened.
    pub what: What,
}

/// A small number for a goroutine as long as it lives; another one may have it later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slot(pub(crate) u32);

impl Slot {
    /// No goroutine.
    pub const NONE: Self = Self(u32::MAX);

    /// As an index.
    #[inline(always)]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// A goroutine came into being, went on, or ended.
    Goroutine(Transition),
    /// A proc was taken or given up.
    Proc {
        /// Which one.
        proc: ProcId,
        /// How.
        cause: ProcCause,
    },
    /// The number of procs (GOMAXPROCS) as of now; also said once for each generation.
    Procs {
        /// How many.
        count: u64,
        /// Who changed it.
        stack: StackRef,
    },
    /// The world is about to stop, on behalf of the goroutine.
    StwBegin {
        /// What for.
        kind: Name,
        /// By whom.
        stack: StackRef,
    },
    /// The world goes on.
    StwEnd {
        /// What it stood still for.
        kind: Name,
    },
    /// The garbage collector marks, or sweeps, or a goroutine helps to mark.
    Gc {
        /// Which of these.
        phase: GcPhase,
        /// Begins, is under way, ends.
        edge: Edge,
        /// Who began it.
        stack: StackRef,
    },
    /// Bytes of live heap, of what is not yet swept too.
    HeapAlloc {
        /// How many.
        bytes: u64,
    },
    /// The heap size at which a collection is to end. 0 when there is none.
    HeapGoal {
        /// How many.
        bytes: u64,
    },
    /// What a worker of the collector calls itself.
    Label {
        /// The name.
        label: StringRef,
    },
    /// A user task began.
    TaskBegin {
        /// Which one.
        task: TaskId,
        /// The one it is part of.
        parent: TaskId,
        /// Its type.
        name: Name,
        /// By whom.
        stack: StackRef,
    },
    /// A user task ended.
    TaskEnd {
        /// Which one.
        task: TaskId,
        /// Its type; empty when it began before the trace.
        name: Name,
        /// By whom.
        stack: StackRef,
    },
    /// A region began on the goroutine.
    RegionBegin {
        /// Part of which task.
        task: TaskId,
        /// Its type.
        name: Name,
        /// Where.
        stack: StackRef,
    },
    /// A region of the goroutine ended.
    RegionEnd {
        /// Part of which task.
        task: TaskId,
        /// Its type.
        name: Name,
        /// Where.
        stack: StackRef,
    },
    /// The program logged something.
    Log {
        /// Part of which task.
        task: TaskId,
        /// Its category.
        key: StringRef,
        /// What it says.
        value: StringRef,
        /// Where.
        stack: StackRef,
    },
    /// A CPU profile ran at the same time, and sampled this.
    CpuSample {
        /// Where the program was.
        stack: StackRef,
    },
    /// An event of an experiment; its meaning is not read.
    Experimental {
        /// Its number in the format.
        kind: u8,
    },
}

/// The state of a goroutine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum State {
    /// Waits for a proc.
    Runnable = 1,
    /// Runs on a proc.
    Running = 2,
    /// In a system call or in C.
    Syscall = 3,
    /// Waits for something to happen.
    Waiting = 4,
    /// Not there: before its creation, after its end.
    Gone = 5,
    /// Not yet known: the trace began while it lived.
    Unknown = 6,
}

/// A goroutine going from one state to another, or only named in its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// Which goroutine.
    pub id: GoroutineId,
    /// Its place in tables.
    pub slot: Slot,
    /// The state before.
    pub from: State,
    /// The state after.
    pub to: State,
    /// Why.
    pub cause: Cause,
    /// The stack of whoever caused it, which for [`Cause::Unblock`] and [`Cause::Create`] is another goroutine.
    pub stack: StackRef,
}

/// Why a goroutine's state changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It did not: this states what is. The event's time says nothing.
    Status {
        /// Whether the runtime gives the stack of such a goroutine; it does since 1.23 where it does not run.
        with_stack: bool,
    },
    /// A `go` statement. Runnable, or waiting for a coroutine to be switched to.
    Create {
        /// A stack of one frame: the function it runs.
        entry: StackRef,
    },
    /// C called into Go on a new thread.
    CreateSyscall,
    /// It got a proc.
    Start,
    /// Its function returned.
    Destroy,
    /// C left Go for good.
    DestroySyscall,
    /// It gave up its proc, still able to run.
    Stop {
        /// Such as `preempted`.
        reason: StringRef,
    },
    /// It waits.
    Block {
        /// Such as `chan receive`.
        reason: StringRef,
    },
    /// What it waited for has happened.
    Unblock,
    /// A system call begins.
    SyscallBegin,
    /// A system call ended, and it kept its proc.
    SyscallEnd,
    /// A system call ended, and its proc was gone.
    SyscallEndBlocked,
    /// A coroutine was switched to. The same event is told three times: woken, the other one blocked, started.
    SwitchTo,
    /// As before, and the one that switched ended.
    SwitchToAndDestroy,
}

/// How a proc changed hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcCause {
    /// It did not: this states what is, by the number of the format.
    Status(u8),
    /// The thread took it.
    Start,
    /// The thread gave it up.
    Stop,
    /// It was taken from a thread in a system call.
    Steal,
}

/// What the garbage collector is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GcPhase {
    /// Marking, beside the program.
    Mark,
    /// A proc sweeps.
    Sweep {
        /// Which one.
        proc: ProcId,
        /// At the end: bytes looked at.
        swept_bytes: u64,
        /// At the end: bytes found free.
        reclaimed_bytes: u64,
    },
    /// A goroutine must help to mark before it may allocate.
    Assist {
        /// Which one.
        id: GoroutineId,
        /// Its place in tables.
        slot: Slot,
    },
}

/// A side of a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Edge {
    /// It begins.
    Begin,
    /// It is under way at the start of a generation.
    Active,
    /// It ends.
    End,
}

impl What {
    /// The number under which the format since Go 1.22 knows the event, for counting and comparing.
    #[inline(always)]
    pub fn kind(&self) -> u8 {
        use wire::event as e;
        match self {
            Self::Goroutine(transition) => transition.kind(),
            Self::Proc { cause: ProcCause::Status(_), .. } => e::PROC_STATUS,
            Self::Proc { cause: ProcCause::Start, .. } => e::PROC_START,
            Self::Proc { cause: ProcCause::Stop, .. } => e::PROC_STOP,
            Self::Proc { cause: ProcCause::Steal, .. } => e::PROC_STEAL,
            Self::Procs { .. } => e::PROCS_CHANGE,
            Self::StwBegin { .. } => e::STW_BEGIN,
            Self::StwEnd { .. } => e::STW_END,
            Self::Gc { phase, edge, .. } => {
                let begin = match phase {
                    GcPhase::Mark => e::GC_BEGIN,
                    GcPhase::Sweep { .. } => e::GC_SWEEP_BEGIN,
                    GcPhase::Assist { .. } => e::GC_MARK_ASSIST_BEGIN,
                };
                match edge {
                    Edge::Active => begin - 1,
                    Edge::Begin => begin,
                    Edge::End => begin + 1,
                }
            }
            Self::HeapAlloc { .. } => e::HEAP_ALLOC,
            Self::HeapGoal { .. } => e::HEAP_GOAL,
            Self::Label { .. } => e::GO_LABEL,
            Self::TaskBegin { .. } => e::USER_TASK_BEGIN,
            Self::TaskEnd { .. } => e::USER_TASK_END,
            Self::RegionBegin { .. } => e::USER_REGION_BEGIN,
            Self::RegionEnd { .. } => e::USER_REGION_END,
            Self::Log { .. } => e::USER_LOG,
            Self::CpuSample { .. } => wire::CPU_SAMPLE,
            Self::Experimental { kind } => *kind,
        }
    }
}

impl Transition {
    #[inline(always)]
    fn kind(&self) -> u8 {
        use wire::event as e;
        match self.cause {
            Cause::Status { with_stack: true } => e::GO_STATUS_STACK,
            Cause::Status { with_stack: false } => e::GO_STATUS,
            Cause::Create { .. } if self.to == State::Waiting => e::GO_CREATE_BLOCKED,
            Cause::Create { .. } => e::GO_CREATE,
            Cause::CreateSyscall => e::GO_CREATE_SYSCALL,
            Cause::Start => e::GO_START,
            Cause::Destroy => e::GO_DESTROY,
            Cause::DestroySyscall => e::GO_DESTROY_SYSCALL,
            Cause::Stop { .. } => e::GO_STOP,
            Cause::Block { .. } => e::GO_BLOCK,
            Cause::Unblock => e::GO_UNBLOCK,
            Cause::SyscallBegin => e::GO_SYSCALL_BEGIN,
            Cause::SyscallEnd => e::GO_SYSCALL_END,
            Cause::SyscallEndBlocked => e::GO_SYSCALL_END_BLOCKED,
            Cause::SwitchTo => e::GO_SWITCH,
            Cause::SwitchToAndDestroy => e::GO_SWITCH_DESTROY,
        }
    }
}

/// The name of a kind of event, as Go's tools write it.
pub fn kind_name(kind: u8) -> &'static str {
    KIND_NAMES.iter().find(|(number, _)| *number == kind).map_or("", |(_, name)| name)
}

const KIND_NAMES: &[(u8, &str)] = &[
    (wire::CPU_SAMPLE, "CPUSample"),
    (9, "ProcsChange"),
    (10, "ProcStart"),
    (11, "ProcStop"),
    (12, "ProcSteal"),
    (13, "ProcStatus"),
    (14, "GoCreate"),
    (15, "GoCreateSyscall"),
    (16, "GoStart"),
    (17, "GoDestroy"),
    (18, "GoDestroySyscall"),
    (19, "GoStop"),
    (20, "GoBlock"),
    (21, "GoUnblock"),
    (22, "GoSyscallBegin"),
    (23, "GoSyscallEnd"),
    (24, "GoSyscallEndBlocked"),
    (25, "GoStatus"),
    (26, "STWBegin"),
    (27, "STWEnd"),
    (28, "GCActive"),
    (29, "GCBegin"),
    (30, "GCEnd"),
    (31, "GCSweepActive"),
    (32, "GCSweepBegin"),
    (33, "GCSweepEnd"),
    (34, "GCMarkAssistActive"),
    (35, "GCMarkAssistBegin"),
    (36, "GCMarkAssistEnd"),
    (37, "HeapAlloc"),
    (38, "HeapGoal"),
    (39, "GoLabel"),
    (40, "UserTaskBegin"),
    (41, "UserTaskEnd"),
    (42, "UserRegionBegin"),
    (43, "UserRegionEnd"),
    (44, "UserLog"),
    (45, "GoSwitch"),
    (46, "GoSwitchDestroy"),
    (47, "GoCreateBlocked"),
    (48, "GoStatusStack"),
    (128, "Span"),
    (129, "SpanAlloc"),
    (130, "SpanFree"),
    (131, "HeapObject"),
    (132, "HeapObjectAlloc"),
    (133, "HeapObjectFree"),
    (134, "GoroutineStack"),
    (135, "GoroutineStackAlloc"),
    (136, "GoroutineStackFree"),
];
