//! pprof profiles: goroutine, heap, mutex, block, CPU and any other with `debug=0`.
//!
//! [`decode`] goes through the body once. Entries are decoded with the types that prost generates from
//! `pprof/profile.proto` ([`wire`]) into flat tables; then every index of every table is checked and turned into a
//! position. What is left, a [`Profile`], can be read without a way to fail.
//!
//! It refuses references that lead nowhere, a value too few and a string table that does not start with `""`, says which
//! entry it was, and makes nothing up: a location without a function stays without one.

mod entry;
mod fields;
mod profile;
mod resolve;
mod strings;
mod tables;

/// The types of the wire format, generated from `pprof/profile.proto`. For writing profiles, and for the decoder.
pub mod wire {
    include!(concat!(env!("OUT_DIR"), "/perftools.profiles.rs"));
}

pub use entry::{Frame, Function, Label, LabelValue, Mapping, Sample};
pub use profile::Profile;

use crate::{Error, Limits, Looks, gzip};

/// Decodes a profile, gzip (told by its magic) or plain.
///
/// # Errors
///
/// [`Error::NotPprof`] for something else entirely, [`Error::TruncatedGzip`] for a body that was cut, and otherwise
/// the first fault with its place. There is no partial profile: half a sample table would be false totals.
pub fn decode(body: &[u8], limits: &Limits) -> Result<Profile, Error> {
    if body.len() > limits.body_bytes_max {
        return Err(Error::TooLarge { limit: "body_bytes_max", bytes_max: limits.body_bytes_max });
    }
    if gzip::is_gzip(body) {
        decode_raw(&gzip::inflate(body, limits)?, limits)
    } else {
        decode_raw(body, limits)
    }
}

/// How many bytes a body has once it is inflated, when that is at most `max`; one that is not gzip has what it has. Costs
/// the time of inflating and no memory: a bomb is told so.
///
/// # Errors
///
/// [`Error::TooLarge`] for more, or what is wrong with the gzip stream.
pub fn inflated_bytes(body: &[u8], max: usize) -> Result<usize, Error> {
    match body.len() {
        _ if gzip::is_gzip(body) => gzip::inflated_bytes(body, max),
        n if n <= max => Ok(n),
        _ => Err(Error::TooLarge { limit: "decompressed_bytes_max", bytes_max: max }),
    }
}

/// Decodes an inflated profile.
fn decode_raw(raw: &[u8], limits: &Limits) -> Result<Profile, Error> {
    if Looks::at(raw) != Looks::Binary {
        return Err(Error::not_pprof(raw));
    }
    if raw.len() > limits.decompressed_bytes_max {
        return Err(Error::TooLarge {
            limit: "decompressed_bytes_max",
            bytes_max: limits.decompressed_bytes_max,
        });
    }
    resolve::resolve(tables::read(raw, limits)?)
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod agreement;
