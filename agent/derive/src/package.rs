//! Go symbol names, and what belongs to Go itself: the package of a function, its readable spelling, and
//! whether a frame is standard library.
//!
//! The name alone cannot always tell: a user's module may have no dot in its path (`mycorp/app`, or even
//! `net/tools`). The file can, once we know where this build keeps Go's own sources; [`GoRoot`] learns that
//! from the frames of package `runtime`, which every Go program has.

use crate::Frame;
use std::borrow::Cow;

/// Top-level directories of Go's `src`, 1.19 to 1.27, and the two roots that only the toolchain uses. Used
/// where the file does not decide.
const STANDARD_ROOTS: &[&str] = &[
    "archive",
    "arena",
    "bufio",
    "builtin",
    "bytes",
    "cmd",
    "cmp",
    "compress",
    "container",
    "context",
    "crypto",
    "database",
    "debug",
    "embed",
    "encoding",
    "errors",
    "expvar",
    "flag",
    "fmt",
    "go",
    "hash",
    "html",
    "image",
    "index",
    "internal",
    "io",
    "iter",
    "log",
    "maps",
    "math",
    "mime",
    "net",
    "os",
    "path",
    "plugin",
    "reflect",
    "regexp",
    "runtime",
    "simd",
    "slices",
    "sort",
    "strconv",
    "strings",
    "structs",
    "sync",
    "syscall",
    "testing",
    "text",
    "time",
    "unicode",
    "unique",
    "unsafe",
    "vendor",
    "weak",
];

/// The import path of a function's package, as it stands in the symbol: `pkg/path` of
/// `pkg/path.(*Type).Method`. Dots of the last element are escaped as `%2e` there (Go 1.26,
/// cmd/internal/objabi/path.go, `PathToPrefix`), so the first plain dot after the last slash ends it.
#[must_use]
pub fn package_of(function: &str) -> &str {
    let mut end = None;
    for (i, byte) in function.bytes().enumerate() {
        match byte {
            b'/' => end = None,
            b'.' => end = end.or(Some(i)),
            // Type arguments may hold slashes and dots of their own, `pkg.Map[go.shape.int]`, and so may what a
            // method is on, `pkg.(*T[a/b.U]).M`.
            b'[' | b'(' => {
                end = end.or(Some(i));
                break;
            }
            _ => {}
        }
    }
    end.and_then(|end| function.get(..end)).unwrap_or(function)
}

/// A function name for people, the same from every source: `%2e` and the other escapes of a package path
/// decoded, and type arguments as `[...]`. Go's text forms write them so, its protobuf forms in full
/// (`Map[go.shape.int]`); all instances are one function in the source.
#[must_use]
pub fn readable(function: &str) -> Cow<'_, str> {
    let decoded = if function.contains('%') { decoded(function) } else { Cow::Borrowed(function) };
    match decoded.split_once('[').and_then(|(before, rest)| Some((before, rest.rsplit_once(']')?))) {
        Some((before, (arguments, after))) if arguments != "..." => {
            Cow::Owned(format!("{before}[...]{after}"))
        }
        _ => decoded,
    }
}

fn decoded(function: &str) -> Cow<'_, str> {
    let mut bytes = Vec::with_capacity(function.len());
    let mut rest = function.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|d| std::str::from_utf8(d).ok());
        let escape = digits.filter(|_| byte == b'%').and_then(|d| u8::from_str_radix(d, 16).ok());
        match escape {
            // A control character must not reach a terminal or a label through an escape.
            Some(decoded) if !decoded.is_ascii_control() => {
                bytes.push(decoded);
                rest = after.get(2..).unwrap_or(&[]);
            }
            _ => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).map_or_else(|_| Cow::Borrowed(function), Cow::Owned)
}

/// Whether a function belongs to Go itself, from its name alone: the fallback of [`GoRoot`], wrong for a
/// module whose path has no dot and begins like the standard library (`net/tools`).
#[must_use]
pub fn is_standard_library(function: &str) -> bool {
    by_name(function) != Owner::User
}

