//! Why a configuration file could not be used.

use crate::Faults;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a configuration file could not be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The file could not be read.
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not UTF-8 text.
    NotText {
        /// The file.
        path: PathBuf,
        /// Offset of the first byte that is not UTF-8.
        at_byte: usize,
    },
    /// The file was read and has faults.
    Faulty(Faults),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { path, source } => write!(f, "cannot read {}: {source}", path.display()),
            Self::NotText { path, at_byte } => {
                write!(f, "{} is not UTF-8 text: byte {at_byte}", path.display())
            }
            Self::Faulty(faults) => faults.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read { source, .. } => Some(source),
            Self::NotText { .. } | Self::Faulty(_) => None,
        }
    }
}

impl From<Faults> for Error {
    fn from(faults: Faults) -> Self {
        Self::Faulty(faults)
    }
}
