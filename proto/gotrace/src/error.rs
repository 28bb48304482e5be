//! Why a trace could not be read, and where.

use std::{fmt, io};

/// The decoder's refusal. What was delivered before it stays true.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The bytes do not start like an execution trace.
    NotATrace {
        /// Their first bytes, with everything unprintable escaped.
        prefix: String,
    },
    /// A trace of the older format (Go up to 1.21), which is not read yet.
    OldFormat {
        /// The version its header names, as `go 1.21`.
        version: String,
    },
    /// A trace of a version that is not known.
    UnknownVersion {
        /// The version its header names, as `go 1.99`.
        version: String,
    },
    /// The source of the bytes failed.
    Read {
        /// Offset in the trace.
        offset: u64,
        /// What it said.
        reason: io::Error,
    },
    /// A field of [`crate::Limits`] was passed.
    Limit {
        /// Which one.
        limit: &'static str,
        /// Its value.
        max: u64,
    },
    /// The framing is broken: a batch or a table.
    Format {
        /// Offset in the trace of the batch or byte.
        offset: u64,
        /// What is wrong.
        reason: &'static str,
    },
    /// The events contradict one another, or one of them cannot be read.
    Events {
        /// Number of the generation.
        generation: u64,
        /// Offset in the trace, close to the event.
        offset: u64,
        /// What is wrong.
        reason: &'static str,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotATrace { prefix } => write!(f, "not an execution trace: \"{prefix}\""),
            Self::OldFormat { version } => {
                write!(f, "execution trace of {version:?}: the format before go 1.22 is not read")
            }
            Self::UnknownVersion { version } => write!(
                f,
                "execution trace of unknown version {version:?}; known are go 1.22, 1.23, 1.25 and 1.26"
            ),
            Self::Read { offset, reason } => write!(f, "reading the trace at byte {offset}: {reason}"),
            Self::Limit { limit, max } => write!(f, "beyond {limit} ({max})"),
            Self::Format { offset, reason } => write!(f, "broken trace at byte {offset}: {reason}"),
            Self::Events { generation, offset, reason } => {
                write!(f, "broken trace in generation {generation} near byte {offset}: {reason}")
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read { reason, .. } => Some(reason),
            _ => None,
        }
    }
}
