//! What decoders may hold in an agent, and their refusal as a named state of the collector.
//!
//! One limit of the configuration, a collector's `body_bytes_max`, bounds its bodies as they come and once they are
//! inflated. What is larger than usual is measured before it is inflated, so that a gzip bomb takes time but no memory,
//! and then takes its place in the room that all targets share.

use crate::scrape::client::Answer;
use crate::scrape::client::memory::{INFLATED_FREE_BYTES, Inflating};
use crate::scrape::outcome::{Failure, State};
use linger_proto::{Error, Limits, pprof};

/// What the tables of a profile may take, as a multiple of its limit: those of recorded ones take up to 4.3 times their
/// inflated bytes by the decoder's own count.
const TABLES_PER_BYTE_MAX: usize = 5;

/// Decodes a profile in as much memory as its collector's limit allows and as there is room for.
pub(super) fn profile(answer: &Answer) -> Result<pprof::Profile, Failure> {
    let (body, bytes_max) = (&answer.body, answer.body_bytes_max);
    match pprof::decode(body, &limits(bytes_max.min(INFLATED_FREE_BYTES))) {
        Err(Error::TooLarge { limit: "decompressed_bytes_max" | "body_bytes_max", .. })
            if bytes_max > INFLATED_FREE_BYTES => {}
        done => return done.map_err(refused),
    }
    let bytes = pprof::inflated_bytes(body, bytes_max).map_err(refused)?;
    let _room = Inflating::beside(body, bytes).map_err(|_| {
        let why = format!("large answers of other targets leave no room to inflate {bytes} bytes just now");
        Failure::new(State::NoRoom, why)
    })?;
    let mut limits = limits(bytes);
    limits.body_bytes_max = bytes_max;
    pprof::decode(body, &limits).map_err(refused)
}

/// Limits of a body that may have `bytes_max`, as it comes and inflated.
pub(super) fn limits(bytes_max: usize) -> Limits {
    let mut limits = Limits::default();
    limits.body_bytes_max = bytes_max;
    limits.decompressed_bytes_max = bytes_max;
    limits.decoded_bytes_max = bytes_max.saturating_mul(TABLES_PER_BYTE_MAX);
    limits
}

/// Names a decoder's refusal.
pub(super) fn refused(error: Error) -> Failure {
    let state = match error {
        Error::TooLarge { limit: "body_bytes_max", .. } => State::TooLarge,
        Error::TooLarge { .. } => State::TooLargeInflated,
        Error::TruncatedGzip { .. } | Error::CutOff { .. } => State::Truncated,
        _ => State::NotPprof,
    };
    Failure::new(state, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::profile;
    use crate::scrape::client::Answer;
    use crate::scrape::outcome::State;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;
    use std::time::Duration;

    /// A profile that inflates to a little more than `bytes`.
    fn padded(bytes: usize) -> Vec<u8> {
        // profile.proto: sample_type is field 1, string_table field 6.
        let mut raw = vec![0x0a, 4, 8, 1, 16, 1, 0x32, 0, 0x32, 1, b'n'];
        for _ in 0..bytes >> 10 {
            raw.extend([0x32, 0x80, 0x08]);
            raw.extend([b'x'; 1 << 10]);
        }
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(&raw).unwrap();
        gzip.finish().unwrap()
    }

    #[track_caller]
    fn check(inflated: usize, body_bytes_max: usize, expected: Result<(), State>) {
        let answer =
            Answer { body: padded(inflated).into(), cut: None, body_bytes_max, took: Duration::ZERO };
        assert_eq!(profile(&answer).map(|_| ()).map_err(|f| f.state), expected);
    }

    #[test]
    fn the_configured_limit_is_the_one_that_holds() {
        const MIB: usize = 1 << 20;
        check(MIB, 8 * MIB, Ok(()));
        check(MIB, MIB, Err(State::TooLargeInflated));
        check(7 * MIB, 8 * MIB, Ok(()));
        check(9 * MIB, 8 * MIB, Err(State::TooLargeInflated));
        check(20 * MIB, 32 * MIB, Ok(()));
    }
}
