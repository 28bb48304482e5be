//! What the bodies of all targets together may hold: one service that answers without end must not starve its
//! neighbours of the agent's memory.
//!
//! Nobody waits here. A body that finds no room fails by name and its collector comes again, so that a target that
//! never finishes its answer cannot keep others from theirs.

use bytes::{Bytes, BytesMut};
use std::sync::atomic::{AtomicUsize, Ordering};

/// What every body may take without being counted: real profiles are 1 to 25 KB, and this many of them always fit.
const FREE_BYTES: usize = 128 * 1024;
/// What all bodies together may take beyond: one of the largest size a scrape may fetch (16 MiB).
const SHARED_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Of all clients: memory is the process's.
static SHARED_BYTES: AtomicUsize = AtomicUsize::new(0);

/// A body as it grows, with its share.
#[derive(Debug, Default)]
pub(super) struct Body {
    bytes: BytesMut,
    share: Share,
}

/// Other bodies have taken the room.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoRoom;

impl Body {
    /// An empty one with room for what is announced, as far as it is free.
    pub(super) fn announced(bytes: usize) -> Self {
        Self { bytes: BytesMut::with_capacity(bytes.min(FREE_BYTES)), share: Share::default() }
    }

    /// Takes a piece in.
    pub(super) fn push(&mut self, piece: &[u8]) -> Result<(), NoRoom> {
        let beyond = (self.bytes.len() + piece.len()).saturating_sub(FREE_BYTES);
        self.share.grow_to(beyond)?;
        self.bytes.extend_from_slice(piece);
        Ok(())
    }

    /// The whole, which keeps its share until its last copy is gone.
    pub(super) fn whole(self) -> Bytes {
        if self.share.0 == 0 { self.bytes.freeze() } else { Bytes::from_owner(self) }
    }
}

impl AsRef<[u8]> for Body {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[derive(Debug, Default)]
struct Share(usize);

impl Share {
    fn grow_to(&mut self, bytes: usize) -> Result<(), NoRoom> {
        let more = bytes.saturating_sub(self.0);
        let fits = |taken: usize| taken.checked_add(more).filter(|sum| *sum <= SHARED_BYTES_MAX);
        SHARED_BYTES.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).map_err(|_| NoRoom)?;
        self.0 += more;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        SHARED_BYTES.fetch_sub(self.0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::{Body, FREE_BYTES, NoRoom, SHARED_BYTES_MAX};

    #[test]
    fn large_bodies_share_one_room_and_small_ones_always_fit() {
        let mut large = Body::default();
        let half = vec![0; SHARED_BYTES_MAX / 2];
        large.push(&half).unwrap();
        let whole = large.whole();
        let copy = whole.clone();
        let mut second = Body::default();
        second.push(&half[..FREE_BYTES]).unwrap();
        second.push(&half).unwrap();
        assert_eq!(second.push(&half), Err(NoRoom));
        let mut small = Body::announced(usize::MAX);
        small.push(&half[..FREE_BYTES]).unwrap();
        drop(whole);
        assert_eq!(second.push(&half), Err(NoRoom), "a copy still holds it");
        assert_eq!(copy.len(), half.len());
        drop(copy);
        assert_eq!(second.push(&half[..FREE_BYTES]), Ok(()));
    }
}
