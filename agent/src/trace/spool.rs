//! Bytes of a trace that are in no file: a small one stays in memory, a larger one goes into a file that has no name and
//! is gone with us. Refuses more than its limit.

use linger_gotrace::Source;
use std::fmt;
use std::io::{self, Read, Seek, Write};
use tempfile::{SpooledData, SpooledTempFile};

/// Bytes kept in memory: the trace of a usual second. Where no file can be written, as with a read-only root without
/// /tmp, larger ones are refused.
const MEMORY_BYTES_MAX: usize = 8 << 20;

/// Bytes moved at a time.
const PIECE_BYTES: usize = 64 << 10;

/// How a gzip begins (RFC 1952, 2.3.1).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Takes bytes in.
#[derive(Debug)]
pub struct Spool {
    to: SpooledTempFile,
    bytes: u64,
    bytes_max: u64,
}

/// Why bytes were not taken.
#[derive(Debug)]
pub enum SpoolError {
    /// There are more than the limit, which what was taken is filled up to.
    TooLarge {
        /// The limit.
        bytes_max: u64,
    },
    /// They could not be written.
    Write(io::Error),
    /// They could not be read.
    Read(io::Error),
}

impl fmt::Display for SpoolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { bytes_max } => write!(f, "more than {bytes_max} bytes"),
            Self::Write(e) => write!(f, "keeping it in {}: {e}", std::env::temp_dir().display()),
            Self::Read(e) => write!(f, "{e}"),
        }
    }
}

impl Spool {
    /// An empty one.
    #[must_use]
    pub fn new(bytes_max: u64) -> Self {
        Self { to: tempfile::spooled_tempfile(MEMORY_BYTES_MAX), bytes: 0, bytes_max }
    }

    /// Bytes taken so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes a piece in, as far as it fits.
    ///
    /// # Errors
    /// It does not fit, or cannot be written.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), SpoolError> {
        let room = usize::try_from(self.bytes_max.saturating_sub(self.bytes)).unwrap_or(usize::MAX);
        let fits = piece.get(..room).unwrap_or(piece);
        self.to.write_all(fits).map_err(SpoolError::Write)?;
        self.bytes += fits.len() as u64;
        if fits.len() < piece.len() {
            return Err(SpoolError::TooLarge { bytes_max: self.bytes_max });
        }
        Ok(())
    }

    /// Takes in all that a reader gives.
    ///
    /// # Errors
    /// It fails, or there is more than fits; what came before is kept.
    pub fn fill(&mut self, from: &mut impl Read) -> Result<(), SpoolError> {
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            let read = match from.read(&mut piece) {
                Ok(0) => return Ok(()),
                Ok(read) => read,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(SpoolError::Read(e)),
            };
            self.push(piece.get(..read).unwrap_or(&[]))?;
        }
    }

    /// What was taken, to be read.
    ///
    /// # Errors
    /// The file cannot be looked at.
    pub fn finish(mut self) -> Result<Spooled, SpoolError> {
        self.to.rewind().map_err(SpoolError::Write)?;
        match self.to.into_inner() {
            SpooledData::InMemory(bytes) => Ok(Spooled::Memory(bytes.into_inner())),
            SpooledData::OnDisk(file) => {
                linger_gotrace::Spooled::new(file).map(Spooled::File).map_err(SpoolError::Write)
            }
        }
    }
}

/// Bytes of a trace, wherever they are.
#[derive(Debug)]
pub enum Spooled {
    /// In memory.
    Memory(Vec<u8>),
    /// In a file, which is as long as it was when it was opened.
    File(linger_gotrace::Spooled),
}

impl Source for Spooled {
    fn bytes(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File(file) => file.bytes(),
        }
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        match self {
            Self::Memory(bytes) => bytes.as_slice().read_at(offset, into),
            Self::File(file) => file.read_at(offset, into),
        }
    }
}

