//! What a decoder may be made to hold. All of it is memory of the agent, so all of it is bounded.

use crate::Error;

/// Limits of one decode. The defaults fit everything a real service was seen to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of a body as it came over the wire. Real profiles are 1-25 KB; 16 MiB is what a scrape may fetch.
    pub body_bytes_max: usize,
    /// Bytes after inflating. Gzip reaches 1000:1, so a small body promises nothing about this.
    pub decompressed_bytes_max: usize,
    /// Bytes that decoded tables may take. Two bytes on the wire can become a 32-byte label, so the limits above do
    /// not bound this.
    pub decoded_bytes_max: usize,
    /// Bytes of a single entry (sample, location, function) of a profile. Go stops a stack at 128 frames, about 1 KB.
    pub entry_bytes_max: usize,
    /// Bytes of one line of text. The longest real one is the `PauseNs` ring of a heap page, 2-5 KB.
    pub line_bytes_max: usize,
    /// Bytes of one goroutine in a text dump. Go prints at most 100 frames of it, about 20 KB.
    pub goroutine_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes_max: 16 << 20,
            decompressed_bytes_max: 64 << 20,
            decoded_bytes_max: 192 << 20,
            entry_bytes_max: 1 << 20,
            line_bytes_max: 64 << 10,
            goroutine_bytes_max: 1 << 20,
        }
    }
}

/// What is left of [`Limits::decoded_bytes_max`] in one decode.
#[derive(Debug)]
pub(crate) struct Budget {
    bytes_left: usize,
    bytes_max: usize,
}

impl Budget {
    pub(crate) fn of(limits: &Limits) -> Self {
        Self { bytes_left: limits.decoded_bytes_max, bytes_max: limits.decoded_bytes_max }
    }

    /// Counts memory that is about to be taken.
    pub(crate) fn spend(&mut self, bytes: usize) -> Result<(), Error> {
        let Some(bytes_left) = self.bytes_left.checked_sub(bytes) else {
            return Err(Error::TooLarge { limit: "decoded_bytes_max", bytes_max: self.bytes_max });
        };
        self.bytes_left = bytes_left;
        Ok(())
    }
}
