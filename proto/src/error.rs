//! Why a body could not be decoded, and where.

use std::fmt;

use crate::looks::{Looks, printable_prefix};

/// A decoder's refusal.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// A limit was passed; the name is that of the field of [`crate::Limits`].
    TooLarge {
        /// Which limit.
        limit: &'static str,
        /// Its value, in bytes.
        bytes_max: usize,
    },
    /// The body is something else than what the decoder reads.
    NotWhatWasAsked {
        /// What was expected, as `a heap profile as text`.
        expected: &'static str,
        /// What it seems to be.
        looks: Looks,
        /// Its first bytes, safe to print.
        prefix: String,
    },
    /// The body is no pprof profile.
    NotPprof {
        /// What it seems to be.
        looks: Looks,
        /// Its first bytes, safe to print.
        prefix: String,
    },
    /// The gzip stream ends early: the connection was cut, or the service died.
    TruncatedGzip {
        /// Bytes of the body, all of which were read.
        offset: usize,
    },
    /// The gzip stream is damaged.
    CorruptGzip {
        /// How much of the body was read before it showed.
        offset: usize,
        /// What inflating it said.
        reason: String,
    },
    /// The protobuf framing is broken, or ends early.
    Framing {
        /// Offset in the (inflated) profile.
        offset: usize,
        /// What is wrong.
        reason: &'static str,
    },
    /// An entry of a profile is no valid message.
    Entry {
        /// Which kind, as `sample`.
        entry: &'static str,
        /// The how manieth of its kind, from 0.
        index: usize,
        /// Offset in the (inflated) profile.
        offset: usize,
        /// What the protobuf decoder said.
        reason: prost::DecodeError,
    },
    /// An entry refers to another one that is not there.
    Missing {
        /// The kind that refers, as `sample`.
        entry: &'static str,
        /// The how manieth of its kind, from 0.
        index: usize,
        /// The kind it refers to, as `location`.
        to: &'static str,
        /// The id or index it gives.
        id: i128,
    },
    /// An id is used twice, or is 0.
    BadId {
        /// The kind, as `location`.
        entry: &'static str,
        /// The how manieth of its kind, from 0.
        index: usize,
        /// The id.
        id: u64,
    },
    /// A sample has not one value for each sample type.
    ValueCount {
        /// The how manieth sample, from 0.
        index: usize,
        /// Values it has.
        values: usize,
        /// Values it should have.
        expected: usize,
    },
    /// The string table does not start with the empty string.
    FirstString,
    /// A profile without a sample type: nothing could be said of its values.
    NoSampleType,
    /// A text ends in the middle of something.
    CutOff {
        /// Where it ends.
        offset: usize,
    },
    /// A line of text is not of its format.
    Line {
        /// Line number, from 1.
        line: usize,
        /// Offset in the body of the line's start.
        offset: usize,
        /// What was expected there.
        expected: &'static str,
    },
    /// An execution trace of a version that is not known.
    TraceVersion {
        /// The version its header names, as `go 1.99`.
        version: String,
    },
}

impl Error {
    /// The error for a body that is something else than `expected`.
    pub(crate) fn not(expected: &'static str, body: &[u8]) -> Self {
        Self::NotWhatWasAsked { expected, looks: Looks::at(body), prefix: printable_prefix(body) }
    }

    /// The error for a body that is no profile.
    pub(crate) fn not_pprof(body: &[u8]) -> Self {
        Self::NotPprof { looks: Looks::at(body), prefix: printable_prefix(body) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { limit, bytes_max } => write!(f, "larger than {limit} ({bytes_max} bytes)"),
            Self::NotWhatWasAsked { expected, looks, prefix } => {
                write!(f, "not {expected} but {looks}: {prefix:?}")
            }
            Self::NotPprof { looks, prefix } => write!(f, "not a pprof profile but {looks}: {prefix:?}"),
            Self::TruncatedGzip { offset } => write!(f, "gzip stream cut off at byte {offset}"),
            Self::CorruptGzip { offset, reason } => {
                write!(f, "damaged gzip stream, noticed at byte {offset}: {reason}")
            }
            Self::Framing { offset, reason } => write!(f, "broken profile at byte {offset}: {reason}"),
            Self::Entry { entry, index, offset, reason } => {
                write!(f, "{entry} {index} at byte {offset} of the profile: {reason}")
            }
            Self::Missing { entry, index, to, id } => {
                write!(f, "{entry} {index} refers to {to} {id}, which is not in the profile")
            }
            Self::BadId { entry, index, id } => {
                write!(f, "{entry} {index} has the id {id}, which is zero or taken")
            }
            Self::ValueCount { index, values, expected } => {
                write!(f, "sample {index} has {values} values where the profile has {expected} sample types")
            }
            Self::FirstString => f.write_str("the string table does not start with the empty string"),
            Self::NoSampleType => f.write_str("the profile names no sample type"),
            Self::CutOff { offset } => write!(f, "cut off at byte {offset}"),
            Self::Line { line, offset, expected } => {
                write!(f, "line {line} (byte {offset}): expected {expected}")
            }
            Self::TraceVersion { version } => {
                write!(f, "execution trace of unknown version {version:?}; known are go 1.11 to 1.26")
            }
        }
    }
}

impl std::error::Error for Error {}
