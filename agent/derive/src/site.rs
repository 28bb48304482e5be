//! A site: the place in the user's code that a goroutine, a defer or a lock wait is counted under.
//!
//! The *owner* leads: the first frame outside the standard library. Its identity is the function and the line
//! counted from the function's start, `pkg.Func+7`, so that a trend survives a rebuild that moved the
//! function. A stack without user code is counted at the first frame that does more than carry bytes. Where the
//! service does not tell start lines (Go before 1.20, text forms) the identity is
//! `pkg.Func:123`: honest, but a new one after each edit above it.

use crate::Frame;
use crate::package::{GoRoot, package_of, readable};
use std::borrow::Cow;
use std::collections::HashMap;

/// Longest `site` label, in bytes. Labels are stored and sent with every series; the longest site in the
/// recordings and in three large open-source servers is under 120 bytes.
pub const SITE_ID_BYTES_MAX: usize = 200;

/// Longest `blocked_at` and `entry` text, in bytes: they carry a file path besides a function.
pub const PLACE_BYTES_MAX: usize = 400;

/// Longest file path kept, in bytes (PATH_MAX is 4096, but this one is for people).
pub const FILE_BYTES_MAX: usize = 300;

/// Frames looked at in one stack: Go's profiles hold at most 1024 (runtime/mprof.go, `maxProfStackDepth`,
/// Go 1.23 to 1.27), by default 128.
pub const FRAMES_MAX: usize = 2048;

/// A stack this deep was cut there: 32 frames before Go 1.23, then 128 by default (runtime/mprof.go `maxStack`,
/// runtime/runtime1.go `profstackdepth`). Its outermost frame is not where the goroutine began.
const CUT_DEPTHS: [usize; 2] = [32, 128];

/// Functions whose start line is remembered, see [`StartLines`]. A large server has some 5,000 functions in
/// all its profiles together.
pub const START_LINES_MAX: usize = 16_384;

/// A site, as identified and as shown.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Site {
    /// `pkg.Func+7`, or `pkg.Func:123` without a start line; at most [`SITE_ID_BYTES_MAX`].
    pub id: String,
    /// Owner function, readable.
    pub function: String,
    /// Its file as compiled in.
    pub file: String,
    /// Line in that file; 0 when unknown.
    pub line: u32,
    /// Where it really waits, `func file:line`: the first frame outside the runtime and the sync packages.
    pub blocked_at: String,
    /// The goroutine's first function, `func file:line`, which is as near to its `go` statement as a debug=0
    /// profile leads. Empty where the stack is likely to have been cut before it.
    pub entry: String,
}

/// The `site` of stacks that have no named frame at all.
pub const UNKNOWN_SITE: &str = "unknown";

impl Site {
    /// The site of a stack, leaf first. `None` when no frame has a name.
    pub fn of_stack<'a>(
        frames: impl IntoIterator<Item = Frame<'a>>,
        go_root: &GoRoot,
        start_lines: &StartLines,
    ) -> Option<Self> {
        Landmarks::of_stack(frames, go_root).map(|landmarks| landmarks.site(start_lines))
    }

    /// The site of a statement that a sampled stack starts at: its first named frame, whoever wrote it. What a
    /// `defer` does belongs to the line it stands on.
    pub fn of_statement<'a>(
        frames: impl IntoIterator<Item = Frame<'a>>,
        start_lines: &StartLines,
    ) -> Option<Self> {
        let frame = frames.into_iter().find(|f| !f.function.is_empty())?;
        Some(Self::at(frame, start_lines))
    }

    /// The site of a statement that is told by its line: `start_line` is that of its function's `func`, 0 where it is
    /// not known.
    #[must_use]
    pub fn of_line(function: &str, file: &str, line: u32, start_line: u32) -> Self {
        let frame = Frame { function, file, line: line.into(), start_line: start_line.into() };
        Self::at(frame, &StartLines::default())
    }

    fn at(frame: Frame<'_>, start_lines: &StartLines) -> Self {
        Self {
            id: identity(frame, start_lines),
            function: bounded(readable(frame.function), SITE_ID_BYTES_MAX),
            file: bounded(frame.file.into(), FILE_BYTES_MAX),
            line: u32::try_from(frame.line).unwrap_or(0),
            blocked_at: String::new(),
            entry: String::new(),
        }
    }

    /// The site of a stack that no frame names.
    #[must_use]
    pub fn unknown() -> Self {
        Self {
            id: UNKNOWN_SITE.to_owned(),
            function: String::new(),
            file: String::new(),
            line: 0,
            blocked_at: String::new(),
            entry: String::new(),
        }
    }
}

