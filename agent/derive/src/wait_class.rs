//! What a goroutine waits for, read from the frames of a debug=0 profile or from the state text of a debug=2
//! dump. A stack that no rule knows is `other`; nothing is guessed from user code.
//!
//! Function names were read in runtime/{chan,select,proc,sema,netpoll,time,cgocall,coro}.go, sync/runtime.go
//! and internal/sync/runtime.go of Go 1.19 to 1.27, state texts in runtime/runtime2.go (`waitReasonStrings`)
//! and runtime/traceback.go (`gStatusStrings`).

use crate::Frame;
use crate::package::package_of;
use std::fmt;
use std::str::FromStr;

/// What a goroutine waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WaitClass {
    /// Sending on a channel, a nil channel too.
    ChanSend,
    /// Receiving from a channel: `<-c`, `range c`, tickers, `ctx.Done()`; a nil channel too.
    ChanReceive,
    /// `select`, with cases or without.
    Select,
    /// `sync.Mutex`, or the lock of a file or connection that another goroutine uses.
    Mutex,
    /// `sync.RWMutex`, reading or writing.
    RwMutex,
    /// `sync.WaitGroup`.
    WaitGroup,
    /// `sync.Cond`.
    Cond,
    /// `time.Sleep`.
    Sleep,
    /// A socket, pipe or timer file through the network poller.
    Io,
    /// Inside a system call.
    Syscall,
    /// Inside a C function.
    Cgo,
    /// Handed its turn to another coroutine (`iter.Pull`).
    Coroutine,
    /// Parked by the runtime itself: garbage collection, finalizers, the trace reader.
    Runtime,
    /// Running, or ready to.
    Running,
    /// Parked in a way that no rule knows.
    Other,
}

use WaitClass::{
    Cgo, ChanReceive, ChanSend, Cond, Coroutine, Io, Mutex, Other, Running, Runtime, RwMutex, Select, Sleep,
    Syscall, WaitGroup,
};

impl WaitClass {
    /// All classes, in the order they are shown.
    pub const ALL: [Self; 15] = [
        ChanSend,
        ChanReceive,
        Select,
        Mutex,
        RwMutex,
        WaitGroup,
        Cond,
        Sleep,
        Io,
        Syscall,
        Cgo,
        Coroutine,
        Runtime,
        Running,
        Other,
    ];

    /// The word used in labels, JSON and tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ChanSend => "chan send",
            ChanReceive => "chan receive",
            Select => "select",
            Mutex => "mutex",
            RwMutex => "rwmutex",
            WaitGroup => "waitgroup",
            Cond => "cond",
            Sleep => "sleep",
            Io => "io",
            Syscall => "syscall",
            Cgo => "cgo",
            Coroutine => "coroutine",
            Runtime => "runtime",
            Running => "running",
            Other => "other",
        }
    }

    /// The class of a stack, leaf first, as a goroutine profile with debug=0 gives it.
    pub fn from_frames<'a>(frames: impl IntoIterator<Item = Frame<'a>>) -> Self {
        let mut frames = frames.into_iter().map(|f| f.function).take(FRAMES_LOOKED_AT_MAX).peekable();
        let Some(&leaf) = frames.peek() else { return Other };
        if let Some(class) = of_leaf(leaf) {
            return class;
        }
        let parked = PARKING.contains(&leaf);
        let mut runtime_only = true;
        while let Some(function) = frames.next() {
            if let Some(class) = of_function(function, frames.peek().copied().unwrap_or("")) {
                return class;
            }
            if !is_waiting_machinery(function) {
                runtime_only = false;
                break;
            }
        }
        match (parked, runtime_only) {
            (false, _) => Running,
            (true, true) => Runtime,
            (true, false) => Other,
        }
    }

    /// The class of a goroutine in a debug=2 dump: `state` is the text in brackets before the first comma,
    /// `frames` its visible frames, which decide where the text does not (`semacquire`, cgo).
    pub fn from_state<'a>(state: &str, frames: impl IntoIterator<Item = Frame<'a>>) -> Self {
        match of_state(plain_state(state)) {
            Some(Syscall) => match frames.into_iter().next() {
                Some(leaf) if of_leaf(leaf.function) == Some(Cgo) => Cgo,
                _ => Syscall,
            },
            Some(class) => class,
            // The leading runtime frames are not printed here, so a stack that no rule knows looks like
            // running code: it is not, its state says so.
            None => match Self::from_frames(frames) {
                Running => Other,
                class => class,
            },
        }
    }
}

