//! What can be wrong with one event.

use std::io;

/// Why the order ends at an event.
#[derive(Debug)]
pub(crate) enum Fault {
    /// It goes on beyond its batch, or a number in it is none.
    BeyondBatch,
    /// Its bytes could not be fetched.
    Read(io::Error),
    /// A field of [`crate::Limits`] was passed.
    Limit { limit: &'static str, max: u64 },
    /// It contradicts those before it.
    Broken(&'static str),
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Advance {
    /// It was delivered.
    Done,
    /// Another one has to come first.
    NotYet,
}

/// What a rule says of an event.
pub(crate) type Verdict = Result<Advance, Fault>;

/// The verdict on an event that contradicts those before it.
pub(crate) fn broken<T>(reason: &'static str) -> Result<T, Fault> {
    Err(Fault::Broken(reason))
}
