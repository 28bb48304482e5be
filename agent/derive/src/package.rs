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
    // Type arguments may hold slashes and dots of their own: `pkg.Map[go.shape.int]`.
    let plain = function.split('[').next().unwrap_or(function);
    // A receiver may not hold a slash, but be safe: `pkg.(*T).M` ends at the parenthesis.
    let plain = plain.split('(').next().unwrap_or(plain);
    let last_element = plain.rfind('/').map_or(0, |slash| slash + 1);
    let tail = plain.get(last_element..).unwrap_or("");
    let end = tail.find('.').map_or(plain.len(), |dot| last_element + dot);
    plain.get(..end).unwrap_or(plain)
}

/// A function name for people: `%2e` and the other escapes of a package path decoded.
#[must_use]
pub fn readable(function: &str) -> Cow<'_, str> {
    if !function.contains('%') {
        return Cow::Borrowed(function);
    }
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
