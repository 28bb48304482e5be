//! The first 16 bytes of a trace: `go 1.NN trace` and three NUL bytes, and what follows from the NN.
//!
//! Go 1.22-1.27, `internal/trace/version/version.go`. Not every Go has a version of its own: 1.24 writes 1.23, and 1.27
//! writes 1.26.

use std::fmt;

use crate::Error;

/// Bytes of the header.
pub(crate) const HEADER_BYTES: usize = 16;

/// A version of the format that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// Written by Go 1.22.
    Go1_22,
    /// Written by Go 1.23 and 1.24: switches between coroutines, stacks of silent goroutines.
    Go1_23,
    /// Written by Go 1.25: clock snapshots.
    Go1_25,
    /// Written by Go 1.26 and 1.27: generations have an end mark.
    Go1_26,
}

impl Version {
    /// Reads the header.
    ///
    /// # Errors
    ///
    /// [`Error::NotATrace`] (a trace cut within the header too), [`Error::OldFormat`], [`Error::UnknownVersion`].
    pub fn of(head: &[u8]) -> Result<Self, Error> {
        let minor = head
            .get(..HEADER_BYTES)
            .and_then(|header| header.strip_prefix(b"go 1."))
            .and_then(|header| header.strip_suffix(b" trace\0\0\0"))
            .and_then(|digits| std::str::from_utf8(digits).ok());
        match minor {
            Some("22") => Ok(Self::Go1_22),
            Some("23") => Ok(Self::Go1_23),
            Some("25") => Ok(Self::Go1_25),
            Some("26") => Ok(Self::Go1_26),
            Some(minor @ ("11" | "19" | "21")) => Err(Error::OldFormat { version: format!("go 1.{minor}") }),
            Some(minor) => Err(Error::UnknownVersion { version: format!("go 1.{minor}") }),
            None => {
                let shown = head.get(..HEADER_BYTES).unwrap_or(head);
                Err(Error::NotATrace { prefix: shown.escape_ascii().to_string() })
            }
        }
    }

    /// Whether each generation ends with a mark of its own.
    pub(crate) fn marks_ends(self) -> bool {
        self >= Self::Go1_26
    }

    /// Whether frequency and wall clock come in a batch of synchronisation.
    pub(crate) fn has_clock_snapshots(self) -> bool {
        self >= Self::Go1_25
    }

    /// Whether batches of experiments may occur. Go's reader takes them in every version; only 1.23 writes them.
    pub(crate) fn has_experiments(self) -> bool {
        self >= Self::Go1_23
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Go1_22 => "go 1.22",
            Self::Go1_23 => "go 1.23",
            Self::Go1_25 => "go 1.25",
            Self::Go1_26 => "go 1.26",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Version;

    #[track_caller]
    fn check(head: &[u8], expected: Result<Version, &str>) {
        assert_eq!(Version::of(head).map_err(|e| e.to_string()), expected.map_err(str::to_owned));
    }

    #[test]
    fn every_version_since_go_1_22_is_read() {
        check(b"go 1.22 trace\0\0\0\x01", Ok(Version::Go1_22));
        check(b"go 1.23 trace\0\0\0", Ok(Version::Go1_23));
        check(b"go 1.25 trace\0\0\0", Ok(Version::Go1_25));
        check(b"go 1.26 trace\0\0\0", Ok(Version::Go1_26));
    }

    #[test]
    fn others_are_refused_by_name() {
        check(
            b"go 1.21 trace\0\0\0",
            Err("execution trace of \"go 1.21\": the format before go 1.22 is not read"),
        );
        check(
            b"go 1.24 trace\0\0\0",
            Err("execution trace of unknown version \"go 1.24\"; known are go 1.22, 1.23, 1.25 and 1.26"),
        );
        check(b"go 1.26 trace\0\0", Err("not an execution trace: \"go 1.26 trace\\x00\\x00\""));
        check(b"Could not enable tracing", Err("not an execution trace: \"Could not enable\""));
    }
}
