//! A decoder's refusal as a named state of the collector.

use crate::scrape::outcome::{Failure, State};
use linger_proto::Error;

/// Names a decoder's refusal.
pub(super) fn refused(error: Error) -> Failure {
    let state = match error {
        Error::TooLarge { .. } => State::TooLarge,
        Error::TruncatedGzip { .. } | Error::CutOff { .. } => State::Truncated,
        _ => State::NotPprof,
    };
    Failure::new(state, error.to_string())
}
