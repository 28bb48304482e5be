//! Who speaks for a target's pending defers: counts in memory and heap profiles in turn, restarts and bounds.

use super::{Scene, facts};
use crate::pipeline::shown::ShownDefers;
use crate::pipeline::{Facts, Fetched, Job, Shown};
use crate::report::DefersHeld;
use crate::scrape::census::Taken;
use linger_config::CollectorKind;
use linger_gobin::audit::DeferKind;
use linger_gobin::census::{Counts, Holders, Place, Report, Site, SiteCount, Standing, Status};
use linger_probe::{Pid, ProcessId, StartTime};
use linger_series::{TimeMs, metric};
use std::sync::Arc;
use std::time::Duration;

const ALL: Counts =
    Counts { alive: 9, exact: 9, open_coded_unreadable: 0, lower_bound: 0, unstable: 0, not_reached: 0 };

fn pile(kind: DeferKind, function: &str, pending: u64) -> SiteCount {
    let place = Place { function: function.into(), file: "/src/a.go".into(), line: 14, start_line: 10 };
    SiteCount { site: Site { kind, place }, pending, goroutines: 1, most_in_one: pending, exact: true }
}

fn id(process: u32) -> ProcessId {
    ProcessId { pid: Pid(process), started: StartTime(1), placed: [0, 0], file: [0, 0] }
}

impl Scene {
    fn count(&mut self, process: u32, sites: Vec<SiteCount>, goroutines: Counts) {
        self.take(process, Report { sites, goroutines, ..Report::default() }, Vec::new());
    }

    /// One census of a process; who holds what is pending.
    fn take(&mut self, process: u32, report: Report, stranded: Vec<(Site, u64)>) -> DefersHeld {
        self.now += 1_000;
        let taken = Taken {
            report,
            open_files: Some(7),
            stranded,
            process: id(process),
            clock_ns: Some(90_000_000_000),
            cpu: Duration::from_millis(1),
            took: Duration::from_millis(1),
            due_within: Duration::from_secs(15),
        };
        let job = Job {
            target: "api".into(),
            kind: CollectorKind::Defers,
            at: TimeMs(self.now),
            window_s: 0,
            fetched: Ok(Fetched::Census(Arc::new(taken))),
            cost: None,
            symbols: None,
            program: None,
        };
        *self.worker.take(&job).held.expect("a census tells who holds")
    }

    /// What was told at the last time: kind, site, value, and `=`, `>=` or `~` by what is known of it.
    fn told(&self) -> Vec<String> {
        let at = |name: &str| {
            let newest = self.read(name).into_iter().filter_map(|s| Some((s.key.labels, *s.points.last()?)));
            newest.filter(|(_, p)| p.t.0 == self.now).collect::<Vec<_>>()
        };
        let highs = at(metric::DEFERS_PENDING_HIGH);
        let told = at(metric::DEFERS_PENDING).into_iter().map(|(labels, p)| {
            let high = highs.iter().find(|(of, _)| *of == labels).map(|(_, high)| high.v);
            let how = match high {
                Some(high) if high > p.v => "~",
                Some(_) => "=",
                None => ">=",
            };
            format!("{} {} {how} {}", labels.get("kind"), labels.get("site"), p.v)
        });
        told.collect()
    }
}

#[test]
fn counts_speak_while_they_come_and_the_profile_is_a_cross_check() {
    let mut scene = Scene::new();
    scene.scrape(CollectorKind::Goroutine, "goroutine.pb.gz");
    scene.count(
        7,
        vec![pile(DeferKind::Heap, "main.pile", 5_000), pile(DeferKind::Open, "main.serve", 3)],
        ALL,
    );
    assert_eq!(scene.told(), ["heap main.pile+4 = 5000", "open main.serve+4 = 3"]);
    scene.scrape(CollectorKind::Heap, "heap1.txt");
    assert!(scene.told().is_empty(), "the profile does not speak: {:?}", scene.told());
    let methods = scene.read(metric::DEFERS_PENDING_BY_METHOD);
    assert!(methods.iter().any(|s| s.key.labels.get("method") == "heap profile"));
    // Three intervals later nobody counts any more, and what only a count knew is not told to be none.
    scene.now += 60_000;
    scene.scrape(CollectorKind::Heap, "heap1.txt");
    let told = scene.told();
    assert!(told.len() > 1 && told.iter().all(|row| row.contains(" ~ ") && !row.contains("main.pile+4")));
    scene.count(7, Vec::new(), ALL);
    assert!(scene.told().contains(&"open main.serve+4 = 0".to_owned()), "{:?}", scene.told());
    assert!(scene.told().iter().all(|row| row.ends_with("= 0")), "{:?}", scene.told());
}