/// Where this build's standard library has its files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GoRoot {
    /// What stands before `runtime/proc.go`: `/usr/local/go/src/`, or empty in a `-trimpath` build, or
    /// `GOROOT/src/` under Bazel. `None` until a frame told.
    sources: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    User,
    Go,
    /// No dot in the first element and known to us as Go's: likely, but a user's module may be named so.
    LikelyGo,
}

fn by_name(function: &str) -> Owner {
    // Compiler-made: equality and hash functions, `go:struct {…}` and the like.
    if function.starts_with("type:") || function.starts_with("type..") || function.starts_with("go:") {
        return Owner::Go;
    }
    let package = package_of(function);
    if package.is_empty() || package == "main" || package == "main_test" {
        return Owner::User;
    }
    let root = package.split('/').next().unwrap_or(package);
    match root {
        "runtime" if package == "runtime" => Owner::Go,
        "vendor" => Owner::Go,
        _ if STANDARD_ROOTS.binary_search(&root).is_ok() => Owner::LikelyGo,
        _ => Owner::User,
    }
}

impl GoRoot {
    /// Learns from frames of package `runtime`; the first that tells decides.
    pub fn learn<'a>(frames: impl IntoIterator<Item = Frame<'a>>) -> Self {
        let sources = frames.into_iter().filter(|f| package_of(f.function) == "runtime").find_map(|f| {
            let (directory, name) = f.file.rsplit_once('/')?;
            let source = [".go", ".s"].iter().any(|end| name.ends_with(end));
            let before = directory.strip_suffix("runtime").filter(|_| source)?;
            (before.is_empty() || before.ends_with('/')).then(|| before.to_owned())
        });
        Self { sources }
    }

    /// Whether a frame was read that told.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.sources.is_some()
    }

    /// Whether `frame` is standard library.
    ///
    /// `main`, and a package not named like one of Go's, is the user's. For the rest the file decides where
    /// it can: in a plain build Go's sources lie under one folder and nothing else does. In a `-trimpath`
    /// build that folder's name is gone (`net/http/server.go`), and a module at a version still shows itself
    /// by its `@`; between the two the name decides. Generated code (`_cgo_gotypes.go`, `<autogenerated>`)
    /// has no folder, so there, too, the name decides.
    #[must_use]
    pub fn is_standard_library(&self, frame: Frame<'_>) -> bool {
        match by_name(frame.function) {
            Owner::User => false,
            Owner::Go => true,
            Owner::LikelyGo => match &self.sources {
                Some(root) if frame.file.contains('/') && !root.is_empty() => frame.file.starts_with(root),
                Some(_) => !frame.file.contains('@') && !frame.file.starts_with('/'),
                None => true,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{GoRoot, STANDARD_ROOTS, is_standard_library, package_of, readable};
    use crate::Frame;

    #[test]
    fn the_package_ends_at_the_first_plain_dot_after_the_last_slash() {
        #[track_caller]
        fn check(function: &str, package: &str, shown: &str) {
            assert_eq!((package_of(function), &*readable(function)), (package, shown));
        }
        check("main.main", "main", "main.main");
        check("main.(*server).serve.func1", "main", "main.(*server).serve.func1");
        check("main.glob..func1", "main", "main.glob..func1");
        check("internal/sync.(*Mutex).lockSlow", "internal/sync", "internal/sync.(*Mutex).lockSlow");
        check("example.com/a/b.Map[...].func1", "example.com/a/b", "example.com/a/b.Map[...].func1");
        check(
            "main.(*Pair[go.shape.map[string]int,example.com/x.T]).Swap.func1",
            "main",
            "main.(*Pair[...]).Swap.func1",
        );
        check("main.odd[", "main", "main.odd[");
        check("main.F[a].G[b]", "main", "main.F[...]");
        check("gopkg.in/yaml%2ev3.Unmarshal", "gopkg.in/yaml%2ev3", "gopkg.in/yaml.v3.Unmarshal");
        check("example.com/caf%c3%a9.Pour", "example.com/caf%c3%a9", "example.com/café.Pour");
        check("nopackage", "nopackage", "nopackage");
        check("", "", "");
        // Not escapes, or none that may be shown: left as they are.
        check("a/b%.F", "a/b%", "a/b%.F");
        check("a/b%zz.F", "a/b%zz", "a/b%zz.F");
        check("a/b%1b%0a.F", "a/b%1b%0a", "a/b%1b%0a.F");
        check("a/b%ff.F", "a/b%ff", "a/b%ff.F");
        check("a/é%2", "a/é%2", "a/é%2");
    }

    #[test]
    fn roots_are_sorted_for_the_search() {
        assert!(STANDARD_ROOTS.is_sorted());
    }

    #[test]
    fn by_name_alone_what_looks_like_go_is_go() {
        #[track_caller]
        fn check(function: &str, standard: bool) {
            assert_eq!(is_standard_library(function), standard, "{function}");
        }
        for f in [
            "runtime.gopark",
            "runtime/pprof.writeHeap",
            "net/http.(*conn).serve",
            "internal/poll.runtime_pollWait",
            "vendor/golang.org/x/net/http2/hpack.(*Decoder).Write",
            "type:.eq.main.T",
            "type..hash.main.T",
            "sync.(*Pool).Get",
            "testing/synctest.Wait",
            "crypto/tls.(*Conn).Read",
            "iter.Pull[...].func1",
            "encoding/json/v2.Unmarshal",
        ] {
            check(f, true);
        }
        for f in [
            "main.main",
            "main.(*T).M",
            "golang.org/x/net/http2.(*Framer).ReadFrame",
            "github.com/a/b.F",
            "mycorp/app.Run",
            "example%2ecom.F",
            "",
        ] {
            check(f, false);
        }
    }

    #[test]
    fn files_decide_where_a_module_is_named_like_go() {
        #[track_caller]
        fn check(root: &str, function: &str, file: &str, standard: bool) {
            let runtime = format!("{root}runtime/proc.go");
            let frames = [
                Frame { file: "elsewhere/sema.go", ..Frame::named("sync.runtime_Semacquire") },
                Frame { file: &runtime, ..Frame::named("runtime.gopark") },
            ];
            let go_root = GoRoot::learn(frames);
            assert!(go_root.is_known());
            let frame = Frame { file, ..Frame::named(function) };
            assert_eq!(go_root.is_standard_library(frame), standard, "{root} {function} {file}");
        }
        let plain = "/usr/local/go/src/";
        check(plain, "net/http.(*conn).serve", "/usr/local/go/src/net/http/server.go", true);
        check(plain, "sync.runtime_Semacquire", "/usr/local/go/src/runtime/sema.go", true);
        check(plain, "net/tools.Run", "/home/me/net/tools/run.go", false);
        check(plain, "mycorp/app.Run", "/home/me/app/run.go", false);
        check(plain, "main.main", "/usr/local/go/src/main.go", false);
        check(plain, "net._C2func_getaddrinfo", "_cgo_gotypes.go", true);
        check(plain, "os.(*File).Close", "<autogenerated>", true);
        check(plain, "vendor/golang.org/x/net/idna.ToASCII", "anything", true);
        let trimmed = "";
        check(trimmed, "net/http.(*conn).serve", "net/http/server.go", true);
        check(trimmed, "log/sink.Write", "log/sink@v1.2.3/sink.go", false);
        check(trimmed, "mycorp/app.Run", "mycorp/app/run.go", false);
        // Named like Go, without a version, in a trimmed build: nothing tells, and the name decides.
        check(trimmed, "net/tools.Run", "net/tools/run.go", true);
        check("GOROOT/src/", "net/http.(*conn).serve", "GOROOT/src/net/http/server.go", true);
        check("GOROOT/src/", "net/tools.Run", "net/tools/run.go", false);
    }

    #[test]
    fn without_a_frame_of_the_runtime_the_root_stays_unknown() {
        let frames = [
            Frame::named("runtime.gopark"),
            Frame { file: "proc.go", ..Frame::named("runtime.gopark") },
            Frame { file: "/x/runtime/notes.txt", ..Frame::named("runtime.gopark") },
            Frame { file: "/x/myruntime/proc.go", ..Frame::named("runtime.gopark") },
        ];
        let go_root = GoRoot::learn(frames);
        assert!(!go_root.is_known());
        let serve = Frame { file: "/anywhere/server.go", ..Frame::named("net/http.(*conn).serve") };
        assert!(go_root.is_standard_library(serve));
    }
}
