//! Where the bytes of a trace are: in memory, or spooled to a file. Batches are fetched when the turn of their events
//! comes, so a trace is never held whole. Refuses nothing: whoever opens one gives it bytes that do not change.

use std::io;

/// Bytes that can be read at any place.
pub trait Source {
    /// How many there are.
    fn bytes(&self) -> u64;

    /// Fills `into` from `offset` on.
    ///
    /// # Errors
    ///
    /// Whatever kept it from filling all of `into`.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()>;
}

impl Source for &[u8] {
    fn bytes(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(offset).ok();
        match start.and_then(|start| self.get(start..start.checked_add(into.len())?)) {
            Some(bytes) => into.copy_from_slice(bytes),
            None => return Err(io::ErrorKind::UnexpectedEof.into()),
        }
        Ok(())
    }
}

/// A spooled trace, as long as it was when it was opened.
#[cfg(unix)]
#[derive(Debug)]
pub struct Spooled {
    file: std::fs::File,
    bytes: u64,
}

#[cfg(unix)]
impl Spooled {
    /// Takes the file as it is now.
    ///
    /// # Errors
    ///
    /// When its length cannot be told.
    pub fn new(file: std::fs::File) -> io::Result<Self> {
        let bytes = file.metadata()?.len();
        Ok(Self { file, bytes })
    }
}

#[cfg(unix)]
impl Source for Spooled {
    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(&self.file, into, offset)
    }
}
