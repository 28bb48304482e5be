//! Five Go programs from Debian, side by side: real services with stacks nobody here wrote.
//!
//! The total of the goroutine profile must lie between the counts of the index page just before and just after, and
//! every collector must be in a state with a name. Short by default; `tests/soak/debian MINUTES` runs it longer.

mod clock;
mod prometheus;

use crate::agent::Agent;
use crate::environment;
use crate::peer::{self, Kind, Peer};
use crate::wait;
use linger::report::Query;
use std::time::{Duration, Instant};

/// The count moves while a profile is taken, by the handler's own goroutine and its connection's.
const SLACK: f64 = 2.0;
/// Length of the short run.
const SHORT: Duration = Duration::from_secs(20);
/// Slower than elsewhere: VictoriaMetrics' mutex profile takes ten seconds.
const TIME_SCALE: u32 = 12;

#[test]
fn five_debian_services_are_watched_side_by_side() {
    let mut peers: Vec<Peer> = Kind::ALL.into_iter().map(Peer::start).collect();
    let urls: Vec<String> = peers.iter().map(Peer::url).collect();
    let agent = Agent::with(TIME_SCALE, &urls.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
    let length = environment::soak_minutes().map_or(SHORT, |m| Duration::from_secs(60 * m));
    let started = Instant::now();
    wait::until("sites of all five", || {
        let states: Vec<_> = urls.iter().map(|u| agent.state(u, "goroutine")).collect();
        if states.iter().all(|s| s == "ok") { Ok(()) } else { Err(states) }
    });
    while started.elapsed() < length {
        std::thread::sleep(Duration::from_secs(1).min(length.saturating_sub(started.elapsed())));
    }
    println!(
        "{:26} {:>9} {:>8} {:>8} {:>8}  collectors",
        "service", "profiles", "between", "outside", "counts"
    );
    for peer in &mut peers {
        let target = agent.target(&peer.url());
        let last = target.goroutines.expect("a count").1;
        assert!((last - peer.goroutines() as f64).abs() <= 50.0, "{target:?}");
        for collector in &target.collectors {
            assert!(
                peer::STATES.contains(&collector.state.as_str()),
                "{}: {collector:?}",
                peer.kind.program()
            );
        }
        let (counts, totals) = series(&agent, &target.target);
        let outside: Vec<_> =
            totals.iter().filter(|&&(at, total)| !lies_between(&counts, at, total)).collect();
        let states: Vec<String> =
            target.collectors.iter().map(|c| format!("{} {}", c.collector, c.state)).collect();
        println!(
            "{:26} {:>9} {:>8} {:>8} {:>8}  {}",
            peer.kind.program(),
            totals.len(),
            totals.len() - outside.len(),
            outside.len(),
            counts.len(),
            states.join(", ")
        );
        assert!(!totals.is_empty() && counts.len() > 2, "{totals:?} {counts:?}");
        assert!(
            outside.len() * 10 <= totals.len(),
            "{}: outside {outside:?} of {counts:?}",
            peer.kind.program()
        );
    }
}

type Points = Vec<(i64, f64)>;

/// The counts of the index page, and the sums over all sites of the goroutine profile.
fn series(agent: &Agent, target: &str) -> (Points, Points) {
    let counts: Query = agent.ask(&["query", &format!("linger_goroutines{{target=\"{target}\"}}")]);
    let sites: Query = agent.ask(&["query", &format!("linger_goroutines_at_site{{target=\"{target}\"}}")]);
    let mut totals = std::collections::BTreeMap::<i64, f64>::new();
    for (at, value) in sites.series.iter().flat_map(|s| &s.points) {
        *totals.entry(*at).or_default() += value;
    }
    let counts = counts.series.into_iter().next().map(|s| s.points).unwrap_or_default();
    (counts, totals.into_iter().collect())
}

/// Whether a total lies between the smallest and the largest of the two counts around it, give or take `SLACK`.
/// The first and last profile may have a count on one side only.
fn lies_between(counts: &Points, at: i64, total: f64) -> bool {
    let before = counts.iter().rev().find(|c| c.0 <= at).map(|c| c.1);
    let after = counts.iter().find(|c| c.0 >= at).map(|c| c.1);
    let around: Vec<f64> = before.into_iter().chain(after).collect();
    let low = around.iter().copied().fold(f64::INFINITY, f64::min);
    let high = around.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    total >= low - SLACK && total <= high + SLACK
}