impl fmt::Display for WaitClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no wait class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownClass(String);

impl fmt::Display for UnknownClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown wait class {:?}", self.0)
    }
}

impl std::error::Error for UnknownClass {}

impl FromStr for WaitClass {
    type Err = UnknownClass;

    fn from_str(word: &str) -> Result<Self, UnknownClass> {
        Self::ALL.into_iter().find(|c| c.as_str() == word).ok_or_else(|| UnknownClass(word.to_owned()))
    }
}

/// The deepest waiting machinery seen is 9 frames (a connection read, gopark to net.(*netFD).Read).
const FRAMES_LOOKED_AT_MAX: usize = 24;

/// Leaves of a goroutine that is parked.
const PARKING: &[&str] = &["runtime.gopark", "runtime.goparkunlock", "runtime.park_m"];

/// A leaf that decides by itself, because such a goroutine is not parked.
fn of_leaf(leaf: &str) -> Option<WaitClass> {
    let (package, name) = (package_of(leaf), leaf.rsplit('.').next().unwrap_or(leaf));
    match package {
        "runtime" => match name {
            "cgocall" | "asmcgocall" => Some(Cgo),
            // os/signal.signal_recv sleeps in a note; the state text is `syscall`.
            "notetsleepg" | "entersyscall" | "entersyscallblock" | "exitsyscall" => Some(Syscall),
            "coroswitch" | "coroswitch_m" => Some(Coroutine),
            _ => None,
        },
        "internal/runtime/syscall" | "internal/runtime/syscall/linux" | "runtime/internal/syscall" => {
            Some(Syscall)
        }
        "syscall" | "golang.org/x/sys/unix" | "vendor/golang.org/x/sys/unix" | "internal/syscall/unix" => {
            SYSCALL_PREFIXES.iter().any(|p| name.starts_with(p)).then_some(Syscall)
        }
        "os/signal" if name == "signal_recv" => Some(Syscall),
        _ if name.starts_with("_Cfunc_") || name.starts_with("_C2func_") => Some(Cgo),
        _ => None,
    }
}

/// `Syscall6`, `RawSyscallNoError`, `rawVforkSyscall`; darwin's `syscall`, `syscall6X`.
const SYSCALL_PREFIXES: &[&str] = &["Syscall", "RawSyscall", "rawSyscall", "rawVforkSyscall", "syscall"];

/// A function that tells why its goroutine parked; `caller` is the next frame out.
fn of_function(function: &str, caller: &str) -> Option<WaitClass> {
    let class = match function {
        "runtime.chansend" | "runtime.chansend1" => ChanSend,
        "runtime.chanrecv" | "runtime.chanrecv1" | "runtime.chanrecv2" => ChanReceive,
        "runtime.selectgo" | "runtime.block" => Select,
        // Before Go 1.20 RWMutex used the mutex's entry.
        "sync.runtime_SemacquireMutex" if caller.starts_with("sync.(*RWMutex).") => RwMutex,
        "sync.runtime_SemacquireMutex" | "internal/sync.runtime_SemacquireMutex" => Mutex,
        "sync.runtime_SemacquireRWMutexR" | "sync.runtime_SemacquireRWMutex" => RwMutex,
        "internal/poll.runtime_Semacquire" => Mutex,
        "sync.runtime_SemacquireWaitGroup" => WaitGroup,
        // Other packages reach this one by linkname (it is on Go's list of those who do): only its use by
        // WaitGroup says what is waited for.
        "sync.runtime_Semacquire" if caller == "sync.(*WaitGroup).Wait" => WaitGroup,
        "sync.runtime_notifyListWait" => Cond,
        "time.Sleep" | "runtime.timeSleep" => Sleep,
        "runtime.netpollblock" | "internal/poll.runtime_pollWait" => Io,
        "runtime.coroswitch" => Coroutine,
        "runtime.semacquire" | "runtime.gcParkAssist" | "runtime.readTrace0" | "runtime.ReadTrace" => Runtime,
        _ => return None,
    };
    Some(class)
}

/// Frames that may stand between the leaf and the function that tells.
fn is_waiting_machinery(function: &str) -> bool {
    matches!(package_of(function), "runtime" | "sync" | "internal/sync" | "internal/poll" | "time")
}