impl Spooled {
    /// Whether this is a gzip.
    #[must_use]
    pub fn is_gzip(&self) -> bool {
        let mut head = [0; GZIP.len()];
        self.bytes() >= head.len() as u64 && self.read_at(0, &mut head).is_ok() && head == GZIP
    }

    /// What this gzip holds, and why not all of it where it is cut or too large.
    ///
    /// # Errors
    /// Nothing of it can be inflated, or kept.
    pub fn inflated(&self, bytes_max: u64) -> Result<(Self, Option<SpoolError>), SpoolError> {
        let mut spool = Spool::new(bytes_max);
        let mut from = flate2::read::MultiGzDecoder::new(self.reader());
        match spool.fill(&mut from) {
            Ok(()) => Ok((spool.finish()?, None)),
            Err(error @ SpoolError::Write(_)) => Err(error),
            Err(error) if spool.bytes() == 0 => Err(error),
            Err(error) => Ok((spool.finish()?, Some(error))),
        }
    }

    /// All of it from its beginning.
    #[must_use]
    pub fn reader(&self) -> impl Read {
        Reader { from: self, at: 0 }
    }
}

struct Reader<'a> {
    from: &'a Spooled,
    at: u64,
}

impl Read for Reader<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = self.from.bytes().saturating_sub(self.at);
        let room = usize::try_from(left).unwrap_or(usize::MAX).min(into.len());
        let into = into.get_mut(..room).unwrap_or(&mut []);
        self.from.read_at(self.at, into)?;
        self.at += into.len() as u64;
        Ok(into.len())
    }
}

#[cfg(test)]
mod tests {
    use super::{MEMORY_BYTES_MAX, Spool, SpoolError, Spooled};
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::{Read, Write};

    fn spooled(bytes: &[u8]) -> Spooled {
        let mut spool = Spool::new(u64::MAX);
        spool.push(bytes).unwrap();
        spool.finish().unwrap()
    }

    fn all_of(spooled: &Spooled) -> Vec<u8> {
        let mut all = Vec::new();
        spooled.reader().read_to_end(&mut all).unwrap();
        all
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn what_goes_in_comes_out_from_memory_and_from_a_file() {
        let small = spooled(b"go 1.26 trace");
        assert!(matches!(small, Spooled::Memory(_)) && all_of(&small) == b"go 1.26 trace");
        let bytes: Vec<u8> = (0..MEMORY_BYTES_MAX + 5).map(|i| i.to_le_bytes()[0]).collect();
        let large = spooled(&bytes);
        assert!(matches!(large, Spooled::File(_)) && all_of(&large) == bytes);
    }

    #[test]
    fn the_limit_keeps_what_fits_and_is_said() {
        let mut spool = Spool::new(5);
        spool.push(b"abc").unwrap();
        assert_eq!(spool.push(b"defg").unwrap_err().to_string(), "more than 5 bytes");
        assert_eq!(all_of(&spool.finish().unwrap()), b"abcde");
    }

    #[test]
    fn a_gzip_is_known_and_inflated_as_far_as_it_goes() {
        let text: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        let (plain, packed) = (spooled(&text), spooled(&gzip(&text)));
        assert!(!plain.is_gzip() && packed.is_gzip() && !spooled(b"\x1f").is_gzip());
        let (whole, missing) = packed.inflated(1 << 20).unwrap();
        assert!(all_of(&whole) == text && missing.is_none());
        let (short, missing) = packed.inflated(1000).unwrap();
        assert!(all_of(&short) == text[..1000] && matches!(missing, Some(SpoolError::TooLarge { .. })));
        let cut = gzip(&text);
        let (some, missing) = spooled(&cut[..cut.len() / 2]).inflated(1 << 20).unwrap();
        assert!(text.starts_with(&all_of(&some)) && matches!(missing, Some(SpoolError::Read(_))));
        assert!(spooled(b"\x1f\x8bnonsense").inflated(1 << 20).is_err());
    }
}
