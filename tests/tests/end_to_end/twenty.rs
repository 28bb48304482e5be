//! Twenty real services on one agent at its defaults: Debian's five twice, and services built with several versions of
//! Go. `tests/soak/twenty` says how long; without it the run is short and shows only that all of them are watched.
//!
//! Punctuality is read from what was stored: a scrape's time is when it was asked for, and the turns of a collector lie
//! on a cadence of its interval. Of each target and collector, lateness is the distance of a turn from that cadence, whose
//! phase is that of its most punctual turn. No lateness is told of a collector whose interval is another than configured
//! at the end (it was widened to spare the service): these are counted.

use crate::agent::Agent;
use crate::environment;
use crate::peer::{self, Kind, Peer};
use crate::service::Service;
use crate::wait;
use linger::report::{Dot, Query, Status, TargetStatus};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How many.
const SERVICES: usize = 20;
/// Length of the short run: the first turn of every quick collector.
const SHORT: Duration = Duration::from_secs(40);
/// Between two looks at the agent.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// How long the services outlive the run: it takes them a while to start.
const LIFETIME_MARGIN: Duration = Duration::from_secs(600);

#[test]
fn twenty_services_are_watched_by_one_agent() {
    let length = environment::soak_minutes().map_or(SHORT, |m| Duration::from_secs(60 * m));
    let peers: Vec<Peer> = Kind::ALL.into_iter().chain(Kind::ALL).map(Peer::start).collect();
    let builds = environment::services_of_all_versions();
    let services: Vec<Service> = (peers.len()..SERVICES)
        .zip(builds.iter().cycle())
        .map(|(_, build)| Service::start_program(build, length + LIFETIME_MARGIN))
        .collect();
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    names.extend(peers.iter().map(|p| (p.url(), p.kind.program().to_owned())));
    names.extend(services.iter().zip(builds.iter().cycle()).map(|(s, build)| (s.url(), name_of(build))));
    assert_eq!(names.len(), SERVICES);

    let urls: Vec<&str> = names.keys().map(String::as_str).collect();
    let agent = Agent::with(1, &urls, &[]);
    let first = Look::at(&agent);
    println!("{}", Look::HEAD);
    let started = Instant::now();
    // From the middle on: the folders of a new store and the first turns of all are no measure of a day.
    let (mut middle, mut since) = (None, started);
    while started.elapsed() < length {
        std::thread::sleep(LOOK_EVERY.min(length.saturating_sub(started.elapsed())));
        let look = Look::at(&agent);
        println!("{}", look.row(started.elapsed()));
        if middle.is_none() && started.elapsed() * 2 >= length {
            (middle, since) = (Some(look), Instant::now());
        }
    }
    let last = Look::at(&agent);
    let middle = middle.expect("a look after the middle");
    let half_s = since.elapsed().as_secs_f64().max(1.0);
    // In the short run, collectors of a minute may still have to wait for their first turn.
    let status: Status = wait::until("all twenty are up", || {
        let status: Status = agent.ask(&["status"]);
        if status.targets.iter().all(|t| t.up) { Ok(status) } else { Err(states(&status.targets)) }
    });
    let seconds = started.elapsed().as_secs_f64();
    println!("\n{}", states(&status.targets));
    for target in &status.targets {
        let name = names.get(target.url.trim_end_matches('/')).expect("a target that was given");
        let states: Vec<String> =
            target.collectors.iter().map(|c| format!("{} {}", c.collector, c.state)).collect();
        println!("{name:34} duty {:.3} %  {}", target.duty_cycle * 100.0, states.join(", "));
        for collector in &target.collectors {
            assert!(peer::STATES.contains(&collector.state.as_str()), "{name}: {collector:?}");
        }
    }
    punctuality(&agent, &status.targets);
    let scrapes = scrapes(&status);
    println!("\nover {seconds:.0} s, {scrapes} scrapes:");
    println!("  RSS {:.1} MiB, peak {:.1} MiB, {} threads", last.rss_mib, last.peak_mib, last.threads);
    let cpu_ms = last.cpu_ms - first.cpu_ms;
    println!("  CPU {:.3} % of a core, {:.3} ms a scrape", cpu_ms / seconds / 10.0, cpu_ms / scrapes as f64);
    let stored = status.store.samples_acknowledged as f64;
    println!("  samples stored {stored:.0}, {:.1} million a day", stored / seconds * 86_400.0 / 1e6);
    println!("  CPU in the second half {:.3} % of a core", (last.cpu_ms - middle.cpu_ms) / half_s / 10.0);
    println!(
        "  disk {:.2} MiB; in the second half it grew by {:.3} MiB, which is {:.1} MiB a day: the log of what is not \
         sealed yet, so the most it can be (a stream is sealed after 480 turns); dropped {}, refused {}",
        last.disk_mib,
        last.disk_mib - middle.disk_mib,
        (last.disk_mib - middle.disk_mib) / half_s * 86_400.0,
        status.store.scrapes_dropped,
        status.store.scrapes_refused
    );
    let lost = (status.store.scrapes_dropped, status.store.scrapes_refused);
    assert_eq!(lost, (0, 0), "{:?}", status.store.last_refusal);
}

/// `go1.27.3/waits`.
fn name_of(build: &std::path::Path) -> String {
    let parts: Vec<_> = build.iter().rev().take(2).map(|p| p.to_string_lossy()).collect();
    format!("{}/{}", parts[1], parts[0])
}