#[test]
fn what_was_not_seen_is_none_only_where_nothing_was_missed() {
    let mut scene = Scene::new();
    scene.count(7, vec![pile(DeferKind::Heap, "main.pile", 9), pile(DeferKind::Open, "main.serve", 3)], ALL);
    let running = Counts { exact: 8, open_coded_unreadable: 1, ..ALL };
    scene.count(7, vec![pile(DeferKind::Open, "main.other", 2)], running);
    assert_eq!(scene.told(), ["heap main.pile+4 = 0", "open main.other+4 >= 2"]);
    let cut_off = Counts { exact: 1, not_reached: 8, ..ALL };
    scene.count(7, vec![pile(DeferKind::Heap, "main.pile", 4)], cut_off);
    assert_eq!(scene.told(), ["heap main.pile+4 >= 4"]);
    scene.count(7, Vec::new(), ALL);
    assert_eq!(scene.told(), ["heap main.pile+4 = 0", "open main.other+4 = 0", "open main.serve+4 = 0"]);
}

#[test]
fn another_process_is_another_incarnation_from_its_first_count_on() {
    let mut scene = Scene::new();
    scene.scrape(CollectorKind::Heap, "heap1.txt");
    scene.count(7, vec![pile(DeferKind::Heap, "main.pile", 9)], ALL);
    let former = scene.now;
    scene.count(8, vec![pile(DeferKind::Heap, "main.pile", 1)], ALL);
    let series = scene.read(metric::INCARNATION);
    let seen: Vec<(i64, f64)> = series[0].points.iter().map(|p| (p.t.0, p.v)).collect();
    assert_eq!(seen, [(1_000, 1.0), (former, 1.0), (scene.now, 2.0)]);
    scene.scrape(CollectorKind::Heap, "heap1.txt");
    assert_eq!(scene.read(metric::INCARNATION)[0].points.last().unwrap().v, 2.0, "not counted twice");
}

fn place(function: &str, file: &str, line: u32) -> Place {
    Place { function: function.into(), file: file.into(), line, start_line: line - 1 }
}

/// Two statements of one line that goroutines hold who wait for a lock in a library below it.
fn held_at_a_lock(oldest: u64, wait_since_ns: u64) -> Report {
    let frames = [
        place("runtime.gopark", "/go/src/runtime/proc.go", 474),
        place("sync.(*Mutex).Lock", "/go/src/sync/mutex.go", 46),
        place("github.com/lib/pool.(*Pool).get", "/m/github.com/lib/pool@v1/pool.go", 30),
        place("main.serve", "/src/a.go", 14),
    ];
    let standing = Standing {
        status: Status::Waiting,
        wait_reason: Some("sync.Mutex.Lock"),
        frames: frames.into_iter().map(|place| [place].into()).collect(),
        frames_left_out: 3,
        is_whole: true,
        created_at: place("main.run", "/src/a.go", 50),
        start: place("main.run.func1", "/src/a.go", 51),
    };
    let holders = |site, pending, oldest| Holders {
        site,
        standing: 0,
        goroutines: 2,
        pending,
        most_in_one: pending,
        exact: true,
        oldest,
        wait_since_ns,
    };
    Report {
        sites: vec![pile(DeferKind::Open, "main.serve", 5), pile(DeferKind::Open, "main.serve", 2)],
        holders: vec![holders(0, 5, oldest), holders(1, 2, oldest + 1)],
        standings: vec![standing],
        goroutines: ALL,
        ..Report::default()
    }
}

#[test]
fn holders_are_told_by_line_with_where_they_stand_and_since_when_the_oldest_was_seen() {
    let mut scene = Scene::new();
    let held = scene.take(7, held_at_a_lock(40, 30_000_000_000), Vec::new());
    let [group] = held.groups.as_slice() else { panic!("one line, one place: {:?}", held.groups) };
    assert_eq!((group.kind.as_str(), group.site.as_str()), ("open", "main.serve+4"));
    assert_eq!((group.pending, group.goroutines, group.oldest, group.exact), (7, 2, 40, true));
    assert_eq!(group.waits_at_least_s, Some(60.0));
    let standing = &held.standings[group.standing];
    assert_eq!((standing.state.as_str(), standing.frames_left_out), ("sync.Mutex.Lock", 3));
    assert_eq!(standing.at.function, "github.com/lib/pool.(*Pool).get");
    assert_eq!(standing.created_at.function, "main.run");
    assert_eq!(standing.stack.len(), 4);
    let first = scene.now;
    let since = |held: DefersHeld| held.groups[0].oldest_seen_since_ms;
    assert_eq!(since(scene.take(7, held_at_a_lock(40, 0), Vec::new())), first, "the same goroutine");
    assert_eq!(since(scene.take(7, held_at_a_lock(44, 0), Vec::new())), scene.now, "another one");
    assert_eq!(since(scene.take(8, held_at_a_lock(44, 0), Vec::new())), scene.now, "another process");
}

