//! Why a binary could not be read, and where.

use std::fmt;

/// What a file is when it is no ELF file, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// macOS, for one or for several machines.
    MachO,
    /// Windows.
    Pe,
    /// Starts with `#!`.
    Script,
    /// `ar`: a package archive, a static library.
    Archive,
    /// WebAssembly.
    Wasm,
    /// gzip, bzip2, xz, zstd or zip.
    Compressed,
    /// Nothing in it.
    Empty,
    /// Looks like text.
    Text,
    /// None of these.
    Unknown,
}

impl Format {
    /// What `bytes` look like.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        const MARKS: [(&[u8], Format); 15] = [
            (b"\xfe\xed\xfa\xce", Format::MachO),
            (b"\xfe\xed\xfa\xcf", Format::MachO),
            (b"\xce\xfa\xed\xfe", Format::MachO),
            (b"\xcf\xfa\xed\xfe", Format::MachO),
            (b"\xca\xfe\xba\xbe", Format::MachO),
            (b"\xca\xfe\xba\xbf", Format::MachO),
            (b"MZ", Format::Pe),
            (b"#!", Format::Script),
            (b"!<arch>\n", Format::Archive),
            (b"\0asm", Format::Wasm),
            (b"\x1f\x8b", Format::Compressed),
            (b"BZh", Format::Compressed),
            (b"\xfd7zXZ", Format::Compressed),
            (b"\x28\xb5\x2f\xfd", Format::Compressed),
            (b"PK\x03\x04", Format::Compressed),
        ];
        let known = MARKS.iter().find(|(mark, _)| bytes.starts_with(mark)).map(|(_, format)| *format);
        let head = bytes.get(..64).unwrap_or(bytes);
        let is_text = |b: &u8| b.is_ascii_graphic() || b.is_ascii_whitespace();
        known.unwrap_or(match head {
            [] => Self::Empty,
            head if head.iter().all(is_text) => Self::Text,
            _ => Self::Unknown,
        })
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MachO => "a Mach-O file (macOS)",
            Self::Pe => "a PE file (Windows)",
            Self::Script => "a script",
            Self::Archive => "an archive of object files",
            Self::Wasm => "a WebAssembly module",
            Self::Compressed => "a compressed file",
            Self::Empty => "an empty file",
            Self::Text => "a text file",
            Self::Unknown => "something else",
        })
    }
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// No ELF file.
    NotElf {
        /// What it is.
        format: Format,
    },
    /// An ELF file that is no program: an object file, a core dump.
    NotAProgram {
        /// What it is.
        what: &'static str,
    },
    /// A program for a machine that is not read here.
    Machine {
        /// Which.
        machine: String,
    },
    /// A program in which nothing of Go was found.
    NotGo,
    /// A Go program that does not say which Go built it.
    NoVersion,
    /// Built by a Go older than the oldest that is known.
    TooOld {
        /// Which.
        version: String,
    },
    /// Built by a Go newer than the newest that is known.
    TooNew {
        /// Which.
        version: String,
    },
    /// A table that every Go program has was not found.
    Missing {
        /// Which.
        what: &'static str,
    },
    /// Text in several pieces, as of programs larger than those machines' jumps: not read here.
    SplitText {
        /// How many.
        pieces: u64,
    },
    /// Something is where it should be and is not what it should be.
    Damaged {
        /// Which part.
        part: &'static str,
        /// Offset in the file or address, as the part is found.
        at: u64,
        /// What is wrong.
        reason: String,
    },
    /// More of something than any program has.
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many are read.
        max: usize,
    },
}

impl Error {
    pub(crate) fn damaged(part: &'static str, at: u64, reason: impl Into<String>) -> Self {
        Self::Damaged { part, at, reason: reason.into() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotElf { format } => write!(f, "not a Linux program but {format}"),
            Self::NotAProgram { what } => write!(f, "not a program but {what}"),
            Self::Machine { machine } => {
                write!(f, "a program for {machine}; only amd64 and arm64 are read")
            }
            Self::NotGo => f.write_str("not a Go program"),
            Self::NoVersion => f.write_str("a Go program that does not tell which Go built it"),
            Self::TooOld { version } => {
                write!(f, "built by {version:?}; the oldest Go that is read is {}", crate::GoVersion::OLDEST)
            }
            Self::TooNew { version } => {
                write!(f, "built by {version:?}; the newest Go that is known is {}", crate::GoVersion::NEWEST)
            }
            Self::Missing { what } => write!(f, "no {what} found"),
            Self::SplitText { pieces } => write!(f, "its text is in {pieces} pieces, which is not read"),
            Self::Damaged { part, at, reason } => write!(f, "damaged {part} at {at:#x}: {reason}"),
            Self::TooMany { what, max } => write!(f, "more than {max} {what}"),
        }
    }
}

impl std::error::Error for Error {}