/// Takes the marks off: `chan receive (durable)`, `select (leaked)`, `chan send (nil chan) (scan)`.
fn plain_state(state: &str) -> &str {
    let mut plain = state.split(',').next().unwrap_or(state).trim();
    while let Some((before, mark)) = plain.strip_suffix(')').and_then(|s| s.rsplit_once(" (")) {
        match mark {
            "leaked" | "scan" | "durable" | "nil chan" | "no cases" => plain = before,
            _ => break,
        }
    }
    plain
}

fn of_state(state: &str) -> Option<WaitClass> {
    let class = match state {
        "chan send" => ChanSend,
        "chan receive" => ChanReceive,
        "select" => Select,
        "sync.Mutex.Lock" => Mutex,
        "sync.RWMutex.RLock" | "sync.RWMutex.Lock" => RwMutex,
        "sync.WaitGroup.Wait" => WaitGroup,
        "sync.Cond.Wait" => Cond,
        "sleep" => Sleep,
        "IO wait" => Io,
        "syscall" => Syscall,
        "coroutine" => Coroutine,
        "running" | "runnable" | "preempted" | "copystack" => Running,
        "finalizer wait" | "cleanup wait" | "trace reader (blocked)" | "force gc (idle)" => Runtime,
        "garbage collection" | "garbage collection scan" | "dumping heap" | "wait for GC cycle" => Runtime,
        "stopping the world" | "flushing proc caches" | "GOMAXPROCS updater (idle)" | "debug call" => Runtime,
        "trace goroutine status" | "trace proc status" | "page trace flush" | "panicwait" => Runtime,
        "waiting for cgo callback" => Cgo,
        _ if state.starts_with("GC ") => Runtime,
        _ => return None,
    };
    Some(class)
}

#[cfg(test)]
mod tests {
    use super::WaitClass;
    use crate::Frame;

    fn class_of(stack: &str) -> WaitClass {
        WaitClass::from_frames(stack.split_whitespace().map(Frame::named))
    }

    #[test]
    fn words_and_classes_are_one_to_one() {
        for class in WaitClass::ALL {
            assert_eq!(class.as_str().parse(), Ok(class));
        }
        assert_eq!("waiting".parse::<WaitClass>().unwrap_err().to_string(), "unknown wait class \"waiting\"");
    }

