//! kill -9 of the agent at random moments: whatever a client was shown is there afterwards, and the trend goes on.

use crate::agent::Agent;
use crate::environment::Go;
use crate::service::Service;
use crate::wait;
use linger::report::{Query, Trend};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// Kills.
const KILLS: u32 = 30;
/// Longest time between two kills, in milliseconds: some fall into the start, some into steady scraping.
const MILLISECONDS_MAX: u64 = 1500;

/// Points by series, as shown: `(name and labels) -> t_ms -> value bits`.
type Shown = BTreeMap<String, BTreeMap<i64, u64>>;

#[test]
fn nothing_shown_is_lost_by_thirty_kills() {
    let service = Service::start(Go::Newest, "defers");
    let mut agent = Agent::watching(&[&service.url()]);
    let mut shown = Shown::new();
    for kill in 0..KILLS {
        service.ask("/leak?n=3");
        // The clock's nanoseconds are random enough, and each kill prints its own, so that a failure can be repeated.
        let nanoseconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_nanos();
        let pause = u64::from(nanoseconds) % MILLISECONDS_MAX;
        std::thread::sleep(Duration::from_millis(pause));
        for selector in ["linger_goroutines", "linger_goroutines_at_site", "linger_target_incarnation"] {
            remember(&mut shown, &agent.ask(&["query", selector]));
        }
        agent.kill();
        agent.start();
        let mut after = Shown::new();
        for selector in ["linger_goroutines", "linger_goroutines_at_site", "linger_target_incarnation"] {
            remember(&mut after, &agent.ask(&["query", selector]));
        }
        for (series, points) in &shown {
            let kept =
                after.get(series).unwrap_or_else(|| panic!("kill {kill} after {pause} ms lost {series}"));
            for (at, value) in points {
                assert_eq!(kept.get(at), Some(value), "kill {kill} after {pause} ms: {series} at {at}");
            }
        }
    }
    let points: usize = shown.values().map(BTreeMap::len).sum();
    assert!(points > KILLS as usize, "{points} points are too few for a test");
    println!("{KILLS} kills, {points} points shown before one, all there after it");

    // The service was one process throughout: the agent's own restarts are no incarnations, and growth is fitted across.
    let trend = wait::until("trend goes on", || {
        let trend: Trend = agent.ask(&["trend"]);
        let site = trend.targets[0]
            .series
            .iter()
            .find(|s| s.site.as_ref().is_some_and(|s| s.function == "main.waitForReply"));
        match site {
            Some(s) if s.last == f64::from(3 * KILLS) && s.slope_per_hour.is_some() => Ok(trend),
            _ => Err(trend),
        }
    });
    assert_eq!(trend.targets[0].restarts_ms, Vec::<i64>::new());
    assert!(agent.stop().success(), "SIGTERM is a clean end:\n{}", agent.log());
}

fn remember(shown: &mut Shown, query: &Query) {
    for series in &query.series {
        let points = shown.entry(format!("{}{:?}", series.name, series.labels)).or_default();
        points.extend(series.points.iter().map(|&(at, value)| (at, value.to_bits())));
    }
}
