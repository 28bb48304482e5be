//! Recorded traces as they are, cut at every byte and with bytes changed: what they tell, and that nothing can make the
//! decoder panic, hang or take more than the trace is worth.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this crate is a test"
)]

mod claims;
mod cuts;
mod mutations;

use std::path::Path;
use std::{fs, io};

use linger_gotrace::summary::{Summarizer, Summary};
use linger_gotrace::{Error, Options, Read, Source, read};

/// Every Go of which there is a trace in this format.
const VERSIONS: [&str; 6] = ["go1.22", "go1.23", "go1.24", "go1.25", "go1.26", "go1.27"];

/// The busy recording of a version.
fn recording(version: &str) -> Vec<u8> {
    recorded(version, "short.trace")
}

fn recorded(version: &str, name: &str) -> Vec<u8> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/recordings"));
    fs::read(folder.join(version).join(name)).unwrap()
}

fn summarise(trace: &[u8], options: &Options) -> (Result<Read, Error>, Summary) {
    let mut summarizer = Summarizer::new();
    let read = read(&trace, options, &mut summarizer);
    let end = read.as_ref().ok().map(|read| read.end);
    (read, summarizer.finish(end))
}

/// The same bytes behind a reader that fails at one place.
struct Failing<'a> {
    bytes: &'a [u8],
    from: u64,
}

impl Source for Failing<'_> {
    fn bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        if offset + into.len() as u64 > self.from {
            return Err(io::Error::other("no"));
        }
        self.bytes.read_at(offset, into)
    }
}
