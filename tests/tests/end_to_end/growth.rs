//! A goroutine leak is named: class, function, file and line, with a slope whose interval holds the real one.

use crate::agent::Agent;
use crate::environment::Go;
use crate::service::Service;
use crate::wait;
use linger::report::{Trend, TrendSeries};
use std::time::{Duration, Instant};

#[test]
fn growing_site_is_named_on_the_oldest_go() {
    check(Go::Oldest);
}

#[test]
fn growing_site_is_named_on_the_newest_go() {
    check(Go::Newest);
}

/// Goroutines left behind per step, and how long a step is: 25 a second.
const STEP: u64 = 5;
const STEP_TAKES: Duration = Duration::from_millis(200);
/// Steps until `trend` is asked: more than the eight points and the ten minutes that a slope needs.
const STEPS: u32 = 100;

fn check(go: Go) {
    let service = Service::start(go, "defers");
    let agent = Agent::watching(&[&service.url()]);
    let started = Instant::now();
    for step in 0..STEPS {
        service.ask(&format!("/leak?n={STEP}"));
        std::thread::sleep((STEP_TAKES * (step + 1)).saturating_sub(started.elapsed()));
    }
    let per_hour = f64::from(STEPS) * STEP as f64 / started.elapsed().as_secs_f64() * 3600.0;
    let truth = service.truth();
    let site = &truth["leaked"]["site"];
    let found: TrendSeries = wait::until("trend holds every leaked goroutine", || {
        let trend: Trend = agent.ask(&["trend"]);
        let found = trend.targets[0].series.iter().find(|s| {
            s.site.as_ref().is_some_and(|s| {
                s.function == site["function"].as_str().unwrap()
                    && s.file == site["file"].as_str().unwrap()
                    && Some(s.line) == site["line"].as_u64()
            })
        });
        match found {
            Some(s) if s.last == truth["leaked"]["count"].as_f64().unwrap() => Ok(s.clone()),
            _ => Err(trend),
        }
    });
    assert_eq!(found.class.as_deref(), Some("chan receive"));
    let slope = found.slope_per_hour.expect("a slope after so many points");
    // The pace itself wavers on a busy machine, so the slope is held to a factor, not to its own interval.
    assert!(slope > per_hour / 2.0 && slope < per_hour * 2.0, "{slope} an hour where {per_hour} is true");
    let [low, high] = found.interval.expect("a slope has an interval");
    assert!(low > 0.0 && low <= slope && slope <= high, "[{low}, {high}] around {slope}");
    assert!(found.rising_since_ms.is_some(), "a start of the rise in {found:?}");

    let trend: Trend = agent.ask(&["trend"]);
    let fastest = trend.targets[0].series.first().and_then(|s| s.site.as_ref());
    assert_eq!(fastest.map(|s| s.function.as_str()), site["function"].as_str(), "the fastest comes first");
}
