//! What decoders may hold in an agent, and their refusal as a named state of the collector.

use crate::scrape::outcome::{Failure, State};
use linger_proto::{Error, Limits};

/// Bytes a profile may inflate to: with its body it stays below the agent's peak of 48 MiB, and the largest real one
/// seen has 7 MB.
const INFLATED_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The limits of each decode here.
pub(super) fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.decompressed_bytes_max = INFLATED_BYTES_MAX;
    limits
}

/// Names a decoder's refusal.
pub(super) fn refused(error: Error) -> Failure {
    let state = match error {
        // The limits on what a body becomes are ours alone; that on the body itself is the collector's.
        Error::TooLarge { limit: "body_bytes_max", .. } => State::TooLarge,
        Error::TooLarge { .. } => State::TooLargeInflated,
        Error::TruncatedGzip { .. } | Error::CutOff { .. } => State::Truncated,
        _ => State::NotPprof,
    };
    Failure::new(state, error.to_string())
}