#[test]
fn stacks_are_told_as_far_as_there_is_room() {
    let mut scene = Scene::new();
    let mut report = held_at_a_lock(1, 0);
    let deep: Vec<_> = (0..48).map(|_| report.standings[0].frames[3].clone()).collect();
    let standing = Standing { frames: deep, ..report.standings[0].clone() };
    report.standings = vec![standing; 20];
    let held = scene.take(7, report, Vec::new());
    let told: usize = held.standings.iter().map(|s| s.stack.len()).sum();
    assert_eq!((held.standings.len(), told), (20, 16 * 48));
    assert!(held.standings.iter().all(|s| s.at.function == "main.serve"), "where they stand is always told");
}

#[test]
fn what_will_never_run_is_told_by_site_until_it_is_gone() {
    let mut scene = Scene::new();
    let told = |scene: &Scene| -> Vec<(String, f64)> {
        let newest = scene.read(metric::DEFERS_STRANDED).into_iter();
        let newest = newest.map(|s| (s.key.labels.get("site").to_owned(), *s.points.last().unwrap()));
        newest.filter(|(_, p)| p.t.0 == scene.now).map(|(site, p)| (site, p.v)).collect()
    };
    let site = |kind, function| pile(kind, function, 1).site;
    let none = |goroutines| Report { goroutines, ..Report::default() };
    // Two kinds on one line are one site.
    let stranded = vec![
        (site(DeferKind::Open, "main.serve"), 3),
        (site(DeferKind::Heap, "main.serve"), 2),
        (site(DeferKind::Heap, "main.pile"), 7),
    ];
    scene.take(7, none(ALL), stranded);
    assert_eq!(told(&scene), [("main.pile+4".to_owned(), 7.0), ("main.serve+4".to_owned(), 5.0)]);
    let cut_off = Counts { exact: 1, not_reached: 8, ..ALL };
    scene.take(7, none(cut_off), vec![(site(DeferKind::Heap, "main.pile"), 8)]);
    assert_eq!(
        told(&scene),
        [("main.pile+4".to_owned(), 8.0)],
        "what was not reached is not told to be none"
    );
    scene.count(7, Vec::new(), ALL);
    assert_eq!(told(&scene), [("main.pile+4".to_owned(), 0.0), ("main.serve+4".to_owned(), 0.0)]);
}

#[test]
fn what_only_a_count_could_see_is_not_told_by_a_profile_after_a_restart_of_the_agent() {
    let mut scene = Scene::new();
    let place = |kind: &str, site: &str| (kind.to_owned(), site.to_owned());
    let pending = vec![
        (place("stack", "main.f+1"), 9e4, true),
        (place("heap", "main.g+1"), 900.0, true),
        (place("heap", "main.h+1"), 5e4, false),
    ];
    let defers = ShownDefers { pending, ..ShownDefers::default() };
    scene.worker.watch(Facts { shown: Shown { defers, ..Shown::default() }, ..facts() });
    scene.scrape(CollectorKind::Goroutine, "goroutine.pb.gz");
    scene.scrape(CollectorKind::Heap, "heap1.txt");
    let of_earlier: Vec<String> = scene
        .told()
        .into_iter()
        .filter(|row| ["main.f+1", "main.g+1", "main.h+1"].iter().any(|s| row.contains(s)))
        .collect();
    assert_eq!(of_earlier, ["heap main.h+1 ~ 0"]);
}

#[test]
fn an_earlier_agents_count_speaks_for_as_long_as_it_is_believed() {
    let mut scene = Scene::new();
    let defers = ShownDefers { counted_until: Some(TimeMs(60_000)), ..ShownDefers::default() };
    scene.worker.watch(Facts { shown: Shown { defers, ..Shown::default() }, ..facts() });
    scene.scrape(CollectorKind::Goroutine, "goroutine.pb.gz");
    scene.scrape(CollectorKind::Heap, "heap1.txt");
    assert!(scene.told().is_empty(), "{:?}", scene.told());
    scene.now += 60_000;
    scene.scrape(CollectorKind::Heap, "heap1.txt");
    assert!(!scene.told().is_empty());
}
