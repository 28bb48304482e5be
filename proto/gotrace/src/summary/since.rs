//! Since when a goroutine is in its state. One that was there before the trace counts from the start of the window, so
//! that in the room of the time stands who it is, until something happens to it.

use crate::event::GoroutineId;

/// A time since the start of the window, or a goroutine that has been silent since then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Since(u64);

/// Marks silent ones. No time of the clock reaches it.
const SILENT: u64 = 1 << 63;

impl Since {
    /// The start of the window.
    pub(super) const START: Self = Self(0);

    /// A time, which is below 2^63.
    #[inline(always)]
    pub(super) fn at(ns: u64) -> Self {
        Self(ns & !SILENT)
    }

    /// The start of the window, for a goroutine that was there before. The runtime counts goroutines from 1, so that one
    /// beyond 2^63 is nobody's; it is not remembered.
    pub(super) fn before(id: GoroutineId) -> Self {
        if id.0 < SILENT { Self(id.0 | SILENT) } else { Self::START }
    }

    /// The time.
    #[inline(always)]
    pub(super) fn ns(self) -> u64 {
        if self.0 < SILENT { self.0 } else { 0 }
    }

    /// Who it is, when nothing has happened to it.
    pub(super) fn silent(self) -> Option<GoroutineId> {
        (self.0 >= SILENT).then_some(GoroutineId(self.0 & !SILENT))
    }
}

#[cfg(test)]
mod tests {
    use super::{GoroutineId, Since};

    #[test]
    fn a_silent_goroutine_is_there_since_the_start_and_is_named() {
        let told = [Since::at(7), Since::before(GoroutineId(7)), Since::before(GoroutineId(u64::MAX))]
            .map(|since| (since.ns(), since.silent()));
        assert_eq!(told, [(7, None), (0, Some(GoroutineId(7))), (0, None)]);
    }
}