    #[test]
    fn stacks_of_all_versions_name_their_class() {
        #[track_caller]
        fn check(stack: &str, expected: &str) {
            assert_eq!(class_of(stack).as_str(), expected, "{stack}");
        }
        let gopark = |rest: &str| format!("runtime.gopark {rest} main.f runtime.goexit");
        check(&gopark("runtime.chansend runtime.chansend1"), "chan send");
        check(&gopark("runtime.chanrecv runtime.chanrecv1"), "chan receive");
        check(&gopark("runtime.chanrecv runtime.chanrecv2"), "chan receive");
        check(&gopark("runtime.chanrecv reflect.chanrecv reflect.Value.recv"), "chan receive");
        check(&gopark("runtime.selectgo"), "select");
        check(&gopark("runtime.selectgo reflect.rselect reflect.Select"), "select");
        check(&gopark("runtime.block"), "select");
        check(&gopark("time.Sleep"), "sleep");
        check(
            &gopark(
                "runtime.netpollblock internal/poll.runtime_pollWait internal/poll.(*pollDesc).wait \
                 internal/poll.(*pollDesc).waitRead internal/poll.(*FD).Read net.(*netFD).Read",
            ),
            "io",
        );
        let semacquire = |rest: &str| gopark(&format!("runtime.goparkunlock runtime.semacquire1 {rest}"));
        check(&semacquire("internal/sync.runtime_SemacquireMutex internal/sync.(*Mutex).lockSlow"), "mutex");
        check(&semacquire("sync.runtime_SemacquireMutex sync.(*Mutex).lockSlow sync.(*Mutex).Lock"), "mutex");
        // A second writer waits for the first one in the inner mutex; Go's own state text says so, too.
        check(
            &semacquire("sync.runtime_SemacquireMutex sync.(*Mutex).lockSlow sync.(*RWMutex).Lock"),
            "mutex",
        );
        check(&semacquire("sync.runtime_SemacquireMutex sync.(*RWMutex).RLock"), "rwmutex");
        check(&semacquire("sync.runtime_SemacquireRWMutexR sync.(*RWMutex).RLock"), "rwmutex");
        check(&semacquire("sync.runtime_SemacquireRWMutex sync.(*RWMutex).Lock"), "rwmutex");
        check(&semacquire("sync.runtime_Semacquire sync.(*WaitGroup).Wait"), "waitgroup");
        check(&semacquire("sync.runtime_SemacquireWaitGroup sync.(*WaitGroup).Wait"), "waitgroup");
        check(&semacquire("sync.runtime_Semacquire gvisor.dev/gvisor/pkg/sync.f"), "other");
        check(&semacquire("internal/poll.runtime_Semacquire internal/poll.(*fdMutex).rwlock"), "mutex");
        check(&gopark("runtime.goparkunlock sync.runtime_notifyListWait sync.(*Cond).Wait"), "cond");
        check(&semacquire("runtime.semacquire runtime.stopTheWorld runtime.ReadMemStats"), "runtime");
        check("runtime.gopark runtime.ReadTrace runtime/trace.Start.func1", "runtime");
        check("runtime.gopark runtime.goparkunlock runtime.runfinq runtime.goexit", "runtime");
        check("runtime.gopark runtime.bgsweep", "runtime");
        check("runtime.gopark somewhere.new main.f", "other");
        check("runtime.coroswitch iter.Pull[...].func2 main.f", "coroutine");
        check("syscall.Syscall syscall.read syscall.Read main.f", "syscall");
        check("internal/runtime/syscall.Syscall6 syscall.RawSyscall6 syscall.Syscall6 main.f", "syscall");
        check("runtime/internal/syscall.Syscall6 syscall.RawSyscall6 main.f", "syscall");
        check("golang.org/x/sys/unix.Syscall6 golang.org/x/sys/unix.EpollWait main.f", "syscall");
        check("runtime.notetsleepg os/signal.signal_recv os/signal.loop", "syscall");
        check("runtime.cgocall main._Cfunc_sleep main.f", "cgo");
        check("main.f main.main runtime.main", "running");
        check("runtime.asyncPreempt2 runtime.asyncPreempt main.f", "running");
        check("runtime.Gosched main.f", "running");
        check("runtime/pprof.runtime_goroutineProfileWithLabels net/http/pprof.Index", "running");
        check("syscall.(*SockaddrInet4).sockaddr main.f", "running");
        check("", "other");
    }

    #[test]
    fn dumps_name_the_class_in_their_state() {
        #[track_caller]
        fn check(state: &str, stack: &str, expected: &str) {
            let frames = stack.split_whitespace().map(Frame::named);
            assert_eq!(WaitClass::from_state(state, frames).as_str(), expected, "{state} {stack}");
        }
        check("chan send", "main.f", "chan send");
        check("chan send (nil chan)", "main.f", "chan send");
        check("chan receive (durable)", "main.f", "chan receive");
        check("chan receive (nil chan) (leaked)", "main.f", "chan receive");
        check("select (no cases)", "main.f", "select");
        check("select (no cases) (leaked)", "main.f", "select");
        check("select, 5 minutes", "main.f", "select");
        check("sync.Mutex.Lock", "", "mutex");
        check("sync.RWMutex.RLock (scan)", "", "rwmutex");
        check("sync.RWMutex.Lock", "", "rwmutex");
        check("sync.WaitGroup.Wait (durable)", "", "waitgroup");
        check("sync.Cond.Wait", "", "cond");
        check("sleep", "", "sleep");
        check("IO wait", "", "io");
        check("running", "main.f", "running");
        check("runnable", "main.f", "running");
        check("coroutine", "", "coroutine");
        check("GC assist wait", "main.f", "runtime");
        check("trace reader (blocked)", "", "runtime");
        check("syscall", "syscall.Syscall syscall.read", "syscall");
        check("syscall", "main._Cfunc_sleep main.f", "cgo");
        // Before 1.25 a WaitGroup, before 1.20 a mutex, too.
        check("semacquire", "sync.runtime_Semacquire sync.(*WaitGroup).Wait main.f", "waitgroup");
        check("semacquire", "sync.runtime_SemacquireMutex sync.(*Mutex).lockSlow main.f", "mutex");
        check("semacquire", "internal/poll.runtime_Semacquire", "mutex");
        check("semacquire", "main.f", "other");
        check("of a version to come", "main.f", "other");
        check("", "", "other");
    }
}