/// The frames by which a stack's site is told, not yet written out: many stacks have one site.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Landmarks<'a> {
    /// What the site is named by.
    pub(crate) owner: Frame<'a>,
    blocking: Frame<'a>,
    /// `None` where the stack is likely to have been cut before it.
    entry: Option<Frame<'a>>,
}

impl<'a> Landmarks<'a> {
    /// Those of a stack, leaf first. `None` when no frame has a name.
    pub(crate) fn of_stack(frames: impl IntoIterator<Item = Frame<'a>>, go_root: &GoRoot) -> Option<Self> {
        let mut owner = None;
        let mut standard = None;
        let mut blocking = None;
        let mut outermost = None;
        let mut depth = 0;
        for frame in frames.into_iter().take(FRAMES_MAX).take_while(|f| !is_entry(f.function)) {
            depth += 1;
            if frame.function.is_empty() {
                continue;
            }
            if blocking.is_none() && !is_waiting_machinery(frame.function) {
                blocking = Some(frame);
            }
            if standard.is_none() && !is_plumbing(frame.function) {
                standard = Some(frame);
            }
            if owner.is_none() && !go_root.is_standard_library(frame) && !is_cgo_stub(frame) {
                owner = Some(frame);
            }
            outermost = Some(frame);
        }
        let owner = owner.or(standard).or(outermost)?;
        Some(Self {
            owner,
            blocking: blocking.unwrap_or(owner),
            entry: outermost.filter(|_| !CUT_DEPTHS.contains(&depth)),
        })
    }

    /// The site, written out.
    pub(crate) fn site(&self, start_lines: &StartLines) -> Site {
        Site {
            blocked_at: place(self.blocking),
            entry: self.entry.map(place).unwrap_or_default(),
            ..Site::at(self.owner, start_lines)
        }
    }
}

/// Start lines by function, learned from profiles that carry them, for sources that do not (the text form of
/// the heap profile). Belongs to one build: start anew with each incarnation.
#[derive(Clone, Debug, Default)]
pub struct StartLines(HashMap<String, i64>);

impl StartLines {
    /// Takes over what `frames` tell, some 50 ns each: best [one in each function](Frame::of_functions). Beyond
    /// [`START_LINES_MAX`] functions nothing new is learned.
    pub fn learn<'a>(&mut self, frames: impl IntoIterator<Item = Frame<'a>>) {
        for f in frames.into_iter().filter(|f| f.start_line > 0) {
            let function = readable(f.function);
            if self.0.len() < START_LINES_MAX && !self.0.contains_key(&*function) {
                self.0.insert(function.into_owned(), f.start_line);
            }
        }
    }

    fn of(&self, frame: Frame<'_>) -> Option<i64> {
        if frame.start_line > 0 {
            Some(frame.start_line)
        } else {
            self.0.get(&*readable(frame.function)).copied()
        }
    }
}

fn identity(frame: Frame<'_>, start_lines: &StartLines) -> String {
    let place = match start_lines.of(frame) {
        Some(start) if frame.line > 0 => format!("{:+}", frame.line - start),
        _ if frame.line > 0 => format!(":{}", frame.line),
        _ => String::new(),
    };
    let mut id = bounded(readable(frame.function), SITE_ID_BYTES_MAX.saturating_sub(place.len()));
    id.push_str(&place);
    id
}

fn place(frame: Frame<'_>) -> String {
    let text = format!("{} {}:{}", readable(frame.function), frame.file, frame.line);
    bounded(text.into(), PLACE_BYTES_MAX)
}

/// What every goroutine, the main one, and a coroutine start in. Profiles leave `runtime.goexit` out.
fn is_entry(function: &str) -> bool {
    matches!(function, "runtime.goexit" | "runtime.main" | "runtime.corostart")
}

/// Where a goroutine waits *through*: never what a reader looks for.
fn is_waiting_machinery(function: &str) -> bool {
    let package = package_of(function);
    matches!(package, "runtime" | "sync" | "internal/sync" | "internal/poll" | "time")
        || package.starts_with("internal/runtime/")
        || package.starts_with("runtime/internal/")
}

