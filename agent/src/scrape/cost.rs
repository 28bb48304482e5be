//! What a scrape is predicted to have cost the service, in CPU time.
//!
//! Over HTTP nobody can measure it. A goroutine profile keeps a core busy for as long as it takes, so its own
//! duration is the bound. The other endpoints' figures were measured per request on Go 1.26 (26 frames a
//! stack) and grow with the goroutine count as given; a handler that sleeps (VictoriaMetrics' mutex endpoint
//! waits 10 s) would be misjudged by its duration.

use linger_config::CollectorKind;
use std::time::Duration;

/// Most that a failed request is taken to have cost: at half a percent of a core it is tried again within ten minutes.
pub const FAILED_MAX: Duration = Duration::from_secs(3);

/// CPU time one request of `kind` costs a service with `goroutines`, when it took `took` from request to last
/// byte.
#[must_use]
pub fn predicted(kind: CollectorKind, took: Duration, window_s: u64, goroutines: u64) -> Duration {
    let micros = |base: f64, per_goroutine: f64| {
        Duration::from_secs_f64((base + per_goroutine * goroutines as f64) / 1e6)
    };
    match kind {
        CollectorKind::Goroutine => took,
        CollectorKind::Count => micros(500.0, 0.0),
        CollectorKind::Heap | CollectorKind::Mutex | CollectorKind::Block => took.min(micros(3_000.0, 0.0)),
        CollectorKind::Cpu => micros(300.0 * window_s as f64, 0.9),
        CollectorKind::Trace => micros(10_000.0 * window_s as f64, 1.3),
    }
}

#[cfg(test)]
mod tests {
    use super::predicted;
    use linger_config::CollectorKind as Kind;
    use std::time::Duration;

    #[test]
    fn a_sleeping_handler_is_not_taken_for_a_busy_one() {
        let slow = Duration::from_secs(10);
        assert_eq!(predicted(Kind::Mutex, slow, 0, 100), Duration::from_millis(3));
        assert_eq!(predicted(Kind::Goroutine, slow, 0, 100), slow);
        assert!(predicted(Kind::Cpu, slow, 5, 100_000) > Duration::from_millis(80));
    }
}
