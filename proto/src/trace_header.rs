//! The first 16 bytes of an execution trace: which version wrote it. The events are for `linger-gotrace`.
//!
//! Format: `go 1.NN trace` and three NUL bytes. Go 1.22-1.27, `internal/trace/version/version.go`; before,
//! `runtime/trace.go`. Not every Go has a version of its own: 1.24 writes 1.23, 1.27 writes 1.26.

use crate::Error;

const FORMAT: &str = "an execution trace";

/// Bytes of the header.
pub const HEADER_BYTES: usize = 16;

/// The version of a trace's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TraceVersion {
    /// The NN of `go 1.NN`.
    pub minor: u8,
    /// How it is framed.
    pub family: TraceFamily,
}

/// The two formats of Go's traces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TraceFamily {
    /// One stream of events, written by Go 1.11 to 1.21.
    V1,
    /// Generations of batches, written since Go 1.22.
    V2,
}

/// Recognises a trace by its start.
///
/// # Errors
///
/// [`Error::NotWhatWasAsked`] for anything else (a trace cut within the header too), [`Error::TraceVersion`] for a
/// version nobody has read yet.
pub fn recognise(head: &[u8]) -> Result<TraceVersion, Error> {
    let minor = head
        .get(..HEADER_BYTES)
        .and_then(|header| header.strip_prefix(b"go 1."))
        .and_then(|header| header.strip_suffix(b" trace\0\0\0"))
        .and_then(|digits| std::str::from_utf8(digits).ok())
        .ok_or_else(|| Error::not(FORMAT, head))?;
    let family = match minor {
        "11" | "19" | "21" => TraceFamily::V1,
        "22" | "23" | "25" | "26" => TraceFamily::V2,
        _ => return Err(Error::TraceVersion { version: format!("go 1.{minor}") }),
    };
    let minor = minor.parse().map_err(|_| Error::TraceVersion { version: format!("go 1.{minor}") })?;
    Ok(TraceVersion { minor, family })
}

#[cfg(test)]
mod tests {
    use super::{TraceFamily, recognise};
    use crate::{Error, Looks};

    #[track_caller]
    fn check(head: &[u8], expected: (u8, TraceFamily)) {
        let version = recognise(head).unwrap();
        assert_eq!((version.minor, version.family), expected);
    }

    #[test]
    fn every_version_go_ever_wrote_is_named() {
        check(b"go 1.11 trace\0\0\0", (11, TraceFamily::V1));
        check(b"go 1.19 trace\0\0\0", (19, TraceFamily::V1));
        check(b"go 1.21 trace\0\0\0\x02", (21, TraceFamily::V1));
        check(b"go 1.22 trace\0\0\0\x01", (22, TraceFamily::V2));
        check(b"go 1.23 trace\0\0\0", (23, TraceFamily::V2));
        check(b"go 1.25 trace\0\0\0", (25, TraceFamily::V2));
        check(b"go 1.26 trace\0\0\0", (26, TraceFamily::V2));
    }

    #[test]
    fn versions_nobody_wrote_are_refused_by_name() {
        for (head, version) in [
            (b"go 1.24 trace\0\0\0", "go 1.24"),
            (b"go 1.99 trace\0\0\0", "go 1.99"),
            (b"go 1.\x1b[ trace\0\0\0", "go 1.\x1b["),
        ] {
            assert_eq!(recognise(head), Err(Error::TraceVersion { version: version.to_owned() }));
        }
    }

    #[test]
    fn what_is_no_trace_or_cut_within_its_header_is_refused() {
        let header = b"go 1.26 trace\0\0\0";
        for end in 0..header.len() {
            assert!(matches!(recognise(&header[..end]), Err(Error::NotWhatWasAsked { .. })));
        }
        let busy = recognise(b"Could not enable tracing: tracing is already enabled\n").unwrap_err();
        assert!(matches!(busy, Error::NotWhatWasAsked { looks: Looks::Text, .. }));
    }
}
