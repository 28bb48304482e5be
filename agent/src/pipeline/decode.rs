//! What decoders may hold in an agent, and their refusal as a named state of the collector.

use crate::scrape::client::memory::Inflating;
use crate::scrape::outcome::{Failure, State};
use linger_proto::{Error, Limits, pprof};

/// Decodes a profile in as much memory as there is room for.
pub(super) fn profile(body: &[u8]) -> Result<pprof::Profile, Failure> {
    let room = Inflating::begin();
    let mut limits = Limits::default();
    limits.decompressed_bytes_max = room.bytes_max;
    pprof::decode(body, &limits).map_err(refused)
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