/// How many targets are in each state.
fn states(targets: &[TargetStatus]) -> String {
    let mut n: BTreeMap<&str, usize> = BTreeMap::new();
    for target in targets {
        *n.entry(&target.state).or_default() += 1;
    }
    n.into_iter().map(|(state, n)| format!("{n} {state}")).collect::<Vec<_>>().join(", ")
}

fn scrapes(status: &Status) -> u64 {
    status.targets.iter().flat_map(|t| &t.collectors).map(|c| c.successes + c.failures).sum()
}

/// What the agent takes at a moment.
struct Look {
    rss_mib: f64,
    peak_mib: f64,
    cpu_ms: f64,
    threads: f64,
    disk_mib: f64,
}

impl Look {
    const HEAD: &'static str = "       s  RSS MiB     peak   CPU ms  threads  disk MiB";

    fn at(agent: &Agent) -> Self {
        let proc = PathBuf::from(format!("/proc/{}", agent.pid()));
        let status = std::fs::read_to_string(proc.join("status")).expect("the agent runs");
        let number = |name: &str| -> f64 {
            let line = status.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(':')).expect(name);
            line.split_whitespace().next().and_then(|n| n.parse().ok()).expect("a number")
        };
        let stat = std::fs::read_to_string(proc.join("stat")).expect("the agent runs");
        // proc(5): fields 14 and 15, in ticks of 10 ms, counted after the name.
        let after = stat.rsplit_once(')').expect("a name in brackets").1.split_whitespace().skip(11);
        let ticks: f64 = after.take(2).map(|n| n.parse::<f64>().expect("a number")).sum();
        Self {
            rss_mib: number("VmRSS") / 1024.0,
            peak_mib: number("VmHWM") / 1024.0,
            cpu_ms: ticks * 10.0,
            threads: number("Threads"),
            disk_mib: bytes_below(&agent.data()) as f64 / 1024.0 / 1024.0,
        }
    }

    fn row(&self, at: Duration) -> String {
        format!(
            "{:8.0} {:8.1} {:8.1} {:8.0} {:8.0} {:9.2}",
            at.as_secs_f64(),
            self.rss_mib,
            self.peak_mib,
            self.cpu_ms,
            self.threads,
            self.disk_mib
        )
    }
}

/// Sum of the lengths of all files below; one that is gone meanwhile counts nothing.
fn bytes_below(folder: &std::path::Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let length = |e: std::fs::DirEntry| match e.metadata() {
        Ok(meta) if meta.is_dir() => bytes_below(&e.path()),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    };
    entries.flatten().map(length).sum()
}

/// Prints how late the turns of each collector were, over all targets.
fn punctuality(agent: &Agent, targets: &[TargetStatus]) {
    let mut late: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    let (mut missed, mut widened) = (BTreeMap::<String, i64>::new(), BTreeMap::<String, usize>::new());
    for target in targets {
        let question = format!("linger_scrape_duration_seconds{{target=\"{}\"}}", target.target);
        let found: Query = agent.ask(&["query", &question, "--from", "now-24h"]);
        for series in &found.series {
            let kind = series.labels.get("collector").expect("a series of a collector");
            let collector = target.collectors.iter().find(|c| &c.collector == kind).expect("a collector");
            if (collector.every_s - collector.every_configured_s).abs() > 0.001 {
                *widened.entry(kind.clone()).or_default() += 1;
                continue;
            }
            let every_ms = (collector.every_s * 1000.0) as i64;
            let (turns_late, turns_missed) = lateness(&series.points, every_ms);
            late.entry(kind.clone()).or_default().extend(turns_late);
            *missed.entry(kind.clone()).or_default() += turns_missed;
        }
    }
    println!(
        "\n{:10} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}  ms late",
        "collector", "turns", "missed", "widened", "p50", "p99", "max"
    );
    for (kind, mut late) in late {
        late.sort_unstable();
        let at = |q: f64| late[((late.len() - 1) as f64 * q) as usize];
        println!(
            "{kind:10} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}",
            late.len(),
            missed.get(&kind).copied().unwrap_or(0),
            widened.get(&kind).copied().unwrap_or(0),
            at(0.5),
            at(0.99),
            at(1.0)
        );
        assert!(kind != "count" || late.len() > SERVICES, "{late:?}");
    }
}

/// How late each turn was, and how many turns of the cadence are not there.
fn lateness(points: &[Dot], every_ms: i64) -> (Vec<i64>, i64) {
    let Some(&(first, _)) = points.first() else { return (Vec::new(), 0) };
    let off: Vec<i64> = points
        .iter()
        .map(|(at, _)| (at - first + every_ms / 2).rem_euclid(every_ms) - every_ms / 2)
        .collect();
    let phase = off.iter().copied().min().unwrap_or(0);
    let last = points.last().map_or(first, |p| p.0);
    let turns = (last - first + every_ms / 2) / every_ms + 1;
    (off.iter().map(|o| o - phase).collect(), turns - points.len() as i64)
}

#[test]
fn lateness_is_told_from_the_most_punctual_turn() {
    let points = [(1_003, 0.0), (6_000, 0.0), (11_020, 0.0), (21_001, 0.0)];
    assert_eq!(lateness(&points, 5_000), (vec![3, 0, 20, 1], 1));
    assert_eq!(lateness(&[], 5_000), (vec![], 0));
}
