//! A decoder's refusal as a named state of the collector.

use crate::scrape::outcome::{Failure, State};
use linger_proto::Error;

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
