//! Waiting for something to become true: bounded, and loud about what was there instead.

use std::fmt::Debug;
use std::time::{Duration, Instant};

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Longest wait for anything that takes a few intervals at the time scales used here. Generous: two slow cores may
/// be shared with a build. Passing it is a failure that shows the last look.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Looks until `look` answers `Ok`; fails with the last `Err` once `PATIENCE` has passed.
#[track_caller]
pub(crate) fn until<T, E: Debug>(what: &str, mut look: impl FnMut() -> Result<T, E>) -> T {
    let started = Instant::now();
    loop {
        match look() {
            Ok(value) => return value,
            Err(last) => {
                assert!(
                    started.elapsed() < PATIENCE,
                    "{what}: not within {PATIENCE:?}; last look: {last:#?}"
                );
            }
        }
        std::thread::sleep(LOOK_EVERY);
    }
}
