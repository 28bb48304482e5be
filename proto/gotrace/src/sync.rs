//! How long a unit of time is, and which wall clock it was: a frequency alone before Go 1.25, since then together with
//! a snapshot of the clocks.
//!
//! Go 1.27, `internal/trace/generation.go` `setSyncBatch`.

use crate::event::Ticks;
use crate::varint::{read, read_all};
use crate::{Version, wire};

/// The clocks of one moment: the only way from times of a trace to dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockSnapshot {
    /// The time in units of the trace.
    pub time: Ticks,
    /// The monotonic clock, in nanoseconds.
    pub monotonic_ns: u64,
    /// The wall clock: seconds since 1970.
    pub wall_s: u64,
    /// And nanoseconds of the second.
    pub wall_ns: u64,
}

/// What a generation says of time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sync {
    /// 0 until it is said.
    pub(crate) units_per_second: u64,
    pub(crate) snapshot: Option<ClockSnapshot>,
}

impl Sync {
    /// Takes the payload of a batch, marker included where the version has one.
    pub(crate) fn add(&mut self, version: Version, time: u64, payload: &[u8]) -> Result<(), &'static str> {
        let mut at = usize::from(version.has_clock_snapshots());
        while let Some(kind) = payload.get(at) {
            match *kind {
                wire::FREQUENCY if self.units_per_second == 0 => {
                    let (units, after) = read(payload, at + 1).ok_or("a frequency without its value")?;
                    if units == 0 {
                        return Err("a frequency of zero");
                    }
                    self.units_per_second = units;
                    at = after;
                }
                wire::CLOCK_SNAPSHOT if version.has_clock_snapshots() && self.snapshot.is_none() => {
                    let ([later, monotonic_ns, wall_s, wall_ns], after) =
                        read_all::<4>(payload, at + 1).ok_or("a clock snapshot without its values")?;
                    let time = Ticks(time.wrapping_add(later));
                    self.snapshot = Some(ClockSnapshot { time, monotonic_ns, wall_s, wall_ns });
                    at = after;
                }
                _ => return Err("something else, or the same twice, in a synchronisation"),
            }
        }
        Ok(())
    }

    /// Whether all is there that the version always says.
    pub(crate) fn check(&self, version: Version) -> Result<(), &'static str> {
        if self.units_per_second == 0 {
            return Err("a generation without a frequency");
        }
        if version.has_clock_snapshots() && self.snapshot.is_none() {
            return Err("a generation without a clock snapshot");
        }
        Ok(())
    }
}
