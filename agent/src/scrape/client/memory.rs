//! What the bodies of all targets and their decoding together may hold: one service that answers without end must not
//! starve its neighbours of the agent's memory.
//!
//! Nobody waits here. A body that finds no room fails by name and its collector comes again, so that a target that
//! never finishes its answer cannot keep others from theirs.

use bytes::{Bytes, BytesMut};
use std::sync::atomic::{AtomicUsize, Ordering};

/// What every body may take without being counted: real profiles are 1 to 25 KB, and this many of them always fit.
const FREE_BYTES: usize = 128 * 1024;
/// What several bodies together may take beyond, and what is inflated from them. Whoever is alone may take what its own
/// limit says, so that raising a collector's `body_bytes_max` suffices.
const SHARED_BYTES_MAX: usize = 8 * 1024 * 1024;
/// What a profile may inflate to without being counted: usual ones have some hundred KB, and one is decoded at a time.
pub(crate) const INFLATED_FREE_BYTES: usize = 2 * 1024 * 1024;
/// Address space of a body that is no small one; only what is written to takes memory. Above glibc's
/// DEFAULT_MMAP_THRESHOLD_MAX (32 MiB, malloc/malloc.c), so that it is a mapping of its own: it goes back to the system
/// as soon as it is freed, and freeing it does not teach malloc to keep such sizes.
const LARGE_CAPACITY_BYTES: usize = 33 * 1024 * 1024;

/// What is taken of a room.
#[derive(Debug)]
struct Room(AtomicUsize);

/// That of all clients: memory is the process's.
static ROOM: Room = Room(AtomicUsize::new(0));

/// A body as it grows, with its share.
#[derive(Debug)]
pub(super) struct Body {
    bytes: BytesMut,
    share: Share,
}

/// Other bodies have taken the room.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoRoom;

impl Body {
    /// An empty one with room for what is announced, as far as it is free.
    pub(super) fn announced(bytes: usize) -> Self {
        Self::within(&ROOM, bytes)
    }

    fn within(room: &'static Room, announced: usize) -> Self {
        Self { bytes: BytesMut::with_capacity(announced.min(FREE_BYTES)), share: Share::none(room, 0) }
    }

    /// Takes a piece in.
    pub(super) fn push(&mut self, piece: &[u8]) -> Result<(), NoRoom> {
        let beyond = (self.bytes.len() + piece.len()).saturating_sub(FREE_BYTES);
        if beyond > 0 && self.share.bytes == 0 {
            self.bytes.reserve(LARGE_CAPACITY_BYTES - self.bytes.len());
        }
        self.share.grow_to(beyond)?;
        self.bytes.extend_from_slice(piece);
        Ok(())
    }

    /// The whole, which keeps its share until its last copy is gone.
    pub(super) fn whole(self) -> Bytes {
        if self.share.bytes == 0 { self.bytes.freeze() } else { Bytes::from_owner(self) }
    }
}

impl AsRef<[u8]> for Body {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// The room of what is inflated from one body, held while it is decoded.
#[derive(Debug)]
pub(crate) struct Inflating {
    _share: Share,
}

impl Inflating {
    /// Takes `bytes`, beside `body` which has its share already.
    pub(crate) fn beside(body: &[u8], bytes: usize) -> Result<Self, NoRoom> {
        Self::within(&ROOM, body.len(), bytes)
    }

    fn within(room: &'static Room, body: usize, bytes: usize) -> Result<Self, NoRoom> {
        let mut share = Share::none(room, body.saturating_sub(FREE_BYTES));
        share.grow_to(bytes)?;
        Ok(Self { _share: share })
    }
}

#[derive(Debug)]
struct Share {
    room: &'static Room,
    bytes: usize,
    /// What the same body has taken before.
    beside: usize,
}

impl Share {
    fn none(room: &'static Room, beside: usize) -> Self {
        Self { room, bytes: 0, beside }
    }

    fn grow_to(&mut self, bytes: usize) -> Result<(), NoRoom> {
        let more = bytes.saturating_sub(self.bytes);
        if more == 0 {
            return Ok(());
        }
        let fits = |taken: usize| {
            let sum = taken.checked_add(more)?;
            (taken <= self.bytes + self.beside || sum <= SHARED_BYTES_MAX).then_some(sum)
        };
        self.room.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).map_err(|_| NoRoom)?;
        self.bytes += more;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.room.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::{Body, FREE_BYTES, Inflating, NoRoom, Room, SHARED_BYTES_MAX};
    use std::sync::atomic::AtomicUsize;

    // Not the one that the other tests of this process use.
    static ROOM: Room = Room(AtomicUsize::new(0));

    #[test]
    fn large_bodies_share_one_room_one_alone_has_its_own_and_small_ones_always_fit() {
        let large = vec![0; SHARED_BYTES_MAX];
        let mut first = Body::within(&ROOM, 0);
        first.push(&large).unwrap();
        first.push(&large).unwrap();
        let whole = first.whole();
        let copy = whole.clone();
        assert!(Inflating::within(&ROOM, 0, 1).is_err(), "a neighbour has the room");
        let own = Inflating::within(&ROOM, copy.len(), 3 * large.len());
        assert!(own.is_ok(), "who is alone may inflate to its limit");
        drop(own);
        let mut second = Body::within(&ROOM, 0);
        second.push(&large[..FREE_BYTES]).unwrap();
        assert_eq!(second.push(&[0]), Err(NoRoom));
        let mut small = Body::within(&ROOM, usize::MAX);
        small.push(&large[..FREE_BYTES]).unwrap();
        drop(whole);
        assert_eq!(second.push(&[0]), Err(NoRoom), "a copy still holds it");
        assert_eq!(copy.len(), 2 * large.len());
        drop(copy);
        let inflating = Inflating::within(&ROOM, 0, SHARED_BYTES_MAX);
        assert!(inflating.is_ok());
        assert_eq!(second.push(&large), Err(NoRoom));
        drop(inflating);
        assert_eq!(second.push(&large), Ok(()));
    }
}
