//! What the walk reads through: memory by address, from a process or from its program's file.

use std::fmt;

/// Why reading ended for good.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stop {
    /// The process ended.
    Gone,
    /// It is another process or another program by now.
    Replaced,
    /// We may not read it any more; why.
    Refused(String),
    /// The time that the census may take is over.
    OutOfTime,
    /// The program's file cannot be read; why.
    File(String),
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => f.write_str("the process ended"),
            Self::Replaced => f.write_str("another process or program took its place"),
            Self::Refused(why) => write!(f, "its memory may not be read any more: {why}"),
            Self::OutOfTime => f.write_str("out of time"),
            Self::File(why) => write!(f, "its program's file cannot be read: {why}"),
        }
    }
}

impl std::error::Error for Stop {}

/// A piece of memory that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Where it starts.
    pub address: u64,
    /// How long it is.
    pub bytes: usize,
}

/// Memory that changes while it is read.
pub trait Memory {
    /// Reads many pieces into `into`, one behind the other, whose length is their sum. What of them could be read is
    /// pushed to `readable`, piece by piece; the bytes of others are anything. One read a piece, where a memory has no
    /// better way.
    ///
    /// # Errors
    ///
    /// When nothing will be readable any more.
    fn read_pieces(
        &mut self,
        pieces: &[Piece],
        into: &mut [u8],
        readable: &mut Vec<bool>,
    ) -> Result<(), Stop> {
        let mut rest = into;
        for piece in pieces {
            let Some((part, after)) = rest.split_at_mut_checked(piece.bytes) else { break };
            readable.push(self.read(piece.address, part)?);
            rest = after;
        }
        Ok(())
    }

    /// Fills `into` from one address; false when it cannot be read there.
    ///
    /// # Errors
    ///
    /// As [`Memory::read_pieces`].
    fn read(&mut self, address: u64, into: &mut [u8]) -> Result<bool, Stop>;

    /// Makes sure that all read since the last time came from the same process, and that there is time left.
    ///
    /// # Errors
    ///
    /// When it did not, or there is none: what was read since is to be thrown away.
    fn confirm(&mut self) -> Result<(), Stop>;
}
