//! A stack frame as the rules see it, wherever it was decoded from: four fields, borrowed, so that rules can
//! be tested on plain tables of function names. It refuses nothing: what is unknown is empty or zero.

use linger_proto::{goroutine_text, heap_text, pprof};

/// One frame of a stack, inlined calls already expanded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Frame<'a> {
    /// Full function name as Go writes it, `pkg/path.(*Type).Method`; empty where there was no symbol.
    pub function: &'a str,
    /// Source file as compiled in.
    pub file: &'a str,
    /// Line of the call or allocation; 0 when unknown.
    pub line: i64,
    /// Line on which the function starts; 0 when unknown (Go before 1.20, and every text form).
    pub start_line: i64,
}

impl<'a> Frame<'a> {
    /// A frame of which only the function is known.
    #[must_use]
    pub fn named(function: &'a str) -> Self {
        Self { function, ..Self::default() }
    }

    /// A frame in each function of a profile, without a line: what [`GoRoot`](crate::GoRoot) and
    /// [`StartLines`](crate::site::StartLines) learn from. A thousand goroutines have thousands of frames, in some
    /// dozens of functions.
    pub fn of_functions(profile: &'a pprof::Profile) -> impl Iterator<Item = Self> {
        profile.functions().map(Self::from)
    }
}

impl<'a> From<pprof::Frame<'a>> for Frame<'a> {
    fn from(f: pprof::Frame<'a>) -> Self {
        Self { function: f.function, file: f.file, line: f.line, start_line: f.start_line }
    }
}

impl<'a> From<pprof::Function<'a>> for Frame<'a> {
    fn from(f: pprof::Function<'a>) -> Self {
        Self { function: f.name, file: f.file, line: 0, start_line: f.start_line }
    }
}

impl<'a> From<&'a heap_text::TextFrame> for Frame<'a> {
    fn from(f: &'a heap_text::TextFrame) -> Self {
        Self { function: &f.function, file: &f.file, line: i64::from(f.line), start_line: 0 }
    }
}

impl<'a> From<&'a goroutine_text::DumpFrame> for Frame<'a> {
    fn from(f: &'a goroutine_text::DumpFrame) -> Self {
        Self { function: &f.function, file: &f.file, line: i64::from(f.line), start_line: 0 }
    }
}