/// Packages that carry bytes for others. Where a stack has no user code, idle server connections, requests in
/// flight and a client's connections would otherwise all be one site, `net.(*netFD).Read`.
fn is_plumbing(function: &str) -> bool {
    let package = package_of(function);
    is_waiting_machinery(function)
        || package.starts_with("internal/")
        || matches!(package, "net" | "os" | "io" | "bufio" | "syscall" | "crypto/tls")
}

/// The Go side of a C call, generated by cgo: it lies in the user's package, but nobody wrote it.
fn is_cgo_stub(frame: Frame<'_>) -> bool {
    let name = frame.function.rsplit('.').next().unwrap_or("");
    name.starts_with("_Cfunc_") || name.starts_with("_C2func_")
}

/// `text` cut to `bytes_max`, with a hash of the whole at the end when cut: two long names stay two.
pub(crate) fn bounded(text: Cow<'_, str>, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.into_owned();
    }
    let mark = format!("~{:016x}", fnv1a_64(text.as_bytes()));
    let mut end = bytes_max.saturating_sub(mark.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{mark}", text.get(..end).unwrap_or(""))
}

/// FNV-1a, 64 bits: stable across builds of linger, which a label must be (the standard hasher is not).
fn fnv1a_64(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &b| (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::{SITE_ID_BYTES_MAX, START_LINES_MAX, Site, StartLines, bounded};
    use crate::{Frame, GoRoot};
    use proptest::prelude::proptest;

    fn frame<'a>(function: &'a str, file: &'a str, line: i64, start_line: i64) -> Frame<'a> {
        Frame { function, file, line, start_line }
    }

    fn site(frames: &[Frame<'_>]) -> Site {
        Site::of_stack(frames.iter().copied(), &GoRoot::default(), &StartLines::default()).unwrap()
    }

    #[test]
    fn the_owner_leads_and_the_blocking_frame_stands_beside_it() {
        let s = site(&[
            frame("runtime.gopark", "runtime/proc.go", 462, 435),
            frame("runtime.netpollblock", "runtime/netpoll.go", 575, 552),
            frame("internal/poll.runtime_pollWait", "runtime/netpoll.go", 351, 336),
            frame("internal/poll.(*FD).Read", "internal/poll/fd_unix.go", 165, 140),
            frame("net.(*netFD).Read", "net/fd_posix.go", 68, 67),
            frame("bufio.(*Reader).Read", "bufio/bufio.go", 245, 210),
            frame("example.com/feed.(*Conn).pump", "/src/feed/conn.go", 47, 40),
            frame("example.com/feed.Dial.func1", "/src/feed/dial.go", 12, 11),
            frame("runtime.goexit", "runtime/asm_amd64.s", 1693, 1692),
        ]);
        assert_eq!(s.id, "example.com/feed.(*Conn).pump+7");
        assert_eq!(
            (&*s.function, &*s.file, s.line),
            ("example.com/feed.(*Conn).pump", "/src/feed/conn.go", 47)
        );
        assert_eq!(s.blocked_at, "net.(*netFD).Read net/fd_posix.go:68");
        assert_eq!(s.entry, "example.com/feed.Dial.func1 /src/feed/dial.go:12");
    }

    #[test]
    fn ids_say_what_they_count_lines_from() {
        #[track_caller]
        fn check(line: i64, start_line: i64, id: &str) {
            assert_eq!(site(&[frame("main.f", "f.go", line, start_line)]).id, id);
        }
        check(47, 40, "main.f+7");
        check(40, 40, "main.f+0");
        // A //line directive may lead before the function's start.
        check(7, 40, "main.f-33");
        check(47, 0, "main.f:47");
        check(0, 40, "main.f");
        check(i64::MAX, i64::MIN, "main.f:9223372036854775807");
    }

    #[test]
    fn start_lines_of_one_profile_serve_another() {
        let mut lines = StartLines::default();
        let generic = frame("main.h[go.shape.int]", "h.go", 9, 8);
        lines.learn([frame("main.f", "f.go", 47, 40), frame("main.g", "g.go", 3, 0), generic]);
        let id = |f: Frame<'_>| Site::of_statement([Frame::default(), f], &lines).unwrap().id;
        assert_eq!(id(frame("main.f", "f.go", 42, 0)), "main.f+2");
        assert_eq!(id(frame("main.g", "g.go", 3, 0)), "main.g:3");
        // Text forms leave type arguments out.
        assert_eq!(id(frame("main.h[...]", "h.go", 9, 0)), id(generic));
        assert!(Site::of_statement([Frame::default()], &lines).is_none());
        let names: Vec<String> = (0..START_LINES_MAX + 10).map(|i| format!("main.f{i}")).collect();
        lines.learn(names.iter().map(|n| frame(n, "", 2, 1)));
        assert_eq!(lines.0.len(), START_LINES_MAX);
    }

    #[test]
    fn a_stack_without_user_code_is_counted_where_it_waits() {
        let s = site(&[
            frame("runtime.gopark", "", 1, 1),
            frame("runtime.selectgo", "", 1, 1),
            frame("net/http.(*persistConn).writeLoop", "net/http/transport.go", 2590, 2585),
            frame("net/http.(*Transport).dialConn.gowrap3", "net/http/transport.go", 1945, 1945),
        ]);
        assert_eq!(s.id, "net/http.(*persistConn).writeLoop+5");
        assert_eq!(s.entry, "net/http.(*Transport).dialConn.gowrap3 net/http/transport.go:1945");
        let s = site(&[
            frame("internal/poll.(*FD).Read", "", 1, 1),
            frame("net.(*netFD).Read", "net/fd_posix.go", 68, 67),
            frame("net.(*conn).Read", "", 1, 1),
            frame("net/http.(*connReader).Read", "", 9, 5),
            frame("bufio.(*Reader).Peek", "", 1, 1),
            frame("net/http.(*conn).serve", "", 100, 1),
        ]);
        assert_eq!(s.id, "net/http.(*connReader).Read+4");
        assert_eq!(s.blocked_at, "net.(*netFD).Read net/fd_posix.go:68");
        let plumbing = [frame("syscall.Syscall", "", 74, 73), frame("os.(*File).Read", "", 9, 8)];
        assert_eq!(site(&plumbing).id, "os.(*File).Read+1");
        let runtime = [frame("runtime.gopark", "", 9, 1), frame("runtime.bgsweep", "", 3, 1)];
        assert_eq!(site(&runtime).id, "runtime.bgsweep+2");
    }

    #[test]
    fn generated_c_stubs_and_unnamed_frames_own_nothing() {
        let s = site(&[
            frame("runtime.cgocall", "", 1, 1),
            frame("main._Cfunc_sleep", "_cgo_gotypes.go", 50, 45),
            frame("", "", 0, 0),
            frame("main.nap", "nap.go", 12, 10),
            frame("main.main", "nap.go", 20, 18),
            frame("runtime.main", "", 1, 1),
        ]);
        assert_eq!((&*s.id, &*s.entry), ("main.nap+2", "main.main nap.go:20"));
        assert!(s.blocked_at.starts_with("main._Cfunc_sleep "));
        assert!(Site::of_stack([Frame::default()], &GoRoot::default(), &StartLines::default()).is_none());
    }

    #[test]
    fn a_cut_stack_does_not_say_who_created_it() {
        for (depth, known) in [(31, true), (32, false), (33, true), (128, false)] {
            let frames = vec![frame("main.deep", "d.go", 2, 1); depth];
            assert_eq!(!site(&frames).entry.is_empty(), known, "{depth}");
        }
    }

    #[test]
    fn what_is_cut_keeps_its_identity() {
        let long = "x".repeat(300);
        let (a, b) = (format!("example.com/{long}.F"), format!("example.com/{long}.G"));
        let (a, b) = (site(&[frame(&a, "", 9, 2)]).id, site(&[frame(&b, "", 9, 2)]).id);
        assert!(a != b && a.len() <= SITE_ID_BYTES_MAX && a.ends_with("+7") && a.contains('~'), "{a}");
    }

    proptest! {
        #[test]
        fn labels_are_bounded_whatever_the_names(name in "\\PC{0,300}", line: i64, start_line: i64) {
            if let Some(s) = Site::of_statement([frame(&name, &name, line, start_line)], &StartLines::default()) {
                assert!(s.id.len() <= SITE_ID_BYTES_MAX);
            }
            assert!(bounded(name.into(), 40).len() <= 40);
        }
    }
}
