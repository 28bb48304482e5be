//! Everything that can go wrong in the store, and where. Messages name the folder, part or key concerned.

use crate::SeriesId;
use crate::day::moment;
use linger_series::{Stream, TimeMs};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// What failed and where. Cheap to clone: one failed flush is told to every scrape it was to acknowledge.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Error {
    /// Another process, or another handle in this one, has the folder open.
    Locked {
        /// The store's folder.
        dir: PathBuf,
    },
    /// There is no such folder (only said when opening read-only; else it is created).
    Missing {
        /// The store's folder.
        dir: PathBuf,
    },
    /// The folder holds files, but no store.
    NotAStore {
        /// The folder.
        dir: PathBuf,
    },
    /// A newer linger wrote this store.
    NewerVersion {
        /// The store's folder.
        dir: PathBuf,
        /// Version found.
        found: u32,
        /// Newest version this build reads.
        known: u32,
    },
    /// The manifest cannot be trusted; nothing was changed.
    Manifest {
        /// The file.
        path: PathBuf,
        /// Line, counted from 1.
        line: usize,
        /// What is wrong there.
        why: &'static str,
    },
    /// The file system refused.
    Io {
        /// File or folder concerned.
        path: PathBuf,
        /// What it said.
        source: Arc<io::Error>,
    },
    /// The key-value store below failed.
    Engine {
        /// Folder of the part, such as `wal` or `raw/2026-11-24`.
        part: String,
        /// What it said.
        why: String,
    },
    /// Stored bytes do not decode.
    Corrupt {
        /// Folder of the part, such as `raw/2026-11-24`.
        part: String,
        /// Byte offset inside the row, where known.
        at: usize,
        /// What is wrong there.
        why: String,
    },
    /// The queue of scrapes is full: this newest one was dropped and counted.
    QueueFull {
        /// The limit met, with its unit.
        limit: &'static str,
        /// Its value.
        max: usize,
    },
    /// The store was opened read-only.
    ReadOnly,
    /// The store was closed, or its writer ended.
    Closed,
    /// A scrape is not later than its stream's last one: a clock that stepped back, or a duplicate.
    TimeNotAfter {
        /// The stream.
        stream: Stream,
        /// Time of the refused scrape.
        at: TimeMs,
        /// Time of the stream's last one.
        last: TimeMs,
    },
    /// A scrape is more than a day and a half ahead of the newest one of all streams, and less time than that passed: a clock that jumped.
    /// Believed when it goes on from there for `believed_after`.
    TimeJumped {
        /// Time of the refused scrape.
        at: TimeMs,
        /// Newest time believed.
        newest: TimeMs,
        /// How long times must go on from the jump.
        believed_after: Duration,
    },
    /// A time before 1970 or after 9999.
    TimeOutOfRange {
        /// The time.
        at: TimeMs,
    },
    /// The id is not one of this stream, or its series aged out of the store: register it again.
    UnknownSeries {
        /// The id.
        id: SeriesId,
    },
    /// One scrape holds two values for one series.
    RepeatedSeries {
        /// The series.
        id: SeriesId,
    },
    /// More than a named limit allows.
    TooMany {
        /// The limit, with its unit.
        limit: &'static str,
        /// Its value.
        max: usize,
    },
    /// A name, label or stream that cannot be stored.
    BadName {
        /// The text, shortened.
        text: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A regular expression in a selector does not compile within its limits.
    Regex {
        /// The expression.
        pattern: String,
        /// What the compiler said.
        why: String,
    },
}

impl Error {
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source: Arc::new(source) }
    }

    /// Whether stored bytes are at fault, not the disk or the caller: only then is a part quarantined.
    #[must_use]
    pub fn is_corruption(&self) -> bool {
        matches!(self, Self::Corrupt { .. })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Locked { dir } => {
                write!(f, "the store in {} is open elsewhere, probably in a running agent", dir.display())
            }
            Self::Missing { dir } => write!(f, "there is no store in {}", dir.display()),
            Self::NotAStore { dir } => {
                write!(f, "{} holds files but no MANIFEST: not a linger store", dir.display())
            }
            Self::NewerVersion { dir, found, known } => write!(
                f,
                "the store in {} has version {found}, this linger reads up to {known}",
                dir.display()
            ),
            Self::Manifest { path, line, why } => write!(f, "{} line {line}: {why}", path.display()),
            Self::Io { path, source } => write!(f, "{}: {source}", path.display()),
            Self::Engine { part, why } => write!(f, "{part}: {why}"),
            Self::Corrupt { part, at, why } => write!(f, "{part}: corrupt at byte {at}: {why}"),
            Self::QueueFull { limit, max } => write!(f, "the store's queue is full ({limit}: {max})"),
            Self::ReadOnly => f.write_str("the store was opened read-only"),
            Self::Closed => f.write_str("the store is closed"),
            Self::TimeNotAfter { stream, at, last } => write!(
                f,
                "{}/{}: a scrape at {} is not later than the last one at {}",
                stream.target,
                stream.collector,
                moment(*at),
                moment(*last)
            ),
            Self::TimeJumped { at, newest, believed_after } => write!(
                f,
                "a scrape at {} is far ahead of the newest one at {}: the clock jumped; \
                 accepted once it goes on from there for {} s",
                moment(*at),
                moment(*newest),
                believed_after.as_secs()
            ),
            Self::TimeOutOfRange { at } => write!(f, "time {at} ms is outside the years 1970 to 9999"),
            Self::UnknownSeries { id } => write!(f, "series {id} is not known in this stream"),
            Self::RepeatedSeries { id } => write!(f, "series {id} has two values in one scrape"),
            Self::TooMany { limit, max } => write!(f, "more than {limit} allows ({max})"),
            Self::BadName { text, why } => write!(f, "{text:?} {why}"),
            Self::Regex { pattern, why } => write!(f, "regular expression {pattern:?}: {why}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(&**source),
            _ => None,
        }
    }
}
